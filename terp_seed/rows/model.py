"""What a seed writes, before any engine is known: columns, tables, blocks.

Rows travel in *blocks*: columns of equal length, a few thousand rows.  A `Column` is a pure
function from row numbers to values, so any block can be made at any time, in any order, in any
process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from terp_seed.rows.draw import Span
from terp_seed.rows.texts import PLAIN, plain_texts

__all__ = [
    "Block",
    "Bounds",
    "Cells",
    "Column",
    "Json",
    "Lookup",
    "RowOrder",
    "TableRows",
    "Value",
    "ref",
]

_AT_A_TIME = 4096
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


@dataclass(frozen=True, slots=True)
class Lookup:
    """The key of a row that is known by its natural key; see `ref`."""

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
        if len(self.kinds) > 1 or not self.kinds <= (_WHOLE if counted else PLAIN):
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
        elif start < stop:
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
