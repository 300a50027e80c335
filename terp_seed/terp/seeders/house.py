"""Seeder ``house``: bags of packed orders, the audit log of orders, credit, corrected ledgers.

What a client may owe, owes and how well it pays is read from `clients`, as TERP's credit engine
does.  Corrections of a client's ledger are reversed, so that it ends at what the invoices say.
"""

from __future__ import annotations

from terp_seed.rows.columns import constant
from terp_seed.terp.checks.derived import CREDIT
from terp_seed.terp.checks.house import HOUSE as INVARIANTS
from terp_seed.terp.simulation.clock import DAY, HOUR, MINUTE, TODAY
from terp_seed.terp.simulation.schedule import Kind
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    ROWS,
    Columns,
    at,
    choice,
    day,
    each,
    hundredths,
    moment,
    once,
    plain,
    register,
    row_of,
    seed_user,
    table,
    text,
)

_CREDIT = (
    "credit_limit", "current_exposure", "utilization_percent", "credit_health_score",
    "base_capacity", "trend",
)  # fmt: skip
_ENTERED = ("Freight billed twice", "Reversed: freight billed twice")


@table("order_bags", rows=lambda sim: len(sim.house.bags), key=("order_id", "bag_identifier"))
def bags(sim: Simulation) -> Columns:
    """A bag for every four lines of an order."""
    house = sim.house
    order = once(house.bagged)
    return {
        "order_id": row_of("orders", order),
        "bag_identifier": text(
            each(lambda place: f"BAG-{place + 1:03d}", house.bags.positions), 12
        ),
        "created_by": seed_user(),
        "created_at": moment(
            sim.clock, each(lambda order: sim.fulfilment.packed(order) - 5 * MINUTE, order)
        ),
    }


@table(
    "order_item_bags",
    rows=lambda sim: len(sim.house.lines),
    references={"order_item_id": "order_line_items"},
)
def bagged_lines(sim: Simulation) -> Columns:
    """In which bag each line of a packed order is."""
    lines = once(sim.house.packed_lines)
    return {
        "order_item_id": row_of("order_line_items", each(lambda line: line[1], lines)),
        "bag_id": row_of("order_bags", each(lambda line: line[2], lines)),
        "packed_at": moment(sim.clock, each(lambda line: sim.fulfilment.packed(line[0]), lines)),
        "packed_by": seed_user(),
    }


@table(
    "order_audit_log",
    rows=lambda sim: sim.sizes.orders,
    references={"order_id": "orders", "user_id": "users"},
)
def audit_log(sim: Simulation) -> Columns:
    """The last of the steps that TERP logs: a draft was made, or an order made final."""
    orders, schedule = sim.orders, sim.schedule
    final = once(each(lambda kind: kind >= Kind.CANCELLED, orders.kind))
    return {
        "order_id": row_of("orders", ROWS),
        "action": choice(final, ("CREATE_DRAFT", "FINALIZE")),
        "changes": plain(
            each(lambda cents: {"total": f"{cents // 100}.{cents % 100:02d}"}, orders.total)
        ),
        "user_id": seed_user(),
        "timestamp": moment(sim.clock, each(max, schedule.created, each(sim.fulfilment.confirmed))),
    }


@table(
    "client_credit_limits",
    rows=lambda sim: len(sim.house.buyers),
    key=("client_id",),
    derived=_CREDIT,
)
def credit_limits(sim: Simulation) -> Columns:
    """One for each buyer; its figures follow from the client's."""
    house = sim.house
    joined = once(at(sim.clients.joined, house.buyers))
    made = moment(sim.clock, each(lambda day: day * DAY + 12 * HOUR, joined))
    last = moment(sim.clock, each(lambda _: TODAY * DAY + 2 * HOUR))
    long_known = each(lambda day: day < TODAY - 180, joined)
    return {
        "client_id": row_of("clients", house.buyers),
        **{name: constant(0, scale=2) for name in _CREDIT if name != "trend"},
        "mode": choice(long_known, ("LEARNING", "ACTIVE")),
        "confidence_score": hundredths(
            each(lambda day: min(95, (TODAY - day) // 8 + 5) * 100, joined)
        ),
        "data_readiness": hundredths(each(lambda day: min(100, (TODAY - day) // 2) * 100, joined)),
        "trend": constant("STABLE"),
        "last_calculated": last,
        "created_at": made,
        "updated_at": last,
    }


@table("client_ledger_adjustments", rows=lambda sim: 2 * len(sim.house.corrected))
def ledger_adjustments(sim: Simulation) -> Columns:
    """An entry by mistake, and its reversal some days later."""
    entry = once(each(sim.house.correction))
    second = each(lambda entry: entry[3], entry)
    kind = each(lambda entry: entry[1], entry)
    return {
        "client_id": row_of("clients", each(lambda entry: entry[0], entry)),
        "transaction_type": choice(kind, ("DEBIT", "CREDIT")),
        "amount": hundredths(each(lambda entry: entry[2], entry)),
        "description": choice(kind, _ENTERED),
        "effective_date": day(sim.clock, each(lambda second: second // DAY, second)),
        "created_by": seed_user(),
        "created_at": moment(sim.clock, second),
    }


register(
    "house",
    bags,
    bagged_lines,
    audit_log,
    credit_limits,
    ledger_adjustments,
    after=("clients", "orders", "order_line_items"),
    derives=CREDIT,
    checks=INVARIANTS,
)
