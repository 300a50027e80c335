"""Columns with other values in some rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from terp_seed.rows.model import Bounds, Column, Span, Value

__all__ = ["overlaid"]


def overlaid(column: Column, values: Mapping[int, Value]) -> Column:
    """A column with other values in some rows; the column itself, if there are none."""
    if not values:
        return column

    def make(span: Span) -> list[Value]:
        made = list(column.make(span))
        for row in values.keys() & set(span.rows()):
            made[row - span.start] = values[row]
        return made

    return replace(column, make=make, bounds=_widened(column.bounds, list(values.values())))


def _widened(bounds: Bounds, values: Sequence[Value]) -> Bounds:
    """Bounds that some values keep as well."""
    texts = [value for value in values if isinstance(value, str)]
    ascii_only = bounds.plane == "ascii" and all(map(str.isascii, texts))
    return replace(
        bounds,
        length=None if bounds.length is None else max([bounds.length, *map(len, texts)]),
        choices=None if bounds.choices is None else bounds.choices.union(texts),
        low=None,
        high=None,
        nullable=bounds.nullable or None in values,
        plane="ascii" if ascii_only else "full",
    )
