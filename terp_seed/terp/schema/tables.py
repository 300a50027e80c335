"""The sandbox's tables, built from the facts of TERP's schema.

``versions/<revision>.json`` lists what its revision creates: columns in order, unique keys,
indexes and foreign keys, under TERP's own names.  A file is as frozen as its revision; the
next tables come with a new revision and its own file.  Not created are foreign keys to tables
that neither this file nor one before it lists (from ``payments`` to ``bills``, for one),
although their columns are.

Types that an engine lacks are replaced by the nearest one: on MySQL and MariaDB an enum is a
real ENUM, elsewhere a VARCHAR with a named CHECK, which an inspector reads back.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement, quoted_name
from sqlalchemy.types import TypeEngine

__all__ = ["TABLES", "metadata"]

Facts = Mapping[str, Any]

MYSQL_FAMILY = ("mysql", "mariadb")

metadata: sa.MetaData = sa.MetaData(
    naming_convention={
        "fk": "%(table_name)s_%(column_0_name)s_%(referred_table_name)s_id_fk",
        "uq": "%(table_name)s_%(column_0_name)s_unique",
        "ck": "%(table_name)s_%(column_0_name)s_check",
    }
)

# A fresh MariaDB makes latin1 databases, and SQLite reuses the id of a deleted last row: TERP
# does neither.
_OPTIONS: dict[str, Any] = {
    "sqlite_autoincrement": True,
    **{f"{family}_engine": "InnoDB" for family in MYSQL_FAMILY},
    **{f"{family}_charset": "utf8mb4" for family in MYSQL_FAMILY},
}
# TERP's migration 0060 adds these; a TERP built by ``drizzle-kit push`` lacks them.
_NOT_NEGATIVE = {"batches": ("onHandQty", "reservedQty", "sampleQty")}
_PLAIN_TYPES: dict[str, TypeEngine[Any]] = {
    "int": sa.Integer(),
    "boolean": sa.Boolean(),
    "date": sa.Date(),
    "json": sa.JSON(),
    "text": sa.Text(),
    "timestamp": sa.DateTime().with_variant(mysql.TIMESTAMP(), *MYSQL_FAMILY),
}


def _type(facts: Facts) -> TypeEngine[Any]:
    name, _, arguments = facts["type"].rstrip(")").partition("(")
    if name == "enum":
        values = facts["enum"]
        return sa.Enum(*values, native_enum=False).with_variant(mysql.ENUM(*values), *MYSQL_FAMILY)
    if name == "varchar":
        return sa.String(int(arguments))
    if name == "decimal":
        precision, scale = map(int, arguments.split(","))
        return sa.DECIMAL(precision, scale)
    return _PLAIN_TYPES[name]


class _NowAndOnUpdate(ColumnElement[Any]):
    """The default of a column that MySQL and MariaDB renew with every UPDATE."""

    inherit_cache = True


@compiles(_NowAndOnUpdate)
def _now(element: _NowAndOnUpdate, compiler: object, **_: object) -> str:
    return "CURRENT_TIMESTAMP"


@compiles(_NowAndOnUpdate, *MYSQL_FAMILY)
def _now_on_update(element: _NowAndOnUpdate, compiler: object, **_: object) -> str:
    return "CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"


def _default(facts: Facts) -> Any:
    value = facts.get("default")
    if facts.get("on_update"):
        return _NowAndOnUpdate()
    if value == "now":
        return sa.text("CURRENT_TIMESTAMP")
    if isinstance(value, bool):
        return sa.true() if value else sa.false()
    return sa.text(str(value)) if isinstance(value, int) else value


def _columns(facts: Facts) -> Iterator[sa.Column[Any]]:
    unique = {column for (column,) in facts["unique"].values()}
    references = {
        key["columns"][0]: sa.ForeignKey(f"{key['refers_to']}.id", ondelete=_rule(key))
        for key in facts["foreign_keys"].values()
        if key["refers_to"] in _listed
    }
    for column, about in facts["columns"].items():
        reference = references.get(column)
        yield sa.Column(
            column,
            _type(about),
            *([reference] if reference else []),
            primary_key=column == "id",
            nullable=not about.get("required", False),
            unique=column in unique or None,
            server_default=_default(about),
        )


def _rule(key: Facts) -> str | None:
    return None if key["on_delete"] == "NO ACTION" else str(key["on_delete"])


def _indexes(name: str, facts: Facts) -> Iterator[sa.Index]:
    """Indexes; only MySQL keeps the index names of tables apart.

    Where tables share an index name, the table's name leads on the other engines.
    """
    for index, about in facts["indexes"].items():
        columns, unique = about["columns"], about["unique"]
        if _uses[index] > 1:
            yield sa.Index(index, *columns, unique=unique).ddl_if(callable_=_on_mysql)
            yield sa.Index(f"{name}_{index}", *columns).ddl_if(callable_=_outside_mysql)
        else:
            yield sa.Index(index, *columns, unique=unique)


def _on_mysql(*_: object, **call: Any) -> bool:
    return call["dialect"].name in MYSQL_FAMILY


def _outside_mysql(*_: object, **call: Any) -> bool:
    return not _on_mysql(**call)


def _not_negative(name: str) -> Iterator[sa.CheckConstraint]:
    for column in _NOT_NEGATIVE.get(name, ()):
        label = f"chk_{name}_{column}_nonnegative"
        yield sa.CheckConstraint(sa.column(column) >= 0, name=label)


def _enum_check(table: str, column: str, values: list[str]) -> sa.CheckConstraint:
    """What stands in for ENUM; its column is always quoted, as an inspector expects."""
    quoted: ColumnElement[str] = sa.column(quoted_name(column, quote=True))
    check = sa.CheckConstraint(quoted.in_(values), name=f"{table}_{column}_check")
    return check.ddl_if(callable_=_outside_mysql)


def _build(facts: Mapping[str, Facts]) -> list[sa.Table]:
    _listed.update(facts)
    _uses.update(index for about in facts.values() for index in about["indexes"])
    tables = []
    for name, about in facts.items():
        parts = (*_columns(about), *_indexes(name, about), *_not_negative(name))
        table = sa.Table(name, metadata, *parts, **_OPTIONS)
        for column, column_facts in about["columns"].items():
            if column_facts["type"] == "enum":
                table.append_constraint(_enum_check(name, column, column_facts["enum"]))
        tables.append(table)
    return tables


# Of the revisions so far: a later one changes nothing about the tables of an earlier one.
_listed: set[str] = set()
_uses: Counter[str] = Counter()

TABLES: dict[str, list[sa.Table]] = {
    path.stem: _build(json.loads(path.read_text(encoding="utf-8")))
    for path in sorted((Path(__file__).parent / "versions").glob("*.json"))
}
"""The tables that each revision creates."""
