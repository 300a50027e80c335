"""Databases that tests have for themselves: copies of a template that is seeded once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from servers import USER, MariaDB, clean_environment
from toys import ENGINE_FIXTURE, Toy

from terp_seed.database import environment_stamp

FIRST = """
from sqlalchemy import text

def count(database, table):
    with database.engine.connect() as connection:
        return connection.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar()

"""
COMMITS = (
    FIRST
    + """
import pytest

def next_id(database):
    with database.engine.begin() as connection:
        connection.execute(text("INSERT INTO scans (crate_id) VALUES (7)"))
        return connection.execute(text("SELECT MAX(id) FROM scans")).scalar()

@pytest.mark.parametrize("n", range(3))
def test_commits(seeded_database, n):
    database = seeded_database()
    assert (count(database, "depots"), count(database, "crates")) == (4, 12)
    assert count(database, "labels WHERE code = 'MINE'") == 0
    assert next_id(database) == 13
    with database.engine.begin() as connection:
        for sql in (
            "UPDATE depots SET capacity = -1",
            "DELETE FROM crates",
            "INSERT INTO labels (code) VALUES ('MINE')",
            "DELETE FROM pairs",
        ):
            connection.execute(text(sql))
    assert database.row("labels", "MINE").place is None
    assert database.one("depots").capacity == -1

def test_each_has_its_own(seeded_database):
    one, other = seeded_database(), seeded_database()
    assert str(one.url) != str(other.url)
    with one.engine.begin() as connection:
        connection.execute(text("DELETE FROM crates"))
    assert (count(one, "crates"), count(other, "crates")) == (0, 12)

@pytest.fixture(scope="module")
def shop(seeded_database_factory):
    return seeded_database_factory("0002_depots", rows="depots:3")

@pytest.mark.parametrize("n", range(2))
def test_stays(shop, n):
    assert count(shop, "depots") == 3
    assert count(shop, "labels WHERE code LIKE 'MINE%'") == n
    with shop.engine.begin() as connection:
        connection.execute(text(f"INSERT INTO labels (code) VALUES ('MINE{n}')"))
"""
)


@pytest.fixture
def tests(toy: Toy, tmp_path: Path, request: pytest.FixtureRequest) -> Tests:
    """Tests of an application of a toy project, once on each engine."""
    return make_tests(toy, tmp_path, request)


@pytest.fixture
def sqlite_tests(sqlite_toy: Toy, tmp_path: Path, request: pytest.FixtureRequest) -> Tests:
    return make_tests(sqlite_toy, tmp_path, request)


def make_tests(toy: Toy, tmp_path: Path, request: pytest.FixtureRequest) -> Tests:
    if toy.mysql:
        server: MariaDB = request.getfixturevalue("mariadb")
        server.execute(rf"GRANT ALL ON `terp\_seed\_%`.* TO '{USER}'@'127.0.0.1'")
    folder = tmp_path / "application"
    folder.mkdir()
    ini = toy.path / "alembic.ini"
    (folder / "pytest.ini").write_text(f"[pytest]\nterp_seed_config = {ini}\n")
    (folder / "conftest.py").write_text(ENGINE_FIXTURE.format(url=toy.url))
    return Tests(toy, folder)


class Tests:
    """Runs tests as an application has them, in a process of their own."""

    __test__ = False

    def __init__(self, toy: Toy, folder: Path) -> None:
        self.toy, self.folder = toy, folder

    def run(self, text: str, *options: str, code: int = 0) -> str:
        (self.folder / "test_it.py").write_text(text)
        command = [sys.executable, "-m", "pytest", "-q", *options, "test_it.py"]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=clean_environment() | {"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    @property
    def databases(self) -> list[str]:
        """The templates and copies that there are, of this application's section."""
        if self.toy.sqlite:
            found = (self.folder / ".pytest_cache").rglob("terp_seed_*.db")
            return sorted(path.name for path in found)
        sql = (
            "SELECT datname FROM pg_database"
            if self.toy.postgresql
            else "SELECT schema_name FROM information_schema.schemata"
        )
        return sorted(name for (name,) in self.toy.rows(sql) if name.startswith("terp_seed_"))

    def new(self, before: list[str]) -> list[str]:
        return sorted({*self.databases} - {*before})


def test_each_test_has_the_rows_of_the_template(tests: Tests) -> None:
    before, toy = tests.databases, tests.toy
    rows = toy.everything()
    tests.run(COMMITS)
    tests.run(COMMITS)
    assert toy.everything() == rows
    templates = {name.removesuffix(".db") for name in tests.new(before)}
    copies = {name for name in templates if name.count("_") > 3}
    assert len(templates - copies) == 2  # one for each of the calls
    assert len(copies) == (3 if toy.mysql else 0)  # a pool is as large as what was used at once


COUNTS = (
    FIRST
    + """
def test_count(seeded_database):
    database = seeded_database()
    print("COUNTS", count(database, "labels"), count(database, "depots WHERE kind = 'main'"))
    with database.engine.connect() as connection:
        columns = connection.execute(text("SELECT * FROM scans")).keys()
    print("COLUMNS", *columns)
"""
)


def change_csv(toy: Toy) -> None:
    path = toy.path / "seeds" / "data" / "labels.csv"
    path.write_text(path.read_text() + "NEW,New,9\n")


def change_seeder(toy: Toy) -> None:
    path = toy.path / "toy_seeders.py"
    text = path.read_text()
    assert '["main", "branch"], weights=[1, 3]' in text
    path.write_text(text.replace('["main", "branch"], weights=[1, 3]', '["main"]'))


def change_schema(toy: Toy) -> None:
    toy.execute("ALTER TABLE scans ADD COLUMN note VARCHAR(10)")


def add_a_row(toy: Toy) -> None:
    """Another origin's template must not do for this one."""
    toy.execute("INSERT INTO labels (code) VALUES ('OWN')")


@pytest.mark.long
@pytest.mark.parametrize("change", [change_csv, change_seeder, change_schema, add_a_row])
def test_a_stale_template_is_noticed(tests: Tests, change: Callable[[Toy], None]) -> None:
    before = tests.databases
    first = tests.run(COUNTS, "-s")
    (template,) = [name for name in tests.new(before) if name.count("_") == 3]
    assert first.partition("\n")[0] == tests.run(COUNTS, "-s").partition("\n")[0]
    assert template in tests.databases
    change(tests.toy)
    second = tests.run(COUNTS, "-s")
    assert first != second
    assert template not in tests.databases
    assert len([name for name in tests.new(before) if name.count("_") == 3]) == 1


def test_a_file_that_a_seeder_reads_makes_a_template_stale(sqlite_tests: Tests) -> None:
    toy, before = sqlite_tests.toy, sqlite_tests.databases
    words = toy.path / "words"
    words.mkdir()
    for name in ("kinds.json", "other.json", "notes.md"):
        (words / name).write_text("[]")
    path = toy.path / "toy_seeders.py"
    path.write_text(path.read_text() + '\nKINDS = "words/kinds.json"\n')

    def templates() -> set[str]:
        sqlite_tests.run(COUNTS)
        return {*sqlite_tests.new(before)}

    first = templates()
    (words / "other.json").write_text("[1]")
    assert templates() == first
    (words / "kinds.json").write_text("[1]")
    assert templates().isdisjoint(first)


CHANGES_MEANWHILE = (
    FIRST
    + """
import pathlib

def test_change(seeded_database):
    first = seeded_database()
    path = pathlib.Path({path!r})
    path.write_text(path.read_text() + "NEW,New,9\\n")
    second = seeded_database()
    assert (count(first, "labels"), count(second, "labels")) == (3, 4)
    first.engine.dispose()
    third = seeded_database()
    assert (count(first, "labels"), count(third, "labels")) == (3, 4)
"""
)


def test_files_may_change_while_a_copy_is_in_use(tests: Tests) -> None:
    path = tests.toy.path / "seeds" / "data" / "labels.csv"
    tests.run(CHANGES_MEANWHILE.replace("{path!r}", repr(str(path))))


DIES = """
import os
from sqlalchemy import text

def test_dies(seeded_database):
    database = seeded_database()
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM crates"))
    os._exit(9)
"""


def test_what_a_killed_run_has_left_is_not_used_and_goes(tests: Tests) -> None:
    before = tests.databases
    tests.run(DIES, code=9)
    left = tests.new(before)
    tests.run(COMMITS)
    if tests.toy.postgresql:
        (dead,) = [name for name in left if name.count("_") == 4]
        assert dead not in tests.databases


def test_a_build_that_fails_leaves_nothing(tests: Tests) -> None:
    before = tests.databases
    tests.toy.revision("0004_broken", "raise ValueError('broken')", "pass")
    assert "ValueError" in tests.run(COUNTS, code=1)
    assert tests.new(before) == []


BOTH = (
    FIRST
    + """
import pytest
from terp_seed.errors import UsageError

def test_both(seeded_database, seeded):
    assert count(seeded_database(), "labels") == 3
    seeded("0001_labels")
    with pytest.raises(UsageError, match="call seeded_database first"):
        seeded_database()

def test_next(seeded_database):
    assert count(seeded_database(), "labels") == 3
"""
)


def test_a_copy_comes_before_a_transaction_of_the_same_test(tests: Tests) -> None:
    tests.run(BOTH)


def test_it_does_not_copy_staging(tests: Tests) -> None:
    before = tests.databases
    with tests.toy.db.begin() as connection:
        environment_stamp.stamp(connection, "staging", origin="test")
    assert "is stamped staging: tests do not copy it" in tests.run(COUNTS, code=1)
    assert tests.new(before) == []


def test_a_database_of_the_same_name_is_not_dropped(tests: Tests) -> None:
    """Nothing but the name says that it is a template, so it may be anything."""
    toy = tests.toy
    if toy.sqlite:
        pytest.skip("files in the cache are made by nothing else")
    before = tests.databases
    tests.run(COUNTS)
    template = next(name for name in tests.new(before) if name.count("_") == 3)
    url = sa.make_url(toy.url)
    engine = toy.db.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if toy.postgresql:
            connection.exec_driver_sql(f"COMMENT ON DATABASE {template} IS NULL")
            connection.exec_driver_sql(f"ALTER DATABASE {template} ALLOW_CONNECTIONS true")
            other = sa.create_engine(url.set(database=template))
            with other.begin() as inside:
                inside.exec_driver_sql("DROP SCHEMA terp_seed_copy")
            other.dispose()
        else:
            connection.exec_driver_sql(f"DROP TABLE {template}.terp_seed_copy")
    assert f"DROP DATABASE {template}" in tests.run(COUNTS, code=1)
    assert template in tests.databases


def test_sqlite_in_wal_mode_with_others_at_work(sqlite_tests: Tests) -> None:
    """What is committed is copied, wherever it is; what is not, is not."""
    toy = sqlite_tests.toy
    with toy.db.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    reader = sa.create_engine(toy.url).connect()
    reader.exec_driver_sql("BEGIN")
    reader.exec_driver_sql("SELECT * FROM scans").all()
    toy.execute("INSERT INTO scans (crate_id) VALUES (77)")
    writer = sa.create_engine(toy.url).connect()
    writer.exec_driver_sql("INSERT INTO scans (crate_id) VALUES (78)")
    test = FIRST + (
        "def test_wal(seeded_database):\n"
        "    database = seeded_database()\n"
        "    assert count(database, 'depots') == 4\n"
        "    assert database.one('scans').crate_id == 77\n"
        "    assert count(database, 'scans') == 13\n"
        "    with database.engine.connect() as connection:\n"
        "        mode = connection.exec_driver_sql('PRAGMA journal_mode').scalar()\n"
        "    assert mode == 'wal'\n"
    )
    sqlite_tests.run(test)
    sqlite_tests.run(test)
    writer.close()
    reader.close()
    writer.engine.dispose()
    reader.engine.dispose()


@pytest.fixture
def postgresql_tests(postgresql_toy: Toy, tmp_path: Path, request: pytest.FixtureRequest) -> Tests:
    return make_tests(postgresql_toy, tmp_path, request)


@pytest.fixture
def mariadb_tests(mariadb_toy: Toy, tmp_path: Path, request: pytest.FixtureRequest) -> Tests:
    return make_tests(mariadb_toy, tmp_path, request)


@pytest.mark.parametrize("busy", [False, True])
def test_settings_of_a_postgresql_database_travel_along(
    postgresql_tests: Tests, busy: bool
) -> None:
    """Also when others are connected to it, so that the server does not copy it."""
    toy = postgresql_tests.toy
    name = sa.make_url(toy.url).database
    toy.execute(
        "CREATE SCHEMA shop",
        f"ALTER DATABASE {name} SET search_path TO public, \"$user\", 'shop'",
        f"ALTER DATABASE {name} SET timezone TO 'Asia/Tokyo'",
        f"ALTER DATABASE {name} SET application_name TO 'O''Hara'",
    )
    test = """
def test_settings(seeded_database):
    database = seeded_database()
    with database.engine.connect() as connection:
        show = lambda name: connection.exec_driver_sql(f"SHOW {name}").scalar()
        assert show("search_path") == 'public, "$user", shop'
        assert show("timezone") == "Asia/Tokyo"
        assert show("application_name") == "O'Hara"
        assert show("server_encoding") == "UTF8"
    assert database.row("labels", "COLD").place == 2
"""
    with toy.db.connect() as connection:
        if busy:
            connection.exec_driver_sql("SELECT 1")
        else:
            connection.close()
        postgresql_tests.run(test)


REPAIRED = (
    FIRST
    + """
import pytest

STATEMENTS = [
    ["UPDATE depots SET capacity = -1, code = 'x' WHERE id = 2", "DELETE FROM crates WHERE id > 3"],
    ["DELETE FROM depots"],  # a cascade takes the crates
    ["UPDATE labels SET code = LOWER(code)"],  # equal to the collation
    ["TRUNCATE crates"],
    ["CREATE TABLE mine (id INT)"],
    ["ALTER TABLE labels ADD COLUMN mine INT"],
    ["ALTER TABLE labels DROP COLUMN place"],
    ["DROP TABLE crates"],
    ["CREATE VIEW mine AS SELECT 1"],
    ["CREATE TRIGGER mine BEFORE INSERT ON scans FOR EACH ROW SET NEW.crate_id = 1"],
    ["INSERT INTO scans (id, crate_id) VALUES (500, 1)", "DELETE FROM scans WHERE id = 500"],
    ["DELETE FROM crates"],  # a trigger writes another table
    ["DELETE FROM terp_seed_ledger", "UPDATE terp_seed_environment SET name = 'dev'"],
    [],
]

@pytest.mark.parametrize("statements", STATEMENTS)
def test_repaired(seeded_database, statements):
    database = seeded_database()
    assert database.row("labels", "COLD").code == "COLD"
    assert (count(database, "depots"), count(database, "crates")) == (4, 12)
    assert count(database, "scans") == 12
    assert database.connection.execute(text("SELECT MIN(capacity) FROM depots")).scalar() > 0
    assert "mine" not in database.connection.execute(text("SHOW TABLES")).scalars().all()
    assert "mine" not in database.connection.execute(text("SELECT * FROM labels")).keys()
    with database.engine.begin() as connection:
        connection.execute(text("INSERT INTO scans (crate_id) VALUES (7)"))
        for sql in statements:
            connection.execute(text(sql))
    assert count(database, "scans WHERE id = 13") == 1
"""
)


def test_what_a_test_did_to_a_pooled_database_is_mended(mariadb_tests: Tests) -> None:
    """Rows and counters are repaired; where that is not possible, the database is copied again."""
    mariadb_tests.toy.execute(
        "CREATE TRIGGER scanned AFTER DELETE ON crates FOR EACH ROW "
        "INSERT INTO scans (crate_id) VALUES (OLD.id)"
    )
    mariadb_tests.run(REPAIRED)


def test_without_the_right_to_make_databases_it_says_what_to_do(
    mariadb_tests: Tests, mariadb: MariaDB
) -> None:
    mariadb.execute(rf"REVOKE ALL ON `terp\_seed\_%`.* FROM '{USER}'@'127.0.0.1'")
    assert r"GRANT ALL ON `terp\_seed\_%`.*" in mariadb_tests.run(COUNTS, code=1)


SUITE = (
    FIRST
    + """
import pytest

@pytest.mark.parametrize("n", range(100))
def test_commits(seeded_database, n):
    database = seeded_database()
    assert (count(database, "depots"), count(database, "crates")) == (4, 12)
    assert count(database, "labels WHERE code = 'MINE'") == 0
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM crates"))
        connection.execute(text("INSERT INTO labels (code) VALUES ('MINE')"))

@pytest.fixture(scope="session")
def shared(seeded_database_factory):
    return seeded_database_factory()

@pytest.mark.parametrize("n", range(100))
def test_reads(shared, n):
    assert (count(shared, "depots"), count(shared, "crates")) == (4, 12)
    assert shared.one("depots").id == 1 or shared.one("depots").id > 0
"""
)


@pytest.mark.slow
def test_a_suite_with_eight_workers(tests: Tests) -> None:
    """Half of 200 tests commit; the template is seeded by the worker that is first."""
    before = tests.databases
    assert "200 passed" in tests.run(SUITE, "-n", "8")
    assert "200 passed" in tests.run(SUITE, "-n", "8")
    assert (
        len([name for name in tests.new(before) if name.removesuffix(".db").count("_") == 3]) == 1
    )
