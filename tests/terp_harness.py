"""Puts the TERP seeders' rows into a SQLite database, without the engine.

Ids begin at a different number in each table, so that a row number that is
taken for an id is noticed.
"""

from __future__ import annotations

import csv
import json
import re
import sqlite3
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import count
from pathlib import Path

import sqlalchemy as sa

import terp_seed.terp.seeders  # noqa: F401 - registers the seeders
from terp_seed.database.dialects import SQLite
from terp_seed.rows.literals import json_pieces
from terp_seed.rows.model import Block, Json, Lookup, TableRows, ref
from terp_seed.rows.seeders import TYPICAL, Check, SeedContext, Seeder, seeder_named
from terp_seed.terp.schema.tables import metadata

#: SQL of a check or a derived column, with its names quoted.
NAMED = SQLite().named

SEEDERS = (
    "catalogue", "clients", "batches", "inventory", "orders", "payables", "sales", "returns",
    "purchasing", "samples", "workflow", "house", "people", "calendar", "talk", "matching",
    "portal", "places", "books", "details",
)  # fmt: skip
AS_OF = date(2026, 6, 30)
SEEDS = Path(__file__).parent.parent / "seeds"
SIZES = tomllib.loads((SEEDS / "sizes.toml").read_text(encoding="utf-8"))
#: Files whose rows a seeder looks up, with the table and column that one of their columns names.
FILES = {
    "books": {
        "accounts": ("accounts.csv", {}),
        "expenseCategories": (
            "expense_categories.csv",
            {"parentCategoryId": ("expenseCategories", "categoryName")},
        ),
    },
}
EVERY_STATE = {
    "batches.batchStatus": 6,
    "batches.cogsMode": 2,
    "batches.grade": 3,
    "inventoryMovements.inventoryMovementType": 9,
    "orders.orderType": 2,
    "orders.is_draft": 2,
    "orders.quoteStatus": 6,
    "orders.saleStatus": 5,
    "orders.fulfillmentStatus": 10,
    "orders.pickPackStatus": 4,
    "orders.paymentTerms": 6,
    "order_line_items.margin_source": 3,
    "order_status_history.fulfillmentStatus": 10,
    "invoices.status": 7,
    "payments.paymentMethod": 5,
    "payments.paymentType": 2,
    "payments.isReconciled": 2,
    "client_transactions.payment_status": 4,
    "clients.businessType": 7,
    "bills.status": 7,
    "returns.status": 6,
    "purchaseOrders.purchaseOrderStatus": 6,
    "intake_sessions.status": 2,
}
"""How many different values even the small database has."""

_DAYS = re.compile(r"\{days:([^:{}]+):([^:{}]+)\}")
_BLOCK = 1000


@dataclass
class Seeded:
    """A database with the rows of some seeders."""

    db: sqlite3.Connection
    size: dict[str, int]
    root_seed: int = 1
    as_of: date = AS_OF
    scenario: str = TYPICAL
    tables: dict[str, TableRows] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)
    found: dict[Lookup, int] = field(default_factory=dict)
    _offsets: Iterator[int] = field(default_factory=lambda: count(1000, 1237))

    def seed(self, names: Sequence[str] = SEEDERS, *, check: bool = True) -> Seeded:
        for name in names:
            for table, (file, refs) in FILES.get(name, {}).items():
                self._load(table, file, refs)
            seeder = seeder_named(name)
            made = list(seeder.build(self.context(name)))
            self._reserve({rows.table: rows for rows in made}.values())
            begun = set()
            for rows in made:
                if rows.table in begun:
                    self._reserve([rows])
                begun.add(rows.table)
                self._insert(rows)
            self._derive(seeder)
            if check:
                broken = self.broken(seeder.checks)
                assert broken == {}, f"{name}: {broken}"
                assert self.db.execute("PRAGMA foreign_key_check").fetchall() == []
            self.tables.update((rows.table, rows) for rows in made)
        return self

    def context(self, name: str) -> SeedContext:
        return SeedContext(
            name, self.root_seed, self.as_of, self.size, dict(self.tables), self.scenario
        )

    def _load(self, table: str, file: str, refs: Mapping[str, tuple[str, str]]) -> None:
        with (SEEDS / "data" / file).open(encoding="utf-8", newline="") as lines:
            for line in csv.DictReader(lines):
                values = [
                    self._id_of(ref(refs[name][0], **{refs[name][1]: value}))
                    if value and name in refs
                    else value or None
                    for name, value in line.items()
                ]
                names, marks = ", ".join(f'"{name}"' for name in line), ", ".join("?" * len(line))
                self.db.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', values)

    def _id_of(self, wanted: Lookup) -> int:
        if wanted not in self.found:
            ((name, value),) = wanted.where
            (self.found[wanted],) = self.db.execute(
                f'SELECT id FROM "{wanted.table}" WHERE "{name}" = ?', (value,)
            ).fetchone()
        return self.found[wanted]

    def _reserve(self, made: Iterable[TableRows]) -> None:
        for rows in made:
            if rows.table in self.first:
                most = self.db.execute(f'SELECT MAX(id) FROM "{rows.table}"').fetchone()[0]
                self.first[rows.table] = (most or self.first[rows.table] - 1) + 1
            else:
                self.first[rows.table] = next(self._offsets)

    def _insert(self, rows: TableRows) -> None:
        names = ", ".join(f'"{name}"' for name in ("id", *rows.columns))
        marks = ", ".join("?" * (len(rows.columns) + 1))
        for block in rows.blocks(_BLOCK):
            self.db.executemany(
                f'INSERT INTO "{rows.table}" ({names}) VALUES ({marks})', self._lines(block)
            )

    def _lines(self, block: Block) -> Iterator[tuple[object, ...]]:
        start = self.first[block.table]
        columns = [range(start + block.start, start + block.stop)]
        for cells in block.columns.values():
            assert len(cells.values) == len(block)
            if cells.json_refs:
                columns.append([self._json(value, cells.json_refs) for value in cells.values])
                continue
            columns.append([self._plain(v, cells.scale, cells.ref) for v in cells.values])
        return zip(*columns, strict=True)

    def _plain(self, value: object, scale: int | None, ref: str | None) -> object:
        if value is None:
            return None
        if ref is not None:
            assert isinstance(value, int)
            return self.first[ref] + value
        if scale is not None:
            assert isinstance(value, int)
            return value / 10**scale
        if isinstance(value, Lookup):
            return self._id_of(value)
        if isinstance(value, datetime):
            return value.isoformat(" ")
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, dict | list | Json):
            return json.dumps(value)
        return value

    def _json(self, value: object, refs: Mapping[str, str]) -> str:
        parts = []
        for text, table, row in json_pieces(value, refs):
            parts += [text] if table is None else [text, str(self.first[table] + row)]
        return "".join(parts)

    def _derive(self, seeder: Seeder) -> None:
        for derived in seeder.derives:
            sets = [
                f'"{column}" = {self._said(sql)}' for column, sql in derived.assignments.items()
            ]
            self.db.execute(f'UPDATE "{derived.table}" SET {", ".join(sets)}')

    def _said(self, sql: str) -> str:
        text = NAMED(sql.replace("{as_of}", f"'{self.as_of}'"))
        return _DAYS.sub(r"CAST(julianday(\1) - julianday(\2) AS INTEGER)", text)

    def unseed(self, name: str) -> None:
        """Take out the orders seeder's rows again, as its downgrade would."""
        seeder = seeder_named(name)
        self.db.execute("PRAGMA foreign_keys = OFF")
        for rows in reversed(list(seeder.build(self.context(name)))):
            self.db.execute(f'DELETE FROM "{rows.table}" WHERE id >= ?', (self.first[rows.table],))
        self._derive(seeder)

    def broken(self, checks: Sequence[Check]) -> dict[str, list[int]]:
        """The rows that break each of some invariants."""
        found = {check.name: [row[0] for row in self.all(NAMED(check.sql))] for check in checks}
        return {name: rows for name, rows in found.items() if rows}

    def all(self, sql: str) -> list[tuple]:
        return self.db.execute(sql).fetchall()

    def one(self, sql: str) -> object:
        return self.db.execute(sql).fetchone()[0]

    def counted(self, sql: str) -> dict[object, int]:
        return dict(self.db.execute(sql).fetchall())


@contextmanager
def sandbox() -> Iterator[sqlite3.Connection]:
    """An empty database with TERP's tables, in memory."""
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    metadata.create_all(engine)
    with closing(engine.raw_connection().driver_connection) as db:
        yield db
    engine.dispose()


@contextmanager
def seeded(
    size: str | dict[str, int] = "small",
    *,
    names: Sequence[str] = SEEDERS,
    root_seed: int = 1,
    as_of: date = AS_OF,
    check: bool = True,
    scenario: str = TYPICAL,
) -> Iterator[Seeded]:
    """A database with the seeders' rows, every invariant checked on the way."""
    rows = SIZES[size] if isinstance(size, str) else size
    with sandbox() as db:
        yield Seeded(db, rows, root_seed, as_of, scenario).seed(names, check=check)


def described(
    size: str | dict[str, int], root_seed: int = 1, names: Sequence[str] = SEEDERS
) -> dict[str, list[TableRows]]:
    """Some seeders' tables, without a database."""
    rows = SIZES[size] if isinstance(size, str) else size
    earlier: dict[str, TableRows] = {}
    found = {}
    for name in names:
        context = SeedContext(name, root_seed, AS_OF, rows, dict(earlier))
        found[name] = list(seeder_named(name).build(context))
        earlier.update((made.table, made) for made in found[name])
    return found
