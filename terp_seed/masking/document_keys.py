"""What the key of a value in a document says of it, where no path names the value."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from terp_seed.masking.column_names import guess, words
from terp_seed.masking.proof import RangeCheck
from terp_seed.rows.model import Value

__all__ = ["hide", "personal_key"]

_LENGTH = 100  # of a text that is not prose for being long
_PROSE = frozenset({"json", "amount"})  # scrubbed by the shapes in it
_RESERVED = frozenset({"card", "email", "network", "phone", "tax_id"})
_PARTIES = """
buyer client company customer family first given guest holder last middle owner passenger patient
payee payer recipient sender user username
"""
"""Keys that stand over a name in a document, where a column of that name would hold a number."""


@lru_cache(maxsize=1 << 14)
def personal_key(parent: str, key: str, is_text: bool) -> str | None:
    """The class of a value by its key; ``parent`` is the key of the object that it is in.

    At the top of a document a plain *name* is that of a person: nothing says otherwise.
    """
    kind = guess(parent or "person", key, "text" if is_text else "number", _LENGTH)
    if kind is not None and kind not in _PROSE:
        return kind
    last = words(key)[-1:]
    named = is_text and (" ".join(words(key)) in _PARTIES.split() or last == ("by",))
    return "person_name" if named else None


def hide(kind: str, value: Value, scrub: Callable[[str], str]) -> Value:
    """A value of a class without what tells of a person.

    What scrubbing makes of a text stays if nothing of a person can be left in it.
    """
    if not isinstance(value, str):
        return None
    scrubbed = scrub(value)
    if kind in _RESERVED and RangeCheck(kind).first_fault([scrubbed]) is None:
        return scrubbed
    return "[redacted]"
