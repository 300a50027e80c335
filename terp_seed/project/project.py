"""A project's seed section, found from its alembic.ini; and Alembic's commands on it.

The one module that calls ``alembic.command``.
"""

from __future__ import annotations

import io
import shlex
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError

from terp_seed.errors import UsageError
from terp_seed.plan.chain import ACT
from terp_seed.plan.revisions import load_revisions
from terp_seed.rows.seeders import load_seeders
from terp_seed.settings.options import Settings, resolve

__all__ = ["Act", "Project"]

Act = Callable[..., Any]


@dataclass(frozen=True)
class Project:
    """Where a project keeps its seeds, and what the command line said."""

    ini: Path
    section: str = "seed"
    x: tuple[str, ...] = ()

    def config(self, *more: str, out: TextIO | None = None) -> Config:
        """Alembic's configuration, with ``-x`` arguments; `UsageError` without a section."""
        if not self.ini.exists():
            raise UsageError(f"{self.ini}: no such file; go to the project's folder, or give -c")
        config = Config(
            str(self.ini),
            ini_section=self.section,
            cmd_opts=Namespace(x=[*self.x, *more], quiet=True, verbose=False),
            output_buffer=out,
            stdout=out or io.StringIO(),
        )
        if not config.file_config.has_section(self.section):
            there = ", ".join(f"[{name}]" for name in config.file_config.sections())
            raise UsageError(f"{self.ini.name}: has no section [{self.section}]; it has {there}")
        return config

    def directory(self) -> ScriptDirectory:
        """The project's seed revisions; `PlanError` if one cannot be loaded."""
        return load_revisions(ScriptDirectory.from_config(self.config()))

    def settings(self) -> Settings:
        """The settings, as a run would resolve them; loads the project's seeders."""
        config = self.config()
        settings = resolve(config, Path(ScriptDirectory.from_config(config).dir).resolve())
        load_seeders(settings.seeders)
        return settings

    def upgrade(
        self,
        target: str,
        *,
        url: URL | None = None,
        connection: Connection | None = None,
        act: Act | None = None,
    ) -> None:
        """``alembic -n seed upgrade``, on another database or a connection if one is given.

        ``act`` is done in place of the run: it gets the session and the request.
        """
        command.upgrade(self._on(url, connection, act), target)

    def downgrade(
        self,
        target: str,
        *,
        url: URL | None = None,
        connection: Connection | None = None,
        act: Act | None = None,
    ) -> None:
        """``alembic -n seed downgrade``; as `upgrade`."""
        command.downgrade(self._on(url, connection, act), target)

    def script(self, span: str, out: TextIO, *, up: bool = True, x: Sequence[str] = ()) -> None:
        """``--sql``, into a file."""
        run = command.upgrade if up else command.downgrade
        run(self.config(*x, out=out), span, sql=True)

    def application_upgrade(self, url: URL) -> None:
        """``alembic upgrade head`` of the application's own ``[alembic]`` section, on a database.

        Says where in the two ways that an ``env.py`` commonly reads: ``-x url=`` and
        ``sqlalchemy.url``. One that reads neither goes to a database of its choice.
        """
        text = url.render_as_string(hide_password=False)
        toml = self.ini.parent / "pyproject.toml"
        config = Config(
            str(self.ini),
            toml_file=str(toml) if toml.exists() else None,
            cmd_opts=Namespace(x=[f"url={text}"], quiet=True, verbose=False),
            stdout=io.StringIO(),
        )
        config.set_main_option("sqlalchemy.url", text.replace("%", "%%"))
        command.upgrade(config, "head")

    def alembic(self, *words: str) -> str:
        """The line of plain ``alembic`` that does the same; for a shell, without passwords."""
        place = () if self.ini.name == str(self.ini) == "alembic.ini" else ("-c", str(self.ini))
        x = [part for each in self.x for part in ("-x", _hidden(each))]
        return shlex.join(["alembic", *place, "-n", self.section, *x, *words])

    def _on(self, url: URL | None, connection: Connection | None, act: Act | None) -> Config:
        if connection is not None:
            url = connection.engine.url
        if url is None:
            config = self.config()
        else:
            others = tuple(each for each in self.x if not each.startswith("url="))
            place = f"url={url.render_as_string(hide_password=False)}"
            config = replace(self, x=others).config(place)
        if connection is not None:
            config.attributes["connection"] = connection
        if act is not None:
            config.attributes[ACT] = act
        return config


def _hidden(argument: str) -> str:
    """An ``-x`` argument without the password of its URL."""
    key, _, value = argument.partition("=")
    if key != "url":
        return argument
    try:
        return f"url={make_url(value).render_as_string()}"
    except (ArgumentError, ValueError):
        return "url=..."
