"""The text of a revision's operations: calls with one row a line, and frozen files of many rows."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from terp_seed.rows.literals import json_text
from terp_seed.rows.model import Json, Lookup, Value

__all__ = ["call", "frozen_line", "listed", "needed_imports", "python_literal"]

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


def frozen_line(row: Mapping[str, Value]) -> str:
    """A row as a line of JSON Lines, which reads back as the same values."""
    return json_text({name: _tagged(value) for name, value in row.items()})


def _tagged(value: Value) -> Any:
    if type(value) in _TAGS:
        tag, make = _TAGS[type(value)]
        return {tag: make(value)}
    return str(value) if isinstance(value, UUID) else value
