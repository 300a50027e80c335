"""Who trades: whales, regulars and suppliers, and since when.

Everything here follows from the row number alone, so that the clients of a
small database are the first clients of a large one.
"""

from __future__ import annotations

from dataclasses import dataclass

from terp_seed.terp.arrays import Words
from terp_seed.terp.clock import TODAY

__all__ = ["CLASSES", "CYCLE", "REGULAR", "SUPPLIER", "WHALE", "Parties", "class_of", "ordinal_of"]

WHALE, REGULAR, SUPPLIER = 0, 1, 2
CLASSES = ("WHL", "REG", "SUP")

CYCLE = tuple("WHL REG SUP REG REG WHL REG SUP REG REG".split()) + tuple(
    "REG REG WHL REG REG SUP REG REG REG REG".split()
)
"""The clients by class, over and over: 15 % whales, 70 % regulars and 15 %
suppliers, the mix of TERP's seeders."""

_CLASS = tuple(CLASSES.index(name) for name in CYCLE)
_PLACES = tuple(tuple(at for at, c in enumerate(_CLASS) if c == kind) for kind in range(3))
_BEFORE = tuple(_CLASS[:at].count(kind) for at, kind in enumerate(_CLASS))


def class_of(row: int) -> int:
    """Whether a client is a whale, a regular or a supplier."""
    return _CLASS[row % len(_CLASS)]


def ordinal_of(row: int) -> int:
    """A client's number within its class, counted from 0."""
    cycle, at = divmod(row, len(_CLASS))
    return cycle * len(_PLACES[_CLASS[at]]) + _BEFORE[at]


@dataclass(frozen=True)
class Parties:
    """The clients of a run."""

    count: int
    words: Words

    def number(self, kind: int) -> int:
        """How many clients of a class there are."""
        cycles, rest = divmod(self.count, len(_CLASS))
        return cycles * len(_PLACES[kind]) + _CLASS[:rest].count(kind)

    def row(self, kind: int, ordinal: int) -> int:
        """The row of the client with this number within its class."""
        cycle, at = divmod(ordinal, len(_PLACES[kind]))
        return cycle * len(_CLASS) + _PLACES[kind][at]

    def joined(self) -> list[int]:
        """The day on which each client joined.

        Whales and suppliers were there before the first order; regulars keep
        coming in, except the first two, so that every order finds a buyer.
        """
        days: list[int] = []
        for row, word in enumerate(self.words.all("joined", self.count)):
            kind = class_of(row)
            if kind == REGULAR and ordinal_of(row) > 1:
                days.append(TODAY - 20 - (word * 1300 >> 32))
            else:
                days.append(TODAY - 1000 - (word * 600 >> 32))
        return days

    def terms(self) -> list[int]:
        """The number of days in which each client pays."""
        steps = (0, 7, 7, 15, 15, 30, 30, 30, 30, 30)
        return [steps[word * 10 >> 32] for word in self.words.all("terms", self.count)]
