"""Where the rows of a lost ledger are, and what became of them.

A table's rows have consecutive ids, so one number locates them: the id of the
first row.  Each sample row that is found votes for it: by its natural key or,
in a table without one, by all of its columns, references included.

Rows are compared as `terp_seed.ledger.drift` compares them.  Where the
database makes the digests, the seed's rows go into an empty temporary table of
the same columns first, and it makes theirs: ``8:05`` is a time of day there,
and a UUID in capitals the one in small letters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count

from terp_seed.database.dialects import equal_to
from terp_seed.database.session import Session
from terp_seed.errors import PlanError
from terp_seed.ledger.drift import Drift, find_drift
from terp_seed.ledger.ledger import (
    Digests,
    Place,
    Range,
    SeededRange,
    Shape,
    digested_columns,
    ledger_of,
)
from terp_seed.masking.boundary import MakeProver
from terp_seed.plan.plan import Plan, PlannedTable
from terp_seed.rows.literals import NULL, JsonText
from terp_seed.rows.model import Block, TableRows
from terp_seed.run.renderer import Renderer, is_digested_there, referenced_tables
from terp_seed.run.writer import BLOCK_ROWS

__all__ = ["Located", "Search", "expected_digests"]

_SAMPLES = 40  # rows of a table
_AT_LEAST = 0.25  # of the sample rows must be there

_NUMBER = "terp_seed_number"
_tables = count(1)  # of a session: one may outlive an error


@dataclass(frozen=True)
class Located:
    """One planned table: where its rows are, and what became of them."""

    rows: TableRows
    digests: Sequence[Digests]
    drift: Drift

    @property
    def range(self) -> SeededRange:
        return self.drift.range

    @property
    def present(self) -> int:
        return self.drift.there

    @property
    def unclaimed(self) -> int:
        """Rows of ``on_conflict="skip"`` that are not known to have gone in."""
        return self.rows.count - self.present if self.rows.skip_taken else 0


@dataclass(frozen=True, eq=False)
class _Wanted:
    """A planned table whose rows are looked for, and what makes them."""

    planned: PlannedTable
    renderer: Renderer

    @property
    def rows(self) -> TableRows:
        return self.planned.rows

    @property
    def place(self) -> Place:
        return self.planned.range.place

    @cached_property
    def stored(self) -> bool:
        """Whether the database makes the digests of the rows."""
        return is_digested_there(self.renderer.ledger, self.rows, frozenset())

    @property
    def digested_columns(self) -> list[str]:
        """The columns that are compared; not those that look up a row, which may be gone."""
        return digested_columns(self.rows, stored=False) or [*self.rows.columns]

    @property
    def references(self) -> dict[str, Range]:
        """The range that the references to each table count from."""
        return {table: self.renderer.known[table] for table in referenced_tables(self.rows)}

    @property
    def search_columns(self) -> Sequence[str]:
        """The columns by which a row is looked for."""
        if self.rows.key:
            return self.rows.key
        names = [
            name
            for name, column in self.rows.columns.items()
            if name not in self.rows.derived and not column.json_refs
        ]
        return names or [*self.rows.columns]

    @property
    def prerequisites(self) -> set[Place]:
        """The ranges without which its rows cannot be distinguished from others."""
        tables = (self.rows.columns[name].ref for name in self.search_columns)
        return {self.references[table].place for table in tables if table is not None}

    def seeded(self, first: int | None) -> SeededRange:
        """Its range, if this is the first key."""
        shape = Shape.of(self.rows, self.references, stored=self.stored)
        shape = replace(shape, columns=self.digested_columns)
        return SeededRange.of(self.planned.range, first, shape)

    def blocks(self, starts: Iterable[int], size: int) -> Iterator[Block]:
        for start in starts:
            stop = min(start + size, self.rows.count)
            yield self.renderer.prepare(self.rows.block(start, stop))


@dataclass
class Search:
    """The search for the rows of some revisions, as one plan made them."""

    session: Session
    make_prover: MakeProver
    known: dict[Place, SeededRange]
    """The ranges that the ledger still has; those that are located are added."""
    written: Mapping[tuple[str, str], int]
    """How many rows went in, by revision and table, where the audit counted them: needed for
    rows with ``on_conflict="skip"``."""
    claim: Collection[str] = ()
    """Tables of such rows, all of which went in."""
    _wanted: list[_Wanted] = field(default_factory=list)
    _gone: set[Place] = field(default_factory=set)
    _asked: int = 0
    """How many sample rows were looked for."""
    _met: int = 0
    """How many of them were found."""

    def locate(self, plan: Plan, revision: str) -> None:
        """Find the first key of a revision's tables; `PlanError` if one is in doubt.

        A table without a row that is found gets a range above all rows, where
        nothing is.  So does one with ``on_conflict="skip"``, unless it is
        known that some of its rows went in.
        """
        planned = plan.history[revision]
        ledger, ranges = ledger_of(self.session), {**plan.ranges_before(revision), **planned.ranges}
        waiting = [
            _Wanted(
                table,
                Renderer(
                    ledger,
                    table.rows,
                    table.range,
                    self.make_prover(table.rows),
                    ranges,
                    characters=self.session.dialect.statement_characters(self.session.connection),
                ),
            )
            for table in planned.tables
        ]
        self._wanted += waiting
        while waiting:
            ready = (table for table in waiting if table.prerequisites <= self.known.keys())
            wanted = next(ready, waiting[0])
            waiting.remove(wanted)
            self.known[wanted.place] = wanted.seeded(self._first_key(wanted))

    def compare(self) -> list[Located]:
        """Compare all rows with what they were, once `locate` has found them."""
        located: list[Located] = []
        for wanted in self._wanted:
            seeded = self.known[wanted.place]
            digests = list(self._digests(wanted, seeded.first_key))
            drift = find_drift(self.session, seeded, self.known, digests)
            located.append(Located(wanted.rows, digests, drift))
        return located

    @property
    def hopeless(self) -> bool:
        """Whether most sample rows are missing, of enough to judge by."""
        return self._asked > _SAMPLES and self._met < self._asked * _AT_LEAST

    def exceeded(self) -> bool:
        """Whether a table holds seeded rows beyond those that were looked for."""
        return any(self._has_next_row(wanted) for wanted in self._wanted)

    def _first_key(self, wanted: _Wanted) -> int | None:
        rows = wanted.rows
        if rows.id is None:
            return None
        votes = self._votes(wanted)
        if rows.skip_taken:
            most = self.written.get((wanted.planned.range.revision, rows.table), 0)
            most = rows.count if rows.table in self.claim else most
            votes = Counter({first: count for first, count in votes.items() if count <= most})
        first = self._elected(wanted, votes)
        if first is not None:
            self._met += 0 if rows.skip_taken else votes[first]
            return first
        self._gone.add(wanted.place)
        dialect = self.session.dialect
        key, table = dialect.quote(rows.id), dialect.quote_table(rows.table)
        return int(self.session.scalar(f"SELECT COALESCE(MAX({key}), 0) + 1 FROM {table}"))

    def _votes(self, wanted: _Wanted) -> Counter[int]:
        rows = wanted.rows
        last = rows.count - 1
        samples = last if rows.skip_taken else min(_SAMPLES, last)
        numbers = sorted({n * last // max(samples, 1) for n in range(samples + 1)})
        self._asked += 0 if rows.skip_taken else len(numbers)
        blocks = wanted.blocks(numbers, 1)
        by_digest = wanted.stored and not rows.key
        return Counter((self._alike if by_digest else self._equal)(wanted, blocks))

    def _equal(self, wanted: _Wanted, blocks: Iterable[Block]) -> Iterator[int]:
        """The first keys that rows with the values of sample rows speak for."""
        dialect, table = self.session.dialect, wanted.rows.table
        select = f"SELECT {dialect.quote(str(wanted.rows.id))} FROM {dialect.quote_table(table)}"
        for block in blocks:
            where = self._where(wanted, block)
            if where:
                yield from (
                    key - block.start for (key,) in self.session.rows(f"{select} WHERE {where}")
                )

    def _alike(self, wanted: _Wanted, blocks: Iterable[Block]) -> Iterator[int]:
        """The first keys that rows with the digests of sample rows speak for."""
        dialect, table = self.session.dialect, wanted.rows.table
        columns = [name for name in wanted.search_columns if self._is_known(wanted, name)]
        if not columns:
            return
        numbers: dict[bytes | None, list[int]] = {}
        for sample in self._staged(wanted, blocks, columns, None):
            numbers.setdefault(sample.rows, []).append(sample.first_row)
        digest = dialect.row_digest([*map(dialect.quote, columns)])
        listed = ", ".join(dialect.binary(sample or b"") for sample in numbers)
        for key, found in self.session.rows(
            f"SELECT {dialect.quote(str(wanted.rows.id))}, {digest} "
            f"FROM {dialect.quote_table(table)} WHERE {digest} IN ({listed})"
        ):
            yield from (key - number for number in numbers[bytes(found)])

    def _is_known(self, wanted: _Wanted, column: str) -> bool:
        """Whether it is known what a column holds: the rows that it refers to are located."""
        table = wanted.rows.columns[column].ref
        if table is None:
            return True
        place = wanted.references[table].place
        return place in self.known and place not in self._gone

    def _digests(self, wanted: _Wanted, first: int | None) -> Iterable[Digests]:
        """The digests of all rows as the table would have them, if this is their first key."""
        blocks = wanted.blocks(range(0, wanted.rows.count, BLOCK_ROWS), BLOCK_ROWS)
        if not wanted.stored:
            return map(wanted.renderer.digests, blocks)
        return self._staged(wanted, blocks, wanted.digested_columns, first)

    def _staged(
        self,
        wanted: _Wanted,
        blocks: Iterable[Block],
        columns: Sequence[str],
        first: int | None,
    ) -> list[Digests]:
        """Digests that the database makes of rows, in a temporary table of the same columns."""
        dialect, stream = self.session.dialect, self.session.stream
        own = wanted.planned.range
        firsts = {
            range_.name: self.known[range_.place].first_key if range_.place in self.known else 0
            for range_ in wanted.references.values()
        }
        for name, key in {**firsts, own.name: first}.items():
            for sql in dialect.name_key(name, f"({key or 0})"):
                stream.run(sql)
        names = dict.fromkeys([*columns, *wanted.rows.key])
        rows = replace(wanted.rows, columns={name: wanted.rows.columns[name] for name in names})
        with _temporary_table(self.session, rows) as table:
            rows = replace(rows, table=table, id=_NUMBER, skip_taken=False, later=())
            staging = replace(wanted.renderer, rows=rows)
            return [
                replace(digests, row_keys=wanted.renderer.row_keys(block))
                for block in blocks
                for digests in [self._staged_block(staging, block, columns)]
            ]

    def _staged_block(self, staging: Renderer, block: Block, columns: Sequence[str]) -> Digests:
        dialect, stream, rows = self.session.dialect, self.session.stream, staging.rows
        kept = {name: cells for name, cells in block.columns.items() if name in rows.columns}
        for insert in staging.inserts(replace(block, columns=kept)):
            stream.run(insert.sql, rows=insert.rows, what=insert.what)
        names, key = (map(dialect.quote, names) for names in (columns, rows.key))
        keys = dialect.row_digest([*key]) if rows.key else "NULL"
        table = dialect.quote(rows.table)
        found = self.session.rows(
            f"SELECT {dialect.row_digest([*names])}, {keys} FROM {table} "
            f"ORDER BY {dialect.quote(_NUMBER)}"
        )
        stream.run(f"DELETE FROM {table}")
        return Digests(
            block.start,
            len(block),
            b"".join(row[0] for row in found),
            b"".join(row[1] for row in found) if rows.key else None,
            None,
        )

    def _where(self, wanted: _Wanted, block: Block) -> str:
        """The condition that a sample row meets, unless it was edited."""
        dialect = self.session.dialect
        conditions: list[str] = []
        for name in wanted.search_columns:
            cells, column = block.columns[name], dialect.quote(name)
            if isinstance(cells.values[0], float | JsonText):
                continue  # what is stored need not be equal to what was written
            (literal,) = dialect.literals(cells)
            if not self._is_known(wanted, name):
                continue
            if cells.ref is not None and literal != NULL:
                place = wanted.references[cells.ref].place
                literal = f"{self.known[place].first} + {literal}"
            null = literal == NULL
            conditions.append(f"{column} IS NULL" if null else equal_to([column], [literal]))
        return " AND ".join(conditions)

    def _elected(self, wanted: _Wanted, votes: Counter[int]) -> int | None:
        """The first key that the votes speak for, if they do.

        Without a natural key one row is not enough: it may be equal by chance.
        Nor are edited rows.
        """
        alone = not wanted.rows.key and wanted.rows.count > 1
        if max(votes.values(), default=0) < (2 if alone else 1):
            return None
        first = self._best(wanted, votes)
        if wanted.rows.key:
            return first
        drift = self._drift(wanted, first)
        return first if drift.intact > len(drift.edited) else None

    def _best(self, wanted: _Wanted, votes: Counter[int]) -> int:
        """The first key with the most votes; among equals, the one with the most intact rows."""
        most = max(votes.values())
        leading = [first for first, count in votes.items() if count == most]
        if len(leading) == 1:
            return leading[0]
        intact = {first: self._drift(wanted, first).intact for first in leading[:_SAMPLES]}
        best = max(intact.values())
        winners = [first for first, count in intact.items() if count == best]
        if len(winners) > 1 or not best:
            range_ = wanted.planned.range
            raise PlanError(
                f"table {range_.table}: the rows of revision {range_.revision} may begin at id "
                f"{winners[0]} or at id {winners[1]}, and nothing tells which; restore "
                "terp_seed_ledger from a backup"
            )
        return winners[0]

    def _drift(self, wanted: _Wanted, first: int) -> Drift:
        """What became of the rows, if this is their first key."""
        seeded = wanted.seeded(first)
        ranges = {**self.known, wanted.place: seeded}
        return find_drift(self.session, seeded, ranges, self._digests(wanted, first))

    def _has_next_row(self, wanted: _Wanted) -> bool:
        """Whether the row after the last is there, as a larger size would have it."""
        rows, seeded = wanted.rows, self.known[wanted.place]
        if rows.provenance != "synthetic" or seeded.id is None or len(rows.key) != 1:
            return False
        (name,) = rows.key
        if rows.columns[name].ref is not None:
            return False
        try:
            (value,) = rows.values(name, rows.count, rows.count + 1)
        except (LookupError, ValueError):
            return False  # its seeder has no row after the last
        dialect = self.session.dialect
        columns = map(dialect.quote, (seeded.id, name))
        where = equal_to(columns, [str(seeded.first + rows.count), dialect.literal(value)])
        sql = f"SELECT COUNT(*) FROM {dialect.quote_table(rows.table)} WHERE {where}"
        return bool(self.session.scalar(sql))


def expected_digests(
    session: Session, planned: PlannedTable, renderer: Renderer, known: dict[Place, SeededRange]
) -> Iterable[Digests]:
    """The digests of a table's rows, if they are where ``known`` says; a few at a time.

    Those that the database makes are made of rows in a temporary table, all at once.
    """
    search = Search(session, lambda rows: renderer.prover, known, {})
    wanted = _Wanted(planned, renderer)
    return search._digests(wanted, known[wanted.place].first_key)


@contextmanager
def _temporary_table(session: Session, rows: TableRows) -> Iterator[str]:
    """The name of an empty table with the columns that rows have, and one that numbers them.

    It is gone at the end, and nothing else of the transaction is.
    """
    dialect, name = session.dialect, f"terp_seed_expected_{next(_tables)}"
    number = f"2147483648 AS {dialect.quote(_NUMBER)}"  # so large that it is a BIGINT
    listed = ", ".join([*map(dialect.quote, rows.columns), number])
    select = f"SELECT {listed} FROM {dialect.quote_table(rows.table)}"
    with session.connection.begin_nested() as savepoint:
        for sql in dialect.temporary_copy(dialect.quote(name), dialect.quote(_NUMBER), select):
            session.stream.run(sql, what=f"table {rows.table}")
        yield name
        savepoint.rollback()
    for sql in dialect.drop_temporary(dialect.quote(name)):
        session.stream.run(sql)
