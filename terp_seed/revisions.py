"""What a seed revision says of itself, beside Alembic's own attributes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from alembic.script import Script

from terp_seed.errors import PlanError, UsageError
from terp_seed.settings import ENVIRONMENTS, environment_name

__all__ = ["ID_LENGTH", "Attributes", "attributes"]

ID_LENGTH = 32  # Alembic's version column


@dataclass(frozen=True)
class Attributes:
    """The attributes of a revision file that matter to seeding."""

    environments: tuple[str, ...]
    online_only: bool
    raw_sql: str | None
    as_of: date | None


def attributes(script: Script) -> Attributes:
    """Read and check a revision's attributes; `PlanError` names what is wrong."""
    where = f"revision {script.revision}"
    if len(script.revision) > ID_LENGTH:
        raise PlanError(
            f"{where}: its id has {len(script.revision)} characters, the version table holds "
            f"{ID_LENGTH}; shorten it"
        )
    for function in ("upgrade", "downgrade"):
        if not callable(getattr(script.module, function, None)):
            raise PlanError(
                f"{where}: has no {function}(); if there is nothing to roll back, say so with a "
                "downgrade() that only passes"
            )
    get = script.module.__dict__.get
    return Attributes(
        environments=_environments(get("environments"), where),
        online_only=_flag(get("online_only", False), where),
        raw_sql=_reason(get("raw_sql"), where),
        as_of=_day(get("as_of"), where),
    )


def _environments(value: Any, where: str) -> tuple[str, ...]:
    if value is None:
        return tuple(name for name in ENVIRONMENTS if name != "production")
    listed = isinstance(value, tuple | list | set | frozenset)
    if not listed or not all(isinstance(name, str) for name in value):
        raise PlanError(f'{where}: environments must be a tuple of names, as ("dev", "staging")')
    try:
        return tuple(environment_name(name) for name in value)
    except UsageError as error:
        raise PlanError(f"{where}: environments: {str(error).removeprefix('env: ')}") from None


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise PlanError(f"{where}: online_only must be True or False")
    return value


def _reason(value: Any, where: str) -> str | None:
    if value is not None and not (isinstance(value, str) and value.strip()):
        raise PlanError(f"{where}: raw_sql must be the reason why it needs SQL of its own")
    return value


def _day(value: Any, where: str) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise PlanError(f'{where}: as_of must be a date in quotes, as "2026-06-30"') from None
