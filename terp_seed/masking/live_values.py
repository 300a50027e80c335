"""Live values: what belongs to a person, outside the reserved ranges.

An address at example.com or a number in 555-01XX belongs to no person, and is not found.  Every
search runs in time proportional to the text, whatever the text: no pattern repeats without a
bound, and every at-sign is looked at once from both sides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from unicodedata import category, normalize

from terp_seed.masking.encodings import decoded_texts
from terp_seed.masking.phone_numbers import is_national_phone
from terp_seed.masking.reserved import (
    UNDIALABLE,
    is_fictional_phone,
    is_issued_ein,
    is_issued_ssn,
    is_live_address,
    is_live_card,
    is_live_iban,
    is_reserved_domain,
)
from terp_seed.rows.model import Json, Value

__all__ = [
    "LIVE_KINDS",
    "find_live",
    "is_hidden",
    "live_kinds",
    "may_be_live",
    "may_be_live_among",
    "searchable",
    "texts_behind",
    "texts_in",
]

_NOT_LOCAL = re.compile(r"[\s@<>\"(),;:\[\]\\]")
_DOMAIN = re.compile(r"(?:[\w-]{1,63}\.){1,8}[^\W\d_][\w-]{1,62}")
_NANP = re.compile(
    r"(?<![\w+.@-])(?:\+?1[\s.-]{0,3})?(?P<open>\()?[2-9]\d{2}(?(open)\))"
    r"[\s./-]{0,3}[2-9]\d{2}[\s.-]{0,3}\d{4}(?![\w@]|[.-]\d)"
)
_INTERNATIONAL = re.compile(r"(?<![\w+])\+\d(?:[\s().-]{0,2}\d){7,14}(?![\w@])")
_SSN = re.compile(
    r"(?<![\w-])(?P<area>\d{3})(?P<mark>[- ])(?P<group>\d{2})(?P=mark)(?P<serial>\d{4})(?![\w-])"
)
_EIN = re.compile(r"(?<![\w-])(?P<prefix>\d{2})-\d{7}(?![\w-])")
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")
_IBAN = re.compile(r"[A-Za-z]{2}\d{2}(?<![^\W_].{4})(?: ?[A-Za-z0-9]){11,30}(?![^\W_])")
_NATIONAL = re.compile(
    r"(?<![\w.,+/-])(?<!\d )(?!\d\d?[ /]\d\d?[ /]\d{4})"  # a date is none
    r"(?:\(0[1-9]\d{0,4}\)[ /-]?|0[1-9]\d{0,4}[ /])\d{2,8}(?:[ /-]\d{2,4}){0,3}"
    r"(?![\w@]|[.,:/-]\d)"
)
"""A number within a country that dials 0 first, written with a space, a slash or brackets."""
_IPV4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:{1,2}){3,7}[0-9A-Fa-f]{1,4}(?![\w:.])")
_MAC = re.compile(
    r"(?<![\w:-])[0-9A-Fa-f]{2}(?P<mark>[:-])(?:[0-9A-Fa-f]{2}(?P=mark)){4}[0-9A-Fa-f]{2}(?![\w:-])"
)
_DASHED = re.compile(r"-[0-9A-Fa-f]{2}-")  # what a device's address has, found sooner
_NOT_DIGIT = re.compile(r"\D")

# Most texts have no eight digits near each other, and few of the rest have any of these shapes.
_EIGHT_DIGITS = re.compile(r"\d(?:\D{0,4}\d){7}")
_SHAPE = {code: "0" if chr(code).isdigit() else " " for code in range(128)}
_NUMBERS = re.compile(
    "|".join(p.pattern for p in (_CARD, _SSN, _EIN, _NANP, _INTERNATIONAL, _NATIONAL, _IBAN))
)

_BEGINS = re.compile(r"(?<![\w-])\(?\d|(?<![\w+])\+\d|(?<![^\W_])[A-Za-z]{2}\d{2}")
"""How each of `_NUMBERS` begins; digits of codes begin otherwise, and this is found sooner."""

_APART = "     "  # no number goes on behind it
_ENCODED = 16  # characters of the shortest base64 that is opened
_LONG_WORD = re.compile(rf"(?<!\S)[^\W_]{{{_ENCODED}}}")
_LONG_WORD_IN = re.compile(rf'"[A-Za-z0-9+/_-]{{{_ENCODED}}}')  # a value of a document
_LAYERS = 3  # of encodings in each other
_MOST_LOCAL = 64
_DEEPEST = 200


LIVE_KINDS = ("account", "card", "device", "email", "network", "phone", "tax_id")
"""What a search of values finds."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A find: its kind and its place, never its text."""

    kind: str
    """One of `LIVE_KINDS`."""
    start: int
    stop: int


def searchable(text: str) -> str:
    """The text as the searches see it: NFKC, without invisible characters."""
    if text.isascii():
        return text
    return "".join(char for char in normalize("NFKC", text) if category(char) != "Cf")


def may_be_live(text: str) -> bool:
    """False if nothing in the text can be live, whatever it is cut into or opened to."""
    return _has_eight_digits(text) or _may_be_but_numbers(text)


def may_be_live_among(texts: Iterable[str]) -> bool:
    """False if nothing in any of the texts can be live, as they are or opened."""
    together = _APART.join(texts)
    if not together.isascii() or _may_be_but_numbers(together):
        return True
    numbers = _has_eight_digits(together) and _BEGINS.search(together) is not None
    return numbers and _NUMBERS.search(together) is not None


def _may_be_but_numbers(text: str) -> bool:
    """False if there is nothing live but numbers."""
    encoded = "%" in text or "&" in text or _has_long_word(text) or _holds_long_word(text)
    return "@" in text or "\\" in text or encoded or _may_be_address(text)


def _has_long_word(text: str) -> bool:
    longest = max(map(len, text.split()), default=0)
    return longest >= _ENCODED and _LONG_WORD.search(text) is not None


def _may_be_encoded(text: str) -> bool:
    """False if `decoded_texts` has nothing to say of the text."""
    if "%" in text or "&" in text:
        return True
    return len(text) >= _ENCODED and text[:_ENCODED].isalnum() and "@" not in text


def _may_be_address(text: str) -> bool:
    dotted = text.count(".") >= 3 and _IPV4.search(text) is not None
    if dotted or (":" in text and (_IPV6.search(text) or _MAC.search(text))):
        return True
    dashed = text.count("-") >= 5 and _DASHED.search(text) is not None
    return dashed and _MAC.search(text) is not None


def _has_eight_digits(text: str) -> bool:
    """What `_EIGHT_DIGITS` finds, sooner for a long text without them."""
    if not text.isascii():
        return _EIGHT_DIGITS.search(text) is not None
    parts = text.translate(_SHAPE).split(" " * 5)
    return any([len(part) > 7 and part.count("0") > 7 for part in parts])  # noqa: C419 - quicker


def find_live(text: str, *, bare: bool = False) -> list[Hit]:
    """All finds in a `searchable` text, in order, none overlapping.

    With ``bare`` ten digits in a row count as a telephone number too; without,
    a number needs the punctuation of one, since codes are long as well.
    """
    found = list(_emails(text)) if "@" in text else []
    if _EIGHT_DIGITS.search(text) and _NUMBERS.search(text):
        searches = (_accounts, _cards, _tax_numbers, _phones)
        found += [hit for search in searches for hit in search(text)]
    if _may_be_address(text):
        found += [*_networks(text), *_devices(text)]
    if not found:
        return found
    if not bare:
        found = [hit for hit in found if not _is_bare_phone(hit, text)]
    found.sort(key=lambda hit: (hit.start, -hit.stop))
    kept: list[Hit] = []
    for hit in found:
        if not kept or hit.start >= kept[-1].stop:
            kept.append(hit)
    return kept


def live_kinds(value: Value) -> set[str]:
    """The kinds that are found in a value: in all its texts, as they are and decoded."""
    return {hit.kind for text in texts_behind(value) for hit in find_live(searchable(text))}


def is_hidden(text: str) -> bool:
    """Whether something live is in a text that only shows once it is opened or decoded."""
    opens = "\\" in text or _may_be_encoded(text) or _holds_long_word(text)
    return opens and bool(live_kinds(text))


def texts_behind(value: Value) -> Iterator[str]:
    """`texts_in` a value, and what they say decoded: some encodings deep, documents opened."""
    for text in texts_in(value):
        yield from _layers(text, _LAYERS)


def _layers(text: str, deep: int) -> Iterator[str]:
    """A text, and what it says decoded, so many times in all: documents in it are opened."""
    yield text
    if deep and _may_be_encoded(text):
        for decoded in decoded_texts(text):
            for inner in texts_in(decoded):
                yield from _layers(inner, deep - 1)


def texts_in(value: Value, depth: int = 0) -> Iterator[str]:
    """All texts in a value, keys included; a text that is a document is opened if need be."""
    if isinstance(value, Json):
        value = value.value
    if isinstance(value, str):
        yield value
        if depth < _DEEPEST and value.lstrip()[:1] in ("{", "[") and _hides_texts(value):
            yield from _texts_of_document(value, depth)
    elif isinstance(value, dict | list) and depth < _DEEPEST:
        parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        for part in parts:
            yield from texts_in(part, depth + 1)


def _hides_texts(document: str) -> bool:
    """Whether a document may hold texts that do not show in it as they are."""
    return "\\" in document or _holds_long_word(document)


def _holds_long_word(text: str) -> bool:
    return len(text) >= _ENCODED and _LONG_WORD_IN.search(text) is not None


def _texts_of_document(text: str, depth: int) -> Iterator[str]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield from texts_in(document, depth + 1)


def _emails(text: str) -> Iterator[Hit]:
    at = text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at + 1)
        start = at - len(_NOT_LOCAL.split(text[max(0, at - _MOST_LOCAL) : at])[-1])
        if start == at and text[at - 1 : at] == '"':
            start = max(text.rfind('"', max(0, at - _MOST_LOCAL), at - 1), 0)
        if domain and start < at and not is_reserved_domain(domain[0]):
            yield Hit("email", start, domain.end())
        at = text.find("@", at + 1)


def _phones(text: str) -> Iterator[Hit]:
    for pattern in (_INTERNATIONAL, _NANP):
        for match in pattern.finditer(text):
            reserved = match[0].startswith(UNDIALABLE) or is_fictional_phone(
                _NOT_DIGIT.sub("", match[0])
            )
            if not reserved:
                yield Hit("phone", *match.span())

    for match in _NATIONAL.finditer(text):
        digits = _NOT_DIGIT.sub("", match[0])
        if len(digits) >= 9 and not is_fictional_phone(digits) and is_national_phone(match[0]):
            yield Hit("phone", *match.span())


def _accounts(text: str) -> Iterator[Hit]:
    for match in _IBAN.finditer(text):
        stop = _end_of_iban(match[0])
        if stop:
            yield Hit("account", match.start(), match.start() + stop)


def _end_of_iban(text: str) -> int:
    """Where an IBAN at the beginning ends: words may follow it.  0 if there is none."""
    ends = [at for at in range(15, len(text) + 1) if at == len(text) or text[at] == " "]
    return next((at for at in reversed(ends) if is_live_iban(text[:at])), 0)


def _networks(text: str) -> Iterator[Hit]:
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            if is_live_address(match[0]) and not _is_version(match[0]):
                yield Hit("network", *match.span())


def _is_version(text: str) -> bool:
    """Small numbers with dots are a version more often than an address."""
    return ":" not in text and sum(len(part) > 1 for part in text.split(".")) < 3


def _devices(text: str) -> Iterator[Hit]:
    for match in _MAC.finditer(text):
        if match["mark"] == ":" or len(_NOT_DIGIT.sub("", match[0])) < 12:  # a code has digits
            yield Hit("device", *match.span())


def _tax_numbers(text: str) -> Iterator[Hit]:
    for match in _SSN.finditer(text):
        if is_issued_ssn(match["area"], match["group"], match["serial"]):
            yield Hit("tax_id", *match.span())
    for match in _EIN.finditer(text):
        if is_issued_ein(match["prefix"]):
            yield Hit("tax_id", *match.span())


def _cards(text: str) -> Iterator[Hit]:
    for match in _CARD.finditer(text):
        if is_live_card(_NOT_DIGIT.sub("", match[0])):
            yield Hit("card", *match.span())


def _is_bare_phone(hit: Hit, text: str) -> bool:
    return hit.kind == "phone" and text[hit.start : hit.stop].isdigit()
