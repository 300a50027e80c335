"""The advisory lock of PostgreSQL, which the server keeps apart by database."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from terp_seed.database.dialects.sessions import Lock

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["DROP_LOCK", "HOLDER", "TAKE_LOCK", "AdvisoryLock"]

_HIGH, _LOW = 0x74657270, 0x73656564  # "terp" and "seed"
_NUMBER = (_HIGH << 32) + _LOW
_PAUSE = 0.05  # seconds between two looks; Ctrl-C gets through there

TAKE_LOCK = f"SELECT pg_advisory_lock({_NUMBER})"
DROP_LOCK = f"SELECT pg_advisory_unlock({_NUMBER})"

_GRANTED = (
    "FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' "
    f"AND l.classid = {_HIGH} AND l.objid = {_LOW} AND l.objsubid = 1 AND l.granted "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
HOLDER = f"SELECT l.pid, a.application_name {_GRANTED}"
"""A SELECT of the process and the application that hold the lock."""


class AdvisoryLock(Lock):
    """A lock of the run's own session: gone when the connection is.

    It is asked for again and again, because to wait for it on the server ends
    in an error, which would end a transaction that the caller lent.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def acquire(self, seconds: float) -> bool:
        until = monotonic() + seconds
        while not self._ask(f"SELECT pg_try_advisory_lock({_NUMBER})"):
            if monotonic() >= until:
                return False
            sleep(min(_PAUSE, max(0.0, until - monotonic())))
        return True

    def owned(self) -> bool:
        return bool(self._ask(f"SELECT count(*) {_GRANTED} AND l.pid = pg_backend_pid()"))

    def release(self) -> None:
        if self.owned():  # a warning otherwise
            self._ask(DROP_LOCK)

    def taken(self) -> bool:
        return bool(self._ask(f"SELECT count(*) {_GRANTED}"))

    def _ask(self, sql: str) -> Any:
        return self._connection.exec_driver_sql(sql).scalar()
