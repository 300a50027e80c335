"""Values that can belong to nobody: what a masked or made-up value must be.

E-mail on names that RFC 2606 and RFC 6761 set aside; telephone numbers set
aside for fiction; tax numbers that neither the IRS nor the SSA gives out; card
numbers whose issuer digit is not assigned and whose check digit is wrong;
addresses of documentation networks.

A `ReservedRange` is a finite set of such values, each of which has a number.  It says
how many there are, because a UNIQUE column cannot hold more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from terp_seed.masking.nanp import AREA_CODES, NOT_GEOGRAPHIC

__all__ = [
    "CARDS",
    "NETWORKS",
    "PHONES",
    "TAX_NUMBERS",
    "ReservedRange",
    "is_fictional_phone",
    "is_issued_ein",
    "is_issued_ssn",
    "is_live_card",
    "is_reserved_domain",
    "is_reserved_email",
    "luhn_sum",
]

_DOMAINS = ("example.com", "example.net", "example.org")
_TOP_LEVEL = ("test", "example", "invalid", "localhost")

_NO_EIN_PREFIXES = "00 07 08 09 17 18 19 28 29 49 69 70 78 79 89 96 97"
_NOT_EIN = frozenset(_NO_EIN_PREFIXES.split())

# What card issuers print in their own documentation for trial payments.
_TRIAL_NUMBERS = (
    "4242424242424242 4111111111111111 4012888888881881 5555555555554444 5105105105105100 "
    "2223003122003222 378282246310005 371449635398431 6011111111111117 6011000990139424 "
    "3530111333300000 3056930009020004"
)
_TRIAL_CARDS = frozenset(_TRIAL_NUMBERS.split())


@dataclass(frozen=True, slots=True)
class ReservedRange:
    """A finite set of reserved values, numbered from 0.

    ``digits(number)`` is the plain value, ``digits_long`` characters long;
    ``layout`` says how to write it where the input gives no layout to keep.
    """

    name: str
    size: int
    digits: Callable[[int], str]
    digits_long: int
    layout: str
    """``#`` stands for a digit; everything else is written as it is."""


def is_reserved_domain(domain: str) -> bool:
    """Whether mail to this domain can reach nobody, by RFC 2606 or RFC 6761."""
    name = domain.rstrip(".").lower()
    if name.rsplit(".", 1)[-1] in _TOP_LEVEL:
        return True
    return name in _DOMAINS or name.endswith(tuple(f".{reserved}" for reserved in _DOMAINS))


def is_reserved_email(text: str) -> bool:
    """Whether the text is one address on a reserved domain."""
    local, at, domain = text.rpartition("@")
    return bool(local and at) and "@" not in local and is_reserved_domain(domain)


_OFCOM = re.compile(r"(?:44|0)(?:7700900|2079460|1632960|1134960|1314960|1414960)\d{3}")


def is_fictional_phone(digits: str) -> bool:
    """Whether these digits are a number set aside for fiction.

    555-0100 to 555-0199 under a geographic area code of North America, with
    or without the country's 1; 800-555-0199; Ofcom's numbers for drama.
    """
    national = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    if len(national) == 10 and national[3:8] == "55501":
        return national[:3] not in NOT_GEOGRAPHIC or national == "8005550199"
    return _OFCOM.fullmatch(digits) is not None


def is_issued_ssn(area: str, group: str, serial: str) -> bool:
    """Whether the Social Security Administration can have issued this number."""
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def is_issued_ein(prefix: str) -> bool:
    """Whether the IRS gives out employer numbers that begin with these two digits."""
    return prefix not in _NOT_EIN


def luhn_sum(digits: str) -> int:
    """The Luhn sum; a card number is well formed if it ends in 0."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        double = int(digit) * (1 + place % 2)
        total += double - 9 * (double > 9)
    return total


def is_live_card(digits: str) -> bool:
    """Whether a card with this number may exist: issuer, length and check digit fit."""
    fits = 13 <= len(digits) <= 19 and digits[0] in "23456" and digits not in _TRIAL_CARDS
    return fits and luhn_sum(digits) % 10 == 0


_CODES = AREA_CODES.split()


def _phone(number: int) -> str:
    return f"{_CODES[number // 100]}55501{number % 100:02d}"


def _tax(number: int) -> str:
    # 96 and 97 are no EIN prefix; as an SSN the area is above 899 with a group
    # below 50, which no SSN, ITIN or ATIN has.
    head, tail = divmod(number, 100_000)
    prefix, head = divmod(head, 50)
    return f"9{6 + prefix}{head // 5}{head % 5}{tail:05d}"


def _card(number: int) -> str:
    body = f"0000{number:011d}"  # 0 is nobody's issuer digit
    right = -luhn_sum(body + "0") % 10
    return f"{body}{(right + 1) % 10}"


def _network(number: int) -> str:
    network, host = divmod(number, 254)
    return f"{('192.0.2', '198.51.100', '203.0.113')[network]}.{host + 1}"


PHONES = ReservedRange("fictional telephone numbers", 45_100, _phone, 10, "+1-###-###-####")
TAX_NUMBERS = ReservedRange("tax numbers that are never issued", 10_000_000, _tax, 9, "##-#######")
CARDS = ReservedRange("card numbers without an issuer", 10**11, _card, 16, "#### #### #### ####")
NETWORKS = ReservedRange("addresses of documentation networks", 762, _network, 0, "")
