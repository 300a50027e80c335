from __future__ import annotations

import pytest
from terp_harness import seeded

EARLY = ["catalogue", "clients", "batches", "inventory"]
BUCKETS = "onHandQty, sampleQty, reservedQty, quarantineQty, holdQty, defectiveQty"


@pytest.fixture(scope="module")
def medium():
    with seeded("medium", names=EARLY) as database:
        yield database


def test_every_batch_is_taken_in_and_lies_somewhere(medium):
    assert (
        medium.one("SELECT COUNT(*) FROM inventoryMovements WHERE inventoryMovementType = 'INTAKE'")
        == 200
    )
    assert medium.one("SELECT COUNT(DISTINCT batchId) FROM batchLocations") == 200


def test_intakes_are_whole_pounds_or_what_is_sold_of_them(medium):
    amounts = medium.all(
        "SELECT m.quantityChange FROM inventoryMovements m JOIN batches b ON b.id = m.batchId"
        " JOIN products p ON p.id = b.productId"
        " WHERE m.inventoryMovementType = 'INTAKE' AND p.category = 'Flower'"
    )
    assert all(10 <= amount <= 500 and amount * 4 == int(amount * 4) for (amount,) in amounts)


def test_every_bucket_but_reserved_is_used(medium):
    for bucket in BUCKETS.split(", "):
        used = medium.one(f"SELECT COUNT(*) FROM batches WHERE {bucket} > 0")
        assert (used > 0) == (bucket != "reservedQty"), bucket


def test_quarantined_stock_is_on_hand_and_not_available(medium):
    rows = medium.all(
        "SELECT onHandQty, quarantineQty FROM batches WHERE batchStatus = 'QUARANTINED'"
    )
    assert rows
    assert all(on_hand == quarantined > 0 for on_hand, quarantined in rows)


def test_closed_batches_were_destroyed(medium):
    rows = medium.all(
        "SELECT b.onHandQty, m.quantityChange FROM batches b JOIN inventoryMovements m"
        " ON m.batchId = b.id AND m.inventoryMovementType = 'DISPOSAL'"
    )
    assert len(rows) == medium.one("SELECT COUNT(*) FROM batches WHERE batchStatus = 'CLOSED'")
    assert all(on_hand == 0 > change for on_hand, change in rows)


def test_nothing_refers_to_orders_yet(medium):
    assert medium.one("SELECT COUNT(*) FROM inventoryMovements WHERE referenceType = 'ORDER'") == 0


def test_intakes_name_their_lot(medium):
    assert (
        medium.one(
            "SELECT COUNT(*) FROM inventoryMovements m JOIN batches b ON b.id = m.batchId"
            " WHERE m.referenceType = 'LOT' AND m.referenceId <> b.lotId"
        )
        == 0
    )
