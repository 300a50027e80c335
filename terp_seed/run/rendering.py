"""From a block of rows to the statements that write it: mask, check, render, digest.

Nothing here speaks to a database, so the next block can be made in a thread
while the server takes this one, and a script is made of the same statements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from terp_seed.database.dialects import STATEMENT_CHARACTERS, Piece, Written
from terp_seed.errors import PlanError
from terp_seed.ledger.ledger import Digests, Ledger, Range
from terp_seed.ledger.selection import equal_to
from terp_seed.masking.boundary import BlockMasker
from terp_seed.rows.digests import canonical_columns, packed
from terp_seed.rows.literals import NULL, UnwritableError, json_cells, json_pieces
from terp_seed.rows.model import Block, Bounds, Cells, TableRows, Value

__all__ = ["Renderer", "WriteStatement", "cut_into_statements", "referenced_tables"]


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WriteStatement:
    """One statement on its way out, or a COPY with its data."""

    sql: str
    rows: int = 0
    """How many rows it inserts."""
    exactly: bool = False
    """Whether it is an error if it inserts fewer."""
    what: str = ""
    note: str = ""
    data: str | None = None
    """The rows of a COPY, one a line."""

    @property
    def size(self) -> int:
        return len(self.sql) + len(self.data or "")


@dataclass(frozen=True)
class Renderer:
    """Turns the blocks of one table into statements."""

    ledger: Ledger
    rows: TableRows
    range: Range
    masker: BlockMasker | None
    known: Mapping[str, Range]
    """The ranges that the rows refer to, by table."""
    retained: frozenset[int] = frozenset()
    """Row numbers that are in the table already."""
    characters: int = STATEMENT_CHARACTERS
    """How long a statement may be."""

    def prepare(self, block: Block) -> Block:
        """The block as it is written: masked, held to what was declared, JSON as texts."""
        ready = block if self.masker is None else self.masker.apply(block)
        columns = {}
        for name, cells in ready.columns.items():
            _check_bounds(self.rows, name, cells, block.start)
            columns[name] = self._guarded(name, block.start, partial(json_cells, cells))
        return replace(ready, columns=columns)

    def inserts(self, block: Block) -> list[WriteStatement]:
        """The INSERTs of a prepared block."""
        columns = self._columns(block)
        texts = [text for column in columns for text in column.texts]
        keys = self._first_keys()
        if self.rows.skip_taken:
            return [self._insert_missing(columns, row, keys) for row in zip(*texts, strict=True)]
        lines = [*map(", ".join, zip(*texts, strict=True))]
        most = self.ledger.dialect.rows_per_statement
        return [
            self._insert(columns, start + first, chunk, keys)
            for start, stop in self.rows.spans(block.start, block.stop)
            for first, chunk in cut_into_statements(
                self._new(lines[start - block.start : stop - block.start], start),
                most,
                self.characters,
            )
        ]

    def _new(self, lines: Sequence[str], start: int) -> Sequence[str]:
        """The lines of rows that are not in the table already."""
        if not self.retained:
            return lines
        return [line for at, line in enumerate(lines, start) if at not in self.retained]

    def updates(self, block: Block) -> Iterator[WriteStatement]:
        """What fills in the columns of a prepared block that refer to later rows."""
        dialect, rows = self.ledger.dialect, self.rows
        names = rows.key if rows.id is None else [rows.id]
        keys = [self._literals(name, block) for name in rows.key] if rows.id is None else []
        still = [name for name in rows.columns if name not in (*rows.later, *names)]
        for name in rows.later:
            cells = zip(block.columns[name].values, self._literals(name, block), strict=True)
            for place, (value, text) in enumerate(cells):
                if value is None or block.start + place in self.retained:
                    continue
                number = f"{self.ledger.first_key(self.range)} + {block.start + place}"
                key = [number] if rows.id is not None else [column[place] for column in keys]
                sql = dialect.update(rows.table, names, [name], [[*key, text]], still)
                yield WriteStatement(sql, what=self.range.label)

    def begin(self) -> list[WriteStatement]:
        return []

    def end(self) -> list[WriteStatement]:
        return []

    @property
    def ahead(self) -> Sequence[int]:
        """The rows that go in first: the last one, which moves the server's key counter at once.

        Before it those that it refers to.
        """
        rows = self.rows
        if rows.id is None or rows.skip_taken or rows.count < 2:
            return ()
        return [*(rows.order.ahead if rows.order else ()), rows.count - 1]

    def entry(self, number: int, block: Block) -> WriteStatement:
        """The ledger's entry of a prepared block, counted from 1."""
        return WriteStatement(self.ledger.block(self.range, number, self.digests(block)))

    def digests(self, block: Block) -> Digests:
        """What the ledger keeps of a prepared block."""
        rows = self.rows
        columns = [name for name in rows.columns if name not in rows.derived]
        texts = canonical_columns(block, list(dict.fromkeys([*columns, *rows.key])))
        row_keys = None
        if rows.id is None:
            row_keys = list(zip(*[self._literals(n, block) for n in rows.key], strict=True))
        return Digests(
            block.start,
            len(block),
            packed(texts, columns),
            packed(texts, rows.key) if rows.key else None,
            row_keys,
        )

    def _insert(
        self, columns: Sequence[Written], first: int, lines: Sequence[str], keys: Mapping[str, str]
    ) -> WriteStatement:
        which = f"rows {first + 1} to {first + len(lines)}"
        return WriteStatement(
            self.ledger.dialect.insert(self.rows.table, columns, lines, keys),
            rows=len(lines),
            exactly=True,
            what=f"{self.range.label}, {which}",
            note=f"{self.rows.table}: {which}",
        )

    def _insert_missing(
        self, columns: Sequence[Written], row: Sequence[str], keys: Mapping[str, str]
    ) -> WriteStatement:
        dialect = self.ledger.dialect
        names = [column.name for column in columns]
        places = map(names.index, self.rows.key)
        taken = equal_to(map(dialect.quote, self.rows.key), [row[place] for place in places])
        return WriteStatement(
            dialect.insert_missing(self.rows.table, columns, row, keys, taken),
            rows=1,
            what=self.range.label,
        )

    def _columns(self, block: Block) -> list[Written]:
        dialect = self.ledger.dialect
        columns = []
        if self.rows.id is not None:
            numbers = [*map(str, range(block.start, block.stop))]
            columns.append(dialect.numbers(self.rows.id, numbers, self.range.name))
        for name, cells in block.columns.items():
            if cells.json_refs:
                columns.append(dialect.documents(name, self._documents(cells)))
                continue
            texts = [NULL] * len(block) if name in self.rows.later else self._literals(name, block)
            if cells.ref is None:
                columns.append(Written(name, [texts]))
            else:
                columns.append(dialect.numbers(name, texts, self.known[cells.ref].name))
        return columns

    def _literals(self, name: str, block: Block) -> Sequence[str]:
        cells = block.columns[name]
        return self._guarded(name, block.start, partial(self.ledger.dialect.literals, cells))

    def _guarded(self, name: str, start: int, make: Callable[[], T]) -> T:
        try:
            return make()
        except UnwritableError as error:
            reason, place = error.args
            raise PlanError(
                f"table {self.rows.table}, column {name}, row {start + place + 1}: the value "
                f"cannot be written, {reason}"
            ) from None

    def _documents(self, cells: Cells) -> list[list[Piece] | None]:
        """JSON texts, cut at the keys that only the database knows."""
        names = {table: self.known[table].name for table in cells.json_refs.values()}

        def named(value: Value) -> list[Piece]:
            return [
                (text, table and names[table], number)
                for text, table, number in json_pieces(value, cells.json_refs)
            ]

        return [None if value is None else named(value) for value in cells.values]

    def _first_keys(self) -> dict[str, str]:
        """The first keys that the rows count from, by name."""
        ranges = [self.range] if self.rows.id is not None else []
        ranges += [self.known[table] for table in referenced_tables(self.rows)]
        return {range_.name: self.ledger.first_key(range_) for range_ in ranges}


def cut_into_statements(
    texts: Sequence[str], rows: int, characters: int
) -> Iterator[tuple[int, Sequence[str]]]:
    """Cut the texts of rows into statements: the first row's place, and the texts.

    A statement has at most so many rows, and at most so many characters unless
    a single row is longer.
    """
    first = size = 0
    for place, length in enumerate(map(len, texts)):
        size += length
        if place > first and (size > characters or place - first == rows):
            yield first, texts[first:place]
            first, size = place, length
    if texts:
        yield first, texts[first:]


def referenced_tables(rows: TableRows) -> list[str]:
    """The tables that rows refer to by row number."""
    columns = rows.columns.values()
    tables = [table for c in columns for table in (c.ref, *c.json_refs.values()) if table]
    return list(dict.fromkeys(tables))


def _check_bounds(rows: TableRows, name: str, cells: Cells, start: int) -> None:
    """Hold a column to the bounds its generator declared."""
    broken = _broken_bound(rows.columns[name].bounds, cells.values)
    if broken:
        raise PlanError(
            f"table {rows.table}, column {name}, rows from {start + 1}: the seeder broke its own "
            f"declaration: {broken}"
        )


def _broken_bound(bounds: Bounds, values: Sequence[Value]) -> str:
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
