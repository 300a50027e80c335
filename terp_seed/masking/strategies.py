"""The strategies by name: their options, where they may be used, how they are built.

Every strategy but `keep`, `partial`, `scrub_text`, `generalise`, `constant` and `shuffle` gives a
value that differs from the input; those may leave all or part of it, and so may, by chance, a
substituted part of a made-up person.  A project adds its own with `custom`.

`generalise` replaces a value by the one that represents its year, month, band or
prefix; a value that already represents its own stays, since any other would give
it away.
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import partial as bound
from typing import Any
from uuid import UUID

from terp_seed.errors import MaskingError
from terp_seed.masking.approximations import date_shift, generalise, noise
from terp_seed.masking.ibans import COUNTRIES, mask_of_iban
from terp_seed.masking.identities import PREFIXES
from terp_seed.masking.live_values import find_live, is_hidden, searchable
from terp_seed.masking.normal import UnmaskableError, plain
from terp_seed.masking.policy import DATA_CLASSES, Choice
from terp_seed.masking.site import Mask, Site, drawn, drawn_text, of_kind
from terp_seed.masking.substitutes import LONGEST, SUBSTITUTES
from terp_seed.masking.tokens import permutation, tokenise
from terp_seed.rows.model import Json, Value

__all__ = [
    "STRATEGIES",
    "Option",
    "Strategy",
    "build",
    "custom",
    "list_strategies",
]

_REDACTED = "[redacted]"
LEAST_SHUFFLED = 10
"""How many rows a shuffle exchanges at least."""

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
    marker = site.option("marker", _REDACTED)
    other = "[removed]" if marker != "[removed]" else _REDACTED

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
    if site.kind.name == "gender":
        raise MaskingError(
            f"{site.place}: a substituted gender is that of the row's made-up person; "
            'add person = "<column>" to its table, or use redact'
        )
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


def _pseudonymise(site: Site) -> Mask:
    if site.kind.name == "email":
        end = f"@{site.mail_domain}"
        return drawn_text(
            site,
            lambda digest: f"u{digest[:10].hex()}{end}",
            distinct=True,
            length=21 + len(end),
        )
    prefix = site.option("prefix", PREFIXES.get(site.kind.name, "p"))

    def render(digest: bytes, value: Value) -> Value:
        if isinstance(value, UUID):
            return UUID(bytes=digest[:16], version=4)
        return of_kind(prefix + _letters(digest[:10]).lower(), value)

    return drawn(site, render, distinct=True, length=len(prefix) + 16)


def _hash(site: Site) -> Mask:
    length = site.option("length", 64)
    return drawn_text(site, lambda digest: digest.hex()[:length], distinct=True, length=length)


def _tokenise(site: Site) -> Mask:
    return mask_of_iban(site) if site.kind.name == "iban" else tokenise(site)


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
    Under a key a find becomes what its own column would make of it.  A text in which one only
    shows decoded is hidden whole.
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
        scrubbed = "".join([*parts, seen[end:]]) if parts else text
        return _REDACTED if is_hidden(scrubbed) else scrubbed

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


def _constant(site: Site) -> Mask:
    """The value that the policy gives; a number or a text, as the column's are."""
    given: Value = site.option("value", None)

    def by_value(value: Value) -> Value:
        if isinstance(value, str) and isinstance(given, str):
            return given
        if isinstance(value, int | float | Decimal) and not isinstance(given, str):
            return type(value)(str(given)) if isinstance(value, Decimal) else type(value)(given)
        if isinstance(value, date) and isinstance(given, str):
            with suppress(ValueError):
                return type(value).fromisoformat(given)
        raise UnmaskableError("the policy's value is of another type than the column's")

    length = len(given) if isinstance(given, str) else None
    return Mask(by_value=by_value, length=length, ascii=str(given).isascii())


def _shuffle(site: Site) -> Mask:
    """Exchange the values of the rows that are masked at a time, NULL among them.

    Columns of one ``group`` of a table move together.
    """
    if site.key is None:
        raise MaskingError(
            f"{site.place}: shuffle needs a key, or the order of the rows would undo it; set "
            "TERP_SEED_MASK_KEY or TERP_SEED_MASK_KEY_FILE"
        )
    table, column = site.place.rsplit(".", 1)
    secret = site.key.subkey(f"shuffle\0{table}\0{site.option('group', f'column {column}')}")

    def by_block(values: Sequence[Value], first: int) -> Sequence[Value]:
        if len(values) < LEAST_SHUFFLED:
            raise UnmaskableError(
                f"shuffle exchanges values of at least {LEAST_SHUFFLED} rows, and so many are not "
                "left; use another strategy"
            )
        pick = permutation(secret + b"%d" % first, len(values))
        return [values[pick(place)] for place in range(len(values))]

    return Mask(by_block=by_block, ascii=False)


def _whole(low: int, high: int) -> Option:
    return Option(
        f"a whole number from {low} to {high}",
        lambda given: type(given) is int and low <= given <= high,
    )


def _one_of(*words: str) -> Option:
    return Option(f"one of {', '.join(words)}", lambda given: given in words)


_DAYS = _whole(1, 3650)
_MARKER = Option(
    "a text of 1 to 40 characters",
    lambda given: isinstance(given, str) and 0 < len(given) <= 40 and bool(given.strip()),
)
_NUMBER = Option("a number", lambda given: type(given) in (int, float))
_VALUE = Option(
    "a text of at most 200 characters, a number, or true or false",
    lambda given: type(given) in (int, float, bool) or (type(given) is str and len(given) <= 200),
)
_PREFIX = Option(
    "at most 16 letters, digits, dots, dashes or underscores",
    lambda given: (
        isinstance(given, str)
        and len(given) <= 16
        and all(char.isascii() and (char.isalnum() or char in "._-") for char in given)
    ),
)
_FLAG = Option("true or false", lambda given: isinstance(given, bool))
_PAIR = Option(
    'the spellings of a man\'s gender and of a woman\'s, such as ["M", "F"]',
    lambda given: (
        isinstance(given, list)
        and len(given) == 2
        and given[0] != given[1]
        and type(given[0]) is type(given[1])
        and type(given[0]) in (str, int)
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
        Strategy(
            "substitute",
            _substitute,
            keyed=True,
            options={"values": _PAIR},
            classes=frozenset({*SUBSTITUTES, "gender"}),
        ),
        Strategy("pseudonymise", _pseudonymise, keyed=True, options={"prefix": _PREFIX}),
        Strategy(
            "tokenise",
            _tokenise,
            keyed=True,
            options={"layout": _LAYOUT, "distinct": _FLAG, "country": _one_of(*COUNTRIES)},
        ),
        Strategy(
            "generalise",
            generalise,
            options={
                "to": _one_of("year", "month", "band", "prefix", "decimals"),
                "band": _whole(2, 10**12),
                "top": _whole(1, 10**12),
                "first": _whole(1, 8),
                "decimals": _whole(0, 6),
            },
        ),
        Strategy(
            "noise",
            noise,
            keyed=True,
            options={
                "percent": _whole(1, 100),
                "days": _DAYS,
                "min": _NUMBER,
                "max": _NUMBER,
            },
            classes=frozenset({"amount", "date", "quasi", "special", "device"}),
        ),
        Strategy(
            "date_shift",
            date_shift,
            keyed=True,
            options={"days": _DAYS},
            classes=frozenset({"date"}),
        ),
        Strategy(
            "shuffle",
            _shuffle,
            options={"group": Option("a name", lambda given: type(given) is str and bool(given))},
            classes=frozenset(
                {"amount", "date", "quasi", "special", "gender", "postal_address", "device"}
            ),
        ),
        Strategy("constant", _constant, options={"value": _VALUE}),
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
