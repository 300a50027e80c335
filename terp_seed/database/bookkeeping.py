"""The tables in which seeding keeps its books.

``terp_seed_version``
    Alembic's own: where the chain stands.
``terp_seed_ledger``
    What each applied revision inserted.  A *header* (``range_no`` 0) holds
    the revision's state and the settings it ran with; a *range* (``block_no``
    0) holds a table's first key, count and shape; *blocks* hold the packed
    8-byte digests of their rows.  *Pins* (``range_no`` -1) hold the digests
    of the files that the revision has read.
``terp_seed_audit``
    What happened, when, by whom.  Rows are only ever added.
``terp_seed_environment``
    Which environment this database is (``id`` 1), and since when it is neutralised (``id`` 2).
``terp_seed_lock``
    Whose turn it is, on MySQL and MariaDB: one row that each revision's
    transaction writes first, so that of two on a cluster one commits.
``terp_seed_masking``
    How far masking in place has come; only `terp-seed mask` makes it.  A
    *pass* (``block_no`` 0) says which columns of a table are masked, how, with
    which key and up to which row; *blocks* hold packed 8-byte keyed digests of
    the values that were there before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.engine import Dialect as SADialect
from sqlalchemy.schema import CreateTable
from sqlalchemy.types import TypeEngine

from terp_seed.database.dialects import ENGINES

__all__ = ["ENDS", "TABLES", "Books", "books", "table_exists"]

ENDS = ("finished", "failed", "interrupted")
"""The audit events after which a run is over."""

TABLES = ("terp_seed_ledger", "terp_seed_audit", "terp_seed_environment")

_MOMENT = sa.String(26)  # text, so that every engine's clock fits


def _own_type(plain: TypeEngine[Any], name: str) -> TypeEngine[Any]:
    """A type, in its place each engine's own of that name where it has one."""
    for engine in ENGINES:
        own: TypeEngine[Any] | None = getattr(engine, name)
        if own is not None:
            plain = plain.with_variant(own, *engine.names)
    return plain


def _options(*wanted: str) -> dict[str, Any]:
    """Those of the engines' options for a table that are wanted; all without a name."""
    return {
        f"{name}_{option}": value
        for engine in ENGINES
        for name in engine.names
        for option, value in engine.table_options.items()
        if option in wanted or not wanted
    }


_LONG_TEXT = _own_type(sa.Text(), "long_text")
_LONG_BINARY = _own_type(sa.LargeBinary(), "long_binary")
_COUNTER = _own_type(sa.BigInteger(), "counter")
_OPTIONS = _options("engine", "charset", "collate")


@dataclass(frozen=True)
class Books:
    """The bookkeeping tables of one chain."""

    version: sa.Table
    ledger: sa.Table
    audit: sa.Table
    environment: sa.Table
    masking: sa.Table
    lock: sa.Table

    @property
    def schema(self) -> str | None:
        """The schema they live in; None is the database's own."""
        return self.ledger.schema

    def made(self, name: str) -> tuple[sa.Table, ...]:
        """Those that a run makes, on the engine of this name."""
        turns = any(engine.takes_turns for engine in ENGINES if name in engine.names)
        plain = (self.version, self.ledger, self.audit, self.environment)
        return (*plain, self.lock) if turns else plain

    def create(self, dialect: SADialect) -> list[str]:
        """``CREATE TABLE IF NOT EXISTS`` for each, in the engine's words."""
        return [
            str(CreateTable(table, if_not_exists=True).compile(dialect=dialect)).strip()
            for table in self.made(dialect.name)
        ]


def books(version_table: str = "terp_seed_version", schema: str | None = None) -> Books:
    """Describe the tables; writes nothing."""
    metadata = sa.MetaData(schema=schema)
    return Books(
        _version(metadata, version_table),
        _ledger(metadata),
        _audit(metadata),
        _stamp(metadata),
        _masking(metadata),
        _lock(metadata),
    )


def table_exists(connection: Connection, table: sa.Table) -> bool:
    """Whether the database has a bookkeeping table, in the schema where it belongs."""
    return sa.inspect(connection).has_table(table.name, schema=table.schema)


def _version(metadata: sa.MetaData, name: str) -> sa.Table:
    """As Alembic makes it, so that it finds its own."""
    return sa.Table(
        name,
        metadata,
        sa.Column("version_num", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("version_num", name=f"{name}_pkc"),
        **_options("engine"),
    )


def _ledger(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "terp_seed_ledger",
        metadata,
        sa.Column("chain", sa.String(64), primary_key=True),
        sa.Column("revision", sa.String(32), primary_key=True),
        sa.Column("range_no", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("block_no", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("table_name", sa.String(129)),  # schema.table
        sa.Column("first_key", sa.BigInteger),
        sa.Column("first_row", sa.BigInteger),
        sa.Column("row_count", sa.BigInteger),
        sa.Column("digests", _LONG_BINARY),
        sa.Column("key_digests", _LONG_BINARY),
        sa.Column("row_keys", _LONG_TEXT),
        sa.Column("detail", _LONG_TEXT),
        sa.Column("written_at", _MOMENT),
        **_OPTIONS,
    )


def _audit(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "terp_seed_audit",
        metadata,
        sa.Column("id", _COUNTER, primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("chain", sa.String(64)),
        sa.Column("revision", sa.String(32)),
        sa.Column("direction", sa.String(16)),
        sa.Column("environment", sa.String(16)),
        sa.Column("database_name", sa.String(255)),
        sa.Column("os_user", sa.String(128)),
        sa.Column("db_user", sa.String(255)),
        sa.Column("host", sa.String(255)),
        sa.Column("pid", sa.Integer),
        sa.Column("table_rows", sa.Text),
        sa.Column("plan_digest", sa.String(64)),
        sa.Column("detail", sa.Text),
        **_options(),
    )


def _stamp(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "terp_seed_environment",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("origin", sa.String(32), nullable=False),
        sa.Column("stamped_at", _MOMENT, nullable=False),
        sa.Column("stamped_by", sa.String(255)),
        **_OPTIONS,
    )


def _lock(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "terp_seed_lock",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("turn", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.String(255), nullable=False),
        **_OPTIONS,
    )


def _masking(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "terp_seed_masking",
        metadata,
        sa.Column("table_name", sa.String(64), primary_key=True),
        sa.Column("pass_no", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("block_no", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("environment", sa.String(16)),
        sa.Column("key_id", sa.String(16)),
        sa.Column("policy_digest", sa.String(64)),
        sa.Column("columns", _LONG_TEXT),
        sa.Column("last_key", _LONG_TEXT),
        sa.Column("row_count", sa.BigInteger),
        sa.Column("originals", _LONG_BINARY),
        sa.Column("written_at", _MOMENT),
        **_OPTIONS,
    )
