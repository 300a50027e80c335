"""Masking in place: people with thirteen personal columns, beside one UPDATE with SHA2."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.lab import Database, Lab, PolicyLab
from benchmarks.measure import Cost, measured
from terp_seed.database.environment_stamp import stamp

_KEY = "9f3c1d7e5ab24806c1e7f2d93b6a80574ce91d2f7b3850a6e4c2198fd07b365a"
_POLICY = """version = 1
defaults.unlisted = "error"
[tables.people]
subject = "code"
code = { class = "code" }
name = { class = "person_name" }
mail = { class = "email" }
phone = { class = "phone" }
address = { class = "postal_address" }
company = { class = "org_name" }
tax = { class = "tax_id" }
license = { class = "license" }
account = { class = "account" }
notes = { class = "free_text", strategy = "scrub_text" }
doc = { class = "json", paths = { "$.mail" = "email" }, other = "redact" }
born = { class = "date" }
seen = { class = "date" }
"""
_TABLE = """
CREATE TABLE people (
id INTEGER PRIMARY KEY, code VARCHAR(80) NOT NULL UNIQUE, name VARCHAR(80), mail VARCHAR(80),
phone VARCHAR(80), address VARCHAR(120), company VARCHAR(80), tax VARCHAR(80), license VARCHAR(80),
account VARCHAR(80), notes TEXT, doc TEXT, born DATE, seen TIMESTAMP NULL)
"""
_NAMES = "code, name, mail, phone, address, company, tax, license, account, notes, doc"
_TEXTS = _NAMES.split(", ")
_SHA2: Mapping[str, Callable[[str], str]] = {
    "mariadb": lambda name: f"SHA2({name}, 256)",
    "postgresql": lambda name: f"encode(sha256({name}::bytea), 'hex')",
    "sqlite": lambda name: f"sha2({name})",
}
_A_DAY_ON = {
    "mariadb": "{} + INTERVAL 1 DAY",
    "postgresql": "{} + INTERVAL '1 day'",
    "sqlite": "datetime({}, '+1 day')",
}


class MaskingLab(PolicyLab):
    """The same laboratory with a policy for people, whose columns are all personal."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab, "masking", _POLICY)

    def fill(self, database: Database, rows: int) -> None:
        """Make the table, and stamp the database staging."""
        engine = sa.create_engine(database.url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql(_TABLE)
            stamp(connection, "staging", origin="benchmark")
        table = sa.Table("people", sa.MetaData(), autoload_with=engine)
        with engine.begin() as connection:
            for start in range(0, rows, 5000):
                people = [_person(n) for n in range(start, min(start + 5000, rows))]
                connection.execute(table.insert(), people)
        engine.dispose()

    def floor(self, database: Database) -> float:
        """The seconds of one UPDATE of the same cells, which is undone."""
        engine = sa.create_engine(database.url, poolclass=sa.NullPool)
        if database.engine == "sqlite":
            sa.event.listen(engine, "connect", _add_sha2)
        made = _SHA2[database.engine]
        sets = [f"{name} = {made(name)}" for name in _TEXTS]
        sets += [f"{name} = {_A_DAY_ON[database.engine].format(name)}" for name in ("born", "seen")]
        with engine.connect() as connection:
            started = time.perf_counter()
            connection.exec_driver_sql(f"UPDATE people SET {', '.join(sets)}")
            seconds = time.perf_counter() - started
            connection.rollback()
        engine.dispose()
        return seconds

    def mask(self, database: Database, *options: str) -> Cost:
        """What `terp-seed mask` costs, the rehearsal included."""
        name = Path(database.url).name if database.engine == "sqlite" else database.name
        return measured(
            [str(Path(sys.executable).parent / "terp-seed"), *options, "mask", "--table", "people"],
            cwd=self.project,
            env={
                **self.environment(database.url),
                "TERP_SEED_YES": name,
                "TERP_SEED_MASK_KEY": _KEY,
            },
        )


def _add_sha2(connection: Any, record: object) -> None:
    connection.create_function(
        "sha2", 1, lambda text: sha256(text.encode()).hexdigest(), deterministic=True
    )


def _person(n: int) -> dict[str, object]:
    """One of people who are all different."""
    return {
        "id": n + 1,
        "code": f"C{n:09d}",
        "name": f"Jane{n % 5000} Canary{n % 77777}",
        "mail": f"jane.{n}@real-corp.com",
        "phone": f"+1 415-867-{n % 10_000:04d}",
        "address": f"{n} Canary Row, Oakland, CA 94607",
        "company": f"Canary {n} Trading",
        "tax": f"{n % 90 + 10}-{n % 9_000_000 + 1_000_000:07d}",
        "license": f"C11-{n:07d}-LIC",
        "account": f"{n:012d}",
        "notes": f"call jane.{n}@real-corp.com about order {n}, then ship it" + " as usual" * 5,
        "doc": f'{{"mail": "jane.{n}@real-corp.com", "tags": ["a", "b{n % 9}"]}}',
        "born": date(1950, 1, 1) + timedelta(days=n % 18_000),
        "seen": datetime(2024, 1, 1) + timedelta(minutes=n % 500_000),
    }
