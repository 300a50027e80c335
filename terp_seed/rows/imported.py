"""Imported rows: hand-written ones, and those of files.

They are read and checked in full before anything is written.  To the masking boundary they are
*imported*, so they are masked like personal data unless declared synthetic.  Rows that refer to
rows of their own table come after those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from terp_seed.errors import UsageError
from terp_seed.rows.literals import UnwritableError, canonical, encodable, literals
from terp_seed.rows.model import Cells, Column, Lookup, RowOrder, TableRows, Value, measured

__all__ = ["BATCH_ROWS", "Batch", "Origin", "imported", "order_rows", "row_batches"]

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


def imported(
    table: str,
    batches: Iterable[Batch],
    *,
    key: Sequence[str] = (),
    id: str | None = "id",  # noqa: A002 - the column is called so
    refs: Mapping[str, str] | None = None,
    later: Sequence[str] = (),
    skip_taken: bool = False,
    source: str = "",
) -> TableRows:
    """Turn batches of rows into a `TableRows`; `UsageError` for rows that cannot be used.

    ``refs`` maps a column to ``"table.column"``, where its values are looked up; if that is the key
    of rows of this table that bring theirs, they only say in which order the rows go.  A row with a
    given ``id`` is identified by its ``key``.  ``later`` are columns of ``refs`` whose rows come
    later in the revision.
    """
    where = source or f"table {table}"
    values = _collected(batches, where)
    own: dict[str, str] = {}
    for name, target in (refs or {}).items():
        there, column = _target(values, name, target, where)
        if there == table and (id is None or column == id in values) and name not in later:
            own[name] = column
        else:
            values[name] = [v if v is None else Lookup(there, ((column, v),)) for v in values[name]]
    if skip_taken and (id is None or id in values):
        raise UsageError(
            f'{where}: on_conflict="skip" needs an integer key that the run fills; without one '
            "seeded rows cannot be told from others later"
        )
    _check_key(values, key, where, needed=skip_taken or id is None or id in values)
    _check_later(later, refs or {}, key, where, skips=skip_taken)
    order = order_rows({n: v for n, v in values.items() if n not in later}, table, own, where)
    if order is not None:
        values = {n: [cells[row] for row in order.numbers] for n, cells in values.items()}
    return TableRows(
        table=table,
        count=len(next(iter(values.values()), ())),
        columns={name: _column(cells) for name, cells in values.items()},
        seed=b"",
        key=tuple(key),
        id=None if id in values else id,
        derived=tuple(name for name, cells in values.items() if _has_lookup(cells)),
        provenance="imported",
        skip_taken=skip_taken,
        order=order,
        later=tuple(later),
    )


def _check_later(
    later: Sequence[str], refs: Mapping[str, str], key: Sequence[str], where: str, *, skips: bool
) -> None:
    """`UsageError` unless these columns can be empty at first."""
    wrong = [name for name in later if name not in refs or name in key]
    if isinstance(later, str) or wrong:
        raise UsageError(
            f"{where}: later: must be a list of columns that refs looks up, other than the key"
        )
    if later and skips:
        raise UsageError(
            f'{where}: later: is not possible with on_conflict="skip", which must not change '
            "rows of others"
        )


def _collected(batches: Iterable[Batch], where: str) -> dict[str, list[Value]]:
    """All values, by column; `UsageError` if one has no literal, or if there are no rows."""
    values: dict[str, list[Value]] = {}
    for batch in batches:
        for name, cells in batch.items():
            column = values.setdefault(name, [])
            _check_writable(cells, name, len(column), where)
            column += cells
    if not values:
        raise UsageError(f"{where}: there are no rows to seed")
    return values


def _check_writable(values: Sequence[Value], name: str, before: int, where: str) -> None:
    try:
        literals(Cells(values), encodable, bytes.hex, repr)
    except UnwritableError as error:
        reason, place = error.args
        raise UsageError(
            f"{where}, row {before + place + 1}, column {name}: the value cannot be written, "
            f"{reason}"
        ) from None


def _column(values: Sequence[Value]) -> Column:
    return Column(lambda span: values[span.start : span.stop], measured(values))


def _has_lookup(values: Sequence[Value]) -> bool:
    return any(isinstance(value, Lookup) for value in values)


def _target(
    values: Mapping[str, Sequence[Value]], name: str, target: str, where: str
) -> tuple[str, str]:
    """The table and the column in which a column's values are looked up."""
    table, dot, column = target.rpartition(".")
    if name not in values or not (table and dot and column):
        raise UsageError(
            f"{where}: refs: {name!r}: {target!r} is not usable; map one of the rows' columns "
            'to "table.column"'
        )
    return table, column


def _check_key(
    values: Mapping[str, Sequence[Value]], key: Sequence[str], where: str, *, needed: bool
) -> None:
    if isinstance(key, str):
        raise UsageError(f'{where}: key must be a list of columns, as key=["{key}"]')
    if needed and not key:
        raise UsageError(f"{where}: name the natural key, as key=[...]")
    missing = [name for name in key if name not in values]
    if missing:
        raise UsageError(f"{where}: key column {', '.join(missing)} is not in the rows")
    seen: dict[tuple[Value, ...], int] = {}
    for number, cells in enumerate(zip(*(values[name] for name in key), strict=True)):
        if None in cells:
            raise UsageError(f"{where}, row {number + 1}: key column is empty; a key has a value")
        if cells in seen:
            raise UsageError(
                f"{where}, row {number + 1}: has the same key ({', '.join(key)}) as row "
                f"{seen[cells] + 1}"
            )
        seen[cells] = number


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
