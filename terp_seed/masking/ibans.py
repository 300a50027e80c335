"""IBANs that applications accept and no bank has given out.

The country stays, the check digits are right, and the bank code is all zeros: no bank has it.
Only countries are known here whose bank codes are digits and include none of zeros alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from terp_seed.masking.normal import UnmaskableError, compact
from terp_seed.masking.site import Mask, Site, by_key, of_kind
from terp_seed.masking.tokens import Permutation, permutation
from terp_seed.rows.model import Value

__all__ = ["COUNTRIES", "mask_of_iban"]


@dataclass(frozen=True, slots=True)
class _Country:
    """How many zeros the bank and branch take, how many digits are free, what ends the account."""

    zeros: int
    free: int
    national: Callable[[str], str] = lambda body: body
    """Adds the national check digits."""

    @property
    def size(self) -> int:
        return int(10**self.free)


def _french(body: str) -> str:
    return f"{body}{97 - int(body) * 100 % 97:02d}"


def _iso7064(body: str) -> str:
    return f"{body}{98 - int(body) * 100 % 97:02d}"


def _spanish(body: str) -> str:
    from stdnum.es.ccc import calc_check_digits

    return f"{body[:8]}{calc_check_digits(f'{body[:8]}00{body[8:]}')}{body[8:]}"


COUNTRIES = {
    "AT": _Country(5, 11),
    "CH": _Country(5, 12),
    "CZ": _Country(10, 10),
    "DE": _Country(8, 10),
    "DK": _Country(4, 10),
    "ES": _Country(8, 10, _spanish),
    "FR": _Country(10, 11, _french),
    "GR": _Country(7, 16),
    "LI": _Country(5, 12),
    "LT": _Country(5, 11),
    "MC": _Country(10, 11, _french),
    "PL": _Country(8, 16),
    "PT": _Country(8, 11, _iso7064),
    "SI": _Country(5, 8, _iso7064),
    "SK": _Country(10, 10),
}
"""The countries that have such a range."""


_USUAL = 10**10  # accounts of a country, where the countries of a column are not known


def mask_of_iban(site: Site) -> Mask:
    """Another IBAN of the same country, or of the option ``country``.

    Under a key equal values stay equal; with ``unique``, each row has its own.
    """
    digest, given = site.digest(), site.option("country", None)
    picks: dict[str, Permutation] = {}

    def number(value: Value, code: str, size: int, text: bytes, row: int) -> int:
        if not site.unique:
            return int.from_bytes(digest(text)[:10]) * size >> 80
        if code not in picks:
            picks[code] = permutation(site.secret + code.encode(), size)
        return picks[code](row % size)

    def write(value: Value, text: bytes, row: int = 0) -> Value:
        code = given or _country_of(value)
        country = COUNTRIES[code]
        chosen = number(value, code, country.size, text, row)
        out = _iban(code, chosen)
        if isinstance(value, str) and compact(value) == out.lower():
            out = _iban(code, country.size - 1 - chosen)
        return of_kind(_spaced(out) if " " in str(value).strip() else out, value)

    length = None if given is None else len(_spaced(_iban(given, 0)))
    smallest = min(country.size for country in COUNTRIES.values())
    if site.unique:
        return Mask(
            by_row=lambda value, row: write(value, b"", row),
            distinct=True,
            capacity=smallest,
            length=length,
        )
    room = _USUAL if given is None else COUNTRIES[given].size
    return by_key(site, lambda value, text, own: write(value, text), length=length, room=room)


def _country_of(value: Value) -> str:
    code = value.strip()[:2].upper() if isinstance(value, str) else ""
    if code not in COUNTRIES:
        raise UnmaskableError(
            f"not an IBAN of a country with a range that no bank has ({', '.join(COUNTRIES)}); "
            'add country = "DE", or another of these, or use class account'
        )
    return code


def _iban(code: str, number: int) -> str:
    from stdnum.iban import calc_check_digits

    country = COUNTRIES[code]
    account = country.national(f"{'0' * country.zeros}{number:0{country.free}d}")
    return f"{code}{calc_check_digits(f'{code}00{account}')}{account}"


def _spaced(text: str) -> str:
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))
