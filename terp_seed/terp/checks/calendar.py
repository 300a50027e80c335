"""The invariants of the calendar."""

from __future__ import annotations

from terp_seed.terp.checks.rules import declared

CALENDAR = declared(
    batches={
        "a batch was photographed in a session of its lot, which is over": (
            "SELECT b.id FROM batches b LEFT JOIN calendar_events e"
            " ON e.id = b.photo_session_event_id"
            " WHERE ({b.isPhotographyComplete} AND COALESCE(e.status, '') <> 'COMPLETED')"
            " OR e.event_type <> 'PHOTOGRAPHY' OR e.entity_id <> {b.lotId}"
        ),
    },
    calendar_events={
        "what is over was before what is to come": (
            "SELECT e.id FROM calendar_events e WHERE e.end_date < e.start_date"
            " OR (e.status = 'COMPLETED' AND e.start_date > (SELECT MIN(n.start_date)"
            " FROM calendar_events n WHERE n.status = 'SCHEDULED' AND NOT n.is_recurring))"
        ),
        "an event has an organiser": (
            "SELECT e.id FROM calendar_events e LEFT JOIN calendar_event_participants p"
            " ON p.event_id = e.id AND p.role = 'ORGANIZER' WHERE p.id IS NULL"
        ),
        "what comes back has a rule": (
            "SELECT e.id FROM calendar_events e LEFT JOIN calendar_recurrence_rules r"
            " ON r.event_id = e.id WHERE e.is_recurring <> (r.id IS NOT NULL)"
        ),
    },
    calendar_recurrence_instances={
        "a date of what comes back is on or after its first": (
            "SELECT i.id FROM calendar_recurrence_instances i"
            " JOIN calendar_recurrence_rules r ON r.event_id = i.parent_event_id"
            " WHERE i.instance_date < r.start_date"
        ),
    },
)
