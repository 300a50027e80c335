"""Proof that generated rows describe no one: every value of a class is in its reserved range.

Generated rows describe no real person.  They are not masked, they are held to
that: an e-mail address is at a reserved domain, a telephone number
is set aside for fiction, a tax number is never issued, names and addresses are made of the
project's own words, and no text or document, of whatever column, holds anything that looks live.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from terp_seed.errors import MaskingError
from terp_seed.masking.live_values import live_kinds, may_be_live
from terp_seed.masking.normal import digits_of, is_blank, plain
from terp_seed.masking.reserved import (
    UNDIALABLE,
    is_fictional_phone,
    is_issued_ein,
    is_issued_ssn,
    is_live_card,
    is_reserved_email,
)
from terp_seed.rows.model import Block, Json, Value
from terp_seed.rows.pools import is_invented

__all__ = ["Prover", "RangeCheck"]

_MOST_SEEN = 1 << 13
_COMPOUND = (dict, list, Json)
_TEXTS = {str, type(None)}
_APART = " " * 9  # wider than any gap inside a number
_DOCUMENTATION = re.compile(
    r"(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}|2001:db8:[0-9a-f:]{1,32}", re.IGNORECASE
)

_WORDS = (
    "made of the project's own words: those of faker_pool, or of invented([...]) at the top of a "
    "module"
)
_NEEDS = {
    **dict.fromkeys(
        ("person_name", "first_name", "last_name", "org_name", "postal_address"), _WORDS
    ),
    "email": "an e-mail address at example.com, .net, .org, or under .test, .example, .invalid",
    "phone": "a fictional number: 555-0100 to 555-0199",
    "tax_id": "a number that is never issued, such as 96-0000000",
    "card": "a number that no issuer gives out",
    "network": "an address of a documentation network, such as 192.0.2.1",
    "credential": "NULL, or a text that begins with ! and can therefore match nothing",
}


class Prover:
    """Holds one table's generated rows to the reserved ranges."""

    def __init__(self, table: str, checks: Mapping[str, RangeCheck]) -> None:
        self.table, self._checks = table, checks

    def prove(self, block: Block) -> None:
        """Raise `MaskingError` with column and row, never a value, unless all are reserved."""
        for name, check in self._checks.items():
            cells = block.columns.get(name)
            place = None if cells is None else check.first_fault(cells.values)
            if place is not None:
                raise MaskingError(
                    f"{self.table}.{name}, row {block.start + place + 1}: a generated value must "
                    f"be {check.needs}; change the generator, or hand the rows over as imported"
                )


class RangeCheck:
    """Holds the values of one class to their reserved range.

    Without a class texts alone are looked at, and not for kinds that are ``false_alarms``.
    """

    def __init__(self, kind: str, false_alarms: Collection[str] = ()) -> None:
        self.needs = _NEEDS.get(kind, "free of live e-mail, telephone, tax and card numbers")
        self._holds = _CHECKS.get(kind, self._nothing_live)
        self._searches = kind not in _CHECKS
        self._false_alarms = frozenset(false_alarms)
        self._texts_alone = kind in ("", "json")
        self._seen: set[object] = set()

    def first_fault(self, values: Sequence[Value]) -> int | None:
        """The place of the first value that may be a person's; None if all are reserved."""
        if len(self._seen) > _MOST_SEEN:
            self._seen.clear()
        fresh = self._texts(values) - self._seen
        if self._all_hold(fresh):
            if len(fresh) * 2 < len(values):  # a column that repeats: worth remembering
                self._seen |= fresh
            return None
        return next(n for n, v in enumerate(values) if not self._all_hold(self._texts([v])))

    def _texts(self, values: Sequence[Value]) -> set[str]:
        """The different texts to check in some values."""
        texts: set[str] = set()
        types = set(map(type, values))
        if self._texts_alone and types.isdisjoint({str, *_COMPOUND}):
            return texts
        if types <= _TEXTS:
            texts.update(values)
            texts.discard(None)
            return texts
        for value in {id(value): value for value in values}.values():
            self._gather(value, texts)
        return texts

    def _gather(self, value: Value, texts: set[str]) -> None:
        """Add the texts of a value: itself, those in it, or what it looks like as text."""
        if isinstance(value, Json):
            value = value.value
        if isinstance(value, str):
            texts.add(value)
        elif isinstance(value, dict | list):
            parts = value
            if isinstance(value, dict):
                texts.update(value)
                parts = list(value.values())
            kinds = set(map(type, parts))
            if str in kinds:
                texts.update([part for part in parts if part.__class__ is str])
            if not kinds.isdisjoint(_COMPOUND):
                for part in parts:
                    if part.__class__ in _COMPOUND:
                        self._gather(part, texts)
        elif value is not None and not isinstance(value, bool) and not self._texts_alone:
            texts.add(str(value))

    def _all_hold(self, texts: set[str]) -> bool:
        if self._searches:
            return not may_be_live(_APART.join(texts)) or all(map(self._nothing_live, texts))
        if self._holds is _reserved and _ALL_RESERVED.fullmatch("\n".join([*texts, ""])):
            return True
        return all(is_blank(text) or self._holds(text) for text in texts)

    def _nothing_live(self, text: str) -> bool:
        return live_kinds(text) <= self._false_alarms


def _reserved(text: str) -> bool:
    return is_reserved_email(plain(text))


# Addresses as our generators make them, one a line: the common case, at once.
_ALL_RESERVED = re.compile(r"(?:[\w.+-]++@(?:[\w-]+\.)+example\n)*+", re.ASCII)


def _phone(text: str) -> bool:
    if text.startswith(UNDIALABLE):
        return True
    digits = digits_of(text)
    return is_fictional_phone(digits) or (len(digits) == 7 and digits.startswith("55501"))


def _tax(text: str) -> bool:
    shown = plain(text)
    digits = "".join(char for char in shown if char.isdigit())
    if len(digits) != 9:
        return not live_kinds(shown)
    ein = is_issued_ein(digits[:2]) and re.fullmatch(r"\d{3}-\d{2}-\d{4}", shown) is None
    ssn = is_issued_ssn(digits[:3], digits[3:5], digits[5:]) and shown[2:3] != "-"
    return not ein and not ssn


def _card(text: str) -> bool:
    return not is_live_card("".join(char for char in text if char.isdigit()) or "0")


def _network(text: str) -> bool:
    return _DOCUMENTATION.fullmatch(plain(text)) is not None


def _made_up(text: str) -> bool:
    return is_invented(text) and not live_kinds(text)


_CHECKS: dict[str, Callable[[str], bool]] = {
    **dict.fromkeys(
        ("person_name", "first_name", "last_name", "org_name", "postal_address"), _made_up
    ),
    "email": _reserved,
    "phone": _phone,
    "tax_id": _tax,
    "card": _card,
    "network": _network,
    "credential": lambda text: text.startswith("!"),
}
