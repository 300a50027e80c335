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
        r"^\| (seed|roll back) \| .* \| (.*) \| ([\d.]+) \|$",
        "{1} in {2} s",
    ),
    ("speed.md", r"^\| (1,000 records by .*?) \| (.*?) \| (.*?) \| yes \|$", "{2}; {1} wanted"),
)


def figures() -> str:
    """What the other pages and the gate say in numbers."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    gate = project["tool"]["coverage"]["report"]["fail_under"]
    lines = [["Coverage of lines and branches", f"the suite fails below {gate} %", "`tests/run`"]]
    for page, pattern, said in _MEASURED:
        text = (DOCS / page).read_text(encoding="utf-8")
        source = f"[{page}]({page})"
        for found in re.finditer(pattern, text, re.MULTILINE):
            lines.append([found[1].capitalize(), said.format(*found.groups()), source])
    return rows_of(["what", "figure", "from"], *lines)
