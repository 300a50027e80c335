"""The invariants of purchase orders and of intake.

INV-003 of TERP's truth model is about a column that no TERP has, ``lots.remainingQty``; it is
said of what a lot's session took in.
"""

from __future__ import annotations

from terp_seed.terp.checks.rules import CENT, declared, differs, not_the_sum

PURCHASING = declared(
    batches={
        "a batch was taken in by one session, as much as moved in": (
            "SELECT b.id FROM batches b LEFT JOIN (SELECT batch_id, COUNT(*) AS number,"
            " SUM(received_qty) AS units FROM intake_session_batches GROUP BY batch_id) s"
            " ON s.batch_id = b.id"
            " LEFT JOIN (SELECT {batchId}, SUM({quantityChange}) AS units"
            " FROM {inventoryMovements} WHERE {inventoryMovementType} = 'INTAKE'"
            " GROUP BY {batchId}) m ON {m.batchId} = b.id WHERE COALESCE(s.number, 0) <> 1"
            f" OR {differs('s.units', 'COALESCE(m.units, 0)')}"
        ),
    },
    intake_sessions={
        "a session's total is that of its batches": not_the_sum(
            "intake_sessions.total_amount",
            "total_cost",
            "intake_session_batches",
            "intake_session_id",
        ),
        "what a session paid is what its batches say": (
            "SELECT s.id FROM intake_sessions s JOIN (SELECT i.intake_session_id,"
            " SUM({b.amountPaid}) AS paid FROM intake_session_batches i"
            " JOIN batches b ON b.id = i.batch_id GROUP BY i.intake_session_id) p"
            f" ON p.intake_session_id = s.id WHERE {differs('s.amount_paid', 'p.paid')}"
        ),
        "a session is done when none of its batches waits for intake": (
            "(status = 'COMPLETED') <> (completed_at IS NOT NULL)"
        ),
        "INV-003 no more is on hand of a session's batches than it took in": (
            "SELECT s.id FROM intake_sessions s JOIN (SELECT i.intake_session_id,"
            " SUM({b.onHandQty}) AS left_over, SUM(i.received_qty) AS units"
            " FROM intake_session_batches i JOIN batches b ON b.id = i.batch_id"
            " GROUP BY i.intake_session_id) t ON t.intake_session_id = s.id"
            f" WHERE t.left_over > t.units + {CENT}"
        ),
    },
    intake_session_batches={
        "a session takes in batches of its supplier's lots": (
            "SELECT i.id FROM intake_session_batches i"
            " JOIN intake_sessions s ON s.id = i.intake_session_id"
            " JOIN batches b ON b.id = i.batch_id JOIN lots l ON l.id = {b.lotId}"
            " WHERE l.supplier_client_id <> s.vendor_id"
            f" OR {differs('i.total_cost', '(i.received_qty * i.unit_cost)')}"
        ),
    },
    purchaseOrders={
        "a purchase order's total is that of its items": not_the_sum(
            "purchaseOrders.total", "totalCost", "purchaseOrderItems", "purchaseOrderId"
        ),
        "CLI-003 goods are ordered from sellers, who deliver after that": (
            "SELECT p.id FROM {purchaseOrders} p JOIN clients c ON c.id = p.supplier_client_id"
            " WHERE c.is_seller IS NOT TRUE OR {p.expectedDeliveryDate} < {p.orderDate}"
            " OR {p.actualDeliveryDate} < {p.orderDate}"
        ),
        "an order has come when it is RECEIVING or RECEIVED": (
            "({purchaseOrderStatus} IN ('RECEIVING', 'RECEIVED'))"
            " <> ({actualDeliveryDate} IS NOT NULL)"
        ),
        "what came of an order is what its session took in": (
            "SELECT p.id FROM {purchaseOrders} p LEFT JOIN (SELECT {purchaseOrderId},"
            " SUM({quantityReceived}) AS units FROM {purchaseOrderItems}"
            " GROUP BY {purchaseOrderId}) i ON {i.purchaseOrderId} = p.id"
            " LEFT JOIN (SELECT intake_session_id, SUM(received_qty) AS units"
            " FROM intake_session_batches GROUP BY intake_session_id) s"
            " ON s.intake_session_id = {p.intakeSessionId}"
            f" WHERE {differs('COALESCE(i.units, 0)', 'COALESCE(s.units, 0)')}"
        ),
    },
    purchaseOrderItems={
        "no more comes than was ordered, and an item costs what it adds up to": (
            f"{{quantityReceived}} > {{quantityOrdered}} + {CENT}"
            f" OR {differs('totalCost', '({quantityOrdered} * {unitCost})')}"
        ),
    },
    intake_receipt_items={
        "a discrepancy is noted where less was found than expected": (
            "(verification_status = 'DISCREPANCY')"
            f" <> (actual_quantity IS NOT NULL AND expected_quantity - actual_quantity > {CENT})"
        ),
    },
)
