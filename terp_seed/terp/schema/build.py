"""Creating and dropping the sandbox's tables, and no others.

The environment stamp tells them apart: its origin is ``sandbox`` where this module wrote it.
The stamp is written *before* the first table, since a server that commits each CREATE TABLE
can leave half of them behind; the next upgrade then recognises them and adds the missing ones.
Only a script stamps last: it cannot check anything, so a CREATE TABLE that fails must keep it
from claiming a real TERP.
"""

from __future__ import annotations

from alembic.runtime.migration import MigrationContext
from sqlalchemy import column, inspect, literal, select, table
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateTable, sort_tables

from terp_seed.database import environment_stamp
from terp_seed.errors import GuardError
from terp_seed.terp.schema.tables import TABLES, metadata

__all__ = ["ORIGIN", "create", "drop"]

ORIGIN = "sandbox"

# Some servers keep table names in lower case.
_SANDBOX_TABLES = frozenset(name.lower() for name in metadata.tables)
_HARMLESS = (None, "dev", "test")
_SEED_VERSIONS = "terp_seed_version"  # and, for a chain of another name, ..._<chain>


def create(context: MigrationContext, revision: str) -> None:
    """Create a revision's tables and stamp the database ``dev``; a stamp ``test`` stays.

    Refused with `GuardError` where one of them exists that the sandbox did not
    create, or where the database is stamped for anything but ``dev`` and
    ``test``; nothing is changed then.  An interrupted creation is finished.
    Only the first revision of a script stamps.
    """
    connection = context.connection
    assert connection is not None
    if context.as_sql:
        _create_tables(connection, revision)
        if revision == next(iter(TABLES)):
            _stamp(connection, "dev")
        return
    if environment_stamp.origin(connection) == ORIGIN:
        _refuse_filled_tables(connection, revision)
        _create_tables(connection, revision, only_missing=True)
        return
    _refuse_foreign_stamp(connection)
    _refuse_foreign_tables(connection)
    _stamp(connection, environment_stamp.stamped(connection) or "dev")
    _create_tables(connection, revision)


def drop(context: MigrationContext, revision: str) -> None:
    """Drop exactly a revision's tables, with every row in them; with the first, the stamp.

    Refused with `GuardError`, before the first table is dropped, where the
    sandbox did not create them, where seeds are applied, where a foreign table
    refers to them, and in a script, which could check none of this.
    """
    if context.as_sql:
        raise GuardError(
            "a script cannot see whose tables it drops; this command runs without --sql only"
        )
    connection = context.connection
    assert connection is not None
    _refuse_foreign_origin(connection)
    _refuse_seeded(connection)
    _refuse_dependents(connection)
    # Only those that are left, after a drop that was interrupted.
    metadata.drop_all(connection, tables=TABLES[revision])
    if revision == next(iter(TABLES)):
        environment_stamp.unstamp(connection)


def _stamp(connection: Connection, environment: str) -> None:
    environment_stamp.stamp(connection, environment, origin=ORIGIN)


def _create_tables(connection: Connection, revision: str, *, only_missing: bool = False) -> None:
    """Create tables and indexes, each by one statement, in the same order every time."""
    for created in sort_tables(sorted(TABLES[revision], key=lambda table: table.name)):
        connection.execute(CreateTable(created, if_not_exists=only_missing))
        for index in sorted(created.indexes, key=lambda index: str(index.name)):
            index.create(connection, checkfirst=only_missing)


def _refuse_foreign_stamp(connection: Connection) -> None:
    found = environment_stamp.stamped(connection)
    if found not in _HARMLESS:
        raise GuardError(
            f"this database is stamped {found}; the sandbox is for dev and test, so nothing was "
            "changed. Check the URL"
        )


def _refuse_foreign_tables(connection: Connection) -> None:
    inspector = inspect(connection)
    existing = inspector.get_table_names() + inspector.get_view_names()
    found = [name for name in existing if name.lower() in _SANDBOX_TABLES]
    if found:
        raise GuardError(
            f"this database has {_names('a table', found)} that the sandbox did not create; the "
            "sandbox is for machines without a TERP database, so nothing was changed. To seed "
            "this database, go straight to `alembic -n seed upgrade head`; for a sandbox, name "
            "an empty database"
        )


def _refuse_filled_tables(connection: Connection, revision: str) -> None:
    """An interrupted creation leaves no rows: a table that has some is not the sandbox's."""
    existing = {name.lower(): name for name in inspect(connection).get_table_names()}
    found = [
        existing[created.name.lower()]
        for created in TABLES[revision]
        if created.name.lower() in existing
        and connection.execute(select(literal(1)).select_from(created).limit(1)).first()
    ]
    if found:
        raise GuardError(
            f"this database has {_names('a table', found)} that the sandbox did not create, with "
            "rows in it, so nothing was changed. Rename it, or name an empty database"
        )


def _refuse_foreign_origin(connection: Connection) -> None:
    if environment_stamp.origin(connection) != ORIGIN:
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
                f"seeds are applied (table {name} has rows); roll chain {chain} back first"
            )


def _refuse_dependents(connection: Connection) -> None:
    """Ask before the first DROP: half of the tables cannot be put back."""
    keys = inspect(connection).get_multi_foreign_keys()
    found = sorted(
        name
        for (_, name), references in keys.items()
        if name.lower() not in _SANDBOX_TABLES
        and any(key["referred_table"].lower() in _SANDBOX_TABLES for key in references)
    )
    if found:
        raise GuardError(
            f"{_names('a table', found)} that the sandbox did not create refers to its tables by "
            "a foreign key; drop that first. Nothing was dropped"
        )


def _names(what: str, names: list[str]) -> str:
    first = f"{what} `{names[0]}`"
    return first if len(names) == 1 else f"{first} (and {len(names) - 1} more)"
