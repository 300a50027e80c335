"""Seeder ``samples``: who asked for samples, who got them, and where they are.

Each ``SAMPLE`` movement of `inventory` took what one request was for.
"""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter

from terp_seed.rows.model import Column, Span, Value
from terp_seed.terp.checks.samples import SAMPLES as INVARIANTS
from terp_seed.terp.simulation.clock import DAY, HOUR
from terp_seed.terp.simulation.samples import Location, SampleRequest, SampleStatus
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    Columns,
    Make,
    choice,
    day,
    each,
    hundredths,
    moment,
    names,
    plain,
    register,
    row_of,
    seed_user,
    table,
    text,
)

_LEAST = 1_000  # hundredths that a client may have in a month
_GOING_BACK = (SampleStatus.RETURN_REQUESTED, SampleStatus.RETURN_APPROVED, SampleStatus.RETURNED)
_SENT = (SampleStatus.SHIPPED_TO_VENDOR, SampleStatus.VENDOR_CONFIRMED)


def _products(sim: Simulation) -> Column:
    """What was asked for, as TERP's screens read it."""

    def make(span: Span) -> list[Value]:
        return [
            [
                {"productId": sim.batches.product[one.batch],
                 "quantity": f"{one.quantity // 100}.{one.quantity % 100:02d}"}
            ]
            for one in sim.samples.requests[span.start : span.stop]
        ]  # fmt: skip

    return Column(make, json_refs={"productId": "products"})


def _when(condition: bool, second: int) -> int:
    return second if condition else 0


@table("sampleRequests", rows=lambda sim: len(sim.samples.requests))
def requests(sim: Simulation) -> Columns:
    """One for each batch of which samples were set aside."""
    clock, batches, asked = sim.clock, sim.batches, sim.samples.requests

    def cost(one: SampleRequest) -> int | None:
        dollars = sim.products.cost[batches.product[one.batch]]
        return one.quantity * dollars if one.handed_out else None

    def at(second: Make) -> Column:
        return moment(clock, second, nullable=True)

    def returning(days: int, status: SampleStatus) -> Make:
        return each(
            lambda one: _when(one.status in _GOING_BACK and one.status >= status, one.later(days)),
            asked,
        )

    cancelled = each(
        lambda one: _when(one.status == SampleStatus.CANCELLED, one.asked + HOUR), asked
    )
    handed_out = each(attrgetter("handed_out"), asked)
    done = each(lambda second: second > 0, handed_out)
    bought = each(lambda one: 0 if one.order is None else sim.schedule.created[one.order], asked)
    back = returning(1, SampleStatus.RETURN_REQUESTED)
    approved = returning(2, SampleStatus.RETURN_APPROVED)
    shipped = each(lambda one: _when(one.status in _SENT, one.later(4)), asked)
    confirmed = each(
        lambda one: _when(one.status == SampleStatus.VENDOR_CONFIRMED, one.later(6)), asked
    )
    made = moment(clock, each(attrgetter("asked"), asked))
    return {
        "clientId": row_of("clients", each(attrgetter("client"), asked)),
        "requestedBy": seed_user(),
        "requestDate": made,
        "products": _products(sim),
        "sampleRequestStatus": choice(each(attrgetter("status"), asked), names(SampleStatus)),
        "fulfilledDate": at(handed_out),
        "fulfilledBy": seed_user(done),
        "cancelledDate": at(cancelled),
        "cancelledBy": seed_user(each(lambda second: second > 0, cancelled)),
        "cancellationReason": choice(
            each(lambda second: second > 0, cancelled), (None, "Found it elsewhere")
        ),
        "dueDate": day(clock, each(lambda one: one.asked // DAY + 2, asked)),
        "totalCost": hundredths(each(cost, asked), nullable=True),
        "relatedOrderId": row_of("orders", each(attrgetter("order"), asked), nullable=True),
        "conversionDate": at(bought),
        "returnRequestedDate": at(back),
        "returnRequestedBy": seed_user(each(lambda second: second > 0, back)),
        "returnReason": choice(each(lambda second: second > 0, back), (None, "Not what we sell")),
        "returnApprovedDate": at(approved),
        "returnApprovedBy": seed_user(each(lambda second: second > 0, approved)),
        "returnDate": at(returning(3, SampleStatus.RETURNED)),
        "vendorShippedDate": at(shipped),
        "vendorConfirmedDate": at(confirmed),
        "location": choice(each(attrgetter("location"), asked), names(Location)),
        "createdAt": made,
        "updatedAt": made,
    }


@table("sampleLocationHistory", rows=lambda sim: len(sim.samples.moves))
def location_history(sim: Simulation) -> Columns:
    """Each way that samples went."""
    moves = sim.samples.moves
    return {
        "sampleRequestId": row_of("sampleRequests", [row for row, *_ in moves]),
        "fromLocation": choice([from_ for _, _, from_, _ in moves], names(Location)),
        "toLocation": choice([to for *_, to in moves], names(Location)),
        "changedBy": seed_user(),
        "changedAt": moment(sim.clock, [second for _, second, *_ in moves]),
    }


@table("sampleAllocations", rows=lambda sim: len(sim.samples.months))
def monthly_allocations(sim: Simulation) -> Columns:
    """What each client could have in a month in which it got some, and what it got."""
    months = sim.samples.months
    used = [quantity for _, quantity in months]
    allowed = [max(_LEAST, -(-quantity // 500) * 500) for quantity in used]
    begun = [datetime(number // 12, number % 12 + 1, 1, 8) for (number, _), _ in months]
    named = [f"{number // 12}-{number % 12 + 1:02d}" for (number, _), _ in months]
    return {
        "clientId": row_of("clients", [client for (_, client), _ in months]),
        "monthYear": text(named, 7),
        "allocatedQuantity": hundredths(allowed),
        "usedQuantity": hundredths(used),
        "remainingQuantity": hundredths(
            [most - quantity for most, quantity in zip(allowed, used, strict=True)]
        ),
        "createdAt": plain(begun),
        "updatedAt": plain(begun),
    }


register(
    "samples",
    requests,
    location_history,
    monthly_allocations,
    after=("clients", "products", "orders", "inventoryMovements"),
    checks=INVARIANTS,
)
