"""Live values: what belongs to a person, outside the reserved ranges.

An address at example.com or a number in 555-01XX belongs to no person, and is not found.  Every
search runs in time proportional to the text, whatever the text: no pattern repeats without a
bound, and every at-sign is looked at once from both sides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from unicodedata import category, normalize

from terp_seed.masking.reserved import (
    is_fictional_phone,
    is_issued_ein,
    is_issued_ssn,
    is_live_card,
    is_reserved_domain,
)
from terp_seed.rows.model import Json, Value

__all__ = ["LIVE_KINDS", "find_live", "live_kinds", "may_be_live", "searchable", "texts_in"]

_LOCAL = re.compile(r"[^\s@<>\"(),;:\[\]\\]")
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
_NOT_DIGIT = re.compile(r"\D")

# Most texts have no eight digits near each other, and few of the rest have any of these shapes.
_EIGHT_DIGITS = re.compile(r"\d(?:\D{0,4}\d){7}")
_SHAPE = {code: "0" if chr(code).isdigit() else " " for code in range(128)}
_NUMBERS = re.compile("|".join(p.pattern for p in (_CARD, _SSN, _EIN, _NANP, _INTERNATIONAL)))

_MOST_LOCAL = 64
_DEEPEST = 200


LIVE_KINDS = ("card", "email", "phone", "tax_id")
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
    return "@" in text or "\\" in text or _has_eight_digits(text)


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
        found += [hit for search in (_cards, _tax_numbers, _phones) for hit in search(text)]
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
    """The kinds that are found in a value: in a text, and in all texts of a document."""
    kinds: set[str] = set()
    for text in texts_in(value):
        kinds |= {hit.kind for hit in find_live(searchable(text))}
    return kinds


def texts_in(value: Value, depth: int = 0) -> Iterator[str]:
    """All texts in a value, keys included; a text that is a document is opened if need be."""
    if isinstance(value, Json):
        value = value.value
    if isinstance(value, str):
        yield value
        # A document without an escape shows all its texts as they are.
        if "\\" in value and depth < _DEEPEST and value.lstrip()[:1] in ("{", "["):
            yield from _texts_of_document(value, depth)
    elif isinstance(value, dict | list) and depth < _DEEPEST:
        parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        for part in parts:
            yield from texts_in(part, depth + 1)


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
        start = at
        while start > max(0, at - _MOST_LOCAL) and _LOCAL.match(text[start - 1]):
            start -= 1
        if start == at and text[at - 1 : at] == '"':
            start = max(text.rfind('"', max(0, at - _MOST_LOCAL), at - 1), 0)
        if domain and start < at and not is_reserved_domain(domain[0]):
            yield Hit("email", start, domain.end())
        at = text.find("@", at + 1)


def _phones(text: str) -> Iterator[Hit]:
    for pattern in (_INTERNATIONAL, _NANP):
        for match in pattern.finditer(text):
            if not is_fictional_phone(_NOT_DIGIT.sub("", match[0])):
                yield Hit("phone", *match.span())


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
