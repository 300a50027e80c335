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
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from terp_seed.database.schema import ColumnFacts, TableFacts
from terp_seed.database.session import Session
from terp_seed.rows.literals import canonical
from terp_seed.rows.model import TableRows, Value

__all__ = ["find_oversize", "find_respelled", "value_checks"]

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
        step = 10 ** (6 - digits)
        yield f"keeps {digits} digits after the second", partial(_falls_between, step=step)


def _does_not_fit(value: Value, *, whole: int, places: int) -> bool:
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, TypeError, ValueError):
        return False  # not a number: the engine refuses it
    if not number.is_finite() or number.copy_abs() >= 10**whole:
        return True
    return number != number.quantize(Decimal(1).scaleb(-places), context=_WIDE)


def _falls_between(value: Value, *, step: int) -> bool:
    if isinstance(value, datetime | time):
        return bool(value.microsecond % step)
    return isinstance(value, timedelta) and bool(value.microseconds % step)


_REST = 2_000  # the names of table and columns, more than they ever need


def find_oversize(session: Session, rows: TableRows) -> Iterator[str]:
    """Findings for imported rows that no statement can hold; generated ones are small."""
    most = session.dialect.largest_statement(session.connection)
    if most is None or rows.provenance != "imported":
        return
    columns = [rows.values(name) for name in rows.columns]
    for number, row in enumerate(zip(*columns, strict=True)):
        characters = sum(len(value) for value in row if isinstance(value, str | bytes))
        if characters * 8 < most:
            continue  # every character of it could be four bytes, and escaped
        size = sum(len(session.dialect.literal(value).encode()) for value in row)
        if size + _REST > most:
            yield (
                f"table {rows.table}, row {number + 1}: is {size:,} bytes as a statement, and the "
                f"server takes {most:,} (max_allowed_packet)"
            )


_PLAIN = (sa.Integer, sa.Numeric, sa.String, sa.Date, sa.DateTime, sa.Boolean, sa.LargeBinary)

Texts = Sequence[tuple[int, str]]


def find_respelled(session: Session, rows: TableRows, facts: TableFacts) -> Iterator[str]:
    """Findings for imported texts that their column cannot read, or gives back otherwise.

    Of types with a spelling that the engine chooses, as PostgreSQL's arrays and addresses.
    """
    for name in rows.columns if rows.provenance == "imported" else ():
        kind = facts.columns[name].type
        texts = [(at, text) for at, text in enumerate(rows.each(name)) if isinstance(text, str)]
        if isinstance(kind, _PLAIN) or not texts:
            continue
        read = partial(_read_back, session, rows.table, (name, kind))
        where = f"table {rows.table}, column {name}"
        kept = read(texts)
        if kept is None:
            wrong = _first_unreadable(texts, read)
            yield f"{where}: its type cannot read the seed's text (row {wrong + 1})"
            continue
        changed = (at for at, text in texts if canonical(kept.get(at, text)) != canonical(text))
        if (number := next(changed, None)) is not None:
            yield (
                f"{where}: gives the seed's text back in another spelling, so the row would look "
                f"edited; write it as a SELECT prints it (row {number + 1})"
            )


def _read_back(
    session: Session, table: str, column: tuple[str, TypeEngine[Any]], texts: Texts
) -> dict[int, Any] | None:
    """Texts as their column would give them back, by row; None if it cannot read one of them."""
    dialect, kept = session.dialect, dict[int, Any]()
    for at in range(0, len(texts), dialect.rows_per_statement):
        some = texts[at : at + dialect.rows_per_statement]
        sql = dialect.read_back(table, column, some)
        if sql is None:
            return kept
        try:
            with session.connection.begin_nested():
                kept.update(map(tuple, session.rows(sql)))
        except DBAPIError:
            return None
    return kept


def _first_unreadable(texts: Texts, read: Callable[[Texts], object]) -> int:
    while len(texts) > 1:
        half = texts[: len(texts) // 2]
        texts = half if read(half) is None else texts[len(half) :]
    return texts[0][0]


_WHOLE = re.compile(r"[-+]?\d+(\.0*)?", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?", re.ASCII)


def _readable(live: ColumnFacts) -> Iterator[Check]:
    if isinstance(live.type, sa.Integer | sa.Boolean):
        yield (
            "is a whole number, and the seed's text is none",
            lambda value: _differs(_WHOLE, value),
        )
    elif isinstance(live.type, sa.Numeric):
        yield "is a number, and the seed's text is none", lambda value: _differs(_NUMBER, value)
    elif isinstance(live.type, sa.Date | sa.DateTime):
        yield (
            "is a date, and the seed's text is none",
            lambda value: _differs(_MOMENT, value) or _is_no_day(value),
        )


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
