"""Masking a column of a block at once: each distinct value is masked once, texts all together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from terp_seed.masking.normal import is_blank
from terp_seed.masking.site import Mask
from terp_seed.rows.model import Value

__all__ = ["Place", "column_mask"]


@dataclass(slots=True)
class Place:
    """How far a column has come."""

    place: int = 0


ColumnMask = Callable[[Sequence[Value], Iterable[Any], Place], Sequence[Value]]


def column_mask(mask: Mask) -> ColumnMask:
    """What masks a column; it gets its values, what goes beside each, and notes how far it came."""
    if mask.by_value is not None:
        return _by_value(mask.by_value, mask.by_texts)
    function = mask.by_row or mask.by_subject
    return _with_companions(function) if function else _by_value(lambda value: value)


_TEXTS = frozenset((str, type(None)))


def _by_value(
    mask: Callable[[Value], Value],
    many: Callable[[Sequence[str]], Sequence[Value]] | None = None,
) -> ColumnMask:
    one_by_one = _with_companions(lambda value, number: mask(value))

    def column(values: Sequence[Value], numbers: Iterable[Any], at: Place) -> Sequence[Value]:
        with suppress(Exception):  # a value without a hash, or one that cannot be masked
            distinct = {*values}
            if many is not None and {*map(type, distinct)} <= _TEXTS:
                texts = [text for text in distinct if text and not text.isspace()]
                masked = dict(zip(texts, many(texts), strict=True))
            else:
                masked = {value: mask(value) for value in distinct if not is_blank(value)}
            if len(masked) == len(distinct):
                return [*map(masked.__getitem__, values)]
            return [masked.get(value, value) for value in values]
        return one_by_one(values, numbers, at)

    return column


def _with_companions(mask: Callable[[Value, Any], Value]) -> ColumnMask:
    def column(values: Sequence[Value], companions: Iterable[Any], at: Place) -> Sequence[Value]:
        masked = []
        for at.place, (value, companion) in enumerate(zip(values, companions, strict=True)):
            masked.append(value if is_blank(value) else mask(value, companion))
        return masked

    return column
