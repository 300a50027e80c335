"""A database's tables without their rows, made again in an empty SQLite file."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.type_api import TypeEngine

from terp_seed.database.autogenerate import include_name

__all__ = ["copy_structure"]

_SQLITE = """
    SELECT name, sql FROM sqlite_master
    WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    ORDER BY type <> 'table', type <> 'index', type <> 'view', rowid
"""
_DEFAULTS = ("CURRENT_TIMESTAMP", "NULL", "TRUE", "FALSE")


def copy_structure(source: Connection, target: Connection) -> int:
    """Create the source's tables in the target, and return how many; reads no row.

    From SQLite they are exactly the same.  From a server, columns get
    SQLite's nearest type and keep their keys, NOT NULL and foreign keys;
    collations, expressions as defaults, triggers and views stay behind.  The
    tables of seeding are left out.
    """
    if source.dialect.name == "sqlite":
        return _same(source, target)
    found = sa.MetaData()
    found.reflect(source, only=lambda name, _: include_name(name, "table", {}))
    like = sa.MetaData()
    for table in found.tables.values():
        _like(table, like)
    like.create_all(target)
    return len(like.tables)


def _same(source: Connection, target: Connection) -> int:
    tables = 0
    for name, sql in source.exec_driver_sql(_SQLITE).all():
        if include_name(name, "table", {}):
            target.exec_driver_sql(sql)
            tables += sql.lstrip().upper().startswith("CREATE TABLE")
    return tables


def _like(table: sa.Table, metadata: sa.MetaData) -> None:
    columns = [_column(each) for each in table.columns]
    keys = [
        sa.ForeignKeyConstraint(
            [each.parent.name for each in key.elements],
            [each.target_fullname for each in key.elements],
            ondelete=key.ondelete,
        )
        for key in table.foreign_key_constraints
    ]
    unique = [sa.UniqueConstraint(*index.columns.keys()) for index in table.indexes if index.unique]
    sa.Table(table.name, metadata, *columns, *keys, *unique)


def _column(column: sa.Column[Any]) -> sa.Column[Any]:
    return sa.Column(
        column.name,
        _type(column.type),
        primary_key=column.primary_key,
        nullable=column.nullable,
        autoincrement=column.autoincrement,
        server_default=_default(column),
    )


def _type(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The nearest type that every engine has; an enum keeps its values, as a CHECK."""
    if isinstance(kind, sa.Enum):
        return sa.Enum(*kind.enums, create_constraint=True)
    if isinstance(kind, sa.Integer):
        return sa.Integer()
    if isinstance(kind, sa.JSON):
        return sa.JSON()
    if isinstance(kind, sa.String):
        return sa.String(kind.length) if kind.length else sa.Text()
    try:
        return kind.as_generic()
    except NotImplementedError:
        return sa.Text()


def _default(column: sa.Column[Any]) -> sa.TextClause | None:
    """A default that SQLite understands; any other only says that there is one."""
    if column.server_default is None:
        return None
    text = str(getattr(column.server_default, "arg", "NULL"))
    word = text.upper().removesuffix("()")
    simple = text.startswith("'") or text.lstrip("-").replace(".", "").isdecimal()
    if "ON UPDATE" in word and word.startswith("CURRENT_TIMESTAMP"):
        word = "CURRENT_TIMESTAMP"
    if word in _DEFAULTS:
        return sa.text(word)
    return sa.text(text if simple else "''")
