from __future__ import annotations

import json

import pytest
from terp_harness import AS_OF, described, seeded

EARLY = ["catalogue", "clients", "batches"]


@pytest.fixture(scope="module")
def medium():
    with seeded("medium", names=EARLY) as database:
        yield database


def test_counts_and_keys(medium):
    assert medium.one("SELECT COUNT(*) FROM batches") == 200
    assert medium.one("SELECT COUNT(DISTINCT code) FROM batches") == 200
    assert medium.one("SELECT COUNT(DISTINCT sku) FROM batches") == 200
    assert 40 <= medium.one("SELECT COUNT(*) FROM lots") <= 120
    assert medium.one("SELECT MAX(n) FROM (SELECT COUNT(*) n FROM batches GROUP BY lotId)") <= 5


def test_codes_stay_clear_of_those_terp_issues(medium):
    for table in ("lots", "batches"):
        codes = [row[0] for row in medium.all(f"SELECT code FROM {table}")]
        assert all(code.startswith("SEED-") for code in codes)


def test_quantities_wait_for_movements(medium):
    assert medium.all("SELECT DISTINCT onHandQty, reservedQty, sampleQty FROM batches") == [
        (0, 0, 0)
    ]


def test_cost_by_growing_method(medium):
    costs = {"Indoor": 1800, "Deps": 1200, "Outdoor": 800}
    rows = medium.all(
        "SELECT p.subcategory, COALESCE(b.unitCogs, (b.unitCogsMin + b.unitCogsMax) / 2)"
        " FROM batches b JOIN products p ON p.id = b.productId WHERE p.category = 'Flower'"
    )
    for method, cost in rows:
        assert abs(cost - costs[method]) <= costs[method] // 10
    others = medium.all(
        "SELECT COALESCE(b.unitCogs, (b.unitCogsMin + b.unitCogsMax) / 2) FROM batches b"
        " JOIN products p ON p.id = b.productId WHERE p.category <> 'Flower'"
    )
    assert all(40 <= cost <= 60 for (cost,) in others)


def test_both_cost_modes_and_all_grades(medium):
    assert medium.one("SELECT COUNT(DISTINCT cogsMode) FROM batches") == 2
    assert medium.counted("SELECT grade, COUNT(*) FROM batches GROUP BY 1").keys() == {
        "AAA",
        "AA",
        "A",
    }


def test_nine_in_ten_on_consignment(medium):
    terms = medium.counted("SELECT paymentTerms, COUNT(*) FROM batches GROUP BY 1")
    assert terms["CONSIGNMENT"] == 180
    assert len(terms) == 6
    assert (
        medium.one(
            "SELECT COUNT(*) FROM batches"
            " WHERE (paymentTerms = 'CONSIGNMENT') <> (ownership_type = 'CONSIGNED')"
        )
        == 0
    )


def test_metadata_is_json_with_dates_in_order(medium):
    for text, created in medium.all("SELECT metadata, createdAt FROM batches"):
        data = json.loads(text)
        assert data["harvestDate"] < data["packageDate"] < created[:10] <= str(AS_OF)
        assert data["packageTag"].startswith("TEST")
        assert len(data["packageTag"]) == 24
        assert 0 < data["potency"]["thc"] < 100


def test_work_queue_statuses_are_left_alone(medium):
    assert medium.one("SELECT COUNT(*) FROM workflow_statuses") == 0
    assert medium.one("SELECT COUNT(statusId) FROM batches") == 0


def test_status_mix_before_the_first_sale(medium):
    counts = medium.counted("SELECT batchStatus, COUNT(*) FROM batches GROUP BY 1")
    assert "SOLD_OUT" not in counts
    assert counts["ON_HOLD"] == 10
    assert counts["QUARANTINED"] == 6
    assert counts["CLOSED"] == 4


def test_small_is_the_beginning_of_medium_where_the_row_decides():
    few, many = described("small")["batches"][1], described("medium")["batches"][1]
    for column in ("code", "sku", "paymentTerms", "ownership_type"):
        assert list(few.values(column)) == list(many.values(column, 0, few.count))
