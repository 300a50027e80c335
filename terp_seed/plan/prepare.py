"""What is known before anything is written: environment, heads, plan, preflight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import sleep

from alembic.runtime.migration import MigrationStep
from alembic.script import Script
from sqlalchemy.exc import DBAPIError

from terp_seed.database.dialects import Kind
from terp_seed.database.environment_stamp import environment_of
from terp_seed.database.failures import problem_behind
from terp_seed.database.schema import TableFacts
from terp_seed.database.session import Session
from terp_seed.errors import LockError, PlanError
from terp_seed.ledger.ledger import Header, SeededRange, ledger_of
from terp_seed.masking.boundary import BlockMasker, Boundary, boundary
from terp_seed.plan.heads import current_heads, plain_context, recorder_for
from terp_seed.plan.plan import Plan, PlannedTable
from terp_seed.plan.planner import generation_of, make_plan, recorded, revision_steps, same_key
from terp_seed.plan.recorder import Generation, Recorder
from terp_seed.plan.request import Request
from terp_seed.plan.retained import refuse_crowded, still_there
from terp_seed.rows.model import TableRows

__all__ = ["Kept", "Prepared", "look", "prepare", "refuse_other_settings", "steps_from"]

_LOOKS = 50

Kept = Mapping[tuple[str, int], frozenset[int]]
"""Row numbers that earlier rollbacks left in place, by revision and range."""


@dataclass(frozen=True)
class Prepared:
    """A plan, where it starts and what it depends on."""

    environment: str
    heads: tuple[str, ...]
    steps: list[MigrationStep]
    generation: Generation
    plan: Plan
    lineage: Sequence[Script]
    """The steps' revisions and all that they build on, oldest first."""
    border: Boundary | None
    """What masks; None for a rollback, which writes no row."""
    kept: Kept

    @property
    def key_id(self) -> str | None:
        """The name of the masking key, if rows are masked."""
        return None if self.border is None else self.border.key_id

    def prove(self, rows: TableRows) -> BlockMasker | None:
        """What holds synthetic rows to the reserved ranges."""
        return None if self.border is None else self.border.prove(rows)

    def findings(self, rows: TableRows, facts: TableFacts | None) -> list[str]:
        """What the masking policy says against these rows."""
        return [] if self.border is None else self.border.findings(rows, facts)

    @property
    def upwards(self) -> bool:
        """Whether the run seeds; otherwise it rolls back."""
        return all(step.is_upgrade for step in self.steps)


def look(session: Session, request: Request) -> tuple[str, tuple[str, ...], list[MigrationStep]]:
    """Environment, heads and pending steps, without the lock; does not write.

    Another first run may be creating the very tables that are looked at.
    """
    for _ in range(_LOOKS):
        try:
            environment = environment_of(session.connection, session.settings, session.books)
            heads = current_heads(session)
            return environment, heads, steps_from(session, request, heads)
        except DBAPIError as error:
            if problem_behind(error).kind is not Kind.BEING_CREATED:
                raise
            sleep(0.1)
        finally:
            session.settle()
    raise LockError("another run is creating the bookkeeping tables, and is not done; try again")


def steps_from(session: Session, request: Request, heads: tuple[str, ...]) -> list[MigrationStep]:
    """What the request means where the chain stands."""
    return request.steps(heads, plain_context(session))


def prepare(
    session: Session,
    request: Request,
    environment: str,
    heads: tuple[str, ...],
    steps: list[MigrationStep],
) -> Prepared:
    """Make the plan and hold it against what the chain was seeded with; does not write.

    `terp_seed.plan.preflight` holds it against the live schema.
    """
    headers = ledger_of(session).headers(session.connection)
    applied = request.applied(heads)
    _refuse_lost_ledger(session, applied, headers)
    wanted = revision_steps(steps)
    upwards = any(step.upgrade for step in wanted)
    keep = recorded(headers, applied[::-1])
    lineage = request.lineage({*heads, *(step.script.revision for step in wanted)})
    generation = generation_of(session.settings, environment, lineage, keep)
    border = boundary(session.settings, environment) if upwards else None
    if border is not None:
        same_key(keep, border.key_id)
    recorder = recorder_for(session, environment, generation, headers, border)
    plan = make_plan(lineage, wanted, recorder)
    kept = still_there(session)
    if upwards:
        _refuse_changed(session, recorder, applied, headers)
        refuse_crowded(session, plan, kept)
    session.settle()
    spared = {place: numbers for place, (_, numbers) in kept.items()}
    return Prepared(environment, heads, steps, generation, plan, lineage, border, spared)


def refuse_other_settings(
    session: Session, request: Request, environment: str, heads: tuple[str, ...]
) -> None:
    """Refuse a wish for another size: that nothing is to do is no answer to it."""
    applied = request.applied(heads)
    keep = recorded(ledger_of(session).headers(session.connection), applied[::-1])
    if keep:
        generation_of(session.settings, environment, applied, keep)


def _refuse_lost_ledger(
    session: Session, applied: Sequence[Script], headers: Mapping[str, Header]
) -> None:
    lost = [script.revision for script in applied if script.revision not in headers]
    if lost:
        raise PlanError(
            f"the version table says that {', '.join(lost)} is applied, and the ledger knows "
            "nothing of it: it was lost, perhaps to a schema tool that drops tables it does not "
            f"know. Rebuild it from the rows: terp-seed ledger rebuild{_apart(session)}"
        )


def _apart(session: Session) -> str:
    """Where such a tool would not look, if the engine has such a place."""
    if not session.dialect.schemas or session.books.schema:
        return ""
    return ", and keep the bookkeeping in a schema of its own (bookkeeping_schema in alembic.ini)"


def _refuse_changed(
    session: Session, recorder: Recorder, applied: Sequence[Script], headers: Mapping[str, Header]
) -> None:
    """Refuse an applied revision that would seed other tables or numbers of rows now.

    Later rows refer to generated ones by row number, so these are compared where the plan asked
    for them; imported ones always, without masking them.
    """
    recalled = recorder.recalled
    reader = recorder.fresh(build=False, mask=lambda rows: rows, numbers_rows=lambda table: False)
    for script in applied:
        if headers[script.revision].state != "applied":
            continue
        now = (recalled.planned[script.revision] if recalled else reader.upgrade(script)).tables
        ranges = ledger_of(session).ranges(session.connection, script.revision)
        if recalled is None:
            ranges = [of for of in ranges if of.shape.provenance == "imported"]
        if len(now) != len(ranges) or not all(map(_same, now, ranges)):
            raise PlanError(
                f"revision {script.revision} was changed since it was applied: it would seed other "
                "tables or other numbers of rows now; restore its file, or roll it back and seed "
                "again"
            )


def _same(planned: PlannedTable, of: SeededRange) -> bool:
    """Whether rows are as many as went in; those that were left out may be the last ones."""
    rows = planned.rows
    fewer = rows.skip_taken and of.count < rows.count
    return rows.table == of.table and (of.count == rows.count or fewer)
