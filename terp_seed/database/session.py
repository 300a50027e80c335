"""One connection for a run: opened, pinned, and known to be in no transaction."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from time import monotonic
from traceback import clear_frames
from typing import Any

from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from terp_seed.database.bookkeeping import Books, books
from terp_seed.database.dialects import EXACT, Dialect, dialect_named, dialect_of
from terp_seed.database.failures import problem_behind, translated
from terp_seed.database.names import LiveNames
from terp_seed.database.statements import Live
from terp_seed.errors import LockError, SeedError, UsageError
from terp_seed.settings.options import Settings

__all__ = ["Session", "books_of", "opened"]


@dataclass(frozen=True)
class Session:
    """A connection and what belongs to it."""

    connection: Connection
    dialect: Dialect
    settings: Settings
    books: Books
    external: bool
    """The caller handed the connection over inside a transaction of its own,
    which is the caller's to commit or to roll back."""
    names: LiveNames = field(default_factory=LiveNames, compare=False)
    """What the tables and columns of revisions are called in this database."""
    first_keys: Mapping[tuple[str, int], int] = field(default_factory=dict, compare=False)
    """The first keys that ranges of seeded rows had before, and get again."""

    @property
    def stream(self) -> Live:
        """Where statements for this database go."""
        return Live(self.connection)

    def scalar(self, sql: str) -> Any:
        """The first value that a SELECT gives; None if there is none."""
        return self.connection.exec_driver_sql(sql, execution_options=EXACT).scalar()

    def rows(self, sql: str) -> Sequence[Any]:
        """All rows that a SELECT gives."""
        return self.connection.exec_driver_sql(sql, execution_options=EXACT).fetchall()

    def end_transaction(self) -> None:
        """Roll back a transaction that only read, so that Alembic finds none open.

        Does nothing in a transaction of the caller.
        """
        if not self.external:
            self.connection.rollback()

    def commit(self) -> None:
        """Commit, unless the transaction is the caller's."""
        if not self.external:
            self.connection.commit()

    def drop(self) -> None:
        """Cut a connection that does not answer; the next statement opens another."""
        with suppress(DBAPIError):
            self.connection.invalidate()
            self.connection.rollback()

    def renew(self) -> None:
        """Pin a session that was opened in the place of one that is gone."""
        for sql in self.dialect.pin():
            self.stream.run(sql)

    def allow_writes(self) -> None:
        """Start later transactions as write transactions."""
        self.end_transaction()
        self.connection.execution_options(terp_seed_reading=False)


def books_of(settings: Settings, dialect: Dialect) -> Books:
    """The bookkeeping tables where the settings want them."""
    schema = settings.bookkeeping_schema
    if schema and not dialect.schemas:
        raise UsageError(
            f"bookkeeping_schema: {type(dialect).__name__} has no schemas; leave the line out of "
            "alembic.ini"
        )
    return books(settings.version_table, schema)


Given = Connection | Engine
"""What a caller may hand over; also an asynchronous engine."""


@contextmanager
def opened(
    settings: Settings, given: Given | None = None, *, patient: bool = True
) -> Iterator[Session]:
    """Open one unpooled connection and pin its session, or adopt a given one.

    Of a given engine a connection is taken; in the place of an asynchronous one, its database is
    opened with the driver that terp_seed uses.

    An opened connection is closed at the end, whatever happened; a given one
    is left open, its session as it was.  Raises `UsageError` for a database
    that cannot be reached, and `LockError` for one that another run keeps from
    being read for longer than its lock is waited for, if ``patient``.
    """
    with _quiet_reflection(), _opening(settings, given, patient) as session:
        yield session


def _url_of_async(given: Any) -> URL:
    """The URL of an asynchronous engine, for the driver that seeds go through."""
    if not hasattr(given, "begin") or hasattr(given, "sync_connection"):
        raise UsageError(
            "an asynchronous connection was handed over; call Alembic in its run_sync(), with the "
            "connection that you get there"
        )
    url: URL = given.url
    backend = url.get_backend_name()
    if dialect_named(backend).embedded and url.database in (None, "", ":memory:"):
        raise UsageError(
            "an asynchronous engine of a database in memory was handed over, which nothing else "
            "can open; call Alembic in run_sync() of a connection of it"
        )
    return url.set(drivername=backend)


@contextmanager
def _opening(settings: Settings, given: Given | None, patient: bool) -> Iterator[Session]:
    if hasattr(given, "sync_engine"):
        settings, given = replace(settings, url=_url_of_async(given)), None
    if given is None:
        with _connected(settings, patient) as session:
            yield session
    elif isinstance(given, Engine):
        with given.connect() as connection, _borrowed(settings, connection) as session:
            yield session
    else:
        with _borrowed(settings, given) as session:
            yield session


@contextmanager
def _quiet_reflection() -> Iterator[None]:
    """No warning of what SQLAlchemy leaves out of a schema: we compare texts of such columns."""
    with warnings.catch_warnings():
        for what in ("Skipped unsupported reflection of", "Did not recognize type"):
            warnings.filterwarnings("ignore", what)
        yield


@contextmanager
def _connected(settings: Settings, patient: bool) -> Iterator[Session]:
    dialect = dialect_named(settings.url.get_backend_name())
    tables = books_of(settings, dialect)
    connection = _connect(dialect, settings)
    try:
        connection.execution_options(terp_seed_reading=True)
        session = Session(connection, dialect, settings, tables, external=False)
        for sql in dialect.pin():
            session.stream.run(sql)
        if patient:
            _wait_to_read(session)
        session.end_transaction()
        yield session
    finally:
        with suppress(DBAPIError):  # it may be gone, or in the middle of an answer
            connection.close()


@contextmanager
def _borrowed(settings: Settings, given: Connection) -> Iterator[Session]:
    dialect = dialect_of(given)
    external = given.in_transaction()
    session = Session(given, dialect, settings, books_of(settings, dialect), external)
    back = dialect.give_back(given)
    session.end_transaction()
    try:
        with dialect.read_as_written(given):
            _refuse_autocommit(session)
            with dialect.pinned(given):
                for sql in dialect.pin():
                    session.stream.run(sql)
                session.end_transaction()
                yield session
    except BaseException as error:
        clear_frames(error.__traceback__)  # or a cursor that was struck holds the caller's file
        raise
    finally:
        with suppress(SeedError, SQLAlchemyError):  # a connection that is gone keeps no session
            session.end_transaction()
            for sql in back:
                session.stream.run(sql)
            session.end_transaction()


def _refuse_autocommit(session: Session) -> None:
    if session.dialect.autocommits(session.connection):
        raise UsageError(
            "the connection that you handed over is in AUTOCOMMIT mode: a revision that fails "
            "would leave what it had written so far; hand over one that is not"
        )
    session.end_transaction()


def _wait_to_read(session: Session) -> None:
    """Wait for another run whose transaction keeps readers out, as long as for its lock."""
    connection, dialect = session.connection, session.dialect
    seconds = session.settings.lock_timeout
    try:
        if dialect.readable(connection) or not dialect.lock(connection).taken():
            return
    except DBAPIError as error:
        where = f"database {session.settings.url.database!r}"
        raise UsageError(f"{translated(error, where)}; check the URL") from None
    from terp_seed.settings.log import logger  # not for those who only look

    logger.warning(f"waiting for another run, which has the database file, at most {seconds:g} s")
    until = monotonic() + seconds
    while not dialect.readable(connection):  # bit by bit: a signal is heard in between
        if monotonic() >= until:
            raise LockError(
                f"another run held an exclusive lock on the database file for {seconds:g} s; "
                "try again when it is done, or wait longer with -x lock-timeout=SECONDS"
            )


def _connect(dialect: Dialect, settings: Settings) -> Connection:
    url = settings.url
    missing = dialect.missing_file(url)
    if missing:
        raise UsageError(
            f"database {missing!r}: there is no such file; check the URL, or make it "
            "and the application's tables first: alembic upgrade head"
        )
    try:
        return dialect.engine(url).connect()
    except (TypeError, ValueError):
        if not url.query:
            raise
        raise UsageError(
            f"database {url.database!r}: an option of its URL ({', '.join(sorted(url.query))}) is "
            f"not known to {dialect.driver}, or has a value that it cannot read; correct what "
            "follows the question mark"
        ) from None
    except DBAPIError as error:
        code = problem_behind(error).code
        reason = dialect.unreachable(error.orig or error)
        place = f"{url.host or 'localhost'}:{url.port or ''}".rstrip(":") if url.host else ""
        where = f"database {url.database!r}" + (f" on {place}" if place else "")
        raise UsageError(
            f"{where} cannot be reached{f' (error {code})' if code else ''}: "
            f"{reason or 'check the URL and whether the server runs'}"
        ) from None
