"""The write path: source, mask, check, statement.  Nothing else writes rows.

Rows come block by block from a `TableRows`.  A block passes the masking
boundary, is held to its declared bounds, is rendered column by column and
goes out as multi-row INSERTs; then its digests go to the ledger.  The same
calls in the same order make a script and a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Protocol

from terp_seed.dialects.base import STATEMENT_CHARACTERS
from terp_seed.errors import PlanError
from terp_seed.ledger import Digests, Ledger, Range
from terp_seed.literals import (
    NULL,
    UnwritableError,
    canonical_cells,
    json_pieces,
    literals,
)
from terp_seed.plan import PlannedTable
from terp_seed.rows import Block, Bounds, Cells, TableRows, Value
from terp_seed.stream import Stream

__all__ = ["BLOCK_ROWS", "Masks", "Writer", "block_digests"]

BLOCK_ROWS = 5000

Progress = Callable[[str, int, int], None]
Keys = list[tuple[int | None, str, str]]


class Masker(Protocol):
    """What the masking boundary does to a block."""

    def apply(self, block: Block) -> Block:
        """Return the block to write; raise `MaskingError` rather than pass a doubt."""


Masks = Callable[[TableRows], Masker | None]
"""The masker for a table's rows; None where the policy has nothing to do."""


@dataclass
class Writer:
    """Writes planned tables to a stream, in the order of the plan.

    ``known`` are the ranges of earlier revisions.  Commits nothing.
    """

    stream: Stream
    ledger: Ledger
    masks: Masks
    known: dict[str, Range]
    progress: Progress = lambda table, done, total: None
    statement_characters: int = STATEMENT_CHARACTERS
    kept: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """Row numbers, by range, that an earlier rollback left in place."""
    _named: set[str] = field(default_factory=set)
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
        for table in _referred(rows):
            self._name(table)
        masker = self.masks(rows)
        first_last = rows.id is not None and not rows.skip_taken and rows.count > 1
        if first_last:  # made before the keys are taken: an application may be taking keys, too
            last = self._prepared(rows, rows.block(rows.count - 1, rows.count), masker)
        self._reserve(planned)
        keys = self._keys(rows, planned.range)
        done = 0
        if first_last:
            # The last row moves the server's key counter at once, so that an
            # application that inserts while we write gets keys above ours.
            done += self._insert(rows, planned.range, last, keys)
        for number, block in enumerate(rows.blocks(BLOCK_ROWS), start=1):
            ready = self._prepared(rows, block, masker)
            whole = not first_last or block.stop < rows.count
            part = ready if whole else _without_last(ready)
            done += self._insert(rows, planned.range, part, keys)
            self.stream.run(self.ledger.block(planned.range, number, self.digests(rows, ready)))
            self.progress(rows.table, block.stop, rows.count)
        return done

    def _reserve(self, planned: PlannedTable) -> None:
        if planned.range.number in self._reserved:
            return
        self._reserved.add(planned.range.number)
        what = f"revision {planned.range.revision}, table {planned.rows.table}"
        refs = {table: self._known(table) for table in _referred(planned.rows)}
        kept = self.kept.get(planned.range.number)
        if kept is not None and not kept:  # somebody removed what was kept
            self.stream.run(self.ledger.drop(planned.range), what=what)
        take = self.ledger.resume if kept else self.ledger.reserve
        self.stream.run(take(planned.range, planned.rows, refs), what=what)
        if planned.rows.id is not None:
            self._say(planned.range)

    def _name(self, table: str) -> None:
        """Let statements say the first key of a table's range."""
        coming = self._coming.get(table)
        if coming is not None and coming.range.number not in self._reserved:
            self._reserve(coming)
        elif table not in self._named:
            self._say(self._known(table))

    def _known(self, table: str) -> Range:
        try:
            return self.known[table]
        except KeyError:
            raise PlanError(f"table {table}: rows refer to it, but no revision seeds it") from None

    def _say(self, range_: Range) -> None:
        self._named.add(range_.name)
        for sql in self.ledger.dialect.name_key(range_.name, self.ledger.first_key(range_)):
            self.stream.run(sql)

    def _keys(self, rows: TableRows, range_: Range) -> Keys:
        keys: Keys = []
        if rows.id is not None:
            keys.append((0, range_.name, self.ledger.first_key(range_)))
        for place, column in enumerate(rows.columns.values(), start=len(keys)):
            if column.ref is not None:
                of = self.known[column.ref]
                keys.append((place, of.name, self.ledger.first_key(of)))
            for table in column.json_refs.values():
                of = self.known[table]
                keys.append((None, of.name, self.ledger.first_key(of)))
        return keys

    def _prepared(self, rows: TableRows, block: Block, masker: Masker | None) -> Block:
        ready = block if masker is None else masker.apply(block)
        for name, cells in ready.columns.items():
            _hold(rows, name, cells, block.start)
        return ready

    def _insert(self, rows: TableRows, range_: Range, block: Block, keys: Keys) -> int:
        start, columns = block.start, list(rows.columns)
        texts = [self._texts(rows, name, block.columns[name], start) for name in columns]
        if rows.id is not None:
            columns.insert(0, rows.id)
            texts.insert(0, list(map(str, range(start, block.stop))))
        lines = list(zip(*texts, strict=True))
        spared = self.kept.get(range_.number)
        if spared:
            lines = [line for at, line in enumerate(lines, start) if at not in spared]
        if rows.skip_taken:
            return self._insert_missing(rows, range_, columns, lines, keys)
        for first, chunk in self._statements(texts, lines):
            which = f"rows {start + first + 1} to {start + first + len(chunk)}"
            self.stream.note(f"{rows.table}: {which}")
            self.stream.run(
                self.ledger.dialect.insert(rows.table, columns, chunk, keys),
                rows=len(chunk),
                what=f"revision {range_.revision}, table {rows.table}, {which}",
            )
        return len(lines)

    def _insert_missing(
        self,
        rows: TableRows,
        range_: Range,
        columns: Sequence[str],
        lines: Sequence[tuple[str, ...]],
        keys: Keys,
    ) -> int:
        done = 0
        places = [columns.index(name) for name in rows.key]
        quote = self.ledger.dialect.quote
        for line in lines:
            taken = " AND ".join(f"{quote(columns[at])} = {line[at]}" for at in places)
            affected = self.stream.run(
                self.ledger.dialect.insert_missing(rows.table, columns, line, keys, taken),
                what=f"revision {range_.revision}, table {rows.table}",
            )
            done += 1 if affected is None else affected
        return done

    def _texts(self, rows: TableRows, name: str, cells: Cells, start: int) -> Sequence[str]:
        dialect = self.ledger.dialect
        try:
            if cells.json_refs:
                return [self._json(value, cells.json_refs) for value in cells.values]
            return literals(cells, dialect.text, dialect.binary, dialect.lookup)
        except UnwritableError as error:
            reason, place = error.args
            raise PlanError(
                f"table {rows.table}, column {name}, row {start + place + 1}: the value cannot be "
                f"written, {reason}"
            ) from None

    def _json(self, value: Value, refs: Mapping[str, str]) -> str:
        """A JSON text with keys in it that only the database knows."""
        dialect = self.ledger.dialect
        if value is None:
            return NULL
        texts: list[str] = []
        for text, table, number in json_pieces(value, refs):
            texts.append(dialect.text(text))
            if table is not None:
                texts.append(f"({dialect.key(self.known[table].name)} + {number})")
        return dialect.joined(texts)

    def _statements(
        self, texts: Sequence[Sequence[str]], lines: Sequence[tuple[str, ...]]
    ) -> Iterator[tuple[int, Sequence[tuple[str, ...]]]]:
        """Cut rows into statements by number, and by size where rows are large."""
        most = self.ledger.dialect.rows_per_statement
        widest = sum(max(map(len, column), default=0) for column in texts)
        if widest * most <= self.statement_characters:
            for first in range(0, len(lines), most):
                yield first, lines[first : first + most]
            return
        first = size = 0
        for place, line in enumerate(lines):
            size += sum(map(len, line))
            if place > first and (size > self.statement_characters or place - first == most):
                yield first, lines[first:place]
                first, size = place, sum(map(len, line))
        if lines:
            yield first, lines[first:]

    def made(self, rows: TableRows, spans: Iterable[tuple[int, int]]) -> Iterator[Block]:
        """Rows as they would be written, span by span: masked, and held to their bounds."""
        masker = self.masks(rows)
        for start, stop in spans:
            yield self._prepared(rows, rows.block(start, stop), masker)

    def digests(self, rows: TableRows, block: Block) -> Digests:
        """What the ledger keeps of one block."""
        row_keys = None
        if rows.id is None:
            texts = [self._texts(rows, n, block.columns[n], block.start) for n in rows.key]
            row_keys = list(zip(*texts, strict=True))
        return Digests(
            block.start,
            len(block),
            block_digests(block, [n for n in rows.columns if n not in rows.derived]),
            block_digests(block, rows.key) if rows.key else None,
            row_keys,
        )


def block_digests(block: Block, columns: Sequence[str]) -> bytes:
    """The packed 8-byte BLAKE2b digests of a block's rows over some columns."""
    texts = [canonical_cells(block.columns[name]) for name in columns]
    if not texts:
        return b""
    return b"".join(
        [
            blake2b("\x1f".join(row).encode(), digest_size=8).digest()
            for row in zip(*texts, strict=True)
        ]
    )


def _referred(rows: TableRows) -> list[str]:
    """The tables that rows refer to by row number."""
    found: dict[str, None] = {}
    for column in rows.columns.values():
        if column.ref is not None:
            found[column.ref] = None
        found.update(dict.fromkeys(column.json_refs.values()))
    return list(found)


def _without_last(block: Block) -> Block:
    columns = {
        name: Cells(cells.values[:-1], cells.scale, cells.ref, cells.json_refs)
        for name, cells in block.columns.items()
    }
    return Block(block.table, block.start, block.stop - 1, columns)


def _hold(rows: TableRows, name: str, cells: Cells, start: int) -> None:
    """Hold a column to the bounds its generator declared."""
    broken = _broken(rows.columns[name].bounds, cells.values)
    if broken:
        raise PlanError(
            f"table {rows.table}, column {name}, rows from {start + 1}: the seeder broke its own "
            f"declaration: {broken}"
        )


def _broken(bounds: Bounds, values: Sequence[Value]) -> str:
    if bounds.length is not None:
        longest = _longest(values)
        if longest > bounds.length:
            return f"a length of {longest} where at most {bounds.length} was promised"
    if bounds.choices is not None and not bounds.choices.issuperset(filter(None, values)):
        return "a value that is not among the promised ones"
    return ""


def _longest(values: Sequence[Value]) -> int:
    try:
        return max(map(len, filter(None, values)), default=0)
    except TypeError:  # a JSON column may hold numbers beside texts
        return max((len(v) for v in values if isinstance(v, str | bytes)), default=0)
