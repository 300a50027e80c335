"""Values of imported rows that their column would refuse, or keep otherwise than given.

A CSV field is text.  A server refuses one that its column cannot read, with
the revision half-way; SQLite keeps it, as text, without a word.  A server
rounds a decimal, cuts a fraction of a second, strips a CHAR's trailing spaces
and fills a BINARY up without a word in any mode.  Such a row would look edited
from its first day on, so it is refused before anything is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from decimal import Context, Decimal, InvalidOperation
from functools import partial

import sqlalchemy as sa

from terp_seed.database.schema import ColumnFacts
from terp_seed.database.session import Session
from terp_seed.rows.model import TableRows, Value

__all__ = ["find_alteration", "find_oversize", "find_unreadable"]

Changes = Callable[[Value], bool]

_WIDE = Context(prec=200)


def find_alteration(live: ColumnFacts) -> tuple[str, Changes] | None:
    """What the column does to some values, and to which; None if it keeps them all."""
    kind = live.type
    if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float) and kind.precision:
        places = kind.scale or 0
        return f"keeps {places} decimal places of {kind.precision} digits", partial(
            _does_not_fit, whole=kind.precision - places, places=places
        )
    if isinstance(kind, sa.CHAR) and live.charset is not None:
        return "drops trailing spaces", lambda value: str(value).endswith(" ")
    if isinstance(kind, sa.BINARY) and kind.length:
        length = kind.length
        return f"fills up to {length} bytes", lambda value: len(value) < length
    digits = live.second_digits
    if digits is not None:
        step = 10 ** (6 - digits)
        return f"keeps {digits} digits after the second", partial(_falls_between, step=step)
    return None


def _does_not_fit(value: Value, *, whole: int, places: int) -> bool:
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, TypeError, ValueError):
        return False  # no number at all: the engine says so
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


_WHOLE = re.compile(r"[-+]?\d+(\.0*)?", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?", re.ASCII)


def find_unreadable(live: ColumnFacts) -> tuple[str, Callable[[Value], bool]] | None:
    """What the column is, and which texts are none; None for a column that takes any."""
    if isinstance(live.type, sa.Integer | sa.Boolean):
        return "is a whole number", lambda value: _is_no(_WHOLE, value)
    if isinstance(live.type, sa.Numeric):
        return "is a number", lambda value: _is_no(_NUMBER, value)
    if isinstance(live.type, sa.Date | sa.DateTime):
        return "is a date", lambda value: _is_no(_MOMENT, value) or _is_no_day(value)
    return None


def _is_no(pattern: re.Pattern[str], value: Value) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is None


def _is_no_day(value: Value) -> bool:
    if not isinstance(value, str):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return True
    return False
