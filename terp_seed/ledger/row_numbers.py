"""The ids that seeded rows hold of other seeded rows, turned back into row numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from terp_seed.ledger.ledger import SeededRange
from terp_seed.rows.literals import json_cells
from terp_seed.rows.model import Cells

__all__ = ["Ranges", "first_key", "numbered"]

Ranges = Mapping[tuple[str, int], SeededRange]
"""All ranges of a chain, by revision and number."""


def first_key(of: SeededRange, column: str, ranges: Ranges) -> int | None:
    """The first key that a column's references count from; None if it holds none."""
    place = of.shape.refs.get(column)
    target = None if place is None else ranges.get(place)
    return None if target is None else target.first


def numbered(of: SeededRange, column: str, values: Sequence[Any], ranges: Ranges) -> Cells:
    """A column's values as they were when they went in."""
    held = of.shape.json_refs.get(column)
    if held is not None:
        firsts = {name: _first(ranges, place) for name, place in held.items()}
        return json_cells(Cells([_document(value, firsts) for value in values]))
    first = first_key(of, column, ranges)
    if first is None:
        return Cells(values)
    return Cells([None if v is None else v - first for v in values], ref=column)


def _first(ranges: Ranges, place: Sequence[Any]) -> int:
    of = ranges.get((place[0], place[1]))
    return of.first if of else 0


def _document(value: Any, firsts: Mapping[str, int]) -> Any:
    """A JSON text with the ids after some names turned back into row numbers."""
    if not isinstance(value, str | bytes):
        return value
    try:
        return _without_ids(json.loads(value), firsts)
    except ValueError:
        return value


def _without_ids(value: Any, firsts: Mapping[str, int]) -> Any:
    if isinstance(value, list):
        return [_without_ids(each, firsts) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: each - firsts[name]
        if name in firsts and isinstance(each, int)
        else _without_ids(each, firsts)
        for name, each in value.items()
    }
