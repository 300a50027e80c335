"""A proposed class for a column, from its name, its type and a sample of its values.

A proposal saves typing and decides nothing: what is masked is what the policy says.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass

from terp_seed.masking.column_names import TypeKind, guess, words
from terp_seed.masking.live_values import LIVE_KINDS, live_kinds
from terp_seed.masking.national_numbers import code_of_column, number_of_column
from terp_seed.masking.person_names import name_class
from terp_seed.masking.phone_numbers import share_of_phones
from terp_seed.rows.model import Value

__all__ = ["Proposal", "propose"]

_VAGUE = ("person_name", "org_name", "username")
"""Classes whose names, as *contact*, also stand over columns of addresses and numbers."""
_LONG = 1000
_TECHNICAL = (
    "hash digest checksum key uuid guid id salt iv nonce logo banner icon thumbnail cache config "
    "template version serialized"
)
_MOST = 2000
"""How many distinct values are kept for what is judged by its share."""
_FEWEST, _SHARE = 10, 0.9
_FILLED = 0.8


@dataclass(frozen=True, slots=True)
class Proposal:
    """A class for a column; ``because`` says what gave it away and never holds a value."""

    kind: str
    because: str


def propose(
    table: str, column: str, kind: TypeKind, length: int | None, samples: Iterable[Value] = ()
) -> Proposal | None:
    """The class that a column probably has, or None if nothing about it looks personal.

    The name decides if it says more than that the text is long, or that a person is named; else the
    values do.  ``samples``
    is read once, to its end; give values of the whole table, not of its first rows.
    """
    named = guess(table, column, kind, length, coded=True)
    if named == "json":
        return Proposal("json", "it is a document")
    if named not in (None, "free_text", *_VAGUE):
        return Proposal(str(named), f"its name or type looks like {named}")
    if kind == "binary":
        long = _may_be_file(column, length)
        return Proposal("file", "it may hold a document or a portrait") if long else None
    if kind not in ("text", "number"):
        return None
    found = _by_values(samples, is_text=kind == "text")
    if named in _VAGUE and (found is None or found.kind not in LIVE_KINDS):
        found = None
    if found is None and named is not None:
        found = Proposal(named, f"its name or type looks like {named}")
    return found


def _may_be_file(column: str, length: int | None) -> bool:
    """Whether bytes of this name may be a document: long ones that are no key, hash or logo."""
    return (length is None or length >= _LONG) and not set(_TECHNICAL.split()) & set(words(column))


def _by_values(samples: Iterable[Value], *, is_text: bool) -> Proposal | None:
    distinct, live, holding, seen = set[str](), set[str](), 0, 0
    for value in samples:
        if value is None or isinstance(value, bool | bytes) or str(value) in distinct:
            continue
        text = str(value)
        if len(distinct) < _MOST:
            distinct.add(text)
        kinds = live_kinds(text) if is_text else live_kinds(text) & {"card"}
        live, holding, seen = live | kinds, holding + bool(kinds), seen + 1
    by_share = _by_share(distinct, is_text=is_text)
    if by_share is not None or not live:
        return by_share
    because = f"its values hold {' and '.join(sorted(live))} data"
    one = len(live) == 1 and holding >= _FILLED * seen
    return Proposal(min(live) if one else "free_text", because)


def _by_share(distinct: Set[str], *, is_text: bool) -> Proposal | None:
    """What nearly all values are, where one of them alone would prove nothing."""
    number = number_of_column(distinct)
    if number is not None:
        return Proposal(number[0], f"its values pass the check digits of {number[1]}")
    if not is_text:
        return None
    phones = [text for text in distinct if _looks_dialled(text)]
    enough = len(phones) >= max(_FEWEST, _SHARE * len(distinct))
    if enough and share_of_phones(phones) >= _SHARE:
        return Proposal("phone", "its values are telephone numbers of one region")
    code = code_of_column(distinct)
    if code is not None:
        return Proposal(code[0], f"its values are {code[1]}")
    name = name_class(distinct)
    return Proposal(name, "its values are names of persons") if name else None


def _looks_dialled(text: str) -> bool:
    """Whether a text is digits with a separator, or with 0 or + in front: an id has neither."""
    digits = "".join(filter(str.isdigit, text))
    rest = set(text) - set(digits)
    marked = bool(rest) or text[:1] == "0"
    return 7 <= len(digits) <= 15 and rest <= set(" +()-./") and marked
