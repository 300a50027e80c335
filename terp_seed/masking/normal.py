"""One spelling for one value, before it is masked.

``Jane@X.com``, `` jane@x.com`` and the same in full-width letters belong to
one person, so they become one pseudonym.  These spellings are never written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, time
from decimal import Decimal
from unicodedata import category, normalize
from uuid import UUID

from terp_seed.rows.model import Lookup, Value

__all__ = [
    "ANOTHER",
    "Normal",
    "UnmaskableError",
    "digits_of",
    "folded",
    "is_blank",
    "plain",
    "tidy",
    "token",
    "tokens",
]

Normal = Callable[[str], str]

ANOTHER = "choose another strategy, such as pseudonymise or nullify"
"""What to do about a strategy that cannot mask a value."""

_EXTENSION = re.compile(r"(?:ext\.?|x|#)\s?\d{1,6}\s*$")
_NOT_DIGIT = re.compile(r"[^0-9]")
_WITHOUT_MARKS = str.maketrans("", "", " ()-./+")
_NOT_WORD = re.compile(r"[\W_]")


class UnmaskableError(Exception):
    """A value that a strategy cannot mask; the text never holds the value."""


def is_blank(value: Value) -> bool:
    """Whether there is nothing to mask: NULL, or a text of white space."""
    return value is None or (isinstance(value, str) and not value.strip())


def plain(text: str) -> str:
    """NFKC without invisible format characters, and without space at the ends."""
    if text.isascii():
        return text.strip()
    shown = (char for char in normalize("NFKC", text) if category(char) != "Cf")
    return "".join(shown).strip()


def folded(text: str) -> str:
    """`plain`, and upper and lower case alike."""
    if text.isascii():
        return text.strip().lower()
    return plain(text).casefold()


def tidy(text: str) -> str:
    """`folded`, and any run of white space alike."""
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(folded(text).split())


def digits_of(text: str) -> str:
    """The digits of a telephone number; of a text with letters, the letters too."""
    digits = text.translate(_WITHOUT_MARKS)
    if not (digits.isascii() and digits.isdigit()):
        spelt = folded(text)
        bare = _EXTENSION.sub("", spelt)
        digits = _NOT_DIGIT.sub("", bare)
        if not digits or any(char.isalpha() for char in bare):
            return spelt
    return digits[1:] if len(digits) == 11 and digits[0] == "1" else digits


def compact(text: str) -> str:
    """`folded`, letters and digits only; what has neither stays as it is."""
    short = text.translate(_WITHOUT_MARKS)
    if short.isascii() and short.isalnum():
        return short.lower()
    spelt = folded(text)
    return _NOT_WORD.sub("", spelt) or spelt


def token(value: Value, normal: Normal) -> bytes:
    """The bytes that represent a value in a keyed function.

    Refuses what has no natural text: booleans, floats, documents, bytes.
    """
    if isinstance(value, str):
        text = normal(value)
        return text.encode() if text.isascii() else text.encode("utf-8", "surrogatepass")
    if isinstance(value, Lookup):
        return repr((value.table, value.where)).encode("utf-8", "surrogatepass")
    if isinstance(value, bool) or not isinstance(value, int | Decimal | UUID | date | time):
        raise UnmaskableError(
            "this kind of value has no text to mask; choose another strategy, such as nullify"
        )
    return normal(str(value)).encode()


def tokens(texts: Sequence[str], normal: Normal) -> list[bytes]:
    """The `token` of each of these texts."""
    if "".join(texts).isascii():
        return [*map(str.encode, map(normal, texts))]
    return [token(text, normal) for text in texts]
