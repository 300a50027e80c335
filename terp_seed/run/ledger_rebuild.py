"""``ledger rebuild``: a lost ledger, written again from the rows that it was about.

The version says which revisions are applied; their rows are generated again,
looked for in the database, and put on record where they are.  No later
rollback deletes rows that are not where the seed put them.

A table's rows have consecutive ids, so one number locates them: the id of the
first row.  Each sample row that is found votes for it: by its natural key or,
in a table without one, by all of its columns, references included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from terp_seed.database.bookkeeping import table_exists
from terp_seed.database.consent import Confirm, require_consent
from terp_seed.database.environment_stamp import environment_of
from terp_seed.database.failures import translated
from terp_seed.database.lock import advisory_lock
from terp_seed.database.session import Session
from terp_seed.errors import PlanError, UsageError
from terp_seed.ledger.audit import AuditLog, read_events
from terp_seed.ledger.drift import Drift, find_drift
from terp_seed.ledger.ledger import (
    Digests,
    Header,
    Ledger,
    Place,
    Range,
    SeededRange,
    Shape,
    digested_columns,
    ledger_of,
)
from terp_seed.ledger.pinned_files import pin_files
from terp_seed.ledger.selection import equal_to
from terp_seed.masking.boundary import Boundary, MakeProver, boundary
from terp_seed.plan.chain import (
    Generation,
    ancestors,
    choose_generation,
    current_heads,
    recorded_settings,
)
from terp_seed.plan.plan import Plan, PlannedRevision, PlannedTable
from terp_seed.plan.run import Target, make_recorder
from terp_seed.rows.literals import NULL, JsonText
from terp_seed.rows.model import Block, TableRows
from terp_seed.run.writer import BLOCK_ROWS, Renderer, is_digested_there, referenced_tables
from terp_seed.settings.options import presets

__all__ = ["Rebuilt", "rebuild"]

_SAMPLES = 40  # rows of a table
_AT_LEAST = 0.25  # of the sample rows must be there


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

    @property
    def references(self) -> dict[str, Range]:
        """The range that the references to each table count from."""
        return {table: self.renderer.known[table] for table in referenced_tables(self.rows)}

    @property
    def search_columns(self) -> Sequence[str]:
        """The columns by which a row is looked for."""
        columns = self.rows.columns.items()
        return self.rows.key or [
            name
            for name, column in columns
            if name not in self.rows.derived and not column.json_refs
        ]

    @property
    def prerequisites(self) -> set[Place]:
        """The ranges without which its rows cannot be distinguished from others."""
        tables = (self.rows.columns[name].ref for name in self.search_columns)
        return {self.references[table].place for table in tables if table is not None}

    def seeded(self, first: int | None) -> SeededRange:
        """Its range, if this is the first key."""
        return SeededRange.of(self.planned.range, first, Shape.of(self.rows, self.references))

    def blocks(self, starts: Iterable[int], size: int) -> Iterator[Block]:
        for start in starts:
            stop = min(start + size, self.rows.count)
            yield self.renderer.prepare(self.rows.block(start, stop))

    def digests(self) -> Iterator[Digests]:
        starts = range(0, self.rows.count, BLOCK_ROWS)
        return map(self.renderer.digests, self.blocks(starts, BLOCK_ROWS))


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
            _Wanted(table, Renderer(ledger, table.rows, table.range, prover, ranges))
            for table in planned.tables
            for prover in [self.make_prover(table.rows)]
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
            digests = list(wanted.digests())
            drift = find_drift(self.session, self.known[wanted.place], self.known, digests)
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
        rows, dialect = wanted.rows, self.session.dialect
        select = f"SELECT {dialect.quote(str(rows.id))} FROM {dialect.quote_table(rows.table)}"
        last = rows.count - 1
        samples = last if rows.skip_taken else min(_SAMPLES, last)
        numbers = sorted({n * last // max(samples, 1) for n in range(samples + 1)})
        self._asked += 0 if rows.skip_taken else len(numbers)
        votes: Counter[int] = Counter()
        for block in wanted.blocks(numbers, 1):
            where = self._where(wanted, block)
            if where:
                found = self.session.rows(f"{select} WHERE {where}")
                votes.update(row[0] - block.start for row in found)
        return votes

    def _where(self, wanted: _Wanted, block: Block) -> str:
        """The condition that a sample row meets, unless it was edited."""
        dialect = self.session.dialect
        conditions: list[str] = []
        for name in wanted.search_columns:
            cells, column = block.columns[name], dialect.quote(name)
            if isinstance(cells.values[0], float | JsonText):
                continue  # what is stored need not be equal to what was written
            (literal,) = dialect.literals(cells)
            if cells.ref is not None:
                place = wanted.references[cells.ref].place
                if place not in self.known or place in self._gone:
                    continue
                if literal != NULL:
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
        return find_drift(self.session, seeded, ranges, wanted.digests())

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


@dataclass(frozen=True)
class RebuiltRevision:
    """What is put on record of one revision.

    ``state`` is ``stamped`` if none of its rows was found: there is nothing to
    roll back.
    """

    revision: str
    state: str
    tables: Sequence[Located] = ()
    digest: bytes | None = None
    """What the revision declares, if it counts as applied."""
    files: Sequence[tuple[str, str]] = ()
    """The tables that it fills from files, and those files."""

    @classmethod
    def of(cls, planned: PlannedRevision, tables: Sequence[Located]) -> RebuiltRevision:
        if planned.skipped:
            return cls(planned.revision, "skipped")
        if tables and not any(table.present for table in tables):
            return cls(planned.revision, "stamped", tables)
        return cls(planned.revision, "applied", tables, planned.digest, planned.files)


@dataclass(frozen=True)
class Rebuilt:
    """A way of seeding that the rows in the database fit."""

    generation: Generation
    mask_key: str | None
    revisions: Sequence[RebuiltRevision]

    @property
    def intact(self) -> int:
        return sum(table.drift.intact for table in self._tables)

    @property
    def missing(self) -> int:
        """Rows of applied revisions that were deleted, or whose id is another row's now."""
        applied = [revision for revision in self.revisions if revision.state == "applied"]
        tables = [table for revision in applied for table in revision.tables]
        return sum(table.rows.count - table.present for table in tables)

    @property
    def fits(self) -> bool:
        """Whether most tables have more intact rows than edited ones.

        Generated rows count, because only they tell one root seed from another.
        """
        present = [table for table in self._tables if table.present]
        if not present:
            return all(table.rows.skip_taken for table in self._tables)
        generated = [table for table in present if table.rows.provenance == "synthetic"]
        tables = generated or present
        against = [table for table in tables if table.drift.intact < len(table.drift.edited)]
        return self.intact > 0 and 2 * len(against) < len(tables)

    @property
    def rows(self) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for table in self._tables:
            counts[table.rows.table] += table.present
        return dict(counts)

    @property
    def _tables(self) -> list[Located]:
        return [table for revision in self.revisions for table in revision.tables]


def rebuild(
    session: Session,
    directory: ScriptDirectory,
    confirm: Confirm,
    *,
    claim: Sequence[str] = (),
    dry_run: bool = False,
) -> Rebuilt | None:
    """Write the ledger of the applied revisions that it does not know; None if it knows all.

    Rows of ``on_conflict="skip"`` are taken for seeded if the audit counted
    them, or if ``claim`` names their table.  All of it is one transaction,
    under the lock and with consent; a dry run only reads.  Raises `PlanError`
    if the rows fit no size, or more than one.
    """
    environment = environment_of(session.connection, session.settings, session.books)
    reconstruction = _Reconstruction(session, directory, environment, claim)
    if dry_run or not reconstruction.lost:
        session.end_transaction()
        return reconstruction.find()
    session.end_transaction()
    with advisory_lock(session) as lock:
        # Another rebuild may have been quicker.
        rebuilt = _Reconstruction(session, directory, environment, claim).find()
        session.end_transaction()
        if rebuilt is not None:
            require_consent(session.settings, environment, lambda: _announcement(rebuilt), confirm)
            session.allow_writes()
            _write(session, rebuilt)
            lock.confirm()
            audit = AuditLog(session, environment, "ledger", "ledger rebuild")
            waited = round(lock.waited, 2)
            audit.add("ledger", rows=rebuilt.rows, size=rebuilt.generation.size, lock_wait=waited)
    return rebuilt


def _announcement(rebuilt: Rebuilt) -> list[str]:
    return [
        f"put {revision.revision} on record as {revision.state}: "
        f"{sum(table.present for table in revision.tables):,} rows found"
        for revision in rebuilt.revisions
    ]


class _Reconstruction:
    """Holds ways of seeding against the rows in a database."""

    def __init__(
        self,
        session: Session,
        directory: ScriptDirectory,
        environment: str,
        claim: Sequence[str],
    ) -> None:
        self._session, self._environment, self._claim = session, environment, claim
        self._applied = ancestors(directory, current_heads(session))
        headers = ledger_of(session).headers(session.connection)
        # A ledger that only knows stamps was emptied before the chain was stamped again.
        stamped = all(header.state == "stamped" for header in headers.values())
        names = [script.revision for script in self._applied]
        self.lost = [name for name in names if name not in headers or stamped]
        self._headers = {name: headers[name] for name in headers if name not in self.lost}

    def find(self) -> Rebuilt | None:
        """The one way of seeding that the rows fit; None if nothing is lost."""
        if not self.lost:
            return None
        generations = self._generations()
        try:
            return _choose(self._fitting(generations), generations)
        except DBAPIError as error:
            raise translated(error, "ledger rebuild") from None

    def _generations(self) -> list[Generation]:
        """The ways in which the chain may have been seeded."""
        settings = self._session.settings
        headers = self._headers.items()
        applied = {name: header for name, header in headers if header.state == "applied"}
        recorded = recorded_settings(applied, self._applied)
        if recorded or "size" in settings.explicit:
            return [choose_generation(settings, self._environment, self._applied, recorded)]
        by_rows: dict[tuple[tuple[str, int], ...], Generation] = {}
        sizes: list[str | None] = [*presets(settings.home)] or [None]
        for size in sizes:
            sized = replace(settings, size=size)
            generation = choose_generation(sized, self._environment, self._applied, {})
            by_rows.setdefault(tuple(sorted(generation.rows.items())), generation)
        return list(by_rows.values())

    def _fitting(self, generations: Sequence[Generation]) -> list[Rebuilt]:
        """The ways that the rows fit; `PlanError` if none does because of a doubt."""
        doubt: PlanError | None = None
        fitting: list[Rebuilt] = []
        choice = len(generations) > 1
        for generation in generations:
            try:
                rebuilt = self._try(generation, in_a_hurry=choice)
            except PlanError as error:
                doubt = error  # which does not matter if another size fits
                continue
            if rebuilt is None or not rebuilt.fits:
                continue
            if not choice or rebuilt.missing <= sum(rebuilt.rows.values()):
                fitting.append(rebuilt)
        if doubt is not None and not fitting:
            raise doubt
        return fitting

    def _try(self, generation: Generation, *, in_a_hurry: bool) -> Rebuilt | None:
        """The rows of one way of seeding, located; None if hardly any is there.

        A large size takes long to make, so a wrong one is given up on the way.
        """
        policy = boundary(self._session.settings, self._environment)
        target = Target.live(self._session)
        recorder = make_recorder(target, self._environment, generation, policy, self._headers)
        plan, search = Plan(recorder.planned), self._search(policy)
        for script in self._applied:
            recorder.upgrade(script)
            if script.revision in self.lost:
                search.locate(plan, script.revision)
            if in_a_hurry and search.hopeless:
                return None
        self._refuse_unseeded(plan)
        if search.exceeded():
            return None
        by_revision: dict[str, list[Located]] = {name: [] for name in self.lost}
        for table in search.compare():
            by_revision[table.range.revision].append(table)
        revisions = [
            RebuiltRevision.of(plan.history[name], tables) for name, tables in by_revision.items()
        ]
        return Rebuilt(generation, policy.key_id, revisions)

    def _search(self, policy: Boundary) -> Search:
        session = self._session
        ranges = ledger_of(session).ranges(session.connection) if self._headers else []
        known = {range_.place: range_ for range_ in ranges if range_.revision in self._headers}
        return Search(session, policy.prover_of, known, self._written_rows(), self._claim)

    def _written_rows(self) -> dict[tuple[str, str], int]:
        """How many rows each revision wrote, by the audit of its run.

        A script's audit counts also the rows that it left out.
        """
        session, audit = self._session, self._session.books.audit
        if not table_exists(session.connection, audit):
            return {}
        applied = (audit.c.chain == session.settings.chain, audit.c.event == "applied")
        return {
            (event["revision"], table): count
            for event in read_events(session.connection, session.books, *applied)
            if event["os_user"] is not None
            for table, count in (event["table_rows"] or {}).items()
        }

    def _refuse_unseeded(self, plan: Plan) -> None:
        seeded = {table.rows.table for step in plan.history.values() for table in step.tables}
        unseeded = sorted(set(self._claim) - seeded)
        if unseeded:
            raise UsageError(f"{', '.join(unseeded)}: no applied revision seeds this table")


def _choose(fitting: Sequence[Rebuilt], generations: Sequence[Generation]) -> Rebuilt:
    """The one way of seeding that the rows fit."""
    if not fitting:
        seed, as_of = generations[0].root_seed, generations[0].as_of
        sizes = ", ".join(generation.size for generation in generations)
        raise PlanError(
            f"the rows in the database are not those of size {sizes} with root seed {seed} as of "
            f"{as_of}, and nothing was written; say how the chain was seeded, with -x size=..., "
            "-x rows=..., -x seed=... or -x as-of=..., and TERP_SEED_MASK_KEY if it had one"
        )
    best = max((rebuilt.intact, -rebuilt.missing) for rebuilt in fitting)
    winners = [rebuilt for rebuilt in fitting if (rebuilt.intact, -rebuilt.missing) == best]
    if len(winners) > 1:
        sizes = ", ".join(rebuilt.generation.size for rebuilt in winners)
        raise PlanError(
            f"the rows in the database are the same in size {sizes}, and later revisions need to "
            "know which it was; say so with -x size=..."
        )
    return winners[0]


def _write(session: Session, rebuilt: Rebuilt) -> None:
    ledger, stream = ledger_of(session), session.stream
    detail = rebuilt.generation.to_settings(rebuilt.mask_key)
    for revision in rebuilt.revisions:
        stream.run(ledger.erase(revision.revision), what="ledger")
        header = Header(revision.revision, revision.state, detail, revision.digest)
        stream.run(ledger.open(header), what="ledger")
        if revision.state == "applied":
            for sql in pin_files(ledger, session.settings.data, revision.revision, revision.files):
                stream.run(sql, what="ledger")
            for sql in (sql for table in revision.tables for sql in _entries(ledger, table)):
                stream.run(sql, what="ledger")


def _entries(ledger: Ledger, table: Located) -> Iterator[str]:
    """The statements of one range; the database makes the digests where the rows are intact."""
    rows, seeded, drift = table.rows, table.range, table.drift
    whole = not rows.skip_taken and drift.intact == rows.count
    stored = whole and is_digested_there(ledger, rows, frozenset())
    if stored:
        shape = replace(seeded.shape, columns=digested_columns(rows, stored=True), stored=True)
        seeded = replace(seeded, shape=shape)
    yield ledger.record(seeded)
    for number, digests in enumerate(table.digests, start=1):
        if stored:
            place = replace(digests, rows=None, keys=None)
            yield ledger.stored_block(seeded, number, rows, place)
        else:
            yield ledger.block(seeded, number, digests)
    if rows.skip_taken:
        yield ledger.end_at_last(seeded)
