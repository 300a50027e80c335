"""One run at a time on one database.

The lock is taken before the heads are read for good, on the run's own
connection; the server or the kernel drops it when the process dies, so there
is never one to clear by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from terp_seed.database.dialects import Dialect, Lock
from terp_seed.database.failures import translated
from terp_seed.database.tables import ENDS, Books
from terp_seed.errors import LockError

__all__ = ["Held", "held", "last_open_run"]


class Held:
    """The lock, once it is ours."""

    def __init__(self, lock: Lock, waited: float) -> None:
        self._lock = lock
        self.waited = waited
        """Seconds that it took to get it."""

    def confirm(self) -> None:
        """Raise `LockError` unless the lock is still ours; call before a commit."""
        try:
            owned = self._lock.owned()
        except DBAPIError as error:
            raise translated(error, "lock") from None
        if not owned:
            raise LockError(
                "the lock was lost before the commit, so nothing of this revision was kept; "
                "run the command again"
            )


@contextmanager
def held(
    connection: Connection,
    dialect: Dialect,
    books: Books,
    seconds: float,
    tell: Callable[[str], None],
    settle: Callable[[], None],
) -> Iterator[Held]:
    """Hold the database's lock; `LockError` if it stays taken for ``seconds``.

    Tries first; if somebody has it, tells who and how long it will wait, then
    waits.  ``settle`` ends a transaction that only read, because Alembic must
    find none open; it is called last, and the lock is released.
    """
    lock = dialect.lock(connection)
    started = monotonic()
    if not lock.acquire(0):
        holder = _holder(connection, dialect, books)
        settle()
        tell(f"waiting for {holder}, at most {seconds:g} s")
        if not lock.acquire(seconds):
            raise LockError(
                f"{_holder(connection, dialect, books)} held the lock for {seconds:g} s; try again "
                "when it is done, or wait longer with -x lock-timeout=SECONDS"
            )
    settle()
    try:
        yield Held(lock, monotonic() - started)
    finally:
        _release(connection, lock, settle)


def _holder(connection: Connection, dialect: Dialect, books: Books) -> str:
    parts: list[str] = []
    try:
        if dialect.readable(connection):
            parts = [dialect.holder(connection), last_open_run(connection, books)]
    except DBAPIError as error:
        if error.connection_invalidated:  # the next statement would open another, unpinned
            raise translated(error, "lock") from None
        # Its books may not exist yet, or be locked: still worth waiting.
    return f"another run ({', '.join(filter(None, parts)) or 'no details available'})"


def last_open_run(connection: Connection, books: Books) -> str:
    """Who started last and has not ended: ``ann on web1, process 42, since ...``."""
    audit = books.audit
    if not sa.inspect(connection).has_table(audit.name, schema=audit.schema):
        return ""
    started = connection.execute(
        sa.select(audit).where(audit.c.event == "started").order_by(audit.c.id.desc()).limit(1)
    ).first()
    if started is None:
        return ""
    ended = connection.execute(
        sa.select(sa.func.count())
        .select_from(audit)
        .where(audit.c.run_id == started.run_id, audit.c.event.in_(ENDS), audit.c.id > started.id)
    ).scalar()
    if ended:
        return ""
    if started.os_user is None:
        return f"a script, since {started.at} UTC"
    return f"{started.os_user} on {started.host}, process {started.pid}, since {started.at} UTC"


def _release(connection: Connection, lock: Lock, settle: Callable[[], None]) -> None:
    """Roll back what is left and let go; a dead connection has let go already."""
    try:
        settle()
        lock.release()
        settle()
    except DBAPIError:
        connection.invalidate()
