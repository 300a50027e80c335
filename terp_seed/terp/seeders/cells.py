"""Columns of what the simulation keeps in arrays."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

from terp_seed.rows.draw import Span
from terp_seed.rows.model import Bounds, Column, Value
from terp_seed.terp.simulation.arrays import Spool
from terp_seed.terp.simulation.clock import Clock

__all__ = [
    "hundredths",
    "moments",
    "numbered",
    "part",
    "seed_user",
    "stored",
    "stored_text",
    "texts_of",
]


def part(values: Sequence[int] | Spool, span: Span) -> list[int]:
    """What is kept of some rows."""
    if isinstance(values, Spool):
        return values.part(span.start, span.stop).tolist()
    return list(values[span.start : span.stop])


def stored(
    values: Sequence[int] | Spool, *, scale: int | None = None, ref: str | None = None
) -> Column:
    """A column of whole numbers, one for each row."""
    return Column(lambda span: part(values, span), scale=scale, ref=ref)


def stored_text(codes: array[int] | Spool, texts: Sequence[str | None]) -> Column:
    """A column of texts, of which the array holds the numbers."""
    return texts_of(lambda span: part(codes, span), texts)


def texts_of(make: Callable[[Span], Sequence[int]], texts: Sequence[str | None]) -> Column:
    """A column of texts, of which ``make`` gives the numbers."""
    said = [text for text in texts if text is not None]
    bounds = Bounds(
        length=max(map(len, said)),
        choices=frozenset(said),
        nullable=None in texts,
        plane="ascii" if all(map(str.isascii, said)) else "full",
    )
    return Column(lambda span: [texts[code] for code in make(span)], bounds)


def hundredths(make: Callable[[Span], Sequence[Value]]) -> Column:
    """A column of cents, or of hundredths of a unit."""
    return Column(make, scale=2)


def numbered(make: Callable[[Span], Sequence[Value]], table: str) -> Column:
    """A column that refers to rows of a seeded table, or to none."""
    return Column(make, Bounds(nullable=True), ref=table)


def moments(clock: Clock, make: Callable[[Span], Sequence[int]]) -> Column:
    """A column of points in time; second 0 stands for none."""
    return Column(lambda span: clock.moments_or_none(make(span)), Bounds(nullable=True))


def seed_user() -> Column:
    """The one user that all seeded rows are said to come from."""
    return Column(lambda span: [0] * len(span), ref="users")
