"""Values of imported rows that their column would refuse, or keep otherwise than given.

A CSV field is text.  A server refuses one that its column cannot read, with
the revision half-way; SQLite silently keeps it as text.  A server silently
rounds a decimal, cuts a fraction of a second, strips a CHAR's trailing spaces
and pads a BINARY.  Such a row would look edited from its first day on, so it
is refused before anything is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, time, timedelta
from decimal import Context, Decimal, InvalidOperation
from functools import partial

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from terp_seed.database.schema import ColumnFacts
from terp_seed.database.session import Session
from terp_seed.rows.model import TableRows, Value

__all__ = ["find_oversize", "find_unreadable", "value_checks"]

Check = tuple[str, Callable[[Value], bool]]

_WIDE = Context(prec=200)


def value_checks(live: ColumnFacts) -> Iterator[Check]:
    """What the column refuses or changes: the message, and a test of one value."""
    yield from _readable(live)
    for what, changes in _altered(live):
        yield f"{what}, which would change the seed's value", changes


def _altered(live: ColumnFacts) -> Iterator[Check]:
    kind = live.type
    if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float) and kind.precision:
        places = kind.scale or 0
        what = f"keeps {places} decimal places of {kind.precision} digits"
        yield what, partial(_does_not_fit, whole=kind.precision - places, places=places)
    elif isinstance(kind, sa.CHAR) and live.charset is not None:
        yield "drops trailing spaces", lambda value: str(value).endswith(" ")
    elif isinstance(kind, sa.BINARY) and kind.length:
        length = kind.length
        yield f"fills up to {length} bytes", lambda value: value is not None and len(value) < length
    elif live.second_digits is not None:
        digits = live.second_digits
        what = f"keeps {digits} digits after the second"
        yield what, partial(_falls_between, step=10 ** (6 - digits), digits=digits)


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


_REST = 2_000  # the names of table and columns, more than they ever need


def find_oversize(session: Session, rows: TableRows) -> Iterator[str]:
    """Findings for imported rows that no statement can hold; generated ones are small."""
    most = session.dialect.largest_statement(session.connection)
    if most is None or rows.provenance != "imported":
        return
    columns = [rows.each(name) for name in rows.columns]
    for number, row in enumerate(zip(*columns, strict=True)):
        characters = sum(len(value) for value in row if isinstance(value, str | bytes))
        if characters * 8 < most:
            continue  # every character of it could be four bytes, and escaped
        size = sum(len(session.dialect.literal(value).encode()) for value in row)
        if size + _REST > most:
            yield (
                f"table {rows.table}, row {rows.given(number)}: is {size:,} bytes as a statement, "
                f"and the server takes {most:,} (max_allowed_packet)"
            )


def find_unreadable(session: Session, rows: TableRows) -> Iterator[str]:
    """Findings for imported texts that their column cannot read, where the database can be asked.

    Which texts a type reads is the engine's own affair: arrays, addresses, intervals.
    """
    for name in rows.columns if rows.provenance == "imported" else ():
        texts = [(at, text) for at, text in enumerate(rows.each(name)) if isinstance(text, str)]
        read = partial(_reads, session, rows.table, name)
        if texts and not read(texts):
            wrong = _first_unreadable(texts, read)
            place = f"table {rows.table}, column {name}"
            yield f"{place}: its type cannot read the seed's text (row {rows.given(wrong)})"


Texts = Sequence[tuple[int, str]]


def _reads(session: Session, table: str, column: str, texts: Texts) -> bool:
    dialect = session.dialect
    for at in range(0, len(texts), dialect.rows_per_statement):
        some = [text for _, text in texts[at : at + dialect.rows_per_statement]]
        sql = dialect.read_texts(table, column, some)
        if sql is None:
            return True
        try:
            with session.connection.begin_nested():
                session.scalar(sql)
        except DBAPIError:
            return False
    return True


def _first_unreadable(texts: Texts, read: Callable[[Texts], bool]) -> int:
    while len(texts) > 1:
        half = texts[: len(texts) // 2]
        texts = texts[len(half) :] if read(half) else half
    return texts[0][0]


_WHOLE = re.compile(r"[-+]?\d+(\.0*)?", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?", re.ASCII)


def _readable(live: ColumnFacts) -> Iterator[Check]:
    if live.unwritable:
        yield (
            f"is a {live.unwritable}, which only raw SQL can write",
            lambda value: value is not None,
        )
    if live.flags is not None:
        what = f"holds {live.flags} bits, and the seed has none{_declare(live, 'int')}"
        yield what, lambda value: _is_no_number_of_bits(value, live.flags or 0)
    if live.members is not None:
        listed = ", ".join(sorted(live.members))
        yield f"is a set of {listed}, and the seed has others", partial(_is_outside, live.members)
    if live.last is not None:
        yield f"ends at {live.last}", partial(_is_behind, live.last)
    if isinstance(live.type, sa.Integer | sa.Boolean):
        what = "is a whole number, and the seed's text is none"
        if isinstance(live.type, sa.Boolean) or getattr(live.type, "display_width", None) == 1:
            what = f"is 0 or 1, and the seed's text is neither{_declare(live, 'bool')}"
        yield what, lambda value: _differs(_WHOLE, value)
    elif isinstance(live.type, sa.Numeric | sa.Float):  # a Float is no Numeric in SQLAlchemy 2.1
        what = f"is a number, and the seed's text is none{_declare(live, 'decimal')}"
        yield what, lambda value: _differs(_NUMBER, value)
    elif isinstance(live.type, sa.Date | sa.DateTime):
        kind = "datetime" if isinstance(live.type, sa.DateTime) else "date"
        yield (
            f"is a date, and the seed's text is none{_declare(live, kind)}",
            lambda value: _differs(_MOMENT, value) or _is_no_day(value),
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
