"""What the detector proposes for the labelled schemas of tests/detector, by name and type alone."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from parts.markdown import rows_of
from terp_seed.masking.propose import propose

SCHEMAS = Path(__file__).resolve().parents[2] / "tests" / "detector"
_PROSE = {"free_text", "json", "file"}


def detector() -> str:
    """One line a schema: the share found of each label, and the alarms among other columns."""
    head = ["schema", "columns", "direct", "special", "quasi", "false alarms", "taken for prose"]
    return rows_of(head, *(_line(path) for path in sorted(SCHEMAS.glob("*.csv"))))


def _line(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found: dict[str, list[str | None]] = {}
    for row in rows:
        length = int(row["length"]) if row["length"] else None
        proposal = propose(row["table"], row["column"], row["type"], length)
        found.setdefault(row["label"], []).append(proposal and proposal.kind)
    shares = [_share(found.get(label, ())) for label in ("direct", "special", "quasi")]
    others = found["none"]
    prose = sum(kind in _PROSE for kind in others)
    alarms = sum(kind is not None for kind in others) - prose
    per_cent = [f"{count / len(others):.1%}" for count in (alarms, prose)]
    return [path.stem, str(len(rows)), *shares, *per_cent]


def _share(kinds: Sequence[str | None]) -> str:
    found = sum(kind is not None for kind in kinds)
    return f"{found / len(kinds):.2f} of {len(kinds)}" if kinds else "none there"
