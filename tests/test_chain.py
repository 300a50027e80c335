"""The project's own chain, as a person types it: sandbox, seeds, and back again."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from projects import CHAIN, Project
from servers import MariaDB

from terp_seed.database.compare import TableDigest, database_digests, differing

Digests = dict[str, TableDigest]


def seed(project: Project, url: str, *args: str) -> str:
    """Run `alembic -n seed ARGS` on the database; return what it said."""
    return project.run("alembic", "-n", "seed", "-x", f"url={url}", *args).stderr


def step(project: Project, url: str, name: str, target: str, *x: str) -> None:
    """Call `alembic.command` in this process, which is quicker than ten of its own."""
    given = Namespace(x=[f"url={url}", *x])
    config = Config(project.path / "alembic.ini", ini_section="seed", cmd_opts=given)
    path = list(sys.path)
    try:
        getattr(command, name)(config, target)
    finally:
        sys.path[:] = path


def sandbox(project: Project, url: str) -> None:
    project.run("alembic", "-x", f"url={url}", "upgrade", "head")


def digests(url: str) -> Digests:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return database_digests(connection)


def version(url: str) -> str | None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT version_num FROM terp_seed_version").scalar()
        return None if found is None else str(found)


@pytest.fixture
def ready(project: Project, database_url: str) -> str:
    """A database with the sandbox schema."""
    sandbox(project, database_url)
    return database_url


@pytest.mark.slow
def test_up_at_once_and_down_one_by_one(project: Project, ready: str) -> None:
    empty = digests(ready)
    said = seed(project, ready, "upgrade", "head")
    assert "environment dev, size small" in said
    full = digests(ready)
    assert {name: full[name].rows for name in ("clients", "batches", "orders")} == {
        "clients": full["clients"].rows,
        "batches": 30,
        "orders": 50,
    }
    assert "nothing to do" in seed(project, ready, "upgrade", "head")
    assert digests(ready) == full
    assert "removed" in seed(project, ready, "downgrade", "-1")
    assert version(ready) == CHAIN[-2]
    for revision in [*CHAIN[-3::-1], None]:
        step(project, ready, "downgrade", "-1")
        assert version(ready) == revision
    assert differing(digests(ready), empty) == []


@pytest.mark.long
def test_each_rollback_gives_back_what_its_upgrade_found(project: Project, ready: str) -> None:
    """Derived columns of earlier revisions included: stock, totals owed."""
    before: list[Digests] = []
    for revision in CHAIN:
        before.append(digests(ready))
        step(project, ready, "upgrade", "+1")
        assert version(ready) == revision
    for found in reversed(before):
        step(project, ready, "downgrade", "-1")
        assert differing(digests(ready), found) == []


@pytest.mark.parametrize("size", ["small", pytest.param("medium", marks=pytest.mark.slow)])
def test_both_engines_hold_the_same_rows(
    project: Project, new_database: Callable[[str], str], mariadb: MariaDB, size: str
) -> None:
    found: list[Digests] = []
    for engine in ("sqlite", mariadb.engine):
        url = new_database(engine)
        sandbox(project, url)
        step(project, url, "upgrade", "head", f"size={size}")
        found.append(digests(url))
    assert differing(*found) == []
    assert sum(each.rows for each in found[0].values()) > 500


@pytest.mark.long
def test_three_processes_at_once_seed_exactly_once(project: Project, ready: str) -> None:
    """C-1."""
    run = ("alembic", "-n", "seed", "-x", f"url={ready}", "upgrade", "head")
    processes = [project.start(*run) for _ in range(3)]
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    assert sum(f"-> {CHAIN[-1]}" in error for _, error in said) == 1
    once = digests(ready)
    assert once["orders"].rows == 50


@pytest.mark.long
def test_the_sandbox_and_the_seeds_do_not_see_each_other(project: Project, ready: str) -> None:
    """C-31: two histories in one database."""
    seed(project, ready, "upgrade", "0002_clients")
    out = project.run("alembic", "-x", f"url={ready}", "current").stdout
    assert out.endswith(" (head)\n")
    assert seed(project, ready, "downgrade", "-1")
    assert version(ready) == "0001_catalogue"


@pytest.mark.long
def test_a_client_of_ones_own_is_left_alone(project: Project, ready: str) -> None:
    """Promise 2, on the tables it was made for."""
    engine = sa.create_engine(ready, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO clients (teri_code, name) VALUES ('C-1', 'mine')")
    before = digests(ready)
    seed(project, ready, "upgrade", "head")
    seed(project, ready, "downgrade", "base")
    assert differing(digests(ready), before) == []
