"""A shard of a table as a Parquet file; the one module that needs ``pyarrow``.

A column has one type in all shards of a table: that of its first and last rows, or of its first
value.  Amounts are decimals, moments UTC without a zone, JSON and all that Arrow has no type for
texts as they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from importlib import import_module
from typing import IO, Any

from terp_seed.errors import PlanError, UsageError
from terp_seed.rows.literals import JsonText, plain_cells
from terp_seed.rows.model import Block, Cells, Column, TableRows, Value, utc
from terp_seed.run.export.selection import ExportedTable

__all__ = ["load_arrow", "write_parquet"]

_SAMPLE = 200
_DIGITS = 38  # of Arrow's decimals

Convert = Callable[[Value], Any]


def load_arrow() -> None:
    """`UsageError` unless ``pyarrow`` is installed."""
    try:
        import_module("pyarrow.parquet")
    except ImportError:
        raise UsageError(
            "--format parquet: pyarrow is not installed; install terp_seed[parquet], or take "
            "--format csv"
        ) from None


def write_parquet(file: IO[bytes], table: ExportedTable, blocks: Iterable[Block]) -> None:
    """Write the rows, a row group a block; `PlanError` for a value that its column cannot hold."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    types = {name: _type(table, name) for name in table.columns}
    schema = pa.schema([(name, kind) for name, (kind, _) in types.items()])
    with ParquetWriter(file, schema) as writer:
        for block in blocks:
            arrays = [
                _array(table, name, block.columns[name], types[name]) for name in table.columns
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _array(table: ExportedTable, name: str, cells: Cells, kind: tuple[Any, Convert]) -> Any:
    import pyarrow as pa

    arrow, convert = kind
    try:
        scaled = plain_cells(cells) if cells.scale is not None else cells.values
        values = [None if value is None else convert(value) for value in scaled or ()]
        return pa.array(values, type=arrow)
    except (pa.ArrowException, TypeError, ValueError, ArithmeticError):
        raise PlanError(
            f"{table.planned.range.label}, column {name}: a value is not of the type of the first "
            f"ones, {arrow}; take --format csv",
            where={"table": table.rows.table, "column": name},
        ) from None


def _type(table: ExportedTable, name: str) -> tuple[Any, Convert]:
    """The type of a column, and what makes its values of the seeder's."""
    import pyarrow as pa

    if name == table.rows.id:
        return pa.int64(), int
    column = table.rows.columns[name]
    if column.scale is not None:
        return pa.decimal128(_DIGITS, column.scale), Decimal
    if column.ref is not None:
        return pa.int64(), int
    return _type_of(_kinds(table.rows, name, column))


def _type_of(kinds: frozenset[type]) -> tuple[Any, Convert]:
    import pyarrow as pa

    known: Sequence[tuple[set[type], Any, Convert]] = (
        ({bool}, pa.bool_(), bool),
        ({int, bool}, pa.int64(), int),
        ({float, int}, pa.float64(), float),
        ({datetime}, pa.timestamp("us"), utc),
        ({date}, pa.date32(), lambda value: value),
        ({time}, pa.time64("us"), lambda value: value),
        ({bytes}, pa.binary(), bytes),
    )
    for types, arrow, convert in known:
        if kinds and kinds <= types:
            return arrow, convert
    return pa.string(), _text


def _text(value: Value) -> str:
    if isinstance(value, str):
        return str(value)
    (text,) = _texts(value)
    return text


def _texts(value: Value) -> Sequence[str]:
    from terp_seed.rows.fields import csv_fields

    (field,) = csv_fields(Cells([value]))
    return [field[1:-1].replace('""', '"') if field.startswith('"') else field]


def _kinds(rows: TableRows, name: str, column: Column) -> frozenset[type]:
    """The types of a column's first and last values; of the first that is not NULL, if all are."""
    if column.json_refs:
        return frozenset((JsonText,))
    starts = sorted({0, max(0, rows.count - _SAMPLE)})
    found = [rows.values(name, at, min(rows.count, at + _SAMPLE)) for at in starts]
    kinds = frozenset(type(value) for values in found for value in values if value is not None)
    if not kinds:
        kinds = frozenset(type(value) for value in _first(rows, name))
    return kinds


def _first(rows: TableRows, name: str) -> Sequence[Value]:
    value = next((value for value in rows.each(name) if value is not None), None)
    return [] if value is None else [value]
