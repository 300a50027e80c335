"""Imported rows: hand-written ones, and those of files.

They are read and checked in full before anything is written.  To the masking boundary they are
*imported*, so they are masked like personal data unless declared synthetic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from terp_seed.errors import UsageError
from terp_seed.rows.batches import Batch
from terp_seed.rows.literals import UnwritableError, encodable, literals
from terp_seed.rows.model import Cells, Column, Lookup, TableRows, Value, measured
from terp_seed.rows.row_order import order_rows

__all__ = ["imported"]


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
