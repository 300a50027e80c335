"""Measure a seeded database against the figures that TERP asks for.

The targets are those of TERP's generator config and data-completeness requirements; those of
suppliers have their reasons beside them.  Tolerances are what ``medium`` and larger sizes keep to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

Query = Callable[[str], Sequence[Sequence[Any]]]
"""Runs a SELECT and returns its rows."""


@dataclass(frozen=True)
class Measure:
    """One figure of a seeded database."""

    name: str
    target: float
    tolerance: float
    measured: float
    unit: str = "%"

    @property
    def holds(self) -> bool:
        """Whether the figure is within its tolerance."""
        return abs(self.measured - self.target) <= self.tolerance


_WHALE = "teri_code LIKE 'SEED-WHL-%'"
_BATCHES_WITH_PRODUCTS = "batches b JOIN products p ON p.id = b.productId"
_REVENUE = "invoices i JOIN clients c ON c.id = i.customerId WHERE i.status <> 'VOID'"
_LIVE_FLOWER = f"{_BATCHES_WITH_PRODUCTS} WHERE p.category = 'Flower' AND b.batchStatus = 'LIVE'"
_INTAKES = (
    "inventoryMovements m JOIN batches b ON b.id = m.batchId JOIN products p ON p.id = b.productId"
    " WHERE m.inventoryMovementType = 'INTAKE' AND p.category = 'Flower'"
)
_SALES = "orders WHERE orderType = 'SALE' AND is_draft = 0"
_SIZES = "(SELECT COUNT(*) AS number FROM order_line_items GROUP BY order_id) sizes"
_FLOWER_LINES = (
    "order_line_items l JOIN batches b ON b.id = l.batch_id JOIN products p"
    " ON p.id = b.productId WHERE p.category = 'Flower'"
)
_MOODS = (
    "(SELECT MIN(margin_percent) AS least, MAX(margin_percent) AS most FROM order_line_items"
    " GROUP BY order_id) moods"
)
_RECEIVED = "payments WHERE paymentType = 'RECEIVED'"
_BILLED = "bills WHERE status <> 'VOID'"
_CONSIGNED = "vendor_payables WHERE status <> 'VOID'"
_VALID = "invoices WHERE status <> 'VOID'"
_LATE = "invoices WHERE status = 'OVERDUE'"
_LIVE = "batches WHERE batchStatus = 'LIVE'"
_LINES = "order_line_items"
_POPULARITY = (
    "(SELECT COUNT(*) AS number, ROW_NUMBER() OVER (ORDER BY COUNT(*) DESC) AS place"
    " FROM order_line_items l JOIN batches b ON b.id = l.batch_id GROUP BY b.productId) sold"
)

_LAST_SALES = (
    "(SELECT b.id, b.createdAt, MAX(s.saleDate) AS sold FROM batches b LEFT JOIN sales s"
    " ON s.batchId = b.id WHERE b.batchStatus = 'LIVE' GROUP BY b.id, b.createdAt) stocked"
    " WHERE createdAt < '{quarter}'"
)
_SLOW = "sold IS NULL OR sold < '{quarter}'"
_SOLD_OUT = " AND inventory_zero_at IS NOT NULL"
_AGES = (
    "SELECT COUNT(DISTINCT CASE WHEN dueDate >= '{as_of}' THEN 0 WHEN dueDate >= '{month}' THEN 1"
    " WHEN dueDate >= '{two_months}' THEN 2 WHEN dueDate >= '{quarter}' THEN 3 ELSE 4 END)"
    " FROM bills WHERE amountDue > 0 AND status IN ('PENDING', 'APPROVED', 'PARTIAL', 'OVERDUE')"
)
_QUEUED = "batches b JOIN workflow_statuses s ON s.id = b.statusId"
_FULFILLED = "sampleRequestStatus = 'FULFILLED'"
_MATCHED = "EXISTS (SELECT 1 FROM match_records m WHERE m.client_need_id = n.id)"
_DISPUTED = "EXISTS (SELECT 1 FROM invoice_disputes d WHERE d.invoice_id = i.id)"
_BAGS = "SELECT COUNT(*) * 1.0 / COUNT(DISTINCT order_id) FROM order_bags"
_PAID_ON = (
    "SELECT SUM(CASE WHEN paymentType = 'SENT' THEN amount ELSE 0 END) * 100.0"
    " / SUM(CASE WHEN paymentType = 'RECEIVED' THEN amount ELSE 0 END) FROM payments"
)


@dataclass(frozen=True)
class _Share:
    """A percentage of rows, or of an amount in them, for which a condition holds."""

    name: str
    target: float
    tolerance: float
    source: str
    condition: str
    weight: str = "1"
    unit = "%"

    def read(self, query: Query, **days: date) -> float:
        part, whole = query(
            f"SELECT SUM(CASE WHEN {self.condition.format(**days)} THEN {self.weight} ELSE 0 END),"
            f" SUM({self.weight}) FROM {self.source.format(**days)}"
        )[0]
        return 100.0 * float(part or 0) / float(whole) if whole else 0.0


@dataclass(frozen=True)
class _Figure:
    """One number that a SELECT returns."""

    name: str
    target: float
    tolerance: float
    sql: str
    unit: str = ""

    def read(self, query: Query, **days: date) -> float:
        return float(query(self.sql.format(**days))[0][0])


_MEASURES: tuple[_Share | _Figure, ...] = (
    _Share("clients: whales", 15, 2, "clients", _WHALE),
    _Share("clients: suppliers", 15, 2, "clients", "is_seller = 1"),
    _Share("revenue from whales", 70, 2, _REVENUE, _WHALE, "i.totalAmount"),
    _Share("products: flower", 90, 1, "products", "category = 'Flower'"),
    _Share("live flower: Indoor", 40, 4, _LIVE_FLOWER, "p.subcategory = 'Indoor'"),
    _Share("live flower: Greenhouse", 35, 4, _LIVE_FLOWER, "p.subcategory = 'Deps'"),
    _Share("live flower: Outdoor", 25, 4, _LIVE_FLOWER, "p.subcategory = 'Outdoor'"),
    _Share("batches: LIVE", 60, 2, "batches", "batchStatus = 'LIVE'"),
    _Share("batches: SOLD_OUT", 15, 1, "batches", "batchStatus = 'SOLD_OUT'"),
    _Share("batches: AWAITING_INTAKE", 15, 2, "batches", "batchStatus = 'AWAITING_INTAKE'"),
    _Share("batches: ON_HOLD", 5, 2, "batches", "batchStatus = 'ON_HOLD'"),
    _Share("batches: QUARANTINED", 3, 1, "batches", "batchStatus = 'QUARANTINED'"),
    _Share("batches: CLOSED", 2, 1, "batches", "batchStatus = 'CLOSED'"),
    _Share("batches on consignment", 90, 2, "batches", "paymentTerms = 'CONSIGNMENT'"),
    _Share(
        "flower intakes of 10 to 500 lb", 99, 1, _INTAKES, "m.quantityChange BETWEEN 10 AND 500"
    ),
    _Share("live batches with reserved stock", 15, 5, _LIVE, "reservedQty > 0"),
    _Share("orders: drafts", 12.5, 2.5, "orders", "is_draft = 1"),
    _Share("sales on consignment", 50, 6, _SALES, "paymentTerms = 'CONSIGNMENT'"),
    _Share(
        "sales that came back",
        0.5,
        1.2,
        _SALES,
        "fulfillmentStatus IN ('RETURNED', 'RESTOCKED', 'RETURNED_TO_VENDOR')",
    ),
    _Figure(
        "orders placed today",
        4,
        1,
        "SELECT COUNT(*) FROM orders WHERE created_at >= '{as_of}'"
        " AND is_draft = 0 AND orderType = 'SALE'",
    ),
    _Share("orders of 2 to 5 lines", 60, 8, _SIZES, "number BETWEEN 2 AND 5"),
    _Share("orders of 10 lines and more", 5, 3.5, _SIZES, "number >= 10"),
    _Figure("lines of the longest order", 13.5, 1.5, f"SELECT MAX(number) FROM {_SIZES}"),
    _Figure(
        "margin of a line, mean", 25, 3, "SELECT AVG(margin_percent) FROM order_line_items", "%"
    ),
    _Share("lines with 15 to 45 % margin", 90, 4, _LINES, "margin_percent BETWEEN 14.5 AND 45"),
    _Share("lines with 5 to 10 % margin", 5, 2, _LINES, "margin_percent BETWEEN 5 AND 10"),
    _Share("lines with 50 to 70 % margin", 5, 3, _LINES, "margin_percent BETWEEN 50 AND 70"),
    _Share("orders with low margins only", 3, 2, _MOODS, "most <= 10"),
    _Share("orders with high margins only", 3, 2, _MOODS, "least >= 50"),
    _Share("flower lines under 2 lb", 10, 3, _FLOWER_LINES, "l.quantity < 2"),
    _Share("flower lines of 2 to 5 lb", 70, 4, _FLOWER_LINES, "l.quantity >= 2 AND l.quantity < 5"),
    _Share(
        "flower lines of 5 to 10 lb", 15, 4, _FLOWER_LINES, "l.quantity >= 5 AND l.quantity < 10"
    ),
    _Share("flower lines of 10 lb and more", 5, 3, _FLOWER_LINES, "l.quantity >= 10"),
    _Share(
        "lines of the most popular fifth of products",
        63,
        7,
        _POPULARITY,
        f"place = 1 OR place * 5 <= (SELECT COUNT(*) FROM {_LIVE})",
        "number",
    ),
    _Share("invoices overdue", 15, 1, "invoices", "status = 'OVERDUE'"),
    _Share("invoices overdue, by amount", 15, 3, _VALID, "status = 'OVERDUE'", "totalAmount"),
    _Share("overdue for more than 120 days", 50, 3, _LATE, "dueDate < '{old}'"),
    _Share(
        "overdue for more than 120 days, by amount", 50, 5, _LATE, "dueDate < '{old}'", "amountDue"
    ),
    _Share("payments: CHECK", 40, 6, _RECEIVED, "paymentMethod = 'CHECK'"),
    _Share("payments: ACH", 30, 6, _RECEIVED, "paymentMethod = 'ACH'"),
    _Share("payments: WIRE", 15, 6, _RECEIVED, "paymentMethod = 'WIRE'"),
    _Share("payments: CASH", 10, 6, _RECEIVED, "paymentMethod = 'CASH'"),
    _Share("payments: CREDIT_CARD", 5, 4, _RECEIVED, "paymentMethod = 'CREDIT_CARD'"),
    _Share("payments reconciled", 70, 7, _RECEIVED, "isReconciled = 1"),
    # TERP names no figures for suppliers.  A tenth of what they bill is paid late, about as much
    # as a careful business lets slip; of what sold on consignment most is paid, since TERP has it
    # due when a batch is sold out, and statements cover three quarters of what sold before.
    _Share("bills overdue", 12, 5, _BILLED, "status = 'OVERDUE'"),
    _Share("bills paid", 76, 8, _BILLED, "status = 'PAID'"),
    _Share("payables of sold-out batches paid", 82, 12, _CONSIGNED + _SOLD_OUT, "status = 'PAID'"),
    _Figure("ages of what is owed to suppliers", 5, 0, _AGES),
    # TERP calls stock slow that has not sold for 90 days; half of the products sell seldom.
    _Share("live batches without a sale in 90 days", 18, 5, _LAST_SALES, _SLOW),
    _Figure("what was paid to suppliers, of what was received", 60, 9, _PAID_ON, "%"),
    # TERP has no figures for what follows; these are what its own screens are for.  Most orders
    # to suppliers have arrived, since lots on hand came by them.
    _Share("purchase orders received", 79, 5, "purchaseOrders", "purchaseOrderStatus = 'RECEIVED'"),
    # Every fourth batch is before its sale or on hold, so that each stage of the queue has some.
    _Share("batches ready for sale", 75, 2, _QUEUED, "name = 'Ready for Sale'"),
    # Half of the samples are used up; the others show each stage of the way back.
    _Share("sample requests fulfilled", 53, 4, "sampleRequests", _FULFILLED),
    # Stock meets what clients look for now, and what they no longer want is on record.
    _Share("clients' needs that stock meets", 76, 4, "client_needs n", _MATCHED),
    _Share("matches that are exact", 45, 4, "match_records", "match_type = 'EXACT'"),
    # The next two weeks are planned, so a calendar shows what is to come.
    _Share("calendar events to come", 12, 2, "calendar_events", "start_date >= '{as_of}'"),
    # One client in eleven or so orders by the portal: it is for the largest ones.
    _Share("buyers with a portal", 9, 2, "clients", "vip_portal_enabled = 1", "is_buyer"),
    # A trade in fresh goods of uneven grades has some invoices disputed.
    _Share("invoices disputed", 7, 1, "invoices i", _DISPUTED),
    _Share("credits used up", 52, 10, "credits", "creditStatus = 'FULLY_USED'"),
    # The newest month is not reconciled yet.
    _Share("bank transactions reconciled", 78, 6, "bankTransactions", "isReconciled = 1"),
    # A bag holds what a person can carry, so longer orders take two or three.
    _Figure("bags of a packed order", 1.45, 0.15, _BAGS),
)


def measure(query: Query, as_of: date) -> list[Measure]:
    """Take all measures; reads only."""
    ages = {"month": 30, "two_months": 60, "quarter": 90, "old": 120}
    days = {"as_of": as_of} | {name: as_of - timedelta(days=age) for name, age in ages.items()}
    return [
        Measure(goal.name, goal.target, goal.tolerance, goal.read(query, **days), goal.unit)
        for goal in _MEASURES
    ]


def table(measures: Sequence[Measure]) -> str:
    """The measures beside their targets, one a line."""
    width = max(len(measure.name) for measure in measures)
    lines = [f"{'measure':<{width}}  {'target':>14}  measured"]
    for measure in measures:
        target = f"{measure.target:g} ± {measure.tolerance:g} {measure.unit}".rstrip()
        found = f"{measure.measured:.1f} {measure.unit}".rstrip()
        miss = "" if measure.holds else "  missed"
        lines.append(f"{measure.name:<{width}}  {target:>14}  {found:>8}{miss}")
    missed = sum(not measure.holds for measure in measures)
    return "\n".join([*lines, f"{len(measures)} measures, {missed} missed"])
