"""What every test may ask for: databases of each engine, their clients, a copy of the project."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from columns_masked import mask  # noqa: F401 - a fixture
from copies import Copy, add_people
from engine_choice import left_to_the_slow_suite
from hypothesis import HealthCheck, settings
from projects import Project
from servers import MariaDB, PostgreSQL, Server, ServerError, run_client, server_engine
from toys import TOY, Toy

REPOSITORY = Path(__file__).resolve().parent.parent

# How quick a machine is says nothing of the code.  The examples are the same in every run, so that
# a commit is judged by what it changed; TERP_SEED_TEST_RANDOM=1 looks for new ones.
settings.register_profile(
    "terp_seed",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=not os.environ.get("TERP_SEED_TEST_RANDOM"),
)
settings.load_profile("terp_seed")

_numbers = itertools.count(1)

Client = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Backups of tests go to a folder of theirs, never to the home of whoever runs them."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test of every engine is made on one with the others, on the rest with the slow ones."""
    for item in left_to_the_slow_suite(items):
        item.add_marker(pytest.mark.slow)


# -- servers and databases


def _start(*options: str) -> MariaDB:
    """Start a server; without one the test fails, since a skipped test proves nothing."""
    try:
        return MariaDB(*options)
    except (ServerError, OSError) as error:
        pytest.fail(f"no database server for the tests: {error}", pytrace=False)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """The private server of this test process, started when the first test asks for it.

    With TERP_SEED_TEST_ENGINE=mysql it is a MySQL server. Tests that stop, restart or reconfigure a
    server take one of their own from `start_server`.
    """
    with _start() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """The private PostgreSQL of this test process, started when the first test asks for it."""
    try:
        server = PostgreSQL()
    except (ServerError, OSError) as error:
        pytest.fail(f"no PostgreSQL for the tests: {error}", pytrace=False)
    with server:
        yield server


@pytest.fixture
def start_server() -> Iterator[Callable[..., MariaDB]]:
    """Start servers of the test's own: `start_server("--read-only")`; gone when the test ends."""
    with contextlib.ExitStack() as stack:
        yield lambda *options: stack.enter_context(_start(*options))


@pytest.fixture(params=("sqlite", server_engine(), "postgresql"))
def engine(request: pytest.FixtureRequest) -> str:
    """The engine of this round of the test; whatever depends on it runs once for each."""
    return str(request.param)


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Make an empty database of an engine, `new_database("sqlite")`, and return its URL."""
    with contextlib.ExitStack() as stack:

        def make(engine: str) -> str:
            name = f"test_{next(_numbers)}"
            if engine == "sqlite":
                return f"sqlite:///{tmp_path / name}.db"
            fixture = engine if engine == "postgresql" else "mariadb"
            server: Server = request.getfixturevalue(fixture)
            stack.callback(server.drop, name)
            return server.create(name)

        yield make


@pytest.fixture
def database_url(engine: str, new_database: Callable[[str], str]) -> str:
    """An empty database, once on each engine."""
    return new_database(engine)


@pytest.fixture
def second_database_url(engine: str, new_database: Callable[[str], str]) -> str:
    """Another empty database of the engine of `database_url`, on the same server."""
    return new_database(engine)


@pytest.fixture
def sqlite_url(new_database: Callable[[str], str]) -> str:
    """An empty SQLite database, for a test about SQLite only."""
    return new_database("sqlite")


@pytest.fixture
def mariadb_url(mariadb: MariaDB, new_database: Callable[[str], str]) -> str:
    """An empty database on the server, for a test about servers only."""
    return new_database(mariadb.engine)


@pytest.fixture
def postgresql_url(new_database: Callable[[str], str]) -> str:
    """An empty database on PostgreSQL, for a test about it only."""
    return new_database("postgresql")


@pytest.fixture
def client() -> Client:
    """Apply an SQL script with the engine's own client: `client(url, script, check=True)`."""
    return run_client


# -- a working copy of the project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A working copy of alembic.ini, seeds/ and seed_revisions/, so that tests can write in it."""
    path = tmp_path / "project"
    path.mkdir()
    shutil.copy(REPOSITORY / "alembic.ini", path)
    for folder in ("seeds", "seed_revisions"):
        shutil.copytree(
            REPOSITORY / folder, path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    copy = Project(path)
    try:
        yield copy
    finally:
        copy.close()


# -- the toy project


@pytest.fixture
def new_toy(tmp_path: Path) -> Iterator[Callable[..., Toy]]:
    """Make a copy of the toy project for a database: `new_toy(url)`, with its tables in place."""
    with contextlib.ExitStack() as stack:

        def make(url: str, *, stamp: str | None = "dev") -> Toy:
            path = tmp_path / f"toy_{next(_numbers)}"
            shutil.copytree(TOY, path, ignore=shutil.ignore_patterns("__pycache__"))
            copy = Toy(path, url)
            stack.callback(copy.close)
            copy.create(stamp=stamp)
            return copy

        yield make


@pytest.fixture
def toy(database_url: str, new_toy: Callable[..., Toy]) -> Toy:
    """A copy of the toy project with its empty tables, once on each engine."""
    return new_toy(database_url)


@pytest.fixture
def sqlite_toy(sqlite_url: str, new_toy: Callable[..., Toy]) -> Toy:
    """A copy of the toy project on SQLite, for what does not depend on the engine."""
    return new_toy(sqlite_url)


@pytest.fixture
def postgresql_toy(postgresql_url: str, new_toy: Callable[..., Toy]) -> Toy:
    """A copy of the toy project on PostgreSQL, for a test about it only."""
    return new_toy(postgresql_url)


@pytest.fixture
def mariadb_toy(mariadb_url: str, new_toy: Callable[..., Toy]) -> Toy:
    """A copy of the toy project on the server, for a test about servers only."""
    return new_toy(mariadb_url)


@pytest.fixture
def pair(
    toy: Toy, new_toy: Callable[..., Toy], second_database_url: str, client: Any
) -> Callable[..., Callable[[], None]]:
    """Make tables, seed them by a run and by a script, compare, and look for drift.

    ``published`` are columns that are not personal, by table; further names are data files.
    Returns what rolls both back and looks that nothing is left.
    """

    def prepare(
        upgrade: str,
        *create: str,
        published: Mapping[str, Sequence[str]] | None = None,
        **files: str | bytes,
    ) -> Callable[[], None]:
        other = new_toy(second_database_url)
        for place in (toy, other):
            for name, content in files.items():
                place.data(name.replace("_", "."), content)
            for table, columns in (published or {}).items():
                place.publish(table, columns)
            place.only("0001_a", upgrade)
            place.execute(*create)
        empty = toy.counts()

        def both_down() -> None:
            client(other.url, other.downgrade("0001_a:base", sql=True))
            toy.downgrade("base", "on-edited=abort")
            assert toy.counts() == other.counts() == empty

        toy.upgrade()
        client(other.url, other.upgrade("head", sql=True))
        assert toy.digests() == other.digests()
        toy.document("status", "--drift")
        return both_down

    return prepare


# -- masking in place


@pytest.fixture
def new_copy(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Copy]:
    """A database of these tables, each a CREATE statement's inside."""

    def make(stamped: str = "staging", **tables: str) -> Copy:
        home = tmp_path / "seeds"
        home.mkdir(exist_ok=True)
        copy = Copy(database_url, home, monkeypatch, stamped)
        for name, columns in tables.items():
            copy.run(f"CREATE TABLE {name} ({columns})")
        return copy

    return make


@pytest.fixture
def people(new_copy: Callable[..., Copy]) -> Copy:
    """Seven people, with a policy."""
    made = new_copy(people="id INTEGER PRIMARY KEY, name VARCHAR(60), mail VARCHAR(80)")
    made.policy("[tables.people]", 'name = { class = "person_name" }', 'mail = { class = "email" }')
    add_people(made, range(1, 8))
    return made
