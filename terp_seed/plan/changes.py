"""Changes of rows that are there, as the plan has them: what ``op.update_rows`` and
``op.delete_rows`` give, beside what the chain says of the same rows until now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from terp_seed.errors import MaskingError, PlanError, UsageError
from terp_seed.plan.fold import FoldedTable, key_of, rows_given
from terp_seed.plan.operations import DeleteRowsOp, GivenRows, SeedRowsOp, UpdateRowsOp
from terp_seed.plan.plan import RowChanges
from terp_seed.rows.imported import Origin, imported, row_batches
from terp_seed.rows.model import Lookup, TableRows, Value

__all__ = ["IsPersonal", "deleted_rows", "updated_rows"]

IsPersonal = Callable[[str, str], bool]
"""Whether the masking policy classifies a column of a table."""

_SHARE = 20  # one row in so many may go without allow_delete

Row = Mapping[str, Value]


def updated_rows(
    operation: UpdateRowsOp | SeedRowsOp,
    folded: FoldedTable | None,
    data: Path,
    is_personal: IsPersonal,
) -> Iterator[RowChanges]:
    """The rows that an operation updates, those with the same columns together."""
    adopts = isinstance(operation, SeedRowsOp)
    rows = [*rows_given(operation, data)]
    where = _place(operation)
    if not rows:
        raise UsageError(f"{where}: there are no rows to update")
    changing = [n for n in dict.fromkeys(n for r in rows for n in r) if n not in operation.key]
    personal = [name for name in changing if is_personal(operation.table, name)]
    if personal and not adopts:
        raise MaskingError(
            f"{where}: {', '.join(personal)} is classified in the masking policy, and an update "
            "would have to keep its value before; leave the column out"
        )
    changing = [name for name in changing if name not in personal]
    if not changing:
        raise UsageError(f"{where}: the rows give no column beside the key to update")
    known = _known(folded, operation)
    merged = _merged(operation, changing, where)
    for names, group in _by_columns(rows, changing, operation.key, known, where).items():
        chosen = [{name: _filled(r, name, known, operation.key) for name in names} for r in group]
        columns = tuple(name for name in names if name not in operation.key)
        yield RowChanges(
            kind="updated",
            rows=_as_table(operation, chosen, where),
            columns=columns,
            ours=[_ours(folded, known, row, columns, is_personal) for row in group],
            seeded=tuple(key_of(row, operation.key) in known for row in group),
            strict=isinstance(operation, UpdateRowsOp) and operation.strict == "row",
            merged=tuple(name for name in columns if name in merged),
            adopts=adopts,
        )


def _merged(
    operation: UpdateRowsOp | SeedRowsOp, changing: Sequence[str], where: str
) -> Sequence[str]:
    """The JSON columns that are merged key by key."""
    unknown = [name for name in operation.merge if name not in changing]
    if unknown:
        raise UsageError(f"{where}: merge names {unknown[0]}, which the rows do not update")
    return operation.merge


def deleted_rows(
    operation: DeleteRowsOp, folded: FoldedTable | None, data: Path, is_personal: IsPersonal
) -> RowChanges:
    """The rows that an operation deletes."""
    where, key = _place(operation), operation.key
    rows = [{name: row.get(name) for name in key} for row in rows_given(operation, data)]
    if not rows:
        raise UsageError(f"{where}: there are no keys of rows to delete")
    known = _known(folded, operation)
    seeded = tuple(key_of(row, key) in known for row in rows)
    if not all(seeded) and not operation.foreign:
        raise PlanError(
            f"{where}, row {seeded.index(False) + 1}: the chain did not seed this row; "
            "foreign=True deletes it all the same"
        )
    going = sum(seeded)
    if going * _SHARE > len(known) and known and not operation.allow_delete:
        raise PlanError(
            f"{where}: {going} of the {len(known)} rows that the chain has there would go, more "
            f"than one in {_SHARE}; allow_delete=True says that this is meant"
        )
    columns = dict.fromkeys(name for row in known.values() for name in row if name not in key)
    compared = tuple(name for name in columns if not is_personal(operation.table, name))
    return RowChanges(
        kind="deleted",
        rows=_as_table(operation, rows, where),
        columns=compared,
        ours=[_ours(folded, known, row, compared, is_personal) for row in rows],
        seeded=seeded,
        personal=tuple(name for name in columns if name not in compared),
    )


def _place(operation: GivenRows) -> str:
    return f"op.{operation.called}, {operation.path or f'table {operation.table}'}"


def _known(folded: FoldedTable | None, operation: GivenRows) -> Mapping[tuple[str, ...], Row]:
    if isinstance(operation.key, str):
        raise UsageError(
            f'{_place(operation)}: key must be a list of columns, as key=["{operation.key}"]'
        )
    if not operation.key:
        raise UsageError(f"{_place(operation)}: name the natural key, as key=[...]")
    return folded.rows if folded is not None and folded.key == tuple(operation.key) else {}


def _by_columns(
    rows: Sequence[Row],
    changing: Sequence[str],
    key: Sequence[str],
    known: Mapping[tuple[str, ...], Row],
    where: str,
) -> dict[tuple[str, ...], list[Row]]:
    """The rows by the columns that they are written with.

    A cell that a row does not give is filled with what the chain says is there, which changes
    nothing, so that most rows go together.
    """
    groups: dict[tuple[str, ...], list[Row]] = {}
    for number, row in enumerate(rows, start=1):
        missing = [name for name in key if name not in row]
        if missing:
            raise UsageError(f"{where}, row {number}: has no key column {', '.join(missing)}")
        there = {**known.get(key_of(row, key), {}), **row}
        own = [name for name in changing if name in row]
        names = changing if there.keys() >= {*changing} else own
        if not own:
            raise UsageError(f"{where}, row {number}: gives no column beside the key to update")
        groups.setdefault((*key, *names), []).append(row)
    return groups


def _filled(row: Row, name: str, known: Mapping[tuple[str, ...], Row], key: Sequence[str]) -> Value:
    return row[name] if name in row else known[key_of(row, key)][name]


def _ours(
    folded: FoldedTable | None,
    known: Mapping[tuple[str, ...], Row],
    row: Row,
    columns: Sequence[str],
    is_personal: IsPersonal,
) -> dict[str, Value]:
    """What the chain says of a row until now, for the columns of which it says something.

    What it looks up by a personal value is left out: that value is not to be repeated.
    """
    if folded is None or key_of(row, folded.key) not in known:
        return {}
    found = key_of(row, folded.key)
    said = {name: folded.value(found, name) for name in columns if name in known[found]}
    return {name: value for name, value in said.items() if not _names_person(value, is_personal)}


def _names_person(value: Value, is_personal: IsPersonal) -> bool:
    return isinstance(value, Lookup) and any(is_personal(value.table, n) for n, _ in value.where)


def _as_table(operation: GivenRows, rows: Sequence[Row], where: str) -> TableRows:
    refs = {name: to for name, to in (operation.refs or {}).items() if name in rows[0]}
    within = [name for name, to in refs.items() if to.rpartition(".")[0] == operation.table]
    batches = (batch for _, batch in row_batches(enumerate(rows, 1), Origin(where)))
    made = imported(
        operation.table,
        batches,
        key=operation.key,
        id=operation.id,
        refs=refs,
        later=[name for name in within if name not in operation.key],  # they are all there
        source=where,
    )
    return replace(made, later=())
