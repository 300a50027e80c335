"""The plain texts of numbers and moments: what a literal and a digest both rest on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from terp_seed.rows.bulk import Many, nullable, once

__all__ = ["PLAIN", "moments", "plain_texts", "scaled", "utc"]

PLAIN: frozenset[type[Any]] = frozenset((bool, int, date, datetime))
"""The types that have a plain text."""


def plain_texts(
    values: Sequence[Any], kind: type[Any], scale: int | None
) -> Sequence[str | None] | None:
    """One text for each value, None for NULL; None if one of them has no text."""
    make = _MAKE[kind] if scale is None else _decimals(scale)
    with suppress(ValueError, TypeError, OverflowError):
        return nullable(None, partial(once, make), values)
    return None


def moments(values: Sequence[datetime]) -> Sequence[str]:
    """The texts of times as they are kept: UTC, without an offset."""
    return [(utc(value) if value.tzinfo else value).isoformat(" ") for value in values]


def utc(value: datetime) -> datetime:
    """The same moment without an offset."""
    return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)


def _decimals(scale: int) -> Many:
    """The shortest texts of whole numbers of that many decimal places."""
    unit = 10**scale
    if scale > 3:
        return lambda values: [scaled(value, scale) for value in values]
    tails = ["", *(f".{n:0{scale}d}".rstrip("0") for n in range(1, unit))]

    def make(values: Sequence[int]) -> Sequence[str]:
        if min(values, default=0) < 0:
            return [scaled(value, scale) for value in values]
        return [f"{value // unit}{tails[value % unit]}" for value in values]

    return make


def scaled(value: int, scale: int) -> str:
    """The shortest text of a whole number of that many decimal places."""
    if not value % 10**scale:
        return str(value // 10**scale)
    sign, digits = ("-", str(-value)) if value < 0 else ("", str(value))
    digits = digits.rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}".rstrip("0")


_MAKE: dict[type[Any], Callable[[Sequence[Any]], Sequence[str]]] = {
    bool: lambda values: ["1" if value else "0" for value in values],
    int: lambda values: [*map(str, values)],
    date: lambda values: [*map(str, values)],
    datetime: moments,
}
