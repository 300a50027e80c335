"""Rows as columns of values, a few thousand rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from terp_seed.errors import UsageError
from terp_seed.rows.model import Value

__all__ = ["BATCH_ROWS", "Batch", "Origin", "row_batches"]

BATCH_ROWS = 2_000

Batch = Mapping[str, Sequence[Value]]
"""The values of some rows, by column."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from, as an error says it."""

    name: str
    unit: str = "row"

    def at(self, number: int) -> str:
        """Row or line ``number``, from 1."""
        return f"{self.name}, {self.unit} {number}"


def row_batches(
    rows: Iterable[tuple[int, Mapping[str, Value]]], origin: Origin
) -> Iterator[tuple[list[int], Batch]]:
    """Numbered rows as batches with the numbers of their rows.

    `UsageError` for a row that is not a dict, or has other columns than the first.
    """
    first: Mapping[str, Value] | None = None
    remaining = iter(rows)
    while some := list(islice(remaining, BATCH_ROWS)):
        first = some[0][1] if first is None else first
        for number, row in some:
            if not isinstance(row, Mapping) or row.keys() != first.keys():
                raise UsageError(f"{origin.at(number)}: {_oddity(row, first)}")
        yield [n for n, _ in some], {name: [row[name] for _, row in some] for name in first}


def _oddity(row: object, first: Mapping[str, Value]) -> str:
    """What is wrong with a row that does not fit."""
    if not isinstance(row, Mapping):
        return "is not a dict of columns and values"
    odd = ", ".join(sorted(first.keys() ^ row.keys()))
    return f"column {odd} is not in every row; give every row the same columns, None writes NULL"
