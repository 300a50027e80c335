"""How an engine is connected to, pinned and locked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from terp_seed.database.dialects.model import Problem

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Connection, Engine

__all__ = ["EXACT", "Lock", "Sessions", "through_driver"]

EXACT = {"no_parameters": True, "terp_seed": True}
"""Without parameters a driver does not touch a ``%`` in the text."""


def through_driver(url: URL, driver: str, title: str) -> URL:
    """The same database through one driver, whatever driver the URL names.

    The URL of an application often names an asynchronous driver, and a seed runs in no event loop.
    """
    backend, _, named = url.drivername.partition("+")
    if named not in ("", driver):
        _tell_driver(named, title)
    return url.set(drivername=f"{backend}+{driver}")


@cache
def _tell_driver(named: str, title: str) -> None:
    from terp_seed.settings.log import logger  # not for those who only look

    logger.info(f"the database URL names {named}; seeds go through {title} to the same database")


class Lock(ABC):
    """An advisory lock on one database, gone when its process is."""

    @abstractmethod
    def acquire(self, seconds: float) -> bool:
        """Take the lock, waiting at most so long; False if it stays taken."""

    @abstractmethod
    def owned(self) -> bool:
        """Whether this process still holds the lock."""

    @abstractmethod
    def release(self) -> None:
        """Give the lock back; harmless if it is lost already, or was never taken."""

    @abstractmethod
    def taken(self) -> bool:
        """Whether any process holds the lock; does not take it, and does not wait."""

    def apart(self) -> str:
        """The kind of cluster whose nodes do not share the lock; empty if this is none."""
        return ""


class Sessions(ABC):
    """Connections of an engine, and what goes wrong on them."""

    driver: ClassVar[str]
    """The module that a driver's errors come from."""

    @abstractmethod
    def engine(self, url: URL) -> Engine:
        """An engine with one unpooled connection, pinned on connect."""

    def missing_file(self, url: URL) -> str | None:
        """The file of a database that is not there; connecting would make an empty one."""
        return None

    @abstractmethod
    def pin(self) -> list[str]:
        """Statements that give the session one time zone, character set and mode."""

    @abstractmethod
    def give_back(self, connection: Connection) -> list[str]:
        """Statements that undo `pin` and `set_clock` on a session that the caller lent."""

    @abstractmethod
    def autocommits(self, connection: Connection) -> bool:
        """Whether each statement is committed at once on a connection that the caller lent."""

    def read_as_written(self, connection: Connection) -> AbstractContextManager[None]:
        """While a connection that the caller lent is used, read values as they were written.

        `UsageError` if its driver cannot.
        """
        return nullcontext()

    def pinned(self, connection: Connection) -> AbstractContextManager[None]:
        """Pins each transaction of a session that the caller lent, where `pin` cannot."""
        return nullcontext()

    def set_clock(self, moment: datetime) -> list[str]:
        """Statements that fix the session's clock, where the engine can."""
        return []

    @abstractmethod
    def lock(self, connection: Connection, *, lent: bool = False) -> Lock:
        """The lock on the database that the connection is in.

        ``lent``: the connection is in a transaction of the caller's, to which
        the lock may be bound.
        """

    def holder(self, connection: Connection) -> str:
        """Who holds the lock, as far as the engine knows; empty if it does not."""
        return ""

    def readable(self, connection: Connection) -> bool:
        """Whether a SELECT gets through at once, where writers keep readers out."""
        return True

    @abstractmethod
    def begin_snapshot(self, connection: Connection) -> None:
        """Begin a transaction that reads one state of the database, and cannot write.

        The connection must be in none.  It takes no lock that a writer waits for, but in a SQLite
        file without a write-ahead log, whose writers wait for every reader.
        """

    @abstractmethod
    def translate(self, error: BaseException, key: str | None = None) -> Problem:
        """What a driver's error means, without a value of a row.

        ``key`` is the integer key whose values were reserved for the rows
        being written: only of these can another program have taken one.
        """

    port: ClassVar[int | None] = None
    """Where a server listens if its URL does not say."""

    def stopped_at(self, error: BaseException, sql: str) -> int | None:
        """The place in a statement at which the server stopped reading it; None if unknown."""
        return None

    def unreachable(self, error: BaseException) -> str:
        """Why a connection failed and what to do, without a value; empty if that is unknown."""
        return ""
