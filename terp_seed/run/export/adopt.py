"""``ledger adopt``: rows that a loader put into the database go on record as if a run had.

The exported revisions are run, all in one transaction.  A table that was exported is not written
but compared with what its seeder makes, by the digests that the ledger keeps of rows; the others
are written.  Then derived columns are recomputed and invariants checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NoReturn

from sqlalchemy.exc import DBAPIError

from terp_seed.database.consent import UNASKED, Confirm, require_consent
from terp_seed.database.environment_stamp import careful
from terp_seed.database.failures import translated
from terp_seed.database.lock import Held, advisory_lock
from terp_seed.database.session import Session
from terp_seed.errors import GuardError, LockError, PlanError, SeedError, located
from terp_seed.ledger.audit import AuditLog
from terp_seed.ledger.drift import Drift, find_drift
from terp_seed.ledger.ledger import Digests, Place, Range, SeededRange
from terp_seed.plan.chain import Request, current_heads
from terp_seed.plan.operations import OPTION
from terp_seed.plan.plan import Plan, PlannedRevision, PlannedTable
from terp_seed.plan.preflight import preflight
from terp_seed.plan.run import Run, Target, build_run, find_move
from terp_seed.run.executor import Executor, planned_steps
from terp_seed.run.export.manifest import ExportSet
from terp_seed.run.export.selection import refuse_unloadable
from terp_seed.run.live import RunOutcome
from terp_seed.run.renderer import Renderer, is_digested_there, referenced_tables
from terp_seed.run.row_search import expected_digests
from terp_seed.run.writer import BLOCK_ROWS, Writer
from terp_seed.settings.log import logger, progress_of_run

__all__ = ["adopt"]

_COMMAND = "ledger adopt"
_LEFT = "nothing of it is on record; run the command again"


def adopt(
    session: Session, request: Request, exported: ExportSet, confirm: Confirm = UNASKED
) -> RunOutcome:
    """Put loaded rows on record, and move the chain; all of it, or nothing.

    Raises `PlanError` if the plan is another one than that of the files, or a row of them is
    missing or different; nothing is written then, not even to the audit.
    """
    environment, move = find_move(session, request)
    if not move:
        logger.info("nothing to do: the chain is there already")
        return RunOutcome(environment, move.heads)
    firsts = {place: first for place, first in exported.first_ids.items() if first is not None}
    session = replace(session, first_keys={**session.first_keys, **firsts})
    with advisory_lock(session, _LEFT) as lock:
        lock.turns.begin()
        if current_heads(session) != move.heads:
            raise LockError("another run moved the chain while this one waited; look at status")
        run = build_run(environment, Target.live(session), move)
        session.end_transaction()
        _refuse_other(run, exported)
        preflight(session, replace(run, plan=_unloaded(run.plan, exported)))
        if confirm.always or careful(environment):
            require_consent(session.settings, environment, partial(_will, exported), confirm)
        session.end_transaction()
        try:
            return _write(session, run, lock, exported)
        except DBAPIError as error:
            raise translated(error, _COMMAND) from None


def _confirm(lock: Held) -> None:
    """Before the next revision of the same transaction, or its commit."""
    lock.confirm()
    lock.turns.confirm()
    lock.turns.ended()


def _refuse_other(run: Run, exported: ExportSet) -> None:
    """Refuse a database or a project that the files were not made for."""
    made = exported.first
    if run.move.heads:
        raise PlanError(
            f"the chain is at {', '.join(run.move.heads)}: files of a whole chain are adopted at "
            "its base"
        )
    if made.environment != run.environment:
        raise GuardError(
            f"the files were made for {made.environment}, and this database is stamped "
            f"{run.environment}; export with --env {run.environment}"
        )
    if made.chain != run.settings.chain:
        raise PlanError(f"the files are those of chain {made.chain}; choose it with -n")
    if run.retained:
        raise PlanError(
            "an earlier rollback left rows of this chain in the database, which the files have "
            "as well; seed it by a run, which knows them"
        )
    if dict(made.settings) != run.detail or made.plan != run.plan.digest():
        raise PlanError(
            "the revisions, their data files, the settings or the masking key are others now than "
            "those that the files were made with (digest of the plan); bring those back, or export "
            "and load again"
        )
    refuse_unloadable(run)


def _unloaded(plan: Plan, exported: ExportSet) -> Plan:
    """The plan without what was loaded: what is to be written, and must fit."""
    loaded = exported.first_ids
    steps = [
        replace(
            step,
            operations=[
                [table for table in tables if table.range.place not in loaded]
                for tables in step.operations
            ],
        )
        for step in plan.steps
    ]
    return Plan(plan.history, steps)


def _will(exported: ExportSet) -> list[str]:
    return [
        *(
            f"put {table.rows:,} rows of {table.table} on record for {table.revision}"
            for table in exported.first.tables
        ),
        *(f"write {left['table']} of {left['revision']}" for left in exported.first.left),
    ]


def _write(session: Session, run: Run, lock: Held, exported: ExportSet) -> RunOutcome:
    """Run the revisions in one transaction, which Alembic takes for its caller's."""
    stream, request = session.stream, run.move.request
    audit = AuditLog(session, run.environment, run.move.direction, _COMMAND).audit
    writer = partial(_AdoptingWriter, session=session, loaded=exported.first_ids)
    executor = _AdoptingExecutor(
        run,
        audit,
        _no_rollback,
        lock.turns,
        progress_of_run(),
        session.dialect.statement_characters(session.connection),
        writer,
    )
    for sql in session.dialect.set_clock(run.generation.clock):
        stream.run(sql)
    session.allow_writes()
    waited, digest = round(lock.waited, 2), run.plan.digest()
    stream.run(audit.event("started", plan_digest=digest, lock_wait=waited, key_id=run.key_id))
    request.configure(
        connection=session.connection,
        fn=planned_steps(executor),
        on_version_apply=lambda **kw: _confirm(lock),
        **{OPTION: executor},
    )
    try:
        with executor.sql_guard.watch(session.connection):
            request.migrate()
        executor.conclude()
    finally:
        executor.progress.end()
    stream.run(audit.event("finished"), what="audit")
    lock.confirm()
    session.commit()
    return RunOutcome(run.environment, current_heads(session), executor.results)


def _no_rollback() -> NoReturn:
    raise SeedError("an adoption takes no rows out; this is a defect of terp_seed, report it")


@dataclass
class _AdoptingExecutor(Executor):
    """Recomputes derived columns and checks invariants in the end.

    In a run those of one revision do not meet the rows of the next ones, which are here already.
    """

    _done: list[tuple[PlannedRevision, Mapping[str, Range]]] = field(default_factory=list)

    def _derive(self, step: PlannedRevision, known: Mapping[str, Range]) -> None:
        self._done.append((step, known))

    def _verify(self, step: PlannedRevision) -> None:
        pass

    def conclude(self) -> None:
        """Do both for all revisions, in their order."""
        for step, known in self._done:
            with located(revision=step.revision):
                super()._derive(step, known)
        for step, _ in self._done:
            with located(revision=step.revision):
                super()._verify(step)


@dataclass
class _AdoptingWriter(Writer):
    """Writes the tables that were not exported, and puts the others on record."""

    session: Session = field(kw_only=True)
    loaded: Mapping[Place, int | None] = field(kw_only=True)

    def write(self, planned: PlannedTable) -> int:
        """Compare and record a table that was loaded; `PlanError` if its rows are not those."""
        rows = planned.rows
        if planned.range.place not in self.loaded:
            return super().write(planned)
        for table in referenced_tables(rows):
            self._bind_table(table)
        self._reserve(planned)
        self.progress(rows.table, 0, rows.count)
        self._record(planned)
        if rows.id is not None:
            for sql in self.ledger.dialect.advance_counter(rows.table, rows.id):
                self.stream.run(sql, what=planned.range.label)
        return rows.count

    def _record(self, planned: PlannedTable) -> None:
        rows, session = planned.rows, self.session
        renderer = Renderer(
            self.ledger,
            rows,
            planned.range,
            self.make_prover(rows),
            self.known,
            characters=self.statement_characters,
            stored=is_digested_there(self.ledger, rows, frozenset()),
        )
        ranges = {each.place: each for each in self.ledger.ranges(session.connection)}
        seeded = ranges[planned.range.place]
        if not renderer.stored:
            _refuse_drift(find_drift(session, seeded, ranges, self._recorded(renderer, seeded)))
            return
        digests = [*expected_digests(session, planned, renderer, ranges)]
        _refuse_drift(find_drift(session, seeded, ranges, digests))
        for number, block in enumerate(rows.blocks(BLOCK_ROWS), start=1):
            self._run(renderer.entry(number, renderer.prepare(block)), None)
            self.progress(rows.table, block.stop, rows.count)

    def _recorded(self, renderer: Renderer, seeded: SeededRange) -> Iterator[Digests]:
        """The digests of the rows, which go to the ledger as they are asked for."""
        for number, block in enumerate(renderer.rows.blocks(BLOCK_ROWS), start=1):
            digests = renderer.digests(renderer.prepare(block))
            self.stream.run(self.ledger.block(seeded, number, digests), what="ledger")
            yield digests
            self.progress(renderer.rows.table, block.stop, renderer.rows.count)


def _refuse_drift(drift: Drift) -> None:
    """`PlanError` unless all rows are there, each as it was exported."""
    label, count = drift.range.label, drift.range.count
    if drift.uncompared:
        raise PlanError(f"{drift.uncompared}; nothing was written")
    if drift.intact == count:
        return
    other = len(drift.edited) + len(drift.replaced)
    raise PlanError(
        f"{label}: of {count:,} rows {drift.missing:,} are missing and {other:,} are not as they "
        "were exported; nothing was written. Load its files into a table without them",
        where={"revision": drift.range.revision, "table": drift.range.table},
    )
