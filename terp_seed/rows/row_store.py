"""Imported rows, column by column: the first in memory, the others in a temporary file.

So memory does not grow with a file.  The temporary file has no name and goes with the store.
"""

from __future__ import annotations

import os
import pickle
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from tempfile import TemporaryFile
from weakref import finalize

from terp_seed.rows.batches import Batch
from terp_seed.rows.columns import Meter
from terp_seed.rows.model import Column, Lookup, Value

__all__ = ["RowStore"]

_IN_MEMORY = 10_000  # rows


class RowStore:
    """Keeps batches of rows, and knows the bounds of their columns."""

    def __init__(self) -> None:
        self.count = 0
        self._meters: dict[str, Meter] = {}
        self._lookups: dict[str, set[str]] = {}
        self._starts: list[int] = []
        self._kept: list[Batch] = []
        self._places: list[dict[str, tuple[int, int]]] = []
        self._last: dict[str, tuple[int, Sequence[Value]]] = {}
        self._descriptor: int | None = None
        self._size = 0

    @property
    def columns(self) -> dict[str, Column]:
        """The columns; they stay usable when the store is out of sight."""
        return {name: self._column(name, meter) for name, meter in self._meters.items()}

    def lookups(self, name: str) -> set[str]:
        """The tables in which values of a column are looked up."""
        return self._lookups[name]

    def add(self, batch: Batch) -> None:
        """Append rows, which all have the same columns."""
        for name, values in batch.items():
            self._meters.setdefault(name, Meter()).add(values)
            tables = self._lookups.setdefault(name, set())
            if Lookup in set(map(type, values)):
                tables |= {value.table for value in values if isinstance(value, Lookup)}
        self._starts.append(self.count)
        if self.count < _IN_MEMORY:
            self._kept.append(batch)
        else:
            self._places.append({name: self._write(values) for name, values in batch.items()})
        self.count += len(next(iter(batch.values()), ()))

    def values(self, name: str, start: int, stop: int) -> Sequence[Value]:
        """The values of some rows of a column."""
        values: list[Value] = []
        number = bisect_right(self._starts, start) - 1
        while start < stop:
            first = self._starts[number]
            values += self._batch(name, number)[start - first : stop - first]
            number, start = number + 1, first + len(self._batch(name, number))
        return values

    def each(self, name: str) -> Iterator[Value]:
        """All values of a column, with few of them in memory at a time."""
        for number in range(len(self._starts)):
            yield from self._batch(name, number)

    def _column(self, name: str, meter: Meter) -> Column:
        return Column(lambda span: self.values(name, span.start, span.stop), meter.bounds)

    def _batch(self, name: str, number: int) -> Sequence[Value]:
        if number < len(self._kept):
            return self._kept[number][name]
        last, values = self._last.get(name, (None, ()))
        if last != number:
            values = self._read(self._places[number - len(self._kept)][name])
            self._last[name] = number, values
        return values

    def _write(self, values: Sequence[Value]) -> tuple[int, int]:
        if self._descriptor is None:
            file = TemporaryFile(prefix="terp_seed_", buffering=0)  # noqa: SIM115 - see finalize
            finalize(self, file.close)
            self._descriptor = file.fileno()
        data = memoryview(pickle.dumps(list(values), pickle.HIGHEST_PROTOCOL))
        place = self._size, len(data)
        while data:
            written = os.pwrite(self._descriptor, data, self._size)
            self._size, data = self._size + written, data[written:]
        return place

    def _read(self, place: tuple[int, int]) -> Sequence[Value]:
        assert self._descriptor is not None
        offset, size = place
        data = os.pread(self._descriptor, size, offset)  # leaves no position that threads share
        values: list[Value] = pickle.loads(data)  # noqa: S301 - written above
        return values
