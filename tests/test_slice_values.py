"""What becomes of values and keys of every kind on their way into a slice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from copies import Copy
from slices import Target, into, request, script, tables_of
from toy_schema import metadata

from terp_seed.database.compare import database_digests, table_digest
from terp_seed.database.environment_stamp import stamp
from terp_seed.errors import MaskingError, PlanError, UsageError
from terp_seed.slice.run import plan_only

ODD = 'it\'s "q" \\ back\\nslash %s :x\ttab\nline\r\n \U0001f33f ünï \x1a'
PLAIN = (
    "[tables.labels]",
    'not_personal = [{ columns = ["wording", "extra", "body", "blob", "code"], reason = "test" }]',
)


@pytest.fixture(autouse=True)
def no_seeders(monkeypatch: pytest.MonkeyPatch) -> None:
    """What seeders of other tests in this process have said of references is not this source's."""
    monkeypatch.setattr("terp_seed.rows.seeders._REFERENCES", {})


@pytest.fixture
def labels(new_copy: Callable[..., Copy]) -> Copy:
    """The toy's tables, with values that are easily broken."""
    copy = new_copy("production")
    copy.policy(*PLAIN)
    table = metadata.tables["labels"]
    with copy.db.begin() as connection:
        metadata.create_all(connection)
        connection.execute(
            table.insert(),
            [
                {
                    "id": n,
                    "code": f"L{n}",
                    "wording": ODD if n % 2 else None,
                    "extra": {"a": [1, None, ODD], "n": n},
                    "blob": bytes([n, 0, 255, 39, 92]),
                    "body": ODD * 20,
                    "amount": f"{n}.25",
                    "day": date(2024, 2, 29),
                    "moment": datetime(2024, 2, 29, 23, 59, 58),
                    "parent_id": n - 1 or None,
                }
                for n in range(1, 8)
            ],
        )
    return copy


def toy_target(copy: Copy, url: str) -> Target:
    target = Target(copy, url)
    with target.db.begin() as connection:
        metadata.create_all(connection)
        stamp(connection, "dev", origin="test")
    return target


def digests(db: sa.Engine, *, exact: bool) -> Any:
    with db.connect() as connection:
        return database_digests(connection, exact=exact)["labels"]


def test_values_are_the_same_to_the_last_byte(
    labels: Copy, second_database_url: str, new_database: Any, tmp_path: Path, client: Any
) -> None:
    target = toy_target(labels, second_database_url)
    into(labels, target, request("labels"))
    assert digests(target.db, exact=True) == digests(labels.db, exact=True)
    other = toy_target(labels, new_database(str(labels.db.url.get_backend_name())))
    text = script(labels, tmp_path / "slice.sql", request("labels"))
    client(other.settings.url.render_as_string(hide_password=False), text)
    assert digests(other.db, exact=True) == digests(labels.db, exact=True)


@pytest.mark.parametrize("other", ["sqlite", "postgresql", "mariadb"])
def test_values_are_the_same_on_another_engine(
    labels: Copy, other: str, new_database: Callable[[str], str], mariadb: Any
) -> None:
    target = toy_target(labels, new_database(mariadb.engine if other == "mariadb" else other))
    into(labels, target, request("labels"))
    for column in ("code", "wording", "extra", "blob", "body", "amount", "day", "moment"):
        with target.db.connect() as there, labels.db.connect() as here:
            one, two = (table_digest(each, "labels", only=column) for each in (there, here))
        assert one == two, column


def test_keys_of_days_and_texts_are_followed(
    new_copy: Callable[..., Copy], second_database_url: str, tmp_path: Path
) -> None:
    """As in a well-known sample database of employees."""
    tables = {
        "employees": "emp_no INTEGER PRIMARY KEY, first_name VARCHAR(40) NOT NULL",
        "departments": "dept_no CHAR(4) PRIMARY KEY, dept_name VARCHAR(40) NOT NULL UNIQUE",
        "titles": "emp_no INTEGER NOT NULL REFERENCES employees (emp_no), title VARCHAR(50), "
        "from_date DATE, to_date DATE, PRIMARY KEY (emp_no, title, from_date)",
        "grants": "id INTEGER PRIMARY KEY, emp_no INTEGER, title VARCHAR(50), from_date DATE, "
        "FOREIGN KEY (emp_no, title, from_date) REFERENCES titles (emp_no, title, from_date)",
        "dept_emp": "emp_no INTEGER NOT NULL REFERENCES employees (emp_no), "
        "dept_no CHAR(4) NOT NULL REFERENCES departments (dept_no), PRIMARY KEY (emp_no, dept_no)",
    }
    copy = new_copy("production", **tables)
    copy.policy(
        "[tables.employees]",
        'first_name = { class = "first_name" }',
        "[tables.titles]",
        'not_personal = [{ columns = ["from_date", "to_date", "title"], reason = "test" }]',
        "[tables.departments]",
        'not_personal = [{ columns = ["dept_no", "dept_name"], reason = "test" }]',
    )
    copy.run(
        "INSERT INTO employees VALUES (10001, 'Jane'), (10002, 'Joe'), (10003, 'Jim')",
        "INSERT INTO departments VALUES ('d001', 'Sales'), ('d002', 'It''s \\o/')",
        "INSERT INTO titles VALUES (10001, 'Staff', '1990-02-01', NULL), "
        "(10001, 'O''Boss', '1999-12-31', '2001-01-01'), (10002, 'Staff', '1990-02-01', NULL)",
        "INSERT INTO grants VALUES (1, 10001, 'O''Boss', '1999-12-31'), (2, NULL, NULL, NULL)",
        "INSERT INTO dept_emp VALUES (10001, 'd001'), (10001, 'd002'), (10003, 'd002')",
    )
    target = tables_of(copy, second_database_url, tables)
    into(copy, target, request("grants"))
    assert target.all("SELECT title FROM titles") == [("O'Boss",)]
    assert target.ids("employees", "emp_no") == [10001]
    assert target.all("SELECT emp_no FROM grants ORDER BY id") == [(10001,), (None,)]
    assert target.ids("departments", "dept_no") == []
    into(copy, f"sqlite:///{tmp_path}/slice.db", request("employees", depth=2))
    assert Target(copy, f"sqlite:///{tmp_path}/slice.db").all(
        "SELECT e.emp_no, t.title, g.id FROM employees e JOIN titles t ON t.emp_no = e.emp_no "
        "JOIN grants g ON g.title = t.title AND g.from_date = t.from_date"
    ) == [(10001, "O'Boss", 1)]


PEOPLE = {
    "people": "mail VARCHAR(80) PRIMARY KEY, nick VARCHAR(40) NOT NULL UNIQUE",
    "visits": "id INTEGER PRIMARY KEY, mail VARCHAR(80) NOT NULL REFERENCES people (mail), "
    "nick VARCHAR(40) REFERENCES people (nick)",
}


@pytest.fixture
def members(new_copy: Callable[..., Copy]) -> Copy:
    """People who are known by their address, and visits that name them by it."""
    copy = new_copy("production", **PEOPLE)
    rows = ", ".join(f"('canary-{n}@real-corp.com', 'Canary{n}')" for n in range(1, 6))
    copy.run(
        f"INSERT INTO people VALUES {rows}",
        "INSERT INTO visits SELECT 1, mail, nick FROM people WHERE nick = 'Canary2'",
        "INSERT INTO visits SELECT 2, mail, NULL FROM people WHERE nick = 'Canary4'",
    )
    return copy


def test_keys_that_are_masked_still_join(members: Copy, second_database_url: str) -> None:
    masked = 'mail = { class = "email" }', 'nick = { class = "username" }'
    members.policy("[tables.people]", *masked, "[tables.visits]", *masked)
    target = tables_of(members, second_database_url, PEOPLE)
    into(members, target, request("visits"))
    joined = "SELECT v.id, p.nick FROM visits v JOIN people p ON p.mail = v.mail ORDER BY v.id"
    assert [number for number, _ in target.all(joined)] == [1, 2]
    assert len(target.all("SELECT 1 FROM visits v JOIN people p ON p.nick = v.nick")) == 1
    assert "anary" not in repr(target.all("SELECT * FROM people"))


@pytest.mark.parametrize(
    "visits",
    [
        ('mail = { class = "email", domain = "another" }', 'nick = { class = "username" }'),
        ('mail = { class = "email" }', 'nick = { class = "username", strategy = "redact" }'),
    ],
)
def test_sides_that_would_part_are_refused(
    members: Copy, second_database_url: str, visits: tuple[str, str]
) -> None:
    people = 'mail = { class = "email" }', 'nick = { class = "username" }'
    members.policy("[tables.people]", *people, "[tables.visits]", *visits)
    target = tables_of(members, second_database_url, PEOPLE)
    with pytest.raises(MaskingError, match="would no longer once it is masked"):
        into(members, target, request("visits"))
    assert target.ids("visits") == []


def test_a_table_without_a_key_is_named(
    new_copy: Callable[..., Copy], second_database_url: str
) -> None:
    tables = {"notes": "id INTEGER PRIMARY KEY", "marks": "note_id INTEGER REFERENCES notes (id)"}
    copy = new_copy("production", **tables)
    copy.policy("")
    copy.run("INSERT INTO notes VALUES (1)", "INSERT INTO marks VALUES (1)")
    target = tables_of(copy, second_database_url, tables)
    with pytest.raises(PlanError, match="table marks: has neither a primary key nor unique"):
        into(copy, target, request("notes"))
    into(copy, target, request("notes", never=frozenset({"marks"})))
    assert target.ids("notes") == [1]


def test_partitions_are_rows_of_their_table(
    postgresql_url: str, new_database: Callable[[str], str], tmp_path: Path, monkeypatch: Any
) -> None:
    made = (
        "CREATE TABLE shops (id INTEGER PRIMARY KEY)",
        "CREATE TABLE sales (id INTEGER, shop_id INTEGER REFERENCES shops (id), PRIMARY KEY (id)) "
        "PARTITION BY RANGE (id)",
        "CREATE TABLE sales_1 PARTITION OF sales FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE sales_2 PARTITION OF sales FOR VALUES FROM (10) TO (20)",
    )
    copy = Copy(postgresql_url, tmp_path, monkeypatch, "production")
    copy.policy("")
    copy.run(*made, "INSERT INTO shops VALUES (1), (2)", "INSERT INTO sales VALUES (5, 1), (15, 1)")
    target = tables_of(copy, new_database("postgresql"), {})
    with target.db.begin() as connection:
        for sql in made:
            connection.exec_driver_sql(sql)
    report = into(copy, target, request("shops", where="id = 1"))
    assert [each.table for each in report.plan.tables] == ["sales", "shops"]
    assert target.ids("sales") == [5, 15]


def test_a_table_without_columns_of_days_has_no_since(labels: Copy, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has not exactly one column of days"):
        script(labels, tmp_path / "slice.sql", request("labels", since=":2026-01-01"))


def test_a_mask_that_the_type_does_not_hold_is_refused_before_a_row(
    new_copy: Callable[..., Copy],
) -> None:
    """A script would fail when it is run, long after."""
    copy = new_copy("production", people="id INTEGER PRIMARY KEY")
    if copy.name != "postgresql":
        return
    copy.run(
        "ALTER TABLE people ADD COLUMN words text[], ADD COLUMN ip inet, ADD COLUMN mac macaddr, "
        "ADD COLUMN ref uuid, ADD COLUMN home inet",
        "INSERT INTO people VALUES (1, '{a,b}', '10.0.0.1', '08:00:2b:01:02:03', "
        "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '10.0.0.2')",
    )
    policy = (
        "[tables.people]",
        'words = { class = "free_text"WORDS }',
        'ip = { class = "device"IP }',
        'mac = { class = "device"MAC }',
        'ref = { class = "external_id" }',
        'home = { class = "network" }',
    )
    copy.policy(
        *(line.replace("WORDS", "").replace("IP", "").replace("MAC", "") for line in policy)
    )
    with pytest.raises(MaskingError) as failed:
        plan_only(copy.settings, request("people"))
    told = str(failed.value)
    assert "people.words is of type ARRAY" in told
    assert "people.ip is of type INET(), which redact does not make: use nullify" in told
    assert "people.mac is of type MACADDR" in told
    assert "people.ref" not in told
    assert "people.home" not in told
    null = ', strategy = "nullify"'
    copy.policy(
        *(line.replace("WORDS", null).replace("IP", null).replace("MAC", null) for line in policy)
    )
    plan_only(copy.settings, request("people"))
