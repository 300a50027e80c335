"""One text for each value of a column, and the plain texts of numbers and moments.

Literals and digests are both made of plain texts.  A column whose values are of one type is
converted at once, and each distinct value once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, TypeVar

__all__ = [
    "PLAIN",
    "Many",
    "UnwritableError",
    "column_texts",
    "distinct_texts",
    "one_by_one",
    "plain_texts",
    "scaled_text",
    "utc",
]

T = TypeVar("T")
One = Callable[[Any], str]
Many = Callable[[Sequence[Any]], Sequence[str]]

_FEW = 64  # enough to tell a column that repeats from one that does not

PLAIN: frozenset[type[Any]] = frozenset((bool, int, date, datetime))
"""The types that have a plain text."""


class UnwritableError(ValueError):
    """A value without a literal: the reason, then its place in the column."""


def column_texts(
    values: Sequence[Any],
    kinds: Set[type[Any]],
    null: str,
    one: One,
    many: Mapping[type[Any], Many],
) -> Sequence[str]:
    """The texts of a column, made at once if its values are of one of ``kinds``.

    Raises `UnwritableError` with the place of a value that has no text.
    """
    make = many.get(next(iter(kinds))) if len(kinds) == 1 else None
    if make is not None:
        with suppress(ValueError, TypeError, OverflowError):
            return _with_null(null, partial(distinct_texts, make), values)
    return one_by_one(one, values)


def plain_texts(
    values: Sequence[Any], kind: type[Any], scale: int | None
) -> Sequence[str | None] | None:
    """One text for each value, None for NULL; None if one of them has no text."""
    make = _MAKE[kind] if scale is None else _decimals(scale)
    with suppress(ValueError, TypeError, OverflowError):
        return _with_null(None, partial(distinct_texts, make), values)
    return None


def _with_null(null: T, make: Many, values: Sequence[Any]) -> Sequence[str | T]:
    """The texts of values, with ``null`` for None."""
    if None not in values:
        return make(values)
    made = iter(make([value for value in values if value is not None]))
    return [null if value is None else next(made) for value in values]


def distinct_texts(make: Many, values: Sequence[Any]) -> Sequence[str]:
    """Make each distinct text once: columns picked from pools repeat a lot.

    Equal values of one type have the same text.
    """
    few = values[:_FEW]
    if len(set(few)) * 2 > len(few) > 1:
        return make(values)
    distinct = list(set(values))
    return [*map(dict(zip(distinct, make(distinct), strict=True)).__getitem__, values)]


def one_by_one(make: Callable[[Any], Any], values: Sequence[Any]) -> list[Any]:
    """Convert values one by one; `UnwritableError`, with its place, for one that fails."""
    try:
        return [make(value) for value in values]
    except (ValueError, TypeError, OverflowError):
        return [_make_at(make, value, place) for place, value in enumerate(values)]


def _make_at(make: Callable[[Any], Any], value: Any, place: int) -> Any:
    try:
        return make(value)
    except (ValueError, TypeError, OverflowError) as error:
        reason = str(error) if isinstance(error, UnwritableError) else "it has no SQL literal"
        raise UnwritableError(reason, place) from None


def utc(value: datetime) -> datetime:
    """The same moment without an offset."""
    return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)


def _moments(values: Sequence[datetime]) -> Sequence[str]:
    """The texts of times as they are stored: UTC, without an offset."""
    return [(utc(value) if value.tzinfo else value).isoformat(" ") for value in values]


def _decimals(scale: int) -> Many:
    """Converts whole numbers of that many decimal places to their shortest texts."""
    unit = 10**scale
    if scale > 3:
        return lambda values: [scaled_text(value, scale) for value in values]
    tails = ["", *(f".{n:0{scale}d}".rstrip("0") for n in range(1, unit))]

    def make(values: Sequence[int]) -> Sequence[str]:
        if min(values, default=0) < 0:
            return [scaled_text(value, scale) for value in values]
        return [f"{value // unit}{tails[value % unit]}" for value in values]

    return make


def scaled_text(value: int, scale: int) -> str:
    """The shortest text of a whole number of that many decimal places."""
    if not value % 10**scale:
        return str(value // 10**scale)
    sign, digits = ("-", str(-value)) if value < 0 else ("", str(value))
    digits = digits.rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}".rstrip("0")


_MAKE: dict[type[Any], Many] = {
    bool: lambda values: ["1" if value else "0" for value in values],
    int: lambda values: [*map(str, values)],
    date: lambda values: [*map(str, values)],
    datetime: _moments,
}
