"""The invariants of tasks and talk."""

from __future__ import annotations

from terp_seed.terp.checks.rules import declared

_OPEN = "('CONFIRMED', 'READY_FOR_PACKING')"

TALK = declared(
    todo_tasks={
        "a task is done when it says so, and says by whom": (
            "(status = 'done') <> is_completed OR is_completed <> (completed_at IS NOT NULL)"
            " OR (completed_at IS NULL) <> (completed_by IS NULL) OR completed_at < created_at"
        ),
        "an order that is not packed yet is a task, one that is packed is none any more": (
            "SELECT t.id FROM todo_tasks t JOIN orders o"
            " ON o.order_number = REPLACE(t.title, 'Pack ', '')"
            f" WHERE ({{o.fulfillmentStatus}} IN {_OPEN}) = t.is_completed"
        ),
    },
    inbox_items={
        "a task is in the inbox of whoever is to do it": (
            "SELECT i.id FROM inbox_items i JOIN todo_tasks t ON t.id = i.source_id"
            " WHERE i.source_type = 'task_assignment'"
            " AND (t.assigned_to <> i.user_id OR (i.status = 'completed') <> t.is_completed)"
        ),
    },
    comments={
        "a remark on an order is later than the order": (
            "SELECT c.id FROM comments c JOIN orders o ON o.id = c.commentable_id"
            " WHERE c.commentable_type = 'order' AND c.created_at < o.created_at"
        ),
    },
    client_communications={
        "a meeting with a client is in the calendar": (
            "SELECT m.id FROM client_communications m WHERE {m.communicationType} = 'MEETING'"
            " AND NOT EXISTS (SELECT 1 FROM calendar_events e WHERE e.client_id = m.client_id"
            " AND e.event_type = 'MEETING' AND e.status = 'COMPLETED')"
        ),
    },
    client_activity={
        "nothing happens to a client before it joined": (
            "SELECT a.id FROM client_activity a JOIN clients c ON c.id = a.client_id"
            " WHERE a.created_at < c.created_at"
        ),
    },
)
