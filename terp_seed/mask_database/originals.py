"""The original values, remembered so that they can be recognised but not read.

An 8-byte digest of every masked value, under a sub-key of the masking key, is
kept: whoever lacks the key learns nothing from it, not even by guessing.  It
takes 8 bytes for each distinct value of a block.  Not remembered is what
could not be told apart from chance: values of fewer than 6 characters, single
words, days, sums, and reserved values.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b

from terp_seed.masking.keys import Key
from terp_seed.masking.live_values import texts_in
from terp_seed.masking.normal import tidy
from terp_seed.masking.reserved import is_fictional_phone, is_reserved_email
from terp_seed.rows.model import Value

__all__ = ["Known", "Originals"]

_WORD = re.compile(r"[\w@](?:[\w@.+&'/-]*\w)?")
_NOT_DIGIT = re.compile(r"\D")
_PHRASE = 4  # words; of a longer value its first ones
_LEAST, _OPAQUE = 6, 16
_MOST_WORDS = 20_000

# Texts that people write are only compared as a whole.
_WHOLE = frozenset({"free_text", "json", "special", "device"})
_RESERVED = frozenset({"email", "phone"})
_BY_CHANCE = frozenset({"date", "amount"})


def _words(text: str) -> list[str]:
    return _WORD.findall(tidy(text[: _MOST_WORDS * 20]))[:_MOST_WORDS]


def _spelt(text: str, whole: bool) -> str:
    """The words by which an original is known."""
    if text.isascii() and text.isalnum():
        return text.lower()
    words = _words(text)
    return " ".join(words if whole else words[:_PHRASE])


def _telling(text: str) -> bool:
    """Whether finding a text again can hardly be chance."""
    if len(text) < _LEAST:
        return False
    return len(text) >= _OPAQUE or " " in text or "@" in text or not text.isalpha()


def _is_reserved(kind: str, text: str) -> bool:
    """Whether a value is one that masking itself could have written."""
    if kind == "email":
        return is_reserved_email(text)
    return kind == "phone" and is_fictional_phone(_NOT_DIGIT.sub("", text) or "0")


class Originals:
    """Makes the digests of one run."""

    def __init__(self, key: Key) -> None:
        self._start = blake2b(key=key.subkey("terp_seed/originals"), digest_size=8).copy

    def digests(self, kind: str, before: Sequence[Value], after: Sequence[Value]) -> set[int]:
        """The digests of the values of one column that were changed."""
        if kind in _BY_CHANCE:
            return set()
        gone = {*_gone(before, after)}
        if kind in _RESERVED:
            gone = {text for text in gone if not _is_reserved(kind, text)}
        whole = kind in _WHOLE
        mark = b"whole\0" if whole else b"phrase\0"
        spelt = {_spelt(text, whole) for text in gone}
        return {self._make(mark, text) for text in spelt if _telling(text)}

    def in_text(self, text: str) -> Iterator[int]:
        """The digests of everything in a text that may be an original."""
        words = _words(text)
        whole = " ".join(words)
        if _telling(whole):
            yield self._make(b"whole\0", whole)
        for at in range(len(words)):
            phrase = ""
            for word in words[at : at + _PHRASE]:
                phrase = f"{phrase} {word}" if phrase else word
                if _telling(phrase):
                    yield self._make(b"phrase\0", phrase)

    def _make(self, mark: bytes, text: str) -> int:
        state = self._start()
        state.update(mark + text.encode("utf-8", "surrogatepass"))
        return int.from_bytes(state.digest())


def _gone(before: Sequence[Value], after: Sequence[Value]) -> Iterator[str]:
    """The texts that the values before hold and the ones after do not."""
    for old, new in zip(before, after, strict=True):
        if old is None or old == new:
            continue
        if old.__class__ is str:
            yield old
        elif isinstance(old, int) and not isinstance(old, bool):
            yield str(old)
        else:
            yield from set(texts_in(old)) - set(texts_in(new))


class Known:
    """The digests of all originals, in memory: 8 bytes for each."""

    def __init__(self, blocks: Iterable[array[int]]) -> None:
        # By their first byte: each part is small, so sorting one takes little memory.
        parts = [array("Q") for _ in range(256)]
        for block in blocks:
            for number in block:
                parts[number >> 56].append(number)
        self._parts = [array("Q", sorted(set(part))) for part in parts]

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def __contains__(self, number: int) -> bool:
        part = self._parts[number >> 56]
        at = bisect_left(part, number)
        return at < len(part) and part[at] == number
