"""Python values as text, exact for any value: SQL literals, fields of COPY, digests.

A literal depends on the value and the engine, never on the live schema, so that a script made
without a database holds exactly the text that a run executes.  The canonical text of a value is the
same before it is written and after it is read back, on every engine: row digests, which show
whether a seeded row was edited, are made of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Context, Decimal
from functools import cache, partial
from hashlib import blake2b
from math import isfinite
from operator import index
from typing import Any, cast
from uuid import UUID

from terp_seed.rows.model import (
    Block,
    Cells,
    Json,
    Lookup,
    Many,
    Value,
    distinct_texts,
    scaled_text,
    utc,
    with_null,
)

__all__ = [
    "NULL",
    "SEPARATOR",
    "JsonText",
    "UnwritableError",
    "block_digests",
    "canonical",
    "canonical_cells",
    "canonical_columns",
    "column_texts",
    "copy_document",
    "copy_fields",
    "digested",
    "encodable",
    "json_cells",
    "json_pieces",
    "json_text",
    "literal",
    "literals",
    "one_by_one",
    "packed",
    "plain_cells",
    "quoted",
    "without_nul",
]

Quote = Callable[[str], str]
"""An engine's text literal for a string."""

QuoteBytes = Callable[[bytes], str]
"""An engine's binary literal for bytes."""

NULL = "NULL"

_JSON_TYPES = frozenset((dict, list, Json))
_SPECIAL = "'\\\0\n\r\x1a"  # what some engine has to escape


class UnwritableError(ValueError):
    """A value without a literal: the reason, then its place in the column."""


def encodable(text: str) -> str:
    """The text itself; `UnwritableError` if it holds half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnwritableError("it holds half of a surrogate pair, which is not text") from None
    return text


def without_nul(text: str) -> str:
    """The text itself; `UnwritableError` if it is not text or holds a NUL."""
    if "\0" in encodable(text):
        raise UnwritableError("it holds a NUL, which no text of PostgreSQL can")
    return text


class JsonText(str):
    """The one JSON text of a value; see `json_text`."""

    __slots__ = ()


def literals(
    cells: Cells, text: Quote, binary: QuoteBytes, lookup: Callable[[Lookup], str]
) -> Sequence[str]:
    """The literals of a column; references stay plain row numbers.

    Raises `UnwritableError` for a value that has no literal, with its place in the column as second
    argument and never the value itself.
    """
    texts = plain_cells(cells)
    if texts is not None:
        if cells.kinds <= _QUOTED:
            return [NULL if plain is None else f"'{plain}'" for plain in texts]
        return fill_nulls(texts, NULL)
    one = partial(literal, text=text, binary=binary, lookup=lookup)
    many: dict[type[Any], Many] = dict.fromkeys((str, JsonText), partial(quoted, text))
    many[Decimal] = _numbers
    return column_texts(cells.values, cells.kinds, NULL, one, many)


def column_texts(
    values: Sequence[Any],
    kinds: Set[type[Any]],
    null: str,
    one: Callable[[Any], str],
    many: Mapping[type[Any], Many],
) -> Sequence[str]:
    """The texts of a column, made at once if its values are of one of ``kinds``.

    Raises `UnwritableError` with the place of a value that has no text.
    """
    make = many.get(next(iter(kinds))) if len(kinds) == 1 else None
    if make is not None:
        with suppress(ValueError, TypeError, OverflowError):
            return with_null(null, partial(distinct_texts, make), values)
    return one_by_one(one, values)


def canonical_cells(cells: Cells) -> Sequence[str]:
    """The canonical texts of a column, in order."""
    texts = plain_cells(cells)
    if texts is None:
        return column_texts(cells.values, cells.kinds, "\0", canonical, _CANONICAL)
    if cells.ref is not None:
        return ["\0" if plain is None else f"#{plain}" for plain in texts]
    full = fill_nulls(texts, "\0")
    if cells.kinds <= _QUOTED:
        return _without_midnight(full)
    if cells.scale is None and max(map(len, full), default=0) > _EXACT_DIGITS:
        return [*map(_canonical_text, full)]
    return full


def fill_nulls(texts: Sequence[str | None], null: str) -> Sequence[str]:
    """The texts, with ``null`` where there is none."""
    if None not in texts:
        return cast("Sequence[str]", texts)
    return [null if plain is None else plain for plain in texts]


def plain_cells(cells: Cells) -> Sequence[str | None] | None:
    """The plain texts of a column; row numbers and scaled numbers always have some."""
    if cells.texts is None and (cells.ref is not None or cells.scale is not None):
        return one_by_one(partial(_whole, cells.scale or 0), cells.values)
    return cells.texts


def _whole(scale: int, value: Value) -> str | None:
    return None if value is None else scaled_text(index(value), scale)


def json_cells(cells: Cells) -> Cells:
    """The same column, with the texts of JSON values."""
    values = cells.values
    if _JSON_TYPES.isdisjoint(cells.kinds):
        return cells
    distinct = {id(value): value for value in values}  # many rows hold one object of a pool
    if len(distinct) * 2 > len(values):
        return replace(cells, values=one_by_one(_in_json, values))
    with suppress(ValueError):
        texts = {key: _in_json(value) for key, value in distinct.items()}
        return replace(cells, values=[texts[id(value)] for value in values])
    return replace(cells, values=one_by_one(_in_json, values))


def one_by_one(make: Callable[[Any], Any], values: Sequence[Any]) -> list[Any]:
    """Convert values one by one; `UnwritableError`, with its place, for one that fails."""
    try:
        return [make(value) for value in values]
    except (ValueError, TypeError, OverflowError):
        return [_make_at(make, value, place) for place, value in enumerate(values)]


def _make_at(make: Callable[[Any], Any], value: Any, place: int) -> Any:
    try:
        return make(value)
    except (ValueError, TypeError, OverflowError) as error:
        reason = str(error) if isinstance(error, UnwritableError) else "it has no SQL literal"
        raise UnwritableError(reason, place) from None


def _in_json(value: Value) -> Value:
    return JsonText(json_text(value)) if isinstance(value, dict | list | Json) else value


def quoted(text: Quote, values: Sequence[str]) -> Sequence[str]:
    """Texts as literals; texts without special characters are only put in quotes."""
    together = "".join(values)
    if any(map(together.__contains__, _SPECIAL)):
        return [*map(text, values)]
    together.encode()  # fails for half of a surrogate pair
    return [f"'{value}'" for value in values]


def _without_midnight(texts: Sequence[str]) -> Sequence[str]:
    """The texts of moments without what an engine may leave out."""
    together = "".join(texts)
    if "." in together or " 00:00:00" in together:
        return [*map(_canonical_text, texts)]
    return texts


def _canonical_texts(values: Sequence[str]) -> Sequence[str]:
    if _STARTS.isdisjoint([value[:1] for value in values]):
        return values
    lines = "\n".join([*values, ""])
    if _DAYS.fullmatch(lines) or (" 00:00:00\n" not in lines and _SECONDS.fullmatch(lines)):
        return values
    if _SHORTS.fullmatch(lines):
        return [*map(_short_text, values)] if "." in lines else values
    typed = _TYPED.match
    return [_canonical_text(value) if typed(value) else value for value in values]


def _short_text(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


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
        return utc(value).isoformat(" ")
    if isinstance(value, time) and value.tzinfo is not None:
        raise UnwritableError("a time of day with an offset belongs to no day; drop the offset")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, dict | list | Json):
        return json_text(value)
    raise UnwritableError(f"a {type(value).__name__} has no SQL literal")


def json_text(value: Value) -> str:
    """The one JSON text of a value: sorted keys, no spaces, no NaN."""
    if isinstance(value, JsonText):
        return value
    plain = value.value if isinstance(value, Json) else value
    try:
        return _encode(plain)
    except (TypeError, RecursionError):
        raise UnwritableError("it holds something that JSON cannot") from None
    except (ValueError, ArithmeticError):
        raise UnwritableError("JSON has no NaN and no infinity") from None


def json_pieces(value: Value, refs: Mapping[str, str]) -> list[tuple[str, str | None, int]]:
    """The JSON text of a value, cut at the row numbers that it holds.

    Each piece is (text before, table, row number); the last has no table.  A quotation mark inside
    a JSON string is escaped, so only a name can match a name and its colon.
    """
    # Text between the matches, each followed by the name and the number of a match.
    *found, tail = _names(tuple(refs)).split(json_text(value))
    pieces: list[tuple[str, str | None, int]] = [
        (f'{before}"{name}":', refs[name], int(number))
        for before, name, number in zip(found[::3], found[1::3], found[2::3], strict=True)
    ]
    return [*pieces, (tail, None, 0)]


@cache
def _names(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(f'"({"|".join(map(re.escape, names))})":(\\d+)')


def _json_leaf(value: Value) -> Any:
    if isinstance(value, Json):
        return value.value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return _plain(value)


_encode = json.JSONEncoder(
    ensure_ascii=False,
    sort_keys=True,
    separators=(",", ":"),
    allow_nan=False,
    default=_json_leaf,
).encode


def _duration(value: timedelta) -> str:
    sign = "-" if value < timedelta(0) else ""
    whole = abs(value)
    hours, rest = divmod(whole.days * 86400 + whole.seconds, 3600)
    text = f"{sign}{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"
    return f"{text}.{whole.microseconds:06d}" if whole.microseconds else text


def _numbers(values: Sequence[Decimal]) -> Sequence[str]:
    """What `_number` makes of decimals."""
    texts = [*map(str, values)]
    together = "".join(texts)
    plain = not together.strip("0123456789.-") and max(map(len, texts), default=0) < _MOST_DECIMALS
    if not plain:
        return [*map(_number, values)]
    return [text.rstrip("0").rstrip(".") if "." in text else text for text in texts]


def _number(value: float | Decimal) -> str:
    if isinstance(value, float):
        if not isfinite(value):
            raise UnwritableError("SQL has no NaN and no infinity")
        return repr(value)
    if not value.is_finite():
        raise UnwritableError("SQL has no NaN and no infinity")
    if abs(value.adjusted()) > _MOST_DIGITS:  # 1e999999999 written out is a gigabyte
        raise UnwritableError(f"it has more than {_MOST_DIGITS} digits")
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    decimals, digits = len(text.partition(".")[2]), len(text.translate(_NO_DIGITS).strip("0"))
    if digits <= _DOUBLE_DIGITS and (decimals > _MOST_DECIMALS or len(text) > _MOST_PLAIN):
        return f"{value:E}"
    return text


_MOST_DIGITS = 400  # more than a double has, and far more than a DECIMAL
# MySQL reads a number without an exponent as a DECIMAL, and cuts what that cannot hold.
_MOST_DECIMALS, _MOST_PLAIN, _DOUBLE_DIGITS = 30, 65, 17
_NO_DIGITS = str.maketrans("", "", "-.")
_EXACT_DIGITS = 15
_EXACT = 10**_EXACT_DIGITS
_FIFTEEN = Context(prec=15)  # what a double, and so a SQLite decimal, keeps
_NUMBER = re.compile(r"[-+]?\d{1,64}(\.\d{0,64})?([eE][-+]?\d{1,3})?", re.ASCII)
_SHORT = re.compile(r"(?:0|[1-9]\d{0,8})(?:\.\d{1,6})?", re.ASCII)
"""A number that `_significant` writes without its last zeros, and otherwise as it is."""
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?)?", re.ASCII)
_TYPED = re.compile(rf"[{{\[]|(?:{_NUMBER.pattern}|{_MOMENT.pattern})\Z", re.ASCII)
"""Texts that `canonical` may write otherwise."""
# Columns in which all values are of one form, one a line.
_SECONDS = re.compile(r"(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n)*+", re.ASCII)
_DAYS = re.compile(r"(?:\d{4}-\d\d-\d\d\n)*+", re.ASCII)
_SHORTS = re.compile(rf"(?:{_SHORT.pattern}\n)*+", re.ASCII)
_STARTS = frozenset("0123456789+-{[")
_WHOLE = (".0,", ".0}", ".0]")  # the end of a whole number that is written as a fraction
_EXPONENTS = ("e+", "e-")
_EXPONENT = re.compile("[0-9]e[+-]")
_LONG = re.compile("[0-9]{16}")


def canonical(value: Value) -> str:
    """One text for a value as it is written and as an engine returns it.

    Texts that look like a number, a moment or a JSON object are treated as one, because a CSV field
    is written as text and read back typed.
    """
    if isinstance(value, JsonText) and not _is_rewritten(value):
        return value
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


def _is_rewritten(text: str) -> bool:
    """Whether a JSON text may hold a number that some engine writes in another way."""
    return (
        text[0] not in "{["
        or any(map(text.__contains__, _WHOLE))
        or (any(map(text.__contains__, _EXPONENTS)) and _EXPONENT.search(text) is not None)
        or _LONG.search(text) is not None
    )


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
    if _SHORT.fullmatch(text):
        return _short_text(text)
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


_QUOTED = frozenset((date, datetime))
_CANONICAL: dict[type[Any], Many] = {
    str: _canonical_texts,
    **dict.fromkeys((JsonText, Decimal, float), lambda values: [*map(canonical, values)]),
}


SEPARATOR = "\x1f"
"""The separator of the texts of a row."""


def block_digests(block: Block, columns: Sequence[str]) -> bytes:
    """The packed 8-byte BLAKE2b digests of a block's rows over some columns."""
    return packed(canonical_columns(block, columns), columns)


def canonical_columns(block: Block, columns: Sequence[str]) -> dict[str, Sequence[str]]:
    """The canonical texts of some columns, by name."""
    return {name: canonical_cells(block.columns[name]) for name in columns}


def packed(texts: Mapping[str, Sequence[str]], columns: Sequence[str]) -> bytes:
    """The digests of rows from the canonical texts of their columns."""
    rows = map(SEPARATOR.join, zip(*[texts[name] for name in columns], strict=True))
    return digested(map(str.encode, rows))


def digested(rows: Iterable[bytes]) -> bytes:
    """The digests of rows from their joined texts."""
    fresh = blake2b(digest_size=8).copy  # a copy costs half of what a new one does
    digests = []
    for row in rows:
        digest = fresh()
        digest.update(row)
        digests.append(digest.digest())
    return b"".join(digests)


_COPY_NULL = "\\N"
_COPY_TEXTS = frozenset((str, JsonText))
_COPY_SPECIAL = "\\\0\t\n\r"
_COPY_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def copy_fields(cells: Cells) -> Sequence[str]:
    """The fields of a column for PostgreSQL's COPY, in its text format.

    References stay plain row numbers.  Raises as `literals` does.
    """
    texts = plain_cells(cells)
    if texts is not None:
        return fill_nulls(texts, _COPY_NULL)
    if cells.kinds <= _COPY_TEXTS:
        together = "".join(filter(None, cells.values))
        if not any(map(together.__contains__, _COPY_SPECIAL)) and together.isascii():
            return fill_nulls(cells.values, _COPY_NULL)
    many: dict[type[Any], Many] = dict.fromkeys(_COPY_TEXTS, _copy_texts)
    many[Decimal] = _numbers
    return column_texts(cells.values, cells.kinds, _COPY_NULL, _copy_field, many)


def copy_document(value: Value, refs: Mapping[str, str], places: Mapping[str, int]) -> list[str]:
    """A JSON text as three fields: a template of SQL's ``format``, row numbers, their ranges.

    ``places`` numbers the tables that the row numbers refer to.
    """
    if value is None:
        return [_COPY_NULL] * 3
    template, numbers, tables = "", [], []
    for text, table, number in json_pieces(value, refs):
        template += text.replace("%", "%%")
        if table is not None:
            template += "%s"
            numbers.append(str(number))
            tables.append(str(places[table]))
    arrays = (f"{{{','.join(items)}}}" for items in (numbers, tables))
    return [_copy_text(template), *arrays]


def _copy_field(value: Value) -> str:
    if value is None:
        return _COPY_NULL
    return literal(value, _copy_text, _copy_bytes, _no_lookup)


def _copy_text(text: str) -> str:
    return without_nul(text).translate(_COPY_ESCAPES)


def _copy_texts(values: Sequence[str]) -> Sequence[str]:
    together = "".join(values)
    if any(map(together.__contains__, _COPY_SPECIAL)):
        return [*map(_copy_text, values)]
    together.encode()  # fails for half of a surrogate pair
    return values


def _copy_bytes(value: bytes) -> str:
    return f"\\\\x{value.hex()}"


def _no_lookup(value: Lookup) -> str:
    raise UnwritableError("a lookup is a sub-select, which COPY does not take")
