"""Seeder ``calendar``: calendars and who sees them, what was and what is to come.

Each lot has its intake and its session of photographs, to which `batches` refer; buyers are
visited, orders delivered, and two events come back every week.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from terp_seed.rows.columns import constant
from terp_seed.rows.model import Column, Span, Value
from terp_seed.terp.checks.calendar import CALENDAR as INVARIANTS
from terp_seed.terp.checks.derived import PHOTOGRAPHED
from terp_seed.terp.seeders.catalogue import ADMINISTRATOR, PEOPLE, READER, SALES, WAREHOUSE
from terp_seed.terp.simulation.calendar import Occasion
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    ROWS,
    Columns,
    at,
    choice,
    day,
    each,
    moment,
    once,
    plain,
    register,
    row_of,
    table,
    text,
)

_CALENDARS = ("Company", "Warehouse", "Sales")
_COLOURS = ("#3B82F6", "#10B981", "#F59E0B")
_COMPANY, _YARD, _FIELD = range(3)
_LEVELS = ("view", "edit", "admin")
_APPOINTMENTS = (
    ("Sales visit", 45, _FIELD), ("Delivery", 30, _YARD), ("Photo session", 90, _YARD),
    ("Sample pick-up", 15, _FIELD),
)  # fmt: skip
_STATUSES = ("SCHEDULED", "IN_PROGRESS", "COMPLETED", "CANCELLED")
_MODULES = ("INVENTORY", "CLIENTS", "ORDERS")
_TYPES = ("INTAKE", "PHOTOGRAPHY", "MEETING", "DELIVERY", "TASK", "FOLLOW_UP")
_HOURS = ("09:00", "10:00", "11:00", "13:00", "14:00", "15:00", "16:00")


class _Way(NamedTuple):
    """How events of one occasion are held."""

    module: int
    calendar: int
    organiser: int
    helper: int
    hour: int


# In the order of `Occasion`.
_WAYS = (
    _Way(0, _YARD, WAREHOUSE, ADMINISTRATOR, 0), _Way(0, _YARD, WAREHOUSE, SALES, 1),
    _Way(1, _FIELD, SALES, READER, 2), _Way(2, _YARD, WAREHOUSE, SALES, 4),
    _Way(0, _YARD, WAREHOUSE, READER, 0), _Way(1, _FIELD, SALES, ADMINISTRATOR, 5),
)  # fmt: skip


def _since(sim: Simulation) -> Column:
    (second,) = sim.clock.moments([(TODAY - 1700) * DAY + 9 * HOUR])
    return constant(second)


@table("calendars", rows=lambda sim: len(_CALENDARS))
def calendars(sim: Simulation) -> Columns:
    """One for the company, one for the warehouse, one for sales."""
    return {
        "name": choice(ROWS, _CALENDARS),
        "color": choice(ROWS, _COLOURS),
        "type": constant("workspace"),
        "is_default": plain(each(lambda row: row == _COMPANY)),
        "owner_id": row_of("users", (ADMINISTRATOR, WAREHOUSE, SALES)),
        "created_at": _since(sim),
        "updated_at": _since(sim),
    }


def _level(row: int) -> int:
    """An administrator's own, a helper's hand, a reader's eye."""
    person, calendar = divmod(row, len(_CALENDARS))
    person += ADMINISTRATOR
    if person == ADMINISTRATOR or (person, calendar) in ((SALES, _FIELD), (WAREHOUSE, _YARD)):
        return 2
    return int(person in (SALES, WAREHOUSE))


@table("calendar_user_access", rows=lambda sim: len(PEOPLE) * len(_CALENDARS))
def access(sim: Simulation) -> Columns:
    """Everybody sees every calendar; not everybody may change it."""
    return {
        "calendar_id": row_of("calendars", each(lambda row: row % len(_CALENDARS))),
        "user_id": row_of("users", each(lambda row: ADMINISTRATOR + row // len(_CALENDARS))),
        "access_level": choice(each(_level), _LEVELS),
        "created_at": _since(sim),
        "updated_at": _since(sim),
    }


@table("appointment_types", rows=lambda sim: len(_APPOINTMENTS))
def appointment_types(sim: Simulation) -> Columns:
    """What clients may ask for."""
    names = [name for name, *_ in _APPOINTMENTS]
    minutes = [minutes for _, minutes, _ in _APPOINTMENTS]
    places = [calendar for *_, calendar in _APPOINTMENTS]
    return {
        "calendar_id": row_of("calendars", places),
        "name": choice(ROWS, names),
        "duration": plain(minutes),
        "buffer_after": plain(each(lambda minutes: minutes // 3, minutes)),
        "created_at": _since(sim),
        "updated_at": _since(sim),
    }


def _title(sim: Simulation) -> Callable[[int, int], str]:
    """What an event is called: with the code or the name of what it is about."""

    def title(occasion: int, about: int) -> str:
        if occasion == Occasion.INTAKE:
            return f"Intake of SEED-LOT-{about + 1:06d}"
        if occasion == Occasion.PHOTOGRAPHS:
            return f"Photographs of SEED-LOT-{about + 1:06d}"
        if occasion == Occasion.VISIT:
            return f"Visit to {sim.clients.name(about)}"
        if occasion == Occasion.DELIVERY:
            return f"Delivery of SEED-ORD-{about + 1:06d}"
        return "Stock count" if occasion == Occasion.COUNT else "Round of calls"

    return title


def _client(sim: Simulation) -> Callable[[int, int], int | None]:
    def client(occasion: int, about: int) -> int | None:
        if occasion == Occasion.DELIVERY:
            return sim.orders.client[about]
        return about if occasion == Occasion.VISIT else None

    return client


def _supplier(sim: Simulation) -> Callable[[int, int], int | None]:
    """The number of the supplier whose goods are taken in, which is also its vendor's."""
    suppliers = sim.batches.lot_supplier
    return lambda occasion, about: suppliers[about] if occasion == Occasion.INTAKE else None


def _status(row: int, occasion: int, day: int) -> int:
    if occasion >= Occasion.COUNT or day > TODAY:
        return 0
    if occasion == Occasion.VISIT and row % 11 == 5:
        return 3
    return 1 if day == TODAY else 2


def _made(sim: Simulation) -> Callable[[int, int, int], int]:
    """A few days ahead; a delivery is planned when its order is confirmed."""

    def made(occasion: int, about: int, day: int) -> int:
        if occasion == Occasion.DELIVERY:
            return sim.fulfilment.confirmed(about)
        return (min(day, TODAY) - 3) * DAY + 8 * HOUR

    return made


def _order(sim: Simulation) -> Column:
    """Which order a delivery is of."""
    events = sim.calendar.events

    def make(span: Span) -> list[Value]:
        pairs = zip(
            events.occasion[span.start : span.stop],
            events.about[span.start : span.stop],
            strict=True,
        )
        return [{"orderId": about} if kind == Occasion.DELIVERY else {} for kind, about in pairs]

    return Column(make, json_refs={"orderId": "orders"})


def _lot(occasion: int, about: int) -> int | None:
    return about if occasion <= Occasion.PHOTOGRAPHS else None


@table(
    "calendar_events",
    rows=lambda sim: len(sim.calendar.events.day),
    references={"calendar_id": "calendars"},
)
def events(sim: Simulation) -> Columns:
    """Intakes, photographs, visits, deliveries, and what comes back every week."""
    clock, events = sim.clock, sim.calendar.events
    occasion, about = events.occasion, events.about
    lot = once(each(_lot, occasion, about))
    made = moment(clock, each(_made(sim), occasion, about, events.day))
    hour = once(each(lambda kind: _WAYS[kind].hour, occasion))
    return {
        "title": text(each(_title(sim), occasion, about), 80),
        "start_date": day(clock, events.day),
        "end_date": day(clock, events.day),
        "start_time": choice(hour, _HOURS),
        "end_time": choice(each(lambda hour: hour + 1, hour), _HOURS),
        "timezone": constant("America/Los_Angeles"),
        "module": choice(each(lambda kind: _WAYS[kind].module, occasion), _MODULES),
        "event_type": choice(occasion, _TYPES),
        "status": choice(each(_status, ROWS, occasion, events.day), _STATUSES),
        "is_recurring": plain(each(lambda kind: kind >= Occasion.COUNT, occasion)),
        "entity_type": choice(each(lambda lot: lot is not None, lot), (None, "lot")),
        "entity_id": row_of("lots", lot, nullable=True),
        "client_id": row_of("clients", each(_client(sim), occasion, about), nullable=True),
        "vendor_id": row_of("vendors", each(_supplier(sim), occasion, about), nullable=True),
        "calendar_id": row_of("calendars", each(lambda kind: _WAYS[kind].calendar, occasion)),
        "metadata": _order(sim),
        "created_by": row_of("users", each(lambda kind: _WAYS[kind].organiser, occasion)),
        "assigned_to": row_of("users", each(lambda kind: _WAYS[kind].organiser, occasion)),
        "created_at": made,
        "updated_at": made,
    }


@table("calendar_event_participants", rows=lambda sim: 2 * len(sim.calendar.events.day))
def participants(sim: Simulation) -> Columns:
    """Who holds an event, and who helps."""
    events = sim.calendar.events
    event = once(each(lambda row: row // 2))
    way = once(each(_WAYS.__getitem__, at(events.occasion, event)))
    helper = each(lambda row: row % 2)
    coming = each(lambda row, day: row % 2 and day > TODAY, ROWS, at(events.day, event))
    person = each(lambda row, way: way.helper if row % 2 else way.organiser, ROWS, way)
    added = each(
        _made(sim), at(events.occasion, event), at(events.about, event), at(events.day, event)
    )
    return {
        "event_id": row_of("calendar_events", event),
        "user_id": row_of("users", person),
        "role": choice(helper, ("ORGANIZER", "REQUIRED")),
        "response_status": choice(coming, ("ACCEPTED", "PENDING")),
        "added_by": row_of("users", each(lambda way: way.organiser, way)),
        "added_at": moment(sim.clock, added),
    }


def _recurring(sim: Simulation) -> range:
    return range(sim.calendar.weekly, len(sim.calendar.events.day))


@table("calendar_recurrence_rules", rows=lambda sim: len(_recurring(sim)))
def recurrence_rules(sim: Simulation) -> Columns:
    """Every Monday, and every Friday."""
    first = [sim.calendar.events.day[event] for event in _recurring(sim)]
    made = moment(sim.clock, [(day - 3) * DAY + 8 * HOUR for day in first])
    return {
        "event_id": row_of("calendar_events", _recurring(sim)),
        "frequency": constant("WEEKLY"),
        "interval": constant(1),
        "by_day": plain([[1], [5]]),
        "start_date": day(sim.clock, first),
        "exception_dates": plain([[], []]),
        "created_at": made,
        "updated_at": made,
    }


_INSTANCES = ("GENERATED", "MODIFIED", "CANCELLED")
_MOVED = {3: 1, 8: 2}  # weeks


@table("calendar_recurrence_instances", rows=lambda sim: len(sim.calendar.dates))
def recurrence_instances(sim: Simulation) -> Columns:
    """Their dates; of each, one was moved and one was called off."""
    dates = sim.calendar.dates
    state = [_MOVED.get(week, 0) for *_, week in dates]
    changed = [(day - 1) * DAY + 15 * HOUR if state else 0
               for (_, day, _), state in zip(dates, state, strict=True)]  # fmt: skip
    start = [sim.calendar.events.occasion[event] for event, *_ in dates]
    hours = [_WAYS[occasion].hour for occasion in start]
    return {
        "parent_event_id": row_of("calendar_events", [event for event, *_ in dates]),
        "instance_date": day(sim.clock, [day for _, day, _ in dates]),
        "start_time": choice(hours, _HOURS),
        "end_time": choice([hour + 1 for hour in hours], _HOURS),
        "timezone": constant("America/Los_Angeles"),
        "status": choice(state, _INSTANCES),
        "modified_title": choice(state, (None, "In the afternoon this week", None)),
        "generated_at": moment(
            sim.clock, [(min(day, TODAY) - 21) * DAY + 3 * HOUR for _, day, _ in dates]
        ),
        "modified_at": moment(sim.clock, changed, nullable=True),
        "modified_by": row_of(
            "users", [WAREHOUSE if second else None for second in changed], nullable=True
        ),
    }


register(
    "calendar",
    calendars,
    access,
    appointment_types,
    events,
    participants,
    recurrence_rules,
    recurrence_instances,
    after=("users", "clients", "vendors", "lots", "orders"),
    derives=PHOTOGRAPHED,
    checks=INVARIANTS,
)
