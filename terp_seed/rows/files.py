"""Imported rows: hand-written ones, CSV files, JSON files.

They are read and checked in full before anything is written.  To the masking boundary they are
*imported*, so they are masked like personal data unless declared synthetic.
"""

from __future__ import annotations

import csv
import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

from terp_seed.errors import UsageError
from terp_seed.rows.literals import UnwritableError, encodable, literals
from terp_seed.rows.model import Cells, Column, Json, Lookup, TableRows, Value, measured

__all__ = ["imported", "read_rows"]

Row = Mapping[str, Value]

#: Characters of a CSV field.  No server takes a larger value by default; Python's
#: own limit, 128 KB, is less than a text column holds.
_LARGEST_FIELD = 64 * 2**20


def imported(
    table: str,
    rows: Iterable[Row],
    *,
    key: Sequence[str] = (),
    id: str | None = "id",  # noqa: A002 - the column is called so
    refs: Mapping[str, str] | None = None,
    skip_taken: bool = False,
    source: str = "",
) -> TableRows:
    """Turn rows into a `TableRows`; `UsageError` if they do not have the same columns.

    ``refs`` maps a column to ``"table.column"``, where its values are looked up.  A row with a
    given ``id`` is identified by its ``key``.
    """
    where = source or f"table {table}"
    listed = list(rows)
    columns = _columns(listed, where)
    values = {name: _writable([row[name] for row in listed], name, where) for name in columns}
    for name, target in (refs or {}).items():
        values[name] = _looked_up(values, name, target, where)
    if skip_taken and (id is None or id in values):
        raise UsageError(
            f'{where}: on_conflict="skip" needs an integer key that the run fills; without one '
            "seeded rows cannot be told from others later"
        )
    _check_key(values, key, where, needed=skip_taken or id is None or id in values)
    return TableRows(
        table=table,
        count=len(listed),
        columns={name: _column(cells) for name, cells in values.items()},
        seed=b"",
        key=tuple(key),
        id=None if id in values else id,
        derived=tuple(name for name, cells in values.items() if _has_lookup(cells)),
        provenance="imported",
        skip_taken=skip_taken,
    )


def _columns(rows: Sequence[Row], where: str) -> list[str]:
    if not rows:
        raise UsageError(f"{where}: there are no rows to seed")
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise UsageError(f"{where}, row {number + 1}: is not a dict of columns and values")
    columns = list(rows[0])
    for number, row in enumerate(rows):
        if row.keys() != rows[0].keys():
            odd = sorted(set(columns) ^ set(row))
            raise UsageError(
                f"{where}, row {number + 1}: column {', '.join(odd)} is not in every row; "
                "give every row the same columns, None writes NULL"
            )
    return columns


def _writable(values: list[Value], name: str, where: str) -> list[Value]:
    """The values themselves; `UsageError` if one has no literal."""
    try:
        literals(Cells(values), encodable, bytes.hex, repr)
    except UnwritableError as error:
        reason, place = error.args
        raise UsageError(
            f"{where}, row {place + 1}, column {name}: the value cannot be written, {reason}"
        ) from None
    return values


def _column(values: Sequence[Value]) -> Column:
    return Column(lambda span: values[span.start : span.stop], measured(values))


def _has_lookup(values: Sequence[Value]) -> bool:
    return any(isinstance(value, Lookup) for value in values)


def _looked_up(
    values: Mapping[str, Sequence[Value]], name: str, target: str, where: str
) -> list[Value]:
    table, dot, column = target.rpartition(".")
    if name not in values or not (table and dot and column):
        raise UsageError(
            f"{where}: refs: {name!r}: {target!r} is not usable; map one of the rows' columns "
            'to "table.column"'
        )
    return [v if v is None else Lookup(table, ((column, v),)) for v in values[name]]


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


def read_rows(folder: Path, name: str, *, keep_empty: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Read a CSV or JSON file below ``folder``; `UsageError` names file and line.

    In CSV an empty field is NULL unless its column is in ``keep_empty``; all other fields are text,
    of 64 Mi characters at most.  In JSON ``{"$decimal": "1.50"}``, ``$bytes`` (base64), ``$date``,
    ``$time``, ``$datetime`` and ``$json`` tag values that JSON has no type for.
    """
    path = _inside(folder, name)
    readers: dict[str, Callable[[str], list[dict[str, Any]]]] = {
        ".csv": lambda text: _csv_rows(text, name, keep_empty),
        ".json": lambda text: _json_rows(text, name),
    }
    if path.suffix not in readers:
        raise UsageError(f"{name}: is neither .csv nor .json")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror} (in {folder.name}/)") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: is not UTF-8 (byte {error.start})") from None
    if "\0" in text:
        raise UsageError(f"{name}: holds a NUL byte, so it is not a text file")
    return readers[path.suffix](text)


def _inside(folder: Path, name: str) -> Path:
    """The path with links resolved; `UsageError` unless it is below the folder."""
    try:
        path = (folder / name).resolve()
    except (OSError, ValueError, RuntimeError):  # a NUL, or links that lead in a circle
        raise UsageError(f"{name!r}: is not a path of a file in {folder.name}/") from None
    if not path.is_relative_to(folder.resolve()):
        raise UsageError(f"{name}: leads out of {folder.name}/; put the file there")
    if path.exists() and not path.is_file():
        raise UsageError(f"{name}: is not a file (in {folder.name}/)")
    return path


def _csv_rows(text: str, name: str, keep_empty: Sequence[str]) -> list[dict[str, Any]]:
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    rows: list[dict[str, Any]] = []
    usual = csv.field_size_limit(_LARGEST_FIELD)  # the process's, so it is put back
    try:
        header = next(reader, [])
        _check_header(header, name, keep_empty)
        for fields in reader:
            if not fields:
                continue  # skip blank lines
            if len(fields) != len(header):
                raise UsageError(
                    f"{name}, line {reader.line_num}: has {len(fields)} fields where the header "
                    f"has {len(header)}"
                )
            rows.append(
                {
                    column: field if field or column in keep_empty else None
                    for column, field in zip(header, fields, strict=True)
                }
            )
    except csv.Error as error:
        raise UsageError(f"{name}, line {reader.line_num}: {error}") from None
    finally:
        csv.field_size_limit(usual)
    if not rows:
        raise UsageError(f"{name}: has a header and no rows")
    return rows


def _check_header(header: Sequence[str], name: str, keep_empty: Sequence[str]) -> None:
    if not header:
        raise UsageError(f"{name}: is empty; its first line must name the columns")
    if len(set(header)) < len(header) or not all(header):
        raise UsageError(f"{name}, line 1: every column needs its own name")
    unknown = [column for column in keep_empty if column not in header]
    if unknown:
        raise UsageError(f"{name}: keep_empty: unknown column {', '.join(unknown)}")


def _json_rows(text: str, name: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(
            text,
            parse_float=Decimal,
            parse_constant=_no_constant,
            object_pairs_hook=_unique,
        )
    except json.JSONDecodeError as error:
        raise UsageError(f"{name}, line {error.lineno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        reason = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"{name}: {reason}") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{name}: must be a list of objects, one a row")
    if not rows:
        raise UsageError(f"{name}: has no rows")
    return [
        {column: _untagged(value, name, number, column) for column, value in row.items()}
        for number, row in enumerate(rows)
    ]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has the same key twice")
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


_TAGS: dict[str, Callable[[Any], Value]] = {
    "$decimal": Decimal,
    "$bytes": lambda text: b64decode(text, validate=True),
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
    "$datetime": datetime.fromisoformat,
    "$json": Json,
}


def _untagged(value: Any, name: str, number: int, column: str) -> Value:
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((tag, content),) = value.items()
    if tag not in _TAGS:
        return value
    try:
        return _TAGS[tag](content)
    except (ValueError, TypeError, ArithmeticError):
        raise UsageError(
            f"{name}, row {number + 1}, column {column}: is not a valid {tag}"
        ) from None
