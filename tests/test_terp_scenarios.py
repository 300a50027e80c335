"""What each scenario shows, and that TERP's checks hold in all of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from projects import Project
from servers import run_client
from terp_harness import Seeded, seeded

from terp_seed.database.compare import BOOKKEEPING, TableDigest, database_digests, differing
from terp_seed.terp.extremes import EMOJI, RIGHT_TO_LEFT, TEXTS
from terp_seed.terp.schema.tables import metadata
from terp_seed.terp.simulation.scenarios import SCENARIOS

MOMENTS = {"terp_seed_audit", "terp_seed_environment"}

AGES = (
    "SELECT DISTINCT CASE WHEN age <= 0 THEN 0 WHEN age <= 30 THEN 1 WHEN age <= 60 THEN 2"
    " WHEN age <= 90 THEN 3 ELSE 4 END FROM (SELECT julianday('2026-06-30') - julianday(dueDate)"
    " AS age FROM {} WHERE amountDue > 0 AND status NOT IN ('VOID', 'PAID')) ORDER BY 1"
)


def one(found: Seeded, sql: str) -> object:
    return found.db.execute(sql).fetchone()[0]


def column(found: Seeded, sql: str) -> list[object]:
    return [row[0] for row in found.db.execute(sql)]


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("root_seed", [1, 7])
def test_every_check_holds(scenario: str, root_seed: int) -> None:
    """They are made while the rows go in."""
    with seeded("small", scenario=scenario, root_seed=root_seed):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_check_holds_in_a_larger_size(scenario: str) -> None:
    with seeded("large", scenario=scenario):
        pass


def test_the_first_day_of_a_company() -> None:
    """Whoever works there, what it sells and how the house is arranged; nothing has happened."""
    with seeded("small", scenario="empty-start") as found, seeded("small") as usual:
        filled = {name for name in found.tables if one(found, f'SELECT COUNT(*) FROM "{name}"')}
        for name in ("users", "products", "strains", "roles", "storage_zones"):
            same = f"SELECT COUNT(*) FROM {name}"
            assert one(found, same) == one(usual, same) != 0
    assert not filled & {"clients", "batches", "orders", "invoices", "bills", "payments", "sales"}
    assert filled == SCENARIOS["empty-start"].only


def test_at_the_end_of_a_month_all_is_due() -> None:
    with seeded("small", scenario="month-end") as found:
        for table in ("invoices", "bills"):
            assert one(found, f"SELECT MAX(dueDate) FROM {table}") == "2026-06-30"
            assert column(found, AGES.format(table)) == [0, 1, 2, 3, 4]
            due = f"SELECT COUNT(*) FROM {table} WHERE dueDate = '2026-06-30' AND amountDue > 0"
            assert one(found, due) != 0
        unpaid = "SELECT COUNT(*) FROM vendor_payables WHERE inventory_zero_at IS NOT NULL"
        assert one(found, f"{unpaid} AND amount_due > 0") == one(found, unpaid) != 0


def test_a_recalled_lot_is_traced_to_whoever_has_goods_of_it() -> None:
    """Found from the lot alone, as a tester would: batches, orders, returns, samples, notes."""
    lot = "SELECT id FROM lots WHERE notes LIKE 'Recalled%'"
    batches = f"SELECT id FROM batches WHERE lotId IN ({lot})"
    gone = (
        "SELECT DISTINCT o.id FROM orders o JOIN order_line_items l ON l.order_id = o.id"
        " JOIN order_line_item_allocations a ON a.order_line_item_id = l.id"
        f" WHERE a.batch_id IN ({batches}) AND o.fulfillmentStatus = '{{}}'"
    )
    with seeded("small", scenario="recall") as found:
        assert len(column(found, lot)) == 1
        states = column(found, f"SELECT DISTINCT batchStatus FROM batches WHERE id IN ({batches})")
        assert "QUARANTINED" in states
        assert "LIVE" not in states
        delivered = {*column(found, gone.format("DELIVERED"))}
        assert len(delivered) > 1
        assert column(found, gone.format("CONFIRMED")) == []
        recalled = "SELECT order_id FROM returns WHERE notes LIKE 'Recalled%'"
        assert {*column(found, recalled)} == delivered
        told = "SELECT commentable_id FROM comments WHERE content LIKE '%recalled lot%'"
        assert {*column(found, told)} >= delivered
        clients = f"SELECT DISTINCT client_id FROM orders WHERE id IN ({recalled})"
        noted = (
            "SELECT n.client_id FROM client_notes n JOIN freeform_notes f ON f.id = n.note_id"
            " WHERE f.title LIKE 'Recall of%'"
        )
        assert {*column(found, noted)} >= {*column(found, clients)}
        asked = (
            "SELECT COUNT(*) FROM sampleRequests WHERE sampleRequestStatus = 'RETURN_REQUESTED'"
            f" AND json_extract(products, '$[0].productId') IN"
            f" (SELECT productId FROM batches WHERE id IN ({batches}))"
        )
        assert one(found, asked) != 0
        on_sale = "SELECT COUNT(*) FROM batches WHERE publishB2b AND batchStatus = 'QUARANTINED'"
        assert one(found, on_sale) == 0


def _digests(url: str, leave_out: set[str]) -> dict[str, TableDigest]:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = database_digests(connection, leave_out=leave_out)
    engine.dispose()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name != "typical"])
def test_up_as_a_script_and_down(
    project: Project, engine: str, new_database: Callable[[str], str], scenario: str
) -> None:
    by_script, by_run = new_database(engine), new_database(engine)
    for url in (by_script, by_run):
        project.run("alembic", "-x", f"url={url}", "upgrade", "head")
    empty = _digests(by_script, set(BOOKKEEPING))
    told = ("-x", f"scenario={scenario}")
    seed = ("alembic", "-n", "seed", "-x", f"url={by_script}")
    run_client(by_script, project.run(*seed, *told, "upgrade", "base:head", "--sql").stdout)
    project.run("alembic", "-n", "seed", "-x", f"url={by_run}", *told, "upgrade", "head")
    assert differing(_digests(by_script, MOMENTS), _digests(by_run, MOMENTS)) == []
    assert "0 broken" in project.run("terp-seed", "-x", f"url={by_run}", "verify").stdout
    project.run("alembic", "-n", "seed", "-x", f"url={by_run}", "downgrade", "base")
    assert differing(_digests(by_run, set(BOOKKEEPING)), empty) == []


def _nullable(found: Seeded) -> dict[tuple[str, str], bool]:
    """Whether some row is NULL, of each nullable column that a seeder fills."""
    return {
        (name, column): one(found, f'SELECT COUNT(*) FROM "{name}" WHERE "{column}" IS NULL') != 0
        for name, rows in found.tables.items()
        if rows.count
        for column in rows.columns
        if metadata.tables[name].columns[column].nullable and column not in rows.derived
    }


def test_the_extremes_are_there() -> None:
    """Of each kind at least one, as a tester would look for it."""
    with seeded("small", scenario="edge") as found:
        assert one(found, "SELECT MAX(LENGTH(name)) FROM clients") == 255
        assert one(found, "SELECT MAX(LENGTH(nameCanonical)) FROM products") == 500
        assert one(found, "SELECT MAX(LENGTH(content)) FROM comments") == 16_383
        for table, columns in TEXTS.items():
            for name in columns:
                texts = {*column(found, f'SELECT "{name}" FROM "{table}"')}
                if len(column(found, f"SELECT id FROM {table}")) > 4:
                    assert {RIGHT_TO_LEFT, EMOJI} <= texts, f"{table}.{name}"
        assert "2024-02-29" in column(found, "SELECT DATE(created_at) FROM clients")
        limits = "SELECT credit_limit FROM clients WHERE is_buyer ORDER BY 1"
        assert column(found, limits)[0] == 0
        assert column(found, limits)[-1] == 9_999_999_999_999.99
        assert one(found, "SELECT COUNT(*) FROM clients WHERE credit_limit = total_owed") != 0
        assert one(found, "SELECT COUNT(*) FROM batches WHERE batchStatus = 'SOLD_OUT'") != 0
        kinds = column(found, "SELECT DISTINCT cogsAdjustmentType FROM clients")
        assert len(kinds) == 7


def test_nearly_every_column_that_may_be_null_is_so_somewhere() -> None:
    """The others are those of which TERP's checks, or other rows, need the value."""
    with seeded("small", scenario="edge") as found:
        never = [name for name, null in _nullable(found).items() if not null]
        assert len(never) <= 35, never
        assert len(_nullable(found)) > 250
