from __future__ import annotations

import json
from datetime import date

import pytest
from terp_harness import AS_OF, EVERY_STATE, seeded

from terp_seed.terp.seeders.batches import QUANTITIES

ITEM_KEYS = {
    "batchId", "displayName", "originalName", "quantity", "unitPrice", "isSample", "unitCogs",
    "cogsMode", "cogsSource", "unitMargin", "marginPercent", "lineTotal", "lineCogs",
    "lineMargin", "productId", "strain", "category", "subcategory", "grade", "price",
}  # fmt: skip


@pytest.fixture(scope="module")
def small():
    with seeded("small") as database:
        yield database


@pytest.fixture(scope="module")
def medium():
    with seeded("medium") as database:
        yield database


@pytest.mark.parametrize("root_seed", range(8))
def test_small_shows_every_state(root_seed):
    with seeded("small", root_seed=root_seed) as database:
        for column, number in EVERY_STATE.items():
            table, name = column.split(".")
            assert database.one(f"SELECT COUNT(DISTINCT {name}) FROM {table}") == number, column


def test_small_shows_a_debt_of_four_months(small):
    assert (
        small.one(
            "SELECT COUNT(*) FROM invoices WHERE status = 'OVERDUE'"
            f" AND julianday('{AS_OF}') - julianday(dueDate) > 120"
        )
        > 0
    )


def test_large_holds_every_invariant():
    with seeded("large") as database:
        assert database.one("SELECT COUNT(*) FROM orders") == 2000


@pytest.mark.parametrize(
    "as_of", [date(2024, 2, 29), date(2025, 11, 30), date(2026, 1, 1), date(2030, 12, 31)]
)
def test_any_day_may_be_today(as_of):
    with seeded("small", as_of=as_of) as database:
        assert database.one(f"SELECT COUNT(*) FROM orders WHERE created_at >= '{as_of}'") == 4


@pytest.mark.parametrize(
    "rows",
    [
        {"clients": 4, "batches": 10, "orders": 700},
        {"clients": 300, "batches": 1500, "orders": 41},
        {"clients": 10, "batches": 50, "orders": 3},
        {"clients": 10, "batches": 30, "orders": 50, "products": 90, "brands": 2},
    ],
)
def test_any_mix_of_sizes_holds_every_invariant(rows):
    with seeded(rows) as database:
        assert database.one("SELECT COUNT(*) FROM orders") == rows["orders"]


def test_keys_are_unique_and_ours(medium):
    for table, column in (
        ("orders", "order_number"),
        ("invoices", "invoiceNumber"),
        ("payments", "paymentNumber"),
    ):
        numbers = [row[0] for row in medium.all(f"SELECT {column} FROM {table}")]
        assert len(set(numbers)) == len(numbers)
        assert all(number.startswith("SEED-") for number in numbers)


def test_items_say_what_the_lines_say(medium):
    lines = {}
    for order, *line in medium.all(
        "SELECT l.order_id, l.batch_id, b.productId, l.quantity, l.unit_price, l.line_total,"
        " l.cogs_per_unit, l.margin_percent, l.product_display_name, p.category, b.grade, s.name"
        " FROM order_line_items l JOIN batches b ON b.id = l.batch_id"
        " JOIN products p ON p.id = b.productId JOIN strains s ON s.id = p.strainId ORDER BY l.id"
    ):
        lines.setdefault(order, []).append(line)
    for order, text in medium.all("SELECT id, items FROM orders"):
        items = json.loads(text)
        assert all(item.keys() == ITEM_KEYS for item in items)
        found = [
            [i["batchId"], i["productId"], i["quantity"], i["price"], i["lineTotal"],
             i["unitCogs"], i["marginPercent"], i["displayName"], i["category"], i["grade"],
             i["strain"]]
            for i in items
        ]  # fmt: skip
        assert found == lines[order]


def test_amounts_are_whole_cents(medium):
    for total, quantity, price in medium.all(
        "SELECT line_total, quantity, unit_price FROM order_line_items"
    ):
        assert total * 100 == int(total * 100)
        assert total == quantity * price
        assert price == int(price)


def test_some_lines_are_served_from_two_batches(medium):
    split = medium.all(
        "SELECT order_line_item_id FROM order_line_item_allocations GROUP BY 1 HAVING COUNT(*) > 1"
    )
    sold_out = medium.one("SELECT COUNT(*) FROM batches WHERE batchStatus = 'SOLD_OUT'")
    assert len(split) == sold_out > 0


def test_four_orders_of_today_from_four_clients(medium):
    assert (
        medium.one(
            "SELECT COUNT(DISTINCT client_id) FROM orders"
            f" WHERE created_at >= '{AS_OF}' AND orderType = 'SALE' AND is_draft = 0"
        )
        == 4
    )


@pytest.mark.parametrize(
    "column",
    [
        "orders.created_at", "orders.shipped_at", "orders.updated_at",
        "order_status_history.changed_at", "inventoryMovements.createdAt",
        "invoices.invoiceDate", "payments.paymentDate", "payments.reconciledAt",
        "clients.vip_portal_last_login", "client_transactions.transaction_date",
    ],
)  # fmt: skip
def test_nothing_happens_after_today(medium, column):
    table, name = column.split(".")
    assert medium.one(f"SELECT MAX({name}) FROM {table}") < f"{AS_OF} 24"


def test_overdue_means_unpaid_and_late(medium):
    assert (
        medium.one(
            "SELECT COUNT(*) FROM invoices WHERE (status = 'OVERDUE')"
            f" <> (dueDate < '{AS_OF}' AND amountDue > 0 AND status <> 'VOID')"
        )
        == 0
    )


def test_open_quotes_are_valid_still(medium):
    assert (
        medium.one(
            "SELECT COUNT(*) FROM orders WHERE quoteStatus IN ('SENT', 'VIEWED')"
            f" AND valid_until < '{AS_OF}'"
        )
        == 0
    )
    assert (
        medium.one(
            "SELECT COUNT(*) FROM orders"
            f" WHERE quoteStatus = 'EXPIRED' AND valid_until >= '{AS_OF}'"
        )
        == 0
    )


def test_last_row_has_no_reference_to_its_own_table(medium):
    assert medium.tables["orders"].values("converted_from_order_id")[-1] is None


def test_client_totals_follow_from_invoices(medium):
    rows = medium.all(
        "SELECT c.total_spent, SUM(i.totalAmount), c.total_profit, SUM(o.total_margin),"
        f" c.oldest_debt_days, MAX(CASE WHEN i.amountDue > 0 THEN julianday('{AS_OF}')"
        " - julianday(i.invoiceDate) ELSE 0 END) FROM clients c"
        " JOIN invoices i ON i.customerId = c.id AND i.status <> 'VOID'"
        " JOIN orders o ON o.invoice_id = i.id GROUP BY c.id"
    )
    assert rows
    for spent, billed, profit, earned, days, oldest in rows:
        assert (spent, profit, days) == pytest.approx((billed, earned, oldest))


def test_downgrade_puts_stock_back():
    columns = f"id, batchStatus, {', '.join(QUANTITIES)}"
    early = ["catalogue", "clients", "batches", "inventory"]
    with seeded("medium", names=early) as before, seeded("medium") as after:
        after.unseed("orders")
        sql = f"SELECT {columns} FROM batches ORDER BY id"
        assert after.all(sql) == before.all(sql)
        places = "SELECT id, qty FROM batchLocations ORDER BY id"
        assert after.all(places) == before.all(places)
        assert (
            after.one("SELECT SUM(total_owed + total_spent + oldest_debt_days) FROM clients") == 0
        )
