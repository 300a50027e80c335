"""What a seed writes, before any engine is known: spans, columns, tables, blocks.

Rows travel in *blocks*: columns of equal length, a few thousand rows.  A `Column` is a pure
function from row numbers to values, so any block can be made at any time, in any order, in any
process.

The random words of a `Span` are the output of SHAKE-128, an extendable output function (FIPS 202),
over the root seed, the seeder, the column and the number of a page of rows.  The standard library
has it on every platform, and it never changes between releases, unlike the algorithms of ``random``
above ``random()``.

Numbers and moments have one *plain text* each, of which literals and digests are both made.  A
column whose values are of one type is converted at once, and each distinct value once.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from functools import cached_property, partial
from hashlib import shake_128
from typing import Any, Literal, NamedTuple, TypeVar

__all__ = [
    "WORD",
    "Block",
    "Bounds",
    "Cells",
    "Column",
    "Json",
    "Lookup",
    "Many",
    "Meter",
    "RowOrder",
    "Span",
    "TableRows",
    "Value",
    "distinct_texts",
    "measured",
    "plain_texts",
    "ref",
    "scaled_text",
    "seed_key",
    "utc",
    "with_null",
]

WORD = 1 << 32
"""Words are whole numbers from 0 up to, not including, this."""

_PAGE = 1024
_UNPACK = struct.Struct(f"<{_PAGE}I").unpack


def seed_key(root_seed: int, seeder: str) -> bytes:
    """The part of a column's key that all columns of a seeder share."""
    return f"terp_seed\0{root_seed}\0{seeder}\0".encode()


@dataclass(frozen=True, slots=True)
class Span:
    """Row numbers ``start`` to ``stop`` (exclusive) of one column."""

    key: bytes
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def rows(self) -> range:
        """The row numbers, counted from 0."""
        return range(self.start, self.stop)

    def words(self, label: str = "") -> list[int]:
        """One 32-bit word for each row; another ``label``, other words."""
        key = self.key + b"\0" + label.encode()
        words: list[int] = []
        first = self.start // _PAGE
        for page in range(first, -(-self.stop // _PAGE)):
            digest = shake_128(key + b"\0%d" % page).digest(4 * _PAGE)
            words += _UNPACK(digest)
        skip = self.start - first * _PAGE
        return words[skip : skip + len(self)]


T = TypeVar("T")
Many = Callable[[Sequence[Any]], Sequence[str]]

_AT_A_TIME = 4096
_FEW = 64  # enough to tell a column that repeats from one that does not
_PLAIN: frozenset[type[Any]] = frozenset((bool, int, date, datetime))
"""The types that have a plain text."""
_WHOLE = frozenset((int, bool))

Value = Any
"""A cell: None, bool, int, float, Decimal, str, bytes, date, datetime, time,
timedelta, UUID, or dict and list, which are written as JSON."""

Provenance = Literal["synthetic", "imported"]


@dataclass(frozen=True, slots=True)
class Json:
    """A JSON value that Python cannot distinguish from a plain one.

    ``Json(None)`` is the JSON ``null``, where ``None`` is the SQL NULL;
    ``Json("text")`` is a JSON string.  A dict or a list needs no wrapping.
    """

    value: Value


class Lookup(NamedTuple):
    """The key of a row that is known by its natural key; see `ref`.

    A tuple, because a large file has one in every row.
    """

    table: str
    where: tuple[tuple[str, Value], ...]
    id: str = "id"


def ref(table: str, /, id: str = "id", **where: Value) -> Lookup:  # noqa: A002
    """Refer to the one row of ``table`` whose columns have these values.

    ``ref("brands", name="Acme")`` is written as that row's ``id``, whether it was seeded or not.
    The run stops before it writes if no row matches.
    """
    return Lookup(table, tuple(where.items()), id)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of every value of a column; None sets no limit.

    Declared by a generator, measured for imported rows, compared with the live schema before the
    first insert, checked again on every block.
    """

    length: int | None = None
    """Greatest length of a text in characters, of bytes in bytes."""
    choices: frozenset[str] | None = None
    """The only texts that occur: what an enum column must know."""
    low: int | None = None
    high: int | None = None
    """Least and greatest number, in the column's own scale."""
    nullable: bool = False
    plane: Literal["ascii", "bmp", "full"] = "full"
    """The character range: ASCII, what utf8mb3 holds, or all of Unicode."""
    fraction: bool = False
    """Whether times carry a fraction of a second."""

    def find_broken(self, values: Sequence[Value]) -> str:
        """The limit of length or choices that some value breaks, in words; empty if none does."""
        if self.length is not None:
            longest = _longest(values)
            if longest > self.length:
                return f"a length of {longest} where at most {self.length} was promised"
        if self.choices is not None and not self.choices.issuperset(filter(None, values)):
            return "a value that is not among the promised ones"
        return ""


def _longest(values: Sequence[Value]) -> int:
    try:
        return max(map(len, filter(None, values)), default=0)
    except TypeError:  # a JSON column may hold numbers beside texts
        return max((len(v) for v in values if isinstance(v, str | bytes)), default=0)


_MOST_CHOICES = 64
_TEXTS = frozenset((str, type(None)))
_PLANES = ("ascii", "bmp", "full")


def measured(values: Sequence[Value]) -> Bounds:
    """The bounds of a list of values."""
    if set(map(type, values)) <= _TEXTS:
        return _measured_texts([value for value in values if value is not None], len(values))
    texts = [value for value in values if isinstance(value, str)]
    uniform = len(texts) == sum(value is not None for value in values)
    sized = [len(value) for value in values if isinstance(value, str | bytes)]
    numbers = [v for v in values if isinstance(v, int) and not isinstance(v, bool)]
    return Bounds(
        length=max(sized, default=None),
        choices=frozenset(texts) if uniform and 0 < len(texts) <= _MOST_CHOICES else None,
        low=min(numbers, default=None),
        high=max(numbers, default=None),
        nullable=any(value is None for value in values),
        plane=_plane(texts),
        fraction=any(_has_fraction(value) for value in values),
    )


def _measured_texts(texts: Sequence[str], count: int) -> Bounds:
    """The bounds of texts, of ``count`` values with those that are None."""
    distinct = set(texts)
    return Bounds(
        length=max(map(len, distinct), default=None),
        choices=frozenset(distinct) if 0 < len(texts) <= _MOST_CHOICES else None,
        nullable=len(texts) < count,
        plane=_plane(texts),
    )


class Meter:
    """Measures the values of a column some at a time."""

    def __init__(self) -> None:
        self._bounds: Bounds | None = None
        self._nullable = False

    def add(self, values: Sequence[Value]) -> None:
        if values.count(None) == len(values):
            self._nullable = True
            return
        part = measured(values)
        self._bounds = part if self._bounds is None else _both(self._bounds, part)

    @property
    def bounds(self) -> Bounds:
        """The bounds of all values so far."""
        bounds = self._bounds or Bounds(plane="ascii")
        return replace(bounds, nullable=bounds.nullable or self._nullable)


def _both(one: Bounds, other: Bounds) -> Bounds:
    """The bounds of values that are within one or the other."""
    choices = None
    if one.choices and other.choices:
        union = one.choices | other.choices
        choices = union if len(union) <= _MOST_CHOICES else None
    return Bounds(
        length=max(_known(one.length, other.length), default=None),
        choices=choices,
        low=min(_known(one.low, other.low), default=None),
        high=max(_known(one.high, other.high), default=None),
        nullable=one.nullable or other.nullable,
        plane=max(one.plane, other.plane, key=_PLANES.index),
        fraction=one.fraction or other.fraction,
    )


def _known(*numbers: int | None) -> list[int]:
    return [number for number in numbers if number is not None]


def _plane(texts: Sequence[str]) -> Literal["ascii", "bmp", "full"]:
    together = "".join(texts)
    if together.isascii():
        return "ascii"
    return "bmp" if max(together) <= "\uffff" else "full"


def _has_fraction(value: Value) -> bool:
    return isinstance(value, datetime | time) and bool(value.microsecond)


@dataclass(frozen=True, slots=True)
class Column:
    """How the values of one column follow from their row numbers.

    ``make`` gets a `Span` of row numbers, bound to the root seed, the table
    and this column's name, and returns one value for each.  With ``scale``
    the values are whole numbers of that many decimal places (``scale=2``:
    cents).  With ``ref`` they are row numbers, from 0, of another seeded
    table, or None for NULL; the row's real id is known only when it is
    written.
    """

    make: Callable[[Span], Sequence[Value]]
    bounds: Bounds = field(default_factory=Bounds)
    scale: int | None = None
    ref: str | None = None
    json_refs: Mapping[str, str] = field(default_factory=dict)
    """What ``ref`` is inside JSON: ``{"batchId": "batches"}`` says that the
    number after every such name is the row number of a seeded row."""
    lookup: tuple[str, str] | None = None
    """The table and the column in which all values, each a `Lookup` or None, are looked up."""


@dataclass(frozen=True)
class Cells:
    """The values of one column in one block; see `Column` for the fields."""

    values: Sequence[Value]
    scale: int | None = None
    ref: str | None = None
    json_refs: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def kinds(self) -> frozenset[type[Any]]:
        """The types of the values other than None."""
        return frozenset(map(type, self.values)) - {type(None)}

    @cached_property
    def texts(self) -> Sequence[str | None] | None:
        """The plain texts of numbers or moments, None for NULL; None for other columns.

        Made once, for the literals and the digests.
        """
        if not self.kinds:
            return [None] * len(self.values)
        counted = self.ref is not None or self.scale is not None
        if len(self.kinds) > 1 or not self.kinds <= (_WHOLE if counted else _PLAIN):
            return None
        return plain_texts(self.values, next(iter(self.kinds)), self.scale)


@dataclass(frozen=True, slots=True)
class Block:
    """Rows ``start`` to ``stop`` (exclusive) of a table, column by column."""

    table: str
    start: int
    stop: int
    columns: Mapping[str, Cells]

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class RowOrder:
    """The order of rows that refer to rows of their own table: those that are referred to first."""

    numbers: Sequence[int]
    """For each row its number as it was given, from 0."""
    levels: Sequence[int]
    """The rows that begin a new statement, since those before them may be referred to."""
    ahead: Sequence[int]
    """The rows that the last one refers to, directly or not."""

    def spans(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """The rows from ``start`` to ``stop``, cut where a level begins."""
        cuts = [level for level in self.levels if start < level < stop]
        yield from zip([start, *cuts], [*cuts, stop], strict=True)


@dataclass(frozen=True)
class TableRows:
    """All rows that one seeder gives one table.

    ``key`` names the columns of the natural key, unique in the table: an existing row with the same
    key stops the run.  ``id`` is the table's integer key, which the run fills from a contiguous
    range; None for a table without one, whose rows ``key`` then identifies.  ``derived`` columns
    are left out of the digest that detects edited rows, because a later revision recomputes them.
    """

    table: str
    count: int
    columns: Mapping[str, Column]
    seed: bytes
    key: tuple[str, ...] = ()
    id: str | None = "id"
    derived: tuple[str, ...] = ()
    looked_up: tuple[str, ...] = ()
    """Those of the derived columns that hold a `Lookup` somewhere."""
    provenance: Provenance = "synthetic"
    skip_taken: bool = False
    """Skip rows whose natural key is taken, instead of stopping."""
    order: RowOrder | None = None
    """The order of imported rows that refer to each other."""
    later: tuple[str, ...] = ()
    """Columns that are NULL until all rows of the revision are there: they refer to later rows."""

    def given(self, number: int) -> int:
        """The number of a row as it was given, from 1: what an error says."""
        return 1 + (number if self.order is None else self.order.numbers[number])

    def spans(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Rows that one statement may write, from ``start`` to ``stop``."""
        if self.order is not None:
            yield from self.order.spans(start, stop)
        else:
            yield start, stop

    def block(self, start: int, stop: int) -> Block:
        """Make rows ``start`` to ``stop``; the same rows every time."""
        cells: dict[str, Cells] = {}
        same: dict[tuple[int, int], Cells] = {}  # columns that are one list have one set of texts
        for name, column in self.columns.items():
            values = self.values(name, start, stop)
            made = Cells(values, column.scale, column.ref, column.json_refs)
            cells[name] = same.setdefault((id(values), id(column)), made)
        return Block(self.table, start, stop, cells)

    def values(self, column: str, start: int = 0, stop: int | None = None) -> Sequence[Value]:
        """Make the values of one column alone."""
        end = self.count if stop is None else stop
        span = Span(self.seed + f"{self.table}.{column}".encode(), start, end)
        return self.columns[column].make(span)

    def each(self, column: str) -> Iterator[Value]:
        """Iterate over the values of one column, with few of them in memory at a time."""
        for start in range(0, self.count, _AT_A_TIME):
            yield from self.values(column, start, min(start + _AT_A_TIME, self.count))

    def blocks(self, size: int) -> Iterator[Block]:
        """Make all rows in order, ``size`` at a time."""
        for start in range(0, self.count, size):
            yield self.block(start, min(start + size, self.count))


def plain_texts(
    values: Sequence[Any], kind: type[Any], scale: int | None
) -> Sequence[str | None] | None:
    """One text for each value, None for NULL; None if one of them has no text."""
    make = _MAKE[kind] if scale is None else _decimals(scale)
    with suppress(ValueError, TypeError, OverflowError):
        return with_null(None, partial(distinct_texts, make), values)
    return None


def with_null(null: T, make: Many, values: Sequence[Any]) -> Sequence[str | T]:
    """The texts of values, with ``null`` for None."""
    if None not in values:
        return make(values)
    made = iter(make([value for value in values if value is not None]))
    return [null if value is None else next(made) for value in values]


def distinct_texts(make: Many, values: Sequence[Any]) -> Sequence[str]:
    """Make each distinct text once: columns picked from pools repeat a lot.

    Equal values of one type have the same text.
    """
    few = values[:_FEW]
    if len(set(few)) * 2 > len(few) > 1:
        return make(values)
    distinct = list(set(values))
    return [*map(dict(zip(distinct, make(distinct), strict=True)).__getitem__, values)]


def utc(value: datetime) -> datetime:
    """The same moment without an offset."""
    return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)


def _moments(values: Sequence[datetime]) -> Sequence[str]:
    """The texts of times as they are stored: UTC, without an offset."""
    return [(utc(value) if value.tzinfo else value).isoformat(" ") for value in values]


def _decimals(scale: int) -> Many:
    """Converts whole numbers of that many decimal places to their shortest texts."""
    unit = 10**scale
    if scale > 3:
        return lambda values: [scaled_text(value, scale) for value in values]
    tails = ["", *(f".{n:0{scale}d}".rstrip("0") for n in range(1, unit))]

    def make(values: Sequence[int]) -> Sequence[str]:
        if min(values, default=0) < 0:
            return [scaled_text(value, scale) for value in values]
        return [f"{value // unit}{tails[value % unit]}" for value in values]

    return make


def scaled_text(value: int, scale: int) -> str:
    """The shortest text of a whole number of that many decimal places."""
    if not value % 10**scale:
        return str(value // 10**scale)
    sign, digits = ("-", str(-value)) if value < 0 else ("", str(value))
    digits = digits.rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}".rstrip("0")


_MAKE: dict[type[Any], Many] = {
    bool: lambda values: ["1" if value else "0" for value in values],
    int: lambda values: [*map(str, values)],
    date: lambda values: [*map(str, values)],
    datetime: _moments,
}
