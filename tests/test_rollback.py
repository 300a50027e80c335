"""Rollback removes what the seeder inserted, and nothing else: on TERP's own tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from projects import Project
from sqlalchemy import Connection, create_engine, make_url, text
from toys import rewind

from terp_seed.database.compare import TableDigest, database_digests, differing
from terp_seed.errors import RollbackError
from terp_seed.project.project import Project as Seeds

# Rows of somebody's own in tables that the seeds fill: before, between and after them.
FOREIGN = (
    "INSERT INTO users (openId, lastSignedIn) VALUES ('{0}-user', '2026-01-01')",
    "INSERT INTO brands (name) VALUES ('{0} brand')",
    "INSERT INTO clients (teri_code, name) VALUES ('{0}-CLIENT', '{0} client')",
    "INSERT INTO vendors (name) VALUES ('{0} vendor')",
    "INSERT INTO orders (order_number, orderType, client_id, items, subtotal, total, paymentTerms, "
    "created_by) SELECT '{0}-ORDER', 'SALE', c.id, '[]', 1, 1, 'COD', u.id FROM clients c, users u "
    "WHERE c.teri_code = '{0}-CLIENT' AND u.openId = '{0}-user'",
)
CAPITALS = re.compile(r"\b[a-z]+[A-Z]\w*\b")  # names that some engines want quoted
BOOKS = ("terp_seed_ledger", "terp_seed_version", "terp_seed_audit", "terp_seed_environment")


@pytest.fixture
def seeds(project: Project, database_url: str) -> Seeds:
    """The project's seeds, on an empty sandbox of each engine."""
    project.run("alembic", "-x", f"url={database_url}", "upgrade", "head")
    return Seeds(project.path / "alembic.ini", x=(f"url={database_url}",))


@contextmanager
def _connected(seeds: Seeds) -> Iterator[Connection]:
    engine = create_engine(seeds.x[0].removeprefix("url="))
    with engine.connect() as connection:
        yield connection
        connection.commit()
    engine.dispose()


def _run(seeds: Seeds, *statements: str) -> None:
    with _connected(seeds) as connection:
        quote = connection.dialect.identifier_preparer.quote_identifier
        for statement in statements:
            connection.execute(text(CAPITALS.sub(lambda found: quote(found[0]), statement)))


def _value(seeds: Seeds, query: str) -> object:
    with _connected(seeds) as connection:
        return connection.execute(text(query)).scalar()


def _digests(seeds: Seeds) -> dict[str, TableDigest]:
    with _connected(seeds) as connection:
        return database_digests(connection)


def _with(seeds: Seeds, *x: str) -> Seeds:
    return Seeds(seeds.ini, seeds.section, (*seeds.x, *x))


@pytest.mark.long
def test_every_table_is_as_before_among_foreign_rows(seeds: Seeds) -> None:
    """Rows of others, before and after the seeds, come through up and down untouched."""
    _run(seeds, *(statement.format("before") for statement in FOREIGN))
    before = _digests(seeds)

    seeds.upgrade("head")
    seeds.downgrade("base")

    assert differing(before, _digests(seeds)) == []

    seeds.upgrade("head")
    _run(seeds, *(statement.format("after") for statement in FOREIGN))
    seeds.downgrade("base")
    assert _value(seeds, "SELECT COUNT(*) FROM clients") == 2
    assert _value(seeds, "SELECT COUNT(*) FROM orders") == 2


def test_each_step_down_undoes_its_step_up(seeds: Seeds) -> None:
    """After ``downgrade -1`` every table is as it was before that revision, derived columns too."""
    states = [_digests(seeds)]
    for _ in range(5):
        seeds.upgrade("+1")
        states.append(_digests(seeds))
    for expected in reversed(states[:-1]):
        seeds.downgrade("-1")
        assert differing(expected, _digests(seeds)) == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("statement", "where"),
    [
        # CASCADE: without the search this order would go with its client.
        (
            FOREIGN[4].replace(
                "c.teri_code = '{0}-CLIENT'", "c.id = (SELECT MIN(id) FROM clients)"
            ),
            "orders.client_id",
        ),
        # No constraint at all: TERP only says that it refers.
        (
            "INSERT INTO products (brandId, nameCanonical, category) "
            "SELECT MIN(id), 'x', 'Flower' FROM brands",
            "products.brandId",
        ),
    ],
    ids=["cascade", "logical"],
)
def test_rows_that_depend_on_seeded_ones_stop_the_rollback(
    seeds: Seeds, statement: str, where: str
) -> None:
    """Nothing is deleted, and the message says table, column, number and first keys."""
    seeds.upgrade("head")
    seeds.downgrade("0002_clients")
    _run(seeds, FOREIGN[0].format("own"), statement.format("own"))
    before = _digests(seeds)

    with pytest.raises(RollbackError, match=f"in {where} .*first: id") as caught:
        seeds.downgrade("base")

    assert caught.value.exit_code == 6
    if "products" in where:  # the clients' own revision had nobody in its way
        before = {name: each for name, each in before.items() if name in ("products", "brands")}
    assert differing(before, {name: _digests(seeds)[name] for name in before}) == []


def test_needed_rows_can_be_kept_and_seeded_around(seeds: Seeds) -> None:
    """What others need stays, in the ledger as retained; a later upgrade grows around it."""
    seeds.upgrade("0002_clients")
    whole = _digests(seeds)
    _run(
        seeds,
        FOREIGN[0].format("own"),
        FOREIGN[4]
        .replace("c.teri_code = '{0}-CLIENT'", "c.id % 4 = 1")
        .format("own")
        .replace("'own-ORDER'", "CAST(c.id AS CHAR(9))"),
    )

    _with(seeds, "on-dependents=keep").downgrade("0001_catalogue")
    kept = _value(seeds, "SELECT COUNT(*) FROM clients")
    assert 0 < int(str(kept)) < 10
    assert _value(seeds, "SELECT COUNT(*) FROM terp_seed_ledger WHERE state = 'retained'") == 1

    with _connected(seeds) as connection:
        rewind(connection)
    seeds.upgrade("0002_clients")
    now = _digests(seeds)
    assert now["clients"] == whole["clients"]
    assert now["supplier_profiles"] == whole["supplier_profiles"]


def test_an_edited_row_is_found_and_obeys_the_policy(seeds: Seeds) -> None:
    """Abort leaves everything; keep leaves the edited row; delete takes it."""
    seeds.upgrade("0002_clients")
    _run(seeds, "UPDATE clients SET name = 'Renamed by hand' WHERE teri_code LIKE 'SEED%0003'")

    with pytest.raises(RollbackError, match="1 in clients"):
        _with(seeds, "on-edited=abort").downgrade("-1")
    assert _value(seeds, "SELECT COUNT(*) FROM clients") == 10

    _with(seeds, "on-edited=keep").downgrade("-1")
    assert _value(seeds, "SELECT name FROM clients") == "Renamed by hand"
    seeds.upgrade("0002_clients")
    assert _value(seeds, "SELECT COUNT(*) FROM clients") == 10
    assert _value(seeds, "SELECT COUNT(*) FROM clients WHERE name = 'Renamed by hand'") == 1

    _with(seeds, "on-edited=delete").downgrade("-1")
    assert _value(seeds, "SELECT COUNT(*) FROM clients") == 0


def test_staging_aborts_on_edited_rows_by_itself(seeds: Seeds) -> None:
    """In staging nothing that somebody touched is deleted without being told to."""
    seeds.upgrade("0002_clients")
    _run(
        seeds,
        "UPDATE terp_seed_environment SET name = 'staging'",
        "UPDATE clients SET name = 'Renamed by hand' WHERE teri_code LIKE 'SEED%0003'",
    )
    name = Path(str(make_url(seeds.x[0].removeprefix("url=")).database)).name
    with pytest.raises(RollbackError, match="edited"):
        _with(seeds, f"yes={name}").downgrade("-1")


def test_a_row_deleted_by_hand_is_no_error_and_its_id_may_be_anothers(seeds: Seeds) -> None:
    """A row that took over an id is foreign: it has another natural key, and stays."""
    seeds.upgrade("0002_clients")
    gone = _value(
        seeds,
        "SELECT MAX(id) FROM clients WHERE id NOT IN (SELECT client_id FROM supplier_profiles)",
    )
    _run(
        seeds,
        f"DELETE FROM clients WHERE id = {gone}",
        f"INSERT INTO clients (id, teri_code, name) VALUES ({gone}, 'MINE', 'Mine')",
    )
    seeds.downgrade("-1")
    assert _value(seeds, "SELECT teri_code FROM clients") == "MINE"


def test_a_lost_ledger_is_noticed(seeds: Seeds) -> None:
    """A schema tool dropped the ledger: the run stops and says so."""
    seeds.upgrade("0002_clients")
    _run(seeds, "DROP TABLE terp_seed_ledger")
    with pytest.raises(Exception, match="the ledger has no entry for that"):
        seeds.downgrade("base")
    assert _value(seeds, "SELECT COUNT(*) FROM clients") == 10
