"""A copy of TERP's 233 tables with people in it: a canary in every column that may tell of one.

The foreign keys are whole.  What is planted where is decided here, by the names of columns, and
not by the masking policy; only plain texts ask it which of them are published.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
import terp_full
from sqlalchemy.engine import Connection

from terp_seed.masking.policy import Policy

MARK = "xqzkv"
"""All canaries but numbers hold it, and nothing else does."""
_LETTERS = "abcdefghijklmnop"
_PHONES = ("+1 {0}-{1}-{2}", "({0}) {1}-{2}", "{0}{1}{2}", "+1.{0}.{1}.{2}")
_AS_MANY = {  # as there are clients; of the other tables a fiftieth
    "clients": 1,
    "orders": 1,
    "order_line_items": 1,
    "invoices": 1,
    "payments": 1,
    "client_communications": 1,
    "auditLogs": 1,
    "notifications": 1,
    "supplier_profiles": 5,
    "vip_portal_auth": 5,
    "client_activity": 5,
    "comments": 5,
    "freeform_notes": 5,
    "client_notes": 5,
    "order_audit_log": 5,
}
_SHAPES = (  # the first that a column's name matches
    (r"email", "email"),
    (r"phone|sms_sent_to", "phone"),
    (r"tax_id", "tax"),
    (r"licen[sc]e", "licence"),
    (r"zip", "zip"),
    (r"(^|_)address", "street"),
    (r"_ip$|ip_address", "ip"),
    (
        r"token|hash|guid|roomCode|openid|open_id|google_id|microsoft_id|account_?number|wallet"
        r"|reference(Number)?$|tracking|^actor|granted_by|assigned_by|referral_code",
        "token",
    ),
    (r"contact_?name|external_name|author|pusher", "name"),
)
_NOT_TOKENS = {("accounts", "accountNumber"), ("deployments", "commitHash")}
_NAMED = {("users", "name"), ("clients", "name"), ("vendors", "name")}
_TOKENS = {("client_referral_codes", "code"), ("user_roles", "user_id")}
_TOKENS |= {(f"feature_flag_{kind}_overrides", "created_by") for kind in ("role", "user")}
_TOKENS |= {("user_permission_overrides", "user_id")}
_DOCUMENTS = {("batches", "metadata"), ("auditLogs", "before"), ("auditLogs", "after")}
"""Texts that hold JSON."""


@dataclass
class Planted:
    """What was put where, to be looked for."""

    words: dict[str, str] = field(default_factory=dict)
    """The table and column of each canary that is a word."""
    numbers: dict[str, str] = field(default_factory=dict)
    """The same of telephone and tax numbers and addresses of networks."""
    columns: set[tuple[str, str]] = field(default_factory=set)

    def survivors(self, text: str) -> dict[str, int]:
        """The columns of which canaries are in a text, and how many."""
        found: dict[str, int] = {}
        places = [self.words.get(w, w) for w in re.findall(MARK + r"\w*", text.casefold())]
        digits = re.sub(r"(?<=\d)[ .()-]{1,3}(?=\d)", "", text)
        numbers = re.findall(r"\d{9,11}", digits) + re.findall(r"\d+\.\d+\.\d+\.\d+", text)
        places += [self.numbers[number] for number in numbers if number in self.numbers]
        for place in places:
            found[place] = found.get(place, 0) + 1
        return found


class _Canaries:
    """Makes canaries, each once, and remembers where they went."""

    def __init__(self, planted: Planted) -> None:
        self.planted, self._count = planted, itertools.count(1)
        self.place = ""

    def word(self) -> str:
        number, letters = next(self._count), ""
        while number:
            number, rest = divmod(number, len(_LETTERS))
            letters += _LETTERS[rest]
        self.planted.words[MARK + letters] = self.place
        return (MARK + letters).capitalize()

    def name(self) -> str:
        return f"{self.word()} {self.word()}"

    def email(self) -> str:
        return f"{self.word().lower()}@real-corp.de"

    def token(self) -> str:
        return f"{self.word().lower()}-7f{next(self._count):04d}"

    def licence(self) -> str:
        return f"C11-{self.word().upper()}-LIC"

    def street(self) -> str:
        return f"{next(self._count)} {self.word()} Row\nOakland, CA 94607"

    def zip(self) -> str:
        return self.word()

    def phone(self) -> str:
        number = next(self._count)
        parts = ("415", f"{860 + number // 10_000 % 100}", f"{number % 10_000:04d}")
        digits = "".join(parts)
        self.planted.numbers |= {digits: self.place, f"1{digits}": self.place}
        return _PHONES[number % len(_PHONES)].format(*parts)

    def tax(self) -> str:
        number = next(self._count)
        self.planted.numbers[f"12{number % 10**7:07d}"] = self.place
        return f"12-{number % 10**7:07d}"

    def ip(self) -> str:
        number = next(self._count)
        found = f"84.{100 + number // 65_536}.{number // 256 % 256}.{number % 256}"
        self.planted.numbers[found] = self.place
        return found

    def prose(self) -> str:
        return f"{self.name()} <{self.email()}>, ring {self.phone()} or see {self.street()}"

    def document(self) -> dict[str, Any]:
        return {
            "customer": {"name": self.name(), "email": self.email(), "phone": self.phone()},
            "note": self.prose(),
            "nested": [{"notes": self.prose(), "displayName": f"call {self.phone()}"}],
        }


class People:
    """Fills the tables."""

    def __init__(self, policy: Policy, clients: int) -> None:
        self.planted = Planted()
        self._policy, self._clients = policy, clients
        self._make = _Canaries(self.planted)
        self._names: dict[int, str] = {}

    def fill(self, connection: Connection, made: sa.MetaData) -> None:
        """Write the rows; the caller turns the checks of foreign keys off."""
        for name in ["clients", *(name for name in made.tables if name != "clients")]:
            table = made.tables[name]
            rows = [self._row(table, n) for n in range(1, self._rows(name) + 1)]
            for at in range(0, len(rows), 2000):
                connection.execute(table.insert(), rows[at : at + 2000])

    def _rows(self, table: str) -> int:
        """How many rows a table gets: no more than its unique keys allow."""
        wanted = self._clients // _AS_MANY.get(table, 50)
        return min([wanted, *(self._most(table, names) for names in _uniques(table))])

    def _most(self, table: str, names: list[str]) -> int:
        """How many rows a unique key of references and enumerations has room for."""
        spelled = terp_full.SCHEMA[table]
        references, most = spelled.get("references", {}), 1
        for name in names:
            kind = spelled["columns"][name]["type"]
            if name in references:
                target = references[name].split(".")[0]
                most = max(most, self._rows(target) if target != table else self._clients)
            elif kind.startswith("enum"):
                most = max(most, kind.count("','") + 1)
            elif kind != "tinyint(1)":
                return self._clients
        return most

    def _row(self, table: sa.Table, n: int) -> dict[str, Any]:
        return {column.name: self._value(table, column, n) for column in table.columns}

    def _value(self, table: sa.Table, column: sa.Column[Any], n: int) -> Any:
        kind = column.type
        targets = [key.column for key in column.foreign_keys]
        if targets:
            return (n - 1) % self._rows(targets[0].table.name) + 1
        if isinstance(kind, sa.Enum):
            return kind.enums[n % len(kind.enums)]
        if isinstance(kind, (sa.String, sa.JSON)):
            return self._text(table.name, column, n)
        if isinstance(kind, sa.DateTime):
            return datetime(2020, 1, 1, 3) + timedelta(minutes=37 * n)
        if isinstance(kind, sa.Date):
            return date(2020, 1, 1) + timedelta(days=n % 1500)
        if isinstance(kind, sa.Boolean):
            return n % 2 == 1
        if isinstance(kind, sa.Numeric):
            return Decimal(n % 9)
        return n

    def _text(self, table: str, column: sa.Column[Any], n: int) -> Any:
        name, length = column.name, getattr(column.type, "length", None) or 10**6
        shape = _shape(table, name)
        rule = self._policy.rule(table, name)
        published = rule is not None and rule.kind is None
        if shape is None and (table, name) == ("clients", "teri_code"):
            return f"WHL{n:05d}"
        if shape is None and published:
            return {"n": n} if isinstance(column.type, sa.JSON) else f"{name} {n}"[-length:]
        self.planted.columns.add((table, name))
        self._make.place = f"{table}.{name}"
        if (table, name) == ("orders", "items"):
            return self._items(n)
        if isinstance(column.type, sa.JSON):
            return self._make.document()
        if (table, name) in _DOCUMENTS:
            return json.dumps(self._make.document())
        if shape is None and (name == "product_display_name" or table == "invoiceLineItems"):
            return f"Blue Dream for {self._client(n)}, {self._make.phone()}"
        made: str = getattr(self._make, shape or "prose")()
        if (table, name) == ("clients", "name"):
            self._names[n] = made
        return made if len(made) <= length else self._make.token()[:length]

    def _client(self, n: int) -> str:
        """The name of the client that a row refers to."""
        return self._names[(n - 1) % self._clients + 1]

    def _items(self, n: int) -> list[dict[str, Any]]:
        """The lines of an order as TERP's server writes them, and what a person may have typed."""
        return [
            {
                "batchId": n,
                "displayName": f"Blue Dream for {self._client(n)}",
                "originalName": "Blue Dream",
                "quantity": 2,
                "unitPrice": 1250.5,
                "notes": self._make.prose(),
                "contact": {"name": self._make.name(), "email": self._make.email()},
            }
        ]


def _uniques(table: str) -> list[list[str]]:
    return [*terp_full.SCHEMA[table].get("unique", [])]


def _shape(table: str, column: str) -> str | None:
    place = table, column
    if place in _NAMED:
        return "name"
    if place in _TOKENS:
        return "token"
    if place in _NOT_TOKENS:
        return None
    return next((shape for pattern, shape in _SHAPES if re.search(pattern, column, re.I)), None)


def orphans(connection: Connection, made: sa.MetaData) -> Iterator[str]:
    """The foreign keys with rows that refer to none, all 407 of them looked at."""
    quote = connection.dialect.identifier_preparer.quote
    for table in made.tables.values():
        for column in table.columns:
            for key in column.foreign_keys:
                own, target = quote(table.name), key.column
                sql = (
                    f"SELECT COUNT(*) FROM {own} c LEFT JOIN {quote(target.table.name)} p "
                    f"ON c.{quote(column.name)} = p.{quote(target.name)} "
                    f"WHERE c.{quote(column.name)} IS NOT NULL AND p.{quote(target.name)} IS NULL"
                )
                if connection.exec_driver_sql(sql).scalar():
                    yield f"{table.name}.{column.name}"


def kept(connection: Connection, made: sa.MetaData, policy: Policy) -> dict[str, list[Any]]:
    """The rows of every table: what the policy neither masks nor neutralises of them."""
    quiet = {(step.table, name) for step in policy.neutralise for name in step.values}
    found = {}
    for table in made.tables.values():
        if any(step.delete and step.table == table.name for step in policy.neutralise):
            continue
        names = [
            column
            for column in table.columns
            if (table.name, column.name) not in quiet
            and ((rule := policy.rule(table.name, column.name)) is None or rule.kind is None)
        ]
        rows = connection.execute(sa.select(*names).order_by(*table.primary_key.columns))
        found[table.name] = [tuple(map(str, row)) for row in rows]
    return found


def keys(made: sa.MetaData) -> int:
    """How many foreign keys there are."""
    return sum(len(t.foreign_key_constraints) for t in made.tables.values())


def unchecked(name: str) -> tuple[str, str]:
    """How an engine takes rows without looking at foreign keys, and looks again."""
    return terp_full.UNCHECKED.get(name, ("SELECT 1", "SELECT 1"))
