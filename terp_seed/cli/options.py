"""Options that several commands share: the ``-x`` keys of Alembic under their own names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any

import click

from terp_seed.project.project import Project

__all__ = ["as_json", "dry_run", "run_options", "with_options", "yes"]

_HELP = {
    "url": ("URL", "Where the database is."),
    "env": ("NAME", "The environment you expect; the database's stamp must agree."),
    "size": ("PRESET", "How many rows: a preset of sizes.toml."),
    "rows": ("COUNTS", "Counts on top of the preset: clients:5000,orders:20000."),
    "seed": ("NUMBER", "The root seed."),
    "as-of": ("DATE", "The date that generated rows take for today."),
    "lock-timeout": ("SECONDS", "How long to wait for another run."),
    "backup": ("KIND", "rows, dump, both or none."),
    "on-dependents": ("POLICY", "abort or keep."),
    "on-edited": ("POLICY", "abort, delete or keep."),
}

as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document instead of text."
)
yes = click.option("--yes", is_flag=True, help="Do not ask; in staging, use -x yes=NAME instead.")
dry_run = click.option("--dry-run", is_flag=True, help="Say what would happen, with true counts.")


def run_options(*keys: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command ``--KEY`` for each of these ``-x`` keys, and the project that they select."""
    names = {key: f"x_{key.replace('-', '_')}" for key in keys}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @click.pass_obj
        @wraps(command)
        def with_project(project: Project, /, **given: Any) -> None:
            x = {key: given.pop(name) for key, name in names.items()}
            command(with_options(project, x), **given)

        for key in reversed(keys):
            metavar, text = _HELP[key]
            option = click.option(f"--{key}", names[key], metavar=metavar, help=text)
            with_project = option(with_project)
        return with_project

    return decorate


def with_options(project: Project, given: Mapping[str, str | None]) -> Project:
    """The project with a command's own options as ``-x`` arguments."""
    more = [f"{key}={value}" for key, value in given.items() if value is not None]
    return replace(project, x=(*project.x, *more))
