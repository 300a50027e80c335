"""The strategies by name: their options, where they may be used, how they are built.

Every strategy but `keep`, `partial`, `scrub_text` and `generalise` gives a
value that differs from the input; those four may leave all or part of it.
A project adds its own with `custom`.

`generalise` replaces a value by the one that represents its year, month, band or
prefix; a value that already represents its own stays, since any other would give
it away.
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial as bound
from typing import Any, TypeVar
from uuid import UUID

from terp_seed.masking.live_values import find_live, searchable
from terp_seed.masking.normal import UnmaskableError, plain
from terp_seed.masking.policy import DATA_CLASSES, Choice
from terp_seed.masking.site import Mask, Site, drawn, drawn_text, of_kind
from terp_seed.masking.substitutes import LONGEST, SUBSTITUTES
from terp_seed.masking.tokens import tokenise
from terp_seed.rows.model import Json, Value

__all__ = [
    "STRATEGIES",
    "Option",
    "Strategy",
    "build",
    "custom",
    "date_shift",
    "generalise",
    "list_strategies",
]

Transform = Callable[[Value, bytes], Value]


@dataclass(frozen=True, slots=True)
class Option:
    """What an option of a strategy may be; ``meaning`` completes "must be ..."."""

    meaning: str
    accepts: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a strategy is built and what the policy file may give it.

    ``keyed``: under a key the result follows from the value, so equal values
    stay equal; without one it follows from the row number.
    """

    name: str
    build: Callable[[Site], Mask | None]
    keyed: bool = False
    options: dict[str, Option] = field(default_factory=dict)
    classes: frozenset[str] | None = None
    only_in: frozenset[str] | None = None


def custom(
    name: str, *, distinct: bool = False, length: int | None = None
) -> Callable[[Transform], Transform]:
    """Register a project's own strategy as ``custom:<name>``.

    The function gets the value and 32 bytes: the keyed digest of the value,
    or of the row number without a key.  It must follow from these two
    alone.  ``distinct`` promises that different values stay different,
    ``length`` the longest text that comes out.  It may not return its input,
    and what it raises is reported without its text.  Registering a name again
    replaces it.
    """

    def register(transform: Transform) -> Transform:
        _CUSTOM[f"custom:{name}"] = Strategy(
            f"custom:{name}", bound(_custom, transform, distinct, length), keyed=True
        )
        return transform

    return register


def list_strategies() -> dict[str, Strategy]:
    """All strategies there are now, by name."""
    return STRATEGIES | _CUSTOM


def build(site: Site) -> Mask | None:
    """The mask of a site; None if its values are kept."""
    return list_strategies()[site.choice.strategy].build(site)


def _custom(transform: Transform, distinct: bool, length: int | None, site: Site) -> Mask:
    def render(digest: bytes, value: Value) -> Value:
        out = transform(value, digest)
        if out == value:
            raise UnmaskableError(f"{site.choice.strategy} returned the value itself")
        return out

    return drawn(site, render, distinct=distinct, length=length)


def _keep(site: Site) -> None:
    """Nothing to do: the policy holds the reason."""


def _nullify(site: Site) -> Mask:
    return Mask(by_value=lambda value: None, length=0, makes_null=True)


def _redact(site: Site) -> Mask:
    marker = site.option("marker", "[redacted]")
    other = "[removed]" if marker != "[removed]" else "[redacted]"

    def by_value(value: Value) -> Value:
        if isinstance(value, str) and site.kind.name == "json":
            return "[]" if value.lstrip().startswith("[") else "{}"
        if isinstance(value, str):
            return marker if value != marker else other
        if isinstance(value, dict | list | Json):
            return _emptied(value)
        if isinstance(value, bytes | bytearray | memoryview):
            return b""
        raise UnmaskableError("redact makes text, which this kind of value cannot hold")

    length = 2 if site.kind.name == "json" else max(len(marker), len(other))
    return Mask(by_value=by_value, length=length, ascii=marker.isascii())


def _emptied(value: Value) -> Value:
    inner = value.value if isinstance(value, Json) else value
    if isinstance(inner, dict):
        return {}
    return [] if isinstance(inner, list) else Json(None)


def _substitute(site: Site) -> Mask:
    make = SUBSTITUTES[site.kind.name]()
    longest = LONGEST[site.kind.name]
    if not site.unique:
        return drawn_text(site, make, length=longest)
    return drawn_text(
        site,
        lambda digest: f"{make(digest)} {_letters(digest[-10:])}",
        distinct=True,
        length=longest + 17,
    )


def _letters(digest: bytes) -> str:
    return b32encode(digest).decode()


_PREFIXES = {"username": "u", "external_id": "x", "code": "c"}


def _pseudonymise(site: Site) -> Mask:
    if site.kind.name == "email":
        end = f"@{site.mail_domain}"
        return drawn_text(
            site,
            lambda digest: f"u{digest[:10].hex()}{end}",
            distinct=True,
            length=21 + len(end),
        )
    prefix = site.option("prefix", _PREFIXES.get(site.kind.name, "p"))

    def render(digest: bytes, value: Value) -> Value:
        if isinstance(value, UUID):
            return UUID(bytes=digest[:16], version=4)
        return of_kind(prefix + _letters(digest[:10]).lower(), value)

    return drawn(site, render, distinct=True, length=len(prefix) + 16)


def _hash(site: Site) -> Mask:
    length = site.option("length", 64)
    return drawn_text(site, lambda digest: digest.hex()[:length], distinct=True, length=length)


_MARKERS = {
    "account": "[account]",
    "card": "[card]",
    "device": "[device]",
    "email": "[e-mail]",
    "network": "[network]",
    "phone": "[phone]",
    "tax_id": "[tax id]",
}
_NO_RANGE = {"account", "device"}  # a surrogate of theirs might be real by chance


def _scrub_text(site: Site) -> Mask:
    """Replace what shows by its shape; a name does not, and stays.

    That is why `redact` is the default for free text, and this is a choice.
    Under a key a find becomes what its own column would make of it.
    """
    surrogates: dict[str, Callable[[Value], Value]] = {}
    for name in _MARKERS.keys() - _NO_RANGE if site.key else ():
        kind = DATA_CLASSES[name]
        choice = Choice(kind.strategy)
        mask = build(replace(site, kind=kind, domain=name, unique=False, choice=choice))
        if mask is not None and mask.by_value is not None:
            surrogates[name] = mask.by_value

    def by_value(value: Value) -> Value:
        text = of_kind(value, value)
        seen = searchable(text)
        parts, end = [], 0
        for hit in find_live(seen, bare=True):
            found = seen[hit.start : hit.stop]
            made = surrogates.get(hit.kind)
            surrogate = made(found) if made else _MARKERS[hit.kind]
            parts += [seen[end : hit.start], str(surrogate)]
            end = hit.stop
        return "".join([*parts, seen[end:]]) if parts else text

    return Mask(by_value=by_value, ascii=False)


def _partial(site: Site) -> Mask:
    """Keep the first and last characters; at least as many are hidden as shown, and four.

    What is hidden already stays: it is what masking made of it before.
    """
    first, last = site.option("first", 1), site.option("last", 2)

    def by_value(value: Value) -> Value:
        text = plain(of_kind(value, value))
        shown = first + last
        begin, end = (first, last) if len(text) >= max(2 * shown, shown + 4) else (0, 0)
        stop = len(text) - end
        hidden = "".join("*" if char.isalnum() else char for char in text[begin:stop])
        if hidden == text[begin:stop] and "*" not in hidden:
            raise UnmaskableError("partial finds nothing in it to hide")
        return text[:begin] + hidden + text[stop:]

    return Mask(by_value=by_value, ascii=False)


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


def _whole(low: int, high: int) -> Option:
    return Option(
        f"a whole number from {low} to {high}",
        lambda given: type(given) is int and low <= given <= high,
    )


def _one_of(*words: str) -> Option:
    return Option(f"one of {', '.join(words)}", lambda given: given in words)


_MARKER = Option(
    "a text of 1 to 40 characters",
    lambda given: isinstance(given, str) and 0 < len(given) <= 40 and bool(given.strip()),
)
_PREFIX = Option(
    "at most 16 letters, digits, dots, dashes or underscores",
    lambda given: (
        isinstance(given, str)
        and len(given) <= 16
        and all(char.isascii() and (char.isalnum() or char in "._-") for char in given)
    ),
)
_LAYOUT = Option(
    "a text with one # for each digit",
    lambda given: isinstance(given, str) and given.count("#") > 0 and given.isascii(),
)

STRATEGIES = {
    made.name: made
    for made in (
        Strategy("keep", _keep),
        Strategy("nullify", _nullify),
        Strategy("redact", _redact, options={"marker": _MARKER}),
        Strategy("substitute", _substitute, keyed=True, classes=frozenset(SUBSTITUTES)),
        Strategy("pseudonymise", _pseudonymise, keyed=True, options={"prefix": _PREFIX}),
        Strategy("tokenise", tokenise, keyed=True, options={"layout": _LAYOUT}),
        Strategy(
            "generalise",
            generalise,
            options={
                "to": _one_of("year", "month", "band", "prefix"),
                "band": _whole(2, 10**12),
                "first": _whole(1, 8),
            },
        ),
        Strategy(
            "date_shift",
            date_shift,
            keyed=True,
            options={"days": _whole(1, 3650)},
            classes=frozenset({"date"}),
        ),
        Strategy("hash", _hash, keyed=True, options={"length": _whole(16, 64)}),
        Strategy(
            "partial",
            _partial,
            options={"first": _whole(0, 8), "last": _whole(0, 8)},
            only_in=frozenset({"staging"}),
        ),
        Strategy("scrub_text", _scrub_text),
    )
}
"""The built-in strategies, by the names that the field uses."""

_CUSTOM: dict[str, Strategy] = {}
