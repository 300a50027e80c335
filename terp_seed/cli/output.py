"""What commands print: one JSON document for machines, aligned tables for people.

Data goes to stdout; questions, progress and summaries to stderr.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from typing import Any

import click

from terp_seed.settings.log import coloured

__all__ = ["document", "examples", "state", "table"]

_COLOURS = {
    **dict.fromkeys(("ok", "applied", "finished"), "green"),
    **dict.fromkeys(("pending", "skipped", "stamped", "running", "interrupted"), "yellow"),
    **dict.fromkeys(("failed", "BROKEN", "lost", "crashed"), "red"),
}


def examples(*lines: str) -> str:
    """The epilog of a command's help; a line may end in two or more spaces and a remark."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def document(name: str, **fields: Any) -> None:
    """Print a JSON document; ``name`` says which schema it follows."""
    click.echo(json.dumps({"document": name, **fields}, indent=2, ensure_ascii=False, default=str))


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
