"""Some rows of a range as SQL conditions, and the rows that rollbacks left in place."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import sqlalchemy as sa

from terp_seed.database.dialects import Dialect, equal_to, split_table
from terp_seed.database.session import Session
from terp_seed.ledger.ledger import Place, SeededRange, ledger_of

__all__ = ["RetainedRows", "Selection", "find_retained_rows", "match_numbers"]

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

    def conditions(self, dialect: Dialect, alias: str) -> Iterator[str]:
        """Conditions that together select each of the rows once; none for no rows.

        ``alias`` is what the table is called in the statement.
        """
        if self.range.id is not None:
            yield from self.ids(f"{alias}.{dialect.quote(self.range.id)}")
            return
        columns = ", ".join(f"{alias}.{dialect.quote(name)}" for name in self.range.shape.key)
        chosen = self._chosen_keys()
        for start in range(0, len(chosen), _MOST):
            rows = ", ".join(f"({', '.join(key)})" for key in chosen[start : start + _MOST])
            yield f"({columns}) IN ({rows})"

    def single(self, dialect: Dialect) -> Iterator[str]:
        """One condition for each row of a table without an integer key, the last first."""
        for key in reversed(self._chosen_keys()):
            yield equal_to(map(dialect.quote, self.range.shape.key), key)

    def last_first(self, expression: str, most: int) -> Iterator[str]:
        """Conditions on an expression that holds a row's id: ``most`` rows each, the last first."""
        for low in reversed(range(0, self.range.count, most)):
            yield self._between(expression, low, min(low + most, self.range.count) - 1)

    def ids(self, expression: str) -> Iterator[str]:
        """The same for an expression that holds a row's id."""
        low = 0
        for cut in [*self._exceptions[_MOST::_MOST], self.range.count]:
            if cut > low:  # so that no condition has too many exceptions
                yield self._between(expression, low, cut - 1)
            low = cut

    def excluded(self, dialect: Dialect, alias: str) -> str:
        """A condition that is true for all rows of the table but these."""
        return "".join(f" AND NOT ({condition})" for condition in self.conditions(dialect, alias))

    def _chosen_keys(self) -> list[Sequence[str]]:
        return [key for number, key in (self.keys or {}).items() if number not in self.without]

    @cached_property
    def _exceptions(self) -> list[int]:
        return sorted(self.without)

    def _between(self, expression: str, low: int, high: int) -> str:
        """The condition of the rows with these numbers and the ones between."""
        first, exceptions = self.range.first, self._exceptions
        start, stop = bisect_left(exceptions, low), bisect_right(exceptions, high)
        ids = ", ".join(str(first + number) for number in exceptions[start:stop])
        between = f"{expression} BETWEEN {first + low} AND {first + high}"
        return f"{between} AND {expression} NOT IN ({ids})" if ids else between


def match_numbers(
    seeded: SeededRange, numbers: Collection[int], expression: str, most: int = _MOST
) -> Iterator[str]:
    """Conditions that together select the rows of these numbers, by their ids, once each."""
    ids = [seeded.first + number for number in sorted(numbers)]
    for start in range(0, len(ids), most):
        yield f"{expression} IN ({', '.join(map(str, ids[start : start + most]))})"


RetainedRows = Mapping[Place, tuple[SeededRange, frozenset[int]]]
"""By revision and range: the range, and the numbers of the rows that rollbacks retained."""


def find_retained_rows(session: Session, places: Collection[Place]) -> RetainedRows:
    """The rows of some ranges that rollbacks retained and that are still there; does not write."""
    retained: dict[Place, tuple[SeededRange, frozenset[int]]] = {}
    for place, (seeded, numbers) in ledger_of(session).retained(session.connection).items():
        if place in places:
            retained[place] = (seeded, _existing_numbers(session, seeded, numbers))
    return retained


def _existing_numbers(
    session: Session, seeded: SeededRange, numbers: frozenset[int]
) -> frozenset[int]:
    schema, name = split_table(seeded.table)
    if seeded.id is None or not sa.inspect(session.connection).has_table(name, schema=schema):
        return numbers
    key, first = session.dialect.quote(seeded.id), seeded.first
    table = session.dialect.quote_table(seeded.table)
    whole = len(numbers) == seeded.count
    chosen = Selection(seeded).ids(key) if whole else match_numbers(seeded, numbers, key)
    return frozenset(
        row[0] - first
        for where in chosen
        for row in session.rows(f"SELECT {key} FROM {table} WHERE {where}")
    )
