"""Creating and dropping the sandbox's tables, and whose tables these are.

The environment stamp says whose: its origin is ``sandbox`` where this module
wrote it.  The stamp is written *before* the first table, since a server that
commits each CREATE TABLE can leave half of them behind; the next upgrade then
knows them for ours and adds what is missing.  Only a script stamps last: it
cannot look, so a CREATE TABLE that fails must keep it from claiming a TERP.
"""

from __future__ import annotations

from alembic.runtime.migration import MigrationContext
from sqlalchemy import column, inspect, select, table
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateTable

from terp_seed.database import environment_stamp as guards
from terp_seed.errors import GuardError
from terp_seed.terp.schema.tables import metadata

__all__ = ["ORIGIN", "create", "drop", "mark_created"]

ORIGIN = "sandbox"

# Some servers keep table names in lower case.
_OURS = frozenset(name.lower() for name in metadata.tables)
_HARMLESS = (None, "dev", "test")
_SEED_VERSIONS = "terp_seed_version"  # and, for a chain of another name, ..._<chain>


def create(context: MigrationContext) -> None:
    """Create all tables and stamp the database ``dev``; a stamp ``test`` stays.

    Refused with `GuardError` where one of them exists that the sandbox did not
    create, or where the database is stamped for anything but ``dev`` and
    ``test``; nothing is changed then.  A creation that was cut short is finished.
    """
    connection = context.connection
    assert connection is not None
    if context.as_sql:
        _create_all(connection)
        mark_created(connection, "dev")
        return
    if guards.origin(connection) == ORIGIN:
        _create_all(connection, only_missing=True)
        return
    _refuse_foreign_stamp(connection)
    _refuse_foreign_tables(connection)
    mark_created(connection, guards.stamped(connection) or "dev")
    _create_all(connection)


def drop(context: MigrationContext) -> None:
    """Drop exactly the sandbox's tables, with every row in them, and its stamp.

    Refused with `GuardError`, before the first table goes, where the sandbox
    did not create them, where seeds are applied, where a table of somebody else
    refers to them, and in a script, which could see none of this.
    """
    if context.as_sql:
        raise GuardError(
            "a script cannot see whose tables it drops; run `alembic downgrade base` without --sql"
        )
    connection = context.connection
    assert connection is not None
    _refuse_foreign_origin(connection)
    _refuse_seeded(connection)
    _refuse_dependents(connection)
    metadata.drop_all(connection)  # what is left of them, after a drop that was cut short
    guards.unstamp(connection)


def mark_created(connection: Connection, environment: str) -> None:
    """Stamp the database as made by the sandbox, in the caller's transaction."""
    guards.stamp(connection, environment, origin=ORIGIN)


def _create_all(connection: Connection, *, only_missing: bool = False) -> None:
    """Tables and indexes, each a statement, in an order that every script repeats."""
    for made in metadata.sorted_tables:
        connection.execute(CreateTable(made, if_not_exists=only_missing))
        for index in sorted(made.indexes, key=lambda index: str(index.name)):
            index.create(connection, checkfirst=only_missing)


def _refuse_foreign_stamp(connection: Connection) -> None:
    found = guards.stamped(connection)
    if found not in _HARMLESS:
        raise GuardError(
            f"this database is stamped {found}; the sandbox is for dev and test, so nothing was "
            "changed. Check the URL"
        )


def _refuse_foreign_tables(connection: Connection) -> None:
    look = inspect(connection)
    taken = look.get_table_names() + look.get_view_names()
    found = [name for name in taken if name.lower() in _OURS]
    if found:
        raise GuardError(
            f"this database has {_names('a table', found)} that the sandbox did not create; the "
            "sandbox is for machines without a TERP database, so nothing was changed. To seed "
            "this database, go straight to `alembic -n seed upgrade head`; for a sandbox, name "
            "an empty database"
        )


def _refuse_foreign_origin(connection: Connection) -> None:
    if guards.origin(connection) != ORIGIN:
        raise GuardError(
            "nothing says that the sandbox created the tables of this database, so it drops none "
            "of them. If the database was only marked with `alembic stamp`, take the mark off "
            "with `alembic stamp base`"
        )


def _refuse_seeded(connection: Connection) -> None:
    for name in inspect(connection).get_table_names():
        if not name.startswith(_SEED_VERSIONS):
            continue
        version = table(name, column("version_num"))
        if connection.execute(select(version).limit(1)).first():
            chain = name.removeprefix(_SEED_VERSIONS).removeprefix("_") or "seed"
            raise GuardError(
                f"seeds are applied (table {name} has rows); run "
                f"`alembic -n {chain} downgrade base` first"
            )


def _refuse_dependents(connection: Connection) -> None:
    """Ask before the first DROP: half of the tables cannot be put back."""
    keys = inspect(connection).get_multi_foreign_keys()
    found = sorted(
        name
        for (_, name), references in keys.items()
        if name.lower() not in _OURS
        and any(key["referred_table"].lower() in _OURS for key in references)
    )
    if found:
        raise GuardError(
            f"{_names('a table', found)} that the sandbox did not create refers to its tables by "
            "a foreign key; drop that first. Nothing was dropped"
        )


def _names(what: str, names: list[str]) -> str:
    first = f"{what} `{names[0]}`"
    return first if len(names) == 1 else f"{first} (and {len(names) - 1} more)"
