"""What the ledger keeps of rows that a revision updated or deleted.

Each operation has an entry, in state ``updated`` or ``deleted``, and a *kept table* beside the
other bookkeeping, which holds the rows as they were.  Entry and kept rows are written in the
revision's transaction.  The kept table goes when the revision is rolled back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from terp_seed.database.bookkeeping import table_exists
from terp_seed.database.dialects import KEPT_PREFIX, KeptTable, join_table
from terp_seed.database.names import live_columns
from terp_seed.ledger.ledger import Ledger, Range
from terp_seed.rows.literals import json_text

__all__ = [
    "CHANGE_STATES",
    "SeededChange",
    "applied_turns",
    "find_changes",
    "find_loss",
    "find_lost_columns",
    "kept_table",
    "record_change",
    "still_there",
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
    changes = [_change(ledger, connection, row) for row in rows]
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


def still_there(connection: Connection, kept: KeptTable) -> KeptTable | None:
    """The kept table, without columns that the schema has lost; None after a `find_loss`."""
    if find_loss(connection, kept):
        return None
    live = live_columns(connection, kept.table) or {}
    if not all(kept.live(name) in live for name in kept.key):
        kept = replace(kept, key=kept.match)
    lost = find_lost_columns(connection, kept)
    columns = tuple(name for name in kept.columns if name not in lost)
    return replace(kept, columns=columns, numbered=kept.columns) if lost else kept


def find_lost_columns(connection: Connection, kept: KeptTable) -> list[str]:
    """The columns of the operation that the table has no more, under any name."""
    columns = live_columns(connection, kept.table) or {}
    return [name for name in kept.columns if kept.live(name) not in columns]


def find_loss(connection: Connection, kept: KeptTable) -> str:
    """What is gone since rows were kept, so that nothing can be done with them; empty if it is not.

    A schema tool may have dropped a kept table, which it does not know, and the schema may have
    lost the table, what tells its rows apart, or all that was updated.
    """
    held = live_columns(connection, kept.name)
    if held is None:
        return f"{kept.name} is gone, which held the rows as they were before"
    unknown = [name for name in (*kept.match, *kept.columns) if name not in held]
    if unknown:
        return f"{kept.name} has no {', '.join(unknown)}, as the revision would have made it"
    columns = live_columns(connection, kept.table)
    if columns is None:
        return f"table {kept.table} does not exist any more"
    gone = [kept.live(name) for name in kept.match if kept.live(name) not in columns]
    if not gone and kept.updates:
        lost = find_lost_columns(connection, kept)
        gone = lost if len(lost) == len(kept.columns) else []
    return f"table {kept.table} has no {', '.join(gone)} any more" if gone else ""


def _change(ledger: Ledger, connection: Connection, row: sa.Row[Any]) -> SeededChange:
    detail = json.loads(row.detail)
    table = ledger.names.table(row.revision, row.table_name) or row.table_name
    range_ = Range(row.revision, row.range_no, table, row.row_count, detail["id"])
    kept = kept_table(
        ledger, range_, detail["key"], detail["columns"], updates=row.state == "updated"
    )
    place = (range_.revision, range_.number, range_.table, range_.count, range_.id)
    return SeededChange(*place, row.state, _with_live_names(ledger, connection, row, kept))


def _with_live_names(
    ledger: Ledger, connection: Connection, row: sa.Row[Any], kept: KeptTable
) -> KeptTable:
    """The kept table, with the names that the schema has for its columns now."""
    if not ledger.names.concern(row.revision):
        return kept
    held = [*(live_columns(connection, kept.name) or {})]
    names = ledger.names.columns(row.revision, row.table_name, held)
    renamed = ((old, new) for old, new in names.items() if new is not None and new != old)
    return replace(kept, renamed=tuple(renamed))
