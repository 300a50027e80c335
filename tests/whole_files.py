"""Whole public data sets load, show no drift and roll back: a command, since they are not ours.

::

    TERP_SEED_TEST_FILES=FOLDER .venv-tests/bin/pytest tests/whole_files.py

The folder has ``airports.dat``, ``airlines.dat`` and ``routes.dat`` of OpenFlights, and MySQL's
Sakila sample database as the project "test_db" ships it, ``sakila-mv-schema.sql`` and
``sakila-mv-data.sql``; of its employees, ``employees.sql`` alone.
"""

from __future__ import annotations

import csv
import io
import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from copies import Copy
from servers import MariaDB, run_client
from slices import Target, into, request, script, tables_of
from toys import Toy

from terp_seed.database.compare import database_digests
from terp_seed.database.environment_stamp import stamp
from terp_seed.errors import PlanError
from terp_seed.mask_database.proposals import propose_policy
from terp_seed.masking.policy_lines import add_decisions

FILES = Path(os.environ["TERP_SEED_TEST_FILES"])

Pair = Callable[..., Callable[[], None]]


def test_openflights(toy: Toy, pair: Pair) -> None:
    r"""Files without a header, with \N for NULL; ids of their own, from -1 on."""
    double = "DOUBLE PRECISION" if toy.postgresql else "DOUBLE"
    airports = ["name", "city", "country", "iata", "icao", "zone", "tz", "kind", "source", "dst"]
    airlines = ["name", "alias", "iata", "icao", "callsign", "country", "active"]
    # Without the aircraft: "320 321 319 738 739" may be a card's number, as far as digits tell.
    routes = ["airline", "source", "destination", "codeshare"]
    down = pair(
        """
        op.seed_file("airports", "airports.csv", key=["id"], null=r"\\N", columns=[
            "id", "name", "city", "country", "iata", "icao", "lat", "lon", "altitude", "utc", "dst",
            "tz", "kind", "source"], types={"lat": "float", "lon": "float", "utc": "decimal"})
        op.seed_file("airlines", "airlines.csv", key=["id"], null=r"\\N", columns=[
            "id", "name", "alias", "iata", "icao", "callsign", "country", "active"])
        op.seed_file("routes", "routes.csv", null=r"\\N", columns=[
            "airline", "airline_id", "source", "source_id", "destination", "destination_id",
            "codeshare", "stops", "equipment"], omit=["equipment"])
        """,
        "CREATE TABLE airports (id INTEGER PRIMARY KEY, name VARCHAR(80), city VARCHAR(60), "
        f"country VARCHAR(40), iata CHAR(3), icao CHAR(4), lat {double}, lon {double}, "
        "altitude INTEGER, utc DECIMAL(4, 2), dst CHAR(1), tz VARCHAR(40), kind VARCHAR(10), "
        "source VARCHAR(20))",
        "CREATE TABLE airlines (id INTEGER PRIMARY KEY, name VARCHAR(90), alias VARCHAR(80), "
        "iata VARCHAR(3), icao VARCHAR(5), callsign VARCHAR(50), country VARCHAR(60), "
        "active CHAR(1))",
        f"CREATE TABLE routes (id {toy.counted_key}, airline VARCHAR(3), airline_id INTEGER, "
        "source VARCHAR(4), source_id INTEGER, destination VARCHAR(4), destination_id INTEGER, "
        "codeshare VARCHAR(1), stops INTEGER)",
        published={"airports": airports, "airlines": airlines, "routes": routes},
        airports_csv=(FILES / "airports.dat").read_bytes(),
        airlines_csv=(FILES / "airlines.dat").read_bytes(),
        routes_csv=(FILES / "routes.dat").read_bytes(),
    )
    for table in ("airports", "airlines", "routes"):
        lines = (FILES / f"{table}.dat").read_text().count("\n")
        assert toy.value(f"SELECT COUNT(*) FROM {table}") == lines
    down()


SAKILA = [
    *("actor", "category", "language", "country", "city"),
    *("film", "film_actor", "film_category"),
]
"""Its other tables refer to stores and staff, which refer to each other and may not be NULL."""


def test_sakila(mariadb: MariaDB, mariadb_toy: Toy) -> None:
    """ENUM, SET, YEAR, DECIMAL, ON UPDATE timestamps, keys of two columns, triggers."""
    toy, schema = mariadb_toy, _sql("sakila-mv-schema.sql")
    name = str(toy.db.url.database)
    head, start = schema[: schema.index("DROP SCHEMA")], schema.index("USE sakila;")
    mariadb.execute("CREATE DATABASE sakila")
    root = mariadb.root_url("sakila")
    run_client(root, f"{head}{schema[start:]}")
    run_client(root, _sql("sakila-mv-data.sql"))
    tables = schema[start + len("USE sakila;") : schema.index("--\n-- View structure")]
    run_client(mariadb.root_url(name), f"{head}{tables}")

    operations, source = [], sa.create_engine(root)
    with source.connect() as connection:
        connection.exec_driver_sql("SET time_zone = '+00:00'")
        for table in SAKILA:
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").mappings().all()
            toy.data(f"{table}.csv", _csv(rows))
            toy.publish(table, [*rows[0]])
            key = sa.inspect(connection).get_pk_constraint(table)["constrained_columns"]
            operations.append(
                f'op.seed_file("{table}", "{table}.csv", key={key!r}, id=None, null="NULL")'
            )
        expected = {table: _rows(connection, table) for table in SAKILA}
    toy.only("0001_sakila", "\n".join(operations))
    toy.upgrade()
    toy.document("status", "--drift")
    with toy.db.connect() as connection:
        connection.exec_driver_sql("SET time_zone = '+00:00'")
        for table in SAKILA:
            assert _rows(connection, table) == expected[table], table
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == {}
    source.dispose()
    mariadb.execute("DROP DATABASE sakila")


def test_a_slice_of_sakila(
    new_database: Callable[[str], str], mariadb: MariaDB, tmp_path: Path, monkeypatch: Any
) -> None:
    """Customers with all that they need: SET, YEAR, BLOB, text keys.

    A store and its manager refer to each other, and neither may be NULL: the server checks each row
    at once, so the target lets one of the two be NULL.
    """
    schema = _sql("sakila-mv-schema.sql", mariadb.engine)
    head, start = schema[: schema.index("DROP SCHEMA")], schema.index("USE sakila;")
    tables = schema[start + len("USE sakila;") : schema.index("--\n-- View structure")]
    while "DELIMITER ;;" in tables:  # without triggers
        first = tables.index("DELIMITER ;;")
        tables = tables[:first] + tables[tables.index("DELIMITER ;\n", first) + 12 :]
    urls = [new_database(mariadb.engine) for _ in range(3)]
    roots = [mariadb.root_url(str(sa.engine.make_url(url).database)) for url in urls]
    for root in roots:
        run_client(root, f"{head}{tables}")
    data = _sql("sakila-mv-data.sql", mariadb.engine).replace("USE sakila;", "")
    run_client(roots[0], data)
    copy = Copy(urls[0], tmp_path, monkeypatch, "production")
    (tmp_path / "masking.toml").write_text("version = 1\n")
    found, _ = propose_policy(copy.settings, ())
    add_decisions(tmp_path / "masking.toml", found)
    policy = (tmp_path / "masking.toml").read_text()
    place = 'location = { class = "free_text", reason = "proposed: its name or type looks like '
    kept = 'location = { pii = false, reason = "a point of a made-up city" }'
    (tmp_path / "masking.toml").write_text(policy.replace(f'{place}free_text" }}', kept))
    before = _digests(copy)

    asked = request("customer", where="active = 1", limit=40, depth=2)
    target, again = (Target(copy, url) for url in urls[1:])
    for each in (target, again):
        with each.db.begin() as connection:
            stamp(connection, "dev", origin="test")
        with pytest.raises(PlanError, match=r"store\.manager_staff_id .* be NULL in database"):
            into(copy, each, asked)
        with each.db.begin() as connection:
            connection.exec_driver_sql(
                "ALTER TABLE store MODIFY manager_staff_id TINYINT UNSIGNED NULL"
            )
        report = into(copy, each, asked)
    assert _digests(copy) == before
    taken = {each.table: each.rows for each in report.plan.tables}
    assert taken["customer"] >= 40
    assert taken["store"] == taken["staff"] == 2
    with target.db.connect() as connection, warnings.catch_warnings(action="ignore"):
        inspector = sa.inspect(connection)
        for table in inspector.get_table_names():
            for key in inspector.get_foreign_keys(table):
                ((own,), (other,)) = key["constrained_columns"], key["referred_columns"]
                sql = (
                    f"SELECT COUNT(*) FROM {table} c LEFT JOIN {key['referred_table']} p "
                    f"ON p.{other} = c.{own} WHERE c.{own} IS NOT NULL AND p.{other} IS NULL"
                )
                assert connection.exec_driver_sql(sql).scalar() == 0, (table, own)
        names = "SELECT first_name, last_name, email FROM customer ORDER BY customer_id"
        masked = connection.exec_driver_sql(names).all()
        same = "SELECT film_id, title, special_features FROM film ORDER BY film_id"
        films = connection.exec_driver_sql(same).all()
    assert {*masked}.isdisjoint(copy.all(names))
    assert {*map(repr, films)} <= {*map(repr, map(tuple, copy.all(same)))}
    for table in ("customer", "staff", "store", "rental", "film"):
        every = f"SELECT * FROM {table} ORDER BY 1"
        assert target.all(every) == again.all(every)
    into(copy, f"sqlite:///{tmp_path}/sakila.db", asked)
    asked = request("film", where="film_id < 30", depth=1, never=frozenset({"inventory"}))
    text = script(copy, tmp_path / "slice.sql", asked)
    assert text == script(copy, tmp_path / "again.sql", asked)


EMPLOYEES = (*("employees", "departments", "dept_manager", "dept_emp", "titles", "salaries"),)


def test_a_slice_of_employees(
    new_copy: Callable[..., Copy],
    second_database_url: str,
    new_database: Callable[[str], str],
    tmp_path: Path,
) -> None:
    """The schema as it is shipped, on each engine, with made-up rows: keys of two columns."""
    schema = (FILES / "employees.sql").read_text().split("CREATE TABLE ")[1:]
    copy = new_copy("production")
    tables = {}
    for text in schema:
        name, _, columns = text.partition(" (")
        columns = columns[: columns.index("\n)")]
        if copy.name in ("sqlite", "postgresql"):
            columns = columns.replace("ENUM ('M','F')", "CHAR(1)")
            columns = re.sub(r"UNIQUE\s+KEY", "UNIQUE", columns)
        tables[name] = columns
    for name, columns in tables.items():
        copy.run(f"CREATE TABLE {name} ({columns})")
    copy.policy(
        "[tables.employees]",
        'first_name = { class = "first_name", strategy = "redact" }',
        'last_name = { class = "last_name", strategy = "redact" }',
        'birth_date = { class = "date", strategy = "generalise", to = "year" }',
        'gender = { class = "gender", strategy = "keep", reason = "test" }',
        'not_personal = [{ columns = ["hire_date"], reason = "test" }]',
        "[tables.salaries]",
        'salary = { class = "amount", strategy = "noise", percent = 10 }',
    )
    numbers = range(1, 301)
    copy.run(
        "INSERT INTO employees VALUES "
        + ", ".join(
            f"({n}, '19{50 + n % 40}-03-04', 'Jane{n}', 'Canary{n}', 'F', '1999-01-02')"
            for n in numbers
        ),
        "INSERT INTO departments VALUES ('d001', 'Sales'), ('d002', 'Research')",
        "INSERT INTO dept_manager VALUES (1, 'd001', '2000-01-01', '9999-01-01'), "
        "(2, 'd002', '2000-01-01', '9999-01-01')",
        "INSERT INTO dept_emp VALUES "
        + ", ".join(f"({n}, 'd00{n % 2 + 1}', '2000-01-01', '9999-01-01')" for n in numbers),
        "INSERT INTO titles VALUES "
        + ", ".join(f"({n}, 'Clerk', '2000-01-01', NULL)" for n in numbers),
        "INSERT INTO salaries VALUES "
        + ", ".join(
            f"({n}, {40_000 + n * y}, '200{y}-01-01', '200{y + 1}-01-01')"
            for n in numbers
            for y in range(4)
        ),
    )
    before = _digests(copy)
    asked = request("employees", where="emp_no % 7 = 0", depth=1)
    engine = str(copy.db.url.get_backend_name())
    targets = [tables_of(copy, url, tables) for url in (second_database_url, new_database(engine))]
    reports = [into(copy, target, asked) for target in targets]
    assert _digests(copy) == before
    taken = {each.table: each.rows for each in reports[0].plan.tables}
    assert taken == {"employees": 42, "departments": 2, "dept_emp": 42, "titles": 42} | {
        "salaries": 168
    }
    rows = [{name: target.all(f"SELECT * FROM {name}") for name in EMPLOYEES} for target in targets]
    assert {name: sorted(map(repr, found)) for name, found in rows[0].items()} == {
        name: sorted(map(repr, found)) for name, found in rows[1].items()
    }
    assert "Canary" not in repr(rows)
    for name, target, own in (
        ("dept_emp", "employees", "emp_no"),
        ("dept_emp", "departments", "dept_no"),
        ("titles", "employees", "emp_no"),
        ("salaries", "employees", "emp_no"),
    ):
        sql = f"SELECT COUNT(*) FROM {name} WHERE {own} NOT IN (SELECT {own} FROM {target})"
        assert targets[0].all(sql) == [(0,)]
    text = script(copy, tmp_path / "slice.sql", asked)
    assert text == script(copy, tmp_path / "again.sql", asked)
    assert "Canary" not in text


def _digests(copy: Copy) -> Any:
    with copy.db.connect() as connection, warnings.catch_warnings(action="ignore"):
        return database_digests(connection, leave_out=(), exact=True)


def _sql(name: str, engine: str = "mariadb") -> str:
    """A script without the column that only MySQL has: MariaDB does not read such comments."""
    mark = "/*!50705" if engine == "mysql" else "/*!999999"
    return (FILES / name).read_text().replace("/*!50705", mark)


def _csv(rows: Any) -> str:
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(rows[0].keys())
    for row in rows:
        cells = (",".join(v) if isinstance(v, set) else v for v in row.values())
        lines.writerow(["NULL" if value is None else value for value in cells])
    return text.getvalue()


def _rows(connection: sa.Connection, table: str) -> list[Any]:
    return sorted(map(repr, connection.exec_driver_sql(f"SELECT * FROM {table}").all()))
