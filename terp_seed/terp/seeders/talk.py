"""Seeder ``talk``: tasks, inbox, remarks, notices, and what was said to clients.

Each names the very order, invoice, batch or client that it is about, by its code or by its key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from terp_seed.rows.columns import constant
from terp_seed.rows.model import Column, Span, Value
from terp_seed.terp.checks.talk import TALK as INVARIANTS
from terp_seed.terp.seeders.catalogue import ACCOUNTING, ADMINISTRATOR, SALES, WAREHOUSE
from terp_seed.terp.simulation.clock import DAY, HOUR, MINUTE, TODAY
from terp_seed.terp.simulation.recall import FOUND
from terp_seed.terp.simulation.schedule import Kind
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.simulation.talk import List, Matter, Subject
from terp_seed.terp.table import (
    ROWS,
    Columns,
    choice,
    each,
    moment,
    once,
    plain,
    register,
    row_of,
    table,
    text,
)

_LISTS = ("Packing", "Debts to collect", "Quotes to ask about", "Batches to decide on")
_OWNERS = (WAREHOUSE, ACCOUNTING, SALES, ADMINISTRATOR)
_CODES = ("SEED-ORD-", "SEED-INV-", "SEED-BAT-")
_TO_DO = ("Pack", "Ask about the payment of", "Ask what became of quote", "Decide what becomes of")
_STATES = ("todo", "in_progress", "done")
_PRIORITIES = ("medium", "urgent")
_TOLD = ("is to be packed", "is overdue", "waits for an answer", "is not for sale")
_NOTICES = ("info", "warning", "success", "error")
_LINKS = ("/orders", "/accounting/invoices", "/inventory")
_KEYS = ("orderId", "invoiceId", "batchId")


def _code(matter: Matter) -> str:
    return f"{_CODES[matter.subject]}{matter.row + 1:06d}"


def _task(matter: Matter) -> str:
    return f"{_TO_DO[matter.list]} {_code(matter)}"


def _finished(matter: Matter) -> int:
    """When a task was done, or 0."""
    if matter.state != 2:
        return 0
    return min(matter.second + (2 * HOUR if matter.list == List.PACKING else 9 * DAY),
               TODAY * DAY + 17 * HOUR)  # fmt: skip


def _owner(matter: Matter) -> int:
    return _OWNERS[matter.list]


@table("todo_lists", rows=lambda sim: len(_LISTS))
def task_lists(sim: Simulation) -> Columns:
    """One for each kind of work, shared."""
    made = moment(sim.clock, each(lambda row: (TODAY - 1000) * DAY + (9 + row) * HOUR))
    return {
        "name": choice(ROWS, _LISTS),
        "owner_id": row_of("users", _OWNERS),
        "is_shared": constant(True),
        "created_at": made,
        "updated_at": made,
    }


@table("todo_tasks", rows=lambda sim: len(sim.talk.tasks))
def tasks(sim: Simulation) -> Columns:
    """What is to be packed, collected, asked and decided."""
    clock, found = sim.clock, sim.talk.tasks
    finished = [_finished(matter) for matter in found]
    done = [second > 0 for second in finished]
    made = [matter.second for matter in found]
    owner = [_owner(matter) for matter in found]
    places = [sum(other.list == matter.list for other in found[:row])
              for row, matter in enumerate(found)]  # fmt: skip
    return {
        "list_id": row_of("todo_lists", [matter.list for matter in found]),
        "title": text([_task(matter) for matter in found], 60),
        "status": choice([matter.state for matter in found], _STATES),
        "priority": choice([matter.urgent for matter in found], _PRIORITIES),
        "due_date": moment(clock, [second + 2 * DAY for second in made]),
        "assigned_to": row_of("users", owner),
        "created_by": row_of("users", [ADMINISTRATOR] * len(found)),
        "position": plain(places),
        "is_completed": plain(done),
        "completed_at": moment(clock, finished, nullable=True),
        "completed_by": row_of(
            "users",
            [one if over else None for one, over in zip(owner, done, strict=True)],
            nullable=True,
        ),
        "created_at": moment(clock, made),
        "updated_at": moment(clock, [max(pair) for pair in zip(made, finished, strict=True)]),
    }


@table(
    "inbox_items",
    rows=lambda sim: len(sim.talk.tasks),
    references={"source_id": "todo_tasks", "reference_id": "todo_tasks"},
)
def inbox(sim: Simulation) -> Columns:
    """Each task, as whoever is to do it learned of it."""
    clock, found = sim.clock, sim.talk.tasks
    finished = [_finished(matter) for matter in found]
    made = [matter.second + MINUTE for matter in found]
    seen = [second + 20 * MINUTE if matter.state else 0
            for second, matter in zip(made, found, strict=True)]  # fmt: skip
    return {
        "user_id": row_of("users", [_owner(matter) for matter in found]),
        "source_type": constant("task_assignment"),
        "source_id": row_of("todo_tasks", ROWS),
        "reference_type": constant("task"),
        "reference_id": row_of("todo_tasks", ROWS),
        "title": text([f"For you: {_task(matter)}" for matter in found], 70),
        "status": choice([matter.state for matter in found], ("unread", "seen", "completed")),
        "seen_at": moment(clock, seen, nullable=True),
        "completed_at": moment(clock, finished, nullable=True),
        "created_at": moment(clock, made),
        "updated_at": moment(
            clock, [max(times) for times in zip(made, seen, finished, strict=True)]
        ),
    }


_REMARKS: dict[int, tuple[str, int]] = {
    Kind.CANCELLED: ("Called off by telephone, the client found it nearer", SALES),
    Kind.CONFIRMED: ("Please pack before noon", SALES),
    Kind.READY: ("Labels are printed", WAREHOUSE),
    Kind.PACKED: ("Packed, waits for the driver", WAREHOUSE),
    Kind.SHIPPED: ("On its way", WAREHOUSE),
    Kind.DELIVERED: ("", WAREHOUSE),  # see `_ARRIVED`
    Kind.RETURNED: ("Came back unopened, look at it before it is shelved", WAREHOUSE),
    Kind.RESTOCKED: ("Looked at and restocked", WAREHOUSE),
    Kind.TO_VENDOR: ("Sent on, ask for the credit", ACCOUNTING),
}


_ARRIVED = (
    "Signed for at the dock", "Counted with the client, all there", "Left with the night shift",
    "Client asks for an earlier hour next time", "Second door on the left, ring twice",
    "Took the empty bins back",
)  # fmt: skip


_RECALLED = ("Has goods of a recalled lot, ask the client to set them apart", SALES)


def _remark(sim: Simulation, order: int) -> tuple[str, int]:
    """What was said about an order, and by whom."""
    if order in sim.recall.orders:
        return _RECALLED
    said, user = _REMARKS[sim.orders.kind[order]]
    return said or _ARRIVED[order * 7 // 2 % len(_ARRIVED)], user


def _remarked_at(sim: Simulation) -> Callable[[int], int]:
    """After the last that happened to an order, or when its goods were recalled."""
    orders, recalled = sim.orders, frozenset(sim.recall.orders)

    def second(order: int) -> int:
        last = max(
            sim.fulfilment.confirmed(order),
            sim.fulfilment.packed(order),
            orders.shipped[order],
            orders.delivered[order],
            orders.returned[order],
        )
        return max(last, FOUND if order in recalled else 0) + 30 * MINUTE

    return second


@table("comments", rows=lambda sim: len(sim.talk.remarked), references={"commentable_id": "orders"})
def comments(sim: Simulation) -> Columns:
    """A remark on every second of the newest orders."""
    order = sim.talk.remarked
    remarks = [_remark(sim, row) for row in order]
    second = moment(sim.clock, each(_remarked_at(sim), order))
    return {
        "commentable_type": constant("order"),
        "commentable_id": row_of("orders", order),
        "user_id": row_of("users", [user for _, user in remarks]),
        "content": text([said for said, _ in remarks], 80),
        "is_resolved": plain([remark == _REMARKS[Kind.RESTOCKED] for remark in remarks]),
        "created_at": second,
        "updated_at": second,
    }


def _about(sim: Simulation) -> Column:
    """The key of what a notice is about."""

    def make(span: Span) -> list[Value]:
        matters = sim.talk.tasks[span.start : span.stop]
        return [{_KEYS[matter.subject]: matter.row} for matter in matters]

    return Column(
        make, json_refs={"orderId": "orders", "invoiceId": "invoices", "batchId": "batches"}
    )


@table("notifications", rows=lambda sim: len(sim.talk.tasks))
def notifications(sim: Simulation) -> Columns:
    """What TERP told whoever has to know, when it came to be."""
    found = sim.talk.tasks
    second = moment(sim.clock, [matter.second for matter in found])
    kind = [1 if matter.subject == Subject.INVOICE else 3 * matter.urgent
            if matter.subject == Subject.BATCH else 0 for matter in found]  # fmt: skip
    return {
        "recipient_type": constant("user"),
        "user_id": row_of("users", [_owner(matter) for matter in found]),
        "type": choice(kind, _NOTICES),
        "title": text([f"{_code(matter)} {_TOLD[matter.list]}" for matter in found], 60),
        "link": choice([matter.subject for matter in found], _LINKS),
        "read": plain([matter.state > 0 for matter in found]),
        "metadata": _about(sim),
        "created_at": second,
        "updated_at": second,
    }


_MEETINGS = ("Looked at samples of what comes in next", "Talked about terms for the next quarter",
             "Counted what is left on the shelf", "Heard what sells and what does not")  # fmt: skip


@table("client_communications", rows=lambda sim: len(sim.talk.visits))
def communications(sim: Simulation) -> Columns:
    """A note of each visit of the calendar that took place."""
    visits = sim.talk.visits
    return {
        "client_id": row_of("clients", [client for client, _ in visits]),
        "communicationType": constant("MEETING"),
        "subject": constant("Visit"),
        "notes": choice(each(lambda row: row % 4), _MEETINGS),
        "communicated_at": moment(sim.clock, [day * DAY + 12 * HOUR for _, day in visits]),
        "logged_by": row_of("users", [SALES] * len(visits)),
        "created_at": moment(sim.clock, [day * DAY + 16 * HOUR for _, day in visits]),
    }


@table("client_activity", rows=lambda sim: sim.sizes.clients + len(sim.talk.last_orders))
def activity(sim: Simulation) -> Columns:
    """When each client joined, and its last order."""
    count, last = sim.sizes.clients, sim.talk.last_orders

    def order_of(row: int) -> int | None:
        return None if row < count else last[row - count]

    def client(row: int, order: int | None) -> int:
        return row if order is None else sim.orders.client[order]

    def second(row: int, order: int | None) -> int:
        if order is None:
            return sim.clients.joined[row] * DAY + 16 * HOUR
        return sim.schedule.created[order]

    def metadata(order: int | None) -> dict[str, Any]:
        return {} if order is None else {"orderId": order}

    order = once(each(order_of))
    return {
        "client_id": row_of("clients", each(client, ROWS, order)),
        "user_id": row_of("users", each(lambda _: SALES)),
        "activity_type": choice(
            each(lambda order: order is not None, order), ("CREATED", "TRANSACTION_ADDED")
        ),
        "metadata": Column(each(metadata, order), json_refs={"orderId": "orders"}),
        "created_at": moment(sim.clock, each(second, ROWS, order)),
    }


_HABITS = ("Buys early in the week, wants indoor first", "Asks for a discount from ten pounds on",
           "Pays by cheque on delivery", "Takes what is new, in small amounts")  # fmt: skip

_NAMED = 5  # orders


def _noted(sim: Simulation) -> list[int]:
    """The client of each note: those about a recall come last."""
    return [*sim.talk.whales, *sim.talk.warned]


def _note(sim: Simulation, row: int) -> tuple[str, str, str, int]:
    """Title, text, tag and second of a note."""
    client = _noted(sim)[row]
    if row < len(sim.talk.whales):
        habit = _HABITS[row % len(_HABITS)]
        second = (TODAY - 20 - row % 60) * DAY + 17 * HOUR
        return f"How {sim.clients.name(client)} buys", habit, "clients", second
    (lot,) = sim.recall.lots
    orders = [order for order in sim.recall.orders if sim.orders.client[order] == client]
    named = ", ".join(f"SEED-ORD-{order + 1:06d}" for order in orders[:_NAMED])
    told = f"Told about SEED-LOT-{lot + 1:06d}; has goods of it by {named}"
    return f"Recall of SEED-LOT-{lot + 1:06d}", told, "recall", FOUND + HOUR


def _page(said: str) -> dict[str, Any]:
    paragraph = {"type": "text", "text": said}
    return {"type": "doc", "content": [{"type": "paragraph", "content": [paragraph]}]}


@table("freeform_notes", rows=lambda sim: len(_noted(sim)))
def notes(sim: Simulation) -> Columns:
    """How each of the largest clients buys, and which clients have recalled goods."""
    found = [_note(sim, row) for row in range(len(_noted(sim)))]
    made = moment(sim.clock, [second for *_, second in found])
    return {
        "userId": row_of("users", [SALES] * len(found)),
        "title": text([title for title, *_ in found], 80),
        "content": plain([_page(said) for _, said, *_ in found]),
        "tags": plain([[tag] for _, _, tag, _ in found]),
        "createdAt": made,
        "updatedAt": made,
    }


@table("client_notes", rows=lambda sim: len(_noted(sim)))
def client_notes(sim: Simulation) -> Columns:
    """Whose note each of them is."""
    clients = _noted(sim)
    return {
        "client_id": row_of("clients", clients),
        "note_id": row_of("freeform_notes", ROWS),
        "created_at": moment(sim.clock, [_note(sim, row)[3] for row in range(len(clients))]),
    }


register(
    "talk",
    task_lists,
    tasks,
    inbox,
    comments,
    notifications,
    communications,
    activity,
    notes,
    client_notes,
    after=("users", "clients", "batches", "orders", "invoices"),
    checks=INVARIANTS,
)
