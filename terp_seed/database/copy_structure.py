"""A database's tables without their rows, created again in an empty SQLite file."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import ReflectedColumn
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
    """Create the source's tables in the SQLite target; return how many.  Reads no row.

    Tables of SQLite are copied exactly.  Those of a server get SQLite's nearest types and keep
    keys, NOT NULL, unique and foreign keys; collations, defaults that are expressions, other
    indexes, triggers and views are left out.  So are the tables of terp_seed.
    """
    if source.dialect.name == "sqlite":
        return _copy_exactly(source, target)
    tables = sa.MetaData()
    sa.event.listen(tables, "column_reflect", _simplify)
    tables.reflect(source, only=lambda name, _: include_name(name, "table", {}))
    for table in tables.tables.values():
        _simplify_constraints(table)
    tables.create_all(target)
    return len(tables.tables)


def _copy_exactly(source: Connection, target: Connection) -> int:
    tables = 0
    for name, sql in source.exec_driver_sql(_SQLITE).all():
        if include_name(name, "table", {}):
            target.exec_driver_sql(sql)
            tables += sql.lstrip().upper().startswith("CREATE TABLE")
    return tables


def _simplify(inspector: Any, table: sa.Table, column: ReflectedColumn) -> None:
    """Give a column that is being reflected a type and a default that SQLite understands."""
    column["type"] = _type(column["type"])
    column["default"] = _default(column["default"])
    column.pop("computed", None)


def _simplify_constraints(table: sa.Table) -> None:
    """Keep the keys alone, unique ones without the name that SQLite takes once in a database."""
    unique = [index.columns.keys() for index in table.indexes if index.unique]
    table.indexes.clear()
    for constraint in list(table.constraints):
        # the check of an enum is an expression; what was reflected is the server's own text
        if isinstance(constraint, sa.CheckConstraint) and isinstance(
            constraint.sqltext, sa.TextClause
        ):
            table.constraints.remove(constraint)
    for columns in unique:
        table.append_constraint(sa.UniqueConstraint(*columns))


def _type(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The nearest type that every engine has; an enum keeps its values, by a CHECK."""
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


def _default(text: str | None) -> str | None:
    """A default that SQLite understands; any other becomes an empty text."""
    if text is None:
        return None
    word = text.upper().removesuffix("()")
    if "ON UPDATE" in word and word.startswith("CURRENT_TIMESTAMP"):
        word = "CURRENT_TIMESTAMP"
    if word in _DEFAULTS:
        return word
    simple = text.startswith("'") or text.lstrip("-").replace(".", "").isdecimal()
    return text if simple else "''"
