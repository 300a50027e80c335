"""What a person sees at the end of a run: a short table, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from terp_seed.run.executor import Done

__all__ = ["show", "summary"]


def summary(done: Sequence[Done], environment: str, size: str) -> str:
    """A table of what was seeded or removed: revision, table, rows, seconds."""
    if not done:
        return ""
    verb = "seeded" if done[0].upgrade else "removed"
    lines = [("revision", "table", verb, "seconds")]
    for each in done:
        seconds = f"{each.seconds:.2f}"
        tables = [*each.rows.items(), *((f"{name}, kept", n) for name, n in each.kept.items())]
        tables = tables or [("skipped" if each.skipped else "no rows", 0)]
        for place, (table, rows) in enumerate(tables):
            first = place == 0
            lines.append(
                (each.revision if first else "", table, f"{rows:,}", seconds if first else "")
            )
    total = sum(sum(each.rows.values()) for each in done)
    seconds = f"{sum(each.seconds for each in done):.2f}"
    lines.append(("total", f"environment {environment}, size {size}", f"{total:,}", seconds))
    return _aligned(lines)


def _aligned(lines: Sequence[tuple[str, str, str, str]]) -> str:
    widths = [max(len(line[place]) for line in lines) for place in range(4)]
    rows = [
        f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}".rstrip()
        for a, b, c, d in lines
    ]
    rule = "-" * max(map(len, rows))
    return "\n".join([rows[0], rule, *rows[1:-1], rule, rows[-1]])


def show(text: str) -> None:
    """Print for a person: stdout is for data."""
    if text:
        print(text, file=sys.stderr)
