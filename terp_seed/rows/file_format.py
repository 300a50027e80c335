"""How a file of rows is to be read: what ``op.seed_file`` says of it beside table and keys.

A declared type, ``types={"opened": "date"}``, needs no database, so a script and a run hold the
same values.  Only what can be read in one way is read: dates have the year first, numbers no
thousands separators.
"""

from __future__ import annotations

import codecs
import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from difflib import get_close_matches
from typing import Any
from uuid import UUID

from terp_seed.errors import UsageError
from terp_seed.rows.imported import Origin
from terp_seed.rows.model import Json, Value

__all__ = ["FileFormat", "file_format", "parse_json"]


@dataclass(frozen=True, slots=True)
class FileColumn:
    """One column that is taken from a file."""

    source: str
    """Its name in the file."""
    name: str
    """Its name in the table."""
    null: frozenset[str]
    """The texts of a CSV field that mean NULL."""
    type: FileType | None

    def nulls(self, texts: Sequence[str]) -> list[str | None]:
        """CSV fields, with None for NULL."""
        if self.null == {""}:
            return [text or None for text in texts]
        return [None if text in self.null else text for text in texts]

    def typed(
        self, values: Sequence[Value], numbers: Sequence[int], origin: Origin
    ) -> Sequence[Value]:
        """Values whose texts became what the column's declared type says."""
        if self.type is None:
            return values
        parse = self.type.parse
        typed: list[Value] = []
        try:
            for value in values:
                typed.append(parse(value) if isinstance(value, str) else value)
        except (ValueError, TypeError, ArithmeticError, RecursionError):
            where = origin.at(numbers[len(typed)])
            raise UsageError(f"{where}, column {self.source}: is not {self.type.form}") from None
        return typed


@dataclass(frozen=True, slots=True)
class FileFormat:
    """The parameters of a file; the defaults are those of plain CSV in UTF-8.

    ``rename``, ``omit`` and ``types`` are for every file, the others for CSV alone.
    """

    delimiter: str = ","
    quote: str = '"'
    """What fields are quoted with; empty if quotes are characters like others."""
    encoding: str = "utf-8"
    """The encoding of a file without a byte order mark."""
    decimal: str = "."
    """The decimal point of columns of the types decimal and float."""
    columns: tuple[str, ...] = ()
    """The names of the columns, if the first line is a row."""
    null: tuple[str, ...] = ()
    """Words that mean NULL, as the empty field does."""
    keep_empty: tuple[str, ...] = ()
    """The columns in which an empty field is an empty text."""
    rename: tuple[tuple[str, str], ...] = ()
    """Names in the file, and what their columns are called."""
    omit: tuple[str, ...] = ()
    """Names in the file of columns that are not taken."""
    types: tuple[tuple[str, str], ...] = ()
    """Columns whose texts are read as values of a type."""

    @property
    def csv_parameters(self) -> list[str]:
        """The parameters given that only a CSV file has."""
        return [name for name in self._given if name not in ("rename", "omit", "types")]

    def __str__(self) -> str:
        """One text for what is given, however it is spelt."""
        return "".join(f" {name}={getattr(self, name)!r}" for name in self._given)

    @property
    def _given(self) -> list[str]:
        return [f.name for f in fields(self) if getattr(self, f.name) != f.default]

    def select(self, names: Sequence[str], where: str) -> list[FileColumn]:
        """The columns to take of a file that has these; `UsageError` for one that it lacks."""
        _check_known("rename", (source for source, _ in self.rename), names, where)
        _check_known("omit", self.omit, names, where)
        renamed, types = dict(self.rename), dict(self.types)
        taken = {name: renamed.get(name, name) for name in names if name not in self.omit}
        _check_known("keep_empty", self.keep_empty, taken.values(), where)
        _check_known("types", types, taken.values(), where)
        if len(set(taken.values())) < len(taken):
            raise UsageError(f"{where}: rename: gives two columns the same name")
        words = frozenset(self.null)
        return [
            FileColumn(
                source,
                name,
                words if name in self.keep_empty else words | {""},
                file_type(types[name], self.decimal) if name in types else None,
            )
            for source, name in taken.items()
        ]


def _check_known(parameter: str, used: Iterable[str], known: Iterable[str], where: str) -> None:
    names = [*known]
    for name in used:
        if name not in names:
            raise UsageError(f"{where}: {parameter}: unknown column {name}{_near(name, names)}")


def _near(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def file_format(given: Mapping[str, Any], where: str, others: Sequence[str] = ()) -> FileFormat:
    """The format that keyword parameters say; `UsageError` for one that is not usable.

    ``others`` are further names that a misspelt parameter may have meant.
    """
    known = [field.name for field in fields(FileFormat)]
    for name in given:
        if name not in known:
            near = _near(name, [*known, *others]) or f"; a file has {', '.join(known)}"
            raise UsageError(f"{where}: unknown parameter {name}{near}")
    checked = {name: _CHECKS[name](value, f"{where}: {name}") for name, value in given.items()}
    made = FileFormat(**checked)
    _check_together(made, where)
    return made


def _check_together(made: FileFormat, where: str) -> None:
    if made.delimiter == made.quote:
        raise UsageError(f"{where}: delimiter and quote must differ")
    for name, kind in made.types:
        if kind not in FILE_TYPES:
            known = ", ".join(FILE_TYPES)
            raise UsageError(f"{where}: types: {name}: unknown type {kind}; one of {known}")
    if made.decimal != "." and not {"decimal", "float"} & {kind for _, kind in made.types}:
        raise UsageError(
            f"{where}: decimal: say which columns are numbers, as "
            'types={"price": "decimal"}; other texts stay as they are'
        )


def _character(value: Any, where: str) -> str:
    if not isinstance(value, str) or len(value) != 1 or value in "\r\n\0":
        raise UsageError(f"{where}: must be one character")
    return value


def _quote(value: Any, where: str) -> str:
    return "" if value in ("", None) else _character(value, where)


def _encoding(value: Any, where: str) -> str:
    try:
        "".encode(value)
        return codecs.lookup(value).name
    except (LookupError, TypeError, ValueError):
        raise UsageError(
            f'{where}: unknown encoding; Python\'s names are valid, as "cp1252" or "utf-16"'
        ) from None


def _decimal_point(value: Any, where: str) -> str:
    if value not in (".", ","):
        raise UsageError(f'{where}: must be "." or ","')
    return str(value)


def _names(value: Any, where: str) -> tuple[str, ...]:
    """Texts in their order; a single one needs no list."""
    texts = (value,) if isinstance(value, str) else value
    if not isinstance(texts, Iterable) or isinstance(texts, Mapping | bytes):
        raise UsageError(f"{where}: must be a list of texts")
    listed = tuple(texts)
    if not all(isinstance(text, str) for text in listed):
        raise UsageError(f"{where}: must be a list of texts")
    return listed


def _set(value: Any, where: str) -> tuple[str, ...]:
    return tuple(sorted(set(_names(value, where))))


def _pairs(value: Any, where: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping) or not all(
        isinstance(text, str) for pair in value.items() for text in pair
    ):
        raise UsageError(f"{where}: must be a dict of texts")
    return tuple(sorted(value.items()))


_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "delimiter": _character,
    "quote": _quote,
    "encoding": _encoding,
    "decimal": _decimal_point,
    "columns": _names,
    "null": _set,
    "keep_empty": _set,
    "rename": _pairs,
    "omit": _set,
    "types": _pairs,
}


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
