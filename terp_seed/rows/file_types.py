"""The types that a revision may declare for a file's columns: ``types={"opened": "date"}``.

A declared type needs no database, so a script and a run hold the same values.  Only what can be
read in one way is read: dates have the year first, numbers no thousands separators.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from terp_seed.rows.model import Json, Value

__all__ = ["FILE_TYPES", "FileType", "file_type", "parse_json"]


@dataclass(frozen=True, slots=True)
class FileType:
    """How the texts of a column are read."""

    form: str
    """What a text must look like, as an error says it."""
    parse: Callable[[str], Value]
    """The value of a text; `ValueError` for one of another form."""


_TRUE, _FALSE = ("true", "t", "yes", "y", "on", "1"), ("false", "f", "no", "n", "off", "0")
_BOOLS = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}
_INT = re.compile(r"[-+]?\d+", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_DAY = r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})"
_CLOCK = r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,6})0*)?)?"
_DATE = re.compile(rf"{_DAY}(?:[ T]00:00(?::00(?:\.0+)?)?)?", re.ASCII)
_TIME = re.compile(_CLOCK, re.ASCII)
_MOMENT = re.compile(rf"{_DAY}(?:[ T]{_CLOCK} ?(Z|[-+]\d\d(?::?\d\d)?)?)?", re.ASCII)


def _match(pattern: re.Pattern[str], text: str) -> tuple[str | None, ...]:
    found = pattern.fullmatch(text.strip())
    if found is None:
        raise ValueError
    return found.groups()


def _bool(text: str) -> bool:
    try:
        return _BOOLS[text.strip().lower()]
    except KeyError:
        raise ValueError from None


def _int(text: str) -> int:
    _match(_INT, text)
    return int(text)


def _decimal(text: str) -> Decimal:
    _match(_NUMBER, text)
    return Decimal(text)


def _float(text: str) -> float:
    _match(_NUMBER, text)
    return float(text)


def _with_comma(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    def read(text: str) -> Value:
        if "." in text:  # a thousands separator, or not a comma after all
            raise ValueError
        return parse(text.replace(",", "."))

    return read


def _date(text: str) -> date:
    year, _, month, day = _match(_DATE, text)
    return date(int(year or 0), int(month or 0), int(day or 0))


def _clock(hour: str | None, minute: str | None, second: str | None, fraction: str | None) -> time:
    return time(int(hour or 0), int(minute or 0), int(second or 0), int(f"{fraction or 0:0<6}"))


def _time(text: str) -> time:
    return _clock(*_match(_TIME, text))


def _datetime(text: str) -> datetime:
    """The moment; one with an offset becomes UTC, as everything that is written."""
    year, _, month, day, *clock, offset = _match(_MOMENT, text)
    moment = datetime.combine(
        date(int(year or 0), int(month or 0), int(day or 0)), _clock(*clock), _zone(offset)
    )
    return moment if offset is None else moment.astimezone(UTC).replace(tzinfo=None)


def _zone(offset: str | None) -> timezone | None:
    if offset is None:
        return None
    digits = offset.replace("Z", "+00").replace(":", "").ljust(5, "0")
    span = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:5]))
    return timezone(-span if digits[0] == "-" else span)


def _hex(text: str) -> bytes:
    return bytes.fromhex(text.strip().removeprefix("\\x").removeprefix("0x").removeprefix("0X"))


def _base64(text: str) -> bytes:
    return b64decode("".join(text.split()), validate=True)


def parse_json(text: str) -> Any:
    """JSON with exact decimals; `ValueError` for NaN, and for a key that is given twice."""
    return json.loads(
        text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_unique
    )


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has the same key twice")
    return found


FILE_TYPES = {
    "bool": FileType("true or false (also t, f, yes, no, y, n, on, off, 1, 0)", _bool),
    "int": FileType("a whole number, as 1500", _int),
    "decimal": FileType("a number, as 1500.25, without thousands separators", _decimal),
    "float": FileType("a number, as 1500.25 or 1.5e3, without thousands separators", _float),
    "date": FileType("a date, year first, as 2026-01-31 or 2026/1/31", _date),
    "time": FileType("a time of day, as 8:05 or 08:05:30", _time),
    "datetime": FileType(
        "a date and time, year first, as 2026-01-31 8:05 or 2026-01-31T08:05:00+02:00", _datetime
    ),
    "uuid": FileType("a UUID", UUID),
    "json": FileType("JSON", lambda text: Json(parse_json(text))),
    "base64": FileType("base64", _base64),
    "hex": FileType("bytes in hexadecimal, as 00ff or 0x00ff", _hex),
}
"""The types by name."""

_COMMA = {
    name: FileType(
        "a number with a decimal comma, as 1500,25, without thousands separators",
        _with_comma(FILE_TYPES[name].parse),
    )
    for name in ("decimal", "float")
}


def file_type(name: str, decimal: str) -> FileType:
    """The type of this name, with this decimal point."""
    return _COMMA[name] if decimal == "," and name in _COMMA else FILE_TYPES[name]
