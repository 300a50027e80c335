"""Errors on PostgreSQL, each one line that says what, where and what to do."""

from __future__ import annotations

import MySQLdb
import pytest
import sqlalchemy as sa
from servers import PostgreSQL
from toys import Toy

from terp_seed.database.dialects import MySQL
from terp_seed.errors import PlanError, SeedError, UsageError


def refused(toy: Toy, *x: str, error: type[SeedError] = PlanError) -> str:
    """What an upgrade says that is refused, and that leaves no row."""
    with pytest.raises(error) as caught:
        toy.upgrade("head", *x)
    assert toy.version() is None
    return str(caught.value)


def things(toy: Toy, kind: str, value: str) -> None:
    """A table with a column of a type, and a revision with a value for it, in Python."""
    toy.execute(f"CREATE TABLE things (id SERIAL PRIMARY KEY, code TEXT NOT NULL, value {kind})")
    toy.publish("things", ["code", "value"])
    toy.only(
        "0001_things",
        f'op.seed_rows("things", [{{"code": "a", "value": None}}, {{"code": "b", '
        f'"value": {value}}}])',
        head="from datetime import UTC, date, datetime",
    )


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        ("TEXT[]", '["x"]', "is an array, and the seed's value is a list; write it as text, as in"),
        ("TIMESTAMPTZ", '"2026-01-31 08:05:00+02"', "has an offset from UTC; give a datetime"),
        ("TIMESTAMPTZ", '"2026-01-31T08:05Z"', "has an offset from UTC; give a datetime"),
        ("DATE", '"2026-01-31T08:05+02:00"', "has an offset from UTC; give a datetime"),
        ("INET", "7", "cannot convert the seed's value to the column's type"),
        ("DATE", "5", "cannot convert the seed's value to the column's type"),
        ("BOOLEAN", "7", "cannot convert the seed's value to the column's type"),
        ("INTEGER", "1.5", "cannot convert the seed's value to the column's type"),
        ("UUID", 'b"x"', "cannot convert the seed's value to the column's type"),
        ("TIME", "date(2026, 1, 1)", "cannot convert the seed's value to the column's type"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_column(
    postgresql_toy: Toy, kind: str, value: str, says: str
) -> None:
    things(postgresql_toy, kind, value)
    said = refused(postgresql_toy)
    assert f"table things, column value: {said.partition('column value: ')[2]}" in said
    assert says in said
    assert "(row 2)" in said


@pytest.mark.parametrize("value", ["datetime(2026, 1, 31, 8, 5, tzinfo=UTC)", '"2026-01-31 08:05"'])
def test_moments_that_a_column_reads(postgresql_toy: Toy, value: str) -> None:
    things(postgresql_toy, "TIMESTAMPTZ", value)
    postgresql_toy.upgrade()
    found = postgresql_toy.value("SELECT value AT TIME ZONE 'UTC' FROM things WHERE code = 'b'")
    assert str(found) == "2026-01-31 08:05:00"


def test_a_domain_is_what_it_is_made_of(postgresql_toy: Toy) -> None:
    """To the masking policy and to the preflight."""
    toy = postgresql_toy
    toy.execute(
        "CREATE DOMAIN amount AS INTEGER CHECK (VALUE > 0)",
        "CREATE DOMAIN less AS amount CHECK (VALUE < 9)",
        "CREATE TABLE things (id SERIAL PRIMARY KEY, notes less, code TEXT UNIQUE)",
    )
    toy.only("0001_things", 'op.seed_rows("things", [{"notes": 5, "code": "abc"}], key=["code"])')
    toy.upgrade()
    toy.downgrade("base", "on-edited=abort")
    toy.rewind()
    toy.only("0001_things", 'op.seed_rows("things", [{"notes": "x", "code": "b"}], key=["code"])')
    assert "column notes: is an integer column" in refused(toy)


def test_a_row_without_a_partition_is_said(postgresql_toy: Toy) -> None:
    toy = postgresql_toy
    toy.execute(
        "CREATE TABLE things (code TEXT, year INTEGER, PRIMARY KEY (code, year)) "
        "PARTITION BY LIST (year)",
        "CREATE TABLE things_1 PARTITION OF things FOR VALUES IN (1)",
    )
    toy.only(
        "0001_things",
        'op.seed_rows("things", [{"code": "a", "year": 1}, {"code": "b", "year": 2}], '
        'key=["code", "year"], id=None)',
    )
    said = refused(toy)
    assert said.startswith(
        "revision 0001_things, table things, rows 1 to 2: no partition of things"
    )
    assert "create the partition, or give the rows other values (error 23514)" in said
    toy.execute("CREATE TABLE things_2 PARTITION OF things FOR VALUES IN (2)")
    toy.upgrade()


def test_a_check_that_does_not_hold_is_named(postgresql_toy: Toy) -> None:
    toy = postgresql_toy
    toy.execute("ALTER TABLE labels ADD CONSTRAINT large CHECK (place > 9)")
    toy.only("0001_a", 'op.seed_rows("labels", [{"code": "a", "place": 1}], key=["code"])')
    assert "a CHECK does not hold: large (error 23514)" in refused(toy)


@pytest.mark.parametrize(
    ("grants", "says"),
    [
        (
            (
                "SELECT ON ALL TABLES IN SCHEMA public",
                "USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public",
                "CREATE ON SCHEMA public",
                "TEMPORARY ON DATABASE {0}",
            ),
            "may not use table labels; GRANT SELECT, INSERT, UPDATE, DELETE ON labels TO it",
        ),
        (
            (
                "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public",
                "CREATE ON SCHEMA public",
            ),
            "may not use sequence labels_id_seq; GRANT USAGE, SELECT, UPDATE ON SEQUENCE "
            "labels_id_seq TO it",
        ),
        (
            ("SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public",),
            "may not use schema public; GRANT USAGE, CREATE ON SCHEMA public TO it, or let a user",
        ),
        (
            (
                "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public",
                "USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public",
                "CREATE ON SCHEMA public",
            ),
            "may not make temporary tables in database {0}; GRANT TEMPORARY ON DATABASE {0} TO it",
        ),
    ],
    ids=["table", "sequence", "schema", "temporary"],
)
def test_a_missing_privilege_is_named_with_its_grant(
    postgresql_toy: Toy, postgresql: PostgreSQL, grants: tuple[str, ...], says: str
) -> None:
    toy = postgresql_toy
    database = str(sa.make_url(toy.url).database)
    postgresql.execute(
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC",
        "DROP ROLE IF EXISTS bare",
        "CREATE ROLE bare LOGIN PASSWORD 'p'",
        *(f"GRANT {grant.format(database)} TO bare" for grant in grants),
        database=database,
    )
    rows = '[{"code": f"c{n}"} for n in range(300)]'
    toy.only("0001_a", f'op.seed_rows("labels", {rows}, key=["code"])')
    try:
        with pytest.raises(PlanError) as caught:
            toy.upgrade("head", f"url={postgresql.url(database, user='bare', password='p')}")
        assert says.format(database) in str(caught.value)
    finally:
        postgresql.execute("DROP OWNED BY bare", "DROP ROLE bare", database=database)


def test_hidden_rows_are_said_with_the_schema_of_their_table(postgresql_toy: Toy) -> None:
    toy = postgresql_toy
    toy.execute(
        "CREATE SCHEMA sales",
        "CREATE TABLE sales.items (id SERIAL PRIMARY KEY, code TEXT UNIQUE)",
        "ALTER TABLE sales.items ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    )
    toy.only("0001_items", "op.seed_rows('sales.items', [{'code': 'a'}], key=['code'])")
    assert "row-level security hides rows of sales.items from the database user" in refused(toy)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://u@h/d?host=prod.example", "write postgresql://user:password@host:port"),
        ("postgresql://u@h/d?hostaddr=10.0.0.1", "sets 'hostaddr' in its query"),
        ("postgresql://u@h/d?service=prod", "sets 'service' in its query"),
        ("mysql://u@h/d?host=prod.example", "write mysql://user:password@host:port/database"),
        ("postgres://u@h/d", "postgres: no such engine here; write postgresql://"),
        ("sqlite3:///x.db", "sqlite3: no such engine here; write sqlite://"),
        ("oracle://u@h/d", "no such engine here; terp_seed seeds mariadb, mysql, postgresql"),
        ("postgresql:/u@h", "write it as postgresql://user:password@host/database"),
    ],
)
def test_a_url_that_is_not_usable(sqlite_toy: Toy, url: str, says: str) -> None:
    assert says in refused(sqlite_toy, f"url={url}", error=UsageError)


def test_the_folder_of_a_socket_is_this_machine(sqlite_toy: Toy) -> None:
    """As a URL says it that has no host; no server is there."""
    said = refused(sqlite_toy, "url=postgresql:///d?host=/nowhere", error=UsageError)
    assert "database 'd' cannot be reached: no server answers there" in said


def test_a_server_without_tls_is_said(postgresql_toy: Toy) -> None:
    url = sa.make_url(postgresql_toy.url).update_query_dict({"sslmode": "require"})
    x = f"url={url.render_as_string(hide_password=False)}"
    assert "the server has no TLS; take sslmode out" in refused(postgresql_toy, x, error=UsageError)


def test_tls_that_fails_on_mysql_is_said() -> None:
    """A client of MariaDB connects without TLS where a server has none."""
    error = MySQLdb.OperationalError(2026, "SSL connection error: unknown error")
    assert MySQL().unreachable(error).startswith("TLS failed; check the ssl options")
