"""Write the parts of the documentation that follow from the code.

::

    python docs/generate.py           # between <!-- generated: NAME --> and <!-- end -->
    python docs/generate.py --check   # write nothing; name the pages that are out of date, and fail
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from parts.detector import detector
from parts.figures import figures
from parts.interface import api, bookkeeping, commands, documents, operations, options
from parts.policy import classes, strategies
from parts.rows import counts, scenarios, sizes, states
from parts.types import types

DOCS = Path(__file__).resolve().parent
_BETWEEN = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

PARTS = {
    "commands": commands,
    "options": options,
    "api": api,
    "figures": figures,
    "detector": detector,
    "documents": documents,
    "sizes": sizes,
    "operations": operations,
    "books": bookkeeping,
    "counts": counts,
    "scenarios": scenarios,
    "states": states,
    "types": types,
    "classes": classes,
    "strategies": strategies,
}


def written(page: str) -> str:
    """A page's text with its generated parts as they should be."""
    return _BETWEEN.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]()}\n\n{found[3]}", page)


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with ``--check`` name those that are out of date."""
    os.chdir(DOCS.parent)
    stale = []
    for path in sorted(DOCS.glob("*.md")):
        before = path.read_text(encoding="utf-8")
        after = written(before)
        if before != after:
            stale.append(path.name)
            if "--check" not in arguments:
                path.write_text(after, encoding="utf-8")
    if stale:
        what = "out of date" if "--check" in arguments else "written"
        print(f"{what}: {', '.join(stale)}")
    return int(bool(stale) and "--check" in arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
