"""The revision to go to for a table: up with what it needs, or down with what needs it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from terp_seed.database.session import opened
from terp_seed.errors import UsageError
from terp_seed.plan.chain import ancestors
from terp_seed.plan.plan import Plan
from terp_seed.plan.run import record_history
from terp_seed.project.project import Project

__all__ = ["TableTarget", "table_target"]


@dataclass(frozen=True)
class TableTarget:
    """The revision to go to for a table, and the revisions on the way."""

    revision: str
    """A target for Alembic: a revision, or ``base``."""
    seeding: tuple[str, ...]
    """The revisions that seed the table."""
    along: tuple[str, ...]
    """The others: going up, what those need; going down, what needs them."""


def table_target(project: Project, table: str, *, up: bool) -> TableTarget:
    """Go up to the last revision that seeds the table, or down below the first.

    ``table`` may also be a revision's id without its number.  Raises `UsageError` if no revision
    seeds it.
    """
    directory = project.directory()
    scripts = ancestors(directory, directory.get_heads())
    with opened(project.settings()) as session:
        plan = record_history(session, scripts)
    names = [script.revision for script in scripts]
    seeding = [name for name in names if table in _names(plan, name)]
    if not seeding:
        known = sorted(set().union(*(_names(plan, name) for name in names)))
        close = get_close_matches(table, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"it seeds {', '.join(known)}"
        raise UsageError(f"table {table!r}: no revision of this chain seeds it; {hint}")
    if up:
        through = names[: names.index(seeding[-1]) + 1]
        revision = seeding[-1]
    else:
        first = names.index(seeding[0])
        through = names[first:]
        revision = names[first - 1] if first else "base"
    along = tuple(name for name in through if name not in seeding)
    return TableTarget(revision, tuple(seeding), along)


def _names(plan: Plan, revision: str) -> set[str]:
    tables = {planned.rows.table for planned in plan.history[revision].tables}
    number, _, subject = revision.partition("_")
    return {*tables, subject if number.isdecimal() else revision}
