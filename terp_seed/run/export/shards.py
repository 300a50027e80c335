"""The rows of one shard of a table, made without those of the others.

A value depends on its row's number, so any rows of any table can be made by themselves.  What a
seeder reckons for all rows together before it makes the first, it reckons for each shard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from terp_seed.errors import UsageError
from terp_seed.ledger.ledger import Ledger
from terp_seed.masking.boundary import MakeProver
from terp_seed.rows.literals import JsonText, json_pieces
from terp_seed.rows.model import Block, Cells, Value
from terp_seed.run.export.selection import ExportedTable
from terp_seed.run.renderer import Renderer
from terp_seed.run.writer import BLOCK_ROWS

__all__ = ["WHOLE", "Shard", "numbered_blocks"]

_SPELLING = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


@dataclass(frozen=True)
class Shard:
    """Part ``number`` of ``total`` parts of each table, counted from 1."""

    number: int = 1
    total: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``3/16``; `UsageError` if that shard does not exist."""
        found = _SPELLING.fullmatch(text)
        if found is None:
            raise UsageError(f"--shard {text}: write the number and how many there are, as 3/16")
        shard = cls(int(found[1]), int(found[2]))
        if not shard.total:
            raise UsageError(f"--shard {text}: there are no shards; write how many, as 3/16")
        if not 1 <= shard.number <= shard.total:
            raise UsageError(
                f"--shard {text}: that shard does not exist; the last one is "
                f"{shard.total}/{shard.total}"
            )
        return shard

    def rows(self, count: int) -> tuple[int, int]:
        """The first row of the shard, and the one behind its last, of a table of so many."""
        return count * (self.number - 1) // self.total, count * self.number // self.total

    @property
    def suffix(self) -> str:
        """What the names of its files say of it: nothing if there is one shard."""
        width = len(str(self.total))
        return "" if self.total == 1 else f".{self.number:0{width}}-of-{self.total}"


WHOLE = Shard()
"""All rows, in one shard."""


def numbered_blocks(
    table: ExportedTable, shard: Shard, ledger: Ledger, make_prover: MakeProver
) -> Iterator[Block]:
    """The blocks of a shard, proved and within their bounds, with real ids in all columns."""
    rows = table.rows
    renderer = Renderer(ledger, rows, table.planned.range, make_prover(rows), {})
    start, stop = shard.rows(rows.count)
    for first in range(start, stop, BLOCK_ROWS):
        block = rows.block(first, min(first + BLOCK_ROWS, stop))
        yield _numbered(renderer.prepare(block), table)


def _numbered(block: Block, table: ExportedTable) -> Block:
    """The block with ids in the place of row numbers, its own first."""
    columns: dict[str, Cells] = {}
    if table.rows.id is not None and table.first_id is not None:
        first = table.first_id
        columns[table.rows.id] = Cells(range(first + block.start, first + block.stop))
    for name, cells in block.columns.items():
        columns[name] = _with_ids(cells, table.firsts)
    return replace(block, columns=columns)


def _with_ids(cells: Cells, firsts: Mapping[str, int]) -> Cells:
    if cells.ref is not None:
        first = firsts[cells.ref]
        return Cells([None if value is None else first + value for value in cells.values])
    if cells.json_refs:
        return Cells([_document(value, cells.json_refs, firsts) for value in cells.values])
    return cells


def _document(value: Value, refs: Mapping[str, str], firsts: Mapping[str, int]) -> Value:
    if value is None:
        return None
    pieces = json_pieces(value, refs)
    return JsonText(
        "".join(
            text if table is None else f"{text}{firsts[table] + number}"
            for text, table, number in pieces
        )
    )
