"""The least that an engine takes for the very same rows, which are ready.

MariaDB: LOAD DATA of files that it wrote itself, and DELETE by range, on the
server alone. PostgreSQL: COPY of such files, and DELETE by range. SQLite:
`executemany` in one transaction, and DELETE by range. The tables have the same
indexes and foreign keys.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

import MySQLdb

from benchmarks.lab import Database, Lab

_TABLES = (
    "SELECT table_name, MIN(revision), MIN(range_no) FROM terp_seed_ledger "
    "WHERE block_no = 0 AND range_no > 0 GROUP BY table_name ORDER BY 2, 3"
)
_SQLITE = Path(__file__).parent / "sqlite_floor.py"


class Floor:
    """The rows of a seeded database, ready to go into an empty one."""

    def __init__(self, lab: Lab, seeded: Database) -> None:
        self.lab = lab
        self.seeded = seeded
        self._files: list[tuple[str, Path]] = []
        if seeded.engine == "mariadb":
            self._write_files()
        elif seeded.engine == "postgresql":
            self._copy_files()

    def _write_files(self) -> None:
        server, name = self.lab.server, self.seeded.name
        for table, _, _ in server.execute(f"USE `{name}`", _TABLES):
            path = server.folder / f"{name}.{table}.tsv"
            path.unlink(missing_ok=True)
            server.execute(
                f"SELECT * FROM `{name}`.`{table}` INTO OUTFILE '{path}' CHARACTER SET utf8mb4"
            )
            self._files.append((table, path))

    def _copy_files(self) -> None:
        server, name = self.lab.postgresql, self.seeded.name
        for table, _, _ in server.execute(_TABLES, database=name):
            path = server.folder / "data" / f"{name}.{table}.copy"
            server.execute(f"COPY \"{table}\" TO '{path}'", database=name)
            self._files.append((table, path))

    def seconds(self, empty: Database, take: bool) -> list[float]:
        """The seconds to put all rows in, and if asked to take them out again."""
        if self.seeded.engine == "sqlite":
            command = [sys.executable, str(_SQLITE), _path(self.seeded), _path(empty), _TABLES]
            command += ["take"] if take else []
            done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
            return [float(each) for each in json.loads(done.stdout)]
        if self.seeded.engine == "postgresql":
            copies = [f"COPY \"{table}\" FROM '{path}'" for table, path in self._files]
            deletes = [f'DELETE FROM "{table}" WHERE id >= 1' for table, _ in reversed(self._files)]
            return [
                self._postgresql(empty, statements) for statements in (copies, deletes)[: 1 + take]
            ]
        server = self.lab.server
        with contextlib.closing(
            MySQLdb.connect(
                host="127.0.0.1",
                port=server.port,
                user="root",
                password=server.root_password,
                database=empty.name,
            )
        ) as connection:
            loads = [
                f"LOAD DATA INFILE '{path}' INTO TABLE `{table}` CHARACTER SET utf8mb4"
                for table, path in self._files
            ]
            deletes = [
                f"DELETE FROM `{table}` WHERE id >= 1 ORDER BY id DESC"
                for table, _ in reversed(self._files)
            ]
            return [_transaction(connection, each) for each in (loads, deletes)[: 1 + take]]

    def _postgresql(self, database: Database, statements: list[str]) -> float:
        started = time.perf_counter()
        self.lab.postgresql.execute("BEGIN", *statements, "COMMIT", database=database.name)
        return time.perf_counter() - started

    def close(self) -> None:
        """Remove the files."""
        for _, path in self._files:
            path.unlink(missing_ok=True)


def _transaction(connection: MySQLdb.Connection, statements: list[str]) -> float:
    started = time.perf_counter()
    for statement in ("START TRANSACTION", *statements, "COMMIT"):
        connection.query(statement)
        connection.store_result()
    return time.perf_counter() - started


def _path(database: Database) -> str:
    return database.url.removeprefix("sqlite:///")
