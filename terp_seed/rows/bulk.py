"""One text for each value of a column: all at once where they are of one type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

__all__ = ["Many", "UnwritableError", "column_texts", "each", "nullable", "once"]

T = TypeVar("T")
One = Callable[[Any], str]
Many = Callable[[Sequence[Any]], Sequence[str]]


_FEW = 64  # enough to tell a column that repeats from one that does not


class UnwritableError(ValueError):
    """A value without a literal: the reason, then its place in the column."""


def column_texts(
    values: Sequence[Any],
    kinds: Set[type[Any]],
    null: str,
    one: One,
    many: Mapping[type[Any], Many],
) -> Sequence[str]:
    """The texts of a column: all at once if its values are of one of ``kinds``.

    A value without a text is reported with its place.
    """
    make = many.get(next(iter(kinds))) if len(kinds) == 1 else None
    if make is not None:
        with suppress(ValueError, TypeError, OverflowError):
            return nullable(null, partial(once, make), values)
    return each(one, values)


def nullable(null: T, make: Many, values: Sequence[Any]) -> Sequence[str | T]:
    """The texts of values that are there, and ``null`` for those that are not."""
    if None not in values:
        return make(values)
    made = iter(make([value for value in values if value is not None]))
    return [null if value is None else next(made) for value in values]


def once(make: Many, values: Sequence[Any]) -> Sequence[str]:
    """Make each distinct text once: columns picked from pools repeat a lot.

    Values of one type that are equal have one text.
    """
    few = values[:_FEW]
    if len(set(few)) * 2 > len(few) > 1:
        return make(values)
    distinct = list(set(values))
    return [*map(dict(zip(distinct, make(distinct), strict=True)).__getitem__, values)]


def each(make: Callable[[Any], Any], values: Sequence[Any]) -> list[Any]:
    """Make values one by one; `UnwritableError`, with its place, for one that fails."""
    try:
        return [make(value) for value in values]
    except (ValueError, TypeError, OverflowError):
        return [_at(make, value, place) for place, value in enumerate(values)]


def _at(make: Callable[[Any], Any], value: Any, place: int) -> Any:
    try:
        return make(value)
    except (ValueError, TypeError, OverflowError) as error:
        reason = str(error) if isinstance(error, UnwritableError) else "it has no SQL literal"
        raise UnwritableError(reason, place) from None
