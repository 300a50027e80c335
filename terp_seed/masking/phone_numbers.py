"""Telephone numbers of every region, by the library that telephones use."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["is_national_phone", "share_of_phones"]

_DIAL_ZERO = ("DE", "FR", "GB", "NL", "BE", "CH", "AT", "IT", "AU", "SE", "IN", "ZA")
_REGIONS = (*_DIAL_ZERO, "ES", "PT", "PL", "US", "BR", "MX", "DK", "NO", "FI", "CZ", "JP", "IE")


def is_national_phone(text: str) -> bool:
    """Whether a number that begins with 0 is one of a country that dials 0 first."""
    return any(_is_valid(text, region) for region in _DIAL_ZERO)


def share_of_phones(texts: Collection[str]) -> float:
    """The share of the texts that are numbers of one and the same region, the best of all."""
    if not texts:
        return 0.0
    return max(sum(_is_valid(text, region) for text in texts) for region in _REGIONS) / len(texts)


def _is_valid(text: str, region: str) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False
