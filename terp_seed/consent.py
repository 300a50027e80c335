"""Consent: in staging and production, a person says the database's name first.

On a terminal it is typed; where there is none it comes as ``-x yes=NAME``.
Without either the run refuses at once and never waits for an answer.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from terp_seed.errors import GuardError
from terp_seed.plan import PlannedRevision
from terp_seed.settings import Settings

__all__ = ["require_consent"]

_CAREFUL = ("staging", "production")


def require_consent(settings: Settings, environment: str, steps: Sequence[PlannedRevision]) -> None:
    """Return if the run may write here; `GuardError` if nobody said so."""
    name = Path(str(settings.url.database or "")).name
    if environment not in _CAREFUL or settings.yes == name:
        return
    if settings.yes is not None:
        raise GuardError(f"yes={settings.yes}: this database is called {name!r}; nothing was done")
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise GuardError(
            f"database {name!r} is stamped {environment}, and there is no terminal to ask on; say "
            f"that you mean it with -x yes={name}"
        )
    print(_question(name, environment, steps), end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != name:
        raise GuardError("that is not its name; nothing was done")


def _question(name: str, environment: str, steps: Sequence[PlannedRevision]) -> str:
    lines = [f"Database {name!r} is stamped {environment}. This run will:"]
    for step in steps:
        lines.append(f"  {'seed' if step.upgrade else 'roll back'} {step.revision}{_rows(step)}")
    return "\n".join([*lines, f"Type the database's name to go on ({name}): "])


def _rows(step: PlannedRevision) -> str:
    if step.skipped:
        return ": skipped here, nothing is written"
    counts = ", ".join(f"{count:,} {table}" for table, count in step.row_counts.items())
    return f": {counts}" if counts else ""
