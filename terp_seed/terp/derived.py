"""Columns that follow from other rows, as SQL that every engine runs.

Sums are rounded, because SQLite adds decimals as floating point.  An
expression reads no column that the same UPDATE assigns before it: MySQL would
see the new value where others see the old one.
"""

from __future__ import annotations

from terp_seed.seeders import Derived

__all__ = ["CLIENTS", "STATUS", "STOCK"]


def _moved(condition: str = "", sign: str = "") -> str:
    """What movements of the outer batch add up to."""
    also = f" AND {condition}" if condition else ""
    return (
        f"COALESCE((SELECT {sign}ROUND(SUM(m.quantityChange), 4) FROM inventoryMovements m"
        f" WHERE m.batchId = batches.id{also}), 0)"
    )


_ON_HAND = _moved()
_RESERVED = (
    "COALESCE((SELECT ROUND(SUM(a.quantity_allocated), 4) FROM order_line_item_allocations a"
    " JOIN order_line_items l ON l.id = a.order_line_item_id"
    " JOIN orders o ON o.id = l.order_id"
    " WHERE a.batch_id = batches.id AND o.is_draft = 0"
    " AND o.fulfillmentStatus IN ('CONFIRMED', 'READY_FOR_PACKING', 'PACKED')), 0)"
)
_SOLD_FROM = "EXISTS (SELECT 1 FROM order_line_item_allocations a WHERE a.batch_id = batches.id)"
_IN_BACK = (
    "EXISTS (SELECT 1 FROM batchLocations p WHERE p.batchId = batches.id AND p.zone = 'Back stock')"
)

_QUANTITIES = {
    "onHandQty": _ON_HAND,
    "sampleQty": _moved("m.inventoryMovementType = 'SAMPLE'", "-"),
    "reservedQty": _RESERVED,
    "quarantineQty": f"CASE WHEN batchStatus = 'QUARANTINED' THEN {_ON_HAND} ELSE 0 END",
    "holdQty": f"CASE WHEN batchStatus = 'ON_HOLD' THEN {_ON_HAND} ELSE 0 END",
    "defectiveQty": _moved(
        "m.inventoryMovementType = 'ADJUSTMENT' AND m.adjustmentReason = 'DAMAGED'", "-"
    ),
}

_LOCATION = Derived(
    "batchLocations",
    {
        "qty": "COALESCE((SELECT ROUND(SUM(m.quantityChange), 4) FROM inventoryMovements m"
        " WHERE m.batchId = batchLocations.batchId), 0)"
    },
    still=("updatedAt",),
)

STOCK = (Derived("batches", _QUANTITIES, still=("updatedAt",)), _LOCATION)
"""The six quantities of batches, and what lies where."""

# A batch in the back goes on sale when the first of it is sold; a batch of
# which nothing is left is sold out.  Without orders both are undone.
_STATUS = f"""CASE
    WHEN batchStatus = 'AWAITING_INTAKE' AND {_SOLD_FROM}
      THEN CASE WHEN {_ON_HAND} = 0 THEN 'SOLD_OUT' ELSE 'LIVE' END
    WHEN batchStatus IN ('LIVE', 'SOLD_OUT') AND NOT {_SOLD_FROM} AND {_IN_BACK}
      THEN 'AWAITING_INTAKE'
    WHEN batchStatus IN ('LIVE', 'SOLD_OUT')
      THEN CASE WHEN {_ON_HAND} = 0 THEN 'SOLD_OUT' ELSE 'LIVE' END
    ELSE batchStatus END"""

STATUS = (
    Derived("batches", {**_QUANTITIES, "batchStatus": _STATUS}, still=("updatedAt",)),
    _LOCATION,
)
"""The same, and which batches are live or sold out."""

_SPENT = "SELECT {} FROM invoices i WHERE i.customerId = clients.id AND i.status <> 'VOID'"
_OWED = (
    "SELECT {} FROM invoices i WHERE i.customerId = clients.id AND i.status NOT IN ('PAID', 'VOID')"
)
_EARNED = (
    "SELECT {} FROM invoices i JOIN orders o ON o.id = i.referenceId"
    " WHERE i.referenceType = 'ORDER' AND i.customerId = clients.id AND i.status <> 'VOID'"
)

CLIENTS = (
    Derived(
        "clients",
        {
            "total_spent": f"COALESCE(({_SPENT.format('ROUND(SUM(i.totalAmount), 2)')}), 0)",
            "total_profit": f"COALESCE(({_EARNED.format('ROUND(SUM(o.total_margin), 2)')}), 0)",
            "avg_profit_margin": "COALESCE(("
            + _EARNED.format(
                "ROUND(SUM(o.total_margin) * 100.0 / NULLIF(SUM(i.totalAmount), 0), 2)"
            )
            + "), 0)",
            "total_owed": f"COALESCE(({_OWED.format('ROUND(SUM(i.amountDue), 2)')}), 0)",
            "oldest_debt_days": "COALESCE(("
            + _OWED.format("MAX({days:{as_of}:i.invoiceDate})").replace("{{", "{")
            + "), 0)",
        },
        still=("updated_at",),
    ),
)
"""What clients have bought, earned us and owe."""
