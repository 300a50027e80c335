"""The project's own words: what made-up names and addresses are made of.

A name has no shape that tells a made-up one from a person's.  So generated names and addresses are
held to words that are known to be made up: those of `faker_pool`, and those that a module of the
project declares by `invented`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence

from terp_seed.errors import UsageError

__all__ = ["add_words", "invented", "is_invented"]

_WORD = re.compile(r"[^\W\d_]+")
_WORDS: set[str] = set()


def invented(texts: Sequence[str]) -> tuple[str, ...]:
    """Declare words that generated names and addresses may be made of; returns the texts.

    ``NAMES = invented(["Ada", "Grace"])``.  Write it at the top of a module, where a reviewer sees
    the words: inside a function, which could have read them from a database, it raises
    `UsageError`.
    """
    if sys._getframe(1).f_code.co_name != "<module>":
        raise UsageError(
            "invented() declares words that are written down in the project; call it at the top "
            "of a module, not inside a function"
        )
    return add_words(texts)


def add_words(texts: Iterable[str]) -> tuple[str, ...]:
    """Take texts for made up; returns them."""
    found = tuple(texts)
    _WORDS.update(word for text in found for word in _words(text))
    return found


def is_invented(text: str) -> bool:
    """Whether every word of a text is one of the project's; digits and punctuation do not count."""
    return _WORDS.issuperset(_words(text))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
