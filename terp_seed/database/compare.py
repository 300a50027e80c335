"""One digest for each table, the same on every engine that holds the same rows.

Decimals count without trailing zeros, JSON parsed, times in whole seconds,
booleans as 0 and 1; rows are taken in the order of their primary key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import ReflectedColumn

from terp_seed.database.dialects import KEPT_PREFIX, dialect_named, join_table, split_table
from terp_seed.rows.literals import canonical

__all__ = [
    "BOOKKEEPING",
    "TableDigest",
    "database_digests",
    "differing",
    "is_bookkeeping",
    "other_schemas",
    "place_of",
    "table_digest",
]

BOOKKEEPING = frozenset(
    {
        "terp_seed_audit",
        "terp_seed_environment",
        "terp_seed_ledger",
        "terp_seed_lock",
        "terp_seed_masking",
        "terp_seed_version",
        "terp_sandbox_version",
        "alembic_version",
    }
)


def is_bookkeeping(table: str) -> bool:
    """Whether a table is Alembic's or ours."""
    return table in BOOKKEEPING or table.startswith(KEPT_PREFIX)


_CLOCK = re.compile(r"current_timestamp|\bnow\b|localtime", re.IGNORECASE)
_CLOCK_TIMES = {"terp_seed_ledger": {"written_at"}, "terp_seed_masking": {"written_at"}}


@dataclass(frozen=True)
class TableDigest:
    """How many rows a table holds, and the digest of all their values."""

    rows: int
    digest: str


def database_digests(
    connection: Connection,
    *,
    leave_out: Iterable[str] = BOOKKEEPING,
    exact: bool = False,
    since: datetime | None = None,
    schemas: Iterable[str] = (),
) -> dict[str, TableDigest]:
    """The digest of every table of the connection's own schema, and of ``schemas``; does not write.

    With ``exact`` values count to their last digit and microsecond: for databases of one engine.
    ``leave_out`` names tables to skip, in any schema, by default the bookkeeping of terp_seed and
    Alembic.  In a column whose default is the clock, all times after ``since`` (UTC) count as one.
    A table of another schema is named with it.
    """
    unwanted, inspector = set(leave_out), sa.inspect(connection)
    names = [
        join_table(schema, name)
        for schema in (None, *schemas)
        for name in sorted({*inspector.get_table_names(schema)} - unwanted)
        if not (unwanted >= BOOKKEEPING and is_bookkeeping(name))
    ]
    return {name: table_digest(connection, name, exact=exact, since=since) for name in names}


def other_schemas(connection: Connection) -> list[str]:
    """The schemas of the database beside the connection's own, without the server's.

    None where another schema is another database.
    """
    if dialect_named(connection.dialect.name).schemas_are_databases:
        return []
    inspector = sa.inspect(connection)
    apart = {"information_schema", inspector.default_schema_name}
    return sorted({*inspector.get_schema_names()} - apart)


def place_of(inspector: sa.Inspector, name: str) -> tuple[str | None, str]:
    """The schema and the table that a name says; a table's own name may hold a dot."""
    if "." in name and inspector.has_table(name):
        return None, name
    return split_table(name)


def table_digest(
    connection: Connection,
    name: str,
    *,
    exact: bool = False,
    since: datetime | None = None,
    only: str | None = None,
) -> TableDigest:
    """The digest of one table, without the clock times of the ledger.

    ``exact`` and ``since`` as in `database_digests`.  With ``only``, of the values of that column,
    in no order.
    """
    inspector = sa.inspect(connection)
    schema, table = place_of(inspector, name)
    skipped = _CLOCK_TIMES.get(table, set())
    found = {
        column["name"]: column
        for column in inspector.get_columns(table, schema)
        if column["name"] not in skipped and only in (None, column["name"])
    }
    columns = sorted(found)
    key = [] if only else inspector.get_pk_constraint(table, schema)["constrained_columns"]
    total = sha256("\x1f".join(columns).encode())
    count = 0
    listed = [
        _selected(
            connection,
            found[column],
            since if _CLOCK.search(str(found[column]["default"])) else None,
        )
        for column in columns
    ]
    quote = dialect_named(connection.dialect.name).quote
    place = ".".join(map(quote, filter(None, (schema, table))))
    for row in _rows(connection, place, listed, key, repr if exact else _cell):
        total.update(("\x1e" + row).encode())
        count += 1
    return TableDigest(count, total.hexdigest())


def differing(one: dict[str, TableDigest], other: dict[str, TableDigest]) -> list[str]:
    """The tables that differ or are missing on one side."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _selected(connection: Connection, column: ReflectedColumn, since: datetime | None) -> str:
    dialect = dialect_named(connection.dialect.name)
    quoted = dialect.quote(column["name"])
    if since is None:
        return quoted
    text = dialect.exactly(quoted, column["type"])
    return f"CASE WHEN {quoted} >= '{since:%Y-%m-%d %H:%M:%S}' THEN 'clock' ELSE {text} END"


def _rows(
    connection: Connection,
    place: str,
    listed: list[str],
    key: list[str],
    cell: Callable[[Any], str],
) -> Iterator[str]:
    quote = dialect_named(connection.dialect.name).quote
    order = f" ORDER BY {', '.join(map(quote, key))}" if key else ""
    # stream this statement alone: streaming every one breaks a connection to MySQL
    result = connection.exec_driver_sql(
        f"SELECT {', '.join(listed)} FROM {place}{order}",
        execution_options={"no_parameters": True, "stream_results": True},
    )
    texts = ("\x1f".join(map(cell, row)) for row in result)
    return texts if key else iter(sorted(texts))


def _cell(value: Any) -> str:
    if isinstance(value, datetime | time):
        value = value.replace(microsecond=0)
    text = canonical(value)
    looks_like_time = len(text) > 19 and text[4:5] == "-" and text[19:20] == "."
    return text[:19] if looks_like_time else text
