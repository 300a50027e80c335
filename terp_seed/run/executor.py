"""Executes planned revisions on a stream: rows, ledger, derived columns, checks, audit.

`planned_steps` puts them in the place of Alembic's steps, and gives a stamp its headers in the
ledger.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial, wraps
from time import monotonic
from typing import Any, cast

from alembic.operations import MigrateOperation
from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep, StampStep
from alembic.script import Script

from terp_seed.database.dialects import STATEMENT_CHARACTERS, KeptTable
from terp_seed.database.names import live_columns
from terp_seed.database.statements import Stream
from terp_seed.database.turns import Turns
from terp_seed.errors import PlanError, VerificationError, located
from terp_seed.ledger.audit import Audit
from terp_seed.ledger.derived import recompute, violations
from terp_seed.ledger.ledger import Header, Range
from terp_seed.ledger.pinned_files import pin_files
from terp_seed.plan.chain import read_attributes
from terp_seed.plan.operations import RenameOp, UnseedOp
from terp_seed.plan.plan import (
    Counts,
    PlannedChange,
    PlannedRevision,
    PlannedTable,
    StepResult,
)
from terp_seed.plan.recorder import call_function
from terp_seed.plan.run import Run
from terp_seed.plan.sql_guard import SqlGuard
from terp_seed.rows.model import Value
from terp_seed.rows.seeders import Derived
from terp_seed.run.changes import Changer, kept_of
from terp_seed.run.rollback import Remover
from terp_seed.run.writer import Writer
from terp_seed.settings.log import Progress

__all__ = ["Executor", "planned_steps"]

_EVENTS = {"applied": "applied", "skipped": "skipped", "stamped": "skipped"}


@dataclass
class Executor:
    """Executes the steps of a run, one transaction each, which it does not commit."""

    run: Run
    audit: Audit
    make_remover: Callable[[], Remover]
    turns: Turns
    progress: Progress = field(default_factory=Progress)
    statement_characters: int = STATEMENT_CHARACTERS
    make_writer: Callable[..., Writer] = Writer
    """What writes a revision's rows: `Writer`, with its arguments."""
    sql_guard: SqlGuard = field(init=False)
    results: list[StepResult] = field(default_factory=list)
    _undone: list[KeptTable] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stream: Stream = self.run.target.stream
        self.ledger = self.run.ledger
        self.sql_guard = SqlGuard(self.ledger.dialect)

    @cached_property
    def changer(self) -> Changer:
        """What changes rows that are there."""
        policy = self.run.policy
        return Changer(
            self.stream,
            self.ledger,
            self.run.target.session,
            self.run.settings.on_conflict,
            policy.is_personal if policy else lambda table, column: False,
        )

    @property
    def conflicts(self) -> Sequence[str]:
        """What was left alone because a person edited it."""
        return self.changer.conflicts if "changer" in vars(self) else ()

    @cached_property
    def remover(self) -> Remover:
        """What takes rows out; made when a step needs it."""
        return self.make_remover()

    def prepare(self, step: PlannedRevision) -> None:
        """Make the step's kept tables where that would commit, so before its transaction."""
        if step.upgrade and step.changes and self.ledger.dialect.ddl_commits:
            session = self.run.target.session
            if session is not None and session.external:
                raise PlanError(
                    f"revision {step.revision}: updates or deletes rows, and this server would "
                    "commit your transaction when the table is made that keeps them; run it "
                    "without handing over a connection"
                )
            self._create_kept(step)

    def clean(self, step: PlannedRevision) -> None:
        """Drop kept tables that a rollback has emptied, where that would have committed."""
        if self.ledger.dialect.ddl_commits:
            self._drop_kept()

    def abandon(self) -> None:
        """Drop the kept tables of steps that failed, where the server has committed them."""
        done = {result.revision for result in self.results}
        steps = [s for s in self.run.plan.steps if s.upgrade and s.revision not in done]
        if not self.ledger.dialect.ddl_commits or self.run.target.session is None:
            return
        with suppress(Exception):  # the next run drops them too, and what failed is said already
            self.run.target.session.end_transaction()
            for change in (change for step in steps for change in step.changes):
                sql = self.ledger.dialect.drop_kept(kept_of(self.ledger, change))
                with self.sql_guard.allow():
                    self.stream.run(sql)
            self.run.target.session.end_transaction()

    def _create_kept(self, step: PlannedRevision) -> None:
        for change in step.changes:
            kept, dialect = kept_of(self.ledger, change), self.ledger.dialect
            with self.sql_guard.allow():
                for sql in [dialect.drop_kept(kept), *dialect.create_kept(kept)]:
                    self.stream.run(sql, what=change.range.label)

    def _drop_kept(self) -> None:
        for kept in self._undone:
            with self.sql_guard.allow():
                self.stream.run(self.ledger.dialect.drop_kept(kept))
        self._undone.clear()

    def execute(self, step: PlannedRevision, call: Callable[[], None]) -> None:
        """Write, or take out, what the step plans; ``call`` runs the revision's function."""
        self._step, self._taken = step, 0
        direction = "upgrade" if step.upgrade else "downgrade"
        self._result = StepResult(step.revision, direction, step.state, raw_sql=step.raw_sql)
        started = monotonic()
        self.turns.take(self.stream)
        with located(revision=step.revision):
            (self._upgrade if step.upgrade else self._downgrade)(step, call)
        self._result.seconds = monotonic() - started
        self.stream.run(self._event(self._result), what="audit")
        self.results.append(self._result)

    def _event(self, result: StepResult) -> str:
        event = _EVENTS.get(result.state, "reverted")
        seconds = None if self.audit.scripted else round(result.seconds or 0, 3)
        return self.audit.event(
            event,
            revision=result.revision,
            rows={table: counts.changed for table, counts in result.tables.items()},
            raw_sql=result.raw_sql,
            retained=result.rows("retained") or None,
            left_out=self._step.left_out or None,
            seconds=seconds,
        )

    def take(self, operation: MigrateOperation) -> None:
        """Execute the next operation of the revision: the one that was planned."""
        if isinstance(operation, RenameOp):
            return  # it was read before the run
        with self.sql_guard.allow():
            self._take(operation)
        self._taken += 1

    def _take(self, operation: MigrateOperation) -> None:
        unseed = isinstance(operation, UnseedOp)
        planned: Sequence[object] = self._step.removals if unseed else self._step.operations
        if self._taken >= len(planned):
            raise PlanError(
                f"revision {self._step.revision}: calls an operation that is not in its plan. A "
                "revision must call the same operations every time; with raw_sql and online_only "
                "it may run raw SQL only"
            )
        if unseed:
            self._count(self.remover.remove(self._step, self._step.removals[self._taken]))
        else:
            for table in self._step.operations[self._taken]:
                if isinstance(table, PlannedChange):
                    retained = _retained_keys(self.run, self._step.operations[self._taken])
                    counts = self.changer.write(table, retained)
                    self._result.count(table.range.table, counts)
                    continue
                with located(table=table.rows.table):
                    written = self._writer.write(table)
                counts = Counts(inserted=written, skipped=table.rows.count - written)
                self._result.count(table.rows.table, counts)

    def _count(self, removed: Mapping[str, Counts]) -> None:
        for table, counts in removed.items():
            self._result.count(table, counts)

    def _upgrade(self, step: PlannedRevision, call: Callable[[], None]) -> None:
        header = Header(step.revision, step.state, self.run.detail, step.digest)
        self.stream.run(self.ledger.open(header), what="ledger")
        if step.skipped:
            return
        for sql in pin_files(self.ledger, self.run.settings.data, step.revision, step.files):
            self.stream.run(sql, what="ledger")
        known = cast("dict[str, Range]", self.run.ranges_before(step.revision))
        self._writer = self.make_writer(
            self.stream,
            self.ledger,
            self.run.prover_of,
            ChainMap({}, known),
            progress=self.progress,
            statement_characters=self.statement_characters,
            retained=_retained_rows(self.run, step),
        )
        self._writer.announce(step.tables)
        if not self.ledger.dialect.ddl_commits:
            self._create_kept(step)
        call()
        self._refuse_other(step, step.operations)
        for planned in step.tables:
            self._writer.complete(planned)
        self._derive(step, self._writer.known)
        self._verify(step)

    def _downgrade(self, step: PlannedRevision, call: Callable[[], None]) -> None:
        if step.skipped:
            self._refuse_rows(step)
        else:
            self._empty(step)
            call()
            self._refuse_other(step, step.removals)
            if step.retains_rows:
                self._count(self.remover.retain(step))
            if step.derives:
                self._derive(step, self.run.ranges_before(step.revision))
        changed = [] if step.skipped else self.remover.kept(step)
        self._undone += [change.kept for change in changed]
        self.stream.run(self.ledger.forget(step.revision), what="ledger")
        if not self.ledger.dialect.ddl_commits:
            self._drop_kept()

    def _refuse_other(self, step: PlannedRevision, planned: Sequence[object]) -> None:
        if self._taken != len(planned):
            raise PlanError(
                f"revision {step.revision}: did not call every planned operation; remove what "
                "depends on the clock, chance or the database"
            )

    def _refuse_rows(self, step: PlannedRevision) -> None:
        """A revision counts as skipped by its file, which may have changed since."""
        what = f"the ledger lists no rows of {step.revision}, which does not run here"
        if self.stream.must_be_zero(self.ledger.count_ranges(step.revision), what):
            raise PlanError(
                f"revision {step.revision}: does not run in this environment, and the ledger lists "
                "rows of it; restore its environments = (...)"
            )

    def _derive(self, step: PlannedRevision, known: Mapping[str, Range]) -> None:
        for derived in step.derives:
            if derived.table not in known or (not step.upgrade and self._is_gone(derived)):
                continue
            self.stream.note(f"\n{derived.table}: derived columns")
            as_of = self.run.generation.as_of
            sql = recompute(derived, known[derived.table], self.ledger, as_of)
            self.stream.run(sql, what=f"revision {step.revision}, derived {derived.table}")

    def _empty(self, step: PlannedRevision) -> None:
        """Set derived references to rows of the revision to NULL, before those rows go."""
        known = self.run.ranges_before(step.revision) if step.derives else {}
        for derived in step.derives:
            if not derived.emptied or derived.table not in known or self._is_gone(derived):
                continue
            self.stream.note(f"\n{derived.table}: no reference to the rows that go")
            emptied = replace(derived, assignments=dict.fromkeys(derived.emptied, "NULL"))
            as_of = self.run.generation.as_of
            sql = recompute(emptied, known[derived.table], self.ledger, as_of)
            self.stream.run(sql, what=f"revision {step.revision}, derived {derived.table}")

    def _is_gone(self, derived: Derived) -> bool:
        """Whether the schema has lost what would be recomputed, or a table that it follows from."""
        connection = self.run.target.connection
        if connection is None:
            return False
        seeded = {range_.table for range_ in self.ledger.ranges(connection)}
        gone = [table for table in seeded if live_columns(connection, table) is None]
        said = " ".join(derived.assignments.values())
        if any(re.search(rf"\b{re.escape(table)}\b", said) for table in gone):
            return True
        columns = live_columns(connection, derived.table) or {}
        return not derived.assignments.keys() <= columns.keys()

    def _verify(self, step: PlannedRevision) -> None:
        seeded: dict[str, list[Range]] = {}
        if step.checks:
            self.stream.note("\ninvariants that must hold now")
            for range_ in [*self.run.generated_before(step.revision), *step.generated]:
                seeded.setdefault(range_.table, []).append(range_)
        for check in step.checks:
            if check.table not in seeded:
                continue
            count = violations(check, seeded[check.table], self.ledger)
            broken = self.stream.must_be_zero(count, f"{check.name} ({check.table})")
            if broken:
                raise VerificationError(
                    f"revision {step.revision}: {broken} seeded rows of {check.table} break "
                    f"{check.name}; the revision was rolled back. Correct the seeder or the "
                    "invariant and run again"
                )


def _retained_keys(
    run: Run, tables: Sequence[PlannedTable | PlannedChange]
) -> frozenset[tuple[Value, ...]]:
    """The natural keys of an operation's own rows that an earlier rollback left in place."""
    return frozenset(
        tuple(rows.values(name, number, number + 1)[0] for name in rows.key)
        for planned in tables
        if isinstance(planned, PlannedTable)
        for rows in [planned.rows]
        for number in run.retained_numbers(planned)
    )


def _retained_rows(run: Run, step: PlannedRevision) -> dict[int, frozenset[int]]:
    """What earlier rollbacks left in place: row numbers by range."""
    ranges = (planned.range for planned in step.tables)
    return {
        range_.number: run.retained[range_.place][1]
        for range_ in ranges
        if range_.place in run.retained
    }


def planned_steps(
    executor: Executor,
    committed: Callable[[], None] = lambda: None,
    settle: Callable[[], None] = lambda: None,
) -> Callable[[Any, MigrationContext], Iterator[MigrationStep]]:
    """A steps function for Alembic that executes what was planned.

    On a retry it continues after the revisions that are already done.
    ``committed`` is called after each step, outside its transaction, and ``settle`` before and
    after it, to end what is left of one.
    """
    planned = {step.revision: step for step in executor.run.plan.steps}

    def execute(step: RevisionStep, function: Callable[[], None]) -> None:
        revision, attributes = step.revision.revision, read_attributes(step.revision)

        def call() -> None:
            with executor.sql_guard.enforce(revision, attributes.raw_sql):
                call_function(function, revision)

        executor.execute(planned[revision], call)

    def remaining(heads: Any, context: MigrationContext) -> Iterator[MigrationStep]:
        done = {result.revision for result in executor.results}
        for step in executor.run.move.alembic_steps:
            if isinstance(step, RevisionStep):
                if step.revision.revision in done:
                    continue
                module = step.revision.module
                function = module.upgrade if step.is_upgrade else module.downgrade
                step.migration_fn = _bind(function, partial(execute, step, function))
                executor.prepare(planned[step.revision.revision])
                settle()
            elif isinstance(step, StampStep):
                step.migration_fn = _bind(step.stamp_revision, partial(_stamp, step, executor))
            yield step
            if isinstance(step, RevisionStep):
                executor.clean(planned[step.revision.revision])
                settle()
            committed()  # Alembic asks for the next one when this one's transaction is over

    return remaining


def _bind(function: Callable[..., Any], perform: Callable[[], None]) -> Callable[..., None]:
    """What Alembic calls for a step; it logs "Running upgrade" after the function's name."""

    @wraps(function)
    def run(**kw: Any) -> None:
        perform()

    return run


def _stamp(step: StampStep, executor: Executor) -> None:
    """Write a ``stamped`` header for each revision that a stamp passes over.

    Going down, the headers go; `PlanError` if one of the revisions has rows
    in the ledger, which a stamp would orphan.
    """
    ledger, stream = executor.ledger, executor.stream
    executor.turns.take(stream)
    for revision in _between(step):
        if step.is_upgrade:
            header = Header(revision, "stamped", executor.run.detail)
            stream.run(ledger.open(header), what="ledger")
        else:
            what = f"the ledger lists no rows of {revision}; if it does, use downgrade instead"
            if stream.must_be_zero(ledger.count_ranges(revision), what):
                raise PlanError(
                    f"cannot stamp below {revision}: the ledger still lists its rows. "
                    "Use downgrade instead"
                )
            stream.run(ledger.forget(revision), what="ledger")
        event = executor.audit.event("stamped", revision=revision, rows={})
        stream.run(event, what="audit")


def _between(step: StampStep) -> list[str]:
    """The revisions between the two ends of a stamp, oldest first."""
    assert step.revision_map is not None
    upper, lower = (step.to_, step.from_) if step.is_upgrade else (step.from_, step.to_)
    if not upper:
        return []
    scripts = step.revision_map.iterate_revisions(upper, lower or "base")
    names = [script.revision for script in scripts if isinstance(script, Script)]
    return names[::-1] if step.is_upgrade else names
