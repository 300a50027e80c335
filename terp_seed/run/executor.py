"""Executes one planned revision on a stream: rows, ledger, derived columns, checks, audit."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import cast

from alembic.operations import MigrateOperation

from terp_seed.database.dialects import STATEMENT_CHARACTERS
from terp_seed.database.statements import Stream
from terp_seed.errors import PlanError, VerificationError
from terp_seed.ledger.audit import Audit
from terp_seed.ledger.derived import recompute, violations
from terp_seed.ledger.ledger import Header, Range
from terp_seed.plan.operations import UnseedOp
from terp_seed.plan.plan import PlannedRevision
from terp_seed.plan.result import Counts, StepResult
from terp_seed.plan.run import Run
from terp_seed.plan.sql_guard import SqlGuard
from terp_seed.run.removal import Remover
from terp_seed.run.writer import Writer
from terp_seed.settings.progress import Progress

__all__ = ["Executor"]


@dataclass
class Executor:
    """Executes the steps of a run, one transaction each, which it does not commit."""

    run: Run
    audit: Audit
    remover: Remover
    progress: Progress = field(default_factory=Progress)
    statement_characters: int = STATEMENT_CHARACTERS
    sql_guard: SqlGuard = field(init=False)
    results: list[StepResult] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stream: Stream = self.run.target.stream
        self.ledger = self.run.ledger
        self.sql_guard = SqlGuard(self.ledger.dialect)

    def execute(self, step: PlannedRevision, call: Callable[[], None]) -> None:
        """Write, or take out, what the step plans; ``call`` runs the revision's function."""
        self._step, self._taken = step, 0
        direction = "upgrade" if step.upgrade else "downgrade"
        self._result = StepResult(step.revision, direction, step.state, raw_sql=step.raw_sql)
        started = monotonic()
        if step.upgrade:
            self._upgrade(step, call)
        else:
            self._downgrade(step, call)
        self._result.seconds = monotonic() - started
        self.stream.run(self._event(self._result), what="audit")
        self.results.append(self._result)

    def _event(self, result: StepResult) -> str:
        event = result.state if result.state in ("applied", "skipped") else "reverted"
        seconds = None if self.audit.scripted else round(result.seconds or 0, 3)
        return self.audit.event(
            event,
            revision=result.revision,
            rows={table: counts.written for table, counts in result.tables.items()},
            raw_sql=result.raw_sql,
            retained=result.rows("retained") or None,
            seconds=seconds,
        )

    def take(self, operation: MigrateOperation) -> None:
        """Execute the next operation of the revision: the one that was planned."""
        with self.sql_guard.open():
            self._take(operation)
        self._taken += 1

    def _take(self, operation: MigrateOperation) -> None:
        unseed = isinstance(operation, UnseedOp)
        planned: Sequence[object] = self._step.removals if unseed else self._step.operations
        if self._taken >= len(planned):
            raise PlanError(
                f"revision {self._step.revision}: does something that was not planned; it must do "
                "the same each time, and one that is raw_sql and online_only can only run raw SQL"
            )
        if unseed:
            self._count(self.remover.remove(self._step, self._step.removals[self._taken]))
        else:
            for table in self._step.operations[self._taken]:
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
        known = cast("dict[str, Range]", self.run.ranges_before(step.revision))
        self._writer = Writer(
            self.stream,
            self.ledger,
            self.run.prove,
            ChainMap({}, known),
            progress=self.progress,
            statement_characters=self.statement_characters,
            retained=_retained_rows(self.run, step),
        )
        self._writer.announce(step.tables)
        call()
        self._refuse_other(step, step.operations)
        for planned in step.tables:
            self._writer.complete(planned)
        self._derive(step, self._writer.known)
        self._verify(step, self._writer.known)

    def _downgrade(self, step: PlannedRevision, call: Callable[[], None]) -> None:
        if step.skipped:
            self._refuse_rows(step)
        else:
            call()
            self._refuse_other(step, step.removals)
            if step.retains_rows:
                self._count(self.remover.retain(step))
            if step.derives:
                self._derive(step, self.run.ranges_before(step.revision))
        self.stream.run(self.ledger.forget(step.revision), what="ledger")

    def _refuse_other(self, step: PlannedRevision, planned: Sequence[object]) -> None:
        if self._taken != len(planned):
            raise PlanError(
                f"revision {step.revision}: did other things than were planned; it must not "
                "depend on anything that changes between two runs"
            )

    def _refuse_rows(self, step: PlannedRevision) -> None:
        """A revision counts as skipped by its file, which may have changed since."""
        what = f"the ledger lists no rows of {step.revision}, which does not run here"
        if self.stream.must_be_zero(self.ledger.count_of_rows(step.revision), what):
            raise PlanError(
                f"revision {step.revision}: does not run in this environment, and the ledger lists "
                "rows of it; restore its environments = (...)"
            )

    def _derive(self, step: PlannedRevision, known: Mapping[str, Range]) -> None:
        for derived in step.derives:
            if derived.table in known:
                self.stream.note(f"\n{derived.table}: derived columns")
                as_of = self.run.generation.as_of
                sql = recompute(derived, known[derived.table], self.ledger, as_of)
                self.stream.run(sql, what=f"revision {step.revision}, derived {derived.table}")

    def _verify(self, step: PlannedRevision, known: Mapping[str, Range]) -> None:
        if step.checks:
            self.stream.note("\ninvariants that must hold now")
        for check in step.checks:
            if check.table not in known:
                continue
            count = violations(check, known[check.table], self.ledger)
            broken = self.stream.must_be_zero(count, f"{check.name} ({check.table})")
            if broken:
                raise VerificationError(
                    f"revision {step.revision}: {broken} seeded rows of {check.table} break "
                    f"{check.name}; nothing of this revision was kept"
                )


def _retained_rows(run: Run, step: PlannedRevision) -> dict[int, frozenset[int]]:
    """What earlier rollbacks left in place: row numbers by range."""
    ranges = (planned.range for planned in step.tables)
    return {
        range_.number: run.retained[range_.place][1]
        for range_ in ranges
        if range_.place in run.retained
    }
