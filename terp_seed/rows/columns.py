"""The usual columns: constants, codes, picks, numbers, times, references."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, time
from itertools import accumulate
from typing import Literal

from terp_seed.rows.draw import Span
from terp_seed.rows.model import Bounds, Column, Value

__all__ = ["Meter", "code", "computed", "constant", "measured", "pick", "reference", "whole"]


_MOST_CHOICES = 64
_TEXTS = frozenset((str, type(None)))
_PLANES = ("ascii", "bmp", "full")


def constant(value: Value, *, scale: int | None = None) -> Column:
    """The same value in every row."""
    return Column(lambda span: [value] * len(span), measured([value]), scale)


def code(pattern: str, digits: int = 6) -> Column:
    """A text that is unique by construction: ``pattern`` + row number from 1.

    ``code("SEED-C-")`` gives ``SEED-C-000001`` and so on.  More rows than
    ``digits`` can number only make longer codes.
    """
    length = len(pattern) + max(digits, 9)
    return Column(
        lambda span: [f"{pattern}{row + 1:0{digits}d}" for row in span.rows()],
        Bounds(length=length, plane="ascii" if pattern.isascii() else "full"),
    )


def pick(pool: Sequence[Value], weights: Sequence[int] | None = None) -> Column:
    """One of ``pool`` for each row, with whole-number ``weights`` if given."""
    values = tuple(pool)
    bounds = measured(values)
    if weights is None:
        size = len(values)
        return Column(lambda span: [values[word * size >> 32] for word in span.words()], bounds)
    steps = list(accumulate(weights))
    total = steps[-1]

    def make(span: Span) -> list[Value]:
        return [values[bisect_right(steps, word * total >> 32)] for word in span.words()]

    return Column(make, bounds)


def whole(low: int, high: int, *, step: int = 1, scale: int | None = None) -> Column:
    """A whole number from ``low`` to ``high``, both included."""
    size = (high - low) // step + 1
    return Column(
        lambda span: [low + (word * size >> 32) * step for word in span.words()],
        Bounds(low=low, high=high),
        scale,
    )


def reference(table: str, rows: int) -> Column:
    """A row of ``table``, which has ``rows`` seeded rows, any as likely."""
    return Column(lambda span: [word * rows >> 32 for word in span.words()], ref=table)


def computed(
    make: Callable[[Span], Sequence[Value]],
    *,
    length: int | None = None,
    choices: Sequence[str] | None = None,
    nullable: bool = False,
    ascii_only: bool = False,
    scale: int | None = None,
    ref: str | None = None,
) -> Column:
    """Any function of the row numbers, with the bounds that it promises."""
    bounds = Bounds(
        length=length,
        choices=None if choices is None else frozenset(choices),
        nullable=nullable,
        plane="ascii" if ascii_only else "full",
    )
    return Column(make, bounds, scale, ref)


def measured(values: Sequence[Value]) -> Bounds:
    """The bounds of a list of values."""
    if set(map(type, values)) <= _TEXTS:
        return _measured_texts([value for value in values if value is not None], len(values))
    texts = [value for value in values if isinstance(value, str)]
    uniform = len(texts) == sum(value is not None for value in values)
    sized = [len(value) for value in values if isinstance(value, str | bytes)]
    numbers = [v for v in values if isinstance(v, int) and not isinstance(v, bool)]
    return Bounds(
        length=max(sized, default=None),
        choices=frozenset(texts) if uniform and 0 < len(texts) <= _MOST_CHOICES else None,
        low=min(numbers, default=None),
        high=max(numbers, default=None),
        nullable=any(value is None for value in values),
        plane=_plane(texts),
        fraction=any(_has_fraction(value) for value in values),
    )


def _measured_texts(texts: Sequence[str], count: int) -> Bounds:
    """The bounds of texts, of ``count`` values with those that are None."""
    distinct = set(texts)
    return Bounds(
        length=max(map(len, distinct), default=None),
        choices=frozenset(distinct) if 0 < len(texts) <= _MOST_CHOICES else None,
        nullable=len(texts) < count,
        plane=_plane(texts),
    )


class Meter:
    """Measures the values of a column some at a time."""

    def __init__(self) -> None:
        self._bounds: Bounds | None = None
        self._nullable = False

    def add(self, values: Sequence[Value]) -> None:
        if values.count(None) == len(values):
            self._nullable = True
            return
        part = measured(values)
        self._bounds = part if self._bounds is None else _both(self._bounds, part)

    @property
    def bounds(self) -> Bounds:
        """The bounds of all values so far."""
        bounds = self._bounds or Bounds(plane="ascii")
        return replace(bounds, nullable=bounds.nullable or self._nullable)


def _both(one: Bounds, other: Bounds) -> Bounds:
    """The bounds of values that are within one or the other."""
    choices = None
    if one.choices and other.choices:
        union = one.choices | other.choices
        choices = union if len(union) <= _MOST_CHOICES else None
    return Bounds(
        length=max(_known(one.length, other.length), default=None),
        choices=choices,
        low=min(_known(one.low, other.low), default=None),
        high=max(_known(one.high, other.high), default=None),
        nullable=one.nullable or other.nullable,
        plane=max(one.plane, other.plane, key=_PLANES.index),
        fraction=one.fraction or other.fraction,
    )


def _known(*numbers: int | None) -> list[int]:
    return [number for number in numbers if number is not None]


def _plane(texts: Sequence[str]) -> Literal["ascii", "bmp", "full"]:
    together = "".join(texts)
    if together.isascii():
        return "ascii"
    return "bmp" if max(together) <= "\uffff" else "full"


def _has_fraction(value: Value) -> bool:
    return isinstance(value, datetime | time) and bool(value.microsecond)
