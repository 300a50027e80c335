"""SQLite: the embedded default.

There is no advisory lock; an operating-system lock on a file beside the
database stands in for it (the kernel drops it when the process dies), and
``BEGIN IMMEDIATE`` keeps other writers out of each transaction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from terp_seed.database.dialects.base import Dialect
from terp_seed.database.dialects.model import (
    Canonical,
    Copy,
    Kind,
    Piece,
    Problem,
    Trigger,
    Written,
)
from terp_seed.database.dialects.sessions import Lock, through_driver
from terp_seed.database.dialects.sqlite_clients import SQLiteClients
from terp_seed.database.dialects.sqlite_json import documents
from terp_seed.database.dialects.sqlite_kept import SQLiteKeptRows
from terp_seed.database.dialects.sqlite_templates import SQLiteTemplates
from terp_seed.errors import UsageError
from terp_seed.rows.literals import encodable

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Connection, Engine, ExceptionContext

__all__ = ["SQLite"]

# The command-line client drops a CR before a line's end, and ends a literal
# at a NUL, so these never stand in a literal as themselves.
_ESCAPES = (("\0", "\\0", 0), ("\n", "\\n", 10), ("\r", "\\r", 13))
_BUSY_SECONDS = 30
_AT_ONCE = 200  # milliseconds: longer than a small transaction has the file
_DEPTH = 100  # an expression may be a thousand operators deep
_ERRORS = re.compile(
    r"^(UNIQUE constraint failed|NOT NULL constraint failed|CHECK constraint failed|"
    r"FOREIGN KEY constraint failed|no such table|no such column|database is locked|"
    r"attempt to write a readonly database|database or disk is full|"
    r"file is not a database|database disk image is malformed|"
    r"table \S+ has no column named|no such function|wrong number of arguments to function)"
    r"(?::? ([\w., ]+))?"
)
_UNREAD = re.compile(
    r'^(near ".*": syntax error|incomplete input|unrecognized token: .*)$', re.DOTALL
)
_NEAR = re.compile(r'^near "(.*)": syntax error$', re.DOTALL)


class SQLite(SQLiteKeptRows, Dialect):
    """SQLite through the standard library's driver."""

    names: ClassVar[tuple[str, ...]] = ("sqlite",)
    driver = "sqlite3"
    clients = SQLiteClients()
    templates = SQLiteTemplates
    rows_per_statement = 100  # longer VALUES lists parse slower, measured
    begin = "BEGIN IMMEDIATE"
    now = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
    user = "NULL"
    version = "sqlite_version()"
    affected = "changes()"
    script_name = "sqlite3"
    embedded = True
    opaque = re.compile(
        r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\]
        | --[^\n]* | /\*.*?\*/""",
        re.DOTALL | re.VERBOSE,
    )
    indexes_in_rollback = True
    schemas = False
    for_update = ""  # BEGIN IMMEDIATE holds all there are
    counter = sa.Integer()  # the only type that counts
    table_options: ClassVar[Mapping[str, bool]] = {"autoincrement": True}

    def mark(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"  # in "..." a wrong name would be a text

    def text(self, value: str) -> str:
        if not value.isascii():
            encodable(value)
        literal = "'" + value.replace("'", "''") + "'"
        if "\n" in value or "\r" in value or "\0" in value:
            return _without_controls(value, literal)
        return literal

    def pin(self) -> list[str]:
        return ["PRAGMA foreign_keys = ON"]

    def give_back(self, connection: Connection) -> list[str]:
        enforced = connection.exec_driver_sql("PRAGMA foreign_keys").scalar()
        return [f"PRAGMA foreign_keys = {enforced}"]

    def autocommits(self, connection: Connection) -> bool:
        if not connection.in_transaction():
            with connection.begin():  # an engine may send its BEGIN at this event
                return self.autocommits(connection)
        driver: Any = connection.connection.driver_connection
        at_once = driver.isolation_level is None or getattr(driver, "autocommit", None) is True
        return at_once and not driver.in_transaction

    def prologue(self, seconds: float = 30) -> list[str]:
        return [".bail on", f".timeout {int(seconds * 1000)}"]

    def guard(self, condition: str) -> str:
        return f"INSERT INTO temp.terp_seed_guard SELECT {condition}"

    def take_lock(self, seconds: float) -> list[str]:
        return [
            "CREATE TEMP TABLE terp_seed_guard (ok INTEGER CHECK (ok IS 1))",
            "CREATE TEMP TABLE terp_seed_changes (before INTEGER)",
            "INSERT INTO temp.terp_seed_changes VALUES (0)",
        ]

    def drop_lock(self) -> list[str]:
        return ["DROP TABLE temp.terp_seed_guard", "DROP TABLE temp.terp_seed_changes"]

    def name_key(self, name: str, first_key: str) -> list[str]:
        return []

    def numbers(self, column: str, texts: Sequence[str], name: str) -> Written:
        key = self.quote(name)
        return Written(column, [texts], lambda names: f"{key} + {names[0]}")

    def documents(self, column: str, rows: Sequence[Sequence[Piece] | None]) -> Written:
        return documents(self, column, rows)

    def insert(
        self,
        table: str,
        columns: Sequence[Written],
        lines: Sequence[str],
        keys: Mapping[str, str],
    ) -> str:
        if not keys and not any(column.lookup for column in columns):
            return super().insert(table, columns, lines, keys)
        rows = "),\n(".join(lines)
        values, joins = self.selected(columns, (f"column{place}" for place in count(1)))
        head = f"WITH {self._seed_keys(keys)}\n" if keys else ""
        return (
            f"INSERT INTO {self.target(table, columns)}\n{head}"
            f"SELECT {values} FROM {'seed_keys, ' if keys else ''}(VALUES\n({rows})){joins}"
        )

    def insert_missing(
        self,
        table: str,
        columns: Sequence[Written],
        row: Sequence[str],
        keys: Mapping[str, str],
        taken: str,
    ) -> str:
        head = f"\nWITH {self._seed_keys(keys)}" if keys else ""
        source = " FROM seed_keys" if keys else ""
        return (
            f"INSERT INTO {self.target(table, columns)}{head}\n"
            f"SELECT {self.selected(columns, iter(row))[0]}{source} "
            f"WHERE NOT EXISTS (SELECT 1 FROM {self.quote_table(table)} WHERE {taken})"
        )

    def update(
        self,
        table: str,
        key: Sequence[str],
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        still: Sequence[str],
    ) -> str:
        width = len(key)
        sets = [f"{self.quote(name)} = n.column{width + at}" for at, name in enumerate(columns, 1)]
        same = " AND ".join(
            f"t.{self.quote(name)} = n.column{at}" for at, name in enumerate(key, 1)
        )
        lines = ",\n".join([f"({', '.join(row)})" for row in rows])
        return (
            f"UPDATE {self.quote_table(table)} AS t SET {', '.join(sets)}\n"
            f"FROM (VALUES\n{lines}) AS n WHERE {same}"
        )

    def updates_cascade(self, connection: Connection, table: str, key: Mapping[str, Any]) -> bool:
        # The inspector reads no rule of a key that is declared at its column.
        pragma = f"PRAGMA foreign_key_list({self.quote(table)})"
        columns: dict[tuple[int, str, str], list[str]] = {}
        for number, _, target, column, _, rule, *_ in connection.exec_driver_sql(pragma):
            columns.setdefault((number, target, rule), []).append(column)
        return any(
            rule == "CASCADE"
            and target == key["referred_table"]
            and found == list(key["constrained_columns"])
            for (_, target, rule), found in columns.items()
        )

    def as_spelt(self, name: str) -> str:
        return f"{name} COLLATE BINARY"

    def interval(self, one: str, other: str) -> str:
        return f"strftime('%s', {one}) - strftime('%s', {other})"

    def triggers(self, connection: Connection, table: str) -> list[str]:
        rows = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? "
            "AND sql LIKE '%UPDATE%'",
            (table,),
        )
        return [str(name) for (name,) in rows]

    def all_triggers(self, connection: Connection) -> list[Trigger]:
        sql = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
        return [Trigger(*row) for row in connection.exec_driver_sql(sql)]

    def _seed_keys(self, keys: Mapping[str, str]) -> str:
        firsts = ", ".join(f"{first} AS {self.quote(name)}" for name, first in keys.items())
        return f"seed_keys AS (SELECT {firsts})"

    def canonical(self, columns: Sequence[Canonical], separator: str) -> str:
        # The separator goes with its text: one concatenation of the long row less.
        null, then = "char(0)", f" || {self.text(separator)}"
        names = [_canonical(each, self.quote(each.column)) for each in columns]
        texts = [f"COALESCE({name}{then}, {null}{then})" for name in names[:-1]]
        texts.append(f"COALESCE({names[-1]}, {null})")
        groups = [" || ".join(texts[at : at + _DEPTH]) for at in range(0, len(texts), _DEPTH)]
        return f"CAST(({') || ('.join(groups)}) AS BLOB)"

    def same(self, one: str, other: str) -> str:
        return f"({one} IS {other} COLLATE BINARY AND typeof({one}) = typeof({other}))"

    def temporary_copy(self, name: str, key: str, select: str) -> list[str]:
        return [
            f"CREATE TEMP TABLE {name} AS {select} WHERE 1 = 0",
            f"CREATE INDEX temp.{self.quote(f'{name[1:-1]}_key')} ON {name} ({key})",
        ]

    def refuse_dependents(
        self,
        target: str,
        declared: Sequence[tuple[str, str, str]],
        going: str,
        ours: Mapping[str, str],
    ) -> list[str]:
        # A foreign key is noticed by delete_exactly; a script cannot ask whether
        # a table exists, so only those are searched that the seeds fill too.
        found: list[str] = []
        quote, place = self.quote, self.quote_table(target)
        for table, column, of in declared:
            if table in ours:
                matched = f"{place}.{quote(of)} = pointing.{quote(column)}"
                held = f"EXISTS (SELECT 1 FROM {place} WHERE {matched} AND ({going}))"
                where = f"{held} AND NOT ({ours[table]})"
                count = f"(SELECT COUNT(*) FROM {self.quote_table(table)} pointing WHERE {where})"
                found.append(self.guard(f"{count} = 0"))
        return found

    def delete_exactly(self, delete: str) -> list[str]:
        # What a cascade takes along is in total_changes(), and not in changes().
        return [
            "UPDATE temp.terp_seed_changes SET before = total_changes()",
            delete,
            self.guard("total_changes() - before - 1 = changes() FROM temp.terp_seed_changes"),
        ]

    def row_list(self, rows: Sequence[str]) -> str:
        return f"VALUES {', '.join(rows)}"

    def days_between(self, later: str, earlier: str) -> str:
        return f"CAST(julianday(date({later})) - julianday(date({earlier})) AS INTEGER)"

    def engine(self, url: URL) -> Engine:
        from sqlalchemy import create_engine, event
        from sqlalchemy.pool import NullPool

        if url.database in (None, "", ":memory:"):
            raise UsageError(
                "sqlite:// in memory: it would be empty for everybody else; name a file, "
                "or hand your connection over in Config.attributes['connection']"
            )
        driver = url.drivername.partition("+")[2]
        if driver not in ("", "pysqlite", "aiosqlite"):
            raise UsageError(
                f"driver {driver!r}: seeds go through Python's own sqlite3, which cannot read such "
                "a database; use a plain database file"
            )
        engine = create_engine(
            through_driver(url, "pysqlite", "sqlite3"),
            poolclass=NullPool,
            hide_parameters=True,
            connect_args={
                "timeout": _BUSY_SECONDS,
                "check_same_thread": False,
                "cached_statements": 0,  # no INSERT comes twice, and each is long
            },
        )
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        event.listen(engine, "handle_error", _keep)
        return engine

    def missing_file(self, url: URL) -> str | None:
        name = url.database
        plain = name not in (None, "", ":memory:") and not str(name).startswith("file:")
        return name if plain and not Path(str(name)).exists() else None

    def defer_references(
        self, connection: Connection, tables: Sequence[str]
    ) -> tuple[Sequence[str], Sequence[str]]:
        return ["PRAGMA defer_foreign_keys = ON"], []  # until the transaction ends

    def lock(self, connection: Connection, *, lent: bool = False) -> Lock:
        from terp_seed.database.dialects.sqlite_locks import FileLock, NoLock

        # As a function it would read the schema, and wait for whoever has the file.
        databases = connection.exec_driver_sql("PRAGMA database_list")
        path = {name: file for _, name, file in databases}["main"]
        return FileLock(Path(path).resolve()) if path else NoLock()

    def begin_snapshot(self, connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA query_only = ON")
        connection.exec_driver_sql("SELECT COUNT(*) FROM sqlite_master").scalar()

    def readable(self, connection: Connection) -> bool:
        from sqlite3 import SQLITE_BUSY

        from sqlalchemy.exc import OperationalError

        # A transaction that outgrows SQLite's cache has the file to itself.
        usual = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {_AT_ONCE}")
        try:
            connection.exec_driver_sql("SELECT COUNT(*) FROM sqlite_master").scalar()
        except OperationalError as error:
            # The lower byte is the kind of failure, the next one says more of it.
            if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF != SQLITE_BUSY:
                raise
            return False
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {usual}")
        return True

    def translate(self, error: BaseException, key: str | None = None) -> Problem:
        found = _ERRORS.match(str(error))
        if found is None and _UNREAD.match(str(error)):
            return Problem(Kind.REFUSED, "the database refused the statement, which it cannot read")
        if found is None:
            kind = type(error).__name__
            return Problem(Kind.REFUSED, f"the database refused the statement ({kind})")
        if "locked" in found[1]:
            return Problem(Kind.RETRYABLE, "another program holds the database file")
        return Problem(Kind.REFUSED, found[0])

    def stopped_at(self, error: BaseException, sql: str) -> int | None:
        near = _NEAR.match(str(error))
        return sql.index(near[1]) if near and sql.count(near[1]) == 1 else None

    def reset_counter(self, table: str, key: str) -> Sequence[str]:
        top = f"SELECT COALESCE(MAX({self.quote(key)}), 0) FROM {self.quote_table(table)}"
        return [  # a table with a counter makes the table of counters, if there is none
            "CREATE TABLE terp_seed_counter (id INTEGER PRIMARY KEY AUTOINCREMENT)",
            "DROP TABLE terp_seed_counter",
            f"UPDATE sqlite_sequence SET seq = ({top}) WHERE name = {self.text(table)}",
        ]

    def copies(self, connection: Connection, tables: Sequence[str]) -> list[Copy]:
        journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        secure = connection.exec_driver_sql("PRAGMA secure_delete").scalar()
        pages = Copy(
            "free pages of the database file",
            f"secure_delete is {secure} (1: freed pages are overwritten)",
            "run VACUUM, which writes the file anew",
        )
        if journal == "wal":
            duty = "run PRAGMA wal_checkpoint(TRUNCATE), then close all connections"
            return [pages, Copy("the -wal file", "journal_mode is wal", duty)]
        duty = (
            "none where journal_mode is delete; otherwise delete the -journal file when all is "
            "closed"
        )
        return [pages, Copy("the rollback journal", f"journal_mode is {journal}", duty)]


def _canonical(of: Canonical, name: str) -> str:
    from sqlalchemy import types

    if of.first is not None:
        return f"'#' || ({name} - {of.first})"
    if isinstance(of.kind, types.LargeBinary | types.BINARY | types.VARBINARY):
        return f"'x' || lower(hex({name}))"
    if isinstance(of.kind, types.DateTime):
        return f"replace({name}, ' 00:00:00', '')"
    return name


def _without_controls(value: str, literal: str) -> str:
    r"""``replace('a\nb', '\n', char(10))``: one line, whatever the text holds."""
    for control, mark, number in _ESCAPES:
        if control not in value:
            continue
        while mark in literal:
            mark = f"\\{mark}"  # noqa: PLW2901 - the mark must not occur in the text
        literal = f"replace({literal.replace(control, mark)}, '{mark}', char({number}))"
    return literal


def _prepare(connection: Any, record: object) -> None:
    connection.isolation_level = None  # or the driver begins by its own rules
    connection.execute("PRAGMA foreign_keys = ON")  # here, because in a transaction it does nothing


def _keep(error: ExceptionContext) -> None:
    """Keep the connection that an interrupt struck: nothing is wrong with it.

    SQLAlchemy would close it with its cursor half read, and until the
    traceback is gone that cursor would hold the lock of the file.
    """
    if not isinstance(error.original_exception, Exception):
        error.is_disconnect = False


def _begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("terp_seed_reading")
    connection.exec_driver_sql(
        "BEGIN" if reading else SQLite.begin, execution_options={"terp_seed": True}
    )
