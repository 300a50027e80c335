"""Measure a seeded database against the figures that TERP asks for.

The targets are those of TERP's generator config and data-completeness
requirements; tolerances are what ``medium`` and larger sizes keep to.
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


def measure(query: Query, as_of: date) -> list[Measure]:
    """Take all measures; reads only."""
    return [*_parties(query), *_stock(query), *_orders(query, as_of), *_lines(query),
            *_money(query, as_of)]  # fmt: skip


@dataclass(frozen=True)
class _Share:
    """Percentages of a table's rows, or of an amount in them."""

    query: Query
    source: str
    weight: str = "1"

    def of(self, condition: str) -> float:
        """The percentage for which a condition holds."""
        sql = (
            f"SELECT SUM(CASE WHEN {condition} THEN {self.weight} ELSE 0 END), SUM({self.weight})"
            f" FROM {self.source}"
        )
        part, whole = self.query(sql)[0]
        return 100.0 * float(part or 0) / float(whole) if whole else 0.0

    def measure(self, name: str, target: float, tolerance: float, condition: str) -> Measure:
        """The percentage beside its target."""
        return Measure(name, target, tolerance, self.of(condition))


_WHALE = "teri_code LIKE 'SEED-WHL-%'"


def _parties(query: Query) -> list[Measure]:
    clients = _Share(query, "clients")
    revenue = _Share(
        query,
        "invoices i JOIN clients c ON c.id = i.customerId WHERE i.status <> 'VOID'",
        "i.totalAmount",
    )
    return [
        clients.measure("clients: whales", 15, 2, _WHALE),
        clients.measure("clients: suppliers", 15, 2, "is_seller = 1"),
        revenue.measure("revenue from whales", 70, 2, _WHALE),
    ]


def _stock(query: Query) -> list[Measure]:
    products = _Share(query, "products")
    batches = _Share(query, "batches")
    flower = _Share(
        query,
        "batches b JOIN products p ON p.id = b.productId"
        " WHERE p.category = 'Flower' AND b.batchStatus = 'LIVE'",
    )
    taken_in = _Share(
        query,
        "inventoryMovements m JOIN batches b ON b.id = m.batchId JOIN products p"
        " ON p.id = b.productId WHERE m.inventoryMovementType = 'INTAKE'"
        " AND p.category = 'Flower'",
    )
    mix = {
        "LIVE": (60, 2), "SOLD_OUT": (15, 1), "AWAITING_INTAKE": (15, 2),
        "ON_HOLD": (5, 2), "QUARANTINED": (3, 1), "CLOSED": (2, 1),
    }  # fmt: skip
    return [
        products.measure("products: flower", 90, 1, "category = 'Flower'"),
        flower.measure("live flower: Indoor", 40, 4, "p.subcategory = 'Indoor'"),
        flower.measure("live flower: Greenhouse", 35, 4, "p.subcategory = 'Deps'"),
        flower.measure("live flower: Outdoor", 25, 4, "p.subcategory = 'Outdoor'"),
        *(
            batches.measure(f"batches: {status}", *figures, f"batchStatus = '{status}'")
            for status, figures in mix.items()
        ),
        batches.measure("batches on consignment", 90, 2, "paymentTerms = 'CONSIGNMENT'"),
        taken_in.measure(
            "flower intakes of 10 to 500 lb", 99, 1, "m.quantityChange BETWEEN 10 AND 500"
        ),
        _Share(query, "batches WHERE batchStatus = 'LIVE'").measure(
            "live batches with reserved stock", 15, 5, "reservedQty > 0"
        ),
    ]


def _orders(query: Query, as_of: date) -> list[Measure]:
    orders = _Share(query, "orders")
    sales = _Share(query, "orders WHERE orderType = 'SALE' AND is_draft = 0")
    sizes = "(SELECT COUNT(*) AS number FROM order_line_items GROUP BY order_id) sizes"
    lines = _Share(query, sizes)
    today = query(
        f"SELECT COUNT(*) FROM orders WHERE created_at >= '{as_of}' AND is_draft = 0"
        " AND orderType = 'SALE'"
    )[0][0]
    most = query(f"SELECT MAX(number) FROM {sizes}")[0][0]
    return [
        orders.measure("orders: drafts", 12.5, 2.5, "is_draft = 1"),
        sales.measure("sales on consignment", 50, 6, "paymentTerms = 'CONSIGNMENT'"),
        sales.measure(
            "sales that came back", 0.5, 1.2, "fulfillmentStatus IN"
            " ('RETURNED', 'RESTOCKED', 'RETURNED_TO_VENDOR')",
        ),
        Measure("orders placed today", 4, 1, float(today), ""),
        lines.measure("orders of 2 to 5 lines", 60, 8, "number BETWEEN 2 AND 5"),
        lines.measure("orders of 10 lines and more", 5, 3.5, "number >= 10"),
        Measure("lines of the longest order", 13.5, 1.5, float(most), ""),
    ]  # fmt: skip


def _lines(query: Query) -> list[Measure]:
    lines = _Share(query, "order_line_items")
    pounds = _Share(
        query,
        "order_line_items l JOIN batches b ON b.id = l.batch_id"
        " JOIN products p ON p.id = b.productId WHERE p.category = 'Flower'",
    )
    moods = _Share(
        query,
        "(SELECT MIN(margin_percent) AS least, MAX(margin_percent) AS most"
        " FROM order_line_items GROUP BY order_id) moods",
    )
    mean = query("SELECT AVG(margin_percent) FROM order_line_items")[0][0]
    return [
        Measure("margin of a line, mean", 25, 3, float(mean)),
        lines.measure("lines with 15 to 45 % margin", 90, 4, "margin_percent BETWEEN 14.5 AND 45"),
        lines.measure("lines with 5 to 10 % margin", 5, 2, "margin_percent BETWEEN 5 AND 10"),
        lines.measure("lines with 50 to 70 % margin", 5, 3, "margin_percent BETWEEN 50 AND 70"),
        moods.measure("orders with low margins only", 3, 2, "most <= 10"),
        moods.measure("orders with high margins only", 3, 2, "least >= 50"),
        pounds.measure("flower lines under 2 lb", 10, 3, "l.quantity < 2"),
        pounds.measure("flower lines of 2 to 5 lb", 70, 4, "l.quantity >= 2 AND l.quantity < 5"),
        pounds.measure("flower lines of 5 to 10 lb", 15, 4, "l.quantity >= 5 AND l.quantity < 10"),
        pounds.measure("flower lines of 10 lb and more", 5, 3, "l.quantity >= 10"),
        Measure("lines of the most popular fifth of products", 63, 7, _popularity(query)),
    ]


def _popularity(query: Query) -> float:
    """How many lines go to the fifth of the products that is asked for most."""
    sold = [
        int(row[0])
        for row in query(
            "SELECT COUNT(*) AS number FROM order_line_items l JOIN batches b"
            " ON b.id = l.batch_id GROUP BY b.productId ORDER BY number DESC"
        )
    ]
    on_sale = int(query("SELECT COUNT(*) FROM batches WHERE batchStatus = 'LIVE'")[0][0])
    return 100.0 * sum(sold[: max(1, on_sale // 5)]) / max(1, sum(sold))


def _money(query: Query, as_of: date) -> list[Measure]:
    old = as_of - timedelta(days=120)
    standing = "invoices WHERE status <> 'VOID'"
    late = "invoices WHERE status = 'OVERDUE'"
    payments = _Share(query, "payments")
    methods = {"CHECK": 40, "ACH": 30, "WIRE": 15, "CASH": 10, "CREDIT_CARD": 5}
    return [
        _Share(query, "invoices").measure("invoices overdue", 15, 1, "status = 'OVERDUE'"),
        _Share(query, standing, "totalAmount").measure(
            "invoices overdue, by amount", 15, 3, "status = 'OVERDUE'"
        ),
        _Share(query, late).measure("overdue for more than 120 days", 50, 3, f"dueDate < '{old}'"),
        _Share(query, late, "amountDue").measure(
            "overdue for more than 120 days, by amount", 50, 5, f"dueDate < '{old}'"
        ),
        *(
            payments.measure(
                f"payments: {method}", share, min(6, share - 1), f"paymentMethod = '{method}'"
            )
            for method, share in methods.items()
        ),
        payments.measure("payments reconciled", 70, 7, "isReconciled = 1"),
    ]
