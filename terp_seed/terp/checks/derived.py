"""Columns that follow from other rows, as SQL that every engine runs.

Sums are rounded, because SQLite adds decimals as floating point.  An expression reads no column
that the same UPDATE assigns before it: MySQL would see the new value where others see the old
one.  Conditions are inside the sums, and joins are outer ones: MySQL's statistics do not know
rows that were written or deleted a moment ago, so for each batch it would read all rows of a
status, deleted ones included.
"""

from __future__ import annotations

from terp_seed.rows.seeders import Derived


def _moved(condition: str = "", sign: str = "") -> str:
    """What movements of the outer batch add up to."""
    what = f"CASE WHEN {condition} THEN {{m.quantityChange}} ELSE 0 END" if condition else ""
    return (
        f"COALESCE((SELECT {sign}ROUND(SUM({what or '{m.quantityChange}'}), 4)"
        " FROM {inventoryMovements} m WHERE {m.batchId} = batches.id), 0)"
    )


_ON_HAND = _moved()
_RESERVED = (
    "COALESCE((SELECT ROUND(SUM(CASE WHEN NOT o.is_draft"
    " AND {o.fulfillmentStatus} IN ('CONFIRMED', 'READY_FOR_PACKING', 'PACKED')"
    " THEN a.quantity_allocated ELSE 0 END), 4) FROM order_line_item_allocations a"
    " LEFT JOIN order_line_items l ON l.id = a.order_line_item_id"
    " LEFT JOIN orders o ON o.id = l.order_id WHERE a.batch_id = batches.id), 0)"
)
_SOLD_FROM = "EXISTS (SELECT 1 FROM order_line_item_allocations a WHERE a.batch_id = batches.id)"
# batchLocations has no index by batch: its batches are gathered once.
_IN_BACK = (
    "batches.id IN (SELECT {q.batchId} FROM (SELECT {p.batchId} FROM {batchLocations} p"
    " WHERE p.zone = 'Back stock' GROUP BY {p.batchId}) q)"
)

_QUANTITIES = {
    "onHandQty": _ON_HAND,
    "sampleQty": _moved("{m.inventoryMovementType} = 'SAMPLE'", "-"),
    "reservedQty": _RESERVED,
    "quarantineQty": f"CASE WHEN {{batchStatus}} = 'QUARANTINED' THEN {_ON_HAND} ELSE 0 END",
    "holdQty": f"CASE WHEN {{batchStatus}} = 'ON_HOLD' THEN {_ON_HAND} ELSE 0 END",
    "defectiveQty": _moved(
        "{m.inventoryMovementType} = 'ADJUSTMENT' AND {m.adjustmentReason} = 'DAMAGED'", "-"
    ),
}

_LOCATION = Derived(
    "batchLocations",
    {
        "qty": "COALESCE((SELECT ROUND(SUM({m.quantityChange}), 4) FROM {inventoryMovements} m"
        " WHERE {m.batchId} = {batchLocations.batchId}), 0)"
    },
    still=("updatedAt",),
)

STOCK = (Derived("batches", _QUANTITIES, still=("updatedAt",)), _LOCATION)
"""The six quantities of batches, and what lies where."""

# A batch in the back goes on sale when the first of it is sold; a batch of
# which nothing is left is sold out.  Without orders both are undone.
_STATUS = f"""CASE
    WHEN {{batchStatus}} = 'AWAITING_INTAKE' AND {_SOLD_FROM}
      THEN CASE WHEN {_ON_HAND} = 0 THEN 'SOLD_OUT' ELSE 'LIVE' END
    WHEN {{batchStatus}} IN ('LIVE', 'SOLD_OUT') AND NOT {_SOLD_FROM} AND {_IN_BACK}
      THEN 'AWAITING_INTAKE'
    WHEN {{batchStatus}} IN ('LIVE', 'SOLD_OUT')
      THEN CASE WHEN {_ON_HAND} = 0 THEN 'SOLD_OUT' ELSE 'LIVE' END
    ELSE {{batchStatus}} END"""

STATUS = (
    Derived("batches", {**_QUANTITIES, "batchStatus": _STATUS}, still=("updatedAt",)),
    _LOCATION,
)
"""The same, and which batches are live or sold out."""

_BILLED = "i.status <> 'VOID'"
_ORDERED = f"{_BILLED} AND {{i.referenceType}} = 'ORDER' AND o.id IS NOT NULL"


_ORDERS = " LEFT JOIN orders o ON o.id = {i.referenceId}"


def _of_invoices(what: str, joined: str = "") -> str:
    """What the outer client's invoices come to."""
    return (
        f"COALESCE((SELECT {what} FROM invoices i{joined} WHERE {{i.customerId}} = clients.id), 0)"
    )


def _sum(amount: str, condition: str) -> str:
    return f"SUM(CASE WHEN {condition} THEN {amount} ELSE 0 END)"


_DEBT = "i.status NOT IN ('PAID', 'VOID')"
_MARGIN = _sum("o.total_margin", _ORDERED)

CLIENTS = (
    Derived(
        "clients",
        {
            "total_spent": _of_invoices(f"ROUND({_sum('{i.totalAmount}', _BILLED)}, 2)"),
            "total_profit": _of_invoices(f"ROUND({_MARGIN}, 2)", _ORDERS),
            "avg_profit_margin": _of_invoices(
                f"ROUND({_MARGIN} * 100.0 / NULLIF({_sum('{i.totalAmount}', _ORDERED)}, 0), 2)",
                _ORDERS,
            ),
            "total_owed": _of_invoices(f"ROUND({_sum('{i.amountDue}', _DEBT)}, 2)"),
            "oldest_debt_days": _of_invoices(
                f"MAX(CASE WHEN {_DEBT} THEN {{days:{{as_of}}:{{i.invoiceDate}}}} END)"
            ),
        },
        still=("updated_at",),
    ),
)
"""What clients have bought, earned us and owe."""

QUEUE = (
    Derived(
        "batches",
        {
            "statusId": "(SELECT {h.toStatusId} FROM {batch_status_history} h WHERE h.id ="
            " (SELECT MAX(m.id) FROM {batch_status_history} m WHERE {m.batchId} = batches.id))"
        },
        still=("updatedAt",),
        emptied=("statusId",),
    ),
)
"""At which station of the work queue a batch is: the last one that it came to."""


def _of_client(what: str) -> str:
    return f"(SELECT {what} FROM clients c WHERE c.id = client_credit_limits.client_id)"


_USED = "c.total_owed * 100.0 / NULLIF(c.credit_limit, 0)"

CREDIT = (
    Derived(
        "client_credit_limits",
        {
            "credit_limit": _of_client("c.credit_limit"),
            "current_exposure": _of_client("c.total_owed"),
            "utilization_percent": _of_client(
                f"CASE WHEN {_USED} > 999 THEN 999 ELSE ROUND(COALESCE({_USED}, 0), 2) END"
            ),
            "credit_health_score": _of_client(
                "CASE WHEN c.oldest_debt_days > 120 THEN 40 WHEN c.oldest_debt_days > 45 THEN 65"
                " ELSE 90 END"
            ),
            "base_capacity": _of_client("c.credit_limit"),
            "trend": _of_client(
                "CASE WHEN c.oldest_debt_days > 120 THEN 'WORSENING'"
                " WHEN c.total_owed = 0 THEN 'IMPROVING' ELSE 'STABLE' END"
            ),
        },
        still=("last_calculated", "updated_at"),
    ),
)
"""What buyers may owe, owe and how well they pay."""

PHOTOGRAPHED = (
    Derived(
        "batches",
        {
            "photo_session_event_id": "(SELECT MIN(e.id) FROM calendar_events e"
            " WHERE e.entity_type = 'lot' AND e.entity_id = {batches.lotId}"
            " AND e.event_type = 'PHOTOGRAPHY'"
            " AND (e.status = 'SCHEDULED' OR {batches.isPhotographyComplete}))"
        },
        still=("updatedAt",),
        emptied=("photo_session_event_id",),
    ),
)
"""In which session a batch was photographed, or will be."""

LAST_LOGIN = (
    Derived(
        "vip_portal_auth",
        {
            "last_login_at": "(SELECT c.vip_portal_last_login FROM clients c"
            " WHERE c.id = vip_portal_auth.client_id)"
        },
        still=("updated_at",),
    ),
)
"""When a client last entered the portal."""

ZONES = (
    Derived(
        "batch_zone_assignments",
        {
            "quantity": "(SELECT {b.onHandQty} FROM batches b"
            " WHERE b.id = batch_zone_assignments.batch_id)"
        },
        still=("updated_at",),
    ),
    Derived(
        "storage_zones",
        {
            "current_capacity": "COALESCE((SELECT ROUND(SUM(a.quantity), 2)"
            " FROM batch_zone_assignments a WHERE a.zone_id = storage_zones.id), 0)"
        },
        still=("updated_at",),
    ),
)
"""What lies in each zone."""
