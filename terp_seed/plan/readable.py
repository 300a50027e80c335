"""Texts of a file that a number or date column takes, on every engine.

A CSV field is text.  A server refuses one that its column cannot read, with
the revision half-way; SQLite keeps it, as text, without a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from terp_seed.database.schema import ColumnFacts
from terp_seed.rows.model import Value

__all__ = ["unreadable"]

_WHOLE = re.compile(r"[-+]?\d+(\.0*)?", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?", re.ASCII)


def unreadable(live: ColumnFacts) -> tuple[str, Callable[[Value], bool]] | None:
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
