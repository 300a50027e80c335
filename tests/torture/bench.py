"""The torture project on a database: its scripts, and what is in its tables to the last byte."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from servers import run_client
from toys import Toy

from terp_seed.database import environment_stamp as guards
from terp_seed.database.compare import TableDigest, database_digests

TORTURE = Path(__file__).parent
REVISIONS = ("0001_values", "0002_makers", "0003_parts", "0004_elsewhere", "0005_moves")
BASE = "base"
AUDIT = "terp_seed_audit"

#: What tells when something was done, or by whom.
_OF_THE_MOMENT = {
    "terp_seed_ledger": {"written_at"},
    "terp_seed_environment": {"stamped_at", "stamped_by"},
    "terp_seed_lock": {"holder"},
}

#: PostgreSQL keeps no NUL, neither in a text nor in a JSON string of jsonb.
NUL = "\u2400"
WITHOUT_NUL = f"""
]
TEXTS = [text and text.replace("\\0", "{NUL}") for text in TEXTS]

DOCUMENTS"""

Contents = dict[str, list[str]]


class Torture(Toy):
    """A copy of the torture project with a database of its own, which holds its tables."""

    def create(self, *, stamp: str | None = "dev") -> None:
        """Make the tables by the engine's own client, and stamp the database."""
        family = "mysql" if self.db.dialect.name == "mariadb" else self.db.dialect.name
        run_client(self.url, TORTURE / "schema" / f"{family}.sql")
        for name in ("torture_values", "torture_seeders"):  # those of another engine's copy
            sys.modules.pop(name, None)
        if self.postgresql:
            values = self.path / "torture_values.py"
            values.write_text(values.read_text().replace("\n]\n\nDOCUMENTS", WITHOUT_NUL))
            for file in (self.path / "seeds" / "data").iterdir():
                plain = file.read_bytes().replace(b"\0", NUL.encode())
                file.write_bytes(plain.replace(b"\\u0000", NUL.encode()))
        if stamp:
            with self.db.begin() as connection:
                guards.stamp(connection, stamp, origin="test")

    def script(self, start: str, end: str, *x: str) -> str:
        """Return what `upgrade START:END --sql` prints."""
        return self.upgrade(f"{start}:{end}", *x, sql=True)

    def apply(self, script: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Hand a script to the engine's own client."""
        return run_client(self.url, script, check=check)

    def contents(self) -> Contents:
        """Return every row of every table but the audit, to the last byte, moments apart."""
        found: Contents = {}
        with self.db.connect() as connection:
            quote = connection.dialect.identifier_preparer.quote_identifier
            if self.postgresql:
                connection.exec_driver_sql("SET TIME ZONE 'UTC'")
            elif not self.sqlite:
                connection.exec_driver_sql("SET time_zone = '+00:00'")  # as a run's own session
            for name in sa.inspect(connection).get_table_names():
                if name == AUDIT:
                    continue
                result = connection.exec_driver_sql(f"SELECT * FROM {quote(name)}")
                wanted = [
                    place
                    for place, column in enumerate(result.keys())
                    if column not in _OF_THE_MOMENT.get(name, ())
                ]
                found[name] = sorted(
                    repr([(type(row[place]).__name__, row[place]) for place in wanted])
                    for row in result
                )
        return found

    def table_digests(self) -> dict[str, TableDigest]:
        """Return the engine's own digests of every table but the audit and the stamp."""
        with self.db.connect() as connection:
            return database_digests(
                connection, leave_out=(AUDIT, "terp_seed_environment", "terp_seed_lock")
            )

    def add_foreign_rows(self) -> None:
        """Put rows that nobody seeded into every table, with gaps among their ids."""
        zone = "SET time_zone = '+00:00';" if self.quoted("x") == "`x`" else ""
        run_client(self.url, zone + foreign_rows(self.quoted, always=self.postgresql))

    def quoted(self, name: str) -> str:
        """Return a name as the engine's client wants it."""
        return f'"{name}"' if self.sqlite or self.postgresql else f"`{name}`"


def foreign_rows(quoted: Callable[[str], str], *, always: bool = False) -> str:
    """Return statements that put rows into every table; two of them own a seeded key."""
    order, key, group = quoted("order"), quoted("key"), quoted("group")
    system = " OVERRIDING SYSTEM VALUE" if always else ""
    return f"""
        INSERT INTO things (id, label, words) VALUES (3, 'theirs', 'x'), (50, 'theirs too', NULL);
        INSERT INTO notes (id, label){system} VALUES (1000000, 'theirs');
        INSERT INTO tags (id, label) VALUES (7, 'theirs'), (9, 'gone');
        DELETE FROM tags WHERE id = 9;
        INSERT INTO words (lang, word, meaning) VALUES ('en', 'door', 'theirs');
        INSERT INTO options (id, label, content) VALUES
          (12, 'taken', 'theirs'), (13, 'it''s taken', 'theirs');
        INSERT INTO makers (id, code, motto) VALUES (77, 'THEIRS', 'theirs');
        INSERT INTO links (id, label, maker_id, thing_id) VALUES (5, 'theirs', 77, 3);
        INSERT INTO parts (id, code, maker_id, stock, touched_at) VALUES
          (400, 'THEIRS', 77, 11, '2020-01-01 00:00:00');
        INSERT INTO moves (id, part_id, qty, noted_at) VALUES (4, 400, 11, '2020-01-01 00:00:00');
        INSERT INTO {order} ({key}, {group}) VALUES (2, 'theirs');
    """


def differences(one: Contents, other: Contents) -> list[str]:
    """Return the tables that differ, each with the first row that only one of the two holds."""
    found = []
    for name in sorted({*one, *other}):
        left, right = one.get(name, []), other.get(name, [])
        if left != right:
            only = [row for row in left if row not in right] or ["none"]
            there = [row for row in right if row not in left] or ["none"]
            found.append(f"{name} ({len(left)}, {len(right)}): {only[0]} / {there[0]}")
    return found


class Workshop:
    """Makes copies of the torture project, each with a new database of one engine."""

    def __init__(self, folder: Path, new_database: Callable[[str], str], engine: str) -> None:
        self._folder = folder
        self._new_database = new_database
        self._engine = engine
        self._made: list[Torture] = []

    def new(self, url: str | None = None, *, foreign: bool = False) -> Torture:
        """Return a copy whose tables are empty, or hold foreign rows."""
        path = self._folder / f"torture_{len(self._made)}"
        shutil.copytree(TORTURE, path, ignore=shutil.ignore_patterns("__pycache__", "bench.py"))
        made = Torture(path, url or self._new_database(self._engine))
        self._made.append(made)
        made.create()
        if foreign:
            made.add_foreign_rows()
        return made

    def close(self) -> None:
        """Let go of what the copies hold."""
        for made in self._made:
            made.close()
            made.db.dispose()


def statements(script: str) -> list[str]:
    """Cut a script into its statements, with the comments before each; one ends with its line."""
    found: list[list[str]] = [[]]
    for line in script.splitlines(keepends=True):
        found[-1].append(line)
        if not line.startswith("--") and (line.endswith(";\n") or line.startswith((".", "\\"))):
            found.append([])
    return ["".join(lines) for lines in found if lines]
