"""PostgreSQL 13 and later, through psycopg 3.

Nothing is set or locked for the session behind a connection pooler:
`postgresql_transactions` and `postgresql_locks` say how.  Sequences are moved
on before a row goes in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from hashlib import blake2b
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from terp_seed.database.dialects.base import Dialect
from terp_seed.database.dialects.model import (
    Copy,
    Piece,
    Problem,
    Reference,
    Staged,
    Trigger,
    Written,
    gather_references,
)
from terp_seed.database.dialects.postgresql_clients import PostgreSQLClients
from terp_seed.database.dialects.postgresql_errors import (
    hidden_rows,
    place_shown,
    problem,
    unreachable,
)
from terp_seed.database.dialects.postgresql_kept import PostgreSQLKeptRows
from terp_seed.database.dialects.postgresql_locks import (
    HOLDER,
    AdvisoryLock,
    TransactionLock,
    wait_in_transaction,
)
from terp_seed.database.dialects.postgresql_sequences import (
    advance_sequence,
    draw_keys,
    reset_sequence,
)
from terp_seed.database.dialects.postgresql_templates import PostgreSQLTemplates
from terp_seed.database.dialects.postgresql_transactions import PIN, begin_pinned, driver_of, pinned
from terp_seed.database.dialects.postgresql_urls import through_psycopg
from terp_seed.database.dialects.postgresql_values import PostgreSQLValues
from terp_seed.database.dialects.sessions import Lock
from terp_seed.errors import UsageError
from terp_seed.rows.literals import NULL, quoted

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Connection, Engine

__all__ = ["PostgreSQL"]

_NAME = 50
_STAGE = "terp_seed_stage"
_AS_TEXT = ("json", "jsonb", "inet", "cidr")
_ONE_OF = re.compile(  # (("size")::text = ANY ((ARRAY['S'::character varying])::text[]))
    r"""\(*("(?:[^"]|"")+"|\w+)\)?(?:::[\w\ ]+(?:\(\d+\))?)?\s*=\s*
        (?:ANY\s*\(+ARRAY\[(?P<many>.*?)\]\)*(?:::[\w\ ]+\[\])?\)*
        |(?P<one>'(?:[^']|'')*'(?:::[\w\ ]+)?\)*))""",
    re.DOTALL | re.VERBOSE,
)
_LOGS = {
    "log_statement": ("none", "ddl"),
    "log_min_duration_statement": ("-1",),
    "log_min_duration_sample": ("-1",),
    "auto_explain.log_min_duration": ("-1",),
    "pgaudit.log": ("none", ""),
}
"""The settings that write statements to the log, with the values that keep an UPDATE out of it."""
_EXTENSIONS = {"auto_explain.log_min_duration", "pgaudit.log"}
_LITERAL = re.compile(r"'((?:[^']|'')*)'(?:::[\w ]+)?")


class PostgreSQL(PostgreSQLKeptRows, PostgreSQLValues, Dialect):
    """PostgreSQL; any driver that a URL names is replaced by psycopg 3."""

    names: ClassVar[tuple[str, ...]] = ("postgresql",)
    port = 5432
    driver = "psycopg"
    clients = PostgreSQLClients()
    templates = PostgreSQLTemplates
    rows_per_statement = 1000
    stages_rows = True
    overriding = " OVERRIDING SYSTEM VALUE"
    reuses_keys = False  # a sequence never goes back
    begin = "BEGIN ISOLATION LEVEL READ COMMITTED"
    affected = ":ROW_COUNT"
    script_name = "psql"
    opaque = re.compile(
        r"""(?<!\w)[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
        | (?<!\w)\$(\w*)\$.*?\$\1\$ | --[^\n]* | /\*.*?\*/""",
        re.DOTALL | re.VERBOSE,
    )
    integer_bits: ClassVar[Mapping[str, int]] = {"SMALLINT": 15, "INTEGER": 31}

    # -- writes

    def take_keys(self, table: str, key: str, count: int) -> str:
        highest = super().take_keys(table, key, count)
        return draw_keys(self, table, key, count, highest) if count else highest

    def name_key(self, name: str, first_key: str) -> list[str]:
        return [f"SELECT set_config('{_setting(name)}', {first_key}::text, true)"]

    def numbers(self, column: str, texts: Sequence[str], name: str) -> Written:
        first = _first(name)
        return Written(column, [[f"{first}+{text}" for text in texts]])

    def documents(self, column: str, rows: Sequence[Sequence[Piece] | None]) -> Written:
        names = {name for row in rows for _, name, _ in row or ()}
        added = {name: f"({_first(name)}+%d)::text" for name in names if name}

        def joined(row: Sequence[Piece]) -> str:
            texts = quoted(self.text, [text for text, _, _ in row])
            keys = [added[name] % number if name else "" for _, name, number in row]
            parts = ", ".join(filter(None, chain(*zip(texts, keys, strict=True))))
            # A function takes 100 arguments; the type goes into json, jsonb and text.
            return f"CONCAT(VARIADIC ARRAY[{parts}])::json"

        return Written(column, [[NULL if row is None else joined(row) for row in rows]])

    def target(self, table: str, columns: Sequence[Written]) -> str:
        return f"{super().target(table, columns)}{self.overriding}"

    def stage(self, table: str, columns: Sequence[Staged]) -> str:
        # Of the table's own types, so that a value is read as the table would read it.
        listed = ", ".join(
            f"{expression} AS c{place}"
            for place, expression in enumerate(chain(*(self._staged(column) for column in columns)))
        )
        return (
            f"CREATE TEMPORARY TABLE {_STAGE} ON COMMIT DROP AS\n"
            f"SELECT {listed} FROM {self.quote_table(table)} WHERE false"
        )

    def _staged(self, column: Staged) -> list[str]:
        name = self.quote(column.name)
        if column.is_document:
            return ["NULL::text", "NULL::bigint[]", "NULL::int[]"]
        if column.lookup is not None:
            table, compared = column.lookup
            return [f"(SELECT {self.quote(compared)} FROM {self.quote_table(table)} LIMIT 0)"]
        return [f"{name}::bigint" if column.keys else name]

    def copy_to_stage(self) -> str:
        return f"COPY pg_temp.{_STAGE} FROM STDIN"

    def insert_staged(self, table: str, columns: Sequence[Staged]) -> str:
        values, joins, place = [], list[str](), 0
        for column in columns:
            firsts = [f"(SELECT {_first(name)})" for name in column.keys]
            if column.is_document:
                added = f"n + (ARRAY[{', '.join(firsts)}])[t]"
                keys = (
                    f"SELECT array_agg(({added})::text ORDER BY o) "
                    f"FROM unnest(c{place + 1}, c{place + 2}) WITH ORDINALITY AS u (n, t, o)"
                )
                values.append(f"format(c{place}, VARIADIC ({keys}))::json")
                place += 3
            elif column.lookup is not None:
                value, join = self.join_lookup(column.lookup, f"{_STAGE}.c{place}", len(joins))
                values.append(value)
                joins.append(f"\n{join}")
                place += 1
            else:
                values.append(f"{firsts[0]} + c{place}" if firsts else f"c{place}")
                place += 1
        names = ", ".join(self.quote(column.name) for column in columns)
        return (
            f"INSERT INTO {self.quote_table(table)} ({names}){self.overriding}\n"
            f"SELECT {', '.join(values)} FROM pg_temp.{_STAGE}{''.join(joins)}"
        )

    def empty_stage(self) -> str:
        return f"TRUNCATE pg_temp.{_STAGE}"

    def drop_stage(self) -> str:
        return f"DROP TABLE pg_temp.{_STAGE}"

    def update(
        self,
        table: str,
        key: Sequence[str],
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        still: Sequence[str],
    ) -> str:
        quote, target = self.quote, self.quote_table(table)
        names = [*key, *columns]
        # A first row of no value gives each column the type it has in the table.
        typed = ", ".join(f"(SELECT {quote(name)} FROM {target} WHERE false)" for name in names)
        lines = ",\n".join([f"({typed})", *(f"({', '.join(row)})" for row in rows)])
        listed = ", ".join(f"c{at}" for at in range(len(names)))
        sets = [f"{quote(name)} = n.c{at}" for at, name in enumerate(columns, len(key))]
        same = " AND ".join(f"t.{quote(name)} = n.c{at}" for at, name in enumerate(key))
        return (
            f"UPDATE {target} AS t SET {', '.join(sets)}\n"
            f"FROM (VALUES\n{lines}) AS n ({listed}) WHERE {same}"
        )

    def temporary_copy(self, name: str, key: str, select: str) -> list[str]:
        return [
            f"CREATE TEMPORARY TABLE {name} AS {select} WHERE false",
            f"CREATE INDEX ON {name} ({key})",
        ]

    # -- scripts

    def prologue(self, seconds: float = 30) -> list[str]:
        return [
            r"\set ON_ERROR_STOP on",
            r"\set ON_ERROR_ROLLBACK off",
            r"\set AUTOCOMMIT on",
            r"\set QUIET on",
            r"\o /dev/null",
        ]

    def guard(self, condition: str) -> str:
        return f"SELECT 1 / CASE WHEN {condition} THEN 1 ELSE 0 END"

    def in_transaction(self, seconds: float) -> list[str]:
        return [PIN, *wait_in_transaction(seconds)]

    def take_lock(self, seconds: float) -> list[str]:
        return []  # each transaction has its own

    def drop_lock(self) -> list[str]:
        return []

    def refuse_dependents(
        self,
        target: str,
        declared: Sequence[tuple[str, str, str]],
        going: str,
        ours: Mapping[str, str],
    ) -> list[str]:
        # Which columns point here only the server knows: a block of code asks it.
        cases = " ".join(
            f"WHEN {self.text(name)} THEN {self.text(f' AND NOT ({where})')}"
            for name, where in ours.items()
        )
        spared = f"CASE name {cases} ELSE '' END" if cases else "''"
        place = self.quote_table(target)
        inner = self.text(f" pointing WHERE EXISTS (SELECT 1 FROM {place} WHERE ")
        inside = self.text(f" AND ({going}))")
        code = (
            "DECLARE pointing record; found boolean;\nBEGIN\nFOR pointing IN\n"
            f"SELECT place, {inner} || matched || {inside} || {spared} AS these\n"
            f"FROM ({self._referring(target, declared)}) AS referring\nLOOP\n"
            "EXECUTE 'SELECT EXISTS (SELECT 1 FROM ' || pointing.place || pointing.these || ')' "
            "INTO found;\nIF found THEN RAISE EXCEPTION "
            "'rows of % that stay point at rows that go', pointing.place; END IF;\n"
            "END LOOP;\nEND"
        )
        mark = f"$seed_{blake2b(code.encode(), digest_size=8).hexdigest()}$"
        return [f"DO {mark}\n{code} {mark}"]

    def _referring(self, target: str, declared: Sequence[tuple[str, str, str]]) -> str:
        """A SELECT of the tables that point here, and of how each row of theirs is matched."""
        place = self.quote_table(target)
        here = self.text(place)
        name = _name("c.relnamespace::regnamespace::name", "c.relname")
        columns = f"{name} AS name, c.oid::regclass::text"
        pair = f"format('%s.%I = pointing.%I', {here}, b.attname, a.attname)"
        keys = (
            f"SELECT {columns} AS place, (SELECT string_agg({pair}, ' AND ') "
            "FROM unnest(k.conkey, k.confkey) AS u (own, other) "
            "JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.own "
            "JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = u.other) AS matched "
            "FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid "
            f"WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = {here}::regclass"
        )
        said = (
            f"SELECT {columns} AS place, "
            + self.text(f"{place}.{self.quote(key)} = pointing.{self.quote(column)}")
            + " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
            f"WHERE a.attname = {self.text(column)} "
            f"AND c.oid = to_regclass({self.text(self.quote_table(table))})"
            for table, column, key in declared
        )
        return "\nUNION ALL ".join([keys, *said])

    # -- the catalogue

    def choices(self, check: str) -> tuple[str, frozenset[str]] | None:
        found = _ONE_OF.fullmatch(check.strip())
        if found is None:
            return super().choices(check)
        listed = found["many"] or found["one"].rstrip(")")
        if _LITERAL.sub("", listed).strip(", "):
            return None  # not only literals
        column = found[1].strip('"').replace('""', '"')
        values = (text.replace("''", "'") for text in _LITERAL.findall(listed))
        return column, frozenset(values)

    def charsets(self, connection: Connection, table: str) -> dict[str, str]:
        # The whole database has one; a column that is no text has no collation.
        rows = connection.exec_driver_sql(
            "SELECT attname, getdatabaseencoding() FROM pg_attribute "
            "WHERE attrelid = to_regclass(%s) AND attnum > 0 AND attcollation <> 0",
            (self.quote_table(table),),
        )
        return {str(name): str(charset) for name, charset in rows}

    def foreign_keys(self, connection: Connection, tables: Sequence[str]) -> list[Reference]:
        rows = connection.exec_driver_sql(
            f"SELECT {_name('n.nspname', 'c.relname')}, k.oid, {_name('m.nspname', 't.relname')}, "
            "a.attname, b.attname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_class t ON t.oid = k.confrelid "
            "JOIN pg_namespace m ON m.oid = t.relnamespace, "
            "unnest(k.conkey, k.confkey) WITH ORDINALITY AS u (own, other, place) "
            "JOIN pg_attribute a ON a.attnum = u.own JOIN pg_attribute b ON b.attnum = u.other "
            "WHERE k.contype = 'f' AND k.conparentid = 0 "
            "AND a.attrelid = k.conrelid AND b.attrelid = k.confrelid "
            "ORDER BY 1, k.conname, u.place"
        )
        return gather_references(rows)

    def parts(self, connection: Connection) -> frozenset[str]:
        rows = connection.exec_driver_sql(
            f"SELECT {_name('nspname', 'relname')} FROM pg_inherits "
            "JOIN pg_class c ON c.oid = inhrelid JOIN pg_namespace n ON n.oid = relnamespace"
        )
        return frozenset(str(name) for (name,) in rows)

    def defer_references(
        self, connection: Connection, tables: Sequence[str]
    ) -> tuple[Sequence[str], Sequence[str]]:
        rows = connection.exec_driver_sql(
            "SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint "
            "WHERE contype = 'f' AND conparentid = 0 AND NOT condeferrable "
            "AND conrelid = ANY(%s::regclass[]) ORDER BY 1, 2",
            ([*map(self.quote_table, tables)],),
        )
        keys = [f"ALTER TABLE {table} ALTER CONSTRAINT {name}" for table, name in rows]
        before = [f"{key} DEFERRABLE INITIALLY DEFERRED" for key in keys]
        # What is pending would forbid the change.
        after = ["SET CONSTRAINTS ALL IMMEDIATE", *(f"{key} NOT DEFERRABLE" for key in keys)]
        return before, after

    def triggers(self, connection: Connection, table: str) -> list[str]:
        rows = connection.exec_driver_sql(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass(%s) "
            "AND NOT tgisinternal AND tgtype & 16 <> 0 ORDER BY tgname",
            (self.quote_table(table),),
        )
        return [str(name) for (name,) in rows]

    def all_triggers(self, connection: Connection) -> list[Trigger]:
        rows = connection.exec_driver_sql(
            f"SELECT tgname, {_name('nspname', 'relname')}, pg_get_functiondef(tgfoid) "
            "FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid "
            "JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE NOT tgisinternal ORDER BY tgname, 2"
        )
        return [Trigger(*map(str, row)) for row in rows]

    def as_spelt(self, name: str) -> str:
        return f'{name} COLLATE "C"'

    def as_document(self, expression: str) -> str:
        return f"CAST({expression} AS jsonb)"

    def readable_elsewhere(self, connection: Connection) -> list[tuple[str, str]]:
        rows = connection.exec_driver_sql(
            "SELECT nspname, relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE relkind IN ('r', 'p') AND nspname NOT IN ('information_schema', 'pg_catalog') "
            "AND nspname !~ '^pg_(toast|temp)' AND nspname <> current_schema() "
            "AND has_schema_privilege(n.oid, 'USAGE') "
            "AND has_table_privilege(pg_class.oid, 'SELECT') ORDER BY 1, 2"
        )
        return [(str(schema), str(name)) for schema, name in rows]

    def hidden(self, connection: Connection, tables: Sequence[str]) -> str:
        rows = connection.exec_driver_sql(
            f"SELECT {_name('nspname', 'relname')} FROM unnest(%s::text[]) AS name "
            "JOIN pg_class c ON c.oid = to_regclass(name) "
            "JOIN pg_namespace n ON n.oid = relnamespace WHERE row_security_active(c.oid)",
            ([*map(self.quote_table, tables)],),
        )
        return hidden_rows(str(name) for (name,) in rows)

    def publications(self, connection: Connection, tables: Sequence[str]) -> dict[str, list[str]]:
        rows = connection.exec_driver_sql(
            "SELECT pubname, tablename FROM pg_publication_tables "
            "WHERE schemaname = current_schema() AND tablename = ANY(%s) ORDER BY 1, 2",
            (list(tables),),
        )
        found: dict[str, list[str]] = {}
        for publication, table in rows:
            found.setdefault(publication, []).append(table)
        return found

    def statement_logs(self, connection: Connection) -> dict[str, str | None]:
        listed = ", ".join(map(self.text, _LOGS))
        sql = f"SELECT name, setting, current_database() FROM pg_settings WHERE name IN ({listed})"
        rows = connection.exec_driver_sql(sql).all()
        logs: dict[str, str | None] = dict.fromkeys(_LOGS.keys() - _EXTENSIONS)
        for name, value, database in rows:
            logs.pop(name, None)
            if value not in _LOGS[name]:
                off = self.text(_LOGS[name][0])
                logs[name] = f"ALTER DATABASE {self.quote(database)} SET {name} = {off}"
        return logs

    def advance_counter(self, table: str, key: str) -> Sequence[str]:
        return [advance_sequence(self, table, key)]

    def reset_counter(self, table: str, key: str) -> Sequence[str]:
        return [reset_sequence(self, table, key)]

    def copies(self, connection: Connection, tables: Sequence[str]) -> list[Copy]:
        names = ("archive_mode", "log_statement", "wal_level")
        (row,) = connection.exec_driver_sql(
            f"SELECT {', '.join(f'current_setting({self.text(name)})' for name in names)}"
        )
        now = dict(zip(names, row, strict=True))
        listed = ", ".join(map(self.quote, tables)) or "each masked table"
        return [
            Copy(
                "table files: dead row versions",
                f"{len(tables)} tables were masked",
                f"run VACUUM FULL {listed}, which writes them anew",
            ),
            Copy(
                "write-ahead log",
                f"archive_mode is {now['archive_mode']}",
                "run CHECKPOINT and pg_switch_wal(); delete archived segments from the restore on",
            ),
            Copy(
                "replicas, replication slots and subscribers",
                f"wal_level is {now['wal_level']}",
                "let them catch up, then do the same there; drop slots that nothing reads",
            ),
            Copy(
                "the server's log: the statements of the restore",
                f"log_statement is {now['log_statement']}",
                "delete it if statements were logged while the copy was restored; masking itself "
                "writes masked values only, and masks no primary key while it is on",
            ),
        ]

    # -- sessions

    def pin(self) -> list[str]:
        return []  # each transaction is pinned

    def give_back(self, connection: Connection) -> list[str]:
        return []

    def autocommits(self, connection: Connection) -> bool:
        driver = driver_of(connection)
        return bool(driver.autocommit) and not driver.info.transaction_status

    def pinned(self, connection: Connection) -> AbstractContextManager[None]:
        return pinned(connection)

    def engine(self, url: URL) -> Engine:
        from sqlalchemy import create_engine, event
        from sqlalchemy.pool import NullPool

        if not url.database:
            raise UsageError("the URL names no database: write postgresql://user@host/database")
        try:
            engine = create_engine(
                through_psycopg(url),
                poolclass=NullPool,
                hide_parameters=True,
                isolation_level="READ COMMITTED",
                connect_args={"prepare_threshold": None},  # each statement comes once, and is long
            )
        except ModuleNotFoundError:
            raise UsageError(
                'PostgreSQL needs psycopg 3: pip install "terp_seed[postgresql]"'
            ) from None
        event.listen(engine, "connect", lambda made, _: _load_as_text(made.adapters))
        event.listen(engine, "before_cursor_execute", _parse_catalogue)
        begin_pinned(engine)
        return engine

    @contextmanager
    def read_as_written(self, connection: Connection) -> Iterator[None]:
        if connection.dialect.driver != "psycopg":
            raise UsageError(
                f"the connection that you handed over uses {connection.dialect.driver}; make its "
                "engine with postgresql+psycopg://..."
            )
        from sqlalchemy import event

        lent: Any = connection.connection.driver_connection
        before = _load_as_text(lent.adapters)
        event.listen(connection, "before_cursor_execute", _parse_catalogue)
        try:
            yield
        finally:
            event.remove(connection, "before_cursor_execute", _parse_catalogue)
            for oid, loader in before.items():
                lent.adapters.register_loader(oid, loader)

    def lock(self, connection: Connection, *, lent: bool = False) -> Lock:
        return TransactionLock(connection) if lent else AdvisoryLock(connection)

    def begin_snapshot(self, connection: Connection) -> None:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        connection.exec_driver_sql("SELECT 1")  # the first statement takes the snapshot

    def holder(self, connection: Connection) -> str:
        found = connection.exec_driver_sql(HOLDER).first()
        if found is None:
            return ""
        number, application = found
        known = application in ("", "terp_seed")
        return f"connection {number}" if known else f"connection {number} of {application}"

    def translate(self, error: BaseException, key: str | None = None) -> Problem:
        return problem(error, key)

    def stopped_at(self, error: BaseException, sql: str) -> int | None:
        return place_shown(error, sql)

    def unreachable(self, error: BaseException) -> str:
        return unreachable(error)


def _load_as_text(adapters: Any) -> dict[int, Any]:
    """Read as texts what Python would make something else of; return the loaders used before."""
    from psycopg.types.string import TextLoader

    before = {}
    for name in _AS_TEXT:
        oid = adapters.types[name].oid
        before[oid] = adapters.get_loader(oid, 0)  # 0: what the server sends as text
        adapters.register_loader(oid, TextLoader)
    return before


def _parse_catalogue(connection: object, cursor: Any, statement: str, *rest: object) -> None:
    """Let SQLAlchemy read the JSON that its reflection has PostgreSQL make of the catalogue."""
    if "json_build_object" in statement and "pg_catalog" in statement:
        from psycopg.types.json import JsonLoader

        cursor.adapters.register_loader("json", JsonLoader)


def _name(schema: str, table: str) -> str:
    """An expression of a table's name, with its schema unless that is the connection's own."""
    return f"COALESCE(NULLIF({schema}, current_schema()) || '.', '') || {table}"


def _setting(name: str) -> str:
    """A setting of the transaction; names are kept short, and two stay two."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    if plain != name or len(plain) > _NAME:
        plain = f"{plain[: _NAME - 9]}_{blake2b(name.encode(), digest_size=4).hexdigest()}"
    return f"seed.k_{plain}"


def _first(name: str) -> str:
    return f"current_setting('{_setting(name)}')::bigint"
