"""The write path: a block of rows is made, rendered and sent, and its digests go to the ledger.

The same calls make script and run.  The next block is made in a thread while the server takes this
one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import chain

from terp_seed.database.dialects import STATEMENT_CHARACTERS
from terp_seed.database.statements import Stream
from terp_seed.errors import PlanError
from terp_seed.ledger.ledger import Ledger, Range
from terp_seed.masking.boundary import MakeProver
from terp_seed.plan.plan import PlannedTable
from terp_seed.rows.model import TableRows
from terp_seed.run.prefetch import prefetch
from terp_seed.run.renderer import (
    FIRST_ROWS,
    CopyRenderer,
    Renderer,
    WriteStatement,
    is_copied,
    is_digested_there,
    referenced_tables,
)

__all__ = ["BLOCK_ROWS", "Writer"]

BLOCK_ROWS = 2000
"""The most rows that are made and digested together."""

_BLOCK_CHARACTERS = 1 << 20  # three blocks exist at a time, each in several forms

Progress = Callable[[str, int, int], None]

Batch = tuple[int, list[WriteStatement]]
"""The statements of a block, and how many rows of the table are done with them."""


@dataclass
class Writer:
    """Writes planned tables to a stream, in the order of the plan.

    ``known`` are the ranges of earlier revisions.  Commits nothing.
    """

    stream: Stream
    ledger: Ledger
    make_prover: MakeProver
    known: MutableMapping[str, Range]
    progress: Progress = lambda table, done, total: None
    statement_characters: int = STATEMENT_CHARACTERS
    retained: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """Row numbers, by range, that an earlier rollback left in place."""
    _bound: set[str] = field(default_factory=set)
    _reserved: set[int] = field(default_factory=set)
    _coming: dict[str, PlannedTable] = field(default_factory=dict)

    def announce(self, tables: Sequence[PlannedTable]) -> None:
        """Make the ranges of this revision known, so that its rows may refer to them."""
        coming = [planned for planned in tables if planned.rows.provenance == "synthetic"]
        self.known.update({planned.rows.table: planned.range for planned in coming})
        self._coming = {planned.rows.table: planned for planned in coming}

    def write(self, planned: PlannedTable) -> int:
        """Reserve the table's keys and write all of its rows; return how many went in.

        A script cannot know which rows it will leave out; it counts them all.
        """
        rows = planned.rows
        self.stream.note(f"\n{rows.table}: {rows.count} rows, {rows.provenance}")
        for table in referenced_tables(rows):
            self._bind_table(table)
        source = _render(self._renderer(rows, planned.range))
        with prefetch(source) if rows.count > BLOCK_ROWS else nullcontext(source) as batches:
            first = next(batches, None)  # made before the keys are taken, which others wait for
            self._reserve(planned)
            done = self._send(rows, batches if first is None else chain([first], batches))
        if rows.skip_taken:
            self.stream.run(self.ledger.end_at_last(planned.range), what="ledger")
        return done

    def complete(self, planned: PlannedTable) -> None:
        """Fill in the columns that refer to rows that were written later."""
        rows = planned.rows
        if rows.later:
            self.stream.note(f"\n{rows.table}: what refers to later rows")
            renderer = self._renderer(rows, planned.range)
            blocks = [*map(renderer.prepare, rows.blocks(BLOCK_ROWS))]
            for block in blocks:
                for statement in renderer.updates(block):
                    self._run(statement, None)
            for number, block in enumerate(blocks if renderer.stored else (), start=1):
                self._run(renderer.entry(number, block), None)

    def _renderer(self, rows: TableRows, range_: Range) -> Renderer:
        retained = self.retained.get(range_.number, frozenset())
        copied = self.ledger.dialect.stages_rows and not retained and is_copied(rows)
        return (CopyRenderer if copied else Renderer)(
            self.ledger,
            rows,
            range_,
            self.make_prover(rows),
            self.known,
            retained,
            self.statement_characters,
            is_digested_there(self.ledger, rows, retained),
        )

    def _send(self, rows: TableRows, batches: Iterator[Batch]) -> int:
        done = 0
        for stop, statements in batches:
            done += sum(self._run(statement, rows.id) for statement in statements)
            self.progress(rows.table, stop, rows.count)
        return done

    def _run(self, statement: WriteStatement, key: str | None) -> int:
        """Pass a statement on; return how many rows it put into the table."""
        self.stream.note(statement.note)
        what, rows = statement.what, statement.rows
        if statement.data is not None:
            self.stream.copy(statement.sql, statement.data, rows=rows, what=what)
            return 0  # they are staged
        exactly = rows if statement.exactly else None
        affected = self.stream.run(statement.sql, rows=exactly, what=what, key=key)
        return 0 if not rows else rows if affected is None else affected

    def _reserve(self, planned: PlannedTable) -> None:
        if planned.range.number in self._reserved:
            return
        self._reserved.add(planned.range.number)
        what = planned.range.label
        refs = {table: self._range_of(table) for table in referenced_tables(planned.rows)}
        retained = self.retained.get(planned.range.number)
        if retained is not None and not retained:  # the retained rows were deleted since
            self.stream.run(self.ledger.drop(planned.range), what=what)
        take = self.ledger.resume if retained else self.ledger.reserve
        stored = is_digested_there(self.ledger, planned.rows, retained or frozenset())
        self.stream.run(take(planned.range, planned.rows, refs, stored=stored), what=what)
        if planned.rows.id is not None:
            self._bind(planned.range)

    def _bind_table(self, table: str) -> None:
        """Bind the first key of a table's range to a name in SQL."""
        coming = self._coming.get(table)
        if coming is not None and coming.range.number not in self._reserved:
            self._reserve(coming)
        elif (range_ := self._range_of(table)).name not in self._bound:
            self._bind(range_)

    def _range_of(self, table: str) -> Range:
        try:
            return self.known[table]
        except KeyError:
            raise PlanError(f"table {table}: rows refer to it, but no revision seeds it") from None

    def _bind(self, range_: Range) -> None:
        self._bound.add(range_.name)
        for sql in self.ledger.dialect.name_key(range_.name, self.ledger.first_key(range_)):
            self.stream.run(sql)


def _render(renderer: Renderer) -> Iterator[Batch]:
    rows = renderer.rows
    before = renderer.begin()
    # An application that inserts in between then gets keys above the seeded ones.
    for number in renderer.ahead:
        before += renderer.inserts(renderer.prepare(rows.block(number, number + 1)))
    renderer = replace(renderer, retained=renderer.retained.union(renderer.ahead))
    if before:
        yield 0, before
    entries: list[WriteStatement] = []
    start, size, number = 0, FIRST_ROWS, 0
    while start < rows.count:
        number += 1
        stop = min(start + size, rows.count)
        block = renderer.prepare(rows.block(start, stop))
        inserts, entry = renderer.inserts(block), renderer.entry(number, block)
        if renderer.stored:
            entries.append(entry)
            yield stop, inserts
        else:
            yield stop, [*inserts, entry]
        written = sum(statement.size for statement in inserts) + 1
        size = min(BLOCK_ROWS, max(1, _BLOCK_CHARACTERS * (stop - start) // written))
        start = stop
    # The database makes digests of rows that are all there, and complete.
    if after := [*renderer.end(), *(() if rows.later else entries)]:
        yield rows.count, after
