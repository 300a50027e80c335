"""What all commands share: options on the way in, JSON or aligned tables on the way out.

The ``-x`` keys of Alembic are options under their own names.  Data goes to stdout; questions,
progress and summaries to stderr.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from terp_seed.project.project import Project
from terp_seed.settings.log import coloured

__all__ = [
    "DOCUMENT",
    "as_json",
    "document",
    "dry_run",
    "examples",
    "run_options",
    "short_path",
    "state",
    "table",
    "with_options",
    "yes",
]

DOCUMENT = "terp_seed.document"
"""Where the context of a command keeps its JSON document."""

_HELP = {
    "url": ("URL", "Where the database is."),
    "env": ("NAME", "The environment you expect; the database's stamp must agree."),
    "size": ("PRESET", "How many rows: a preset of sizes.toml."),
    "rows": ("COUNTS", "Counts on top of the preset: clients:5000,orders:20000."),
    "scenario": ("NAME", "Which story the rows tell: typical, or another that the seeders have."),
    "seed": ("NUMBER", "The root seed."),
    "as-of": ("DATE", "The date that generated rows use as today, or the word today."),
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
            project = with_options(project, x)
            click.get_current_context().find_root().obj = project  # what an error refers to
            command(project, **given)

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


_COLOURS = {
    **dict.fromkeys(("ok", "applied", "finished"), "green"),
    **dict.fromkeys(("pending", "skipped", "stamped", "running", "interrupted"), "yellow"),
    **dict.fromkeys(("failed", "BROKEN", "lost", "crashed"), "red"),
}


def examples(*lines: str) -> str:
    """The epilog of a command's help; a line may end in two or more spaces and a remark."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def document(name: str, **fields: Any) -> None:
    """Make the JSON document of the command, ``name`` being its schema's.

    It is printed when the command ends, with the error if it failed: one document in any case.
    """
    click.get_current_context().meta[DOCUMENT] = {"document": name, **fields}


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows below a head; numbers are right-aligned, with separators."""
    texts = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(head, *texts, strict=True)]
    numeric = [all(isinstance(row[at], int) for row in rows) for at in range(len(head))]
    click.echo(_styled(_line(head, widths, numeric), bold=True))
    click.echo("-" * (sum(widths) + 2 * (len(widths) - 1)))
    for row in texts:
        click.echo(_line(row, widths, numeric))


def state(text: str) -> str:
    """The text, with its first word in the colour of that state on a terminal with colours."""
    word, *rest = re.split(r"(?=\W)", text, maxsplit=1)
    colour = _COLOURS.get(word)
    return "".join([_styled(word, fg=colour) if colour else word, *rest])


def _styled(text: str, **style: Any) -> str:
    return click.style(text, **style) if coloured(sys.stdout) else text


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = []
    for cell, width, right in zip(cells, widths, numeric, strict=True):
        space = " " * (width - _width(cell))
        padded.append(space + cell if right else cell + space)
    return "  ".join(padded).rstrip()


def _width(cell: str) -> int:
    return len(click.unstyle(cell))


def short_path(path: Path) -> str:
    """The path from the current folder, if it is below that."""
    current, full = Path.cwd(), path.resolve()
    return str(full.relative_to(current)) if full.is_relative_to(current) else str(full)
