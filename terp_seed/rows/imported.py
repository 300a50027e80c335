"""Imported rows: hand-written ones, and those of files.

They are read and checked in full before anything is written.  To the masking boundary they are
*imported*, so they are masked like personal data unless declared synthetic.

They come in batches.  A `RowStore` keeps the first in memory and the others in a temporary file,
so memory does not grow with a file; the temporary file has no name and goes with the store.
"""

from __future__ import annotations

import os
import pickle
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from tempfile import TemporaryFile
from weakref import finalize

from terp_seed.errors import UsageError
from terp_seed.rows.literals import UnwritableError, canonical, encodable, literals
from terp_seed.rows.model import Cells, Column, Lookup, Meter, RowOrder, TableRows, Value

__all__ = [
    "BATCH_ROWS",
    "Batch",
    "Origin",
    "RowStore",
    "find_repeated_hashes",
    "imported",
    "order_rows",
    "row_batches",
]

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


Target = tuple[str, str]
"""The table and the column in which values are looked up."""

_PARTS = 64  # one of them at a time is searched for a key that repeats


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
    store = RowStore()
    sorts: dict[str, str] = {}
    lookups: dict[str, Target] = {}
    for batch in batches:
        if not store.count:
            targets = {name: _target(batch, name, to, where) for name, to in (refs or {}).items()}
            sorts, lookups = _split(targets, table, batch, id, later)
            store = RowStore(lookups)
        _check_writable(batch, store.count, where)
        store.add({name: _looked_up(cells, lookups.get(name)) for name, cells in batch.items()})
    if not store.count:
        raise UsageError(f"{where}: there are no rows to seed")
    names = store.columns.keys()
    looked_up = tuple(name for name in names if store.lookups(name))
    if skip_taken and (id is None or id in names):
        raise UsageError(
            f'{where}: on_conflict="skip" needs an integer key that the run fills; without one '
            "seeded rows cannot be told from others later"
        )
    _check_key(store, key, where, needed=skip_taken or id is None or id in names)
    _check_later(later, refs or {}, key, where, skips=skip_taken)
    order = None
    if sorts or any(table in store.lookups(name) for name in names if name not in later):
        store, order = _ordered(store, table, sorts, later, where)
    return TableRows(
        table=table,
        count=store.count,
        columns=store.columns,
        seed=b"",
        key=tuple(key),
        id=None if id in names else id,
        derived=looked_up,
        looked_up=looked_up,
        provenance="imported",
        skip_taken=skip_taken,
        order=order,
        later=tuple(later),
    )


def _split(
    targets: Mapping[str, Target],
    table: str,
    batch: Batch,
    integer_key: str | None,
    later: Sequence[str],
) -> tuple[dict[str, str], dict[str, Target]]:
    """The references to given keys of the same rows, which only sort them, and the others."""
    sorts, lookups = {}, {}
    for name, (there, column) in targets.items():
        given = integer_key is None or column == integer_key in batch
        if there == table and given and name not in later:
            sorts[name] = column
        else:
            lookups[name] = (there, column)
    return sorts, lookups


def _looked_up(values: Sequence[Value], target: Target | None) -> Sequence[Value]:
    if target is None:
        return values
    table, column = target
    return [v if v is None else Lookup(table, ((column, v),)) for v in values]


def _ordered(
    store: RowStore, table: str, sorts: Mapping[str, str], later: Sequence[str], where: str
) -> tuple[RowStore, RowOrder | None]:
    """The rows with those first that others refer to; they are all in memory meanwhile."""
    values = {name: [*store.each(name)] for name in store.columns}
    now = {name: cells for name, cells in values.items() if name not in later}
    order = order_rows(now, table, sorts, where)
    if order is None:
        return store, None
    ordered = RowStore(store.targets)
    for start in range(0, store.count, BATCH_ROWS):
        some = order.numbers[start : start + BATCH_ROWS]
        ordered.add({name: [cells[row] for row in some] for name, cells in values.items()})
    return ordered, order


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


def _check_writable(batch: Batch, before: int, where: str) -> None:
    """`UsageError` if a value has no literal."""
    for name, values in batch.items():
        if _are_texts(values):
            continue
        try:
            literals(Cells(values), encodable, bytes.hex, repr)
        except UnwritableError as error:
            reason, place = error.args
            raise UsageError(
                f"{where}, row {before + place + 1}, column {name}: the value cannot be written, "
                f"{reason}",
                where={"column": name, "row": before + place + 1},
            ) from None


def _are_texts(values: Sequence[Value]) -> bool:
    """Whether all values are NULL or text, which has a literal."""
    try:
        "".join(filter(None, values)).encode()
    except (TypeError, UnicodeEncodeError):
        return False
    return True


def _target(batch: Batch, name: str, target: str, where: str) -> Target:
    """The table and the column in which a column's values are looked up."""
    table, dot, column = target.rpartition(".")
    if name not in batch or not (table and dot and column):
        raise UsageError(
            f"{where}: refs: {name!r}: {target!r} is not usable; map one of the rows' columns "
            'to "table.column"'
        )
    return table, column


def _check_key(store: RowStore, key: Sequence[str], where: str, *, needed: bool) -> None:
    if isinstance(key, str):
        raise UsageError(f'{where}: key must be a list of columns, as key=["{key}"]')
    if needed and not key:
        raise UsageError(f"{where}: name the natural key, as key=[...]")
    missing = [name for name in key if name not in store.columns]
    if missing:
        raise UsageError(f"{where}: key column {', '.join(missing)} is not in the rows")
    if not key:
        return
    repeated = find_repeated_hashes(_filled(_keys(store, key), where))
    seen: dict[tuple[Value, ...], int] = {}
    for number, cells in enumerate(_keys(store, key) if repeated else ()):
        if cells in seen:
            raise UsageError(
                f"{where}, row {number + 1}: has the same key ({', '.join(key)}) as row "
                f"{seen[cells] + 1}"
            )
        if hash(cells) in repeated:
            seen[cells] = number


def find_repeated_hashes(keys: Iterable[Hashable]) -> set[int]:
    """The hashes that several keys have; a key costs eight bytes of memory meanwhile."""
    hashes = [array("q") for _ in range(_PARTS)]
    for key in keys:
        hashed = hash(key)
        hashes[hashed % _PARTS].append(hashed)
    return {hashed for part in hashes for hashed, n in Counter(part).items() if n > 1}


def _filled(keys: Iterable[tuple[Value, ...]], where: str) -> Iterator[tuple[Value, ...]]:
    for number, cells in enumerate(keys, start=1):
        if None in cells:
            raise UsageError(f"{where}, row {number}: key column is empty; a key has a value")
        yield cells


def _keys(store: RowStore, key: Sequence[str]) -> Iterator[tuple[Value, ...]]:
    return zip(*(store.each(name) for name in key), strict=True)


_IN_MEMORY = 10_000  # rows


class RowStore:
    """Keeps batches of rows, and knows the bounds of their columns.

    ``targets`` are where all values of some columns are looked up.
    """

    def __init__(self, targets: Mapping[str, Target] | None = None) -> None:
        self.count = 0
        self.targets = targets or {}
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
        return Column(
            lambda span: self.values(name, span.start, span.stop),
            meter.bounds,
            lookup=self.targets.get(name),
        )

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
