"""How Alembic's steps become planned ones, a stamp among them: shared by a run and a script."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any

from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep, StampStep
from alembic.script import Script

from terp_seed.errors import PlanError
from terp_seed.plan.recorder import called
from terp_seed.plan.revisions import attributes
from terp_seed.run.executor import Performer

__all__ = ["stamped", "wrapped"]


def stamped(step: StampStep, performer: Performer) -> None:
    """Write a ``stamped`` header for each revision that a stamp passes over.

    Going down, the headers go; `PlanError` if one of the revisions has rows
    in the ledger, which a stamp would orphan.
    """
    revisions = _between(step)
    ledger, stream = performer.ledger, performer.stream
    for revision in revisions:
        if step.is_upgrade:
            stream.run(ledger.open(revision, "stamped", performer.detail), what="ledger")
        else:
            what = f"the ledger lists no rows of {revision}; if it does, use downgrade instead"
            if stream.must_be_zero(ledger.count_of_rows(revision), what):
                raise PlanError(
                    f"cannot stamp below {revision}: the ledger still lists its rows. "
                    "Use downgrade instead"
                )
            stream.run(ledger.forget(revision), what="ledger")
        event = performer.audit.event("stamped", revision=revision, rows={})
        stream.run(event, what="audit")


def _between(step: StampStep) -> list[str]:
    """The revisions between the two ends of a stamp, oldest first."""
    assert step.revision_map is not None
    upper, lower = (step.to_, step.from_) if step.is_upgrade else (step.from_, step.to_)
    if not upper:
        return []
    found = step.revision_map.iterate_revisions(upper, lower or "base")
    names = [script.revision for script in found if isinstance(script, Script)]
    return names[::-1] if step.is_upgrade else names


def wrapped(
    steps: Sequence[MigrationStep],
    performer: Performer,
    committed: Callable[[], None] = lambda: None,
) -> Callable[[Any, MigrationContext], Iterator[MigrationStep]]:
    """A steps function for Alembic that performs what was planned.

    On a retry it goes on after the revisions that are already done.
    ``committed`` is called after each step, outside its transaction.
    """
    planned = {each.revision: each for each in performer.plan.steps}

    def perform(step: RevisionStep, function: Callable[[], None]) -> None:
        says = attributes(step.revision)
        revision = step.revision.revision

        def call() -> None:
            with performer.gate.closed(revision, says.raw_sql):
                called(function, revision)

        performer.perform(planned[revision], call)

    def remaining(heads: Any, context: MigrationContext) -> Iterator[MigrationStep]:
        done = {each.revision for each in performer.done}
        for step in steps:
            if isinstance(step, RevisionStep):
                if step.revision.revision in done:
                    continue
                step.migration_fn = _bound(perform, step)
            elif isinstance(step, StampStep):
                step.migration_fn = _bound_stamp(step, performer)
            yield step
            committed()  # Alembic asks for the next one when this one's transaction is over

    return remaining


def _bound(
    perform: Callable[[RevisionStep, Callable[[], None]], None], step: RevisionStep
) -> Callable[..., None]:
    module = step.revision.module
    function = module.upgrade if step.is_upgrade else module.downgrade

    @wraps(function)  # Alembic logs "Running upgrade" after its name
    def run(**kw: Any) -> None:
        perform(step, function)

    return run


def _bound_stamp(step: StampStep, performer: Performer) -> Callable[..., None]:
    @wraps(step.stamp_revision)
    def run(**kw: Any) -> None:
        stamped(step, performer)

    return run
