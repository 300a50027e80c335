"""Fixtures for the tests of an application: seeded rows, in a transaction that is rolled back.

pytest loads this plugin itself; nothing is imported, read or written until a test uses one of its
fixtures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from terp_seed.project.project import Project
    from terp_seed.testing.databases import SeededDatabase, SeededDatabases
    from terp_seed.testing.seeded_rows import Seeded
    from terp_seed.testing.seeded_transaction import SeededTransaction

__all__ = [
    "pytest_addoption",
    "pytest_runtest_teardown",
    "seed_engine",
    "seed_project",
    "seed_round_trip",
    "seeded",
    "seeded_database",
    "seeded_database_factory",
]

_PRIVATE = "terp_seed_private"
_FOLLOWING = pytest.StashKey[pytest.Item | None]()
_KEPT = pytest.StashKey["SeededTransaction"]()
_DATABASES = pytest.StashKey["dict[tuple[Project, Engine], SeededDatabases]"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add three keys to pytest's configuration."""
    parser.addini(
        "terp_seed_config", "the alembic.ini that has the seed section", default="alembic.ini"
    )
    parser.addini("terp_seed_section", "the section of the seeds", default="seed")
    parser.addini(
        "terp_seed_apart",
        "fixtures that do not write to the database of seed_engine (names or patterns)",
        type="args",
        default=[],
    )


@pytest.fixture(scope="session")
def seed_project(pytestconfig: pytest.Config) -> Project:
    """The project whose seeds run; override it, for example to add ``-x`` arguments."""
    from terp_seed.project.project import Project

    ini = pytestconfig.rootpath / pytestconfig.getini("terp_seed_config")
    return Project(ini, pytestconfig.getini("terp_seed_section"))


@pytest.fixture(scope="session")
def seed_engine(seed_project: Project) -> Iterator[Engine]:
    """The database that tests run on; override it with your own engine.

    By default a scratch SQLite file with the same tables as in ``terp-seed check``.
    """
    from terp_seed.database.dialects import dialect_named
    from terp_seed.errors import SeedError
    from terp_seed.project.check import chain_of, scratch

    try:
        with scratch(seed_project, chain_of(seed_project)) as made:
            engine = dialect_named("sqlite").engine(made.url)
            engine.update_execution_options(**{_PRIVATE: True})
            yield engine
            engine.dispose()
    except SeedError as error:
        pytest.fail(f"{error}; or override the fixture seed_engine", pytrace=False)


@pytest.fixture
def seeded(
    request: pytest.FixtureRequest, seed_project: Project, seed_engine: Engine
) -> Iterator[Seeded]:
    """Seed to a revision, and get the connection: ``seeded("0003_batches", size="small")``.

    Then ``seeded.row("clients", "SEED-WHL-000001")`` is the row with that natural key, and
    ``seeded.one("orders", fulfillmentStatus="PACKED")`` the first row with those values.

    The connection is in a transaction that is rolled back when the test ends.  Keywords are the
    ``-x`` keys.  Only the bookkeeping tables stay, empty.  Refuses a database that is stamped
    staging or production.
    """
    from terp_seed.testing.consecutive import follow_each_other, use_seeded
    from terp_seed.testing.seeded_rows import Seeded

    transaction = _transaction(request.config, seed_project, seed_engine)
    yield Seeded(transaction)
    item, following = request.node, request.config.stash.get(_FOLLOWING, None)
    private = seed_engine.get_execution_options().get(_PRIVATE, False)
    if private:
        follows = use_seeded(following)
    else:
        follows = follow_each_other(item, following, request.config.getini("terp_seed_apart"))
    transaction.end_test(keep=follows)


@pytest.fixture
def seeded_database(
    request: pytest.FixtureRequest, seed_project: Project, seed_engine: Engine
) -> Iterator[Callable[..., SeededDatabase]]:
    """A seeded database of the test's own: ``seeded_database("0003_batches", size="small")``.

    For tests that commit, or whose database is used in another process.  It has ``url`` and
    ``engine``, and ``row()`` and ``one()`` as `seeded` has.  It is a copy of a template with the
    tables and rows of `seed_engine`'s database, which is seeded when its digest is new; when the
    test ends, the copy is dropped or repaired.  Keywords are the ``-x`` keys.  Refuses a database
    that is stamped staging or production.
    """
    yield from _lend(request, seed_project, seed_engine)


@pytest.fixture(scope="session")
def seeded_database_factory(
    request: pytest.FixtureRequest, seed_project: Project, seed_engine: Engine
) -> Iterator[Callable[..., SeededDatabase]]:
    """The same as `seeded_database`, for fixtures of a wider scope.

    A database stays until all tests have ended; with pytest-xdist each worker has its own.
    """
    yield from _lend(request, seed_project, seed_engine)


def _lend(
    request: pytest.FixtureRequest, project: Project, engine: Engine
) -> Iterator[Callable[..., SeededDatabase]]:
    databases, config = _databases(request, project, engine), request.config
    taken: list[SeededDatabase] = []

    def take(target: str = "head", **x: object) -> SeededDatabase:
        if _KEPT in config.stash:
            config.stash[_KEPT].end_if_idle()
            config.stash[_KEPT].refuse_in_use()
        taken.append(databases.take(target, x))
        return taken[-1]

    yield take
    for database in reversed(taken):
        databases.give_back(database)


def _databases(request: pytest.FixtureRequest, project: Project, engine: Engine) -> SeededDatabases:
    from terp_seed.testing.databases import SeededDatabases

    config = request.config
    known = config.stash.setdefault(_DATABASES, {})
    if (project, engine) not in known:
        factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
        shared = factory.getbasetemp()
        if hasattr(config, "workerinput"):  # of pytest-xdist
            shared = shared.parent
        cache = getattr(config, "cache", None)
        folder = shared / "terp_seed" if cache is None else cache.mkdir("terp_seed")
        scratch = factory.mktemp("seeded_database")
        known[project, engine] = SeededDatabases(project, engine, folder, scratch)
        config.add_cleanup(known[project, engine].close)
    return known[project, engine]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Note which test comes next: its fixtures begin where those of this one end."""
    item.config.stash[_FOLLOWING] = nextitem


def _transaction(config: pytest.Config, project: Project, engine: Engine) -> SeededTransaction:
    """The transaction of the test before, if that had the same project and engine."""
    from terp_seed.testing.seeded_transaction import SeededTransaction

    kept = config.stash.get(_KEPT, None)
    if kept is None or not kept.fits(project, engine):
        if kept is not None:
            kept.close()
        kept = config.stash[_KEPT] = SeededTransaction(project, engine)
    return kept


@pytest.fixture
def seed_round_trip(seed_project: Project, seed_engine: Engine) -> Callable[..., int]:
    """Take every revision up, down and up again; fail if a rollback leaves a trace.

    A call returns how many rows were seeded, and keeps none of them.  Keywords are the ``-x`` keys.
    """
    from terp_seed.database.environment_stamp import stamped
    from terp_seed.errors import SeedError
    from terp_seed.project.check import chain_of, schemas_of
    from terp_seed.project.round_trip import fitted, round_trip, transaction

    project = fitted(seed_project, seed_engine)

    def trip(**x: object) -> int:
        given = [f"{key.replace('_', '-')}={value}" for key, value in x.items()]
        chain = chain_of(project)
        with transaction(seed_engine, chain.settings) as connection:
            environment = stamped(connection) or "test"
            staying, schemas = chain.staying(environment), schemas_of(chain.tables(environment))
            try:
                return round_trip(project, connection, given, staying, schemas)
            except SeedError as error:
                pytest.fail(str(error), pytrace=False)

    return trip
