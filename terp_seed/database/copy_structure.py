"""A database's tables without their rows, created again in an empty SQLite file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import TypeEngine

from terp_seed.database.autogenerate import include_name
from terp_seed.database.names import plain_type

__all__ = ["StructureCopy", "copy_structure"]

_SQLITE = """
    SELECT name, sql FROM sqlite_master
    WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    ORDER BY type <> 'table', type <> 'index', type <> 'view', rowid
"""
_WORDS = ("CURRENT_TIMESTAMP", "NULL", "TRUE", "FALSE")
_CLOCK = re.compile(r"current_timestamp|now\(\)", re.IGNORECASE)
_CONSTANT = re.compile(  # 'x'::character varying
    r"(?:(?P<text>'(?:[^']|'')*')|\(*(?P<number>-?\d+(?:\.\d+)?)\)*|(?P<null>NULL))(?:::[^']+)?"
)
_KEPT = (sa.Boolean, sa.Numeric, sa.Float, sa.Date, sa.DateTime, sa.Time)
_SHORT = ("TINYINT", "SMALLINT", "MEDIUMINT")
_BINARY = (sa.LargeBinary, sa.BINARY, sa.VARBINARY)


@dataclass
class StructureCopy:
    """What was copied, and what SQLite could not take."""

    tables: int = 0
    left_out: list[str] = field(default_factory=list)
    """Tables that SQLite refused."""
    as_text: dict[str, list[str]] = field(default_factory=dict)
    """Columns by table whose type SQLite lacks: texts there."""
    without_default: dict[str, list[str]] = field(default_factory=dict)
    """Columns by table that the server fills by an expression: NULL there."""

    def untried(self, tables: Sequence[str]) -> Iterator[str]:
        """What the copy cannot try of some tables, in words."""
        for what, named in (("type", self.as_text), ("default", self.without_default)):
            columns = [f"{table}.{name}" for table in tables for name in named.get(table, ())]
            if columns:
                yield f"the {what} of {', '.join(columns)}"


def copy_structure(source: Connection, target: Connection) -> StructureCopy:
    """Create the source's tables in the SQLite target.  Reads no row.

    Tables of SQLite are copied exactly.  Those of a server get SQLite's nearest types and keep
    keys, NOT NULL, unique and foreign keys; collations, CHECKs, defaults that are expressions,
    indexes of some of the rows or of expressions, triggers, views, and tables of other schemas are
    left out.  So are the tables of terp_seed.
    """
    copied = StructureCopy()
    if source.dialect.name == "sqlite":
        copied.tables = _copy_exactly(source, target)
        return copied
    tables = sa.MetaData()

    def simplify(inspector: sa.Inspector, table: sa.Table, column: ReflectedColumn) -> None:
        _simplify(table.name, column, copied)

    sa.event.listen(tables, "column_reflect", simplify)
    tables.reflect(source, only=lambda name, _: include_name(name, "table", {}), resolve_fks=False)
    for table in tables.tables.values():
        _simplify_constraints(table)
    for table in tables.tables.values():
        try:
            with target.begin_nested():
                table.create(target)
            copied.tables += 1
        except SQLAlchemyError:
            copied.left_out.append(table.name)
    return copied


def _copy_exactly(source: Connection, target: Connection) -> int:
    tables = 0
    for name, sql in source.exec_driver_sql(_SQLITE).all():
        if include_name(name, "table", {}):
            target.exec_driver_sql(sql)
            tables += sql.lstrip().upper().startswith("CREATE TABLE")
    return tables


def _simplify(table: str, column: ReflectedColumn, copied: StructureCopy) -> None:
    """Give a column that is being reflected a type and a default that SQLite understands."""
    kind, default = _type(plain_type(column["type"])), _default(column["default"])
    if kind is None:
        copied.as_text.setdefault(table, []).append(column["name"])
    column["type"] = sa.Text() if kind is None else kind
    if column["default"] is not None and default is None:
        # SQLite has no such function, and must not ask for a value that the seeds leave out.
        column["nullable"] = True
        if "nextval(" not in column["default"]:
            copied.without_default.setdefault(table, []).append(column["name"])
    if column.pop("computed", None) or column.pop("identity", None):
        column["nullable"] = True
    column["default"] = default
    column.pop("autoincrement", None)  # SQLite has none in a key of several columns


def _simplify_constraints(table: sa.Table) -> None:
    """Keep the keys alone, unique ones without the name that SQLite takes once in a database."""
    unique = [index.columns.keys() for index in table.indexes if index.unique and _is_whole(index)]
    table.indexes.clear()
    for constraint in list(table.constraints):
        if not _simplify_constraint(constraint):
            table.constraints.remove(constraint)
    for columns in unique:
        table.append_constraint(sa.UniqueConstraint(*columns))


def _simplify_constraint(constraint: sa.Constraint) -> bool:
    """Whether SQLite can have a constraint, without what it has no word for."""
    if isinstance(constraint, sa.CheckConstraint):
        # the check of an enum is an expression; what was reflected is the server's own text
        return not isinstance(constraint.sqltext, sa.TextClause)
    if isinstance(constraint, sa.ForeignKeyConstraint):
        if constraint.ondelete and "(" in constraint.ondelete:  # SET NULL (column)
            constraint.ondelete = constraint.ondelete.partition("(")[0].strip()
        # A table of another schema is not copied.
        return all(element.target_fullname.count(".") == 1 for element in constraint.elements)
    constraint.deferrable = constraint.initially = None
    return True


def _is_whole(index: sa.Index) -> bool:
    """Whether an index is one of columns, and of all rows; each engine has its option for those."""
    columns = all(isinstance(expression, sa.Column) for expression in index.expressions)
    return columns and not any(name.endswith("_where") for name in index.dialect_kwargs)


def _type(kind: TypeEngine[Any]) -> TypeEngine[Any] | None:
    """The nearest type that every engine has, or None; an enum keeps its values, by a CHECK."""
    if isinstance(kind, sa.Enum):
        return sa.Enum(*kind.enums, create_constraint=True)
    if isinstance(kind, sa.Integer):  # short ones stay short: they name no person
        short = type(kind).__name__ in _SHORT
        return sa.SmallInteger() if short else sa.Integer()
    if isinstance(kind, sa.JSON):
        return sa.JSON()
    if isinstance(kind, sa.String):
        return sa.String(kind.length) if kind.length else sa.Text()
    if isinstance(kind, _BINARY):
        return sa.LargeBinary()
    return kind.as_generic() if isinstance(kind, _KEPT) else None


def _default(text: str | None) -> str | None:
    """A default that SQLite understands; None for any other."""
    if text is None:
        return None
    word = text.upper().removesuffix("()")
    if word in _WORDS:
        return word
    if _CLOCK.match(text):  # also CURRENT_TIMESTAMP ON UPDATE ...
        return "CURRENT_TIMESTAMP"
    constant = _CONSTANT.fullmatch(text)
    return constant and (constant["text"] or constant["number"] or constant["null"])
