"""What a command that failed says: a line on stderr, and with ``--json`` the error in parts.

What to run next comes from the error itself and is one of `terp_seed.errors.Look`, none of which
writes: whoever reads it may be a program that does what it reads.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import IO, Any, NoReturn

import click

from terp_seed.cli.interface import DOCUMENT
from terp_seed.errors import InterruptedRunError, SeedError, UsageError
from terp_seed.project.project import Project
from terp_seed.settings.log import coloured

__all__ = ["COMMAND", "FailedCommand", "fail", "run_as_json"]

COMMAND = "terp_seed.command"
"""Where the context of a command keeps its name."""

_CONSENT = ("yes", "on-dependents", "on-edited", "on-conflict", "backup")
"""What a person decides for one run; no command that is proposed repeats it."""


class FailedCommand(click.ClickException):
    """A `SeedError`, printed on stderr with its own exit code."""

    def __init__(self, error: SeedError, context: click.Context | None = None) -> None:
        super().__init__(str(error))
        vars(self)["exit_code"] = error.exit_code
        self.error, self.context = error, context

    def show(self, file: IO[Any] | None = None) -> None:
        head = "Error:"
        if coloured(sys.stderr):
            head = click.style(head, fg="red", bold=True)
        click.echo(f"{head} {self.format_message()}", file=file, err=True)


def run_as_json(main: Callable[[], Any]) -> NoReturn:
    """Run the command line and exit; stdout gets one document, however it ends.

    What else is printed, as by a revision, goes to stderr.
    """
    try:
        with redirect_stdout(sys.stderr):
            document = main()
    except FailedCommand as error:
        fail(error, as_json=True)
    except click.ClickException as error:  # an option or argument that Click refuses
        error.show()
        context = getattr(error, "ctx", None)
        _print_error(UsageError(error.format_message()), context)
        raise SystemExit(error.exit_code) from None
    except click.Abort:
        fail(FailedCommand(InterruptedRunError("interrupted")), as_json=True)
    except (
        Exception
    ) as error:  # a defect: its text may hold a value, so its traceback is for stderr
        _print_error(SeedError(f"unexpected {type(error).__name__}; stderr has the traceback"))
        raise
    if isinstance(document, dict):
        _print(document)
    raise SystemExit(0)


def fail(failed: FailedCommand, *, as_json: bool) -> NoReturn:
    """Say why the command failed, and exit with its code."""
    failed.show()
    if as_json:
        _print_error(failed.error, failed.context)
    raise SystemExit(failed.exit_code)


def _print_error(error: SeedError, context: click.Context | None = None) -> None:
    made = {} if context is None else context.meta.get(DOCUMENT, {})
    _print({"document": "error", **made, "error": _parts(error, context)})


def _print(fields: Any) -> None:
    click.echo(json.dumps(fields, indent=2, ensure_ascii=False, default=str))


def _parts(error: SeedError, context: click.Context | None) -> dict[str, Any]:
    """Code, kind, what, where and the next safe command."""
    command = "" if context is None else context.meta.get(COMMAND, "")
    project = None if context is None else context.find_root().obj
    if project is None:  # not even the options of the program were read
        project = Project(Path("alembic.ini"))
    return {
        "code": error.exit_code,
        "kind": error.kind,
        "what": str(error),
        "where": _where(error, project, command),
        "next": _next(error.looks, project, command),
    }


def _where(error: SeedError, project: Project, command: str) -> dict[str, str | int]:
    place: dict[str, str | int] = {"config": str(project.ini), "section": project.section}
    if command:
        place["command"] = command
    with suppress(SeedError):  # what is wrong with it may be the error that is reported
        place["database"] = project.settings().url.render_as_string()
    return {**place, **error.where}


def _next(looks: Sequence[str], project: Project, command: str) -> str:
    """The command line of the first that is not what has failed; else of its help."""
    look = next((look for look in looks if look.split(" -")[0] != command), "--help")
    words = [*command.split(), "--help"] if look == "--help" else look.split()
    return project.without(*_CONSENT).terp_seed(*words)
