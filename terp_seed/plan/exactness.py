"""Values that a column would keep, but not as they are given.

A server rounds a decimal, cuts a fraction of a second, strips a CHAR's
trailing spaces and fills a BINARY up without a word in any mode.  Such a row
would look edited from its first day on, so it is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from decimal import Context, Decimal, InvalidOperation
from functools import partial

import sqlalchemy as sa

from terp_seed.database.schema import ColumnFacts
from terp_seed.rows.model import Value

__all__ = ["change"]

Changes = Callable[[Value], bool]

_WIDE = Context(prec=200)


def change(live: ColumnFacts) -> tuple[str, Changes] | None:
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
    if isinstance(kind, sa.DateTime | sa.Time) and hasattr(kind, "fsp"):
        digits: int = kind.fsp or 0
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
