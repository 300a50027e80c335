"""A fake production: TERP's tables with a canary in every personal column.

A canary is a value that nothing else holds, so a search for its parts tells
whether it survived, wherever that may be.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from terp_seed.masking.policy_file import load_policy
from terp_seed.terp.schema.tables import metadata

POLICY = Path(__file__).resolve().parent.parent / "seeds" / "masking.toml"
#: What no masked database, log, script or report may hold.
CANARY = re.compile(r"canary|real-corp|867-?53\d\d|12-34\d{5}|4539148803436467", re.IGNORECASE)
KEY = "9f3c1d7e5ab24806c1e7f2d93b6a80574ce91d2f7b3850a6e4c2198fd07b365a"
OTHER_KEY = "11f2a4dd0c3b9e8877665a4b3c2d1e0ff0e1d2c3b4a5968778695a4b3c2d1e0f"


def email(n: int) -> str:
    return f"canary-{n}@real-corp.com"


def phone(n: int) -> str:
    return f"+1 415-867-53{n % 100:02d}"


def shaped(n: int) -> str:
    """A text that holds only what has a shape of its own."""
    return f"send it to {email(n)}, ring {phone(n)}, tax 12-34{n:05d}, card 4539148803436467"


def written(n: int) -> str:
    return f"Jane Canary{n} of 7 Canary Row said: {shaped(n)}"


_VALUES: dict[str, Any] = {
    "email": email,
    "phone": phone,
    "person_name": lambda n: f"Jane Canary{n}",
    "org_name": lambda n: f"Canary{n} Farms, Inc.",
    "postal_address": lambda n: f"{n} Canary Row\r\nOakland, CA 94607",
    "tax_id": lambda n: f"12-34{n:05d}",
    "license": lambda n: f"C11-34{n:05d}-CANARY",
    "account": lambda n: f"CANARY-{n:07d}",
    "external_id": lambda n: f"oauth|canary{n}",
    "code": lambda n: f"WHL{n:04d}",
    "free_text": written,
    "date": lambda n: datetime(2024, 5, 6, 7, 8, 9) + timedelta(days=n),
    "json": lambda n: {
        "contact": {"name": f"Jane Canary{n}", "email": email(n), "notes": written(n)},
        "seen": [phone(n), {"notes": f"Canary{n} Farms"}],
    },
}


class Production:
    """What was planted: rows by table, and what each row was before."""

    def __init__(self, url: str, rows: int = 3) -> None:
        self.policy = load_policy(POLICY)
        self.db = sa.create_engine(url, poolclass=sa.NullPool)
        self.rows = rows
        with self.db.begin() as connection:
            metadata.create_all(connection)
            for table in metadata.sorted_tables:
                connection.execute(table.insert(), [self._row(table, n) for n in self._numbers()])

    def _numbers(self) -> range:
        return range(1, self.rows + 1)

    def _row(self, table: sa.Table, n: int) -> dict[str, Any]:
        return {column.name: self._value(table, column, n) for column in table.columns}

    def _value(self, table: sa.Table, column: sa.Column[Any], n: int) -> Any:
        if column.name == "id" or column.foreign_keys:
            return n
        rule = self.policy.rule(table.name, column.name)
        if rule is None or rule.kind is None:
            return _plain(column, n)
        choice = self.policy.strategy(table.name, column.name, "staging")
        scrubbed = choice is not None and choice.strategy == "scrub_text"
        if rule.kind == "json":
            made = _VALUES["json"](n)
            if rule.other is not None and rule.other.strategy == "scrub_text":
                made = {"grower": {"notes": written(n)}, "text": [shaped(n)]}
            return made if isinstance(column.type, sa.JSON) else json.dumps(made)
        return shaped(n) if scrubbed else _VALUES[rule.kind](n)

    def text(self) -> str:
        """Every value of every table, the bookkeeping included."""
        with self.db.connect() as connection:
            names = sa.inspect(connection).get_table_names()
            return "\n".join(
                repr(tuple(row))
                for name in names
                for row in connection.execute(sa.text(f"SELECT * FROM {self.quoted(name)}"))
            )

    def all(self, sql: str) -> list[tuple[Any, ...]]:
        with self.db.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    def run(self, *statements: str) -> None:
        with self.db.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def quoted(self, name: str) -> str:
        """A name as the engine's SQL writes it."""
        return self.db.dialect.identifier_preparer.quote_identifier(name)


def _plain(column: sa.Column[Any], n: int) -> Any:
    """A value that fits a column which is not personal."""
    kind = column.type
    if isinstance(kind, sa.Enum):
        return kind.enums[0]
    if isinstance(kind, sa.JSON):
        return json.loads("[]")
    if isinstance(kind, sa.Boolean):
        return False
    if isinstance(kind, sa.DateTime):
        return datetime(2024, 1, 1, 12)
    if isinstance(kind, sa.Date):
        return date(2024, 1, 1)
    if isinstance(kind, sa.String):
        return f"{column.name[:8]}{n}"[: getattr(kind, "length", None) or 40]
    return 1 if isinstance(kind, sa.Integer) else 0
