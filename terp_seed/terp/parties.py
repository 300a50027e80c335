"""Who trades: whales, regulars and suppliers, and since when.

Everything here follows from the row number alone, so that the clients of a
small database are the first clients of a large one.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import cached_property

from terp_seed.terp.arrays import Words
from terp_seed.terp.clock import TODAY, Clock

__all__ = ["CLASSES", "CYCLE", "REGULAR", "SUPPLIER", "WHALE", "Parties", "class_of", "ordinal_of"]

WHALE, REGULAR, SUPPLIER = 0, 1, 2
CLASSES = ("WHL", "REG", "SUP")

_W, _R, _S = WHALE, REGULAR, SUPPLIER
CYCLE = (_W, _R, _S, _R, _R, _W, _R, _S, _R, _R, _R, _R, _W, _R, _R, _S, _R, _R, _R, _R)
"""The clients by class, over and over: 15 % whales, 70 % regulars and 15 %
suppliers, the mix of TERP's seeders."""

_PLACES = tuple(tuple(at for at, c in enumerate(CYCLE) if c == kind) for kind in range(3))
_BEFORE = tuple(CYCLE[:at].count(kind) for at, kind in enumerate(CYCLE))


def class_of(row: int) -> int:
    """Whether a client is a whale, a regular or a supplier."""
    return CYCLE[row % len(CYCLE)]


def ordinal_of(row: int) -> int:
    """A client's number within its class, counted from 0."""
    cycle, at = divmod(row, len(CYCLE))
    return cycle * len(_PLACES[CYCLE[at]]) + _BEFORE[at]


@dataclass(frozen=True)
class Parties:
    """The clients of a run."""

    count: int
    clock: Clock
    words: Words

    def number(self, kind: int) -> int:
        """How many clients of a class there are."""
        cycles, rest = divmod(self.count, len(CYCLE))
        return cycles * len(_PLACES[kind]) + CYCLE[:rest].count(kind)

    def row(self, kind: int, ordinal: int) -> int:
        """The row of the client with this number within its class."""
        cycle, at = divmod(ordinal, len(_PLACES[kind]))
        return cycle * len(CYCLE) + _PLACES[kind][at]

    @cached_property
    def joined(self) -> array[int]:
        """The day on which each client joined.

        Whales and suppliers were there before the first order; regulars keep
        coming in, except the first two, so that every order finds a buyer.
        """
        days = array("I")
        for row, word in enumerate(self.words.all("joined", self.count)):
            kind = class_of(row)
            if kind == REGULAR and ordinal_of(row) > 1:
                day = TODAY - 20 - (word * 1300 >> 32)
            else:
                day = TODAY - 1000 - (word * 600 >> 32)
            days.append(self.clock.working(day))
        return days

    @cached_property
    def terms(self) -> array[int]:
        """The number of days in which each client pays."""
        steps = (0, 7, 7, 15, 15, 30, 30, 30, 30, 30)
        return array("B", [steps[w * 10 >> 32] for w in self.words.all("terms", self.count)])
