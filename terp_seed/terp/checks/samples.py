"""The invariants of samples."""

from __future__ import annotations

from terp_seed.terp.checks.rules import declared, differs

SAMPLES = declared(
    sampleRequests={
        "a sample that was handed out has a day, a cost and a place": (
            "({sampleRequestStatus} IN ('PENDING', 'CANCELLED')) <> ({fulfilledDate} IS NULL)"
            " OR ({fulfilledDate} IS NULL) <> ({totalCost} IS NULL)"
            " OR {fulfilledDate} < {requestDate}"
            " OR ({fulfilledDate} IS NULL AND location <> 'WAREHOUSE')"
        ),
        "a sample is where it went last": (
            "SELECT r.id FROM {sampleRequests} r JOIN (SELECT {sampleRequestId}, MAX(id) AS latest"
            " FROM {sampleLocationHistory} GROUP BY {sampleRequestId}) m"
            " ON {m.sampleRequestId} = r.id JOIN {sampleLocationHistory} h ON h.id = m.latest"
            " WHERE {h.toLocation} <> r.location"
        ),
        "an order that came of a sample is its client's, and later": (
            "SELECT r.id FROM {sampleRequests} r JOIN orders o ON o.id = {r.relatedOrderId}"
            " WHERE o.client_id <> {r.clientId} OR o.created_at < {r.fulfilledDate}"
            " OR {r.conversionDate} <> o.created_at"
        ),
        "a client asks after it joined": (
            "SELECT r.id FROM {sampleRequests} r JOIN clients c ON c.id = {r.clientId}"
            " WHERE {r.requestDate} < c.created_at OR c.is_buyer IS NOT TRUE"
        ),
    },
    sampleAllocations={
        "what is left of a month's samples is what was allowed less what was used": (
            "{remainingQuantity} < 0"
            f" OR {differs('remainingQuantity', '({allocatedQuantity} - {usedQuantity})')}"
        ),
    },
)
