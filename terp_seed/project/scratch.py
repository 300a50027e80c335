"""A scratch SQLite file with the tables that a project's seeds need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine

from terp_seed.database.dialects import dialect_named
from terp_seed.database.session import opened
from terp_seed.database.structure import copy_structure
from terp_seed.errors import UsageError
from terp_seed.project.offline_plan import Chain
from terp_seed.project.project import Project
from terp_seed.settings.ini_file import has_section

__all__ = ["Scratch", "scratch"]


@dataclass(frozen=True)
class Scratch:
    """A temporary database."""

    url: URL
    origin: str
    """Where its tables come from, as text for a message."""


@contextmanager
def scratch(project: Project, chain: Chain) -> Iterator[Scratch]:
    """Make the file, and delete it at the end; `UsageError` if its tables cannot be made.

    The tables are those of the project's database, if that answers and has any; it is only read.
    Otherwise the project's own ``alembic upgrade head`` makes them in the scratch file, and is
    stopped if it connects to anything else.
    """
    with TemporaryDirectory() as folder:
        url = sa.make_url(f"sqlite:///{Path(folder).resolve()}/scratch.db")
        Path(str(url.database)).touch()
        origin = _copy_tables(chain, url) or _create_tables(project, url)
        yield Scratch(url, origin)


def _copy_tables(chain: Chain, url: URL) -> str:
    if not chain.has_url:
        return ""
    try:
        with (
            opened(chain.settings) as session,
            dialect_named("sqlite").engine(url).begin() as target,
        ):
            found = copy_structure(session.connection, target)
    except UsageError:
        return ""  # it does not answer, or its file does not exist yet
    where = chain.settings.url.render_as_string()
    return f"the {found} tables of {where}, without their rows" if found else ""


def _create_tables(project: Project, url: URL) -> str:
    if not has_section(project.ini, "alembic"):
        raise UsageError(
            "no database answers, and alembic.ini has no [alembic] section to make its tables"
        )
    try:
        with _nowhere_else(url), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            project.application_upgrade(url)
    except _ElsewhereError:
        raise UsageError(
            "no database answers, and the env.py of [alembic] reads neither -x url= nor "
            "sqlalchemy.url, so it cannot be sent to a scratch database"
        ) from None
    except (Exception, SystemExit) as error:
        reason = str(error).splitlines()[0] if isinstance(error, CommandError) else ""
        raise UsageError(
            "no database answers, and alembic upgrade head does not work on a scratch SQLite: "
            f"{reason or type(error).__name__}"
        ) from None
    return "alembic upgrade head"


class _ElsewhereError(Exception):
    """The application tried to connect to another database."""


@contextmanager
def _nowhere_else(url: URL) -> Iterator[None]:
    """Let an application's ``env.py`` open no database but this one."""

    def refuse(dialect: Any, record: Any, cargs: Any, cparams: Any) -> None:
        if dialect.name != "sqlite" or not cargs or cargs[0] != url.database:
            raise _ElsewhereError

    event.listen(Engine, "do_connect", refuse)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", refuse)
