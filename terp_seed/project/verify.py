"""The invariants that seeds declare, checked in a database."""

from __future__ import annotations

from dataclasses import dataclass

from terp_seed.database.session import opened
from terp_seed.ledger.derived import violations
from terp_seed.ledger.ledger import Range, ledger_of
from terp_seed.plan.chain import ancestors, current_heads
from terp_seed.plan.run import record_history
from terp_seed.project.project import Project

__all__ = ["Violations", "count_violations"]


@dataclass(frozen=True)
class Violations:
    """One invariant, and how many rows break it."""

    name: str
    table: str
    broken: int


def count_violations(project: Project, *, everything: bool = False) -> list[Violations]:
    """Count the rows that break the invariants of the applied revisions; does not write.

    Counts among the seeded rows, or with ``everything`` among all rows of the database.
    """
    settings = project.settings()
    with opened(settings) as session:
        applied = ancestors(project.directory(), current_heads(session))
        plan = record_history(session, applied)
        seeded: dict[str, Range] = {}
        checks = {}
        for step in plan.history.values():
            seeded.update(step.ranges)
            checks.update({check.name: check for check in step.checks})
        results: list[Violations] = []
        for check in checks.values():
            rows = seeded.get(check.table)
            if everything or rows is not None:
                count = violations(check, None if everything else rows, ledger_of(session))
                results.append(Violations(check.name, check.table, int(session.scalar(count))))
        return results
