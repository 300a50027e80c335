"""Repair of a copy of a PostgreSQL template that a test has changed.

``CREATE DATABASE`` takes a tenth of a second and more, whatever little a test has changed.  What it
changed is seen without reading a value: a row that was written has a newer transaction number, and
one that was deleted is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from terp_seed.database.dialects.sessions import EXACT

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["PostgreSQLCopy"]

_PREPARE = (
    "SET session_replication_role = replica",  # no trigger fires, those of foreign keys included
    "SET default_transaction_read_only = off",
    "SET lock_timeout = '5s'",
    "SET statement_timeout = 0",
    "SET row_security = off",
)
_RELATIONS = """
    SELECT c.relkind::text, format('%I.%I', n.nspname, c.relname),
      EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = c.oid AND tgenabled IN ('A', 'R'))
      OR EXISTS (SELECT 1 FROM pg_rewrite WHERE ev_class = c.oid AND ev_enabled IN ('A', 'R'))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm', 'S') AND c.relpersistence <> 't'
      AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    ORDER BY 2
"""
_COLUMNS = """
    SELECT quote_ident(attname) FROM pg_attribute
    WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    ORDER BY attnum
"""
_CATALOGS = (
    *("attrdef", "attribute", "cast", "collation", "constraint", "conversion", "default_acl"),
    *("description", "enum", "event_trigger", "extension", "foreign_data_wrapper"),
    *("foreign_server", "foreign_table", "index", "inherits", "language"),
    *("largeobject_metadata", "opclass", "operator", "opfamily", "policy", "proc", "publication"),
    *("publication_rel", "range", "rewrite", "sequence", "statistic_ext", "subscription_rel"),
    *("trigger", "ts_config", "ts_dict", "type"),
)
"""What a change of the schema writes to; pg_class is also written to by VACUUM and TRUNCATE."""
_ROWS = "SELECT {}, count(*), max(xmin::text::bigint) FROM {}"
_SEQUENCE = "SELECT {}, last_value, is_called::int FROM {}"
_BESIDE = (
    "SELECT 'pg_namespace', count(*), max(xmin::text::bigint) FROM pg_namespace "
    "WHERE nspname !~ '^pg_(toast_)?temp_'",
    "SELECT 'pg_class', count(*), sum(hashtext(concat_ws(' ', oid, relname, relnamespace, relowner,"
    " relacl, reloptions, relkind, relpersistence, relrowsecurity, relforcerowsecurity, "
    "reltablespace, relreplident))) FROM pg_class WHERE relpersistence <> 't'",
    "SELECT 'pg_db_role_setting', count(*), sum(hashtext(setrole::text || setconfig::text)) "
    "FROM pg_db_role_setting "
    "WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())",
)

_USERS = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
      AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_PATIENCE = 1.0  # seconds; the server takes a moment to see that a connection was closed

_State = dict[str, tuple[object, object]]
"""By the name of a relation: rows and newest transaction, or a sequence's value and whether it was
used."""


class PostgreSQLCopy:
    """A copy that nothing has changed yet.

    ``connection`` commits each statement, and stays open until the copy is dropped.
    """

    def __init__(self, name: str, connection: Connection) -> None:
        self.name = name
        self._connection = connection
        self._kinds: dict[str, str] = {}
        self._read_only: set[str] = set()
        self._before: _State | None = None
        try:
            self._note()
        except DBAPIError:
            connection.rollback()  # this user may not, so a copy is used once

    def _note(self) -> None:
        """Note what the copy holds; later looks are prepared on the server."""
        for sql in _PREPARE:
            self._run(sql)
        for kind, name, always in self._run(_RELATIONS).all():
            self._kinds[name] = kind
            if kind == "m" or always:
                self._read_only.add(name)
        parts = [
            _SEQUENCE.format(_literal(name), name)
            if kind == "S"
            else _ROWS.format(_literal(name), f"ONLY {name}")
            for name, kind in self._kinds.items()
        ]
        parts += [_ROWS.format(f"'pg_{name}'", f"pg_{name}") for name in _CATALOGS]
        self._run("PREPARE terp_seed_state AS " + " UNION ALL ".join([*parts, *_BESIDE]))
        self._before = self._state()
        if self._before["pg_largeobject_metadata"][0]:  # whose content not everybody may look at
            self._before = None

    def repair(self, source: PostgreSQLCopy) -> bool:
        """Put the rows and sequences of an unchanged copy back; whether this one equals it now.

        A change of the schema is not undone, nor is one of a table whose triggers always fire.
        """
        from psycopg import Error

        if self._before is None:
            return False
        try:
            return self._is_left() and self._repair(source, self._before)
        except (DBAPIError, Error):
            return False

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _is_left(self) -> bool:
        """Whether every other connection is closed."""
        until = monotonic() + _PATIENCE
        while self._run(_USERS).scalar():
            if monotonic() > until:
                return False
            sleep(0.002)
        return True

    def _repair(self, source: PostgreSQLCopy, before: _State) -> bool:
        found = self._state()
        off = [name for name, value in before.items() if found.get(name) != value]
        if not self._read_only.isdisjoint(off) or not self._kinds.keys() >= set(off):
            return False
        self._write([name for name in off if self._kinds[name] == "r"], source)
        for name in off:
            if self._kinds[name] == "S":
                value, called = before[name]
                self._run(f"SELECT setval({_literal(name)}, {value}, {called} = 1)")
        self._before = self._state()
        return all(
            value[0] == before[name][0] if name in off else value == before[name]
            for name, value in self._before.items()
        )

    def _write(self, tables: Iterable[str], source: PostgreSQLCopy) -> None:
        self._run("BEGIN")
        for table in tables:
            self._run(f"DELETE FROM ONLY {table}")
            columns = ", ".join(self._run(_COLUMNS, {"table": table}).scalars())
            if columns:
                self._stream(source, table, columns)
        self._run("COMMIT")

    def _stream(self, source: PostgreSQLCopy, table: str, columns: str) -> None:
        there, here = source._cursor(), self._cursor()
        rows = there.copy(f"COPY (SELECT {columns} FROM ONLY {table}) TO STDOUT (FORMAT BINARY)")
        filling = f"COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)"
        with rows as taken, here.copy(filling) as given:
            for block in taken:
                given.write(block)

    def _cursor(self) -> Any:
        driver: Any = self._connection.connection.driver_connection
        return driver.cursor()

    def _state(self) -> _State:
        return {name: (a, b) for name, a, b in self._run("EXECUTE terp_seed_state")}

    def _run(self, sql: str, values: dict[str, Any] | None = None) -> Any:
        options = EXACT if values is None else {}
        return self._connection.exec_driver_sql(sql, values, execution_options=options)


def _literal(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
