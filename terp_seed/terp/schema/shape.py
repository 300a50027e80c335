"""The words that the sandbox's tables are written in.

Every table goes into one `metadata`.  Constraint names follow the convention
of TERP's own schema tool, so they equal those of a real TERP.  What an engine
lacks is replaced by what comes nearest: on MySQL and MariaDB a choice is a real
ENUM, elsewhere a VARCHAR with a named CHECK, which an inspector reads back.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Enum,
    Index,
    Integer,
    MetaData,
    Table,
    text,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import SchemaItem
from sqlalchemy.sql.elements import ColumnElement, quoted_name
from sqlalchemy.sql.expression import column as sql_column
from sqlalchemy.types import TypeEngine

__all__ = ["NOW", "choice", "created", "metadata", "moment", "shared_index", "table", "updated"]

MYSQL_FAMILY = ("mysql", "mariadb")

NOW = text("CURRENT_TIMESTAMP")

metadata: MetaData = MetaData(
    naming_convention={
        "fk": "%(table_name)s_%(column_0_name)s_%(referred_table_name)s_id_fk",
        "uq": "%(table_name)s_%(column_0_name)s_unique",
        "ck": "%(table_name)s_%(column_0_name)s_check",
    }
)

# A fresh MariaDB makes latin1 databases, and SQLite gives the id of a deleted
# last row to the next one: neither is what a real TERP does.
_OPTIONS: dict[str, Any] = {
    "sqlite_autoincrement": True,
    **{f"{family}_engine": "InnoDB" for family in MYSQL_FAMILY},
    **{f"{family}_charset": "utf8mb4" for family in MYSQL_FAMILY},
}


def table(name: str, *parts: SchemaItem) -> Table:
    """A table of the sandbox: an integer key ``id``, then the parts given."""
    key = Column("id", Integer, primary_key=True, autoincrement=True)
    made = Table(name, metadata, key, *parts, **_OPTIONS)
    for column in made.columns:
        if isinstance(column.type, Enum):
            made.append_constraint(_only(column, column.type.enums))
    return made


def choice(*values: str) -> TypeEngine[str]:
    """One of the values: ENUM on MySQL and MariaDB, VARCHAR elsewhere."""
    return Enum(*values, native_enum=False).with_variant(mysql.ENUM(*values), *MYSQL_FAMILY)


def _only(column: Column[Any], values: list[str]) -> CheckConstraint:
    """The CHECK that stands in for ENUM; its column is always quoted, as promised."""
    quoted: ColumnElement[str] = sql_column(quoted_name(column.name, quote=True))
    return CheckConstraint(
        quoted.in_(values), name=f"{column.table.name}_{column.name}_check"
    ).ddl_if(callable_=_outside_mysql)


def moment(name: str, *, nullable: bool = True, default: object = None) -> Column[Any]:
    """A point in time: TIMESTAMP on MySQL and MariaDB, DATETIME elsewhere."""
    kind = DateTime().with_variant(mysql.TIMESTAMP(), *MYSQL_FAMILY)
    return Column(name, kind, nullable=nullable, server_default=default)  # type: ignore[arg-type]


def created(name: str = "createdAt", *, nullable: bool = False) -> Column[Any]:
    """When the row was inserted, unless the INSERT says otherwise."""
    return moment(name, nullable=nullable, default=NOW)


def updated(name: str = "updatedAt", *, nullable: bool = False) -> Column[Any]:
    """Like `created`; MySQL and MariaDB renew it with every UPDATE."""
    return moment(name, nullable=nullable, default=_NowAndOnUpdate())


def shared_index(table_name: str, name: str, *columns: str) -> tuple[Index, Index]:
    """An index whose name TERP uses on two tables.

    Only MySQL keeps the index names of tables apart; elsewhere the table's name
    leads.  Each engine creates one of the two.
    """
    return (
        Index(name, *columns).ddl_if(callable_=_on_mysql),
        Index(f"{table_name}_{name}", *columns).ddl_if(callable_=_outside_mysql),
    )


def _on_mysql(*_: object, **told: Any) -> bool:
    return told["dialect"].name in MYSQL_FAMILY


def _outside_mysql(*_: object, **told: Any) -> bool:
    return not _on_mysql(**told)


class _NowAndOnUpdate(ColumnElement[Any]):
    """The default of a column that tells the time of the last change."""

    inherit_cache = True


@compiles(_NowAndOnUpdate)
def _now(element: _NowAndOnUpdate, compiler: object, **_: object) -> str:
    return "CURRENT_TIMESTAMP"


@compiles(_NowAndOnUpdate, *MYSQL_FAMILY)
def _now_on_update(element: _NowAndOnUpdate, compiler: object, **_: object) -> str:
    return "CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"
