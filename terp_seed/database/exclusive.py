"""Alone with the database: the lock held, the books there, a signal ends it in good order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from terp_seed.database.interrupts import WHOLE, interruptible
from terp_seed.database.lock import Held, held
from terp_seed.database.session import Session
from terp_seed.errors import PlanError
from terp_seed.settings.log import logger

__all__ = ["exclusively"]


@contextmanager
def exclusively(session: Session, left: str = WHOLE) -> Iterator[Held]:
    """Hold the database's lock; the bookkeeping tables are there once it is held.

    SIGINT and SIGTERM end it as `InterruptedRunError`: what is under way is
    rolled back and the lock is released; ``left`` says what is left of the run.
    """
    lock = held(
        session.connection,
        session.dialect,
        session.books,
        session.settings.lock_timeout,
        logger.warning,
        session.settle,
    )
    with interruptible(left), lock as ours:
        _make_books(session)
        yield ours


def _make_books(session: Session) -> None:
    """Create the bookkeeping tables under the lock, before any transaction of a revision."""
    books = session.books
    there = set(sa.inspect(session.connection).get_table_names(schema=books.schema))
    wanted = (books.version, books.ledger, books.audit, books.environment)
    if all(table.name in there for table in wanted):
        session.settle()
        return
    if session.external and session.dialect.ddl_commits:
        raise PlanError(
            "the bookkeeping tables are missing, and to create them would commit the transaction "
            "of the connection that you handed over; run any seed command once without it"
        )
    session.settle()
    for sql in books.create(session.connection.dialect):
        session.stream.run(sql, what="bookkeeping tables")
    session.commit()
