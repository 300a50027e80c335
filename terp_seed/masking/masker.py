"""The boundary itself: blocks in, blocks out, column by column.

Compiled once per table.  A value is masked once and remembered for as long as
the memory is small; a block that comes in is never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from terp_seed.errors import MaskingError
from terp_seed.masking.detect import ColumnFacts
from terp_seed.masking.normal import UnmaskableError, is_blank, plain, token
from terp_seed.masking.proof import Proof
from terp_seed.masking.site import Mask
from terp_seed.rows.model import Block, Cells, Value

__all__ = ["Masker"]

_MOST_KNOWN = 1 << 16


class Masker:
    """What one table's rows pass on their way to the database.

    ``apply`` masks imported rows; synthetic ones it holds to the reserved
    ranges and returns as they are.  Two maskers of the same policy and key
    give the same results, whatever came before.
    """

    def __init__(
        self,
        table: str,
        masks: Mapping[str, Mask],
        proofs: Mapping[str, Proof],
        *,
        subject: str | None = None,
        first_row: int = 0,
        keyed: bool = False,
    ) -> None:
        self.table = table
        self._masks = dict(masks)
        self._proofs = dict(proofs)
        self._columns = {name: _compiled(mask) for name, mask in masks.items()}
        self._subject = subject
        self._first_row = first_row
        self._keyed = keyed

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are masked or held to a range."""
        return (*self._masks, *self._proofs)

    @property
    def subject(self) -> str:
        """The column that names a row's subject, in lower case; empty if no mask needs it."""
        needed = any(mask.by_subject is not None for mask in self._masks.values())
        return (self._subject or "").casefold() if needed else ""

    def apply(self, block: Block) -> Block:
        """The block to write.  Raises `MaskingError` with column and row, never a value."""
        for name, proof in self._proofs.items():
            self._prove(block, name, proof)
        if not self._columns:
            return block
        masked = {
            name: self._masked(block, name, block.columns[name])
            for name in self._columns
            if name in block.columns
        }
        return replace(block, columns={**block.columns, **masked})

    def value(self, column: str, value: Value) -> Value:
        """The masked form of one value: what a look-up by a masked column must ask for.

        Raises `MaskingError` where it is not known from the value alone.
        """
        mask = self._masks.get(column)
        if mask is None or is_blank(value):
            return value
        if mask.by_value is None or not self._keyed:
            raise MaskingError(
                f"{self.table}.{column}: rows cannot be looked up by this masked column; "
                "use another natural key, or set TERP_SEED_MASK_KEY"
            )
        return self._guarded(column, 0, lambda at: self._columns[column]([value], 0, at))[0]

    def check(self, columns: Sequence[ColumnFacts], rows: int) -> list[str]:
        """What cannot work, known before the first row; see the messages."""
        by_name = {facts.name.casefold(): facts for facts in columns}
        found: list[str] = []
        for name, mask in self._masks.items():
            facts = by_name.get(name.casefold())
            if facts is not None:
                found += [f"{self.table}.{name}: {text}" for text in _problems(mask, facts, rows)]
        return found

    def capacity(self, column: str) -> int | None:
        """How many rows the column's strategy can keep unique; None if there is no such limit."""
        mask = self._masks.get(column)
        return None if mask is None else mask.capacity

    def _prove(self, block: Block, name: str, proof: Proof) -> None:
        cells = block.columns.get(name)
        place = None if cells is None else proof.first_fault(cells.values)
        if place is not None:
            raise MaskingError(
                f"{self.table}.{name}, row {block.start + place + 1}: a made-up value must be "
                f"{proof.needs}; change the generator, or hand the rows over as imported"
            )

    def _masked(self, block: Block, name: str, cells: Cells) -> Cells:
        if cells.ref is not None:
            raise MaskingError(f"{self.table}.{name} refers to rows and cannot be masked as well")
        column, start = self._columns[name], block.start + self._first_row

        def mask(at: _Place) -> Sequence[Value]:
            if self._masks[name].by_subject is not None:
                return column(cells.values, start, at, self._subjects(block, start))
            return column(cells.values, start, at)

        return replace(cells, values=self._guarded(name, block.start, mask))

    def _subjects(self, block: Block, start: int) -> list[bytes]:
        """The bytes of each row's subject; without a key or a subject, of its number."""
        wanted = (self._subject or "").casefold()
        cells = next((c for name, c in block.columns.items() if name.casefold() == wanted), None)
        if cells is None and self._keyed:
            raise UnmaskableError(f"its rows come without the subject column {self._subject}")
        rows = [b"row\0%d" % (start + place) for place in range(len(block))]
        if cells is None or not self._keyed:
            return rows
        return [
            row if is_blank(value) else token(value, plain)
            for value, row in zip(cells.values, rows, strict=True)
        ]

    def _guarded(
        self, name: str, start: int, mask: Callable[[_Place], Sequence[Value]]
    ) -> Sequence[Value]:
        """Run a mask; whatever it raises is reported without the value it was raised for."""
        at = _Place()
        try:
            return mask(at)
        except UnmaskableError as error:
            reason = str(error)
        except Exception as error:  # a project's own strategy may quote its input
            reason = f"the strategy failed ({type(error).__name__})"
        # Outside the handlers: an error raised inside would carry the first one along.
        raise MaskingError(f"{self.table}.{name}, row {start + at.place + 1}: {reason}")


@dataclass(slots=True)
class _Place:
    """How far a column has come."""

    place: int = 0


Column = Callable[..., Sequence[Value]]


def _compiled(mask: Mask) -> Column:
    if mask.by_value is not None:
        return _by_value(mask.by_value)
    if mask.by_row is not None:
        return _by_row(mask.by_row)
    assert mask.by_subject is not None
    return _by_subject(mask.by_subject)


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


def _by_value(mask: Callable[[Value], Value]) -> Column:
    memo = _Memo(mask)

    def column(values: Sequence[Value], start: int, at: _Place) -> Sequence[Value]:
        if len(memo) > _MOST_KNOWN:
            memo.forget()
        with suppress(Exception):  # a value without a hash, or one that cannot be masked
            return [memo[value] for value in values]
        masked = []
        for at.place, value in enumerate(values):
            masked.append(value if is_blank(value) else mask(value))
        return masked

    return column


def _by_row(mask: Callable[[Value, int], Value]) -> Column:
    def column(values: Sequence[Value], start: int, at: _Place) -> Sequence[Value]:
        masked = []
        for at.place, value in enumerate(values):
            masked.append(value if is_blank(value) else mask(value, start + at.place))
        return masked

    return column


def _by_subject(mask: Callable[[Value, bytes], Value]) -> Column:
    def column(
        values: Sequence[Value], start: int, at: _Place, subjects: Sequence[bytes]
    ) -> Sequence[Value]:
        masked = []
        for at.place, value in enumerate(values):
            masked.append(value if is_blank(value) else mask(value, subjects[at.place]))
        return masked

    return column


def _problems(mask: Mask, facts: ColumnFacts, rows: int) -> list[str]:
    found = []
    if facts.unique and not mask.distinct and not mask.makes_null:
        found.append(
            "the column is unique and its strategy can give two rows one value; add unique = true, "
            "or use pseudonymise"
        )
    if facts.unique and mask.capacity is not None and rows > mask.capacity:
        found.append(
            f"{rows:,} rows for a unique column, and only {mask.capacity:,} masked values exist; "
            "seed fewer rows, or use pseudonymise or nullify"
        )
    if facts.length is not None and mask.length is not None and mask.length > facts.length:
        found.append(
            f"masked values are up to {mask.length} characters long, the column holds "
            f"{facts.length}; choose a shorter strategy"
        )
    if mask.makes_null and not facts.nullable:
        found.append("nullify in a NOT NULL column; use redact or pseudonymise")
    if not mask.ascii and facts.plane == "ascii":
        found.append("masked values may hold characters that the column's character set lacks")
    return found
