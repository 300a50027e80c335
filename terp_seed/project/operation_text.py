"""The text of a revision's operations: calls with one row a line, and frozen files of many rows."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from hashlib import sha256
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any
from uuid import UUID

from terp_seed.rows.files import frozen_name
from terp_seed.rows.literals import json_text
from terp_seed.rows.model import Json, Lookup, Many, Value, with_null

__all__ = [
    "call",
    "can_freeze",
    "frozen_line",
    "frozen_lines",
    "listed",
    "name_frozen",
    "needed_imports",
    "python_literal",
    "write_frozen",
    "write_lines",
]

_INDENT = "    "


def call(operation: str, table: str, rows: Iterable[str] | None, options: Mapping[str, Any]) -> str:
    """A call of an operation: short ones on one line, rows on a line each.

    ``rows`` are literals; None for an operation whose rows are in a file that an option names.
    """
    given = [f"{name}={_option(value)}" for name, value in options.items()]
    if rows is None:
        return f"op.{operation}({', '.join([python_literal(table), *given])})"
    lines = [f"{python_literal(table)},", "[", *(f"{_INDENT}{row}," for row in rows), "],"]
    lines += [f"{option}," for option in given]
    return "\n".join([f"op.{operation}(", *(_INDENT + line for line in lines), ")"])


def _option(value: Any) -> str:
    if isinstance(value, tuple | list):
        return listed(value)
    return python_literal(dict(value) if isinstance(value, Mapping) else value)


def listed(values: Sequence[Value]) -> str:
    """A Python list of literals."""
    return f"[{', '.join(map(python_literal, values))}]"


def python_literal(value: Value) -> str:
    """A Python literal; a text in double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        cells = (f"{python_literal(name)}: {python_literal(cell)}" for name, cell in value.items())
        return f"{{{', '.join(cells)}}}"
    if isinstance(value, Json):
        return f"Json({python_literal(value.value)})"
    if isinstance(value, Lookup):
        where = ", ".join(f"{name}={python_literal(wanted)}" for name, wanted in value.where)
        return f"ref({python_literal(value.table)}, {where})"
    return listed(value) if isinstance(value, list) else repr(value)


_IMPORTS: Mapping[type[Any], str] = {
    Decimal: "from decimal import Decimal",
    UUID: "from uuid import UUID",
    Json: "from terp_seed import Json",
    Lookup: "from terp_seed import ref",
    date: "import datetime",
    datetime: "import datetime",
    time: "import datetime",
}


def needed_imports(rows: Iterable[Mapping[str, Value]]) -> set[str]:
    """The lines that a revision needs for the literals of these rows."""
    kinds = {kind for row in rows for value in row.values() for kind in _kinds(value)}
    return {_IMPORTS[kind] for kind in kinds & _IMPORTS.keys()}


def _kinds(value: Value) -> Iterator[type[Any]]:
    yield type(value)
    inner: Iterable[Value] = ()
    if isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, list):
        inner = value
    elif isinstance(value, Json):
        inner = [value.value]
    for part in inner:
        yield from _kinds(part)


_TAGS: Mapping[type[Any], tuple[str, Any]] = {
    Decimal: ("$decimal", str),
    bytes: ("$bytes", lambda data: b64encode(data).decode()),
    datetime: ("$datetime", datetime.isoformat),
    date: ("$date", date.isoformat),
    time: ("$time", time.isoformat),
    Json: ("$json", lambda wrapped: wrapped.value),
    dict: ("$json", dict),
    list: ("$json", list),
}


def name_frozen(stem: str, rows: Iterable[Mapping[str, Value]]) -> str:
    """The name, below ``seeds/data/``, of the frozen file that takes these rows."""
    digest = sha256()
    for row in rows:
        digest.update(f"{frozen_line(row)}\n".encode())
    return frozen_name(stem, digest.hexdigest())


def write_frozen(data: Path, name: str, rows: Iterable[Mapping[str, Value]]) -> Path:
    """Write a frozen file below ``data``."""
    path = data / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    write_lines(path, rows)
    return path


def write_lines(path: Path, rows: Iterable[Mapping[str, Value]]) -> None:
    """Write a new file of JSON Lines; `FileExistsError` if there is one."""
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{frozen_line(row)}\n" for row in rows)


def can_freeze(row: Mapping[str, Value]) -> bool:
    """Whether a file can say the row: it has no word for `ref`."""
    return not any(isinstance(value, Lookup) for value in row.values())


def frozen_line(row: Mapping[str, Value]) -> str:
    """A row as a line of JSON Lines, which reads back as the same values."""
    assert can_freeze(row)
    return json_text({name: _tagged(value) for name, value in row.items()})


def frozen_lines(columns: Mapping[str, Sequence[Value]]) -> Iterator[str]:
    """The `frozen_line` of each row of some columns."""
    names = sorted(columns)
    parts = [f"{json_text(name)}:".replace("%", "%%") + "%s" for name in names]
    row = f"{{{','.join(parts)}}}"
    return map(row.__mod__, zip(*[_in_json(columns[name]) for name in names], strict=True))


def _in_json(values: Sequence[Value]) -> Sequence[str]:
    """The JSON texts of a column of a frozen file."""
    kinds = {*map(type, values)} - {type(None)}
    make = _IN_JSON.get(next(iter(kinds))) if len(kinds) == 1 else None
    if make is None:
        return [json_text(_tagged(value)) for value in values]
    return with_null("null", make, values)


_IN_JSON: Mapping[type[Any], Many] = {
    str: lambda values: [*map(encode_basestring, values)],
    int: lambda values: [*map(str, values)],
    Decimal: lambda values: [f'{{"$decimal":"{value}"}}' for value in values],
    datetime: lambda values: [f'{{"$datetime":"{value.isoformat()}"}}' for value in values],
    date: lambda values: [f'{{"$date":"{value}"}}' for value in values],
}
"""How columns of one type are written sooner than value by value, and in the same texts."""


def _tagged(value: Value) -> Any:
    if type(value) in _TAGS:
        tag, make = _TAGS[type(value)]
        return {tag: make(value)}
    return str(value) if isinstance(value, UUID) else value
