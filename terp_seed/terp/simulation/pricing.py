"""Prices, quantities and terms: the numbers on an order line.

Prices are whole dollars and quantities whole quarter pounds, or whole units
of what is not flower.  So every product of the two is whole cents, and no
total is ever rounded.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

TERMS = ("COD", "NET_7", "NET_15", "NET_30", "CONSIGNMENT", "PARTIAL")
TERM_DAYS = (0, 7, 15, 30, 30, 30)

_OWNED = ("NET_30", "NET_15", "COD", "NET_7", "PARTIAL")

MARGIN_SOURCES = ("CUSTOMER_PROFILE", "DEFAULT", "MANUAL")
PROFILE, DEFAULT, MANUAL = range(3)

# Percent, from, to, in hundredths: TERP's generators.
_POUNDS = ((10, 50, 200), (70, 200, 500), (15, 500, 1000), (5, 1000, 2000))
_UNITS = ((10, 100, 1000), (60, 1000, 3000), (20, 3000, 6000), (10, 6000, 10_000))
_TABLE = 10  # bits: quantities come from a table of 1024

# Lines of an order: a long tail from 1 to 15.  Whales order more at a time.
_WHALE_LINES = (30, 75, 150, 175, 150, 120, 90, 65, 50, 35, 25, 15, 10, 6, 4)
_OTHER_LINES = (210, 290, 220, 130, 70, 35, 18, 12, 7, 4, 2, 1, 1, 0, 0)


def owned_terms(batch: int) -> str | None:
    """The terms of a batch that the business owns; None for one on consignment: nine in ten."""
    return _OWNED[batch // 10 % len(_OWNED)] if batch % 10 == 4 else None


def _quantiles(bands: tuple[tuple[int, int, int], ...], step: int) -> tuple[int, ...]:
    """The quantities at equal steps of probability."""
    size = 1 << _TABLE
    quantities: list[int] = []
    reached = 0
    for percent, low, high in bands:
        start, reached = len(quantities), reached + percent
        number = size * reached // 100 - start
        choices = (high - low) // step
        quantities += [low + place * choices // number * step for place in range(number)]
    return tuple(quantities)


_QUANTITIES = (_quantiles(_UNITS, 100), _quantiles(_POUNDS, 25))
_LINES = tuple(
    tuple(1 + bisect_right(steps, place * steps[-1] // 1024) for place in range(1024))
    for steps in (list(accumulate(_WHALE_LINES)), list(accumulate(_OTHER_LINES)))
)


def line_count(word: int, kind: int) -> int:
    """How many lines an order has, for a whale (0) or another client (1)."""
    return _LINES[kind][word >> 22]


def quantity(word: int, flower: bool) -> int:
    """A line's quantity in hundredths of a pound, or of a unit."""
    return _QUANTITIES[flower][word >> 22]


def margin(word: int, mood: int) -> int:
    """A line's margin in tenths of a percent.

    ``mood`` is 0 for an ordinary order, whose lines earn 15 to 35 percent and
    25 on average, -1 for one that is all low, 1 for one that is all high.
    """
    luck = word & 1023
    if mood > 0 or (not mood and luck < 18):
        return 510 + (word >> 16) * 180 // 65_536
    if mood < 0 or luck < 36:
        return 65 + (word >> 16) * 25 // 65_536
    return 150 + ((word >> 10 & 2047) * 101 >> 11) + ((word >> 21) * 101 >> 11)


def price(cost: int, tenths: int) -> int:
    """The price in whole dollars that earns a margin; pounds go by five dollars."""
    step = 5 if cost >= 400 else 1
    exact = cost * 1000
    divisor = (1000 - tenths) * step
    return (exact + divisor // 2) // divisor * step


def margin_percent(price: int, cost: int) -> int:
    """The margin in hundredths of a percent, to the nearest."""
    return ((price - cost) * 20_000 + price) // (2 * price)
