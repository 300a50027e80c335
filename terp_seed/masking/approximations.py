"""Values that stay near what they were: dates moved, numbers with noise, both made coarser."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal, localcontext
from functools import wraps
from math import isfinite
from typing import Any, TypeVar

from terp_seed.masking.normal import UnmaskableError, plain, token
from terp_seed.masking.site import Mask, Site
from terp_seed.rows.model import Value

__all__ = ["WAYS", "date_shift", "generalise", "noise"]

WAYS = {"band": "band", "top": "band", "first": "prefix", "decimals": "decimals"}
"""Which ``to`` of `generalise` an option belongs to."""

_Day = TypeVar("_Day", date, datetime)


def date_shift(site: Site) -> Mask:
    """Move a date by 1 to ``days`` days, forth or back, as its subject's digest decides.

    All dates of a subject move alike, whatever they are: intervals between them stay.
    """
    digest, days = site.digest(), int(site.option("days", 30))

    def by_subject(value: Value, subject: bytes) -> Value:
        place = int.from_bytes(digest(subject)[:8]) * 2 * days >> 64
        step = place - days if place < days else place - days + 1
        return _on_date(value, lambda day: _moved(day, step))

    return Mask(by_subject=by_subject)


def _on_date(value: Value, change: Callable[[Any], Any]) -> Value:
    """Change a date, a moment, or a text that is one of them in ISO form."""
    if isinstance(value, date):
        return change(value)
    text = plain(value) if isinstance(value, str) else ""
    day = None
    with suppress(ValueError):  # the error, raised inside, would quote the value
        day = (date if len(text) == 10 else datetime).fromisoformat(text)
    if day is None:
        raise UnmaskableError("neither a date nor a text in ISO form")
    if isinstance(day, datetime):
        return change(day).isoformat(sep="T" if "T" in text else " ")
    return change(day).isoformat()


def _moved(day: _Day, days: int) -> _Day:
    """``day`` moved; the other way at the ends of the calendar, where no one has lived."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return day - timedelta(days=days)


def noise(site: Site) -> Mask:
    """Add up to ``percent`` of a number to it, or take it off; move a date by up to ``days`` days.

    The same value gets the same noise, so it cannot be averaged away.  A number keeps its type and
    decimals, stays between ``min`` and ``max``, and changes by one unit of them at least.
    """
    digest, days = site.digest(), int(site.option("days", 30))

    def render(value: Value, text: bytes) -> Value:
        made = digest(text)
        share = int.from_bytes(made[:8]) / 2**63 - 1
        if isinstance(value, date | str):
            step = round(share * days) or (1 if made[8] & 1 else -1)
            return _on_date(value, lambda day: _moved(day, step))
        return _noisy(value, share or 1.0, site)

    if site.key is not None:
        return Mask(by_value=lambda value: render(value, _bytes_of(value)))
    return Mask(by_row=lambda value, row: render(value, b"row\0%d" % row))


def _bytes_of(value: Value) -> bytes:
    return repr(value).encode() if isinstance(value, float) else token(value, plain)


def _exactly(function: Callable[..., Value]) -> Callable[..., Value]:
    """The function with room for as many digits as a DECIMAL has anywhere."""

    @wraps(function)
    def called(*args: Any) -> Value:
        with localcontext(prec=200):
            return function(*args)

    return called


@_exactly
def _noisy(value: Value, share: float, site: Site) -> Value:
    number = _number(value)
    unit = Decimal(1).scaleb(_exponent(value, number))
    most = abs(number) * site.option("percent", 10) / 100
    step = max((most * Decimal(abs(share)) / unit).to_integral_value(), Decimal(1)) * unit
    step = step if share > 0 else -step
    low = Decimal(str(site.option("min", "-Infinity")))
    high = Decimal(str(site.option("max", "Infinity")))
    moved = next(
        (new for new in (number + step, number - step) if low <= new <= high),
        min(max(number + step, low), high),
    )
    if moved == number:
        raise UnmaskableError("min and max leave no other value")
    return _like(moved, value)


def _number(value: Value) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | float):
        raise UnmaskableError("not a number")
    if not isfinite(value):
        raise UnmaskableError("not a finite number")
    return value if isinstance(value, Decimal) else Decimal(repr(value))


def _exponent(value: Value, number: Decimal) -> int:
    """Of the last digit that counts."""
    if isinstance(value, float):
        return number.adjusted() - 6  # the digits of a single-precision number
    exponent = number.as_tuple().exponent
    return min(exponent, 0) if isinstance(exponent, int) else 0


def _like(number: Decimal, value: Value) -> Value:
    """A number of the type and the decimals that the value has."""
    if not isinstance(value, Decimal):
        return type(value)(number)
    return number.quantize(Decimal(1).scaleb(_exponent(value, value)))


def generalise(site: Site) -> Mask:
    """Replace a value by the representative of its year, month, band, prefix or place."""
    to = site.option("to", None) or _way_of(site)
    if to == "band":
        band, top = site.option("band", 1000), site.option("top", None)
        return Mask(by_value=lambda value: _banded(value, band, top))
    if to == "prefix":
        first = site.option("first", 3)
        return Mask(by_value=lambda value: _prefix(value, first), ascii=False)
    if to == "decimals":
        decimals = site.option("decimals", 1)
        return Mask(by_value=lambda value: _rounded(value, decimals))
    month = to == "month"
    return Mask(by_value=lambda value: _on_date(value, lambda day: _opened(day, month)))


def _way_of(site: Site) -> str:
    """Where ``to`` is left out, the way that an option belongs to."""
    given = [way for option, way in WAYS.items() if option in site.choice.options]
    return given[0] if given else "year" if site.kind.name == "date" else "band"


_DECIMAL = re.compile(r"-?\d+\.\d+")


@_exactly
def _rounded(value: Value, decimals: int) -> Value:
    """A number, or each number with decimals in a text, such as a pair of coordinates."""
    if isinstance(value, str):
        if not _DECIMAL.search(value):
            raise UnmaskableError("no number with decimals in it")
        return _DECIMAL.sub(lambda hit: str(round(Decimal(hit[0]), decimals)), value)
    return _like(round(_number(value), decimals), value)


def _opened(day: _Day, month: bool) -> _Day:
    """The first moment of the day's month or year."""
    if isinstance(day, datetime):
        day = day.replace(hour=0, minute=0, second=0, microsecond=0)
    return day.replace(day=1) if month else day.replace(month=1, day=1)


@_exactly
def _banded(value: Value, band: int, top: int | None) -> Value:
    """The lower end of the value's band; from ``top`` on, ``top``."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,18}", value.strip()):
        return str(_banded(int(value), band, top))
    number = _number(value)
    if top is not None and number >= top:
        return _like(Decimal(top), value)
    return _like((number / band).to_integral_value(ROUND_FLOOR) * band, value)


def _prefix(value: Value, first: int) -> Value:
    if not isinstance(value, str):
        raise UnmaskableError("not a text")
    text = plain(value)
    rest = ("0" if char.isdigit() else "*" if char.isalnum() else char for char in text[first:])
    return text[:first] + "".join(rest)
