"""Masked blocks between the rehearsal and the run: each is masked once, and written as rehearsed.

They wait in a temporary file without a name, which holds nothing but what the
database is going to hold; what identifies a block is kept in memory.  A
block that has changed meanwhile, or that found no room, is masked again.
"""

from __future__ import annotations

import pickle
from array import array
from collections.abc import Sequence
from contextlib import suppress
from tempfile import TemporaryFile
from types import NoneType, TracebackType
from typing import IO, Self

from terp_seed.mask_database.blocks import MaskedBlock, RowBlock, mask_block
from terp_seed.mask_database.originals import Originals
from terp_seed.mask_database.plan import PassPlan
from terp_seed.masking.keys import Key
from terp_seed.rows.model import Value

__all__ = ["MaskedBlocks"]

_MOST_BYTES = 2**30
_PLAIN = frozenset({str, bytes, NoneType})


class MaskedBlocks:
    """The masked blocks of one run; leaving it forgets them.

    Columns that are shuffled hold originals, so blocks with any are never kept.
    """

    def __init__(self, key: Key | None, most_bytes: int = _MOST_BYTES) -> None:
        self._originals = None if key is None else Originals(key)
        self._most_bytes = most_bytes
        self._places: dict[int, tuple[int, int]] = {}
        self._size = 0
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        with suppress(OSError):  # a system without room for one
            self._file = TemporaryFile(prefix="terp_seed_")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._places.clear()
        if self._file is not None:
            self._file.close()

    def keep(
        self, plan: PassPlan, block: RowBlock, start: int, masked: tuple[RowBlock, RowBlock]
    ) -> None:
        """Keep what the rehearsal has made of a block that begins with row ``start``."""
        room = self._file is not None and self._size < self._most_bytes
        if room and "shuffle" not in plan.strategies.values():
            self._write(_identity(plan, block, start), self._summarise(plan, *masked))

    def mask(self, plan: PassPlan, block: RowBlock, start: int) -> MaskedBlock:
        """What the rehearsal has made of this very block, or what masking makes of it now."""
        found = self._places.get(_identity(plan, block, start))
        if found is not None and self._file is not None:
            self._file.seek(found[0])
            masked: MaskedBlock = pickle.loads(self._file.read(found[1]))  # noqa: S301 - our own
            return masked
        return self._summarise(plan, *mask_block(plan, block, start))

    def _write(self, identity: int, masked: MaskedBlock) -> None:
        assert self._file is not None
        packed = pickle.dumps(masked, pickle.HIGHEST_PROTOCOL)
        with suppress(OSError):  # the disk is full
            self._file.seek(self._size)
            self._file.write(packed)
            self._places[identity] = self._size, len(packed)
            self._size += len(packed)

    def _summarise(self, plan: PassPlan, before: RowBlock, after: RowBlock) -> MaskedBlock:
        return MaskedBlock.of(before, after, self._digests(plan, before, after))

    def _digests(self, plan: PassPlan, before: RowBlock, after: RowBlock) -> bytes:
        if self._originals is None:
            return b""
        numbers: set[int] = set()
        for name, kind in plan.kinds.items():
            if plan.strategies[name] == "shuffle":  # the values are still there, in other rows
                continue
            if kind != "json" and plan.progress.columns[name].earlier:  # they were masked before
                continue
            numbers |= self._originals.digests(kind, before.columns[name], after.columns[name])
        return array("Q", sorted(numbers)).tobytes()


def _identity(plan: PassPlan, block: RowBlock, start: int) -> int:
    """A number that tells this block from any other, and from itself once a value has changed."""
    columns = (_hash(values) for values in block.columns.values())
    return hash((plan.table, plan.progress.number, start, tuple(block.keys), *columns))


def _hash(values: Sequence[Value]) -> int:
    """Of texts by Python's own keyed hash; other values may be equal and yet not the same."""
    if {*map(type, values)} <= _PLAIN:
        return hash(tuple(values))
    return hash(pickle.dumps(values, pickle.HIGHEST_PROTOCOL))
