"""Rows that are larger than what the server takes in one statement."""

from __future__ import annotations

from collections.abc import Iterator

from terp_seed.database.session import Session
from terp_seed.rows.model import TableRows

__all__ = ["oversize"]

_REST = 2_000  # the names of table and columns, more than they ever need


def oversize(session: Session, rows: TableRows) -> Iterator[str]:
    """Findings for imported rows that no statement can hold; generated ones are small."""
    most = session.dialect.largest_statement(session.connection)
    if most is None or rows.provenance != "imported":
        return
    columns = [rows.values(name) for name in rows.columns]
    for number, row in enumerate(zip(*columns, strict=True)):
        characters = sum(len(value) for value in row if isinstance(value, str | bytes))
        if characters * 8 < most:
            continue  # every character of it could be four bytes, and escaped
        size = sum(len(session.dialect.literal(value).encode()) for value in row)
        if size + _REST > most:
            yield (
                f"table {rows.table}, row {number + 1}: is {size:,} bytes as a statement, and the "
                f"server takes {most:,} (max_allowed_packet)"
            )
