"""How each transaction on PostgreSQL begins.

Settings are made for one transaction, never for the session: a pooler may lend
another server connection to the next one, and this one to another program.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from terp_seed.database.dialects.sessions import EXACT
from terp_seed.errors import LockError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

__all__ = ["PIN", "WRITE_LOCK", "ask", "begin_pinned", "driver_of", "pinned", "unwatch"]

WRITE_LOCK = 0x7465727077726974
"""The number ("terpwrit") of the lock that each transaction holds which writes."""

_PINNED = {
    "client_encoding": "UTF8",
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "client_min_messages": "warning",
    "idle_in_transaction_session_timeout": "0",
    "row_security": "off",  # a policy that would hide rows is an error
}


def _set(values: dict[str, str]) -> str:
    quoted = {name: value.replace("'", "''") for name, value in values.items()}
    return ", ".join(f"set_config('{name}', '{value}', true)" for name, value in quoted.items())


PIN = (
    f"SELECT {_set(_PINNED)}, CASE WHEN current_setting('server_version_num')::int >= 170000 "
    "THEN set_config('transaction_timeout', '0', true) END"
)
"""Gives the transaction one time zone, character set and mode."""

_PIN_AND_LOCK = f"{PIN}, pg_try_advisory_xact_lock({WRITE_LOCK}) AS locked"


def driver_of(connection: Connection) -> Any:
    """The connection as psycopg knows it."""
    return connection.connection.driver_connection


def ask(connection: Connection, sql: str) -> Any:
    """The first value that a SELECT gives."""
    return connection.exec_driver_sql(sql, execution_options=EXACT).scalar()


def begin_pinned(target: Connection | Engine) -> None:
    """From here on, pin each transaction, and lock it if its run holds the lock."""
    from sqlalchemy import event

    event.listen(target, "before_cursor_execute", _begin)


def unwatch(connection: Connection) -> None:
    """Take back `begin_pinned`; harmless if that is done."""
    from sqlalchemy import event

    if event.contains(connection, "before_cursor_execute", _begin):
        event.remove(connection, "before_cursor_execute", _begin)


def _begin(connection: Connection, cursor: object, statement: str, *_: object) -> None:
    """Put a statement before the first of each transaction.

    At the event "begin" SQLAlchemy would take an error for a transaction that has begun.
    """
    driver = driver_of(connection)
    if driver.info.transaction_status or driver.autocommit or statement.startswith(PIN):
        return  # begun already
    lock = connection.get_execution_options().get("terp_seed_locks")
    sql = _PIN_AND_LOCK if lock else PIN
    answer = connection.exec_driver_sql(sql, execution_options=EXACT).one()
    if lock and not answer.locked:
        raise LockError(
            "another run is writing to the database, so this one keeps nothing of the revision; "
            "run the command again when it is done"
        )


@contextmanager
def pinned(connection: Connection) -> Iterator[None]:
    """Pin the transactions of a connection that the caller lent, and no later ones."""
    pin = _pinned_once if connection.in_transaction() else _pinned_each
    with pin(connection):
        yield


@contextmanager
def _pinned_once(connection: Connection) -> Iterator[None]:
    """Pin the transaction that the caller has begun, and give it its settings back."""
    from sqlalchemy.exc import SQLAlchemyError

    names = (*_PINNED, "transaction_timeout")
    listed = ", ".join(f"current_setting('{name}', true)" for name in names)
    row = connection.exec_driver_sql(f"SELECT {listed}").one()
    was = {name: value for name, value in zip(names, row, strict=True) if value is not None}
    restore = f"SELECT {_set(was)}"
    ask(connection, PIN)
    try:
        yield
    except BaseException:
        with suppress(SQLAlchemyError):  # the transaction is broken, and its rollback restores
            ask(connection, restore)
        raise
    ask(connection, restore)


@contextmanager
def _pinned_each(connection: Connection) -> Iterator[None]:
    from psycopg import IsolationLevel

    driver = driver_of(connection)
    level, driver.isolation_level = driver.isolation_level, IsolationLevel.READ_COMMITTED
    begin_pinned(connection)
    try:
        yield
    finally:
        unwatch(connection)
        if not driver.closed:
            driver.rollback()
            driver.isolation_level = level
