"""The order of rows that refer to rows of their own table: those that are referred to first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from terp_seed.errors import UsageError
from terp_seed.rows.literals import canonical
from terp_seed.rows.model import Lookup, RowOrder, Value

__all__ = ["order_rows"]

Parents = Mapping[int, frozenset[int]]
"""The numbers of the rows that a row refers to, by its own."""

_SHOWN = 10


def order_rows(
    values: Mapping[str, Sequence[Value]], table: str, references: Mapping[str, str], where: str
) -> RowOrder | None:
    """An order in which no row comes before one that it refers to; None if none does.

    A row refers to another by a `Lookup`, or by the value of a column that ``references`` maps to
    the column with that value.  `UsageError` names rows that refer to each other in a circle.
    """
    parents = _parents(values, table, references)
    if not parents:
        return None
    count = len(next(iter(values.values())))
    levels = _levels(parents, count)
    numbers = [number for level in levels for number in level]
    if len(numbers) < count:
        rows = ", ".join(str(number + 1) for number in _circle(parents, {*numbers}))
        raise UsageError(
            f"{where}: rows refer to each other in a circle, so none can be written first: row "
            f"{rows}; leave one of their references empty"
        )
    starts = [sum(map(len, levels[:level])) for level in range(1, len(levels))]
    places = {number: place for place, number in enumerate(numbers)}
    ahead = sorted(places[number] for number in _ancestors(parents, numbers[-1]))
    return RowOrder(numbers, starts, ahead)


def _parents(
    values: Mapping[str, Sequence[Value]], table: str, references: Mapping[str, str]
) -> Parents:
    finders: dict[tuple[str, ...], dict[tuple[str, ...], int]] = {}

    def find(where: Sequence[tuple[str, Value]]) -> int | None:
        names = tuple(name for name, _ in where)
        if not values.keys() >= {*names}:
            return None
        if names not in finders:
            lines = zip(*(map(canonical, values[name]) for name in names), strict=True)
            finders[names] = {line: number for number, line in enumerate(lines)}
        return finders[names].get(tuple(canonical(value) for _, value in where))

    parents: dict[int, set[int]] = {}
    for name, cells in values.items():
        for number, value in enumerate(cells):
            wanted: Sequence[tuple[str, Value]] = ()
            if isinstance(value, Lookup):
                wanted = value.where if value.table == table else ()
            elif value is not None and name in references:
                wanted = ((references[name], value),)
            parent = find(wanted) if wanted else None
            if parent is not None:
                parents.setdefault(number, set()).add(parent)
    return {number: frozenset(rows) for number, rows in parents.items()}


def _levels(parents: Parents, count: int) -> list[list[int]]:
    """First the rows that refer to none, then those that refer to these alone, and so on."""
    waiting = {number: len(rows) for number, rows in parents.items()}
    children: dict[int, list[int]] = {}
    for number, rows in parents.items():
        for parent in rows:
            children.setdefault(parent, []).append(number)
    level = [number for number in range(count) if number not in parents]
    levels = []
    while level:
        levels.append(level)
        following = []
        for number in level:
            for child in children.get(number, ()):
                waiting[child] -= 1
                if not waiting[child]:
                    following.append(child)
        level = sorted(following)
    return levels


def _circle(parents: Parents, done: set[int]) -> Sequence[int]:
    """The rows of one circle, from what could not be ordered."""
    path: list[int] = []
    number = min(parents.keys() - done)
    while number not in path:
        path.append(number)
        number = min(parents[number] - done)
    return sorted(path[path.index(number) :])[:_SHOWN]


def _ancestors(parents: Parents, number: int) -> Iterator[int]:
    """The rows that a row refers to, directly or not."""
    seen, coming = {number}, [*parents.get(number, ())]
    while coming:
        parent = coming.pop()
        if parent not in seen:
            seen.add(parent)
            coming += parents.get(parent, ())
            yield parent
