"""What imported rows pass on their way to the database: blocks in, blocks out.

Built once for each table.  A value is masked once and remembered for as long
as the memory is small; a block that comes in is never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from terp_seed.errors import MaskingError
from terp_seed.masking.detect import ColumnProfile
from terp_seed.masking.normal import UnmaskableError, is_blank, plain, token
from terp_seed.masking.site import Mask
from terp_seed.rows.model import Block, Cells, Value

__all__ = ["Masker"]

_MOST_KNOWN = 1 << 16


class Masker:
    """Masks the columns of one table's imported rows.

    ``subject`` is the column that names a row's subject; ``first_row`` the
    number of rows that earlier imports gave the same table, so that what
    follows the row number continues from there.  Two maskers of the same
    policy and key give the same results, whatever came before.
    """

    def __init__(
        self,
        table: str,
        masks: Mapping[str, Mask],
        subject: str | None = None,
        first_row: int = 0,
        keyed: bool = False,
    ) -> None:
        self.table = table
        self._masks = masks
        self._columns = {name: _column_mask(mask) for name, mask in masks.items()}
        self._subject = subject
        self._first_row = first_row
        self._keyed = keyed

    @property
    def subject(self) -> str:
        """The column that names a row's subject, in lower case; empty if no mask needs it."""
        needed = any(mask.by_subject is not None for mask in self._masks.values())
        return (self._subject or "").casefold() if needed else ""

    def apply(self, block: Block) -> Block:
        """The block to write.  Raises `MaskingError` with column and row, never a value."""
        masked = {
            name: self._masked(block, name) for name in self._columns if name in block.columns
        }
        return replace(block, columns={**block.columns, **masked})

    def check(self, columns: Sequence[ColumnProfile], rows: int) -> list[str]:
        """What cannot work, known before the first row; see the messages."""
        by_name = {column.name.casefold(): column for column in columns}
        return [
            f"{self.table}.{name}: {problem}"
            for name, mask in self._masks.items()
            if (column := by_name.get(name.casefold())) is not None
            for problem in _problems(mask, column, rows)
        ]

    def capacity(self, column: str) -> int | None:
        """How many rows the column's strategy can keep unique; None if there is no such limit."""
        return self._masks[column].capacity

    def _masked(self, block: Block, name: str) -> Cells:
        """A masked column; what its mask raises is reported without the value."""
        cells = block.columns[name]
        if cells.ref is not None:
            raise MaskingError(f"{self.table}.{name} refers to rows and cannot be masked as well")
        at = _Place()
        try:
            with_values = self._companions(name, block)
            return replace(cells, values=self._columns[name](cells.values, with_values, at))
        except UnmaskableError as error:
            reason = str(error)
        except Exception as error:  # a project's own strategy may quote its input
            reason = f"the strategy failed ({type(error).__name__})"
        # Outside the handlers: an error raised inside would carry the first one along.
        raise MaskingError(f"{self.table}.{name}, row {block.start + at.place + 1}: {reason}")

    def _companions(self, name: str, block: Block) -> Sequence[Any]:
        """What a mask gets beside each value: the row's number, or the bytes of its subject.

        Without a key or a subject, those bytes are of the row's number.
        """
        numbers = range(block.start + self._first_row, block.stop + self._first_row)
        if self._masks[name].by_subject is None:
            return numbers
        wanted = (self._subject or "").casefold()
        cells = next((c for name, c in block.columns.items() if name.casefold() == wanted), None)
        if cells is None and self._keyed:
            raise UnmaskableError(f"its rows come without the subject column {self._subject}")
        rows = [b"row\0%d" % number for number in numbers]
        if cells is None or not self._keyed:
            return rows
        return [
            row if is_blank(value) else token(value, plain)
            for value, row in zip(cells.values, rows, strict=True)
        ]


@dataclass(slots=True)
class _Place:
    """How far a column has come."""

    place: int = 0


_ColumnMask = Callable[[Sequence[Value], Iterable[Any], _Place], Sequence[Value]]


def _column_mask(mask: Mask) -> _ColumnMask:
    if mask.by_value is not None:
        return _by_value(mask.by_value)
    function = mask.by_row or mask.by_subject
    assert function is not None
    return _with_companions(function)


class _Memo(dict[Any, Value]):
    """The masked values so far, by value."""

    def __init__(self, mask: Callable[[Value], Value]) -> None:
        self._mask = mask
        self.forget()

    def forget(self) -> None:
        """Start again, with what is never masked."""
        self.clear()
        self[None], self[""] = None, ""

    def __missing__(self, value: Value) -> Value:
        blank = value.__class__ is str and value.isspace()
        masked = self[value] = value if blank else self._mask(value)
        return masked


def _by_value(mask: Callable[[Value], Value]) -> _ColumnMask:
    memo = _Memo(mask)
    one_by_one = _with_companions(lambda value, number: mask(value))

    def column(values: Sequence[Value], numbers: Iterable[Any], at: _Place) -> Sequence[Value]:
        if len(memo) > _MOST_KNOWN:
            memo.forget()
        with suppress(Exception):  # a value without a hash, or one that cannot be masked
            return [memo[value] for value in values]
        return one_by_one(values, numbers, at)

    return column


def _with_companions(mask: Callable[[Value, Any], Value]) -> _ColumnMask:
    def column(values: Sequence[Value], companions: Iterable[Any], at: _Place) -> Sequence[Value]:
        masked = []
        for at.place, (value, companion) in enumerate(zip(values, companions, strict=True)):
            masked.append(value if is_blank(value) else mask(value, companion))
        return masked

    return column


def _problems(mask: Mask, column: ColumnProfile, rows: int) -> list[str]:
    found = []
    if column.unique and not mask.distinct and not mask.makes_null:
        found.append(
            "the column is unique and its strategy can give two rows one value; add unique = true, "
            "or use pseudonymise"
        )
    if column.unique and mask.capacity is not None and rows > mask.capacity:
        found.append(
            f"{rows:,} rows for a unique column, and only {mask.capacity:,} masked values exist; "
            "seed fewer rows, or use pseudonymise or nullify"
        )
    if column.length is not None and mask.length is not None and mask.length > column.length:
        found.append(
            f"masked values are up to {mask.length} characters long, the column holds "
            f"{column.length}; choose a shorter strategy"
        )
    if mask.makes_null and not column.nullable:
        found.append("nullify in a NOT NULL column; use redact or pseudonymise")
    if column.ascii and not mask.ascii:
        found.append("masked values may hold characters that the column's character set lacks")
    return found
