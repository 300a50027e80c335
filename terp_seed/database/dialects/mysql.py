"""MySQL and MariaDB, one family, through mysqlclient.

The lock is ``GET_LOCK`` on the run's own connection.  It is server-wide, so
its name holds the database's; the server drops it when the connection ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from terp_seed.database.dialects.base import Dialect
from terp_seed.database.dialects.catalogue import STATEMENT_CHARACTERS
from terp_seed.database.dialects.model import (
    Canonical,
    Copy,
    Piece,
    Problem,
    Reference,
    TransactionLimit,
    Trigger,
    Written,
    gather_references,
    split_table,
)
from terp_seed.database.dialects.mysql_clients import MySQLClients
from terp_seed.database.dialects.mysql_errors import UNREACHABLE, problem, unread_from
from terp_seed.database.dialects.mysql_kept import MySQLKeptRows
from terp_seed.database.dialects.mysql_limits import transaction_limit
from terp_seed.database.dialects.mysql_locks import LOCK_NAME, LockRow, NamedLock
from terp_seed.database.dialects.mysql_templates import MySQLTemplates
from terp_seed.database.dialects.sessions import EXACT, Lock, through_driver
from terp_seed.errors import UsageError
from terp_seed.rows.literals import NULL, encodable, quoted
from terp_seed.rows.model import Cells

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Connection, Engine
    from sqlalchemy.types import TypeEngine

__all__ = ["MySQL"]

_MODE = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
_SPECIAL = re.compile(r"[\0\n\r\x1a'\\]")
_ESCAPED = {"\0": "\\0", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z", "'": "''", "\\": "\\\\"}

_VARIABLE = 50
_SPATIAL = (
    "'geometry', 'point', 'linestring', 'polygon', 'multipoint', 'multilinestring', "
    "'multipolygon', 'geomcollection', 'geometrycollection'"
)
_LONG = 2**24 - 1  # MEDIUMTEXT and MEDIUMBLOB
_LONGEST_LIST = 2**22  # of GROUP_CONCAT: digests of a block, tables that refer to another

# The server runs what stands in /*! ... */ and /*M! ... */.
_EXECUTABLE = re.compile(r"/\*M?!\d*")


class MySQL(LockRow, MySQLKeptRows, Dialect):
    """MySQL 8 and later, MariaDB 10.6 and later."""

    names: ClassVar[tuple[str, ...]] = ("mysql", "mariadb")
    driver = "MySQLdb"
    clients = MySQLClients()
    templates = MySQLTemplates
    rows_per_statement = 500
    begin = "START TRANSACTION"
    now = "SYSDATE(3)"  # NOW() is pinned
    user = "CURRENT_USER()"
    affected = "ROW_COUNT()"
    script_name = "mariadb or mysql"
    opaque = re.compile(
        r"""'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `(?:[^`]|``)*`
        | --(?=\s|$)[^\n]* | \#[^\n]* | /\*.*?\*/ | \*/""",
        re.DOTALL | re.VERBOSE,
    )
    ddl_commits = True
    defers_references = False
    port = 3306
    schemas_are_databases = True
    cascades_fire_triggers = False
    digests_rows = True
    bits_are_numbers = True
    last_timestamp = datetime(2038, 1, 19, 3, 14, 7)
    indexes_foreign_keys = True
    database_options = " CHARSET utf8mb4"
    long_text = sa.Text(_LONG)
    long_binary = sa.LargeBinary(_LONG)
    table_options: ClassVar[Mapping[str, str]] = {
        "engine": "InnoDB",
        "charset": "utf8mb4",
        "collate": "utf8mb4_bin",
    }
    integer_bits: ClassVar[Mapping[str, int]] = {
        "TINYINT": 7,
        "SMALLINT": 15,
        "MEDIUMINT": 23,
        "INTEGER": 31,
    }
    text_bytes: ClassVar[Mapping[str, int]] = {
        "TINYTEXT": 2**8 - 1,
        "TEXT": 2**16 - 1,
        "MEDIUMTEXT": 2**24 - 1,
        "LONGTEXT": 2**32 - 1,
    }

    def quote(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def bare(self, sql: str) -> str:
        return super().bare(_EXECUTABLE.sub(" ", sql))

    def text(self, value: str) -> str:
        if not value.isascii():
            encodable(value)
        return "'" + _SPECIAL.sub(lambda found: _ESCAPED[found[0]], value) + "'"

    def pin(self) -> list[str]:
        return [
            "SET NAMES utf8mb4",
            "SET SESSION time_zone = '+00:00'",
            f"SET SESSION sql_mode = '{_MODE}'",
            f"SET SESSION group_concat_max_len = {_LONGEST_LIST}",
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        ]

    def give_back(self, connection: Connection) -> list[str]:
        rows = connection.exec_driver_sql(
            "SHOW SESSION VARIABLES WHERE Variable_name IN ('time_zone', 'sql_mode', "
            "'group_concat_max_len', 'character_set_client', 'character_set_results', "
            "'collation_connection', 'transaction_isolation', 'tx_isolation')"
        )
        was: dict[str, str] = dict(rows.all())
        level = was.pop("transaction_isolation", None) or was.pop("tx_isolation")
        was.pop("tx_isolation", None)
        return [
            *(
                f"SET SESSION {name} = {value if value.isdigit() else self.text(value)}"
                for name, value in was.items()
            ),
            f"SET SESSION TRANSACTION ISOLATION LEVEL {level.replace('-', ' ')}",
            "SET timestamp = DEFAULT",
        ]

    def autocommits(self, connection: Connection) -> bool:
        return bool(_scalar(connection, "SELECT @@autocommit"))

    def set_clock(self, moment: datetime) -> list[str]:
        return [f"SET timestamp = {int(moment.replace(tzinfo=UTC).timestamp())}"]

    def guard(self, condition: str) -> str:
        return f"SET @terp_seed_guard = IF({condition}, 1, (SELECT 1 UNION SELECT 2))"

    def name_key(self, name: str, first_key: str) -> list[str]:
        return [f"SET {_variable(name)} = {first_key}"]

    def numbers(self, column: str, texts: Sequence[str], name: str) -> Written:
        variable = _variable(name)
        return Written(column, [[f"{variable}+{text}" for text in texts]])

    def documents(self, column: str, rows: Sequence[Sequence[Piece] | None]) -> Written:
        names = {name for row in rows for _, name, _ in row or ()}
        added = {name: f"({_variable(name)} + %d)" for name in names if name}

        def joined(row: Sequence[Piece]) -> str:
            texts = quoted(self.text, [text for text, _, _ in row])
            keys = [added[name] % number if name else "" for _, name, number in row]
            return f"CONCAT({', '.join(filter(None, chain(*zip(texts, keys, strict=True))))})"

        return Written(column, [[NULL if row is None else joined(row) for row in rows]])

    def insert(
        self,
        table: str,
        columns: Sequence[Written],
        lines: Sequence[str],
        keys: Mapping[str, str],
    ) -> str:
        if not any(column.lookup for column in columns):
            return super().insert(table, columns, lines, keys)
        # A first row of no value gives what is compared the type and collation that it has there.
        names = [f"c{place}" for place in range(len(columns))]
        first = ", ".join(map(self._nothing, columns, names))
        rows = "\nUNION ALL SELECT ".join([f"SELECT {first} FROM DUAL WHERE 1 = 0", *lines])
        values, joins = self.selected(columns, (f"seed_rows.{name}" for name in names))
        return (
            f"INSERT INTO {self.target(table, columns)}\n"
            f"SELECT {values} FROM (\n{rows}\n) seed_rows{joins}"
        )

    def derived_literals(self, cells: Cells, texts: Sequence[str]) -> Sequence[str]:
        # Numbers of one column would all get the most decimals that one of them has.
        if not cells.kinds & {Decimal, float}:
            return texts
        return [text if text[0] in "'NxX" else f"'{text}'" for text in texts]

    def _nothing(self, column: Written, name: str) -> str:
        if column.lookup is None:
            return f"NULL AS {name}"
        table, compared = column.lookup
        return f"(SELECT {self.quote(compared)} FROM {self.quote_table(table)} LIMIT 0) AS {name}"

    def insert_missing(
        self,
        table: str,
        columns: Sequence[Written],
        row: Sequence[str],
        keys: Mapping[str, str],
        taken: str,
    ) -> str:
        return (
            f"INSERT INTO {self.target(table, columns)}\nSELECT {', '.join(row)} FROM DUAL "
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
        # Assigned to itself, a column is spared ON UPDATE CURRENT_TIMESTAMP.
        quote, target = self.quote, self.quote_table(table)
        kept = [f"t.{quote(name)} = t.{quote(name)}" for name in still]
        if len(rows) == 1:  # a literal takes on the key's collation, a derived column does not
            cells = [f"t.{quote(c)} = {v}" for c, v in zip([*key, *columns], rows[0], strict=True)]
            where, new = " AND ".join(cells[: len(key)]), ", ".join([*cells[len(key) :], *kept])
            return f"UPDATE {target} t SET {new} WHERE {where}"
        first = ", ".join(f"{cell} AS c{at}" for at, cell in enumerate(rows[0]))
        listed = "\nUNION ALL SELECT ".join([first, *(", ".join(row) for row in rows[1:])])
        same = " AND ".join(f"t.{quote(name)} = n.c{at}" for at, name in enumerate(key))
        sets = [f"t.{quote(name)} = n.c{at}" for at, name in enumerate(columns, len(key))]
        joined = f"{target} t JOIN (\nSELECT {listed}\n) n ON {same}"
        return f"UPDATE {joined}\nSET {', '.join([*sets, *kept])}"

    def unwritable(self, connection: Connection, table: str) -> dict[str, str]:
        rows = _exact(
            connection,
            "SELECT column_name, data_type FROM information_schema.columns "
            f"WHERE {self._at('table', table)} AND data_type IN ({_SPATIAL})",
        )
        return {str(name): str(kind) for name, kind in rows}

    def unsafe_storage(self, connection: Connection, table: str) -> str:
        rows = _exact(
            connection,
            "SELECT t.engine FROM information_schema.tables t JOIN information_schema.engines e "
            f"ON e.engine = t.engine WHERE {self._at('t.table', table)} "
            "AND COALESCE(e.transactions, 'NO') <> 'YES'",
        )
        return next((str(name) for (name,) in rows), "")

    def moving_columns(self, connection: Connection, table: str) -> list[str]:
        rows = _exact(
            connection,
            "SELECT column_name FROM information_schema.columns "
            f"WHERE {self._at('table', table)} AND LOCATE('on update', LOWER(extra)) > 0",
        )
        return [str(name) for (name,) in rows]

    def as_spelt(self, name: str) -> str:
        return f"CAST({name} AS BINARY)"

    def as_document(self, expression: str) -> str:
        return f"CAST({expression} AS JSON)"

    def interval(self, one: str, other: str) -> str:
        return f"TIMESTAMPDIFF(SECOND, {other}, {one})"

    def triggers(self, connection: Connection, table: str) -> list[str]:
        at = self._at("event_object", table).replace("event_object_name", "event_object_table")
        rows = _exact(
            connection,
            "SELECT trigger_name FROM information_schema.triggers "
            f"WHERE {at} AND event_manipulation = 'UPDATE'",
        )
        return [str(name) for (name,) in rows]

    def all_triggers(self, connection: Connection) -> list[Trigger]:
        rows = _exact(
            connection,
            "SELECT trigger_name, event_object_table, action_statement FROM "
            "information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY trigger_name",
        )
        return [Trigger(*map(str, row)) for row in rows]

    def statement_logs(self, connection: Connection) -> dict[str, str | None]:
        wanted = ("general_log", "slow_query_log", "log_output", "server_audit_logging")
        listed = ", ".join(map(self.text, wanted))
        found = _exact(connection, f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({listed})")
        now = {str(name): str(value) for name, value in found}
        nowhere = now.get("log_output") == "NONE"
        logs: dict[str, str | None] = {}
        for name in ("general_log", "slow_query_log"):
            if name not in now:
                logs[name] = None
            elif now[name] == "ON" and not nowhere:
                logs[name] = f"SET GLOBAL {name} = OFF"
        if now.get("server_audit_logging") == "ON":
            logs["server_audit_logging"] = "SET GLOBAL server_audit_logging = OFF"
        return logs

    def exactly(self, column: str, kind: TypeEngine[Any]) -> str:
        from sqlalchemy.dialects.mysql import BIT, DATE, DATETIME, FLOAT, TIME, TIMESTAMP

        if isinstance(kind, DATE | DATETIME | TIMESTAMP | TIME):
            return f"CAST({column} AS CHAR)"  # the driver has no zero date, and no 800 hours
        if isinstance(kind, FLOAT | BIT):
            return f"{column} + 0e0" if isinstance(kind, FLOAT) else f"{column} + 0"
        return column

    def canonical(self, columns: Sequence[Canonical], separator: str) -> str:
        texts = (
            f"COALESCE({_canonical(each, self.quote(each.column))}, '\\0')" for each in columns
        )
        return f"CAST(CONCAT_WS({self.text(separator)}, {', '.join(texts)}) AS BINARY)"

    def row_digest(self, columns: Sequence[str]) -> str:
        parts = (
            f"COALESCE(CONCAT(LENGTH({name}), ':', CAST({name} AS BINARY)), '-')"
            for name in columns
        )
        return f"UNHEX(LEFT(SHA2(CONCAT({', '.join(parts)}), 256), 16))"

    def join_digests(self, digest: str, order: str) -> str:
        return f"GROUP_CONCAT({digest} ORDER BY {order} SEPARATOR '')"

    def same(self, one: str, other: str) -> str:
        # A FLOAT has more digits than its text.
        return f"({one} <=> {other} AND CAST({one} AS BINARY) <=> CAST({other} AS BINARY))"

    def temporary_copy(self, name: str, key: str, select: str) -> list[str]:
        # Not the rows' own key: a text is none without a length, and a column of it may be NULL.
        number = "terp_seed_row BIGINT PRIMARY KEY AUTO_INCREMENT"
        return [f"CREATE TEMPORARY TABLE {name} ({number}) {select} WHERE 1 = 0"]

    def drop_temporary(self, name: str) -> list[str]:
        return [f"DROP TEMPORARY TABLE {name}"]

    def update_from(
        self, table: str, source: str, values: Sequence[tuple[str, str]], where: str
    ) -> str:
        given = ", ".join(f"live.{self.quote(name)} = {value}" for name, value in values)
        return f"UPDATE {table} live JOIN {source} kept ON {where} SET {given}"

    def refuse_dependents(
        self,
        target: str,
        declared: Sequence[tuple[str, str, str]],
        going: str,
        ours: Mapping[str, str],
    ) -> list[str]:
        # Which columns point here only the server knows: it is asked, and asks itself.
        cases = " ".join(
            f"WHEN {self.text(name)} THEN {self.text(f' AND NOT ({where})')}"
            for name, where in ours.items()
        )
        spared = f"CASE name {cases} ELSE '' END" if cases else "''"
        inner = f"' pointing WHERE EXISTS (SELECT 1 FROM {self.quote_table(target)} WHERE '"
        inside = self.text(f" AND ({going}))")
        counting = (
            f"CONCAT('(SELECT COUNT(*) FROM ', place, {inner}, matched, {inside}, {spared}, ')')"
        )
        return [
            "SET @terp_seed_search = (SELECT CONCAT('SELECT ', COALESCE(GROUP_CONCAT("
            f"{counting} SEPARATOR ' + '), '0'), ' INTO @terp_seed_dependents')\n"
            f"FROM ({self._referring(target, declared)}) AS referring)",
            "PREPARE terp_seed_search FROM @terp_seed_search",
            "EXECUTE terp_seed_search",
            "DEALLOCATE PREPARE terp_seed_search",
            self.guard("@terp_seed_dependents = 0"),
        ]

    def _referring(self, target: str, declared: Sequence[tuple[str, str, str]]) -> str:
        """A SELECT of the tables that point here, and of how each row of theirs is matched."""
        place = f"CONCAT({_quoted('table_schema')}, '.', {_quoted('table_name')}) AS place"
        columns = f"{_name('table_schema', 'table_name')} AS name, {place}"
        here = self.quote_table(target)
        held = self.text(f"{here}.")
        where = self._at("referenced_table", target)
        pair = f"CONCAT({held}, {_quoted('referenced_column_name')}, ' = pointing.', "
        keys = (
            f"SELECT {columns}, GROUP_CONCAT({pair}{_quoted('column_name')}) SEPARATOR ' AND ') "
            f"AS matched FROM information_schema.key_column_usage WHERE {where} "
            "GROUP BY table_schema, table_name, constraint_name"
        )
        said = (
            f"SELECT {columns}, "
            + self.text(f"{here}.{self.quote(of)} = pointing.{self.quote(column)}")
            + f" AS matched FROM information_schema.columns WHERE {self._at('table', table)} "
            f"AND column_name = {self.text(column)}"
            for table, column, of in declared
        )
        return "\nUNION ".join([keys, *said])

    def _at(self, column: str, name: str) -> str:
        """The condition that a table of ``information_schema`` is the one of this name."""
        schema, table = split_table(name)
        place = "DATABASE()" if schema is None else self.text(schema)
        return f"{column}_schema = {place} AND {column}_name = {self.text(table)}"

    def last_first(self, key: str) -> str:
        return f" ORDER BY {self.quote(key)} DESC"  # a row may refer to one before it

    def days_between(self, later: str, earlier: str) -> str:
        return f"DATEDIFF({later}, {earlier})"

    def engine(self, url: URL) -> Engine:
        from sqlalchemy import create_engine, event
        from sqlalchemy.pool import NullPool

        if not url.database:
            raise UsageError("the URL names no database: write mysql://user@host/database")
        url = through_driver(url, "mysqldb", "mysqlclient")
        try:
            engine = create_engine(
                url.update_query_dict({"charset": "utf8mb4"}),
                poolclass=NullPool,
                hide_parameters=True,
                # from the first moment on, because SQLAlchemy quotes by the mode it finds
                connect_args={"sql_mode": _MODE},
            )
        except ModuleNotFoundError:
            raise UsageError(
                'MySQL needs mysqlclient: pip install "terp_seed[mysql]" (README.md says '
                "which headers it needs)"
            ) from None
        event.listen(engine, "connect", _read_moments_fast)
        return engine

    def lock(self, connection: Connection, *, lent: bool = False) -> Lock:
        return NamedLock(connection)

    def begin_snapshot(self, connection: Connection) -> None:
        connection.exec_driver_sql("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def statement_characters(self, connection: Connection) -> int:
        packet = int(_scalar(connection, "SELECT @@max_allowed_packet"))
        return min(STATEMENT_CHARACTERS, packet // 4)  # a character is at most 4 bytes

    def largest_statement(self, connection: Connection) -> int | None:
        return int(_scalar(connection, "SELECT @@max_allowed_packet"))

    def transaction_limit(self, connection: Connection) -> TransactionLimit | None:
        return transaction_limit(connection)

    def folds_names(self, connection: Connection) -> bool:
        return int(_scalar(connection, "SELECT @@lower_case_table_names")) == 1

    def charsets(self, connection: Connection, table: str) -> dict[str, str]:
        rows = _exact(
            connection,
            "SELECT column_name, character_set_name FROM information_schema.columns "
            f"WHERE {self._at('table', table)} AND character_set_name IS NOT NULL",
        )
        return {str(name): str(charset) for name, charset in rows}

    def foreign_keys(self, connection: Connection, tables: Sequence[str]) -> list[Reference]:
        # Asked of the server in one go: other databases of it may point here, too.
        schemas = sorted(filter(None, {split_table(table)[0] for table in tables}))
        places = ", ".join(["DATABASE()", *map(self.text, schemas)])
        rows = _exact(
            connection,
            f"SELECT {_name('table_schema', 'table_name')}, constraint_name, "
            f"{_name('referenced_table_schema', 'referenced_table_name')}, "
            "column_name, referenced_column_name FROM information_schema.key_column_usage "
            f"WHERE referenced_table_schema IN ({places}) "
            "ORDER BY table_schema, table_name, constraint_name, ordinal_position",
        )
        return gather_references(rows)

    def holder(self, connection: Connection) -> str:
        number = _scalar(connection, f"SELECT IS_USED_LOCK({LOCK_NAME})")
        return f"connection {number}" if number else ""

    def translate(self, error: BaseException, key: str | None = None) -> Problem:
        return problem(error, key)

    def stopped_at(self, error: BaseException, sql: str) -> int | None:
        return unread_from(error, sql)

    def unreachable(self, error: BaseException) -> str:
        return UNREACHABLE.get(problem(error).code or 0, "")

    def reset_counter(self, table: str, key: str) -> Sequence[str]:
        return [f"ALTER TABLE {self.quote_table(table)} AUTO_INCREMENT = 1"]  # it goes no lower

    def copies(self, connection: Connection, tables: Sequence[str]) -> list[Copy]:
        names = ("log_bin", "general_log", "slow_query_log")
        on = {name: bool(_scalar(connection, f"SELECT @@{name}")) for name in names}
        listed = ", ".join(map(self.quote, tables)) or "each masked table"
        return [
            Copy(
                "table files: old row versions, pages not reused yet",
                f"{len(tables)} tables were masked",
                f"run OPTIMIZE TABLE {listed}, which writes them anew",
            ),
            Copy(
                "undo and redo log",
                "always there",
                "written over as the server goes on; before the disk leaves your hands stop the "
                "server with innodb_fast_shutdown = 0 and delete its log files",
            ),
            Copy(
                "binary log: every row as it was and as it is",
                "log_bin is ON" if on["log_bin"] else "log_bin is OFF",
                "once replicas have read it: PURGE BINARY LOGS BEFORE NOW()"
                if on["log_bin"]
                else "none, unless it was on while the copy was restored",
            ),
            Copy(
                "replicas and change-data-capture consumers",
                "not known here",
                "let them catch up, then do the same there",
            ),
            Copy(
                "general and slow query log: the statements of the restore",
                ", ".join(f"{name} is {'ON' if on[name] else 'OFF'}" for name in names[1:]),
                "truncate them if they were on while the copy was restored; masking itself writes "
                "masked values only, and masks no primary key while they are on",
            ),
        ]


def _name(schema: str, table: str) -> str:
    """An expression of a table's name, with its schema unless that is the connection's own."""
    return f"CONCAT(COALESCE(CONCAT(NULLIF({schema}, DATABASE()), '.'), ''), {table})"


def _quoted(column: str) -> str:
    """An expression of a name that a column holds, quoted."""
    return f"CONCAT('`', REPLACE({column}, '`', '``'), '`')"


def _canonical(of: Canonical, name: str) -> str:
    from sqlalchemy import types

    kind = of.kind
    if of.first is not None:
        return f"CONCAT('#', {name} - {of.first})"
    if isinstance(kind, types.LargeBinary | types.BINARY | types.VARBINARY):
        return f"CONCAT('x', LOWER(HEX({name})))"
    if isinstance(kind, types.String | types.JSON):
        return f"CONVERT({name} USING utf8mb4)"  # two collations cannot be joined
    text = name
    if getattr(kind, "scale", None) or getattr(kind, "fsp", None):
        text = f"TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM {name}))"
    return f"REPLACE({text}, ' 00:00:00', '')" if isinstance(kind, types.DateTime) else text


_MOMENTS = (7, 12)  # TIMESTAMP and DATETIME, as the protocol numbers them


def _read_moments_fast(connection: Any, record: object) -> None:
    """Let Python's own parser read times; the driver's takes most of a survey's time."""
    converters = connection.converter
    slow = converters[_MOMENTS[0]]

    def moment(text: str) -> datetime | None:
        try:
            return datetime.fromisoformat(text)
        except ValueError:  # a zero date
            return slow(text)  # type: ignore[no-any-return]

    converters.update(dict.fromkeys(_MOMENTS, moment))


def _variable(name: str) -> str:
    """A user variable; the server allows 64 characters, and two names stay two."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    if plain != name or len(plain) > _VARIABLE:
        plain = f"{plain[: _VARIABLE - 9]}_{blake2b(name.encode(), digest_size=4).hexdigest()}"
    return f"@seed_{plain}"


def _exact(connection: Connection, sql: str) -> Any:
    """The rows of a SELECT, in which a percent sign of a name is one."""
    return connection.exec_driver_sql(sql, execution_options=EXACT)


def _scalar(connection: Connection, sql: str) -> Any:
    return connection.exec_driver_sql(sql).scalar()
