"""Tables of the pages."""

from __future__ import annotations

from collections.abc import Sequence


def rows_of(*lines: Sequence[object]) -> str:
    """A Markdown table whose first line is its head."""
    texts = [f"| {' | '.join(map(str, line))} |" for line in lines]
    head = lines[0]
    numeric = [all(isinstance(line[at], int) for line in lines[1:]) for at in range(len(head))]
    rule = f"| {' | '.join('---:' if number else '---' for number in numeric)} |"
    return "\n".join([texts[0], rule, *texts[1:]])
