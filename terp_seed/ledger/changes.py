"""What the ledger keeps of rows that a revision updated or deleted.

Each operation has an entry, in state ``updated`` or ``deleted``, and a *kept table* beside the
other bookkeeping, which holds the rows as they were.  Entry and kept rows are written in the
revision's transaction.  The kept table goes when the revision is rolled back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from terp_seed.database.bookkeeping import table_exists
from terp_seed.database.dialects import KEPT_PREFIX, KeptTable, join_table, split_table
from terp_seed.database.names import live_columns
from terp_seed.ledger.ledger import Ledger, Range
from terp_seed.rows.literals import json_text

__all__ = [
    "CHANGE_STATES",
    "SeededChange",
    "applied_turns",
    "find_changes",
    "find_loss",
    "is_there",
    "kept_table",
    "record_change",
]

CHANGE_STATES = ("updated", "deleted")
"""The states of the ledger's entries of changes."""

_LONGEST = 60  # PostgreSQL takes 63 bytes


@dataclass(frozen=True)
class SeededChange(Range):
    """The rows of one table that one operation changed, as the ledger has them."""

    state: str
    kept: KeptTable

    @property
    def updates(self) -> bool:
        return self.state == "updated"


def kept_table(
    ledger: Ledger, range_: Range, key: Sequence[str], columns: Sequence[str], *, updates: bool
) -> KeptTable:
    """The kept table of one operation, by revision and number."""
    chain = "" if ledger.chain == "seed" else f"{ledger.chain}_"
    said = f"{chain}{range_.revision}_{range_.number}"
    name = KEPT_PREFIX + re.sub(r"\W", "_", said)
    if len(name) > _LONGEST or not name.isascii():
        name = KEPT_PREFIX + sha256(said.encode()).hexdigest()[:16]
    match = tuple(key) if range_.id is None else (range_.id,)
    place = join_table(ledger.books.schema, name)
    return KeptTable(place, range_.table, match, tuple(key), tuple(columns), updates)


def record_change(ledger: Ledger, range_: Range, kept: KeptTable) -> str:
    """The statement that writes the entry, once the kept rows are there."""
    detail = {"id": range_.id, "key": list(kept.key), "columns": list(kept.columns)}
    count = f"(SELECT COUNT(*) FROM {ledger.dialect.quote_table(kept.name)})"
    state = "updated" if kept.updates else "deleted"
    return ledger.entry(
        range_.place,
        {"row_count": count},
        state=state,
        table_name=range_.table,
        detail=json_text(detail),
    )


def find_changes(
    ledger: Ledger, connection: Connection, revision: str | None = None
) -> list[SeededChange]:
    """The changes of a revision, or of all, in the order in which the revisions were applied.

    Also those whose kept table is gone; see `is_there`.
    """
    table = ledger.books.ledger
    if not table_exists(connection, table):
        return []
    rows = connection.execute(
        sa.select(table)
        .where(
            table.c.chain == ledger.chain,
            table.c.state.in_(CHANGE_STATES),
            *([] if revision is None else [table.c.revision.in_(ledger.names.owned(revision))]),
        )
        .order_by(table.c.written_at, table.c.revision, table.c.range_no)
    )
    changes = [_change(ledger, row, json.loads(row.detail)) for row in rows]
    turns = applied_turns(ledger, connection) if len(changes) > 1 else {}
    return sorted(changes, key=lambda change: turns.get(change.revision, 0))


def applied_turns(ledger: Ledger, connection: Connection) -> dict[str, int]:
    """When each revision was applied, as a number that grows: a clock may be set back.

    The audit says so; a revision whose event is gone has no number.
    """
    audit = ledger.books.audit
    if not table_exists(connection, audit):
        return {}
    rows = connection.execute(
        sa.select(audit.c.revision, sa.func.max(audit.c.id))
        .where(audit.c.chain == ledger.chain, audit.c.event == "applied")
        .group_by(audit.c.revision)
    )
    return dict(map(tuple, rows))


def is_there(connection: Connection, kept: KeptTable) -> bool:
    """Whether a kept table can be used: it exists, and so does what it is about."""
    return not find_loss(connection, kept)


def find_loss(connection: Connection, kept: KeptTable) -> str:
    """What is gone since rows were kept; empty if nothing is.

    A schema tool may have dropped a kept table, which it does not know, and the schema may have
    lost the table or some of its columns.
    """
    schema, name = split_table(kept.name)
    if not sa.inspect(connection).has_table(name, schema=schema):
        return f"{kept.name} is gone, which held the rows as they were before"
    columns = live_columns(connection, kept.table)
    if columns is None:
        return f"table {kept.table} does not exist any more"
    gone = [name for name in dict.fromkeys([*kept.match, *kept.columns]) if name not in columns]
    return f"table {kept.table} has no {', '.join(gone)} any more" if gone else ""


def _change(ledger: Ledger, row: sa.Row[Any], detail: Mapping[str, Any]) -> SeededChange:
    table = ledger.names.table(row.revision, row.table_name) or row.table_name
    range_ = Range(row.revision, row.range_no, table, row.row_count, detail["id"])
    kept = kept_table(
        ledger, range_, detail["key"], detail["columns"], updates=row.state == "updated"
    )
    place = (range_.revision, range_.number, range_.table, range_.count, range_.id)
    return SeededChange(*place, row.state, kept)
