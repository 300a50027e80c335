"""Who trades: whales, regulars and suppliers, and since when.

Everything here follows from the row number alone, so that the clients of a
small database are the first clients of a large one.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from terp_seed.terp.simulation.arrays import Words
from terp_seed.terp.simulation.clock import TODAY, Clock

__all__ = [
    "CLASSES",
    "CYCLE",
    "REGULAR",
    "SUPPLIER",
    "WHALE",
    "Parties",
    "class_of",
    "classes",
    "ordinal_of",
    "repeated",
]

T = TypeVar("T")

WHALE, REGULAR, SUPPLIER = 0, 1, 2
CLASSES = ("WHL", "REG", "SUP")

_W, _R, _S = WHALE, REGULAR, SUPPLIER
CYCLE = (_W, _R, _S, _R, _R, _W, _R, _S, _R, _R, _R, _R, _W, _R, _R, _S, _R, _R, _R, _R)
"""The clients by class, over and over: 15 % whales, 70 % regulars and 15 %
suppliers, the mix of TERP's seeders."""

_PLACES = tuple(tuple(at for at, c in enumerate(CYCLE) if c == kind) for kind in range(3))
_BEFORE = tuple(CYCLE[:at].count(kind) for at, kind in enumerate(CYCLE))


_SIZES = tuple(map(len, _PLACES))
_LONG = len(CYCLE)


def class_of(row: int) -> int:
    """Whether a client is a whale, a regular or a supplier."""
    return CYCLE[row % _LONG]


def classes(start: int, stop: int) -> list[int]:
    """The classes of some clients in a row."""
    return repeated(CYCLE, start, stop)


def repeated(pattern: Sequence[T], start: int, stop: int) -> list[T]:
    """A part of a pattern that goes on without end."""
    skip = start % len(pattern)
    times = -(-(skip + stop - start) // len(pattern))
    return (list(pattern) * times)[skip : skip + stop - start]


def ordinal_of(row: int) -> int:
    """A client's number within its class, counted from 0."""
    cycle, at = divmod(row, _LONG)
    return cycle * _SIZES[CYCLE[at]] + _BEFORE[at]


@dataclass(frozen=True)
class Parties:
    """The clients of a run."""

    count: int
    clock: Clock
    words: Words

    def number(self, kind: int) -> int:
        """How many clients of a class there are."""
        cycles, rest = divmod(self.count, _LONG)
        return cycles * _SIZES[kind] + CYCLE[:rest].count(kind)

    def row(self, kind: int, ordinal: int) -> int:
        """The row of the client with this number within its class."""
        cycle, at = divmod(ordinal, _SIZES[kind])
        return cycle * _LONG + _PLACES[kind][at]

    @cached_property
    def joined(self) -> array[int]:
        """The day on which each client joined.

        Whales and suppliers were there before the first order; regulars keep
        coming in, except the first two, so that every order finds a buyer.
        """
        days = array("I")
        working = [self.clock.working(day) for day in range(TODAY)]
        for row, word in enumerate(self.words.each("joined", self.count)):
            if class_of(row) == REGULAR and row > 3:
                day = TODAY - 20 - (word * 1300 >> 32)
            else:
                day = TODAY - 1000 - (word * 600 >> 32)
            days.append(working[day])
        return days

    @cached_property
    def terms(self) -> array[int]:
        """The number of days in which each client pays."""
        steps = (0, 7, 7, 15, 15, 30, 30, 30, 30, 30)
        return array("B", [steps[w * 10 >> 32] for w in self.words.each("terms", self.count)])
