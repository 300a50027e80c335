"""The ledger: which rows a revision inserted, and which settings it ran with.

It is written in SQL text, so that a script keeps the same books as a run.  A
revision's ranges are written before its rows; digests follow block by block,
in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from terp_seed.database.bookkeeping import Books, table_exists
from terp_seed.database.dialects import Dialect
from terp_seed.database.names import LiveNames
from terp_seed.database.session import Session
from terp_seed.errors import PlanError
from terp_seed.rows.literals import json_text
from terp_seed.rows.model import TableRows

__all__ = [
    "Digests",
    "Header",
    "Ledger",
    "Place",
    "Range",
    "SeededRange",
    "Shape",
    "chains_of",
    "digested_columns",
    "ledger_of",
]

_BLOCKS = 32  # that are read at once
_DIGEST = 8  # bytes


Place = tuple[str, int]
"""A range by its revision and its number there."""


@dataclass(frozen=True)
class Shape:
    """What a later rollback must know to make sense of a range's digests."""

    id: str | None
    key: Sequence[str]
    columns: Sequence[str]
    refs: Mapping[str, Place]
    json_refs: Mapping[str, Mapping[str, Place]]
    provenance: str
    skip_taken: bool
    stored: bool = False
    """Whether the digests are of what the database stored, and made by itself."""
    later: Sequence[str] = ()
    """Columns that have to be NULL again before a row can go."""

    @classmethod
    def of(cls, rows: TableRows, refs: Mapping[str, Range], *, stored: bool = False) -> Shape:
        """The shape of planned rows; ``refs`` are the ranges that they refer to, by table."""
        columns = rows.columns.items()
        return cls(
            id=rows.id,
            key=list(rows.key),
            columns=digested_columns(rows, stored=stored),
            refs={name: refs[column.ref].place for name, column in columns if column.ref},
            json_refs={
                name: {key: refs[table].place for key, table in column.json_refs.items()}
                for name, column in columns
                if column.json_refs
            },
            provenance=rows.provenance,
            skip_taken=rows.skip_taken,
            stored=stored,
            later=list(rows.later),
        )

    def to_json(self) -> str:
        fields = asdict(self)
        for name in ("later", "stored"):  # which few ranges have
            if not fields[name]:
                del fields[name]
        return json_text(fields)

    @property
    def names(self) -> list[str]:
        """All columns that it names."""
        own = [] if self.id is None else [self.id]
        return [*self.columns, *self.key, *self.refs, *self.json_refs, *self.later, *own]

    def renamed(self, names: Mapping[str, str]) -> Shape:
        """The same with other names for its columns; one that has none keeps its name."""

        def now(name: str) -> str:
            return names.get(name, name)

        return replace(
            self,
            id=None if self.id is None else now(self.id),
            key=[*map(now, self.key)],
            columns=[*map(now, self.columns)],
            refs={now(name): place for name, place in self.refs.items()},
            json_refs={now(name): places for name, places in self.json_refs.items()},
            later=[*map(now, self.later)],
        )

    @classmethod
    def from_json(cls, text: str) -> Shape:
        data = json.loads(text)
        refs = _places(data.pop("refs"))
        held = {name: _places(places) for name, places in data.pop("json_refs").items()}
        return cls(refs=refs, json_refs=held, **data)


def digested_columns(rows: TableRows, *, stored: bool) -> list[str]:
    """The columns in a row's digest; only the database knows what an imported row looks up."""
    whole = stored and rows.provenance == "imported"
    return [name for name in rows.columns if whole or name not in rows.derived]


@dataclass(frozen=True)
class Range:
    """The rows that a revision gives one table, as the plan has them."""

    revision: str
    number: int
    table: str
    count: int
    id: str | None

    @property
    def place(self) -> Place:
        return self.revision, self.number

    @property
    def label(self) -> str:
        """What the range is called in messages."""
        return f"revision {self.revision}, table {self.table}"

    @property
    def name(self) -> str:
        """What the range's first key is called in a statement."""
        return f"{self.table}_{self.revision}_{self.number}"


@dataclass(frozen=True)
class SeededRange(Range):
    """The rows that a revision gave one table, as the ledger has them."""

    first_key: int | None
    """None for a table without an integer key."""
    shape: Shape

    @classmethod
    def of(cls, planned: Range, first_key: int | None, shape: Shape) -> SeededRange:
        """A planned range once it is known where its rows are."""
        place = (planned.revision, planned.number, planned.table)
        return cls(*place, planned.count, planned.id, first_key, shape)

    @property
    def ids(self) -> tuple[int, int] | None:
        """The first and the last id, if its rows have ids and there are any."""
        if self.first_key is None or not self.count:
            return None
        return self.first, self.first + self.count - 1

    @property
    def first(self) -> int:
        """The id of the range's first row; `PlanError` for a range without integer keys."""
        if self.first_key is None:
            raise PlanError(f"{self.label}: its rows have no ids")
        return self.first_key


@dataclass(frozen=True)
class Header:
    """What the ledger says of a revision as a whole."""

    revision: str
    state: str
    detail: Mapping[str, Any]
    digest: bytes | None = None
    """SHA-256 of what the revision declared when it was applied."""


@dataclass(frozen=True)
class Digests:
    """The packed 8-byte digests of one block of rows, or the rows' own keys."""

    first_row: int
    count: int
    rows: bytes | None
    """None while the database has not made them."""
    keys: bytes | None
    row_keys: Sequence[Sequence[str]] | None


@dataclass(frozen=True)
class Ledger:
    """The ledger of one chain, in one engine's words.

    Methods that take a connection read; all others return the text of a statement or condition.
    """

    dialect: Dialect
    books: Books
    chain: str
    names: LiveNames = field(default_factory=LiveNames, compare=False)
    """What tables and columns are called now."""
    first_keys: Mapping[Place, int] = field(default_factory=dict, compare=False)
    """First keys that are not free to choose, since rows had them before."""

    @property
    def table(self) -> str:
        """The ledger's name, quoted, with its schema."""
        return self.dialect.quote_table(self.books.ledger.fullname)

    def open(self, header: Header) -> str:
        """The statement that writes a revision's header."""
        detail = json_text(dict(header.detail))
        place = (header.revision, 0)
        return self._insert(place, 0, state=header.state, detail=detail, digests=header.digest)

    def reserve(
        self, wanted: Range, rows: TableRows, refs: Mapping[str, Range], *, stored: bool = False
    ) -> str:
        """The statement that takes a range of keys above what the table holds.

        ``refs`` are the ranges that the rows refer to, by table.
        """
        first = None
        if rows.id is not None:
            known = self.first_keys.get(wanted.place)
            taken = (
                self.dialect.take_keys(rows.table, rows.id, rows.count) if known is None else known
            )
            first = f"({taken})"
        return self._insert_range(wanted, Shape.of(rows, refs, stored=stored), first)

    def record(self, seeded: SeededRange) -> str:
        """The statement that writes a range whose first key is known already."""
        first = None if seeded.first_key is None else str(seeded.first_key)
        return self._insert_range(seeded, seeded.shape, first)

    def resume(
        self, wanted: Range, rows: TableRows, refs: Mapping[str, Range], *, stored: bool = False
    ) -> str:
        """The statement that takes a range back of which a rollback retained some rows."""
        detail = self.dialect.text(Shape.of(rows, refs, stored=stored).to_json())
        return (
            f"UPDATE {self.table} SET state = 'seeded', row_keys = NULL, "
            f"row_count = {rows.count}, detail = {detail} "
            f"WHERE {self._where(wanted.revision, wanted.number)} AND block_no = 0"
        )

    def end_at_last(self, range_: Range) -> str:
        """The statement that ends a range at the last row of it that went in.

        Ids behind that one are free again: a row that takes one was not seeded.
        """
        quote, ledger = self.dialect.quote, self.table
        key = f"rows_in.{quote(str(range_.id))}"
        first, count = f"{ledger}.first_key", f"{ledger}.row_count"
        return (
            f"UPDATE {ledger} SET row_count = (SELECT COALESCE(MAX({key}) - {first} + 1, 0) "
            f"FROM {self.dialect.quote_table(range_.table)} rows_in "
            f"WHERE {key} >= {first} AND {key} < {first} + {count}) "
            f"WHERE {self._where(range_.revision, range_.number)} AND block_no = 0"
        )

    def drop(self, range_: Range) -> str:
        """The statement that forgets a range of which nothing is left."""
        return f"DELETE FROM {self.table} WHERE {self._where(range_.revision, range_.number)}"

    def first_key(self, range_: Range) -> str:
        """A sub-select of the first key of a range."""
        where = self._where(range_.revision, range_.number)
        return f"(SELECT first_key FROM {self.table} WHERE {where} AND block_no = 0)"

    def block(self, range_: Range, number: int, digests: Digests) -> str:
        """The statement that keeps the digests of one block, counted from 1."""
        return self._insert_cells(self._block_cells(range_, number, digests))

    def stored_block(self, range_: Range, number: int, rows: TableRows, digests: Digests) -> str:
        """The same for rows that are in the table already: the database makes their digests."""
        cells = self._block_cells(range_, number, digests)
        cells["digests"] = self._stored_digests(rows, digested_columns(rows, stored=True))
        if rows.key:
            cells["key_digests"] = self._stored_digests(rows, rows.key)
        source = self._stored_rows(range_, rows, digests)
        columns, values = ", ".join(cells), ", ".join(cells.values())
        return f"INSERT INTO {self.table} ({columns})\nSELECT {values}\nFROM {source}"

    def _stored_digests(self, rows: TableRows, columns: Sequence[str]) -> str:
        """An aggregate of the digests of `_stored_rows`; zeros for a row that is not there."""
        quote = self.dialect.quote
        digest = self.dialect.row_digest([f"seeded.{quote(name)}" for name in columns])
        if rows.id is not None and not rows.skip_taken:
            return self.dialect.join_digests(digest, f"seeded.{quote(rows.id)}")
        there = f"seeded.{quote(rows.id or rows.key[0])} IS NOT NULL"
        nothing = self.dialect.binary(bytes(_DIGEST))
        digest = f"CASE WHEN {there} THEN {digest} ELSE {nothing} END"
        return self.dialect.join_digests(digest, "wanted.n")

    def _stored_rows(self, range_: Range, rows: TableRows, digests: Digests) -> str:
        """The rows of a block, called ``seeded``, as a FROM clause reads them."""
        quote, table = self.dialect.quote, self.dialect.quote_table(range_.table)
        numbers = range(digests.first_row, digests.first_row + digests.count)
        if rows.id is None:
            # A first row of no value gives each key the type and collation that it has there.
            names = ", ".join(f"{quote(name)} AS k{at}" for at, name in enumerate(rows.key))
            lines = [f"SELECT 0 AS n, {names} FROM {table} WHERE 1 = 0"]
            keys = zip(numbers, digests.row_keys or (), strict=True)
            lines += [f"SELECT {n}, {', '.join(key)}" for n, key in keys]
            same = " AND ".join(
                f"seeded.{quote(k)} = wanted.k{at}" for at, k in enumerate(rows.key)
            )
            return f"({' UNION ALL '.join(lines)}) wanted LEFT JOIN {table} seeded ON {same}"
        key, first = f"seeded.{quote(rows.id)}", self.first_key(range_)
        if not rows.skip_taken:
            between = f"{key} BETWEEN {first} + {numbers[0]} AND {first} + {numbers[-1]}"
            return f"{table} seeded WHERE {between}"
        lines = [f"SELECT {n}{'' if at else ' AS n'}" for at, n in enumerate(numbers)]
        listed = " UNION ALL ".join(lines)
        return f"({listed}) wanted LEFT JOIN {table} seeded ON {key} = {first} + wanted.n"

    def forget(self, revision: str) -> str:
        """The statement that removes all entries of a revision but what was retained."""
        return f"DELETE FROM {self.table} WHERE {self._where(revision)} AND state <> 'retained'"

    def erase(self, revision: str) -> str:
        """The statement that removes all entries of a revision, retained rows too."""
        return f"DELETE FROM {self.table} WHERE {self._where(revision)}"

    def retain(self, range_: Range, numbers: Sequence[int]) -> str:
        """The statement that marks a range's rows of these numbers as retained."""
        listed = self.dialect.text(json_text(list(numbers)))
        return (
            f"UPDATE {self.table} SET state = 'retained', row_keys = {listed} "
            f"WHERE {self._where(range_.revision, range_.number)} AND block_no = 0"
        )

    def retain_all(self, revision: str) -> str:
        """The statement that marks all rows of a revision as retained."""
        return (
            f"UPDATE {self.table} SET state = 'retained', row_keys = NULL "
            f"WHERE {self._where(revision)} AND range_no > 0 AND block_no = 0 "
            "AND state IN ('seeded', 'retained')"
        )

    def count_ranges(self, revision: str, only: Sequence[str] = ()) -> str:
        """A SELECT that counts a revision's ranges, but for those that a rollback retained.

        With ``only``, the ranges under these names alone.
        """
        listed = ", ".join(map(self.dialect.text, only))
        under = f" AND revision IN ({listed})" if only else ""
        where = f"{self._where(revision)}{under} AND range_no > 0 AND state <> 'retained'"
        return f"SELECT COUNT(*) FROM {self.table} WHERE {where}"

    def count_retained(self, revision: str) -> str:
        """A SELECT that counts a revision's ranges of which a rollback left rows behind."""
        where = f"{self._where(revision)} AND range_no > 0 AND state = 'retained'"
        return f"SELECT COUNT(*) FROM {self.table} WHERE {where}"

    def settings_are(self, revision: str, detail: Mapping[str, Any]) -> str:
        """A condition: the revision was applied with these very settings."""
        text = self.dialect.text(json_text(dict(detail)))
        return (
            f"EXISTS (SELECT 1 FROM {self.table} WHERE {self._where(revision, 0)} "
            f"AND detail = {text})"
        )

    def headers(self, connection: Connection) -> dict[str, Header]:
        """All headers of the chain by revision; empty without a ledger table."""
        ledger = self.books.ledger
        if not table_exists(connection, ledger):
            return {}
        rows = connection.execute(
            sa.select(ledger.c.revision, ledger.c.state, ledger.c.detail, ledger.c.digests).where(
                ledger.c.chain == self.chain, ledger.c.range_no == 0
            )
        )
        return {
            row.revision: Header(row.revision, row.state, json.loads(row.detail), row.digests)
            for row in rows
        }

    def ranges(self, connection: Connection, revision: str | None = None) -> list[SeededRange]:
        """The ranges of a revision, or of all, in the order in which they were written."""
        ledger = self.books.ledger
        rows = connection.execute(
            sa.select(ledger)
            .where(
                ledger.c.chain == self.chain,
                ledger.c.range_no > 0,
                ledger.c.block_no == 0,
                ledger.c.state.in_(("seeded", "retained")),
                *([] if revision is None else [ledger.c.revision.in_(self.names.owned(revision))]),
            )
            .order_by(ledger.c.revision, ledger.c.range_no)
        )
        return [self._renamed(_range(row)) for row in rows]

    def retained(self, connection: Connection) -> dict[Place, tuple[SeededRange, frozenset[int]]]:
        """The ranges of which a rollback retained some rows, and the rows' numbers."""
        ledger = self.books.ledger
        if not table_exists(connection, ledger):
            return {}
        rows = connection.execute(
            sa.select(ledger).where(
                ledger.c.chain == self.chain, ledger.c.block_no == 0, ledger.c.state == "retained"
            )
        )
        ranges = ((self._renamed(_range(row)), _numbers(row)) for row in rows)
        return {range_.place: (range_, numbers) for range_, numbers in ranges}

    def blocks(self, connection: Connection, range_: Range) -> Iterator[Digests]:
        """The digests of a range's rows, block by block; a few in memory at a time."""
        ledger, last = self.books.ledger, 0
        wanted = (
            sa.select(ledger)
            .where(
                ledger.c.chain == self.chain,
                ledger.c.revision == range_.revision,
                ledger.c.range_no == range_.number,
            )
            .order_by(ledger.c.block_no)
            .limit(_BLOCKS)
        )
        while rows := connection.execute(wanted.where(ledger.c.block_no > last)).all():
            for row in rows:
                keys = json.loads(row.row_keys) if row.row_keys else None
                yield Digests(row.first_row, row.row_count, row.digests, row.key_digests, keys)
            last = rows[-1].block_no

    def _renamed(self, seeded: SeededRange) -> SeededRange:
        """A range under the names that its table and columns have now."""
        if not self.names.concern(seeded.revision):
            return seeded
        shape = seeded.shape
        names = self.names.columns(seeded.revision, seeded.table, shape.names)
        shape = shape.renamed({name: now for name, now in names.items() if now is not None})
        table = self.names.table(seeded.revision, seeded.table) or seeded.table
        return replace(seeded, table=table, id=shape.id, shape=shape)

    def _insert_range(self, range_: Range, shape: Shape, first_key: str | None) -> str:
        return self._insert(
            range_.place,
            0,
            first_key,
            state="seeded",
            table_name=range_.table,
            first_row=0,
            row_count=range_.count,
            detail=shape.to_json(),
        )

    def _block_cells(self, range_: Range, number: int, digests: Digests) -> dict[str, str]:
        return self._cells(
            range_.place,
            number,
            state="seeded",
            table_name=range_.table,
            first_row=digests.first_row,
            row_count=digests.count,
            digests=digests.rows,
            key_digests=digests.keys,
            row_keys=None if digests.row_keys is None else json_text(list(digests.row_keys)),
        )

    def _insert(self, place: Place, block: int, first_key: str | None = None, **values: Any) -> str:
        """An INSERT of one entry; ``first_key`` is SQL, and values of None are left out."""
        cells = self._cells(place, block, **values)
        if first_key is not None:
            cells["first_key"] = first_key
        return self._insert_cells(cells)

    def entry(self, place: Place, expressions: Mapping[str, str], **values: str) -> str:
        """The statement that writes an entry with some cells that the database makes."""
        return self._insert_cells({**self._cells(place, 0, **values), **expressions})

    def _insert_cells(self, cells: Mapping[str, str]) -> str:
        columns, literals = ", ".join(cells), ", ".join(cells.values())
        return f"INSERT INTO {self.table} ({columns})\nVALUES ({literals})"

    def _cells(self, place: Place, block: int, **values: Any) -> dict[str, str]:
        """The literals of one entry by column; values of None are left out."""
        revision, number = place
        return {
            "chain": self._literal(self.chain),
            "revision": self._literal(revision),
            "range_no": str(number),
            "block_no": str(block),
            **{name: self._literal(value) for name, value in values.items() if value is not None},
            "written_at": self.dialect.now,
        }

    def _literal(self, value: str | int | bytes) -> str:
        if isinstance(value, bytes):
            return self.dialect.binary(value)
        return self.dialect.text(value) if isinstance(value, str) else str(value)

    def _where(self, revision: str, number: int | None = None) -> str:
        """One range, or all of a revision with what it replaces."""
        text = self.dialect.text
        chain = f"chain = {text(self.chain)}"
        if number is not None:
            return f"{chain} AND revision = {text(revision)} AND range_no = {number}"
        names = self.names.owned(revision)
        if len(names) == 1:
            return f"{chain} AND revision = {text(revision)}"
        return f"{chain} AND revision IN ({', '.join(map(text, names))})"


def ledger_of(session: Session) -> Ledger:
    """The ledger of the chain in the session's database."""
    return Ledger(
        session.dialect,
        session.books,
        session.settings.chain,
        session.names,
        session.first_keys,
    )


def chains_of(session: Session) -> list[str]:
    """The chains that the database's ledger has entries of."""
    if not table_exists(session.connection, session.books.ledger):
        return []
    chains = sa.select(session.books.ledger.c.chain).distinct()
    return sorted(session.connection.execute(chains).scalars())


def _places(data: Mapping[str, Sequence[Any]]) -> dict[str, Place]:
    return {name: (revision, number) for name, (revision, number) in data.items()}


def _numbers(row: sa.Row[Any]) -> frozenset[int]:
    """The numbers of a range's rows that were retained: all, unless some are listed."""
    return frozenset(range(row.row_count) if row.row_keys is None else json.loads(row.row_keys))


def _range(row: sa.Row[Any]) -> SeededRange:
    shape = Shape.from_json(row.detail)
    return SeededRange(
        revision=row.revision,
        number=row.range_no,
        table=row.table_name,
        count=row.row_count,
        id=shape.id,
        first_key=row.first_key,
        shape=shape,
    )
