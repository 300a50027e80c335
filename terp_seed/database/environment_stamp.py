"""Which environment a database is: its stamp says, and outranks the caller."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from getpass import getuser

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from terp_seed.database.bookkeeping import Books, books, table_exists
from terp_seed.database.dialects import dialect_of
from terp_seed.errors import GuardError
from terp_seed.settings.options import Settings

__all__ = [
    "CAREFUL",
    "careful",
    "environment_of",
    "flag_neutralised",
    "neutralised",
    "origin",
    "refuse_protected",
    "stamp",
    "stamped",
    "stamps_elsewhere",
    "unstamp",
    "who",
]

_STAMP, _NEUTRALISED = 1, 2  # rows of the stamp's table

CAREFUL = ("staging", "production")
"""The environments in which nothing is written without the database's name."""


def stamped(connection: Connection, tables: Books | None = None) -> str | None:
    """The environment that the database is stamped with; does not write."""
    return _read(connection, tables or books(), "name")


def origin(connection: Connection, tables: Books | None = None) -> str | None:
    """Who stamped the database: ``sandbox`` for one that the sandbox made."""
    return _read(connection, tables or books(), "origin")


def stamp(connection: Connection, name: str, *, origin: str, tables: Books | None = None) -> None:
    """Stamp the database, in the caller's transaction; replaces a stamp.

    Creates the stamp's table if it is missing, which commits on MySQL.
    """
    table = (tables or books()).environment
    table.create(connection, checkfirst=True)
    connection.execute(sa.delete(table).where(table.c.id == _STAMP))
    connection.execute(
        sa.insert(table).values(
            id=_STAMP, name=name, origin=origin, stamped_at=_now(), stamped_by=who()[:255]
        )
    )


def stamps_elsewhere(connection: Connection, tables: Books) -> Iterator[tuple[str, str]]:
    """Schemas with a stamp of this database that ``bookkeeping_schema`` does not name; reads.

    A stamp beside the application's tables is one of them, and where schemas are databases, one
    whose audit names this database.
    """
    if not dialect_of(connection).schemas:
        return
    beside = sa.inspect(connection).default_schema_name
    found = connection.execute(_STAMPED_SCHEMAS, {"name": tables.environment.name}).scalars()
    for schema in sorted({*found} - {tables.environment.schema or beside}):
        others = books(schema=schema)
        name = stamped(connection, others)
        if name is not None and (schema == beside or _is_about(connection, others)):
            yield schema, name


_STAMPED_SCHEMAS = sa.text(
    "SELECT table_schema FROM information_schema.tables WHERE table_name = :name"
)


def _is_about(connection: Connection, tables: Books) -> bool:
    if not table_exists(connection, tables.audit):
        return False
    database = connection.engine.url.database
    named = sa.select(sa.func.count()).where(tables.audit.c.database_name == database)
    return bool(connection.execute(named).scalar())


def unstamp(connection: Connection, tables: Books | None = None) -> None:
    """Take the stamp away, in the caller's transaction."""
    table = (tables or books()).environment
    if table_exists(connection, table):
        connection.execute(sa.delete(table).where(table.c.id == _STAMP))


def neutralised(connection: Connection, tables: Books | None = None) -> tuple[str, str] | None:
    """When the database was neutralised, and the digest of the steps; None if it was not.

    An application can read the same: ``SELECT stamped_at FROM terp_seed_environment WHERE
    name = 'neutralised'``.
    """
    table = (tables or books()).environment
    if not table_exists(connection, table):
        return None
    wanted = sa.select(table.c.stamped_at, table.c.origin).where(table.c.id == _NEUTRALISED)
    row = connection.execute(wanted).one_or_none()
    return None if row is None else (str(row[0]), str(row[1]))


def flag_neutralised(connection: Connection, digest: str, tables: Books) -> None:
    """Flag the database as neutralised, in the caller's transaction; the table must exist."""
    table = tables.environment
    connection.execute(sa.delete(table).where(table.c.id == _NEUTRALISED))
    connection.execute(
        sa.insert(table).values(
            id=_NEUTRALISED,
            name="neutralised",
            origin=digest,
            stamped_at=_now(),
            stamped_by=who()[:255],
        )
    )


def environment_of(connection: Connection, settings: Settings, tables: Books) -> str:
    """The environment a run is in; `GuardError` if that is not beyond doubt.

    The stamp decides.  A caller who names another environment is refused.  An
    unstamped SQLite file is ``dev``; an unstamped server database is refused,
    the loopback address included, because tunnels end there.
    """
    found = stamped(connection, tables)
    if found is None:
        refuse_protected(settings, settings.env or "dev")
        if not dialect_of(connection).embedded:
            raise GuardError(
                f"database {settings.url.database!r} does not say which environment it is; if "
                "it is one to seed, stamp it once: "
                f"terp-seed{_same_url(settings)} env stamp {settings.env or 'dev'}"
            )
        found = "dev"
        if settings.env not in (None, "dev"):
            raise GuardError(
                f"this SQLite file is not stamped, which makes it dev; to make it {settings.env}, "
                f"stamp it: terp-seed{_same_url(settings)} env stamp {settings.env}"
            )
    if settings.env and settings.env != found:
        raise GuardError(
            f"you asked for environment {settings.env}, but this database is stamped {found}; "
            "check the URL, or leave the environment out"
        )
    refuse_protected(settings, found)
    return found


def refuse_protected(settings: Settings, environment: str) -> None:
    """Raise `GuardError` if the database is on a protected host and is not production there.

    ``protected_hosts`` are patterns as of a shell, ``*.db.example``; a host
    that one of them matches holds production and nothing else.
    """
    host = (settings.url.host or "").casefold()
    pattern = next(
        (each for each in settings.protected_hosts if fnmatch(host, each.casefold())), ""
    )
    if host and pattern and environment != "production":
        raise GuardError(
            f"host {host} is protected ({pattern} in protected_hosts of alembic.ini): what is "
            f"there is production, and cannot be {environment}; check the URL"
        )


def _same_url(settings: Settings) -> str:
    """The option that names the same database, where it was not the default; no password."""
    return f" -x url={settings.url.render_as_string()}" if "url" in settings.explicit else ""


def who() -> str:
    """The operating-system user, or ``unknown`` where there is none."""
    try:
        return getuser()
    except (KeyError, OSError):
        return "unknown"


def _read(connection: Connection, tables: Books, column: str) -> str | None:
    table = tables.environment
    if not table_exists(connection, table):
        return None
    value = connection.execute(sa.select(table.c[column]).where(table.c.id == _STAMP)).scalar()
    return None if value is None else str(value)


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:23]


def careful(environment: str) -> bool:
    """Whether the database's name has to be said in this environment."""
    return environment in CAREFUL
