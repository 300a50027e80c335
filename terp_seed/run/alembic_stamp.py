"""``stamp``: the version moves, nothing is written, and the ledger says so."""

from __future__ import annotations

from alembic.runtime.migration import StampStep
from alembic.script import Script

from terp_seed.errors import PlanError
from terp_seed.run.executor import Performer

__all__ = ["stamped"]


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
