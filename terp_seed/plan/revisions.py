"""Loads the revision files, and reads their attributes beside Alembic's."""

from __future__ import annotations

import re
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError

from terp_seed.errors import PlanError, SeedError, UsageError
from terp_seed.settings.options import ENVIRONMENTS, environment_name

__all__ = ["ID_LENGTH", "Attributes", "clear_load_errors", "load_revisions", "read_attributes"]

ID_LENGTH = 32  # Alembic's version column


@dataclass(frozen=True)
class Attributes:
    """The attributes of a revision file that matter to seeding."""

    environments: tuple[str, ...]
    online_only: bool
    raw_sql: str | None
    as_of: date | None


def read_attributes(script: Script) -> Attributes:
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
        raise PlanError(f"{where}: raw_sql must be the reason why it runs raw SQL")
    return value


def _day(value: Any, where: str) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise PlanError(f'{where}: as_of must be a date in quotes, as "2026-06-30"') from None


def load_revisions(directory: ScriptDirectory) -> ScriptDirectory:
    """The directory, every revision of it imported; `PlanError` names the one that cannot be.

    Also where Alembic only warns: an id of two files, a ``down_revision`` of none.
    """
    with clear_load_errors(), warnings.catch_warnings():
        warnings.filterwarnings("error", module=r"alembic\.script\.revision")
        directory.get_heads()
    return directory


@contextmanager
def clear_load_errors() -> Iterator[None]:
    """A mistake in a revision file as one line; no value of a row is in it."""
    try:
        yield
    except (SeedError, CommandError):
        raise
    except (RevisionError, UserWarning) as error:
        said = re.sub(r"[\s,]+is not", " is not", str(error))
        raise PlanError(f"{said}; correct revision or down_revision in its file") from None
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        name, line = frames[-1].filename, frames[-1].lineno
        if isinstance(error, SyntaxError) and error.filename:
            name, line = error.filename, error.lineno
        what = type(error).__name__
        if isinstance(error, SyntaxError | ImportError | NameError):  # they speak of code alone
            what = f"{what}: {error.msg if isinstance(error, SyntaxError) else error}"
        raise PlanError(f"{Path(name).name}, line {line}: cannot be loaded: {what}") from None
