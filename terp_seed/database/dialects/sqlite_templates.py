"""Copies of a SQLite database: files, which is the fastest of all."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from terp_seed.database.dialects.sessions import EXACT
from terp_seed.database.dialects.templates import Templates, digest_of_rows

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["SQLiteTemplates"]

_SHAPE = """
    SELECT type, name, sql FROM sqlite_master
    WHERE tbl_name NOT LIKE 'terp\\_seed\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    ORDER BY type, name
"""
_BESIDE = ("-wal", "-shm", "-journal", ".terp_seed.lock")
_numbers = count(1)


class SQLiteTemplates(Templates):
    """A template is a file that nothing opens once it is ready, so that its bytes are the database.

    SQLite's own backup copies the origin, whoever reads or writes it meanwhile.
    """

    def shape(self) -> str:
        with self.origin.connect() as connection:
            return digest_of_rows(connection.exec_driver_sql(_SHAPE, execution_options=EXACT).all())

    @contextmanager
    def lock(self, template: str) -> Iterator[None]:
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f"{template.rpartition('_')[0]}.lock"):
            yield

    def has(self, template: str) -> bool:
        return self._file(template).exists()

    def begin(self, template: str) -> URL:
        new = self._file(template, ".new")
        _remove(new)
        connection = self.origin.raw_connection()
        try:
            driver: Any = connection.driver_connection
            with closing(sqlite3.connect(new)) as copy:
                driver.backup(copy)
        finally:
            connection.close()
        return self._url(new)

    def finish(self, template: str) -> None:
        new = self._file(template, ".new")
        with closing(sqlite3.connect(new)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        new.replace(self._file(template))  # the last one to close it has deleted its journal
        _remove(new)

    def abandon(self, template: str) -> None:
        _remove(self._file(template, ".new"))

    def take(self, template: str) -> URL:
        copy = self.scratch / f"{template}_{os.getpid()}_{next(_numbers)}.db"
        try:
            shutil.copyfile(self._file(template), copy)
        except FileNotFoundError:
            raise LookupError(template) from None
        return self._url(copy)

    def give_back(self, copy: URL) -> None:
        _remove(Path(str(copy.database)))

    def sweep(self, prefix: str, template: str) -> None:
        """Copies are in a folder of the test run, which pytest deletes."""
        for path in self.folder.glob(f"{prefix}*"):
            if path.suffix in (".db", ".new") and path.stem != template:
                _remove(path)

    def _url(self, path: Path) -> URL:
        return self.origin.url.set(database=str(path), query={})

    def _file(self, template: str, suffix: str = ".db") -> Path:
        return self.folder / f"{template}{suffix}"


def _remove(path: Path) -> None:
    for name in (path, *(path.with_name(f"{path.name}{end}") for end in _BESIDE)):
        name.unlink(missing_ok=True)
