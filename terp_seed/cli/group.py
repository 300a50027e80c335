"""The top of the command: its options, the list of commands, errors and exit codes."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import click
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from terp_seed.database.failures import translated
from terp_seed.errors import InterruptedRunError, SeedError, UsageError
from terp_seed.project.project import Project
from terp_seed.settings.log import coloured, configure_logging

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
    "preview": "terp_seed.cli.preview:preview",
    "status": "terp_seed.cli.status:status",
    "verify": "terp_seed.cli.verify:verify",
    "revision": "terp_seed.cli.revision:revision",
    "check": "terp_seed.cli.check:check",
    "squash": "terp_seed.cli.squash:squash",
}
"""Where each command is; its module is imported when it is called, or for ``--help``."""


class _Failing(click.ClickException):
    """A `SeedError`, printed on stderr with its own exit code."""

    def __init__(self, error: SeedError) -> None:
        super().__init__(str(error))
        vars(self)["exit_code"] = error.exit_code

    def show(self, file: IO[Any] | None = None) -> None:
        head = "Error:"
        if coloured(sys.stderr):
            head = click.style(head, fg="red", bold=True)
        click.echo(f"{head} {self.format_message()}", file=file, err=True)


class _Commands(click.Group):
    """Loads each command when it is called, and turns errors into exit codes."""

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
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SeedError as error:
            raise _Failing(error) from None
        except DBAPIError as error:  # the driver's message may hold a value of a row
            raise _Failing(translated(error, "")) from None
        except CommandError as error:  # from Alembic itself, as for an unknown revision
            raise _Failing(UsageError(str(error))) from None
        except (KeyboardInterrupt, click.Abort) as error:
            if isinstance(error, click.Abort):
                click.echo(err=True)  # end the line of the question
            raise _Failing(InterruptedRunError("interrupted; no run was in progress")) from None


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
    help="As alembic's -x: url, env, size, rows, seed, as-of, ...",
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
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(error.exit_code) from None
    main()
