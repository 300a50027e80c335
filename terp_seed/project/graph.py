"""The chain as a picture: revisions, what comes after what, and the tables that each seeds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from terp_seed.project.offline_plan import chain_of
from terp_seed.project.project import Project

__all__ = ["Node", "mermaid", "nodes"]


@dataclass(frozen=True)
class Node:
    """A revision, those that it comes after, and its rows by table."""

    revision: str
    after: tuple[str, ...]
    tables: dict[str, int]


def nodes(project: Project) -> list[Node]:
    """The revisions, oldest first, with what they would seed; opens no database.

    A revision that reads the database while it runs has no tables here.
    """
    chain = chain_of(project)
    history = chain.plan(chain.settings.env or "dev").history
    return [
        Node(
            each.revision,
            _several(each.down_revision),
            history[each.revision].row_counts if each.revision in history else {},
        )
        for each in chain.scripts
    ]


def _several(down: str | Sequence[str] | None) -> tuple[str, ...]:
    """Alembic's ``down_revision``: none, one, or several at a merge."""
    return (down,) if isinstance(down, str) else tuple(down or ())


def mermaid(found: Sequence[Node]) -> str:
    """A Mermaid flowchart: arrows between revisions, dotted ones to their tables."""
    lines = ["flowchart LR"]
    for node in found:
        lines.append(f'  {_name("r", node.revision)}["{node.revision}"]')
    for table in sorted({name for node in found for name in node.tables}):
        lines.append(f'  {_name("t", table)}[("{_text(table)}")]')
    lines += [line for node in found for line in _arrows(node)]
    return "\n".join(lines)


def _arrows(node: Node) -> Iterator[str]:
    for earlier in node.after:
        yield f"  {_name('r', earlier)} --> {_name('r', node.revision)}"
    for table, rows in node.tables.items():
        yield f'  {_name("r", node.revision)} -. "{rows:,}" .-> {_name("t", table)}'


def _name(kind: str, text: str) -> str:
    """A name that Mermaid takes, another for each text."""
    return kind + re.sub(r"\W", lambda found: f"_{ord(found[0]):x}_", text, flags=re.ASCII)


def _text(text: str) -> str:
    return text.replace('"', "#quot;")
