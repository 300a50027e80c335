"""Slices: a third of clients with their orders, beside the engine's own dump of the same rows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from servers import client_command, client_environment, find_program

from benchmarks.lab import Lab, PolicyLab
from benchmarks.measure import Cost, measured
from terp_seed.database.environment_stamp import stamp

TARGETS = ("database", "script", "revision")
_KEY = "9f3c1d7e5ab24806c1e7f2d93b6a80574ce91d2f7b3850a6e4c2198fd07b365a"
_POLICY = """version = 1
defaults.unlisted = "error"
[tables.clients]
name = { class = "org_name" }
contact = { class = "person_name" }
mail = { class = "email" }
phone = { class = "phone" }
address = { class = "postal_address" }
not_personal = [{ columns = [
"code", "license", "city", "state", "total_owed", "created_at"], reason = "of the business" }]
[tables.orders]
not_personal = [{ columns = ["status", "total", "placed", "note"], reason = "of the business" }]
"""
_TABLES = {
    "clients": "id INTEGER PRIMARY KEY, code VARCHAR(40) NOT NULL UNIQUE, name VARCHAR(80), "
    "contact VARCHAR(80), mail VARCHAR(80), phone VARCHAR(80), address VARCHAR(160), "
    "license VARCHAR(40), city VARCHAR(40), state VARCHAR(4), is_buyer SMALLINT NOT NULL, "
    "total_owed NUMERIC(12,2), created_at TIMESTAMP NULL",
    "orders": "id INTEGER PRIMARY KEY, client_id INTEGER NOT NULL, status VARCHAR(20), "
    "total NUMERIC(12,2), placed TIMESTAMP NULL, note VARCHAR(200), "
    "FOREIGN KEY (client_id) REFERENCES clients (id)",
}
_BEGIN = datetime(2024, 1, 1)


class SliceLab(PolicyLab):
    """The same laboratory with clients, of whose thirteen columns five are personal."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab, "slices", _POLICY)

    @contextmanager
    def source(self, engine: str, rows: int) -> Iterator[str]:
        """A database with three times as many rows as a slice takes."""
        with self.empty(engine) as url:
            db = _with_tables(url)
            metadata = sa.MetaData()
            metadata.reflect(db, only=_TABLES)
            for start in range(0, rows * 3 // 2, 5000):
                numbers = range(start, min(start + 5000, rows * 3 // 2))
                with db.begin() as connection:
                    for name, make in (("clients", _client), ("orders", _order)):
                        connection.execute(metadata.tables[name].insert(), [*map(make, numbers)])
            yield url

    def slice(self, url: str, engine: str, target: str, rows: int) -> Cost:
        """What a slice of so many rows costs, the plan included."""
        program = str(Path(sys.executable).parent / "terp-seed")
        where = ["--where", f"id <= {rows // 2}", "--depth", "0"]
        with self.empty(engine) as other:
            if target == "database":
                _with_tables(other)
            script = self.folder / "slice.sql"
            to = {"database": other, "script": str(script), "revision": "seeds/datasets/big/"}
            try:
                return measured(
                    [program, "slice", "orders", *where, "--to", to[target]],
                    cwd=self.project,
                    env={**self.environment(url), "TERP_SEED_MASK_KEY": _KEY},
                )
            finally:
                script.unlink(missing_ok=True)
                shutil.rmtree(self.project / "seeds" / "data" / "frozen", ignore_errors=True)
                for path in (self.project / "seed_revisions").glob("*.py"):
                    path.unlink()

    def dump(self, url: str, engine: str, rows: int) -> float:
        """The seconds of the engine's own dump; `pg_dump` takes no condition, so psql copies."""
        started = time.perf_counter()
        for table in _TABLES:
            condition = f"id <= {rows // 2}"
            command = client_command(url)
            if engine == "mariadb":
                dump = [find_program("mariadb-dump"), *command[1:], table, f"--where={condition}"]
            else:
                query = f"SELECT * FROM {table} WHERE {condition}"
                copied = [".mode insert", query]
                if engine == "postgresql":
                    copied = ["-c", f"COPY ({query}) TO STDOUT"]
                dump = [*command, *copied]
            with Path(os.devnull).open("wb") as out:
                subprocess.run(dump, check=True, stdout=out, env=client_environment(url))
        return time.perf_counter() - started


def _with_tables(url: str) -> sa.Engine:
    """A database with the tables, stamped dev."""
    db = sa.create_engine(url, poolclass=sa.NullPool)
    with db.begin() as connection:
        for name, columns in _TABLES.items():
            connection.exec_driver_sql(f"CREATE TABLE {name} ({columns})")
        stamp(connection, "dev", origin="benchmark")
    return db


def _client(n: int) -> dict[str, object]:
    return {
        "id": n + 1,
        "code": f"C{n:09d}",
        "name": f"Canary {n} Trading",
        "contact": f"Jane{n % 5000} Canary{n % 77777}",
        "mail": f"jane.{n}@real-corp.com",
        "phone": f"+1 415-867-{n % 10_000:04d}",
        "address": f"{n} Canary Row, Oakland, CA 94607",
        "license": f"C11-{n:07d}-LIC",
        "city": f"City{n % 700}",
        "state": "CA",
        "is_buyer": n % 2,
        "total_owed": n % 9000,
        "created_at": _BEGIN + timedelta(minutes=n % 500_000),
    }


def _order(n: int) -> dict[str, object]:
    return {
        "id": n + 1,
        "client_id": n + 1,
        "status": ("draft", "open", "paid")[n % 3],
        "total": n % 7000,
        "placed": _BEGIN + timedelta(minutes=n % 500_000),
        "note": f"ship with order {n} as usual",
    }
