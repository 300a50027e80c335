"""Many rows by COPY: to a staging table first, from there with their keys to the real one.

COPY takes values only, and the keys that rows count from are known to the
target alone.  So a script and a run copy the same bytes, and an INSERT adds
the keys.  Each block gets its own, so that the server inserts one while the
next is made; rows that refer to others of their table go in together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from terp_seed.database.dialects import Staged
from terp_seed.rows.copy_fields import copy_document, copy_fields
from terp_seed.rows.model import Block, Cells, TableRows
from terp_seed.run.rendering import Renderer, WriteStatement, referenced_tables

__all__ = ["CopyRenderer", "is_copied"]

_FEW_ROWS = 100  # a staging table is not worth it


def is_copied(rows: TableRows) -> bool:
    """Whether rows are many, and of values that COPY takes."""
    looks_up = rows.provenance == "imported" and rows.derived
    return rows.count > _FEW_ROWS and not rows.skip_taken and not looks_up


@dataclass(frozen=True)
class CopyRenderer(Renderer):
    """Turns the blocks of one table into COPY statements and the INSERT behind them."""

    @property
    def last_first(self) -> bool:
        return False  # the keys were taken before the rows

    def begin(self) -> list[WriteStatement]:
        dialect = self.ledger.dialect
        return [
            WriteStatement(dialect.stage(self.rows.table, self._staged()), what=self.range.label)
        ]

    def inserts(self, block: Block) -> list[WriteStatement]:
        fields: list[Sequence[str]] = []
        if self.rows.id is not None:
            fields.append([*map(str, range(block.start, block.stop))])
        for name, cells in block.columns.items():
            fields += self._guarded(name, block.start, partial(self._fields, cells))
        data = "\n".join(["\t".join(row) for row in zip(*fields, strict=True)])
        which = f"rows {block.start + 1} to {block.stop}"
        dialect, what = self.ledger.dialect, f"{self.range.label}, {which}"
        copy = WriteStatement(
            dialect.copy_to_stage(),
            rows=len(block),
            what=what,
            note=f"{self.rows.table}: {which}",
            data=f"{data}\n",
        )
        if self._refers_to_itself:
            return [copy]
        return [copy, self._insert_staged(len(block), what), WriteStatement(dialect.empty_stage())]

    def end(self) -> list[WriteStatement]:
        drop = WriteStatement(self.ledger.dialect.drop_stage(), what=self.range.label)
        if not self._refers_to_itself:
            return [drop]
        return [self._insert_staged(self.rows.count, self.range.label), drop]

    @property
    def _refers_to_itself(self) -> bool:
        return self.rows.table in referenced_tables(self.rows)

    def _insert_staged(self, rows: int, what: str) -> WriteStatement:
        insert = self.ledger.dialect.insert_staged(self.rows.table, self._staged())
        return WriteStatement(insert, rows=rows, exactly=True, what=what)

    def _staged(self) -> list[Staged]:
        columns = [] if self.rows.id is None else [Staged(self.rows.id, [self.range.name])]
        for name, column in self.rows.columns.items():
            tables = [*dict.fromkeys(column.json_refs.values())]
            if column.ref is not None:
                tables = [column.ref]
            keys = [self.known[table].name for table in tables]
            columns.append(Staged(name, keys, is_document=bool(column.json_refs)))
        return columns

    def _fields(self, cells: Cells) -> list[Sequence[str]]:
        if not cells.json_refs:
            return [copy_fields(cells)]
        tables = dict.fromkeys(cells.json_refs.values())
        places = {table: place for place, table in enumerate(tables, start=1)}
        rows = [copy_document(value, cells.json_refs, places) for value in cells.values]
        return [list(field) for field in zip(*rows, strict=True)]
