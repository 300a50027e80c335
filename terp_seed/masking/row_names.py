"""Free text and documents lose the names of the row that they belong to.

A name has no shape, so `scrub_text` alone leaves it.  The names of the same row are known: where
they, or their words, stand in a text of the row, they become the made-up ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from terp_seed.masking.live_values import searchable
from terp_seed.masking.normal import tidy
from terp_seed.rows.model import Block, Cells, Json, Value

__all__ = ["NAMES", "RowNames"]

NAMES = frozenset({"person_name", "first_name", "last_name", "org_name", "username"})
"""The classes whose values are looked for: a user name has no shape either."""

_WORD = re.compile(r"[^\W\d_]+|\d+")  # a file's name joins words by other marks than blanks
_GONE = "[name]"  # of one that becomes NULL
_LEAST = 3  # letters of a word that is looked for by itself
_TITLES = frozenset(("herr", "frau", "mrs", "miss", "the", "and", "von", "van", "der", "llc"))


@dataclass(frozen=True)
class RowNames:
    """The columns of a table that hold names, and those whose texts lose them."""

    names: Sequence[str]
    texts: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.names and self.texts)

    def take_out(self, block: Block, masked: Mapping[str, Cells]) -> dict[str, Cells]:
        """The masked columns, without the names that the block has in the same row."""
        found = dict(masked)
        names = [name for name in self.names if name in masked]
        texts = [name for name in self.texts if name in masked]
        if not names or not texts:
            return found
        named = _rows([block.columns[name].values for name in names])
        columns = [[*masked[name].values] for name in texts]
        for at, row in enumerate(_rows(columns)):
            if _may_name(named[at], row):
                new = [masked[name].values[at] for name in names]
                replacer = _Replacer(dict(_parts([*zip(named[at], new, strict=True)])))
                for values in columns:
                    values[at] = replacer.value(values[at])
        lost = zip(texts, columns, strict=True)
        return found | {name: replace(masked[name], values=values) for name, values in lost}


def _rows(columns: Sequence[Sequence[Value]]) -> list[tuple[Value, ...]]:
    return list(zip(*columns, strict=True))


def _may_name(names: Sequence[Value], texts: Sequence[Value]) -> bool:
    """False if none of the texts can hold one of the names, or a word of theirs.

    Most texts name no one, and this is much sooner said than what to write for each word.
    """
    seen = [_searched(text) for text in texts if text is not None]
    for name in names if seen else ():
        if isinstance(name, str):
            words = tidy(name).replace("-", " ").split()
            for word in [word for word in words if _is_looked_for(word)] or words:
                part = word if word.isalpha() else max(_WORD.findall(word), key=len, default="")
                for text in seen:
                    if part in text:
                        return True
    return False


def _is_looked_for(word: str) -> bool:
    """Whether a word of a name is looked for by itself; a number may be any."""
    return len(word) >= _LEAST and word not in _TITLES and not word.isdigit()


def _searched(value: Value) -> str:
    """A text or document with its words as they are looked for; no word has an escape."""
    return searchable(value if isinstance(value, str) else str(value)).casefold()


def _parts(names: Sequence[tuple[Value, Value]]) -> Iterator[tuple[str, str]]:
    """What to look for and what to write for it: the names, then their words."""
    texts = [(tidy(old), new) for old, new in names if isinstance(old, str) and old != new]
    pairs = [(old, new if isinstance(new, str) else _GONE) for old, new in texts if old]
    for old, new in pairs:
        new_words = new.split()
        words = [word.strip(".,;()\"'") for word in old.split()]
        for word in words[1:] if len(words) > 1 else ():
            yield from _pieces(word, new_words[-1])
        if len(words) > 1:
            yield from _pieces(words[0], new_words[0])
        else:
            yield from _pieces(old, new)
    yield from pairs


def _pieces(word: str, new: str) -> Iterator[tuple[str, str]]:
    """A word, and before it what a hyphen joins in it."""
    if "-" in word:
        yield from ((piece, new) for piece in word.split("-"))
    yield word, new


class _Replacer:
    """Replaces the names of one row."""

    def __init__(self, parts: Mapping[str, str]) -> None:
        found = {
            tuple(_WORD.findall(old)): new for old, new in parts.items() if _is_looked_for(old)
        }
        self._parts = {words: new for words, new in found.items() if words}
        self._first = {words[0] for words in self._parts}
        self._longest = max(map(len, self._parts), default=0)

    def value(self, value: Value) -> Value:
        """A text or document without the names."""
        if not self._parts or value is None:
            return value
        if isinstance(value, Json):
            return Json(self._node(value.value))
        return self._node(value)

    def _node(self, node: Value) -> Value:
        if isinstance(node, str):
            return self._text(node)
        if isinstance(node, dict):
            return {self._text(key): self._node(inner) for key, inner in node.items()}
        if isinstance(node, list):
            return [self._node(inner) for inner in node]
        return node

    def _text(self, text: str) -> str:
        shown = searchable(text)
        seen = shown.casefold()
        if not any(first in seen for first in self._first):
            return text
        words = list(_WORD.finditer(shown))
        spelt = [word[0].casefold() for word in words]
        parts, end, at = [], 0, 0
        while at < len(words):
            size = self._length_at(shown, words, spelt, at)
            if size:
                name = self._known(spelt[at : at + size])
                parts += [shown[end : words[at].start()], name or ""]
                end = words[at + size - 1].end()
            at += size or 1
        return "".join([*parts, shown[end:]]) if parts else text

    def _length_at(
        self, text: str, words: Sequence[re.Match[str]], spelt: Sequence[str], at: int
    ) -> int:
        """How many words the longest name has that begins here; 0 if none does."""
        if self._first.isdisjoint((spelt[at], spelt[at].removesuffix("s"))):
            return 0
        for size in range(min(self._longest, len(words) - at), 0, -1):
            gaps = pairwise(words[at : at + size])
            near = all(len(text[one.end() : two.start()].strip()) <= 1 for one, two in gaps)
            if near and self._known(spelt[at : at + size]):
                return size
        return 0

    def _known(self, words: Sequence[str]) -> str | None:
        """What to write for these words, also where the last is a genitive."""
        *others, last = words
        spelt = ((*others, last), (*others, last.removesuffix("s")))
        return next((self._parts[one] for one in spelt if one in self._parts), None)
