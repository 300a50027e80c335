"""``ledger rebuild``: a lost ledger, written again from the rows that it was about.

The version says which revisions are applied; their rows are generated again,
looked for in the database, and put on record where they are.  No later
rollback deletes rows that are not where the seed put them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

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
from terp_seed.ledger.changes import record_change, still_there
from terp_seed.ledger.ledger import Header, Ledger, digested_columns, ledger_of
from terp_seed.ledger.pinned_files import pin_files
from terp_seed.masking.boundary import Boundary, boundary
from terp_seed.plan.chain import (
    Generation,
    ancestors,
    choose_generation,
    current_heads,
    recorded_settings,
)
from terp_seed.plan.plan import Plan, PlannedChange, PlannedRevision
from terp_seed.plan.renaming import with_names
from terp_seed.plan.run import Target, make_recorder
from terp_seed.run.changes import kept_of
from terp_seed.run.row_search import Located, Search
from terp_seed.settings.log import logger
from terp_seed.settings.options import presets

__all__ = ["Rebuilt", "rebuild"]

_NONE_FOUND = "{} stamped, and none of the rows found; if of another size, give -x size=..."


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
    changes: Sequence[PlannedChange] = ()
    """The rows that were there and that it updated or deleted."""

    @property
    def intact(self) -> int:
        return sum(table.drift.intact for table in self.tables)

    @property
    def unclaimed(self) -> int:
        """Rows that are there, of which nothing says that the seeds inserted them."""
        return sum(table.unclaimed for table in self.tables)

    @classmethod
    def of(cls, planned: PlannedRevision, tables: Sequence[Located]) -> RebuiltRevision:
        if planned.skipped:
            return cls(planned.revision, "skipped")
        if tables and not any(table.present for table in tables):
            return cls(planned.revision, "stamped", tables)
        return cls(
            planned.revision, "applied", tables, planned.digest, planned.files, planned.changes
        )


@dataclass(frozen=True)
class Rebuilt:
    """A way of seeding that the rows in the database fit."""

    generation: Generation
    mask_key: str | None
    revisions: Sequence[RebuiltRevision]
    changed: Mapping[str, int]
    """By table, how many rows the chain's revisions update or delete: those look edited."""

    @property
    def intact(self) -> int:
        return sum(revision.intact for revision in self.revisions)

    @property
    def missing(self) -> int:
        """Rows of applied revisions that were deleted, or whose id is another row's now."""
        applied = [revision for revision in self.revisions if revision.state == "applied"]
        tables = [table for revision in applied for table in revision.tables]
        return sum(table.rows.count - table.present - table.unclaimed for table in tables)

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
        against = [table for table in tables if self._is_against(table)]
        found = self.intact or any(self.changed[table.rows.table] for table in tables)
        return bool(found) and 2 * len(against) < len(tables)

    def _is_against(self, table: Located) -> bool:
        edited = len(table.drift.edited) - self.changed[table.rows.table]
        return table.drift.intact < edited

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

    A stamped revision counts as unknown if its rows are there.  Rows of ``on_conflict="skip"`` are
    taken for seeded if the audit counted them, or if ``claim`` names their table.  All of it is one
    transaction, under the lock and with consent; a dry run only reads.  Raises `PlanError`
    if the rows fit no size, or more than one.
    """
    session = with_names(session, directory)
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
        names = [script.revision for script in self._applied]
        self._unknown = [name for name in names if name not in headers]
        # The chain may have been stamped again after its ledger was lost.
        stamped = {name for name, header in headers.items() if header.state == "stamped"}
        self.lost = [name for name in names if name in stamped or name not in headers]
        self._headers = {name: headers[name] for name in headers if name not in self.lost}

    def find(self) -> Rebuilt | None:
        """The one way of seeding that the rows fit; None if nothing is lost."""
        if not self.lost:
            return None
        generations = self._generations()
        try:
            fitting = self._fitting(generations)
        except DBAPIError as error:
            raise translated(error, "ledger rebuild") from None
        if not fitting and not self._unknown:
            logger.warning(_NONE_FOUND.format(", ".join(self.lost)))
            return None
        return _choose(fitting, generations)

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
        changed = [
            found
            for found in revisions
            if found.revision in self._unknown or found.intact or found.unclaimed
        ]
        if not changed:
            return None
        return Rebuilt(generation, policy.key_id, changed, _count_changes(plan))

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


def _count_changes(plan: Plan) -> Counter[str]:
    changes = (change for step in plan.history.values() for change in step.changes)
    counts: Counter[str] = Counter()
    for change in changes:
        counts[change.range.table] += change.changes.rows.count
    return counts


def _choose(fitting: Sequence[Rebuilt], generations: Sequence[Generation]) -> Rebuilt:
    """The one way of seeding that the rows fit."""
    if not fitting:
        seed, as_of = generations[0].root_seed, generations[0].as_of
        sizes = ", ".join(generation.size for generation in generations)
        raise PlanError(
            f"the rows in the database are not those of size {sizes} with root seed {seed} as of "
            f"{as_of}, and nothing was written; say how the chain was seeded, with -x size=..., "
            "-x rows=..., -x scenario=..., -x seed=... or -x as-of=..., and TERP_SEED_MASK_KEY "
            "if it had one"
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
            for change in revision.changes:
                _record_change(session, ledger, change)


def _record_change(session: Session, ledger: Ledger, change: PlannedChange) -> None:
    """Record changed rows by the table that keeps them as they were, if it is still there."""
    kept = kept_of(ledger, change)
    if still_there(session.connection, kept):
        session.stream.run(record_change(ledger, change.range, kept), what="ledger")
    else:
        logger.warning(
            f"{change.range.label}: {kept.name} is gone, which held the rows as they were before; "
            "a rollback leaves them as they are"
        )


def _entries(ledger: Ledger, table: Located) -> Iterator[str]:
    """The statements of one range.

    Where all rows are intact, what they look up has a part in the digests that the database makes.
    """
    rows, seeded, drift = table.rows, table.range, table.drift
    whole = not rows.skip_taken and drift.intact == rows.count
    stored = whole and seeded.shape.stored
    if stored:
        shape = replace(seeded.shape, columns=digested_columns(rows, stored=True))
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
