"""Rows of a range as SQL conditions: all but some, or some by their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from terp_seed.database.dialects import Dialect
from terp_seed.ledger.ledger import SeededRange

__all__ = ["Selection", "numbered"]

_MOST = 2_000  # ids or keys named in one condition


@dataclass(frozen=True)
class Selection:
    """The rows of a range whose numbers are not in ``without``.

    ``keys`` are the natural keys by row number, as literals, for a table
    without an integer key.
    """

    range: SeededRange
    without: frozenset[int] = frozenset()
    keys: Mapping[int, Sequence[str]] | None = None

    def __len__(self) -> int:
        return self.range.count - len(self.without)

    def conditions(self, dialect: Dialect, alias: str) -> Iterator[str]:
        """Conditions that together select each of the rows once; none for no rows.

        ``alias`` is what the table is called in the statement.
        """
        if self.range.id is not None:
            yield from self.ids(f"{alias}.{dialect.quote(self.range.id)}")
            return
        names = self.range.shape.key
        columns = ", ".join(f"{alias}.{dialect.quote(name)}" for name in names)
        left = [key for number, key in (self.keys or {}).items() if number not in self.without]
        for start in range(0, len(left), _MOST):
            rows = ", ".join(f"({', '.join(key)})" for key in left[start : start + _MOST])
            yield f"({columns}) IN ({rows})"

    def ids(self, expression: str) -> Iterator[str]:
        """The same for an expression that holds a row's id."""
        first = self.range.first
        for low, high in self._stretches():
            between = f"{expression} BETWEEN {first + low} AND {first + high}"
            spared = [n for n in sorted(self.without) if low <= n <= high]
            listed = ", ".join(str(first + n) for n in spared)
            yield f"{between} AND {expression} NOT IN ({listed})" if listed else between

    def excluded(self, dialect: Dialect, alias: str) -> str:
        """A condition that is true for all rows of the table but these."""
        return "".join(f" AND NOT ({each})" for each in self.conditions(dialect, alias))

    def _stretches(self) -> Iterator[tuple[int, int]]:
        """Row numbers from and to, so that none has too many exceptions."""
        low = 0
        for cut in [*sorted(self.without)[_MOST::_MOST], self.range.count]:
            if cut > low:
                yield low, cut - 1
            low = cut


def numbered(of: SeededRange, numbers: Iterable[int], expression: str) -> Iterator[str]:
    """Conditions that together select the rows of these numbers, by their ids, once each."""
    ids = [of.first + number for number in sorted(numbers)]
    for start in range(0, len(ids), _MOST):
        yield f"{expression} IN ({', '.join(map(str, ids[start : start + _MOST]))})"
