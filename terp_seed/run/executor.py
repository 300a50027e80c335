"""Performs one planned revision on a stream: rows, books, derived columns, checks."""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Protocol, cast

from alembic.operations import MigrateOperation

from terp_seed.database.dialects import STATEMENT_CHARACTERS
from terp_seed.database.statements import Stream
from terp_seed.errors import PlanError, VerificationError
from terp_seed.ledger.audit import Audit
from terp_seed.ledger.derived import recompute, violations
from terp_seed.ledger.ledger import Ledger, Range
from terp_seed.masking.boundary import Masks
from terp_seed.plan.operations import UnseedOp
from terp_seed.plan.plan import Plan, PlannedRevision, Removal, Removed
from terp_seed.plan.recorder import Generation
from terp_seed.plan.sql_guard import Gate
from terp_seed.run.writer import Writer
from terp_seed.settings.progress import Progress

__all__ = ["Done", "Performer", "Remover"]


class Remover(Protocol):
    """What takes a revision's rows out: online, or as a script."""

    def remove(self, step: PlannedRevision, removal: Removal) -> Removed:
        """Do what one ``op.unseed`` says."""

    def leave(self, step: PlannedRevision) -> Removed:
        """Keep the rows of a revision that declares no rollback, in the ledger as kept."""


@dataclass(frozen=True)
class Done:
    """What became of one revision."""

    revision: str
    upgrade: bool
    skipped: bool
    rows: Mapping[str, int]
    seconds: float
    kept: Mapping[str, int] = field(default_factory=dict)
    """Rows that a rollback left where they are."""


@dataclass
class Performer:
    """Performs the steps of a plan, one transaction each, which it does not commit."""

    stream: Stream
    ledger: Ledger
    audit: Audit
    plan: Plan
    masks: Masks
    generation: Generation
    detail: dict[str, Any]
    """The settings, as the ledger's header keeps them."""
    remover: Remover
    progress: Progress = field(default_factory=Progress)
    statement_characters: int = STATEMENT_CHARACTERS
    kept: Mapping[tuple[str, int], frozenset[int]] = field(default_factory=dict)
    """What earlier rollbacks left in place: row numbers by revision and range."""
    known_before: Callable[[str], Mapping[str, Range]] | None = None
    """What the ledger says of earlier ranges; without it, the plan says."""
    gate: Gate = field(init=False)
    done: list[Done] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate = Gate(backslash_escapes=self.ledger.dialect.backslash_escapes)

    def perform(self, step: PlannedRevision, call: Callable[[], None]) -> None:
        """Write, or take out, what the step plans; ``call`` runs the revision's own code."""
        self._step, self._taken = step, 0
        self._rows: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()
        started = monotonic()
        if step.upgrade:
            self._upgrade(step, call)
        else:
            self._downgrade(step, call)
        rows, kept = dict(self._rows), dict(self._kept)
        seconds = monotonic() - started
        self.stream.run(self._event(step, rows, seconds), what="audit")
        self.done.append(Done(step.revision, step.upgrade, step.skipped, rows, seconds, kept))

    def _event(self, step: PlannedRevision, rows: dict[str, int], seconds: float) -> str:
        event = "applied" if step.upgrade else "reverted"
        return self.audit.event(
            "skipped" if step.skipped else event,
            revision=step.revision,
            rows=rows,
            raw_sql=step.raw_sql,
            kept=dict(self._kept) or None,
            seconds=None if self.audit.scripted else round(seconds, 3),
        )

    def take(self, operation: MigrateOperation) -> None:
        """Perform the next operation of the revision: the one that was planned."""
        with self.gate.ours():
            self._take(operation)
        self._taken += 1

    def _take(self, operation: MigrateOperation) -> None:
        unseed = isinstance(operation, UnseedOp)
        planned: Sequence[object] = self._step.removals if unseed else self._step.operations
        if self._taken >= len(planned):
            raise PlanError(
                f"revision {self._step.revision}: does something that was not planned; it must do "
                "the same each time, and one that is raw_sql and online_only can only use SQL of "
                "its own"
            )
        if unseed:
            self._count(self.remover.remove(self._step, self._step.removals[self._taken]))
        else:
            for each in self._step.operations[self._taken]:
                self._rows[each.rows.table] += self._writer.write(each)

    def _count(self, removed: Removed) -> None:
        self._rows.update(removed.rows)
        self._kept.update(removed.kept)

    def _upgrade(self, step: PlannedRevision, call: Callable[[], None]) -> None:
        state = "skipped" if step.skipped else "applied"
        self.stream.run(self.ledger.open(step.revision, state, self.detail), what="ledger")
        if step.skipped:
            return
        self._writer = Writer(
            self.stream,
            self.ledger,
            self.masks,
            ChainMap({}, cast("dict[str, Range]", self._known_before(step.revision))),
            progress=self.progress,
            statement_characters=self.statement_characters,
            kept={
                planned.range.number: self.kept[step.revision, planned.range.number]
                for planned in step.tables
                if (step.revision, planned.range.number) in self.kept
            },
        )
        self._writer.announce(step.tables)
        call()
        if self._taken != len(step.operations):
            raise PlanError(
                f"revision {step.revision}: did other things than were planned; it must not "
                "depend on anything that changes between two runs"
            )
        self._derive(step, self._writer.known)
        self._verify(step, self._writer.known)

    def _downgrade(self, step: PlannedRevision, call: Callable[[], None]) -> None:
        if not step.skipped:
            call()
            if step.leaves_rows:
                self._count(self.remover.leave(step))
            self._derive(step, self._known_before(step.revision))
        self.stream.run(self.ledger.forget(step.revision), what="ledger")

    def _known_before(self, revision: str) -> Mapping[str, Range]:
        if self.known_before is not None:
            return self.known_before(revision)
        return self.plan.ranges_before(revision)

    def _derive(self, step: PlannedRevision, known: Mapping[str, Range]) -> None:
        for derived in step.derives:
            if derived.table in known:
                self.stream.note(f"\n{derived.table}: derived columns")
                sql = recompute(derived, known[derived.table], self.ledger, self.generation.as_of)
                self.stream.run(sql, what=f"revision {step.revision}, derived {derived.table}")

    def _verify(self, step: PlannedRevision, known: Mapping[str, Range]) -> None:
        if step.checks:
            self.stream.note("\ninvariants that must hold now")
        for check in step.checks:
            if check.table not in known:
                continue
            count = violations(check, known[check.table], self.ledger)
            found = self.stream.must_be_zero(count, f"{check.name} ({check.table})")
            if found:
                raise VerificationError(
                    f"revision {step.revision}: {found} seeded rows of {check.table} break "
                    f"{check.name}; nothing of this revision was kept"
                )
