"""Keys inside JSON on SQLite, which has no variables.

A sub-select for each key would take a millisecond a row.  So a row's text
goes in as a ``printf`` format, the row numbers as its arguments, and the one
SELECT around all rows adds the keys to them.
"""

from __future__ import annotations

from collections.abc import Sequence

from terp_seed.database.dialects.base import Dialect
from terp_seed.database.dialects.model import Piece, Written
from terp_seed.rows.literals import NULL

__all__ = ["documents"]

_ARGUMENTS = 90  # a function takes at least 100, one of which is the format
_MOST = 1500  # a SELECT takes at least 2000 columns
_SKIP = "%.0s"  # takes an argument and prints nothing

Slots = list[tuple[str, int | None]]


def documents(dialect: Dialect, column: str, rows: Sequence[Sequence[Piece] | None]) -> Written:
    """The formats and arguments of each row, and the expression that joins them."""
    names = list(dict.fromkeys(name for row in rows for _, name, _ in row or () if name))
    laid = [None if row is None else _laid_out(row, names) for row in rows]
    most = max((len(slots) for slots, _ in filter(None, laid)), default=0)
    if most > _MOST:
        return Written(column, [[_sub_selects(dialect, row) for row in rows]])
    texts: list[list[str]] = []
    for first in range(0, most + 1, _ARGUMENTS):
        end = first + _ARGUMENTS
        texts.append([_format(dialect, row, first, end, end > most) for row in laid])
        for place in range(first, min(end, most)):
            texts.append([_argument(row, place) for row in laid])
    keys = [dialect.quote(names[place % len(names)]) for place in range(most)]

    def value(own: Sequence[str]) -> str:
        parts = []
        for first in range(0, most + 1, _ARGUMENTS):
            at = first + first // _ARGUMENTS
            here = keys[first : first + _ARGUMENTS]
            added = [f"{key} + {name}" for key, name in zip(here, own[at + 1 :], strict=False)]
            parts.append(f"printf({', '.join([own[at], *added])})")
        return " || ".join(parts)

    return Written(column, texts, value)


def _laid_out(row: Sequence[Piece], names: Sequence[str]) -> tuple[Slots, str]:
    """A row's texts and numbers by slot, and its last text.

    The slots go through the keys in turn, so that all rows agree which key
    belongs to a slot; what a row has no number for, it skips.
    """
    slots: Slots = []
    tail = ""
    for text, name, number in row:
        tail += text.replace("%", "%%")
        if name is None:
            continue
        while names[len(slots) % len(names)] != name:
            slots.append((tail + _SKIP, None))
            tail = ""
        slots.append((f"{tail}%d", number))
        tail = ""
    return slots, tail


def _format(
    dialect: Dialect, row: tuple[Slots, str] | None, first: int, end: int, last: bool
) -> str:
    if row is None:
        return NULL
    slots, tail = row
    text = "".join([text for text, _ in slots[first:end]])
    return dialect.text(text + tail if last else text)


def _argument(row: tuple[Slots, str] | None, place: int) -> str:
    slots = row[0] if row else []
    number = slots[place][1] if place < len(slots) else None
    return "0" if number is None else str(number)


def _sub_selects(dialect: Dialect, row: Sequence[Piece] | None) -> str:
    """The slow way, for a text with more keys than a SELECT has columns."""
    parts: list[str] = []
    for text, name, number in row or ():
        parts.append(dialect.text(text))
        if name is not None:
            parts.append(f"((SELECT {dialect.quote(name)} FROM seed_keys) + {number})")
    # In groups, because an expression may be 1000 operators deep.
    groups = (parts[at : at + _ARGUMENTS] for at in range(0, len(parts), _ARGUMENTS))
    return " || ".join([f"({' || '.join(group)})" for group in groups]) or NULL
