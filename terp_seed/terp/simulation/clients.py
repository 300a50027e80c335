"""Who trades: whales, regulars and suppliers, how they are called and since when.

Everything here follows from the row number alone, so that the clients of a small database are
the first clients of a large one.

Names are those of businesses.  E-mail addresses end in ``.example``, which no one can register;
numbers are 555-0100 to 555-0199; streets are invented and ZIP codes lie below 00501, the lowest
that is in use.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from terp_seed.rows.columns import faker_pool
from terp_seed.rows.model import Span
from terp_seed.terp.simulation.arrays import RandomWords
from terp_seed.terp.simulation.clock import TODAY, Clock
from terp_seed.terp.simulation.names import AREA_CODES, CITIES, KINDS, business_name, street_names

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
_LEAPING, _LONG_AGO = 3, 700  # a client of the first day, and days before the first order
_POOL = 300  # first and last names of contacts


def class_of(row: int) -> int:
    """Whether a client is a whale, a regular or a supplier."""
    return CYCLE[row % _LONG]


def repeat_pattern(pattern: Sequence[T], span: Span) -> list[T]:
    """The part of an endlessly repeated pattern that some rows get."""
    skip = span.start % len(pattern)
    times = -(-(skip + len(span)) // len(pattern))
    return (list(pattern) * times)[skip : skip + len(span)]


def classes(span: Span) -> list[int]:
    """The classes of some clients."""
    return repeat_pattern(CYCLE, span)


def ordinal_of(row: int) -> int:
    """A client's number within its class, counted from 0."""
    cycle, at = divmod(row, _LONG)
    return cycle * _SIZES[CYCLE[at]] + _BEFORE[at]


@dataclass(frozen=True)
class Clients:
    """The clients of a run."""

    count: int
    clock: Clock
    words: RandomWords
    leap_day: bool = False
    """Whether one of them joined on a 29 February."""

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
        working = [self.clock.working_day(day) for day in range(TODAY)]
        for row, word in enumerate(self.words.first("joined", self.count)):
            if class_of(row) == REGULAR and row > 3:
                day = TODAY - 20 - (word * 1300 >> 32)
            else:
                day = TODAY - 1000 - (word * 600 >> 32)
            on_leap_day = self.leap_day and row == _LEAPING
            days.append(self.clock.leap_day(TODAY - _LONG_AGO) if on_leap_day else working[day])
        return days

    @cached_property
    def terms(self) -> array[int]:
        """The number of days in which each client pays."""
        steps = (0, 7, 7, 15, 15, 30, 30, 30, 30, 30)
        return array("B", [steps[w * 10 >> 32] for w in self.words.first("terms", self.count)])

    def name(self, row: int) -> str:
        """A client's business name, different from all others."""
        class_ = class_of(row)
        return business_name(ordinal_of(row), KINDS[class_], 1300 * class_)

    @cached_property
    def _places(self) -> array[int]:
        return self.words.first("place", self.count)

    def phone(self, row: int) -> str:
        """A number in the range that is reserved for fiction."""
        word = self._places[row]
        return f"({AREA_CODES[word % len(CITIES)]}) 555-01{(word >> 8) % 100:02d}"

    def address(self, row: int) -> str:
        """A street that does not exist in a town that does."""
        word = self._places[row]
        street = street_names.name((word >> 4) % len(street_names))
        city = CITIES[word % len(CITIES)]
        return f"{100 + (word >> 12) % 9800} {street}, {city}, CA 00{100 + (word >> 20) % 400}"

    @cached_property
    def _persons(self) -> array[int]:
        return self.words.first("person", self.number(SUPPLIER))

    def contact(self, supplier: int) -> str:
        """The contact person of the supplier with this number."""
        word = self._persons[supplier]
        first, last = faker_pool("first_name", _POOL), faker_pool("last_name", _POOL)
        return f"{first[word % _POOL]} {last[(word >> 16) % _POOL]}"
