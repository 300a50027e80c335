"""The invariants of the work queue."""

from __future__ import annotations

from terp_seed.terp.checks.rules import declared

WORKFLOW = declared(
    batches={
        "a batch is at the last station of its history": (
            "SELECT b.id FROM batches b LEFT JOIN (SELECT {batchId}, MAX(id) AS latest"
            " FROM {batch_status_history} GROUP BY {batchId}) m ON {m.batchId} = b.id"
            " LEFT JOIN {batch_status_history} h ON h.id = m.latest"
            " WHERE COALESCE({h.toStatusId}, 0) <> COALESCE({b.statusId}, 0)"
        ),
        "what is ready for sale is or was live, and nothing else": (
            "SELECT b.id FROM batches b JOIN {workflow_statuses} w ON w.id = {b.statusId}"
            " WHERE w.slug LIKE 'seed-%' AND (w.slug = 'seed-ready-for-sale')"
            " <> ({b.batchStatus} IN ('LIVE', 'SOLD_OUT'))"
        ),
    },
    batch_status_history={
        "a step begins where the last one led, and not before it": (
            "SELECT id FROM (SELECT id, {fromStatusId}, {createdAt},"
            " LAG({toStatusId}) OVER (PARTITION BY {batchId} ORDER BY id) AS reached,"
            " LAG({createdAt}) OVER (PARTITION BY {batchId} ORDER BY id) AS earlier"
            " FROM {batch_status_history}) h"
            " WHERE COALESCE({fromStatusId}, 0) <> COALESCE(reached, 0) OR {createdAt} < earlier"
        ),
    },
)
