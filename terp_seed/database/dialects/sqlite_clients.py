"""The command-line client of SQLite, and copies of a database file."""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from terp_seed.database.dialects.clients import Clients, apply_with, program
from terp_seed.database.dialects.model import Loaded
from terp_seed.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["SQLiteClients"]


class SQLiteClients(Clients):
    """``sqlite3``; a dump is a database file."""

    dump_name = "dump.db"
    csv_tells_null = False

    def apply(self, url: URL, script: Path) -> str:
        return apply_with([program("sqlite3"), str(url.database)], script)

    def load_csv(self, file: str, table: str, columns: Sequence[Loaded]) -> list[str]:
        # .import knows no NULL: fields go through a table of texts.
        texts = [f"c{at}" for at in range(len(columns))]
        values = ", ".join(f"NULLIF({text}, 'NULL')" for text in texts)
        named = ", ".join(column.name for column in columns)
        return [
            f"CREATE TEMP TABLE terp_seed_loaded ({', '.join(texts)});",
            f".import --csv --skip 1 --schema temp {file} terp_seed_loaded",
            f"INSERT INTO {table} ({named}) SELECT {values} FROM temp.terp_seed_loaded;",
            "DROP TABLE temp.terp_seed_loaded;",
        ]

    def dump(self, source: URL, path: Path) -> None:
        try:
            with (
                closing(sqlite3.connect(_read_only(str(source.database)), uri=True)) as original,
                closing(sqlite3.connect(path)) as copy,
            ):
                original.backup(copy)
        except sqlite3.Error as error:
            raise UsageError(f"the copy of {source.database} failed: {error}") from None

    def copy(self, source: URL, target: URL) -> None:
        self.dump(source, Path(str(target.database)))

    def missing(self, path: Path, tables: Collection[str]) -> list[str] | None:
        with closing(sqlite3.connect(_read_only(str(path)), uri=True)) as copy:
            (state, *_) = copy.execute("PRAGMA integrity_check").fetchone()
            names = {name for (name,) in copy.execute("SELECT name FROM sqlite_master")}
        return sorted(set(tables) - names) if state == "ok" else None

    def restoring(self, target: URL, path: Path) -> str:
        return shlex.join(["sqlite3", str(target.database), f".restore '{path}'"])

    def dumper(self) -> dict[str, str]:
        return {"sqlite": sqlite3.sqlite_version}


def _read_only(database: str) -> str:
    """The URI of a SQLite database; the settings may have given one already."""
    return (
        database
        if database.startswith("file:")
        else f"{Path(database).absolute().as_uri()}?mode=ro"
    )
