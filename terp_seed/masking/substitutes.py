"""Made-up names and addresses: pool values combined by the words of a digest.

Faker fills the pools once, on first use; from then on a name costs two look-ups.
The pools follow the installed Faker, so `fingerprint` identifies them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from hashlib import sha256

from terp_seed.rows.columns import faker_pool

__all__ = ["LONGEST", "SUBSTITUTES", "fingerprint", "made_up"]

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
        return first in _pool("first_name") and rest in _pool("last_name")
    return text in _pool(kind)


def fingerprint() -> str:
    """A short digest of the pools: the evidence that two runs drew from the same ones."""
    names = ("first_name", "last_name", "street_name", "city")
    content = "\0".join("\0".join(_pool(name)) for name in names)
    return sha256(content.encode()).hexdigest()[:16]
