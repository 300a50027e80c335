"""What a column refuses, or would change: checks of the values of imported rows.

A CSV field is text.  A server refuses one that its column cannot read, with
the revision half-way; SQLite silently keeps it as text.  A server silently
rounds a decimal, cuts a fraction of a second, strips a CHAR's trailing spaces
and pads a BINARY.  Such a row would look edited from its first day on, so it
is refused before anything is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Context, Decimal, InvalidOperation
from functools import cache, partial
from itertools import islice
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from terp_seed.database.schema import ColumnFacts, TableFacts
from terp_seed.database.session import Session
from terp_seed.rows.model import Json, Lookup, TableRows, Value

__all__ = ["AT_ONCE", "find_oversize", "find_unreadable", "value_checks"]

AT_ONCE = 2_000
"""Values that are looked at together."""

Check = tuple[str, Callable[[Value], bool], str | None]

_WIDE = Context(prec=200)


def value_checks(live: ColumnFacts) -> Iterator[Check]:
    """What the column refuses or changes.

    The message, a test of one value, and perhaps a pattern of texts that surely pass it.
    """
    yield from _readable(live)
    for what, changes, right in _altered(live):
        yield f"{what}, which would change the seed's value", changes, right


def _altered(live: ColumnFacts) -> Iterator[Check]:
    kind = live.type
    if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float) and kind.precision:
        places = kind.scale or 0
        what = f"keeps {places} decimal places of {kind.precision} digits"
        whole = kind.precision - places
        right = rf"-?\d{{1,{whole}}}(?:\.\d{{0,{places}}})?" if whole else None
        yield what, partial(_does_not_fit, whole=whole, places=places), right
    elif isinstance(kind, sa.CHAR) and live.charset is not None:
        yield "drops trailing spaces", lambda value: str(value).endswith(" "), None
    elif isinstance(kind, sa.BINARY) and kind.length:
        length = kind.length
        what = f"pads values to {length} bytes"
        yield what, lambda value: value is not None and len(value) < length, None
    elif live.second_digits is not None:
        digits = live.second_digits
        what = f"keeps {digits} digits after the second"
        right = rf"{_DAY}(?:[ T]\d\d:\d\d(?::\d\d)?)?"
        yield what, partial(_falls_between, step=10 ** (6 - digits), digits=digits), right


def _does_not_fit(value: Value, *, whole: int, places: int) -> bool:
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, TypeError, ValueError):
        return False  # not a number: the engine refuses it
    if not number.is_finite() or number.copy_abs() >= 10**whole:
        return True
    return number != number.quantize(Decimal(1).scaleb(-places), context=_WIDE)


def _falls_between(value: Value, *, step: int, digits: int) -> bool:
    if isinstance(value, str):
        return bool(value.partition(".")[2][digits:].strip("0"))
    if isinstance(value, datetime | time):
        return bool(value.microsecond % step)
    return isinstance(value, timedelta) and bool(value.microseconds % step)


_MOST_BYTES = 8  # of a character: four, and escaped
_REST = 2_000  # the names of table and columns, more than they ever need


def find_oversize(session: Session, rows: TableRows) -> Iterator[str]:
    """Findings for imported rows that no statement can hold; generated ones are small."""
    most = session.dialect.largest_statement(session.connection)
    if most is None or rows.provenance != "imported":
        return
    longest = sum(column.bounds.length or 0 for column in rows.columns.values())
    if longest * _MOST_BYTES < most:
        return
    columns = [rows.each(name) for name in rows.columns]
    for number, row in enumerate(zip(*columns, strict=True)):
        characters = sum(len(value) for value in row if isinstance(value, str | bytes))
        if characters * _MOST_BYTES < most:
            continue
        size = sum(len(session.dialect.literal(value).encode()) for value in row)
        if size + _REST > most:
            yield (
                f"table {rows.table}, row {rows.given(number)}: is {size:,} bytes as a statement, "
                f"and the server takes {most:,} (max_allowed_packet)"
            )


def find_unreadable(session: Session, rows: TableRows, facts: TableFacts) -> Iterator[str]:
    """Findings for imported values that their column cannot read, where the database can be asked.

    Which values a type reads is the engine's own affair: arrays, addresses, intervals.
    """
    for name in rows.columns if rows.provenance == "imported" else ():
        kind = facts.columns[name].type
        if type(kind) in _ALL_READ:
            continue
        wrong = _find_unreadable_row(session, rows, name, kind)
        if wrong is not None:
            place = f"table {rows.table}, column {name}"
            yield (
                f"{place}: the database cannot convert the seed's value to the column's type (row "
                f"{rows.given(wrong)}); correct the value"
            )


_ALL_READ = (sa.VARCHAR, sa.TEXT, sa.CHAR)
"""Types that read every text; how long one may be is another question."""

_READ: tuple[tuple[Any, Any], ...] = (
    (bool, sa.Boolean),
    (int, sa.Integer | sa.Numeric | sa.Float),
    (float | Decimal, sa.Numeric | sa.Float),
    (date, sa.Date | sa.DateTime),
    (time, sa.Time),
    (bytes, sa.LargeBinary),
    (UUID, sa.Uuid),
    (dict | list | Json, sa.JSON),
)
"""Python types that columns of these types read; how large a number may be is another question."""

Literals = Sequence[tuple[int, str]]


def _find_unreadable_row(
    session: Session, rows: TableRows, name: str, kind: sa.types.TypeEngine[Any]
) -> int | None:
    dialect = session.dialect
    is_doubtful = cache(partial(_is_doubtful, kind))
    is_plain = _plain_texts(kind).fullmatch
    literals = (
        (at, dialect.literal(value))
        for at, value in enumerate(rows.each(name))
        if is_doubtful(type(value))  # type: ignore[arg-type]  # a type is hashable
        and not (isinstance(value, str) and is_plain(value))
    )
    while some := list(islice(literals, dialect.rows_per_statement)):
        sql = dialect.read_values(rows.table, name, [literal for _, literal in some])
        if sql is None:
            return None
        if not _runs(session, sql):
            return _first_unreadable(session, rows.table, name, some)
    return None


def _is_doubtful(kind: sa.types.TypeEngine[Any], python: type) -> bool:
    """Whether only the database knows if a column of this type reads a value of Python's type."""
    if issubclass(python, Lookup | type(None)):
        return False
    return not any(issubclass(python, read) and isinstance(kind, sql) for read, sql in _READ)


def _runs(session: Session, sql: str) -> bool:
    try:
        with session.connection.begin_nested():
            session.scalar(sql)
    except DBAPIError:
        return False
    return True


def _first_unreadable(session: Session, table: str, column: str, literals: Literals) -> int:
    while len(literals) > 1:
        half = literals[: len(literals) // 2]
        sql = session.dialect.read_values(table, column, [literal for _, literal in half])
        assert sql is not None
        literals = literals[len(half) :] if _runs(session, sql) else half
    return literals[0][0]


_WHOLE = re.compile(r"[-+]?\d+(\.0*)?", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_DAY = r"\d{4}-\d\d-\d\d"
_SURE_DAY = r"[1-9]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])"  # every month has it
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?", re.ASCII)
_WITH_OFFSET = re.compile(rf"{_DAY}[ T]\d\d:\d\d\S* ?(Z|[-+]\d\d(:?\d\d)?)", re.ASCII)


_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?"


def _plain_texts(kind: sa.types.TypeEngine[Any]) -> re.Pattern[str]:
    """The texts that a column of this type reads in any case: most numbers and days of a file."""
    text = r"(?!)"
    if isinstance(kind, sa.Integer):
        text = rf"[-+]?\d{{1,{4 if isinstance(kind, sa.SmallInteger) else 9}}}"
    elif isinstance(kind, sa.Float):
        text = r"[-+]?\d{1,9}(?:\.\d{1,9})?"
    elif isinstance(kind, sa.Numeric):
        scale = 9 if kind.precision is None else kind.scale or 0
        whole = 9 if kind.precision is None else kind.precision - scale
        cents = rf"(?:\.\d{{1,{scale}}})?" if scale > 0 else ""
        text = rf"[-+]?\d{{1,{whole}}}{cents}" if whole > 0 else text
    elif isinstance(kind, sa.Date):
        text = _SURE_DAY
    elif isinstance(kind, sa.DateTime):
        text = rf"{_SURE_DAY}(?:[ T]{_TIME})?"
    return re.compile(text, re.ASCII)


def _readable(live: ColumnFacts) -> Iterator[Check]:
    if live.unwritable:
        yield (
            f"is a {live.unwritable}, which only raw SQL can write",
            lambda value: value is not None,
            None,
        )
    if live.flags is not None:
        most = 2**live.flags - 1
        what = f"is BIT({live.flags}); give a number from 0 to {most}{_declare(live, 'int')}"
        yield what, lambda value: _is_no_number_of_bits(value, live.flags or 0), None
    if live.members is not None:
        listed = ", ".join(sorted(live.members))
        what = f"is a SET of {listed}; the seed has another value"
        yield what, partial(_is_outside, live.members), None
    if live.last is not None:
        what = f"cannot store a time after {live.last}; use an earlier one"
        yield what, partial(_is_behind, live.last), None
    yield from _readable_by_type(live)


def _readable_by_type(live: ColumnFacts) -> Iterator[Check]:
    if isinstance(live.type, sa.ARRAY):
        what = "is an array, and the seed's value is a list; write it as text, as in '{a,b}'"
        yield what, lambda value: isinstance(value, dict | list | Json), None
    elif isinstance(live.type, sa.Integer | sa.Boolean):
        what = "is an integer column, but the seed's value is not an integer"
        if isinstance(live.type, sa.Boolean) or getattr(live.type, "display_width", None) == 1:
            declare = _declare(live, "bool")
            what = f"is a boolean column, but the seed's value is not 0 or 1{declare}"
        yield what, partial(_differs, _WHOLE), _WHOLE.pattern
    elif isinstance(live.type, sa.Numeric | sa.Float):  # a Float is no Numeric in SQLAlchemy 2.1
        declare = _declare(live, "decimal")
        what = f"is a numeric column, but the seed's value is not a number{declare}"
        yield what, partial(_differs, _NUMBER), _NUMBER.pattern
    elif isinstance(live.type, sa.Date | sa.DateTime):
        kind = "datetime" if isinstance(live.type, sa.DateTime) else "date"
        what = "is a date column, and the seed's text has an offset from UTC; give a datetime"
        yield f"{what} instead{_declare(live, kind)}", _has_offset, _MOMENT.pattern
        yield (
            f"is a date column, but the seed's value is not a date{_declare(live, kind)}",
            lambda value: _differs(_MOMENT, value) or _is_no_day(value),
            rf"{_SURE_DAY}(?:[ T](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)?",
        )


def _is_no_number_of_bits(value: Value, bits: int) -> bool:
    return value is not None and not (isinstance(value, int) and 0 <= value < 2**bits)


def _is_outside(members: frozenset[str], value: Value) -> bool:
    """Whether a text, of names with commas between, has one that a SET does not know."""
    return isinstance(value, str) and bool(value) and not members >= {*value.split(",")}


def _is_behind(last: datetime, value: Value) -> bool:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return False  # which is found otherwise
    return isinstance(value, datetime) and value.replace(tzinfo=None) > last


def _declare(live: ColumnFacts, kind: str) -> str:
    """How other texts of a file are read."""
    return f'; for other forms declare types={{"{live.name}": "{kind}"}}'


def _has_offset(value: Value) -> bool:
    return isinstance(value, str) and _WITH_OFFSET.fullmatch(value) is not None


def _differs(pattern: re.Pattern[str], value: Value) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is None


def _is_no_day(value: Value) -> bool:
    if not isinstance(value, str):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return True
    return False
