"""Copies of a PostgreSQL template, which are used again when what a test changed is put back.

That happens in a thread while the next test prepares itself: ``CREATE DATABASE`` takes the server
a tenth of a second and more, and a repair still some milliseconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from terp_seed.database.dialects.postgresql_repair import PostgreSQLCopy

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["PostgreSQLCopies", "lock_key"]


class PostgreSQLCopies:
    """Makes, repairs and drops copies in one thread.

    ``connect`` opens a connection to a database, or to one that is not copied, which commits each
    statement; ``suffix`` goes behind ``CREATE DATABASE``, and ``settings`` are what ``ALTER
    DATABASE ... SET`` gets.  A copy has an advisory lock of the thread's connection until it is
    dropped, which a killed process lets go of.
    """

    def __init__(
        self, connect: Callable[[str | None], Connection], suffix: str, settings: Sequence[str]
    ) -> None:
        self._connect, self._suffix, self._settings = connect, suffix, settings
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="terp_seed_copies")
        self._connection: Connection | None = None
        self._lent: dict[str, tuple[str, PostgreSQLCopy]] = {}
        self._idle: dict[str, list[Future[PostgreSQLCopy]]] = {}
        self._sources: dict[str, PostgreSQLCopy] = {}
        """A copy of each template; it is only read."""
        self._repeated: set[str] = set()
        """Templates of which a copy was given back, so that more tests may want one."""

    def take(self, template: str) -> str:
        """The name of a database that equals a template.

        Raises what the server raises, now or when the copy was made ahead.
        """
        idle = self._idle.setdefault(template, [])
        ready = idle.pop(0) if idle else self._thread.submit(self._make, template)
        copy = ready.result()
        self._lent[copy.name] = (template, copy)
        return copy.name

    def give_back(self, name: str) -> None:
        """Drop a copy or, from the second on, make it equal its template again."""
        template, copy = self._lent.pop(name)
        if template in self._repeated:
            renewed = self._thread.submit(self._renew, template, copy)
            self._idle[template].append(renewed)
        else:
            self._repeated.add(template)
            self._thread.submit(self._drop, copy).result()

    def close(self) -> None:
        """Drop all copies, and close the connection."""
        for ready in (ready for idle in self._idle.values() for ready in idle):
            with suppress(DBAPIError):  # the template may be gone by now
                self._thread.submit(self._drop, ready.result()).result()
        for source in self._sources.values():
            self._thread.submit(self._drop, source).result()
        self._idle.clear()
        self._sources.clear()
        self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()

    def _make(self, template: str) -> PostgreSQLCopy:
        name = f"{template}_{os.urandom(6).hex()}"
        self._run(f"SELECT pg_advisory_lock({lock_key(name)})")
        try:
            self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{self._suffix}')
            for setting in self._settings:
                self._run(f'ALTER DATABASE "{name}" SET {setting}')
        except DBAPIError:
            self._run(f"SELECT pg_advisory_unlock({lock_key(name)})")
            raise
        return PostgreSQLCopy(name, self._connect(name))

    def _renew(self, template: str, copy: PostgreSQLCopy) -> PostgreSQLCopy:
        if template not in self._sources:
            self._sources[template] = self._make(template)
        if copy.repair(self._sources[template]):
            return copy
        self._drop(copy)
        return self._make(template)

    def _drop(self, copy: PostgreSQLCopy) -> None:
        copy.close()
        end = (
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{copy.name}'"
        )
        with suppress(DBAPIError):  # it is a superuser's; DROP waits some seconds for it to end
            self._run(end)
        self._run(f'DROP DATABASE IF EXISTS "{copy.name}"')
        self._run(f"SELECT pg_advisory_unlock({lock_key(copy.name)})")

    def _run(self, sql: str) -> None:
        if self._connection is None:
            self._connection = self._connect(None)
        self._connection.exec_driver_sql(sql)


def lock_key(name: str) -> str:
    """The key of an advisory lock for a name, as an expression."""
    return f"hashtextextended('{name}', 0)"
