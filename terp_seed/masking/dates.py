"""`date_shift` and `generalise`: dates and sums that tell less.

`date_shift` moves all dates of one subject by the same number of days, never
by none, so intervals and order within a subject stay.  `generalise` replaces
a value by the one that represents its year, month, band or prefix; a value
that already represents its own stays, since any other would give it away.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from terp_seed.masking.normal import UnmaskableError, plain
from terp_seed.masking.site import Mask, Site
from terp_seed.rows.model import Value

__all__ = ["date_shift", "generalise"]

# What a TIMESTAMP of MySQL holds: a date inside stays inside.
_EPOCH, _LAST = date(1970, 1, 2), date(2038, 1, 18)

_Day = TypeVar("_Day", date, datetime)


def date_shift(site: Site) -> Mask:
    """Move a date by 1 to ``days`` days, forth or back, as its subject's digest decides."""
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
    """``day`` moved; the other way where it would leave the calendar or a TIMESTAMP."""
    for step in (days, -days):
        try:
            other = day + timedelta(days=step)
        except OverflowError:
            continue
        if not _fits_timestamp(day) or _fits_timestamp(other):
            return other
    raise UnmaskableError("a date too close to the end of the calendar")


def _fits_timestamp(day: date) -> bool:
    plain_day = day.date() if isinstance(day, datetime) else day
    return _EPOCH <= plain_day <= _LAST


def generalise(site: Site) -> Mask:
    """Replace a value by the representative of its year, month, band or prefix."""
    to = site.option("to", "year" if site.kind.name == "date" else "band")
    if to == "band":
        band = site.option("band", 1000)
        return Mask(by_value=lambda value: _banded(value, band))
    if to == "prefix":
        first = site.option("first", 3)
        return Mask(by_value=lambda value: _prefix(value, first), ascii=False)
    month = to == "month"
    return Mask(by_value=lambda value: _on_date(value, lambda day: _opened(day, month)))


def _opened(day: _Day, month: bool) -> _Day:
    """The first moment of the day's month or year."""
    if isinstance(day, datetime):
        day = day.replace(hour=0, minute=0, second=0, microsecond=0)
    return day.replace(day=1) if month else day.replace(month=1, day=1)


def _banded(value: Value, band: int) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | float):
        raise UnmaskableError("not a number")
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise UnmaskableError("not a finite number")
        return (value // band * band).quantize(value)
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN
        raise UnmaskableError("not a finite number")
    return type(value)(value // band * band)


def _prefix(value: Value, first: int) -> Value:
    if not isinstance(value, str):
        raise UnmaskableError("not a text")
    text = plain(value)
    rest = ("0" if char.isdigit() else "*" if char.isalnum() else char for char in text[first:])
    return text[:first] + "".join(rest)
