"""Copies of a MySQL or MariaDB database: a pool of databases that are repaired before use.

These servers cannot copy a database.  So a copy stays when it is given back, and the next test
gets it with the rows of the template: tables that differ are written again on the server.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from terp_seed.database.dialects.templates import Templates, digest_of_rows, unmarked
from terp_seed.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Connection

__all__ = ["MySQLTemplates"]

_MARK = "terp_seed_copy"
_OWN_TABLES = "table_name NOT LIKE 'terp\\_seed\\_%'"
_SHAPE = (
    "SELECT table_name, table_type, engine, table_collation, create_options FROM tables",
    "SELECT table_name, ordinal_position, column_name, column_type, is_nullable, column_default, "
    "extra, generation_expression, collation_name FROM columns",
    "SELECT table_name, index_name, seq_in_index, column_name, non_unique, sub_part "
    "FROM statistics",
    "SELECT table_name, constraint_name, column_name, referenced_table_name, "
    "referenced_column_name, ordinal_position FROM key_column_usage",
)
_SHAPE_BESIDE = (
    "SELECT constraint_name, update_rule, delete_rule FROM referential_constraints "
    "WHERE constraint_schema",
    "SELECT trigger_name, event_object_table, action_timing, event_manipulation, action_statement "
    "FROM triggers WHERE trigger_schema",
    "SELECT table_name, view_definition FROM views WHERE table_schema",
    "SELECT routine_name, routine_definition FROM routines WHERE routine_schema",
)
_PREPARE = (
    "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'",
    "SET SESSION foreign_key_checks = 0",  # all tables of the copy become those of the template
    "SET SESSION unique_checks = 1",
)
_FOREVER = 24 * 60 * 60  # seconds


@dataclass(frozen=True)
class MySQLTemplates(Templates):
    """A copy in use has a lock of its name on the server, which a killed process lets go of.

    Rows, and counters of AUTO_INCREMENT, are put back.  A copy whose tables are not those of the
    template any more is made again, as is one with rows to put back in a table that has triggers.
    Routines and events of the origin are not copied.
    """

    _held: dict[str, Connection] = field(default_factory=dict)
    """The connection that has the lock of each copy in use."""
    _templates: dict[str, _Template] = field(default_factory=dict)

    def shape(self) -> str:
        with self._connect() as connection:
            return _shape(connection, str(self.origin.url.database))

    @contextmanager
    def lock(self, template: str) -> Iterator[None]:
        with self._connect() as connection:
            name = template.rpartition("_")[0]
            connection.exec_driver_sql(f"SELECT GET_LOCK('{name}', {_FOREVER})")
            yield

    def has(self, template: str) -> bool:
        with self._connect() as connection:
            return _is_ready(connection, template)

    def begin(self, template: str) -> URL:
        with self._connect() as connection:
            if _exists(connection, template) and not _drop_marked(connection, template):
                raise unmarked(template)
            self._create(connection, template)
        return self._copy(str(self.origin.url.database), template)

    def finish(self, template: str) -> None:
        with self._connect() as connection:
            _mark(connection, template)
            connection.exec_driver_sql(f"UPDATE `{template}`.{_MARK} SET ready = 1")

    def abandon(self, template: str) -> None:
        with self._connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS `{template}`")

    def take(self, template: str) -> URL:
        connection = self._connect()
        try:
            if not _is_ready(connection, template):
                raise LookupError(template)
            name = next(
                name
                for name in (f"{template}_{number}" for number in count(1))
                if connection.exec_driver_sql(f"SELECT GET_LOCK('{name}', 0)").scalar()
            )
            self._prepare(connection, name, template)
        except BaseException:
            connection.close()
            raise
        self._held[name] = connection
        return self.origin.url.set(database=name)

    def give_back(self, copy: URL) -> None:
        self._held.pop(str(copy.database)).close()

    def sweep(self, prefix: str, template: str) -> None:
        with self._connect() as connection:
            for name in _databases(connection, prefix):
                if name == template or name.startswith(f"{template}_"):
                    continue
                if connection.exec_driver_sql(f"SELECT GET_LOCK('{name}', 0)").scalar():
                    _drop_marked(connection, name)
                    connection.exec_driver_sql(f"SELECT RELEASE_LOCK('{name}')")

    def _prepare(self, connection: Connection, name: str, template: str) -> None:
        """Make a database that is locked equal to a template."""
        source = self._templates.get(template)
        if source is None:
            source = self._templates[template] = _Template.read(connection, template)
        if _exists(connection, name):
            if _is_ready(connection, name) and _Repair(connection, source, name).succeeds():
                return
            if not _drop_marked(connection, name):
                raise unmarked(name)
        self._create(connection, name)
        self._copy(template, name)

    def _create(self, connection: Connection, name: str) -> None:
        sql = (
            "SELECT default_character_set_name, default_collation_name "
            "FROM information_schema.schemata WHERE schema_name = DATABASE()"
        )
        charset, collation = connection.exec_driver_sql(sql).one()
        try:
            connection.exec_driver_sql(
                f"CREATE DATABASE `{name}` CHARACTER SET {charset} COLLATE {collation}"
            )
        except DBAPIError as error:
            raise UsageError(
                f"database {name} cannot be made ({error.orig}); allow it once: "
                "GRANT ALL ON `terp\\_seed\\_%`.* TO the user of the tests"
            ) from None
        _mark(connection, name)

    def _copy(self, source: str, target: str) -> URL:
        url = self.origin.url
        self.clients.copy(url.set(database=source), url.set(database=target))
        return url.set(database=target)

    def _connect(self) -> Connection:
        options = {"isolation_level": "AUTOCOMMIT", "no_parameters": True}
        return self.open(self.origin.url).execution_options(**options).connect()


@dataclass(frozen=True)
class _Template:
    """What a template holds; it does not change."""

    name: str
    shape: str
    columns: dict[str, Sequence[str]]
    """The columns of each table that an INSERT may fill."""
    sums: dict[str, object]
    counters: dict[str, int]
    triggered: frozenset[str]
    """The tables with triggers."""

    @classmethod
    def read(cls, connection: Connection, name: str) -> _Template:
        columns = _columns(connection, name)
        triggered = connection.exec_driver_sql(
            "SELECT event_object_table FROM information_schema.triggers "
            f"WHERE trigger_schema = '{name}'"
        )
        return cls(
            name,
            _shape(connection, name),
            columns,
            _sums(connection, name, columns),
            _counters(connection, name),
            frozenset(triggered.scalars()),
        )


@dataclass(frozen=True)
class _Repair:
    """Puts the rows of a template back into a copy with the same tables."""

    connection: Connection
    template: _Template
    copy: str

    def succeeds(self) -> bool:
        """Repair; whether the copy equals the template now."""
        connection, template = self.connection, self.template
        if _shape(connection, self.copy) != template.shape:
            return False
        sums = _sums(connection, self.copy, template.columns)
        off = [table for table, value in template.sums.items() if sums[table] != value]
        if not template.triggered.isdisjoint(off):
            return False
        for sql in _PREPARE:
            connection.exec_driver_sql(sql)
        for table in off:
            self._write(table)
        for table, value in _counters(connection, self.copy).items():
            if value != template.counters[table]:
                self._count_from(table, template.counters[table])
        now = _sums(connection, self.copy, off)
        return all(now[table] == template.sums[table] for table in off)

    def _write(self, table: str) -> None:
        columns = ", ".join(map(_quote, self.template.columns[table]))
        there, source = f"`{self.copy}`.{_quote(table)}", f"`{self.template.name}`.{_quote(table)}"
        for sql in (
            "BEGIN",
            f"DELETE FROM {there}",
            f"INSERT INTO {there} ({columns}) SELECT {columns} FROM {source}",
            "COMMIT",
        ):
            self.connection.exec_driver_sql(sql)

    def _count_from(self, table: str, value: int) -> None:
        self.connection.exec_driver_sql(
            f"ALTER TABLE `{self.copy}`.{_quote(table)} AUTO_INCREMENT = {value}"
        )


def _quote(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def _shape(connection: Connection, name: str) -> str:
    """A digest of a database's schema, without its own name."""
    rows: list[Any] = []
    for query in _SHAPE:
        sql = query.replace(" FROM ", " FROM information_schema.")
        where = f"table_schema = '{name}' AND {_OWN_TABLES}"
        rows += sorted(map(repr, connection.exec_driver_sql(f"{sql} WHERE {where}").all()))
    for query in _SHAPE_BESIDE:
        sql = query.replace(" FROM ", " FROM information_schema.")
        found = connection.exec_driver_sql(f"{sql} = '{name}'").all()
        rows += sorted(repr(row).replace(f"`{name}`.", "") for row in found)
    return digest_of_rows(rows)


def _columns(connection: Connection, name: str) -> dict[str, Sequence[str]]:
    sql = (
        "SELECT c.table_name, c.column_name FROM information_schema.columns c "
        "JOIN information_schema.tables t USING (table_schema, table_name) "
        f"WHERE c.table_schema = '{name}' AND t.table_type = 'BASE TABLE' "
        "AND COALESCE(c.generation_expression, '') = '' ORDER BY c.ordinal_position"
    )
    columns: dict[str, list[str]] = {}
    for table, column in connection.exec_driver_sql(sql):
        columns.setdefault(table, []).append(column)
    return {**columns}


def _sums(connection: Connection, name: str, tables: Collection[str]) -> dict[str, object]:
    """The server's checksum of all rows of each table."""
    if not tables:
        return {}
    listed = ", ".join(f"`{name}`.{_quote(table)}" for table in tables)
    rows = connection.exec_driver_sql(f"CHECKSUM TABLE {listed}")
    return dict(zip(tables, [row[1] for row in rows], strict=True))


def _counters(connection: Connection, name: str) -> dict[str, int]:
    """The next AUTO_INCREMENT of each table that has one."""
    if "mariadb" not in str(connection.exec_driver_sql("SELECT VERSION()").scalar()).lower():
        connection.exec_driver_sql("SET SESSION information_schema_stats_expiry = 0")
    rows = connection.exec_driver_sql(
        "SELECT table_name, auto_increment FROM information_schema.tables "
        f"WHERE table_schema = '{name}' AND auto_increment IS NOT NULL"
    )
    return {table: int(value) for table, value in rows}


def _databases(connection: Connection, prefix: str) -> list[str]:
    rows = connection.exec_driver_sql("SELECT schema_name FROM information_schema.schemata")
    return [name for name in rows.scalars() if name.startswith(prefix)]


def _exists(connection: Connection, name: str) -> bool:
    return name in _databases(connection, name)


def _is_ready(connection: Connection, name: str) -> bool:
    """Whether a database is marked, and whole."""
    if not _is_marked(connection, name):
        return False
    return bool(connection.exec_driver_sql(f"SELECT MAX(ready) FROM `{name}`.{_MARK}").scalar())


def _mark(connection: Connection, name: str) -> None:
    for sql in (
        f"DROP TABLE IF EXISTS `{name}`.{_MARK}",
        f"CREATE TABLE `{name}`.{_MARK} (ready INT NOT NULL) COMMENT 'a copy for tests'",
        f"INSERT INTO `{name}`.{_MARK} VALUES (0)",
    ):
        connection.exec_driver_sql(sql)


def _is_marked(connection: Connection, name: str) -> bool:
    return bool(
        connection.exec_driver_sql(
            "SELECT COUNT(*) FROM information_schema.tables "
            f"WHERE table_schema = '{name}' AND table_name = '{_MARK}'"
        ).scalar()
    )


def _drop_marked(connection: Connection, name: str) -> bool:
    """Drop a database that is marked, or empty."""
    sql = f"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{name}'"
    marked = _is_marked(connection, name) or not connection.exec_driver_sql(sql).scalar()
    if marked:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS `{name}`")
    return marked
