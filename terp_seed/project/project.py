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
from typing import Any, TextIO, TypedDict, Unpack

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError

from terp_seed.errors import UsageError
from terp_seed.plan.chain import ACT, load_revisions
from terp_seed.rows.seeders import load_seeders
from terp_seed.settings.options import Settings, resolve

__all__ = ["ALLOW_DELETE", "Act", "Project"]

ALLOW_DELETE = "terp_seed_allow_delete"
"""The attribute of an Alembic configuration that lets a new revision delete many rows."""

_NOWHERE = "url=sqlite:///nowhere.db"

Act = Callable[..., Any]


class Where(TypedDict, total=False):
    """What an upgrade or a downgrade does otherwise than the project says."""

    url: URL | None
    """Another database."""
    connection: Connection | None
    """An open connection, in whose transaction everything happens."""
    act: Act | None
    """Called with the session and the request, in place of the run."""


@dataclass(frozen=True)
class Project:
    """Where a project keeps its seeds, and the ``-x`` arguments of the command line."""

    ini: Path
    section: str = "seed"
    x: tuple[str, ...] = ()
    one_schema: bool = False
    """Whether to keep the bookkeeping beside the tables, whatever the section says."""

    def without(self, *keys: str) -> Project:
        """The project without the ``-x`` arguments of these keys."""
        return replace(self, x=tuple(x for x in self.x if x.partition("=")[0] not in keys))

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
        if self.one_schema:
            config.set_main_option("bookkeeping_schema", "")
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

    def upgrade(self, target: str, **where: Unpack[Where]) -> None:
        """``alembic -n seed upgrade``."""
        command.upgrade(self._on(**where), target)

    def downgrade(self, target: str, **where: Unpack[Where]) -> None:
        """``alembic -n seed downgrade``."""
        command.downgrade(self._on(**where), target)

    def script(self, span: str, out: TextIO, *, up: bool = True, x: Sequence[str] = ()) -> None:
        """Write the script that ``--sql`` prints."""
        run = command.upgrade if up else command.downgrade
        run(self.config(*x, out=out), span, sql=True)

    def unconnected(self, target: str, act: Act) -> None:
        """Do something else than print it with an upgrade that is planned without a database.

        ``act`` is called as `terp_seed.run.script.write_script` is.
        """
        config = self.config(out=io.StringIO())
        config.attributes[ACT] = act
        command.upgrade(config, target, sql=True)

    def autogenerate(self, message: str, revision: str, *, allow_delete: bool) -> list[Path]:
        """``alembic -n seed revision --autogenerate``: the files of the revisions that it wrote.

        The database is not opened, and need not be known.
        """
        config = self.without_database().config()
        config.attributes[ALLOW_DELETE] = allow_delete
        made = command.revision(config, message, autogenerate=True, rev_id=revision)
        scripts = made if isinstance(made, list) else [made]
        return [Path(script.path) for script in scripts if script is not None]

    def without_database(self) -> Project:
        """The project as it is, or with a URL that leads nowhere if it has none."""
        try:
            self.settings()
        except UsageError:
            project = self.without("url")
            return replace(project, x=(*project.x, _NOWHERE))
        return self

    def application_upgrade(self, url: URL) -> None:
        """``alembic upgrade head`` of the application's own ``[alembic]`` section, on a database.

        Passes the URL in the two ways that an ``env.py`` commonly reads: as ``-x url=`` and as
        ``sqlalchemy.url``.  An ``env.py`` that reads neither connects to another database.
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
        """The ``alembic`` command that does the same, quoted for a shell, without passwords."""
        return self._command("alembic", "-n", self.section, words=words)

    def terp_seed(self, *words: str) -> str:
        """The same of ``terp-seed``."""
        chain = () if self.section == "seed" else ("-n", self.section)
        return self._command("terp-seed", *chain, words=words)

    def _command(self, program: str, *chain: str, words: Sequence[str]) -> str:
        place = () if self.ini.name == str(self.ini) == "alembic.ini" else ("-c", str(self.ini))
        x = [part for argument in self.x for part in ("-x", _hidden(argument))]
        return shlex.join([program, *place, *chain, *x, *words])

    def _on(
        self,
        url: URL | None = None,
        connection: Connection | None = None,
        act: Act | None = None,
    ) -> Config:
        if connection is not None:
            url = connection.engine.url
        if url is None:
            config = self.config()
        else:
            config = self.without("url").config(f"url={url.render_as_string(hide_password=False)}")
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
