"""From the name of a table to the revision to go to: what it needs, and what needs it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from terp_seed.database.session import opened
from terp_seed.errors import UsageError
from terp_seed.plan.chain import ancestors
from terp_seed.plan.plan import Plan
from terp_seed.plan.run import record_history
from terp_seed.project.project import Project

__all__ = ["Target", "target_of"]


@dataclass(frozen=True)
class Target:
    """Where to go, and the revisions that are gone through because of it."""

    revision: str
    """What Alembic is told: a revision, or ``base``."""
    seeding: tuple[str, ...]
    """The revisions that seed the table."""
    along: tuple[str, ...]
    """The others: what those need, or on the way down what needs them."""


def target_of(project: Project, table: str, *, up: bool) -> Target:
    """Up to the last revision that seeds the table, or down below the first.

    ``table`` may also be a revision's name without its number.  Raises
    `UsageError` if no revision seeds it.
    """
    directory = project.directory()
    scripts = ancestors(directory, directory.get_heads())
    with opened(project.settings()) as session:
        plan = record_history(session, scripts)
    names = [script.revision for script in scripts]
    seeding = [name for name in names if table in _names(plan, name)]
    if not seeding:
        known = {each for name in names for each in _names(plan, name)}
        close = get_close_matches(table, sorted(known), n=1)
        hint = (
            f"; did you mean {close[0]!r}?" if close else f"; it seeds {', '.join(sorted(known))}"
        )
        raise UsageError(f"table {table!r}: no revision of this chain seeds it{hint}")
    if up:
        through = names[: names.index(seeding[-1]) + 1]
        revision = seeding[-1]
    else:
        first = names.index(seeding[0])
        through = names[first:]
        revision = names[first - 1] if first else "base"
    along = tuple(name for name in through if name not in seeding)
    return Target(revision, tuple(seeding), along)


def _names(plan: Plan, revision: str) -> set[str]:
    tables = {planned.rows.table for planned in plan.history[revision].tables}
    number, _, subject = revision.partition("_")
    return {*tables, subject if number.isdecimal() else revision}
