"""All 233 tables of TERP, from `tests/data/terp_schema.json`, on any engine, with a few rows."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parent / "data" / "terp_schema.json").read_text(encoding="utf-8")
)
_TYPE = re.compile(r"(\w+)(?:\((.*)\))?")

_MYSQL = "SET FOREIGN_KEY_CHECKS = 0", "SET FOREIGN_KEY_CHECKS = 1"
UNCHECKED = {
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
    "postgresql": (
        "SET session_replication_role = replica",
        "SET session_replication_role = DEFAULT",
    ),
}
"""How an engine takes rows whose foreign keys are checked by nothing, and then checks again."""


def columns() -> dict[str, set[str]]:
    """The columns of each table."""
    return {name: {*table["columns"]} for name, table in SCHEMA.items()}


def metadata() -> sa.MetaData:
    """The tables, with their keys and foreign keys."""
    found = sa.MetaData()
    for name, table in SCHEMA.items():
        keys = table.get("references", {})
        sa.Table(
            name,
            found,
            *(_column(name, n, made, table["key"]) for n, made in table["columns"].items()),
            *(_reference(name, column, target) for column, target in keys.items()),
            *(sa.UniqueConstraint(*names) for names in table.get("unique", [])),
        )
    return found


def create(connection: Connection) -> sa.MetaData:
    """Make the tables; but for PostgreSQL with the foreign keys inside them, which is quick."""
    return create_all(connection, metadata())


def create_all(connection: Connection, made: sa.MetaData) -> sa.MetaData:
    """Make these tables."""
    if connection.dialect.name == "postgresql":
        made.create_all(connection)
        return made
    off, on = UNCHECKED.get(connection.dialect.name, ("SELECT 1", "SELECT 1"))
    connection.exec_driver_sql(off)
    for table in made.tables.values():
        for key in table.foreign_key_constraints:
            key.use_alter = False
        connection.execute(sa.schema.CreateTable(table))
    connection.exec_driver_sql(on)
    return made


def fill(connection: Connection, made: sa.MetaData) -> None:
    """Three rows in each table, without looking at the foreign keys."""
    for table in made.tables.values():
        rows = [{c.name: _value(c, n) for c in table.columns} for n in (1, 2, 3)]
        connection.execute(table.insert(), rows)


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    place, _, rule = target.partition(" ")
    name = f"{table}_{column}"[:60]
    return sa.ForeignKeyConstraint([column], [place], name, ondelete=rule, use_alter=True)


def _column(table: str, name: str, made: dict[str, Any], key: list[str]) -> sa.Column[Any]:
    return sa.Column(
        name,
        _type(made["type"], f"{table}_{name}"[:50]),
        primary_key=name in key,
        nullable=made.get("null", True) and name not in key,
        autoincrement="auto_increment" in made.get("extra", ""),
    )


def _type(spelled: str, name: str) -> sa.types.TypeEngine[Any]:
    match = _TYPE.match(spelled)
    assert match is not None
    kind, inside = match.groups()
    if kind == "enum":
        return sa.Enum(*re.findall(r"'([^']*)'", inside), create_constraint=True, name=name)
    if kind == "varchar":
        return sa.String(int(inside))
    if kind == "decimal":
        return sa.Numeric(*map(int, inside.split(",")))
    if kind == "tinyint":
        return sa.Boolean() if inside == "1" else sa.SmallInteger()
    plain: dict[str, sa.types.TypeEngine[Any]] = {
        "int": sa.Integer(),
        "timestamp": sa.DateTime(),
        "date": sa.Date(),
        "text": sa.Text(),
        "longtext": sa.Text(),
        "json": sa.JSON(),
    }
    return plain[kind]


def _value(column: sa.Column[Any], row: int) -> Any:
    kind = column.type
    if isinstance(kind, sa.Enum):
        return kind.enums[row % len(kind.enums)]
    if isinstance(kind, sa.String):
        return f"{column.name} {row}"[-(kind.length or 60) :]
    if isinstance(kind, sa.JSON):
        return {"n": row}
    if isinstance(kind, sa.DateTime):
        return datetime(2024, 5, row, 10)
    if isinstance(kind, sa.Date):
        return date(2024, 5, row)
    if isinstance(kind, sa.Boolean):
        return row == 1
    return Decimal(row) if isinstance(kind, sa.Numeric) else row
