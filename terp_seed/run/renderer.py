"""A block of rows as statements: proved, held to its bounds, rendered, digested.

A block of generated rows is held to the reserved ranges (imported rows were masked when the plan
was made).  Every block is held to its declared bounds, and rendered column by column as multi-row
INSERTs, with the entry of the ledger that has its digests.

A `Renderer` does not speak to a database.  Where the engine has a COPY, many rows go to a staging
table first: COPY takes values only, and the keys that rows count from are known to the target
alone.  An INSERT behind each block adds them, so that the server inserts one while the next is
made; a block that refers to later rows of its table waits for them in the staging table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TypeVar

from terp_seed.database.dialects import STATEMENT_CHARACTERS, Piece, Staged, Written, equal_to
from terp_seed.errors import PlanError
from terp_seed.ledger.ledger import Digests, Ledger, Range
from terp_seed.masking.proof import Prover
from terp_seed.rows.literals import (
    NULL,
    UnwritableError,
    canonical_columns,
    copy_document,
    copy_fields,
    json_cells,
    json_pieces,
    packed,
)
from terp_seed.rows.model import Block, Cells, Lookup, TableRows, Value

__all__ = [
    "FIRST_ROWS",
    "CopyRenderer",
    "Renderer",
    "WriteStatement",
    "cut_into_statements",
    "is_copied",
    "is_digested_there",
    "referenced_tables",
]

T = TypeVar("T")

FIRST_ROWS = 100
"""The rows from which is told what the others are like."""

_FEW_ROWS = 100  # a staging table is not worth it


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
    prover: Prover | None
    known: Mapping[str, Range]
    """The ranges that the rows refer to, by table."""
    retained: frozenset[int] = frozenset()
    """Row numbers that are in the table already."""
    characters: int = STATEMENT_CHARACTERS
    """How long a statement may be."""
    stored: bool = False
    """Whether the database makes the digests, when the rows are in the table."""

    @cached_property
    def lookups(self) -> Mapping[str, tuple[str, str]]:
        """The columns whose ids come by a join, with the table and the column that it compares.

        Where many rows go through a staging table, only they are joined, not those of an INSERT.
        """
        return {} if self.ledger.dialect.stages_rows else joined_lookups(self.rows)

    def prepare(self, block: Block) -> Block:
        """The block as it is written: proved, held to its bounds, JSON as texts."""
        if self.prover is not None:
            self.prover.prove(block)
        columns = {}
        for name, cells in block.columns.items():
            _check_bounds(self.rows, name, cells, block.start)
            _check_lookups(self.rows, name, cells, block.start)
            columns[name] = self._guarded(name, block.start, partial(json_cells, cells))
        return replace(block, columns=columns)

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
            self._insert(columns, start + part.start, new[part], keys)
            for start, stop in self.rows.spans(block.start, block.stop)
            for new in [self._new(lines[start - block.start : stop - block.start], start)]
            for part in cut_into_statements(map(len, new), most, self.characters)
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
        ledger, rows = self.ledger, self.rows
        if not self.stored:
            return WriteStatement(ledger.block(self.range, number, self.digests(block)))
        digests = Digests(block.start, len(block), None, None, self.row_keys(block))
        return WriteStatement(ledger.stored_block(self.range, number, rows, digests), what="ledger")

    def digests(self, block: Block) -> Digests:
        """What the ledger keeps of a prepared block."""
        rows = self.rows
        columns = [name for name in rows.columns if name not in rows.derived]
        texts = canonical_columns(block, list(dict.fromkeys([*columns, *rows.key])))
        return Digests(
            block.start,
            len(block),
            packed(texts, columns),
            packed(texts, rows.key) if rows.key else None,
            self.row_keys(block),
        )

    def row_keys(self, block: Block) -> Sequence[Sequence[str]] | None:
        """The natural keys of rows without an integer key, as literals."""
        if self.rows.id is not None:
            return None
        return list(zip(*[self._literals(n, block) for n in self.rows.key], strict=True))

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
            if self.lookups:
                texts = dialect.derived_literals(cells, texts)
            if name in self.lookups:
                columns.append(Written(name, [texts], lookup=self.lookups[name]))
            elif cells.ref is None:
                columns.append(Written(name, [texts]))
            else:
                columns.append(dialect.numbers(name, texts, self.known[cells.ref].name))
        return columns

    def _literals(self, name: str, block: Block) -> Sequence[str]:
        cells = self._compared(name, block.columns[name])
        return self._guarded(name, block.start, partial(self.ledger.dialect.literals, cells))

    def _compared(self, name: str, cells: Cells) -> Cells:
        """A column as it is written: the values of a joined one are compared with a key."""
        if name not in self.lookups:
            return cells
        return Cells([None if value is None else value.where[0][1] for value in cells.values])

    def _guarded(self, name: str, start: int, make: Callable[[], T]) -> T:
        try:
            return make()
        except UnwritableError as error:
            reason, place = error.args
            raise PlanError(
                f"table {self.rows.table}, column {name}, row {start + place + 1}: the value "
                f"cannot be written, {reason}",
                where={"column": name, "row": start + place + 1},
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


def cut_into_statements(sizes: Iterable[int], rows: int, characters: int) -> Iterator[slice]:
    """Cut rows, of which each text is so long, into statements.

    A statement has at most so many rows, and at most so many characters unless
    a single row is longer.
    """
    first = size = stop = 0
    for stop, length in enumerate(sizes, start=1):
        size += length
        if stop - 1 > first and (size > characters or stop - first > rows):
            yield slice(first, stop - 1)
            first, size = stop - 1, length
    if stop:
        yield slice(first, stop)


def referenced_tables(rows: TableRows) -> list[str]:
    """The tables that rows refer to by row number."""
    columns = rows.columns.values()
    tables = [table for c in columns for table in (c.ref, *c.json_refs.values()) if table]
    return list(dict.fromkeys(tables))


def _check_bounds(rows: TableRows, name: str, cells: Cells, start: int) -> None:
    """Hold a column to the bounds its generator declared."""
    broken = rows.columns[name].bounds.find_broken(cells.values)
    if broken:
        raise PlanError(
            f"table {rows.table}, column {name}, rows from {start + 1}: the seeder broke its own "
            f"declaration: {broken}"
        )


def _check_lookups(rows: TableRows, name: str, cells: Cells, start: int) -> None:
    """Hold a column to its first rows: of what is looked up, the ledger has no digest."""
    if Lookup in cells.kinds and name not in rows.looked_up:
        raise PlanError(
            f"table {rows.table}, column {name}, rows from {start + 1}: a ref() where the first "
            "rows of the column have none; let the seeder give those rows first"
        )


def is_digested_there(ledger: Ledger, rows: TableRows, retained: frozenset[int]) -> bool:
    """Whether the database makes the digests of rows: of all whose values a person gave.

    What a column makes of such a value, or of a binary fraction, only the database knows.
    Rows that a rollback retained may have been edited, and are held against what was given.
    """
    if retained or not ledger.dialect.digests_rows:
        return False
    if rows.provenance == "imported":
        return True
    first = rows.block(0, min(rows.count, FIRST_ROWS))
    return any(float in cells.kinds for cells in first.columns.values())


def joined_lookups(rows: TableRows) -> Mapping[str, tuple[str, str]]:
    """Columns of many rows whose values are looked up by a join, and where.

    If two rows of the other table matched, both rows would want the same key.
    """
    if rows.count <= _FEW_ROWS or rows.skip_taken or rows.id is None:
        return {}
    return {
        name: column.lookup
        for name, column in rows.columns.items()
        if column.lookup is not None and column.lookup[0] != rows.table and name not in rows.later
    }


def is_copied(rows: TableRows) -> bool:
    """Whether rows are many, and of values that COPY takes."""
    by_row = {*rows.looked_up} - joined_lookups(rows).keys()
    return rows.count > _FEW_ROWS and not rows.skip_taken and not by_row


@dataclass
class Waiting:
    """The rows in the staging table, and how far down the rows that they refer to are."""

    rows: int = 0
    last: int = -1

    def add(self, block: Block, table: str) -> None:
        """Count in the rows of a block of ``table``."""
        self.rows += len(block)
        for cells in block.columns.values():
            if cells.ref == table:
                numbers = (value for value in cells.values if isinstance(value, int))
                self.last = max(self.last, *numbers, -1)


@dataclass(frozen=True)
class CopyRenderer(Renderer):
    """Turns the blocks of one table into COPY statements and the INSERTs behind them."""

    waiting: Waiting = field(default_factory=Waiting)

    @cached_property
    def lookups(self) -> Mapping[str, tuple[str, str]]:
        return joined_lookups(self.rows)

    @property
    def ahead(self) -> Sequence[int]:
        return ()  # the keys were taken before the rows

    def begin(self) -> list[WriteStatement]:
        dialect = self.ledger.dialect
        return [
            WriteStatement(dialect.stage(self.rows.table, self._staged()), what=self.range.label)
        ]

    def inserts(self, block: Block) -> list[WriteStatement]:
        fields: list[Sequence[str]] = []
        if self.rows.id is not None:
            fields.append([*map(str, range(block.start, block.stop))])
        for name, cells in block.columns.items():
            written = partial(self._fields, self._compared(name, cells))
            fields += self._guarded(name, block.start, written)
        data = "\n".join(["\t".join(row) for row in zip(*fields, strict=True)])
        which = f"rows {block.start + 1} to {block.stop}"
        dialect, what = self.ledger.dialect, f"{self.range.label}, {which}"
        copy = WriteStatement(
            dialect.copy_to_stage(),
            rows=len(block),
            what=what,
            note=f"{self.rows.table}: {which}",
            data=f"{data}\n",
        )
        self.waiting.add(block, self.rows.table)
        if self.waiting.last >= block.stop:
            return [copy]
        return [copy, *self._insert_staged(what)]

    def end(self) -> list[WriteStatement]:
        return [WriteStatement(self.ledger.dialect.drop_stage(), what=self.range.label)]

    def _insert_staged(self, what: str) -> list[WriteStatement]:
        dialect = self.ledger.dialect
        insert = dialect.insert_staged(self.rows.table, self._staged())
        staged = WriteStatement(insert, rows=self.waiting.rows, exactly=True, what=what)
        self.waiting.rows = 0
        return [staged, WriteStatement(dialect.empty_stage())]

    def _staged(self) -> list[Staged]:
        columns = [] if self.rows.id is None else [Staged(self.rows.id, [self.range.name])]
        for name, column in self.rows.columns.items():
            tables = [*dict.fromkeys(column.json_refs.values())]
            if column.ref is not None:
                tables = [column.ref]
            keys = [self.known[table].name for table in tables]
            lookup = self.lookups.get(name)
            columns.append(Staged(name, keys, bool(column.json_refs), lookup))
        return columns

    def _fields(self, cells: Cells) -> list[Sequence[str]]:
        if not cells.json_refs:
            return [copy_fields(cells)]
        tables = dict.fromkeys(cells.json_refs.values())
        places = {table: place for place, table in enumerate(tables, start=1)}
        rows = [copy_document(value, cells.json_refs, places) for value in cells.values]
        return [list(field) for field in zip(*rows, strict=True)]
