"""A shard of a table as a CSV file, and the script that has the engine's client load it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import IO

from terp_seed.database.dialects import Dialect, Loaded
from terp_seed.errors import PlanError
from terp_seed.rows.fields import csv_fields, quoted_field
from terp_seed.rows.literals import UnwritableError
from terp_seed.rows.model import Block, Cells
from terp_seed.run.export.selection import ExportedTable

__all__ = ["load_script", "write_csv"]


def write_csv(
    file: IO[bytes], table: ExportedTable, blocks: Iterable[Block], dialect: Dialect
) -> list[Loaded]:
    """Write a head and the rows, one a line unless a text has several; return what was in them.

    Raises `PlanError`, without the value, for one that the loader would not read as it is.
    """
    kinds: dict[str, set[type]] = {name: set() for name in table.columns}
    bare = not dialect.clients.csv_tells_null
    file.write((",".join(map(quoted_field, kinds)) + "\n").encode())
    for block in blocks:
        fields = []
        for name, cells in block.columns.items():
            kinds[name] |= cells.kinds
            fields.append(_fields(table, name, cells, block.start, bare=bare))
        lines = map(",".join, zip(*fields, strict=True))
        file.write(("\n".join(lines) + "\n").encode())
    _refuse_mixed(table, kinds)
    return [
        Loaded(dialect.quote(name), found == {bytes}, found == {bool})
        for name, found in kinds.items()
    ]


def _refuse_mixed(table: ExportedTable, kinds: Mapping[str, set[type]]) -> None:
    """Refuse a column of bytes and others, which one expression cannot read."""
    for name, found in kinds.items():
        if bytes in found and len(found) > 1:
            raise PlanError(
                f"{table.planned.range.label}, column {name}: holds bytes and other values, which "
                "no loader reads from one file; let the seeder give one type",
                where={"table": table.rows.table, "column": name},
            )


def _fields(
    table: ExportedTable, name: str, cells: Cells, start: int, *, bare: bool
) -> Sequence[str]:
    try:
        return csv_fields(cells, bare=bare)
    except UnwritableError as error:
        reason, place = error.args
        row = table.rows.given(start + place)
        raise PlanError(
            f"{table.planned.range.label}, column {name}, row {row}: the value cannot be in a CSV "
            f"file, {reason}",
            where={"table": table.rows.table, "column": name, "row": row},
        ) from None


def load_script(
    dialect: Dialect, table: ExportedTable, file: str, columns: Sequence[Loaded], clock: datetime
) -> str:
    """What the engine's client loads one file by, in a session pinned as that of a run."""
    pins = [f"{sql};" for sql in (*dialect.pin(), *dialect.set_clock(clock))]
    load = dialect.clients.load_csv(file, dialect.quote_table(table.rows.table), columns)
    return "\n".join([f"-- {table.planned.range.label}", *dialect.prologue(), *pins, *load, ""])
