"""Made-up names and addresses: pool values combined by the words of a digest.

Faker fills the pools once, on first use; from then on a name costs two look-ups.
The pools follow the installed Faker, so `fingerprint` identifies them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from terp_seed.rows.columns import faker_pool

__all__ = [
    "LONGEST",
    "SUBSTITUTES",
    "Person",
    "fingerprint",
    "longest_name",
    "made_up",
    "person_of",
]

_SIZE = 512  # a power of two, so that every word of a digest is as likely

_FIRM_NAMES = (
    "Trading Co,Supply Co,Wholesale,Distribution,Provisions,Holdings LLC,Logistics,Mercantile"
)
_FIRMS = _FIRM_NAMES.split(",")
_FLAVOUR_NAMES = (
    "Harbor Summit Prairie Cedar Granite Coastal Meadow Ironwood Valley Lakeside Redwood Canyon "
    "Pioneer Sterling Beacon Orchard"
)
_FLAVOURS = _FLAVOUR_NAMES.split()

Make = Callable[[bytes], str]


@cache
def _pool(provider: str) -> tuple[str, ...]:
    """ASCII values of a Faker provider; fits every character set."""
    values = [text for text in faker_pool(provider, _SIZE + 64, salt="masking") if text.isascii()]
    return tuple(values[:_SIZE])


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up person."""

    first: str
    last: str
    female: bool

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"


_GIVEN = 256


@cache
def longest_name() -> int:
    """How long the first and the last name of a made-up person are at most, together."""
    return sum(
        max(map(len, pool))
        for pool in ([*_given_names(True), *_given_names(False)], _pool("last_name"))
    )


def person_of(digest: bytes) -> Person:
    """The person that follows from a digest, with a first name that fits the gender."""
    female = bool(digest[0] & 1)
    first = _given_names(female)[digest[1]]
    return Person(first, _pool("last_name")[int.from_bytes(digest[2:4]) & 511], female)


@cache
def _given_names(female: bool) -> Sequence[str]:
    provider = "first_name_female" if female else "first_name_male"
    return faker_pool(provider, _GIVEN, salt="masking")


def _first(digest: bytes) -> str:
    return _pool("first_name")[int.from_bytes(digest[:4]) * _SIZE >> 32]


def _last(digest: bytes) -> str:
    return _pool("last_name")[int.from_bytes(digest[4:8]) * _SIZE >> 32]


def _person() -> Make:
    first, last = _pool("first_name"), _pool("last_name")

    def make(digest: bytes) -> str:
        word = int.from_bytes(digest[:4])
        return f"{first[word & 511]} {last[word >> 9 & 511]}"

    return make


def _organisation() -> Make:
    last = _pool("last_name")

    def make(digest: bytes) -> str:
        word = int.from_bytes(digest[:4])
        return f"{last[word & 511]} {_FLAVOURS[word >> 9 & 15]} {_FIRMS[word >> 13 & 7]}"

    return make


def _address() -> Make:
    street, city = _pool("street_name"), _pool("city")

    def make(digest: bytes) -> str:
        word = int.from_bytes(digest[:6])
        number = 100 + (word >> 18) % 9900
        # No ZIP code begins with 000, and no state is called ZZ.
        return (
            f"{number} {street[word & 511]}, {city[word >> 9 & 511]}, ZZ 000{word >> 40 & 63:02d}"
        )

    return make


SUBSTITUTES: dict[str, Callable[[], Make]] = {
    "person_name": _person,
    "first_name": lambda: _first,
    "last_name": lambda: _last,
    "org_name": _organisation,
    "postal_address": _address,
}
"""How the values of a class are made; calling an entry fills its pools."""

LONGEST = {
    "person_name": 40,
    "first_name": 20,
    "last_name": 20,
    "org_name": 45,
    "postal_address": 80,
}
"""No made-up value of a class is longer than this; a test holds the pools to it."""


_UNIQUE = re.compile(r" [A-Z2-7]{16}")
_NOWHERE = re.compile(r"\d{3,4} .*, ZZ 000\d\d")


def made_up(kind: str, text: str) -> bool:
    """Whether a text can be one of the made-up values of a class."""
    text = text[:-17] if _UNIQUE.fullmatch(text[-17:]) else text
    if kind == "postal_address":
        return _NOWHERE.fullmatch(text) is not None
    first, _, rest = text.partition(" ")
    if kind == "org_name":
        flavour, _, firm = rest.partition(" ")
        return first in _pool("last_name") and flavour in _FLAVOURS and firm in _FIRMS
    if kind == "person_name":
        return _is_given(first) and rest in _pool("last_name")
    return _is_given(text) if kind == "first_name" else text in _pool(kind)


def _is_given(text: str) -> bool:
    return any(text in pool for pool in (_pool("first_name"), *map(_given_names, (True, False))))


def fingerprint() -> str:
    """A short digest of the pools: the evidence that two runs drew from the same ones."""
    names = ("first_name", "last_name", "street_name", "city")
    pools = [*map(_pool, names), _given_names(True), _given_names(False)]
    content = "\0".join("\0".join(pool) for pool in pools)
    return sha256(content.encode()).hexdigest()[:16]
