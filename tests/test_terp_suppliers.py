"""What is owed to suppliers, what slow stock is, and where batches are in the work queue."""

from __future__ import annotations

from datetime import timedelta

import pytest
from terp_harness import AS_OF, SIZES, seeded

from terp_seed.errors import UsageError


@pytest.fixture(scope="module")
def medium():
    with seeded("medium") as database:
        yield database


@pytest.mark.parametrize("root_seed", range(6))
@pytest.mark.parametrize("size", ["small", "medium"])
def test_suppliers_are_owed_something_of_every_age(size, root_seed):
    """TERP's buckets: not due, to 30 days, to 60, to 90, older."""
    with seeded(size, root_seed=root_seed, check=False) as database:
        ages = database.all(
            f"SELECT DISTINCT MAX(0, MIN(4, (CAST(julianday('{AS_OF}') - julianday(dueDate) AS INT)"
            " + 29) / 30)) FROM bills WHERE amountDue > 0 AND status <> 'DRAFT'"
        )
    assert {age for (age,) in ages} == {0, 1, 2, 3, 4}


def test_every_sold_out_batch_on_consignment_is_due_or_paid(medium):
    found = medium.counted(
        "SELECT p.status, COUNT(*) FROM vendor_payables p JOIN batches b ON b.id = p.batch_id"
        " WHERE b.batchStatus = 'SOLD_OUT' GROUP BY p.status"
    )
    assert found["PAID"] > found["DUE"] > 0
    assert "PENDING" not in found


def test_void_bills_are_not_among_the_late_ones(medium):
    """TERP's list of late bills asks for the amount and the day only."""
    late = medium.counted(
        f"SELECT status, COUNT(*) FROM bills WHERE amountDue > 0 AND dueDate < '{AS_OF}'"
        " GROUP BY status"
    )
    assert late.keys() == {"OVERDUE", "PARTIAL"}


def test_some_stock_is_slow_and_most_is_not(medium):
    ago = AS_OF - timedelta(days=90)
    (slow, stocked), = medium.all(
        "SELECT SUM(NOT EXISTS (SELECT 1 FROM sales s WHERE s.batchId = b.id"
        f" AND s.saleDate >= '{ago}')), COUNT(*) FROM batches b WHERE b.batchStatus = 'LIVE'"
    )  # fmt: skip
    assert 0 < slow < stocked / 2


@pytest.mark.parametrize(
    "column",
    [
        "vendor_payables.inventory_zero_at", "vendor_payables.updated_at", "bills.billDate",
        "bills.updatedAt", "paymentHistory.paymentDate", "sales.saleDate", "returns.processed_at",
        "vendor_returns.credit_received_at", "credits.createdAt", "creditApplications.appliedDate",
        "purchaseOrders.updatedAt", "intake_sessions.completed_at", "sampleRequests.fulfilledDate",
        "sampleLocationHistory.changedAt", "batch_status_history.createdAt",
    ],
)  # fmt: skip
def test_nothing_of_it_happens_after_today(medium, column):
    table, name = column.split(".")
    assert medium.one(f"SELECT MAX({name}) FROM {table}") < f"{AS_OF} 24"


def test_a_queue_that_people_use_can_be_left_alone():
    odd = SIZES["small"] | {"workflow_statuses": 3}
    with seeded(SIZES["small"] | {"workflow_statuses": 0}) as database:
        assert database.one("SELECT COUNT(*) FROM workflow_statuses") == 0
        assert database.one("SELECT COUNT(*) FROM batch_status_history") == 0
        assert database.one("SELECT COUNT(statusId) FROM batches") == 0
    with pytest.raises(UsageError, match="6 stations"), seeded(odd):
        pass
