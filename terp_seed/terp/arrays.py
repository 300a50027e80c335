"""Compact arrays: what a simulation keeps of a million lines."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from terp_seed.draw import Span

__all__ = ["Groups", "Words"]

_PAGE = 1024


@dataclass(frozen=True)
class Words:
    """Named sequences of random words that depend on a key alone."""

    key: bytes

    def all(self, label: str, count: int) -> list[int]:
        """The first ``count`` words of a sequence."""
        return Span(self.key + label.encode(), 0, count).words()

    def each(self, label: str, count: int) -> Iterator[int]:
        """The same words one by one, which takes no memory."""
        return islice(self._endless(label), count)

    def packed(self, label: str, count: int) -> array[int]:
        """The same words in an array."""
        return array("I", self.each(label, count))

    def endless(self, label: str) -> Callable[[], int]:
        """A function that gives the next word of a sequence on each call."""
        return self._endless(label).__next__

    def deck(self, label: str, size: int) -> Callable[[], int]:
        """A function that deals 0 to ``size - 1`` like cards, shuffled each time round.

        Shares of the cards are shares of the draws, even of a few draws.
        """
        return self._dealt(label, size).__next__

    def _dealt(self, label: str, size: int) -> Iterator[int]:
        word = self.endless(label)
        cards = list(range(size))
        while True:
            for last in reversed(range(size)):
                at = word() * (last + 1) >> 32
                cards[last], cards[at] = cards[at], cards[last]
                yield cards[last]

    def _endless(self, label: str) -> Iterator[int]:
        key = self.key + label.encode()
        start = 0
        while True:
            yield from Span(key, start, start + _PAGE).words()
            start += _PAGE


@dataclass(frozen=True)
class Groups:
    """Children in consecutive rows by parent: ``starts[p]`` is parent p's first row."""

    starts: Sequence[int]

    @classmethod
    def of(cls, counts: Sequence[int]) -> Groups:
        """Group children from the number that each parent has."""
        starts = array("I", [0])
        total = 0
        for count in counts:
            total += count
            starts.append(total)
        return cls(starts)

    def __len__(self) -> int:
        return self.starts[-1]

    def parents(self, start: int, stop: int) -> list[int]:
        """The parent of each child row from ``start`` to ``stop``."""
        found: list[int] = []
        parent = bisect_right(self.starts, start) - 1
        while start < stop:
            end = min(self.starts[parent + 1], stop)
            found += [parent] * (end - start)
            start = end
            parent += 1
        return found

    def rows(self, parent: int) -> range:
        """The rows of one parent's children."""
        return range(self.starts[parent], self.starts[parent + 1])
