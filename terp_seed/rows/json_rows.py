"""The rows of a JSON file, a list of objects, and of JSON Lines, an object a line."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from terp_seed.errors import UsageError
from terp_seed.rows.batches import Batch, Origin, row_batches
from terp_seed.rows.file_format import FileFormat
from terp_seed.rows.file_types import parse_json
from terp_seed.rows.model import Json, Value

__all__ = ["json_batches", "json_line_batches"]

Numbered = Iterator[tuple[int, dict[str, Any]]]


def json_batches(text: Iterator[str], name: str, form: FileFormat) -> Iterator[Batch]:
    """The rows of a list of objects, column by column; it is read as a whole."""
    rows = _parsed("".join(text), name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{name}: must be a list of objects, one a row")
    yield from _batches(enumerate(rows, start=1), Origin(name), form)


def json_line_batches(text: Iterator[str], name: str, form: FileFormat) -> Iterator[Batch]:
    """The rows of JSON Lines, some at a time; blank lines are skipped."""
    yield from _batches(_line_rows(text, name), Origin(name, "line"), form)


def _line_rows(text: Iterator[str], name: str) -> Numbered:
    for number, line in enumerate(text, start=1):
        if line.isspace():
            continue
        row = _parsed(line, name, number)
        if not isinstance(row, dict):
            raise UsageError(f"{name}, line {number}: must be an object, one a row")
        yield number, row


def _batches(rows: Numbered, origin: Origin, form: FileFormat) -> Iterator[Batch]:
    taken = None
    for numbers, batch in row_batches(rows, origin):
        taken = form.select(list(batch), origin.name) if taken is None else taken
        yield {
            column.name: column.typed(
                _untagged(batch[column.source], column.source, numbers, origin), numbers, origin
            )
            for column in taken
        }
    if taken is None:
        raise UsageError(f"{origin.name}: has no rows")


def _parsed(text: str, name: str, line: int | None = None) -> Any:
    try:
        return parse_json(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{name}, line {line or error.lineno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        reason = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
        where = name if line is None else f"{name}, line {line}"
        raise UsageError(f"{where}: {reason}") from None


_TAGS: dict[str, Callable[[Any], Value]] = {
    "$decimal": Decimal,
    "$bytes": lambda text: b64decode(text, validate=True),
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
    "$datetime": datetime.fromisoformat,
    "$json": Json,
}


def _untagged(
    values: Sequence[Any], column: str, numbers: Sequence[int], origin: Origin
) -> list[Value]:
    """Values with what ``{"$date": ...}`` and the like stand for."""
    untagged: list[Value] = []
    for value in values:
        tag, content = next(iter(value.items())) if _is_tagged(value) else (None, None)
        try:
            untagged.append(value if tag is None else _TAGS[tag](content))
        except (ValueError, TypeError, ArithmeticError):
            where = origin.at(numbers[len(untagged)])
            raise UsageError(f"{where}, column {column}: is not a valid {tag}") from None
    return untagged


def _is_tagged(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and not _TAGS.keys().isdisjoint(value)
