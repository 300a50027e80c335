"""Finds seeded rows again where the ledger is lost, from the plan that made them.

A table's rows stand at consecutive ids, so one number says where they are: the
id of the first.  Every sample row that is found votes for it: by its natural
key, or, in a table without one, by all of its columns, references included.
Reads, and never writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from terp_seed.database.session import Session
from terp_seed.errors import PlanError
from terp_seed.ledger.drift import Drift, find_drift
from terp_seed.ledger.ledger import Digests, Range, SeededRange, ledger_of, shape
from terp_seed.masking.boundary import Masks
from terp_seed.plan.plan import Plan, PlannedTable
from terp_seed.rows.literals import NULL, JsonText, literals
from terp_seed.rows.model import Block, TableRows
from terp_seed.run.writer import BLOCK_ROWS, Writer

__all__ = ["Located", "Search"]

_SAMPLES = 40

Place = tuple[str, int]
"""A range, by its revision and number."""


@dataclass(frozen=True)
class Located:
    """One planned table: where its rows are, and what became of them."""

    rows: TableRows
    range: SeededRange
    digests: Sequence[Digests]
    found: Drift

    @property
    def present(self) -> int:
        """How many of its rows are there."""
        return self.found.there


@dataclass
class Search:
    """The search for the rows of some revisions, as one plan made them."""

    session: Session
    masks: Masks
    known: dict[Place, SeededRange]
    """The ranges that the ledger still has; those that are found come to them."""
    written: Mapping[tuple[str, str], int]
    """How many rows went in, by revision and table, as far as anybody knows: of
    rows that were only to go in where nobody had them."""
    claim: Collection[str] = ()
    """Tables of such rows, all of which went in."""
    asked: int = 0
    """How many sample rows were looked for, and how many of them were found."""
    met: int = 0
    _tables: list[PlannedTable] = field(default_factory=list)
    _gone: set[Place] = field(default_factory=set)
    _writers: dict[str, Writer] = field(default_factory=dict)

    def look(self, plan: Plan, revision: str) -> None:
        """Find the first key of a revision's tables; `PlanError` if one is in doubt.

        A table of which no row is found gets a range above all rows, where
        nothing is.  So does one whose rows were only to go in where nobody had
        them, unless it is known that some did.
        """
        tables = plan.history[revision].tables
        known = {**plan.ranges_before(revision), **plan.history[revision].ranges}
        writer = Writer(self.session.stream, ledger_of(self.session), self.masks, known)
        self._writers[revision] = writer
        self._tables += tables
        left = {_place(each.range): each for each in tables}
        while left:
            ready = [p for p, each in left.items() if self._needs(each) <= self.known.keys()]
            for place in ready or list(left)[:1]:
                planned = left.pop(place)
                first = self._first_key(planned)
                self.known[place] = self._seeded(planned, first)

    def survey(self) -> list[Located]:
        """Compare all rows with what they were, once `look` has found them."""
        found: list[Located] = []
        for planned in self._tables:
            rows, of = planned.rows, self.known[_place(planned.range)]
            spans = _spans(range(0, rows.count, BLOCK_ROWS), BLOCK_ROWS, rows.count)
            writer = self._writers[of.revision]
            digests = [writer.digests(rows, block) for block in writer.made(rows, spans)]
            found.append(
                Located(rows, of, digests, find_drift(self.session, of, self.known, digests))
            )
        return found

    def more(self) -> bool:
        """Whether a table holds seeded rows beyond those that were looked for."""
        generated = (each for each in self._tables if each.rows.provenance == "synthetic")
        return any(self._goes_on(each.rows, self.known[_place(each.range)]) for each in generated)

    def _seeded(self, planned: PlannedTable, first: int | None) -> SeededRange:
        form = shape(planned.rows, self._refs(planned))
        return SeededRange.of(planned.range, first, form)

    def _refs(self, planned: PlannedTable) -> dict[str, Range]:
        """Which range stands for each table that the rows refer to."""
        known = self._writers[planned.range.revision].known
        refs = (column.ref for column in planned.rows.columns.values())
        inside = (table for c in planned.rows.columns.values() for table in c.json_refs.values())
        return {table: known[table] for table in (*refs, *inside) if table is not None}

    def _needs(self, planned: PlannedTable) -> set[Place]:
        """The ranges without which the rows cannot be told from others."""
        rows, refs = planned.rows, self._refs(planned)
        named = (rows.columns[name].ref for name in _telling(rows))
        return {_place(refs[table]) for table in named if table is not None}

    def _first_key(self, planned: PlannedTable) -> int | None:
        rows = planned.rows
        if rows.id is None:
            return None
        votes = self._votes(planned)
        if rows.skip_taken:
            most = self.written.get((planned.range.revision, rows.table), 0)
            most = rows.count if rows.table in self.claim else most
            votes = Counter({first: count for first, count in votes.items() if count <= most})
        first = self._elected(planned, votes)
        if first is not None:
            self.met += 0 if rows.skip_taken else votes[first]
            return first
        self._gone.add(_place(planned.range))
        quote = self.session.dialect.quote
        above = f"SELECT COALESCE(MAX({quote(rows.id)}), 0) + 1 FROM {quote(rows.table)}"
        return int(self.session.scalar(above))

    def _votes(self, planned: PlannedTable) -> Counter[int]:
        rows, quote = planned.rows, self.session.dialect.quote
        samples = rows.count - 1 if rows.skip_taken else min(_SAMPLES, rows.count - 1)
        spread = {n * (rows.count - 1) // max(samples, 1) for n in range(samples + 1)}
        numbers = sorted(spread)
        votes: Counter[int] = Counter()
        writer = self._writers[planned.range.revision]
        self.asked += 0 if rows.skip_taken else len(numbers)
        for block in writer.made(rows, _spans(numbers, 1, rows.count)):
            where = self._where(planned, block)
            if where:
                sql = f"SELECT {quote(str(rows.id))} FROM {quote(rows.table)} WHERE {where}"
                votes.update(row[0] - block.start for row in self.session.rows(sql))
        return votes

    def _where(self, planned: PlannedTable, block: Block) -> str:
        """The condition that a sample row meets, unless somebody edited it."""
        refs, dialect = self._refs(planned), self.session.dialect
        parts: list[str] = []
        for name in _telling(planned.rows):
            cells = block.columns[name]
            if isinstance(cells.values[0], float | JsonText):
                continue  # what is stored need not be equal to what was written
            (text,) = literals(cells, dialect.text, dialect.binary, dialect.lookup)
            if cells.ref is not None:
                of = self.known.get(_place(refs[cells.ref]))
                if of is None or _place(of) in self._gone:
                    continue
                text = text if text == NULL else f"{of.first_key} + {text}"
            column = dialect.quote(name)
            parts.append(f"{column} IS NULL" if text == NULL else f"{column} = {text}")
        return " AND ".join(parts)

    def _elected(self, planned: PlannedTable, votes: Counter[int]) -> int | None:
        """The first key that the votes speak for, if they do.

        Without a natural key one row alone is no witness: it may be somebody's
        own that happens to be equal; and edited rows are none at all.
        """
        alone = not planned.rows.key and planned.rows.count > 1
        if max(votes.values(), default=0) < (2 if alone else 1):
            return None
        first = self._best(planned, votes)
        if planned.rows.key:
            return first
        seen = self._drift(planned, first)
        return first if seen.intact > len(seen.edited) else None

    def _best(self, planned: PlannedTable, votes: Counter[int]) -> int:
        """The first key with the most votes; among equals, the one with the most intact rows."""
        most = max(votes.values())
        leading = [first for first, count in votes.items() if count == most]
        if len(leading) == 1:
            return leading[0]
        intact = {each: self._drift(planned, each).intact for each in leading[:_SAMPLES]}
        best = max(intact.values())
        winners = [first for first, count in intact.items() if count == best]
        if len(winners) > 1 or not best:
            raise PlanError(
                f"table {planned.rows.table}: the rows of revision {planned.range.revision} may "
                f"begin at id {winners[0]} or at id {winners[1]}, and nothing tells which; restore "
                "terp_seed_ledger from a backup"
            )
        return winners[0]

    def _drift(self, planned: PlannedTable, first: int) -> Drift:
        """What became of the rows, if this is their first key."""
        rows, writer = planned.rows, self._writers[planned.range.revision]
        of = self._seeded(planned, first)
        spans = _spans(range(0, rows.count, BLOCK_ROWS), BLOCK_ROWS, rows.count)
        digests = (writer.digests(rows, block) for block in writer.made(rows, spans))
        ranges: Mapping[Place, SeededRange] = {**self.known, _place(of): of}
        return find_drift(self.session, of, ranges, digests)

    def _goes_on(self, rows: TableRows, of: SeededRange) -> bool:
        """Whether the row after the last is there, as a larger size would have it."""
        quote = self.session.dialect.quote
        if of.id is None or of.first_key is None or len(rows.key) != 1:
            return False
        (name,) = rows.key
        if rows.columns[name].ref is not None:
            return False
        try:
            (value,) = rows.values(name, rows.count, rows.count + 1)
        except (LookupError, ValueError):
            return False  # its seeder has no row after the last
        where = f"{quote(of.id)} = {of.first_key + rows.count}"
        where += f" AND {quote(name)} = {self.session.dialect.literal(value)}"
        return bool(self.session.scalar(f"SELECT COUNT(*) FROM {quote(rows.table)} WHERE {where}"))


def _telling(rows: TableRows) -> Sequence[str]:
    """The columns by which a row is looked for."""
    plain = (name for name, c in rows.columns.items() if name not in rows.derived)
    return rows.key or [name for name in plain if not rows.columns[name].json_refs]


def _spans(starts: Sequence[int], size: int, count: int) -> list[tuple[int, int]]:
    return [(start, min(start + size, count)) for start in starts]


def _place(of: Range) -> Place:
    return of.revision, of.number
