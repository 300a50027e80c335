"""The top of the command: its options, the list of commands, errors and exit codes."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from terp_seed.cli.failure import COMMAND, FailedCommand, fail, run_as_json
from terp_seed.cli.interface import DOCUMENT
from terp_seed.database.failures import translated
from terp_seed.errors import InterruptedRunError, SeedError, UsageError
from terp_seed.project.project import Project
from terp_seed.settings.log import configure_logging

__all__ = ["main", "run"]

_COMMANDS = {
    "init": "terp_seed.cli.init:init",
    "seed": "terp_seed.cli.seed:seed",
    "rollback": "terp_seed.cli.seed:rollback",
    "reseed": "terp_seed.cli.reseed:reseed",
    "reset": "terp_seed.cli.reset:reset",
    "plan": "terp_seed.cli.plan:plan",
    "backup": "terp_seed.cli.backup:backup",
    "restore": "terp_seed.cli.backup:restore",
    "env": "terp_seed.cli.env:env",
    "history": "terp_seed.cli.history:history",
    "ledger": "terp_seed.cli.ledger:ledger",
    "lock": "terp_seed.cli.history:lock",
    "mask": "terp_seed.cli.mask:mask",
    "slice": "terp_seed.cli.slice:slice_rows",
    "preview": "terp_seed.cli.preview:preview",
    "export": "terp_seed.cli.export:export",
    "status": "terp_seed.cli.status:status",
    "verify": "terp_seed.cli.verify:verify",
    "revision": "terp_seed.cli.revision:revision",
    "check": "terp_seed.cli.check:check",
    "squash": "terp_seed.cli.squash:squash",
    "agents": "terp_seed.cli.agents:agents",
    "mcp": "terp_seed.cli.mcp:mcp",
}
"""Where each command is; its module is imported when it is called, or for ``--help``."""


_SHOWS = {"-h", "--help", "--version"}


class _Commands(click.Group):
    """Loads each command when it is called, and turns errors into exit codes."""

    def main(self, *given: Any, **options: Any) -> Any:
        words = options.pop("args", None) or [*given[:1], sys.argv[1:]][0]
        run = partial(super().main, [*words], *given[1:], **options)
        if "--json" not in words or not _SHOWS.isdisjoint(words):
            return run()
        return run_as_json(partial(run, standalone_mode=False))

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        close = get_close_matches(args[0], _COMMANDS, n=1)
        if args[0] not in _COMMANDS and close:
            ctx.fail(f"no such command {args[0]!r}; did you mean {close[0]!r}?")
        name, command, rest = super().resolve_command(ctx, args)
        words = [name, *rest[:1]] if isinstance(command, click.Group) else [name]
        ctx.meta[COMMAND] = " ".join(filter(None, words))
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        try:
            super().invoke(ctx)
        except SeedError as error:
            raise FailedCommand(error, ctx) from None
        except DBAPIError as error:  # the driver's message may hold a value of a row
            raise FailedCommand(translated(error, ""), ctx) from None
        except CommandError as error:  # from Alembic itself, as for an unknown revision
            raise FailedCommand(UsageError(str(error), look="status"), ctx) from None
        except (KeyboardInterrupt, click.Abort) as error:
            if isinstance(error, click.Abort):
                click.echo(err=True)  # end the line of the question
            stopped = InterruptedRunError("interrupted; no run was in progress")
            raise FailedCommand(stopped, ctx) from None
        return ctx.meta.get(DOCUMENT)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-c",
    "--config",
    "ini",
    default="alembic.ini",
    show_default=True,
    metavar="FILE",
    help="The project's alembic.ini.",
)
@click.option(
    "-n",
    "--name",
    "section",
    default="seed",
    show_default=True,
    metavar="SECTION",
    help="The section that describes the seeds.",
)
@click.option(
    "-x",
    "x",
    multiple=True,
    metavar="KEY=VALUE",
    help="As alembic's -x: url, env, size, rows, scenario, seed, as-of, ...",
)
@click.version_option(package_name="terp_seed")
@click.pass_context
def main(context: click.Context, ini: str, section: str, x: tuple[str, ...]) -> None:
    """Versioned, reversible, previewable data: the seeds of this project."""
    context.obj = Project(Path(ini), section, x)


def run() -> None:
    """The console script: logging first, then Click."""
    try:
        configure_logging()
    except SeedError as error:
        fail(FailedCommand(error), as_json="--json" in sys.argv)
    main()
