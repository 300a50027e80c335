"""Compact arrays: what a simulation keeps of a million lines."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from tempfile import TemporaryFile
from typing import IO
from weakref import finalize

from terp_seed.rows.model import Span

_PAGE = 1024


@dataclass(frozen=True)
class RandomWords:
    """Named sequences of random words that depend on a key alone."""

    key: bytes

    def first(self, label: str, count: int) -> array[int]:
        """The first ``count`` words of a sequence."""
        return array("I", islice(self._endless(label), count))

    def endless(self, label: str) -> Callable[[], int]:
        """A function that gives the next word of a sequence on each call."""
        return self._endless(label).__next__

    def deck(self, label: str, size: int) -> Callable[[], int]:
        """A function that deals 0 to ``size - 1`` like cards, shuffled each time round.

        Shares of the cards are shares of the draws, even of a few draws.
        """
        return self._shuffled(label, size).__next__

    def _shuffled(self, label: str, size: int) -> Iterator[int]:
        word = self.endless(label)
        cards = list(range(size))
        while True:
            for last in reversed(range(size)):
                drawn = word() * (last + 1) >> 32
                cards[last], cards[drawn] = cards[drawn], cards[last]
                yield cards[last]

    def _endless(self, label: str) -> Iterator[int]:
        key = self.key + label.encode()
        start = 0
        while True:
            yield from Span(key, start, start + _PAGE).words()
            start += _PAGE


_RECENT = 1 << 14  # items that stay in memory


class Spool:
    """An array that grows at its end, of which only the end is in memory.

    `spill` moves the older items to an unnamed file, which is gone with the
    process.  ``append`` is that of the array in memory.
    """

    def __init__(self, code: str) -> None:
        self._tail: array[int] = array(code)
        self.append: Callable[[int], None] = self._tail.append
        self._file: IO[bytes] | None = None
        self._written = 0

    def __len__(self) -> int:
        return self._written + len(self._tail)

    def part(self, start: int, stop: int) -> array[int]:
        """The items from ``start`` to ``stop``."""
        recent = self._tail[max(0, start - self._written) : max(0, stop - self._written)]
        if start >= self._written or self._file is None:
            return recent
        written = array(self._tail.typecode)
        self._file.seek(start * written.itemsize)
        written.fromfile(self._file, min(stop, self._written) - start)
        return written + recent

    def gather(self, rows: Sequence[int]) -> list[int]:
        """The items at some rows, which ascend and are close together."""
        if not rows:
            return []
        start = rows[0]
        part = self.part(start, rows[-1] + 1)
        return [part[row - start] for row in rows]

    def spill(self) -> None:
        """Write the items that are not recent to the file, if they are many."""
        if len(self._tail) < 2 * _RECENT:
            return
        if self._file is None:
            self._file = TemporaryFile()  # noqa: SIM115 - as long-lived as this
            finalize(self, self._file.close)
        self._file.seek(self._written * self._tail.itemsize)
        old = len(self._tail) - _RECENT
        self._tail[:old].tofile(self._file)
        del self._tail[:old]
        self._written += old


@dataclass(frozen=True)
class Groups:
    """Children in consecutive rows by parent: ``starts[p]`` is parent p's first row."""

    starts: Sequence[int]

    @classmethod
    def from_counts(cls, counts: Iterable[int]) -> Groups:
        """Group children from the number that each parent has."""
        return cls(array("I", accumulate(counts, initial=0)))

    def __len__(self) -> int:
        return self.starts[-1]

    def parents(self, span: Span) -> list[int]:
        parents: list[int] = []
        start = span.start
        parent = bisect_right(self.starts, start) - 1
        while start < span.stop:
            end = min(self.starts[parent + 1], span.stop)
            parents += [parent] * (end - start)
            start = end
            parent += 1
        return parents

    def positions(self, span: Span) -> list[int]:
        """The place of each child row among its parent's, counted from 0."""
        starts = self.starts
        return [
            row - starts[parent]
            for row, parent in zip(span.rows(), self.parents(span), strict=True)
        ]
