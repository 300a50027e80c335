"""Python values as SQL literals, exact for any value, and as canonical text.

A literal depends on the value and the engine, never on the live schema, so
that a script made without a database holds the very text that a run
executes.  The canonical text is the same for a value on its way in and the
same value read back, on every engine: the basis of row digests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from functools import partial
from itertools import repeat
from math import isfinite
from typing import Any
from uuid import UUID

from terp_seed.rows import Cells, Json, Lookup, Value

__all__ = [
    "NULL",
    "Quote",
    "QuoteBytes",
    "UnwritableError",
    "canonical",
    "canonical_cells",
    "json_pieces",
    "json_text",
    "literal",
    "literals",
]

Quote = Callable[[str], str]
"""An engine's text literal for a string."""

QuoteBytes = Callable[[bytes], str]
"""An engine's binary literal for bytes."""

NULL = "NULL"

_JSON_TYPES = (dict, list, Json)


def literals(
    cells: Cells, text: Quote, binary: QuoteBytes, lookup: Callable[[Lookup], str]
) -> Sequence[str]:
    """The literals of a column; references stay plain row numbers.

    Raises `ValueError` for a value that has no literal, with its place in
    the column as second argument and never the value itself.
    """
    values = cells.values
    if cells.ref is not None:
        return [NULL if value is None else str(value) for value in values]
    if cells.scale is not None:
        return [NULL if value is None else _scaled(value, cells.scale) for value in values]
    kinds = set(map(type, values))
    if len(kinds) == 1:
        first = values[0]
        if first is None:
            return [NULL] * len(values)
        if kinds == {str}:
            return _cached(text, values)
    return _each(partial(literal, text=text, binary=binary, lookup=lookup), values)


def canonical_cells(cells: Cells) -> Sequence[str]:
    """The canonical texts of a column, in order."""
    if cells.ref is not None:
        return ["\0" if value is None else f"#{value}" for value in cells.values]
    if cells.scale is not None:
        scale = cells.scale
        return ["\0" if value is None else _scaled(value, scale) for value in cells.values]
    return _cached(canonical, cells.values)


def _cached(make: Callable[[Any], str], values: Sequence[Value]) -> Sequence[str]:
    """Make each distinct text once: columns picked from pools repeat a lot."""
    first = values[0] if values else None
    try:
        if len(values) > 1 and first == values[-1] and len(set(values)) == 1:
            return list(repeat(_at(make, first, 0), len(values)))
    except TypeError:
        pass
    return _each(make, values)


def _each(make: Callable[[Any], str], values: Sequence[Value]) -> list[str]:
    try:
        return [make(value) for value in values]
    except (ValueError, TypeError, OverflowError):
        return [_at(make, value, place) for place, value in enumerate(values)]


def _at(make: Callable[[Any], str], value: Value, place: int) -> str:
    try:
        return make(value)
    except (ValueError, TypeError, OverflowError) as error:
        reason = str(error) if isinstance(error, UnwritableError) else "it has no SQL literal"
        raise UnwritableError(reason, place) from None


class UnwritableError(ValueError):
    """A value without a literal: the reason, then its place in the column."""


def literal(value: Value, text: Quote, binary: QuoteBytes, lookup: Callable[[Lookup], str]) -> str:
    """The literal of one value; `UnwritableError` if it has none."""
    if value is None:
        return NULL
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return binary(bytes(value))
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float | Decimal):
        return _number(value)
    if isinstance(value, Lookup):
        return lookup(value)
    return text(_plain(value))


def _plain(value: Value) -> str:
    """The text under which an engine keeps a time, a UUID or a JSON value."""
    if isinstance(value, datetime):
        return _utc(value).isoformat(" ")
    if isinstance(value, time) and value.tzinfo is not None:
        raise UnwritableError("a time of day with an offset belongs to no day; drop the offset")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, _JSON_TYPES):
        return json_text(value)
    raise UnwritableError(f"a {type(value).__name__} has no SQL literal")


def json_text(value: Value) -> str:
    """The one JSON text of a value: sorted keys, no spaces, no NaN."""
    plain = value.value if isinstance(value, Json) else value
    try:
        return json.dumps(
            plain,
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
            default=_json_leaf,
        )
    except (TypeError, RecursionError):
        raise UnwritableError("it holds something that JSON cannot") from None
    except (ValueError, ArithmeticError):
        raise UnwritableError("JSON has no NaN and no infinity") from None


def json_pieces(value: Value, refs: Mapping[str, str]) -> list[tuple[str, str | None, int]]:
    """The JSON text of a value, cut at the row numbers that it holds.

    Each piece is (text before, table, row number); the last has no table.
    A quotation mark inside a JSON string is escaped, so a name and its colon
    can only be found where they are a name.
    """
    names = "|".join(map(re.escape, refs))
    pieces: list[tuple[str, str | None, int]] = []
    text, at = json_text(value), 0
    for found in re.finditer(f'"({names})":(\\d+)', text):
        pieces.append((text[at : found.start(2)], refs[found[1]], int(found[2])))
        at = found.end()
    return [*pieces, (text[at:], None, 0)]


def _json_leaf(value: Value) -> Any:
    if isinstance(value, Json):
        return value.value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return _plain(value)


def _utc(value: datetime) -> datetime:
    return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)


def _duration(value: timedelta) -> str:
    sign = "-" if value < timedelta(0) else ""
    whole = abs(value)
    hours, rest = divmod(whole.days * 86400 + whole.seconds, 3600)
    text = f"{sign}{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"
    return f"{text}.{whole.microseconds:06d}" if whole.microseconds else text


def _scaled(value: int, scale: int) -> str:
    if not value % 10**scale:
        return str(value // 10**scale)
    sign, digits = ("-", str(-value)) if value < 0 else ("", str(value))
    digits = digits.rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}".rstrip("0")


def _number(value: float | Decimal) -> str:
    if isinstance(value, float):
        if not isfinite(value):
            raise UnwritableError("SQL has no NaN and no infinity")
        return repr(value)
    if not value.is_finite():
        raise UnwritableError("SQL has no NaN and no infinity")
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_EXACT = 10**15
_FIFTEEN = Context(prec=15)  # what a double, and so a SQLite decimal, keeps
_NUMBER = re.compile(r"[-+]?\d{1,64}(\.\d{0,64})?([eE][-+]?\d{1,3})?", re.ASCII)
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?)?", re.ASCII)
_STARTS = frozenset("0123456789+-{[")


def canonical(value: Value) -> str:
    """One text for a value and for what an engine gives back for it.

    Texts that look like a number, a moment or a JSON object are taken for
    one, because a CSV field is text on its way in and typed on its way out.
    """
    if isinstance(value, str):
        return _canonical_text(value) if value[:1] in _STARTS else value
    if value is None:
        return "\0"
    if isinstance(value, int):
        return str(int(value)) if -_EXACT < value < _EXACT else _significant(Decimal(value))
    if isinstance(value, float | Decimal):
        return _significant(Decimal(repr(value)) if isinstance(value, float) else value)
    if isinstance(value, bytes | bytearray | memoryview):
        return "x" + bytes(value).hex()
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, Lookup):
        where = ",".join(f"{name}={canonical(wanted)}" for name, wanted in value.where)
        return f"{value.table}({where})"
    return _canonical_text(_plain(value))


def _significant(number: Decimal) -> str:
    short = _FIFTEEN.plus(number)
    if not short:
        return "0"
    return format(short.normalize(_FIFTEEN), "f")


def _canonical_text(text: str) -> str:
    if text[:1] in "{[":
        try:
            return json_text(json.loads(text, parse_float=_json_number, parse_int=_json_number))
        except (ValueError, RecursionError):
            return text
    if _NUMBER.fullmatch(text):
        return _significant(Decimal(text))
    moment = _MOMENT.fullmatch(text)
    if moment is None:
        return text
    day, clock, fraction = moment.groups()
    fraction = (fraction or "").rstrip("0")
    tail = f"{clock}.{fraction}" if fraction else clock
    return day if tail in (None, "00:00:00") else f"{day} {tail}"


def _json_number(text: str) -> Any:
    """``1``, ``1.0`` and ``1e0`` are one JSON number; engines rewrite them."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < _EXACT else number
