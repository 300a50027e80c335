"""Imported rows: hand-written ones, and those of files.

They are read and checked in full before anything is written.  To the masking boundary they are
*imported*, so they are masked like personal data unless declared synthetic.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from terp_seed.errors import UsageError
from terp_seed.rows.batches import BATCH_ROWS, Batch
from terp_seed.rows.literals import UnwritableError, encodable, literals
from terp_seed.rows.model import Cells, Lookup, RowOrder, TableRows, Value
from terp_seed.rows.row_order import order_rows
from terp_seed.rows.row_store import RowStore

__all__ = ["imported"]

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
        _check_writable(batch, store.count, where)
        store.add({name: _looked_up(cells, lookups.get(name)) for name, cells in batch.items()})
    if not store.count:
        raise UsageError(f"{where}: there are no rows to seed")
    names = store.columns.keys()
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
        derived=tuple(name for name in names if store.lookups(name)),
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
    ordered = RowStore()
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
        try:
            literals(Cells(values), encodable, bytes.hex, repr)
        except UnwritableError as error:
            reason, place = error.args
            raise UsageError(
                f"{where}, row {before + place + 1}, column {name}: the value cannot be written, "
                f"{reason}"
            ) from None


def _target(batch: Batch, name: str, target: str, where: str) -> Target:
    """The table and the column in which a column's values are looked up."""
    table, dot, column = target.partition(".")
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
    hashes = [array("q") for _ in range(_PARTS)]
    for number, cells in enumerate(_keys(store, key)):
        if None in cells:
            raise UsageError(f"{where}, row {number + 1}: key column is empty; a key has a value")
        hashed = hash(cells)
        hashes[hashed % _PARTS].append(hashed)
    repeated = {hashed for part in hashes for hashed, n in Counter(part).items() if n > 1}
    seen: dict[tuple[Value, ...], int] = {}
    for number, cells in enumerate(_keys(store, key) if repeated else ()):
        if cells in seen:
            raise UsageError(
                f"{where}, row {number + 1}: has the same key ({', '.join(key)}) as row "
                f"{seen[cells] + 1}"
            )
        if hash(cells) in repeated:
            seen[cells] = number


def _keys(store: RowStore, key: Sequence[str]) -> Iterator[tuple[Value, ...]]:
    return zip(*(store.each(name) for name in key), strict=True)
