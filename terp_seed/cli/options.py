"""Options that several commands share: what ``-x`` says to ``alembic``, under its own name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from terp_seed.project.project import Project

__all__ = ["dry_run", "run_options", "with_options", "yes"]

Command = TypeVar("Command", bound=Callable[..., Any])

_HELP = {
    "url": ("URL", "Where the database is."),
    "env": ("NAME", "The environment you expect; the database's stamp must agree."),
    "size": ("PRESET", "How many rows: a preset of sizes.toml."),
    "rows": ("COUNTS", "Counts on top of the preset: clients:5000,orders:20000."),
    "seed": ("NUMBER", "The root seed."),
    "as-of": ("DATE", "What today is to generated rows."),
    "lock-timeout": ("SECONDS", "How long to wait for another run."),
    "backup": ("KIND", "rows, dump, both or none."),
    "on-dependents": ("POLICY", "abort or keep."),
    "on-edited": ("POLICY", "abort, delete or keep."),
}


def run_options(*keys: str) -> Callable[[Command], Command]:
    """Give a command ``--KEY`` for each of these ``-x`` keys."""

    def decorate(command: Command) -> Command:
        for key in reversed(keys):
            metavar, text = _HELP[key]
            name = f"x_{key.replace('-', '_')}"
            command = click.option(f"--{key}", name, metavar=metavar, help=text)(command)
        return command

    return decorate


def with_options(project: Project, given: dict[str, str | None]) -> Project:
    """The project with a command's own options as ``-x`` arguments."""
    more = [
        f"{name.removeprefix('x_').replace('_', '-')}={value}"
        for name, value in given.items()
        if value is not None
    ]
    return replace(project, x=(*project.x, *more))


def yes(command: Command) -> Command:
    """Give a command ``--yes``."""
    return _flag("--yes", "Do not ask; in staging say -x yes=NAME instead.")(command)


def dry_run(command: Command) -> Command:
    """Give a command ``--dry-run``."""
    return _flag("--dry-run", "Say what would happen, with true counts.")(command)


def _flag(name: str, text: str) -> Callable[[Command], Command]:
    return click.option(name, is_flag=True, help=text)
