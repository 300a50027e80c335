"""What was measured, as other pages and the gate have it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from parts.markdown import rows_of

DOCS = Path(__file__).resolve().parents[1]


_MEASURED = (
    (
        "staging-validation.md",
        r"^\| (seed|roll back) \| .* \| ([\d,]+ rows) (\w+) \| ([\d.]+) \|$",
        "Staging: {0} {1}",
        "{3} s",
    ),
    (
        "speed.md",
        r"^\| (mariadb|sqlite) \| 1,000 \| ([\d.]+) \|.*",
        "1,000 clients on {0}, the whole process",
        "{1} s; 5 s wanted",
    ),
)
"""A page, the pattern of its lines, and the text here; a page without such a line is an error."""


def figures() -> str:
    """What the other pages and the gate say in numbers."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    gate = project["tool"]["coverage"]["report"]["fail_under"]
    bar = f"the suite fails below {gate} %, and below 100 % for lock, ledger and write path"
    lines = [["Coverage of lines and branches", bar, "`tests/run`"]]
    for page, pattern, what, figure in _MEASURED:
        text = (DOCS / page).read_text(encoding="utf-8")
        found = [match.groups() for match in re.finditer(pattern, text, re.MULTILINE)]
        if not found:
            raise LookupError(f"{page} has no line like {pattern}")
        link = f"[{page}]({page})"
        lines += [[what.format(*row), figure.format(*row), link] for row in found]
    return rows_of(["what", "figure", "from"], *lines)
