"""Copies of a PostgreSQL template, one of them made ahead while a test uses another.

``CREATE DATABASE`` takes the server a tenth of a second and more, whoever asks for it, and the test
before does not need the server all the time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["PostgreSQLCopies", "lock_key"]


class PostgreSQLCopies:
    """Makes copies in a thread, which has a connection for that alone.

    ``connect`` opens that connection, which commits each statement; ``suffix`` goes behind ``CREATE
    DATABASE``, and ``settings`` are what ``ALTER DATABASE ... SET`` gets.  A copy has an advisory
    lock of that connection until it is forgotten, which a killed process lets go of.
    """

    def __init__(
        self, connect: Callable[[], Connection], suffix: str, settings: Sequence[str]
    ) -> None:
        self._connect, self._suffix, self._settings = connect, suffix, settings
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="terp_seed_copies")
        self._connection: Connection | None = None
        self._ahead: dict[str, Future[str]] = {}
        self._taken: set[str] = set()

    def take(self, template: str) -> str:
        """The name of a new copy; from the second on, the next one is begun right away.

        Raises what the server raises, now or when the copy was made ahead.
        """
        ahead = self._ahead.pop(template, None) or self._thread.submit(self._make, template)
        name = ahead.result()
        if template in self._taken:
            self._ahead[template] = self._thread.submit(self._make, template)
        self._taken.add(template)
        return name

    def forget(self, name: str) -> None:
        """Let go of the lock of a copy that was dropped, as soon as the next one is made."""
        self._thread.submit(self._run, f"SELECT pg_advisory_unlock({lock_key(name)})")

    def close(self) -> None:
        """Drop what was made ahead, and close the connection."""
        for ahead in self._ahead.values():
            with suppress(DBAPIError):  # the template may be gone by now
                self._thread.submit(self._run, f'DROP DATABASE "{ahead.result()}"').result()
        self._ahead.clear()
        self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()

    def _make(self, template: str) -> str:
        name = f"{template}_{os.urandom(6).hex()}"
        self._run(f"SELECT pg_advisory_lock({lock_key(name)})")
        try:
            self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{self._suffix}')
            for setting in self._settings:
                self._run(f'ALTER DATABASE "{name}" SET {setting}')
        except DBAPIError:
            self._run(f"SELECT pg_advisory_unlock({lock_key(name)})")
            raise
        return name

    def _run(self, sql: str) -> None:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.exec_driver_sql(sql)


def lock_key(name: str) -> str:
    """The key of an advisory lock for a name, as an expression."""
    return f"hashtextextended('{name}', 0)"
