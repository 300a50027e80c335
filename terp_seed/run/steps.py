"""Alembic's steps with the planned ones in their place; a stamp's headers in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial, wraps
from typing import Any

from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep, StampStep
from alembic.script import Script

from terp_seed.errors import PlanError
from terp_seed.ledger.ledger import Header
from terp_seed.plan.recorder import call_function
from terp_seed.plan.revisions import read_attributes
from terp_seed.run.executor import Executor

__all__ = ["planned_steps"]


def planned_steps(
    executor: Executor, committed: Callable[[], None] = lambda: None
) -> Callable[[Any, MigrationContext], Iterator[MigrationStep]]:
    """A steps function for Alembic that executes what was planned.

    On a retry it continues after the revisions that are already done.
    ``committed`` is called after each step, outside its transaction.
    """
    planned = {step.revision: step for step in executor.run.plan.steps}

    def execute(step: RevisionStep, function: Callable[[], None]) -> None:
        revision, attributes = step.revision.revision, read_attributes(step.revision)

        def call() -> None:
            with executor.sql_guard.close(revision, attributes.raw_sql):
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
            elif isinstance(step, StampStep):
                step.migration_fn = _bind(step.stamp_revision, partial(_stamp, step, executor))
            yield step
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
    for revision in _between(step):
        if step.is_upgrade:
            header = Header(revision, "stamped", executor.run.detail)
            stream.run(ledger.open(header), what="ledger")
        else:
            what = f"the ledger lists no rows of {revision}; if it does, use downgrade instead"
            if stream.must_be_zero(ledger.count_of_rows(revision), what):
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
