"""Names of persons, by a list of common given and family names of nine languages' countries."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from importlib.resources import files
from unicodedata import combining, normalize

__all__ = ["name_class"]

_NAME = re.compile(r"[^\W\d_]+(?:[ ,'.-]{1,2}[^\W\d_]+){0,5}\.?")
_SEPARATORS = re.compile(r"[ ,'.-]+")
_FEWEST = 5
_SHARE_FULL, _SHARE_SINGLE = 0.5, 0.6

# Given or family names, and still more often a colour, a month, a trade or a place.
_WORDS = """
amber april august austin baker bishop black blue brown butcher carpenter charlotte china cook
crystal dallas day fisher florence gold gray green grey houston hunter india jackson jade june king
lincoln london madison mason may miller paris porter red rose ruby silver summer sydney taylor tyler
victoria violet virginia washington white winter wood wolf young
"""


@cache
def _names() -> tuple[frozenset[str], frozenset[str]]:
    text = (files("terp_seed.masking") / "person_names.txt").read_text(encoding="ascii")
    given, family = text.split("\n\n")
    words = set(_WORDS.split())
    return frozenset(given.split()) - words, frozenset(family.split()) - words


def name_class(values: Collection[str]) -> str | None:
    """`person_name`, `first_name` or `last_name` if a clear share of the distinct values are such.

    Half of the values must be a listed given name beside another word, or three in five a listed
    name alone.  Of two to four distinct values all must be, and family names alone
    tell nothing: many are words.  One value tells nothing.
    """
    distinct = {value.strip() for value in values if value.strip()}
    if len(distinct) < 2:
        return None
    few = len(distinct) < _FEWEST
    given, family = _names()
    texts = [_words(text) for text in distinct if len(text) <= 80 and _NAME.fullmatch(text)]
    full = sum(len(words) > 1 and not given.isdisjoint((words[0], words[-1])) for words in texts)
    if full >= (1 if few else _SHARE_FULL) * len(distinct):
        return "person_name"
    first = sum(len(words) == 1 and words[0] in given for words in texts)
    last = 0 if few else sum(len(words) == 1 and words[0] in family for words in texts)
    if max(first, last) < (1 if few else _SHARE_SINGLE) * len(distinct):
        return None
    return "first_name" if first >= last else "last_name"


def _words(text: str) -> list[str]:
    plain = "".join(char for char in normalize("NFKD", text) if not combining(char))
    plain = plain.lower().replace("ß", "ss").replace("ł", "l")
    return [word for word in _SEPARATORS.split(plain) if word]
