"""Seeder ``details``: disputes, sales prices, places with their racks, pictures of products."""

from __future__ import annotations

from functools import lru_cache

from terp_seed.rows.columns import code, constant
from terp_seed.rows.seeders import SeedContext
from terp_seed.terp.checks.details import DETAILS as INVARIANTS
from terp_seed.terp.seeders.catalogue import ACCOUNTING, SALES, WAREHOUSE
from terp_seed.terp.seeders.inventory import locations as batch_locations
from terp_seed.terp.seeders.places import photographed, picture
from terp_seed.terp.simulation.arrays import Groups
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.disputes import Dispute, DisputeStatus, Reason, disputes
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    Columns,
    at,
    choice,
    dollars,
    each,
    hundredths,
    moment,
    names,
    once,
    plain,
    register,
    row_of,
    table,
    text,
)

_REASONS = ("Part of it is of a lower grade", "Delivered later than was promised",
            "Billed more than was delivered", "Price is not the one agreed on",
            "Was to be billed to another branch")  # fmt: skip
_RESOLVED = {Reason.GRADE: "Price lowered for the lower grade",
             Reason.WEIGHT: "Weight corrected after delivery"}  # fmt: skip
_REJECTED = "Delivery papers are signed for the whole amount"
# TERP's own, which it makes at its start if there are no places yet.
_OWN = [
    ("Main Warehouse", f"Zone {zone}", "Rack 1", f"Shelf {shelf}", f"Bin {bin_}")
    for zone in "ABC"
    for shelf, bin_ in ((1, 1), (1, 2), (2, 1))
]


@lru_cache(maxsize=1)
def _disputes(sim: Simulation) -> list[Dispute]:
    return disputes(sim.invoices, sim.credits)


def _said(dispute: Dispute) -> str | None:
    if dispute.status == DisputeStatus.RESOLVED:
        return _RESOLVED[dispute.reason]
    return _REJECTED if dispute.status == DisputeStatus.REJECTED else None


@table("invoice_disputes", rows=lambda sim: len(_disputes(sim)), key=("dispute_number",))
def invoice_disputes(sim: Simulation) -> Columns:
    """What clients do not want to pay, and what became of it."""
    clock, found = sim.clock, _disputes(sim)
    invoice = [dispute.invoice for dispute in found]
    raised = [dispute.raised * DAY + 20 * HOUR for dispute in found]
    settled = [dispute.settled and dispute.settled * DAY + 21 * HOUR for dispute in found]
    return {
        "invoice_id": row_of("invoices", invoice),
        "client_id": row_of("clients", at(sim.invoices.client, invoice)),
        "dispute_number": code("SEED-DSP-"),
        "dispute_status": choice([dispute.status for dispute in found], names(DisputeStatus)),
        "dispute_reason": choice([dispute.reason for dispute in found], _REASONS),
        "disputed_amount": hundredths([dispute.cents for dispute in found]),
        "resolution_notes": text([_said(dispute) for dispute in found], 60, nullable=True),
        "adjustment_amount": hundredths(
            [dispute.granted or None for dispute in found], nullable=True
        ),
        "resolved_at": moment(clock, settled, nullable=True),
        "resolved_by": row_of(
            "users", [ACCOUNTING if second else None for second in settled], nullable=True
        ),
        "created_by": row_of("users", each(lambda _: SALES)),
        "assigned_to": row_of("users", each(lambda _: ACCOUNTING)),
        "created_at": moment(clock, raised),
        "updated_at": moment(clock, each(max, raised, settled)),
    }


def _sold(sim: Simulation) -> Groups:
    """The lines of each valid invoice's order."""
    starts, order = sim.orders.lines.starts, sim.invoices.order
    counts = (starts[order[invoice] + 1] - starts[order[invoice]] for invoice in sim.invoices.valid)
    return Groups.from_counts(counts)


@table("price_history", rows=lambda sim: len(_sold(sim)))
def sales_prices(sim: Simulation) -> Columns:
    """What each client paid for each batch; what batches were bought for is in `places`."""
    orders, lines = sim.orders, sim.orders.lines
    groups = _sold(sim)
    order = once(at(sim.invoices.order, at(sim.invoices.valid, groups.parents)))
    line = once(each(lambda order, place: lines.starts[order] + place, order, groups.positions))
    batch = once(at(lines.batch, line))
    price, quantity = once(at(lines.price, line)), once(at(lines.quantity, line))
    return {
        "product_id": row_of("products", at(sim.batches.product, batch)),
        "batch_id": row_of("batches", batch),
        "client_id": row_of("clients", at(orders.client, order)),
        "order_id": row_of("orders", order),
        "transaction_type": constant("SALE"),
        "unit_price": dollars(price),
        "quantity": hundredths(quantity),
        "total_price": hundredths(each(lambda price, units: price * units, price, quantity)),
        "created_at": moment(sim.clock, at(orders.shipped, order)),
    }


@lru_cache(maxsize=1)
def _places(sim: Simulation) -> list[tuple[str, ...]]:
    """TERP's own places, and every place that a batch lies at and that is known to its bin."""
    context = SeedContext("inventory", sim.root_seed, sim.as_of, {})
    placed = batch_locations.build(context, sim)
    columns = [placed.values(name) for name in ("site", "zone", "rack", "shelf", "bin")]
    places = set(zip(*columns, strict=True))
    return [*_OWN, *sorted(place for place in places if None not in place)]


@table("locations", rows=lambda sim: len(_places(sim)))
def racks(sim: Simulation) -> Columns:
    """Places with their racks, shelves and bins."""
    site, zone, rack, shelf, bin_ = (list(part) for part in zip(*_places(sim), strict=True))
    (since,) = sim.clock.moments([(TODAY - 1700) * DAY + 9 * HOUR])
    return {
        "site": text(site, 20),
        "zone": text(zone, 20),
        "rack": text(rack, 10),
        "shelf": text(shelf, 10),
        "bin": text(bin_, 10),
        "createdAt": constant(since),
        "updatedAt": constant(since),
    }


@lru_cache(maxsize=1)
def _first_batches(sim: Simulation) -> list[int]:
    """The batch by which each product was photographed first."""
    product = sim.batches.product
    first = {product[batch]: batch for batch in reversed(photographed(sim))}
    return [first[product] for product in sorted(first)]


@table(
    "productMedia",
    rows=lambda sim: len(_first_batches(sim)),
    references={"productId": "products", "uploadedBy": "users"},
)
def media(sim: Simulation) -> Columns:
    """A picture of each product of which a batch was photographed."""
    batches = _first_batches(sim)
    product = [sim.batches.product[batch] for batch in batches]
    taken = [sim.clock.working_day(sim.batches.day[batch] + 1) * DAY + 16 * HOUR
             for batch in batches]  # fmt: skip
    return {
        "productId": row_of("products", product),
        "url": text(each(picture, product), 300),
        "type": constant("image"),
        "filename": text(each(lambda product: f"product-{product + 1:06d}.svg", product), 30),
        "size": plain(each(lambda product: len(picture(product)), product)),
        "uploadedBy": row_of("users", each(lambda _: WAREHOUSE)),
        "createdAt": moment(sim.clock, taken),
    }


register(
    "details",
    invoice_disputes,
    sales_prices,
    racks,
    media,
    after=("users", "products", "clients", "invoices", "credits", "batchLocations"),
    checks=INVARIANTS,
)
