"""One run at a time on one database.

The lock is taken before the heads are read for good, on the run's own
connection; the server or the kernel drops it when the process dies, so there
is never one to clear by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from terp_seed.database.bookkeeping import ENDS, Books, table_exists
from terp_seed.database.dialects import Lock
from terp_seed.database.failures import translated
from terp_seed.database.interrupts import WHOLE, interruptible
from terp_seed.database.session import Session
from terp_seed.database.turns import Turns
from terp_seed.errors import LockError, PlanError
from terp_seed.settings.log import logger

__all__ = ["Held", "advisory_lock", "last_open_run"]


class Held:
    """The lock that this run holds."""

    def __init__(self, lock: Lock, waited: float, turns: Turns, apart: str = "") -> None:
        self._lock = lock
        self.waited = waited
        """Seconds that it took to get it."""
        self.turns = turns
        self.apart = apart
        """The kind of cluster whose other nodes know nothing of it; empty if this is none."""

    def confirm(self) -> None:
        """Raise `LockError` if the lock was lost; call before a commit."""
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
def advisory_lock(session: Session, left: str = WHOLE, *, in_turns: bool = False) -> Iterator[Held]:
    """Hold the database's lock; `LockError` if it stays taken for ``lock_timeout`` seconds.

    If another run has it, says who and how long it will wait, then waits.  The
    bookkeeping tables exist once the lock is held.  SIGINT and SIGTERM end it
    as `InterruptedRunError`: what is under way is rolled back and the lock is
    released; ``left`` says what is left of the run.

    On a cluster whose nodes share no lock it is refused, unless all that is written is written
    ``in_turns`` (`Turns`).
    """
    lock = session.dialect.lock(session.connection, lent=session.external)
    with interruptible(left):
        try:
            apart = _apart(session, lock, in_turns)
            waited = _acquire(session, lock)
            _make_books(session)
            yield Held(lock, waited, Turns(session.dialect, session.books, session), apart)
        finally:
            _release(session, lock)


def _apart(session: Session, lock: Lock, in_turns: bool) -> str:
    apart = lock.apart()
    session.end_transaction()
    if apart and not in_turns:
        raise LockError(
            f"this is {apart}: its nodes do not share locks, and this command writes more than "
            "revisions; run it on one of them while it is out of the cluster"
        )
    return apart


def _acquire(session: Session, lock: Lock) -> float:
    """Take the lock, and return how many seconds that took.

    Waits in no transaction, which would keep a pooler's connection from the
    holder, and leaves none, because Alembic must find none open.
    """
    seconds, started = session.settings.lock_timeout, monotonic()
    session.end_transaction()
    if not lock.acquire(0):
        holder = _holder(session)
        session.end_transaction()
        logger.warning(f"waiting for {holder}, at most {seconds:g} s")
        if not lock.acquire(seconds):
            raise LockError(
                f"{_holder(session)} held the lock for {seconds:g} s; try again when it is done, "
                "or wait longer with -x lock-timeout=SECONDS"
            )
    session.end_transaction()
    return monotonic() - started


def _holder(session: Session) -> str:
    connection, dialect = session.connection, session.dialect
    parts: list[str] = []
    try:
        if dialect.readable(connection):
            parts = [dialect.holder(connection), last_open_run(connection, session.books)]
    except DBAPIError as error:
        if error.connection_invalidated:  # the next statement would open another, unpinned
            raise translated(error, "lock") from None
        # Its books may not exist yet, or be locked: still worth waiting.
    return f"another run ({', '.join(filter(None, parts)) or 'no details available'})"


def _make_books(session: Session) -> None:
    """Create the bookkeeping tables under the lock, before any transaction of a revision."""
    books = session.books
    found = set(sa.inspect(session.connection).get_table_names(schema=books.schema))
    wanted = books.made(session.connection.dialect.name)
    session.end_transaction()
    if all(table.name in found for table in wanted):
        return
    if session.external and session.dialect.ddl_commits:
        raise PlanError(
            "the bookkeeping tables are missing, and to create them would commit the transaction "
            "of the connection that you handed over; run any seed command once without it"
        )
    for sql in books.create(session.connection.dialect):
        session.stream.run(sql, what="bookkeeping tables")
    session.commit()


def last_open_run(connection: Connection, books: Books) -> str:
    """Who started last and has not ended: ``ann on web1, process 42, since ...``."""
    audit = books.audit
    if not table_exists(connection, audit):
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


def _release(session: Session, lock: Lock) -> None:
    """Roll back what is left and let go; a dead connection has let go already."""
    try:
        session.end_transaction()
        lock.release()
        session.end_transaction()
    except SQLAlchemyError:
        session.connection.invalidate()
