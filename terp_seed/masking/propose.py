"""A proposed class for a column, from its name, its type and a sample of its values.

A proposal saves typing and decides nothing: what is masked is what the policy says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from terp_seed.masking.column_names import TypeKind, guess
from terp_seed.masking.live_values import live_kinds
from terp_seed.rows.model import Value

__all__ = ["Proposal", "propose"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A class for a column; ``because`` says what gave it away and never holds a value."""

    kind: str
    because: str


def propose(
    table: str, column: str, kind: TypeKind, length: int | None, samples: Iterable[Value] = ()
) -> Proposal | None:
    """The class that a column probably has, or None if nothing about it looks personal."""
    named = guess(table, column, kind, length)
    if named == "json":
        return Proposal("json", "it is a document")
    if named is not None:
        return Proposal(named, f"its name or type looks like {named}")
    found = set[str]().union(*map(live_kinds, samples)) if kind == "text" else set()
    if not found:
        return None
    because = f"its values hold {' and '.join(sorted(found))} data"
    return Proposal(min(found) if len(found) == 1 else "free_text", because)
