"""Copies of a PostgreSQL template: repaired where that is enough, else made again."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from servers import PostgreSQL, clean_environment, find_program
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from terp_seed.database.dialects.postgresql_copies import PostgreSQLCopies

TEMPLATE = "repair_template"
TABLES = (
    "CREATE TABLE parents (id bigserial PRIMARY KEY, name text, twice text "
    "GENERATED ALWAYS AS (name || name) STORED)",
    "CREATE TABLE children (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
    "parent bigint NOT NULL REFERENCES parents ON DELETE CASCADE)",
    'CREATE TABLE "it\'s Here" ("a b" bytea, at timestamptz, t text[])',
    "CREATE TABLE nothing ()",
    "CREATE TABLE parts (n int) PARTITION BY RANGE (n)",
    "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)",
    "CREATE UNLOGGED TABLE quick (n int PRIMARY KEY)",
    "CREATE SEQUENCE untouched",
    "CREATE SEQUENCE called",
    "SELECT nextval('called')",
    "CREATE TABLE log (n int)",
    "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN INSERT INTO log VALUES (1); RETURN NULL; END'",
    "CREATE TRIGGER noted AFTER DELETE ON parents FOR EACH STATEMENT EXECUTE FUNCTION note()",
    "CREATE TABLE strict (n int)",
    "CREATE TRIGGER always AFTER INSERT ON strict FOR EACH STATEMENT EXECUTE FUNCTION note()",
    "ALTER TABLE strict ENABLE ALWAYS TRIGGER always",
    "INSERT INTO parents (name) VALUES ('one'), ('two'), (NULL)",
    "INSERT INTO children (parent) VALUES (1), (1), (3)",
    "INSERT INTO \"it's Here\" VALUES ('\\x00ff', now(), '{a,NULL}')",
    "INSERT INTO nothing DEFAULT VALUES",
    "INSERT INTO parts VALUES (1), (2)",
    "INSERT INTO quick VALUES (1)",
    "INSERT INTO strict VALUES (1)",
    "CREATE MATERIALIZED VIEW seen AS SELECT count(*) AS n FROM parents",
)
REPAIRED = (
    "SELECT 1",
    "UPDATE parents SET name = 'other'",
    "DELETE FROM parents",
    "INSERT INTO parents (name) VALUES ('four')",
    "DELETE FROM children; "
    "INSERT INTO children OVERRIDING SYSTEM VALUE VALUES (1, 1), (2, 1), (3, 2)",
    "TRUNCATE parents RESTART IDENTITY CASCADE",
    "INSERT INTO children (parent) VALUES (2), (3)",
    'DELETE FROM "it\'s Here"',
    "INSERT INTO parts VALUES (3); DELETE FROM parts WHERE n = 1; TRUNCATE quick",
    "SELECT nextval('untouched')",
    "SELECT setval('untouched', 7, false), setval('called', 9)",
    "CREATE TEMPORARY TABLE passing (n int); INSERT INTO passing VALUES (1)",
    "VACUUM FULL parents",
    "ANALYZE",
)
MADE_AGAIN = (
    "CREATE TABLE more (n int)",
    "DROP TABLE quick",
    "ALTER TABLE quick RENAME TO slow",
    "ALTER TABLE parents ADD COLUMN more int",
    "ALTER TABLE parents ALTER COLUMN name SET DEFAULT 'x'",
    "CREATE INDEX ON parents (name)",
    "ALTER TABLE children DISABLE TRIGGER ALL",
    "DROP TRIGGER noted ON parents",
    "CREATE VIEW a_view AS SELECT 1 AS one",
    "CREATE OR REPLACE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN RETURN NULL; END'",
    "GRANT SELECT ON parents TO PUBLIC",
    "COMMENT ON TABLE parents IS 'x'",
    "ALTER TABLE parents ENABLE ROW LEVEL SECURITY",
    "CREATE SCHEMA more",
    "CREATE TYPE mood AS ENUM ('ok')",
    "ALTER SEQUENCE called INCREMENT 5",
    "INSERT INTO nothing DEFAULT VALUES; ALTER TABLE nothing ADD COLUMN n int",
    "INSERT INTO parents (name) VALUES ('x'); REFRESH MATERIALIZED VIEW seen",
    "INSERT INTO strict VALUES (2)",
    "SELECT lo_from_bytea(0, 'x')",
    "ALTER DATABASE {name} SET work_mem TO '7MB'",
)


@pytest.fixture
def admin(postgresql: PostgreSQL) -> Iterator[Connection]:
    engine = sa.create_engine(postgresql.root_url("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def copies(postgresql: PostgreSQL, admin: Connection) -> Iterator[PostgreSQLCopies]:
    """Copies of a template of which two have been given back, so that they are repaired."""
    admin.exec_driver_sql(f"CREATE DATABASE {TEMPLATE}")
    run(postgresql, TEMPLATE, *TABLES)
    made = PostgreSQLCopies(connector(postgresql), "", ())
    for _ in range(2):
        made.give_back(made.take(TEMPLATE))
    yield made
    made.close()
    left = admin.exec_driver_sql("SELECT datname FROM pg_database").scalars().all()
    assert [name for name in left if name.startswith(TEMPLATE)] == [TEMPLATE]
    admin.exec_driver_sql(f"DROP DATABASE {TEMPLATE}")


def connector(server: PostgreSQL, user: str | None = None) -> Callable[[str | None], Connection]:
    """Connects as the superuser, or as a user whose password is its name."""

    def connect(name: str | None) -> Connection:
        url = sa.make_url(server.root_url(name or "postgres"))
        if user is not None:
            url = url.set(username=user, password=user)
        pool = sa.pool.NullPool
        return sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=pool).connect()

    return connect


def run(server: PostgreSQL, name: str, *statements: str) -> None:
    engine = sa.create_engine(server.root_url(name), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for sql in statements:
            for part in [sql] if "BEGIN" in sql else sql.split(";"):
                text = part.strip().format(name=f'"{name}"') if "{name}" in part else part.strip()
                connection.exec_driver_sql(text, execution_options={"no_parameters": True})
    engine.dispose()


def dump(server: PostgreSQL, name: str) -> list[str]:
    """All that is in a database; the rows in any order."""
    done = subprocess.run(
        [find_program("pg_dump"), "--inserts", f"--dbname={plain(server.root_url(name))}"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    kept = [line for line in done.stdout.splitlines() if "restrict" not in line]
    return sorted(line.replace(name, "NAME") for line in kept)


def plain(url: str) -> str:
    return sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def settings(admin: Connection, name: str) -> list[str]:
    sql = (
        "SELECT unnest(setconfig) FROM pg_db_role_setting s JOIN pg_database d "
        f"ON d.oid = setdatabase WHERE datname = '{name}'"
    )
    return list(admin.exec_driver_sql(sql).scalars())


def after(server: PostgreSQL, copies: PostgreSQLCopies, change: str) -> tuple[str, str]:
    """The copy that a test changed, and the next one."""
    name = copies.take(TEMPLATE)
    run(server, name, change)
    copies.give_back(name)
    return name, copies.take(TEMPLATE)


def test_rows_and_sequences_are_put_back(postgresql: PostgreSQL, copies: PostgreSQLCopies) -> None:
    whole = dump(postgresql, TEMPLATE)
    for change in REPAIRED * 2:  # what a copy holds is noted again after each repair
        name, following = after(postgresql, copies, change)
        assert following == name, change
        assert dump(postgresql, following) == whole, change
        copies.give_back(following)


def test_what_is_not_put_back_makes_another_copy(
    postgresql: PostgreSQL, admin: Connection, copies: PostgreSQLCopies
) -> None:
    whole = dump(postgresql, TEMPLATE)
    for change in MADE_AGAIN:
        name, following = after(postgresql, copies, change)
        assert following != name, change
        assert dump(postgresql, following) == whole, change
        assert settings(admin, following) == [], change
        copies.give_back(following)


def test_a_connection_that_is_left_open_writes_to_no_other_test(
    postgresql: PostgreSQL, copies: PostgreSQLCopies
) -> None:
    name = copies.take(TEMPLATE)
    engine = sa.create_engine(postgresql.url(name))
    with engine.connect() as left:
        left.exec_driver_sql("SELECT 1")
        copies.give_back(name)
        following = copies.take(TEMPLATE)
        assert following != name
        with pytest.raises(DBAPIError):
            left.exec_driver_sql("SELECT 1")
    engine.dispose()
    copies.give_back(following)


def test_a_user_needs_a_right_to_repair(postgresql: PostgreSQL, admin: Connection) -> None:
    admin.exec_driver_sql("CREATE ROLE plain LOGIN CREATEDB PASSWORD 'plain'")
    admin.exec_driver_sql(f"CREATE DATABASE {TEMPLATE} OWNER plain")
    run(postgresql, TEMPLATE, "CREATE TABLE t (n int)", "ALTER TABLE t OWNER TO plain")
    connect = connector(postgresql, "plain")

    def taken() -> int:
        copies = PostgreSQLCopies(connect, "", ())
        names = []
        for _ in range(4):
            names.append(copies.take(TEMPLATE))
            run(postgresql, names[-1], "INSERT INTO t VALUES (1)")
            copies.give_back(names[-1])
        copies.close()
        return len({*names})

    assert taken() == 4
    if int(postgresql.version.partition(".")[0]) >= 15:
        admin.exec_driver_sql("GRANT SET ON PARAMETER session_replication_role TO plain")
        assert taken() == 2  # the first is dropped: there may be no other test
        admin.exec_driver_sql("REVOKE SET ON PARAMETER session_replication_role FROM plain")
    admin.exec_driver_sql(f"DROP DATABASE {TEMPLATE}")
    admin.exec_driver_sql("DROP ROLE plain")


def test_a_copy_whose_connection_was_ended_is_made_again(
    postgresql: PostgreSQL, admin: Connection, copies: PostgreSQLCopies
) -> None:
    name = copies.take(TEMPLATE)
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"
    admin.exec_driver_sql(end.format(name))
    copies.give_back(name)
    following = copies.take(TEMPLATE)
    assert following != name
    copies.give_back(following)


def test_what_cannot_be_copied_is_said_by_the_server(postgresql: PostgreSQL) -> None:
    copies = PostgreSQLCopies(connector(postgresql), "", ())
    with pytest.raises(DBAPIError, match="does not exist"):
        copies.take("no_such_template")
    copies.close()
