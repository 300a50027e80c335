"""The sandbox's Alembic environment: a database, or a script, and the revisions.

Its version table is not that of the seeds, so the two histories never mix.  What may be created
or dropped is decided in `terp_seed.terp.schema.build`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from alembic.config import Config
from sqlalchemy import Column, MetaData, String, Table, func, inspect, select
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError

from terp_seed.database.dialects import dialect_named
from terp_seed.errors import GuardError, SeedError, UsageError
from terp_seed.settings.log import configure_logging
from terp_seed.settings.options import database_url, x_arguments

__all__ = ["VERSION_TABLE", "run"]

VERSION_TABLE = "terp_sandbox_version"


def run() -> None:
    """Run what Alembic was asked for, online or as a script.

    A connection in ``Config.attributes["connection"]`` is used as it is; if it
    is in a transaction, that stays open and the caller commits.  Of an engine a connection is
    taken.
    """
    configure_logging()
    config = context.config
    handed = config.attributes.get("connection")
    if context.is_offline_mode():
        _write_script(_url(config))
    elif isinstance(handed, Engine):
        with handed.connect() as connection:
            _migrate(connection)
    elif handed is not None:
        _migrate(handed)
    else:
        with _connected(_url(config)) as connection:
            try:
                _migrate(connection)
            except GuardError:
                _leave_no_trace(connection)
                raise


def _url(config: Config) -> URL:
    return database_url(config, x_arguments(config))


def _write_script(url: URL) -> None:
    name = url.get_backend_name()
    context.configure(
        dialect_name=name,
        version_table=VERSION_TABLE,
        literal_binds=True,
        transactional_ddl=_transactional(name),
    )
    for line in dialect_named(name).prologue():
        context.get_context().impl.static_output(line)
    with context.begin_transaction():
        context.run_migrations()


def _migrate(connection: Connection) -> None:
    """Run the revisions; `SeedError`, one line, where the database will not have it."""
    context.configure(
        connection=connection,
        version_table=VERSION_TABLE,
        transactional_ddl=_transactional(connection.dialect.name),
    )
    try:
        with context.begin_transaction():
            context.run_migrations()
    except DBAPIError as error:  # DDL holds no row's value
        raise SeedError(
            f"the database does not let the sandbox do this: {error.orig}. Cure that and run "
            "the same command again: it continues where it stopped"
        ) from error


def _transactional(name: str) -> bool | None:
    """SQLite can take DDL back, whatever Alembic thinks of it; None: Alembic knows."""
    return True if name == "sqlite" else None


@contextmanager
def _connected(url: URL) -> Iterator[Connection]:
    """An unpooled, pinned connection outside of any transaction.

    Outside, or Alembic would take the transaction for the caller's and commit nothing.
    """
    dialect = dialect_named(url.get_backend_name())
    # "reading": `alembic current` must not ask SQLite for the write lock.
    engine = dialect.engine(url).execution_options(terp_seed_reading=True)
    try:
        connection = engine.connect()
    except DBAPIError as error:
        raise UsageError(f"cannot connect to {url!r}: {error.orig}") from error
    with connection:
        for statement in dialect.pin():
            connection.exec_driver_sql(statement)
        connection.commit()
        yield connection


def _leave_no_trace(connection: Connection) -> None:
    """Take away the empty version table that Alembic made before a refusal."""
    connection.rollback()
    version = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32)))
    rows = select(func.count()).select_from(version)
    if inspect(connection).has_table(VERSION_TABLE) and connection.scalar(rows) == 0:
        version.drop(connection)
    connection.commit()
