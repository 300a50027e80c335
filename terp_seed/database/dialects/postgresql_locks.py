"""The advisory locks of PostgreSQL, which the server keeps apart by database.

There are two.  A run holds the first from beginning to end, and another run
waits for it.  Each transaction that writes holds the second, so that two of
them never overlap, whatever becomes of the first.  In a transaction that the
caller lent both belong to it: its commit or rollback gives them back.

A pooler that lends a server connection for one transaction breaks a lock of
the session: another client gets it as well, and it outlives the run.  Behind a
pooler the first lock belongs to a transaction, too, which a connection beside
that of the run keeps open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from terp_seed.database.dialects.postgresql_transactions import (
    WRITE_LOCK,
    ask,
    begin_pinned,
    driver_of,
    unwatch,
)
from terp_seed.database.dialects.sessions import Lock
from terp_seed.errors import LockError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["HOLDER", "AdvisoryLock", "TransactionLock", "wait_in_transaction"]

_RUN_LOCK = 0x7465727073656564  # "terpseed"
_PAUSE = 0.05  # seconds between two looks; Ctrl-C gets through there


def _granted(number: int) -> str:
    return (
        "FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid "
        f"WHERE l.locktype = 'advisory' AND l.classid = {number >> 32} "
        f"AND l.objid = {number & 0xFFFFFFFF} AND l.objsubid = 1 AND l.granted "
        "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )


HOLDER = f"SELECT l.pid, a.application_name {_granted(_RUN_LOCK)}"
"""A SELECT of the process and the application that hold the lock."""

_TAKEN = f"SELECT count(*) {_granted(_RUN_LOCK)}"
_OWNED = f"{_TAKEN} AND l.pid = pg_backend_pid()"
_NOT_WRITING = f"SELECT count(*) = 0 {_granted(WRITE_LOCK)}"
_WRITING = f"SELECT count(*) {_granted(WRITE_LOCK)} AND l.pid = pg_backend_pid()"
_TAKE = f"SELECT pg_try_advisory_lock({_RUN_LOCK})"
_TAKE_IN_TRANSACTION = f"SELECT pg_try_advisory_xact_lock({_RUN_LOCK})"
_TAKE_TO_WRITE = f"SELECT pg_try_advisory_xact_lock({WRITE_LOCK})"
_FOR_EVER = (  # the second is known from version 17 on
    "SELECT set_config(name, '0', true) FROM pg_settings "
    "WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')"
)


def wait_in_transaction(seconds: float) -> list[str]:
    """Statements that take both locks until the transaction ends, or fail after so long."""
    wait = max(1, round(seconds * 1000))  # 0 would wait for ever
    return [
        f"SET LOCAL lock_timeout = {wait}",
        f"SELECT pg_advisory_xact_lock({_RUN_LOCK})",
        f"SELECT pg_advisory_xact_lock({WRITE_LOCK})",
        "SET LOCAL lock_timeout = DEFAULT",
    ]


def _try_until(attempt: Callable[[], bool], seconds: float) -> bool:
    """Try again and again: a wait on the server ends in an error, and the transaction with it."""
    until = monotonic() + seconds
    while not attempt():
        if monotonic() >= until:
            return False
        sleep(min(_PAUSE, max(0.0, until - monotonic())))
    return True


class _Numbered(Lock):
    """A lock that the server knows by a number."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def taken(self) -> bool:
        return bool(ask(self._connection, _TAKEN))


class AdvisoryLock(_Numbered):
    """A lock that is gone when the run's connection is, or the one beside it."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._beside: _Beside | None = None
        self._held = False

    def acquire(self, seconds: float) -> bool:
        if _server_process(self._connection) != driver_of(self._connection).info.backend_pid:
            self._beside = _Beside(self._connection)
        if not _try_until(self._try, seconds):
            self._let_go()
            return False
        if self._beside is not None:
            with _explained():  # is there a second one?
                _server_process(self._connection)
        self._connection.execution_options(terp_seed_locks=True)
        begin_pinned(self._connection)
        return True

    def _try(self) -> bool:
        """Take the lock; a run that lost it may still be writing, and has to end first."""
        if self._beside is None:
            self._held = self._held or bool(ask(self._connection, _TAKE))
            return self._held and bool(ask(self._connection, _TAKE_TO_WRITE))
        self._held = self._held or self._beside.take()
        return self._held and bool(self._beside.ask(_NOT_WRITING))

    def owned(self) -> bool:
        return self._is_held() and bool(ask(self._connection, _WRITING))

    def _is_held(self) -> bool:
        if self._beside is None:
            return bool(ask(self._connection, _OWNED))
        return self._beside.holds()

    def release(self) -> None:
        self._connection.execution_options(terp_seed_locks=False)
        unwatch(self._connection)
        self._let_go()

    def _let_go(self) -> None:
        if self._beside is not None:
            self._beside.close()
            self._beside = None
        elif self._is_held():  # a warning otherwise
            ask(self._connection, f"SELECT pg_advisory_unlock({_RUN_LOCK})")
        self._held = False


class TransactionLock(_Numbered):
    """Both locks in the transaction that the caller lent, which keeps them until it ends.

    Nothing is asked to give them back: after an error the transaction would refuse it.
    """

    def acquire(self, seconds: float) -> bool:
        return _try_until(self._try, seconds)

    def _try(self) -> bool:
        return all(ask(self._connection, take) for take in (_TAKE_IN_TRANSACTION, _TAKE_TO_WRITE))

    def owned(self) -> bool:
        return all(ask(self._connection, count) for count in (_OWNED, _WRITING))

    def release(self) -> None:
        pass


def _server_process(connection: Connection) -> int:
    """The process that answers; a pooler tells its clients another number when they connect."""
    driver = driver_of(connection)
    idle = not driver.info.transaction_status
    ((process,),) = driver.execute("SELECT pg_backend_pid()").fetchall()
    if idle:  # keeps no server connection from another run
        driver.rollback()
    return int(process)


class _Beside:
    """A connection beside the run's, whose open transaction keeps the lock."""

    def __init__(self, connection: Connection) -> None:
        import psycopg

        info = driver_of(connection).info
        with _explained():
            self._connection: psycopg.Connection[Any] = psycopg.connect(
                info.dsn, password=info.password or None, prepare_threshold=None
            )

    def take(self) -> bool:
        """Take the lock; who does not get it leaves the pool's connection to others."""
        if self.ask(_TAKE_IN_TRANSACTION):
            self.ask(_FOR_EVER)
            return True
        with _explained():
            self._connection.rollback()
        return False

    def ask(self, sql: str) -> Any:
        """The first value that a SELECT gives; `LockError` if the connection is gone."""
        with _explained():
            row = self._connection.execute(sql).fetchone()
        return row and row[0]

    def holds(self) -> bool:
        """Whether the server still has the transaction, and it the lock."""
        try:
            return bool(self.ask(_OWNED))
        except LockError:
            return False

    def close(self) -> None:
        """End the transaction, and with it the lock."""
        import psycopg

        with suppress(psycopg.Error):
            self._connection.rollback()
        self._connection.close()


@contextmanager
def _explained() -> Iterator[None]:
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        code = f" (error {error.sqlstate})" if error.sqlstate else ""
        raise LockError(
            f"behind a connection pooler the lock needs a server connection beside that of the "
            f"run, and there is none{code}; allow its pool two or more for each run, or use the "
            "server's own port"
        ) from None
