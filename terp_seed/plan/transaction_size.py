"""How large the transaction of a revision will be, beside what the server takes.

A server that replicates gathers a whole transaction before it commits, and refuses one that is too
large at the end of it.  So the size is estimated before the first row, from some of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from terp_seed.database.dialects import Dialect, TransactionLimit
from terp_seed.plan.plan import PlannedRevision
from terp_seed.rows.model import Cells, TableRows, Value

__all__ = ["estimated_bytes", "find_large_transactions"]

_SAMPLE = 200  # rows, from each end of a table
_SEPARATOR = 2  # bytes around a literal
_REFERENCE = 12  # the text of a reference, which is a variable and a number
_NUMBER = 6  # bytes of a number or a date in a row's image
_LENGTH = 2  # bytes that say how long a text is


def find_large_transactions(
    dialect: Dialect, limit: TransactionLimit, steps: Sequence[PlannedRevision]
) -> Iterator[str]:
    """Findings for revisions that the server would refuse at their end."""
    for step in steps:
        tables = [planned.rows for planned in step.tables]
        size = sum(estimated_bytes(rows, dialect, limit) for rows in tables)
        if size > limit.bytes:
            yield (
                f"revision {step.revision}: its transaction takes about {_spelt(size)} for "
                f"{sum(rows.count for rows in tables):,} rows, and the server takes "
                f"{_spelt(limit.bytes)} ({limit.name}): raise that, or seed fewer rows"
            )


def estimated_bytes(rows: TableRows, dialect: Dialect, limit: TransactionLimit) -> int:
    """The bytes of a table's rows in the log, estimated from the first and the last of them."""
    ends = {(0, min(rows.count, _SAMPLE)), (max(0, rows.count - _SAMPLE), rows.count)}
    blocks = [rows.block(*end) for end in ends if end[0] < end[1]]
    taken = sum(block.stop - block.start for block in blocks)
    if not taken:
        return 0
    found = 0
    for block in blocks:
        for cells in block.columns.values():
            found += _text_bytes(cells, dialect) if limit.texts else 0
            found += sum(map(_image_bytes, cells.values)) if limit.images else 0
    return found * rows.count // taken


def _text_bytes(cells: Cells, dialect: Dialect) -> int:
    if cells.ref is not None:
        return (_REFERENCE + _SEPARATOR) * len(cells.values)
    return sum(len(text.encode()) + _SEPARATOR for text in dialect.literals(cells))


def _image_bytes(value: Value) -> int:
    if isinstance(value, str):
        return len(value.encode(errors="replace")) + _LENGTH
    if isinstance(value, bytes):
        return len(value) + _LENGTH
    return 0 if value is None else _NUMBER


def _spelt(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size:,} bytes"
