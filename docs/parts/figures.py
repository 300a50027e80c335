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
"""A page, lines of it, and what they say here; a page without such a line is an error."""


def figures() -> str:
    """What the other pages and the gate say in numbers."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    gate = project["tool"]["coverage"]["report"]["fail_under"]
    said = f"the suite fails below {gate} %, and below 100 % for lock, ledger and write path"
    lines = [["Coverage of lines and branches", said, "`tests/run`"]]
    for page, pattern, what, said in _MEASURED:
        text = (DOCS / page).read_text(encoding="utf-8")
        found = [match.groups() for match in re.finditer(pattern, text, re.MULTILINE)]
        if not found:
            raise LookupError(f"{page} has no line like {pattern}")
        lines += [[what.format(*each), said.format(*each), f"[{page}]({page})"] for each in found]
    return rows_of(["what", "figure", "from"], *lines)
