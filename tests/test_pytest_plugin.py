"""The pytest plugin, in projects of others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from servers import clean_environment
from toys import ENGINE_FIXTURE, Toy

from terp_seed import cli, environment
from terp_seed.database import environment_stamp as guards
from terp_seed.project import check

# pytester forgets what a run inside this process imports; these register themselves only once.
KEPT = (check, cli, environment)

pytest_plugins = ["pytester"]

TESTS = """
from sqlalchemy import text

def count(connection, table):
    return connection.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar()

def test_one(seeded):
    connection = seeded("0002_depots", rows="depots:3")
    assert count(connection, "depots") == 3
    assert count(connection, "crates") == 0
    connection.execute(text("DELETE FROM depots"))
    connection.execute(text("INSERT INTO labels (code) VALUES ('MINE')"))

def test_two(seeded):
    connection = seeded()
    assert count(connection, "depots") == 4
    assert count(connection, "crates") == 12
    assert seeded() is connection

def test_three(seeded):
    connection = seeded("0001_labels")
    seeded("head", size="small")
    assert count(connection, "labels WHERE code = 'MINE'") == 0

def test_trace(seed_round_trip):
    assert seed_round_trip(size="medium") > 60
"""


@pytest.fixture
def application(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Run tests as the application of a toy project has them."""

    def run(toy: Toy, tests: str, conftest: str = "") -> pytest.RunResult:
        ini = toy.path / "alembic.ini"
        pytester.makeini(f"[pytest]\nterp_seed_config = {ini}\n")
        pytester.makeconftest(conftest)
        pytester.makepyfile(tests)
        return pytester.runpytest_inprocess("-q")

    return run


BY_NAME = """
import datetime, pytest

def test_rows(seeded):
    seeded()
    row = seeded.row("labels", "COLD")
    assert (row.code, row.place) == ("COLD", 2)
    assert seeded.one("labels", place=1).code == "FRAGILE"
    assert seeded.one("labels").id == min(
        one.id for one in seeded.connection.exec_driver_sql("SELECT id FROM labels")
    )

@pytest.mark.parametrize("find, said", [
    (lambda seeded: seeded.row("label", "COLD"), "label: does not exist; near it: labels"),
    (lambda seeded: seeded.row("terp_seed_audit", 1), "terp_seed_audit: was not seeded"),
    (lambda seeded: [seeded.connection.exec_driver_sql("DELETE FROM pairs"), seeded.one("pairs")],
     "pairs: has no rows"),
    (lambda seeded: seeded.row("labels", "COULD"),
     "labels: no row has code 'COULD'; near it: COLD"),
    (lambda seeded: seeded.row("labels"), "labels: its natural key is code; give each of them"),
    (lambda seeded: seeded.one("labels", cod="x"), "labels: has no column cod; near it: code"),
    (lambda seeded: seeded.one("labels", code="COLT", place=2),
     "labels: no row with code='COLT', place=2; no row has code 'COLT'; near it: COLD"),
    (lambda seeded: seeded.one("labels", code="COLD", place=1),
     "labels: no row with code='COLD', place=1"),
    (lambda seeded: seeded.one("lables"), "lables: does not exist; near it: labels"),
])
def test_what_is_not_there(seeded, find, said):
    seeded()
    with pytest.raises(LookupError) as caught:
        find(seeded)
    assert str(caught.value) == said
"""


def test_rows_are_found_by_name(toy: Toy, application: Callable[..., pytest.RunResult]) -> None:
    application(toy, BY_NAME, ENGINE_FIXTURE.format(url=toy.url)).assert_outcomes(passed=10)


COMMITTING = """
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from terp_seed.errors import UsageError

def test_it_is_refused(seeded):
    connection = seeded()
    connection.execute(text("UPDATE labels SET code = 'MINE' WHERE code = 'COLD'"))
    with pytest.raises(UsageError, match="use seeded_database"):
        connection.commit()

def test_a_savepoint_is_not(seeded):
    with Session(bind=seeded(), join_transaction_mode="create_savepoint") as session:
        session.execute(text("UPDATE labels SET code = 'MINE' WHERE code = 'COLD'"))
        session.commit()

def test_nothing_of_it_is_left(seeded):
    seeded()
    assert seeded.row("labels", "COLD").place == 2
"""


def test_the_seeded_transaction_cannot_be_committed(
    toy: Toy, application: Callable[..., pytest.RunResult]
) -> None:
    application(toy, COMMITTING, ENGINE_FIXTURE.format(url=toy.url)).assert_outcomes(passed=3)
    assert toy.counts() == {}


@pytest.mark.long
def test_tests_see_seeded_rows_and_leave_none(
    toy: Toy, application: Callable[..., pytest.RunResult]
) -> None:
    """On each engine, with the application's own engine."""
    application(toy, TESTS, ENGINE_FIXTURE.format(url=toy.url)).assert_outcomes(passed=4)
    assert toy.counts() == {}
    assert toy.version() is None
    assert toy.audit() == []


ONE_AFTER_THE_OTHER = """
import sys, pytest
from sqlalchemy import text
from terp_seed.testing.seeded_transaction import SeededTransaction

runs = []
seeded_transaction = sys.modules[SeededTransaction.__module__]
quietly = seeded_transaction.seed_quietly

@pytest.fixture(autouse=True, scope="session")
def counted():
    seeded_transaction.seed_quietly = lambda *args: [runs.append(args[2]), quietly(*args)]
    yield
    seeded_transaction.seed_quietly = quietly

def count(connection, table):
    return connection.execute(text(f"SELECT COUNT(*) FROM {{table}}")).scalar()

@pytest.fixture
def connection(seeded):
    return seeded()

{fixture}

@pytest.mark.parametrize("n", range(5))
def test_same(connection, n):
    assert count(connection, "depots") == 4
    connection.execute(text("DELETE FROM crates"))
    assert count(connection, "depots WHERE capacity = -1") == 0
    connection.execute(text("UPDATE depots SET capacity = -1"))
    assert count(connection, "depots WHERE capacity = -1") == 4

def test_rolled_back_by_the_test_itself(connection):
    connection.rollback()

def test_seeded_again(connection):
    assert count(connection, "crates") == 12

def test_closed_by_the_test_itself(connection):
    connection.close()

def test_an_error_in_the_database(connection):
    assert count(connection, "crates") == 12
    with pytest.raises(Exception):
        connection.execute(text("INSERT INTO labels (code) SELECT code FROM labels"))

def test_before_it_seeds_nothing_is_there(seeded):
    assert count(seeded.connection, "depots") == 0
    assert count(seeded(), "depots") == 4

def test_another_connection(seeded, seed_engine):
    seeded()
    seeded.connection.execute(text("DELETE FROM crates"))

def test_between(seed_engine):
    with seed_engine.begin() as connection:
        connection.execute(text("INSERT INTO labels (code) VALUES ('MINE')"))
        connection.execute(text("DELETE FROM labels WHERE code = 'MINE'"))

def test_another_size(seeded):
    assert count(seeded("0002_depots", rows="depots:3"), "depots") == 3

def test_runs():
    assert len(runs) {expected}, runs
"""


@pytest.mark.long
def test_a_test_gets_the_rows_of_the_one_before(
    toy: Toy, application: Callable[..., pytest.RunResult]
) -> None:
    """Six runs for 14 tests: the first, after the two that ended it, and for other seeds."""
    tests = ONE_AFTER_THE_OTHER.format(fixture="", expected="== 6")
    application(toy, tests, ENGINE_FIXTURE.format(url=toy.url)).assert_outcomes(passed=14)
    assert toy.counts() == {}


def test_a_fixture_that_may_write_elsewhere_finds_no_open_transaction(
    toy: Toy, application: Callable[..., pytest.RunResult]
) -> None:
    """It has an engine of its own, and runs before and after every test."""
    fixture = f"""
@pytest.fixture(autouse=True)
def elsewhere():
    import sqlalchemy
    engine = sqlalchemy.create_engine({toy.url!r})
    for _ in range(2):
        with engine.begin() as other:
            other.execute(text("INSERT INTO labels (code) VALUES ('MINE')"))
            other.execute(text("DELETE FROM labels WHERE code = 'MINE'"))
        if not _:
            yield
    engine.dispose()
"""
    tests = ONE_AFTER_THE_OTHER.format(fixture=fixture, expected="> 10")
    application(toy, tests, ENGINE_FIXTURE.format(url=toy.url)).assert_outcomes(passed=14)


def test_a_fixture_may_be_declared_not_to_write(
    sqlite_toy: Toy, application: Callable[..., pytest.RunResult]
) -> None:
    fixture = """
@pytest.fixture(autouse=True)
def clock():
    pass
"""
    tests = ONE_AFTER_THE_OTHER.format(fixture=fixture, expected="== 6")
    conftest = ENGINE_FIXTURE.format(url=sqlite_toy.url) + (
        "\ndef pytest_configure(config):\n    config.addinivalue_line('terp_seed_apart', 'clo*')\n"
    )
    application(sqlite_toy, tests, conftest).assert_outcomes(passed=14)


def test_changed_files_are_noticed_between_two_tests(
    sqlite_toy: Toy, application: Callable[..., pytest.RunResult]
) -> None:
    labels = sqlite_toy.path / "seeds" / "data" / "labels.csv"
    tests = f"""
import pathlib, pytest
path = pathlib.Path({str(labels)!r})
@pytest.mark.parametrize("code", ["COLD", "ICED", "COLD"])
def test_code(seeded, code):
    seeded()
    assert seeded.one("labels", place=2).code == code
    other = {{"COLD": "ICED", "ICED": "COLD"}}[code]
    path.write_text(path.read_text().replace(code, other))
"""
    application(sqlite_toy, tests, ENGINE_FIXTURE.format(url=sqlite_toy.url)).assert_outcomes(
        passed=3
    )


def test_without_an_engine_of_ones_own_it_is_a_scratch_file(
    sqlite_toy: Toy, application: Callable[..., pytest.RunResult]
) -> None:
    before = sqlite_toy.everything()
    sqlite_toy.ini(f"# {sqlite_toy.url}")
    ini = sqlite_toy.path / "alembic.ini"
    ini.write_text(ini.read_text().replace("sqlite:///toy.db", sqlite_toy.url))
    application(sqlite_toy, TESTS).assert_outcomes(passed=4)
    assert sqlite_toy.everything() == before


def test_the_scratch_file_of_a_server_keeps_the_bookkeeping_beside_the_tables(
    postgresql_toy: Toy, application: Callable[..., pytest.RunResult]
) -> None:
    """A schema of its own, which the section names, is nothing that SQLite has."""
    toy = postgresql_toy
    toy.execute("CREATE SCHEMA books")
    toy.ini("bookkeeping_schema = books")
    ini = toy.path / "alembic.ini"
    ini.write_text(ini.read_text().replace("sqlite:///toy.db", toy.url.replace("%", "%%")))
    before = toy.everything()
    application(toy, TESTS).assert_outcomes(passed=4)
    assert toy.everything() == before


def test_a_trace_fails_the_test_that_looks_for_one(
    sqlite_toy: Toy, application: Callable[..., pytest.RunResult]
) -> None:
    sqlite_toy.revision(
        "0004_raw",
        "op.execute(\"INSERT INTO labels (code) VALUES ('LEFT')\")",
        "pass",
        head='raw_sql = "a test"',
    )
    tests = "def test_trace(seed_round_trip):\n    seed_round_trip()\n"
    result = application(sqlite_toy, tests, ENGINE_FIXTURE.format(url=sqlite_toy.url))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*after the rollback of 0004_raw, labels is not as before*"])
    assert sqlite_toy.counts() == {}


def test_it_does_not_go_to_staging(
    sqlite_toy: Toy, application: Callable[..., pytest.RunResult]
) -> None:
    with sqlite_toy.db.begin() as connection:
        guards.stamp(connection, "staging", origin="test")
    result = application(
        sqlite_toy, "def test_x(seeded): seeded()", ENGINE_FIXTURE.format(url=sqlite_toy.url)
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*is stamped staging: tests do not go there*"])


def test_without_tables_it_says_what_to_do(
    sqlite_toy: Toy, application: Callable[..., pytest.RunResult]
) -> None:
    result = application(sqlite_toy, "def test_x(seeded): seeded()")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*override the fixture seed_engine*"])


LIGHT = """
import sys
before = set(sys.modules)
import terp_seed.testing.pytest_plugin
new = {name.partition(".")[0] for name in set(sys.modules) - before}
heavy = new & {"alembic", "sqlalchemy", "faker", "loguru", "click", "filelock"}
assert not heavy, heavy
ours = {name for name in sys.modules if name.startswith("terp_seed")}
rooms = {"terp_seed", "terp_seed.testing"}
assert ours == rooms | {"terp_seed.testing.pytest_plugin"}, ours
"""


def test_who_does_not_use_it_does_not_notice() -> None:
    subprocess.run([sys.executable, "-c", LIGHT], check=True, env=clean_environment())


def test_pytest_finds_it_by_itself(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--fixtures", "-q")
    result.stdout.fnmatch_lines(["seeded -- *pytest_plugin.py:*"])
