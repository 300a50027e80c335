"""Seeder ``places``: sites and zones, tags, prices and pictures, of what is there already.

Sites and zones are those of ``batchLocations``, and hold what is on hand.  Pictures are tiny
drawings inside the address itself, so that no file has to be served.
"""

from __future__ import annotations

from functools import lru_cache, partial

from terp_seed.rows.columns import constant
from terp_seed.rows.model import Column
from terp_seed.rows.seeders import SeedContext
from terp_seed.terp.checks.derived import ZONES
from terp_seed.terp.checks.places import PLACES as INVARIANTS
from terp_seed.terp.seeders.catalogue import WAREHOUSE
from terp_seed.terp.seeders.inventory import locations as batch_locations
from terp_seed.terp.simulation.clients import SUPPLIER, class_of
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.names import street_names
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.simulation.sizes import BatchStatus
from terp_seed.terp.table import (
    ROWS,
    Columns,
    at,
    choice,
    dollars,
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

_SITES = ("Main Warehouse", "Overflow")
_CODES = ("SEED-MAIN", "SEED-OVER")
_ZONES = ("Floor", "Back stock", "Cage")
_ACCESS = ("public", "restricted", "secure", "high_security")
_TAGS = ("Whale (seed)", "Regular (seed)", "Supplier (seed)", "Indoor (seed)", "Greenhouse (seed)",
         "Outdoor (seed)")  # fmt: skip
_SLUGS = ("whale", "regular", "supplier", "indoor", "greenhouse", "outdoor")
_RULES = (("Flower, list price", "Flower", 35), ("Vapes, list price", "Vapes", 38),
          ("Edibles, list price", "Edibles", 40))  # fmt: skip
_INKS = ("4D7C0F", "15803D", "A16207", "B45309", "0F766E", "6D28D9", "9F1239")
_PICTURE = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E"
    "%3Crect width='8' height='8' fill='%23F5F5F4'/%3E"
    "%3Cellipse cx='4' cy='4' rx='{width}' ry='3' fill='%23{ink}'/%3E%3C/svg%3E"
)


def _since(sim: Simulation, *names: str) -> Columns:
    (second,) = sim.clock.moments([(TODAY - 1700) * DAY + 9 * HOUR])
    return dict.fromkeys(names, constant(second))


@table("sites", rows=lambda sim: len(_SITES), key=("code",))
def sites(sim: Simulation) -> Columns:
    """Both sites that batches lie at."""
    return {
        "code": choice(ROWS, _CODES),
        "name": choice(ROWS, _SITES),
        "site_type": constant("warehouse"),
        "address": text(
            each(lambda row: f"{40 + row} {street_names.name(row)}, Oakland, CA 00101"), 60
        ),
        "city": constant("Oakland"),
        "state": constant("CA"),
        "is_default": plain(each(lambda row: row == 0)),
        **_since(sim, "created_at", "updated_at"),
    }


@table(
    "storage_zones",
    rows=lambda sim: len(_SITES) * len(_ZONES),
    derived=("current_capacity",),
)
def zones(sim: Simulation) -> Columns:
    """The same three zones at each site."""
    zone = once(each(lambda row: row % len(_ZONES)))
    return {
        "code": text(each(lambda row: f"SEED-{row + 1}"), 10),
        "name": choice(zone, _ZONES),
        "site_id": row_of("sites", each(lambda row: row // len(_ZONES))),
        "access_level": choice(zone, _ACCESS),
        **_since(sim, "created_at", "updated_at"),
    }


@lru_cache(maxsize=1)
def _zone_of(sim: Simulation) -> list[int]:
    """The zone of each batch: where `inventory` put it."""
    context = SeedContext("inventory", sim.root_seed, sim.as_of, {})
    placed = batch_locations.build(context, sim)
    return [
        _SITES.index(site) * len(_ZONES) + _ZONES.index(zone)
        for site, zone in zip(placed.values("site"), placed.values("zone"), strict=True)
    ]


@table(
    "batch_zone_assignments",
    rows=lambda sim: sim.sizes.batches,
    derived=("quantity",),
)
def assignments(sim: Simulation) -> Columns:
    """Each batch in its zone, with what is on hand."""
    put = moment(sim.clock, each(lambda batch: sim.batches.received_at(batch) + HOUR))
    return {
        "batch_id": row_of("batches", ROWS),
        "zone_id": row_of("storage_zones", each(lambda batch: _zone_of(sim)[batch])),
        "quantity": constant(0, scale=2),
        "assigned_by_id": row_of("users", each(lambda _: WAREHOUSE)),
        "assigned_at": put,
        "created_at": put,
        "updated_at": put,
    }


@table("tags", rows=lambda sim: len(_TAGS), key=("name",))
def tags(sim: Simulation) -> Columns:
    """Classes of clients, and ways in which flower grows."""
    return {
        "name": choice(ROWS, _TAGS),
        "standardizedName": text(each(lambda row: f"seed-{_SLUGS[row]}"), 20),
        "category": choice(each(lambda row: row > SUPPLIER), ("CUSTOM", "TYPE")),
        **_since(sim, "createdAt", "updatedAt"),
    }


@table("clientTags", rows=lambda sim: sim.sizes.clients)
def client_tags(sim: Simulation) -> Columns:
    """The class of each client."""
    joined = each(lambda day: day * DAY + 17 * HOUR, sim.clients.joined)
    return {
        "clientId": row_of("clients", ROWS),
        "tagId": row_of("tags", each(class_of)),
        "createdAt": moment(sim.clock, joined),
    }


@lru_cache(maxsize=1)
def _flower(sim: Simulation) -> list[int]:
    return [product for product, method in enumerate(sim.products.method) if method >= 0]


@table(
    "productTags",
    rows=lambda sim: len(_flower(sim)),
    references={"productId": "products", "tagId": "tags"},
)
def product_tags(sim: Simulation) -> Columns:
    """How each flower grows."""
    flower = _flower(sim)
    return {
        "productId": row_of("products", flower),
        "tagId": row_of(
            "tags", each(lambda method: SUPPLIER + 1 + method, at(sim.products.method, flower))
        ),
        **_since(sim, "createdAt"),
    }


@table("pricing_rules", rows=lambda sim: len(_RULES))
def pricing_rules(sim: Simulation) -> Columns:
    """A mark-up for each of three categories."""
    return {
        "name": choice(ROWS, [name for name, *_ in _RULES]),
        "adjustment_type": constant("PERCENT_MARKUP"),
        "adjustment_value": dollars([percent for *_, percent in _RULES]),
        "conditions": plain([{"category": category} for _, category, _ in _RULES]),
        "priority": plain(ROWS),
        **_since(sim, "created_at", "updated_at"),
    }


@table("pricing_profiles", rows=lambda sim: 1)
def pricing_profiles(sim: Simulation) -> Columns:
    """The list price, which is made of all rules."""
    rules = [{"ruleId": row, "priority": row} for row in range(len(_RULES))]
    return {
        "name": constant("List price (seed)"),
        "rules": Column(lambda span: [rules] * len(span), json_refs={"ruleId": "pricing_rules"}),
        "created_by": seed_user(),
        **_since(sim, "created_at", "updated_at"),
    }


@table("price_history", rows=lambda sim: sim.sizes.batches)
def price_history(sim: Simulation) -> Columns:
    """What each batch was bought for."""
    batches, intake = sim.batches, sim.intake
    cost = once(at(sim.products.cost, batches.product))
    supplier = each(partial(sim.clients.row, SUPPLIER), at(batches.lot_supplier, batches.lot))
    return {
        "product_id": row_of("products", batches.product),
        "batch_id": row_of("batches", ROWS),
        "transaction_type": constant("PURCHASE"),
        "unit_price": dollars(cost),
        "quantity": hundredths(intake.taken_in),
        "total_price": hundredths(each(lambda cost, units: cost * units, cost, intake.taken_in)),
        "supplier_id": row_of("clients", supplier),
        "created_at": moment(sim.clock, each(batches.received_at)),
    }


@lru_cache(maxsize=1)
def photographed(sim: Simulation) -> list[int]:
    """The batches of which there is a picture."""
    status = sim.batches.status
    return [batch for batch, state in enumerate(status) if state != BatchStatus.AWAITING_INTAKE]


def picture(product: int) -> str:
    """A tiny drawing of a product, as a data URL."""
    return _PICTURE.format(width=1 + product % 3, ink=_INKS[product % len(_INKS)])


@table("product_images", rows=lambda sim: len(photographed(sim)))
def images(sim: Simulation) -> Columns:
    """A picture of each batch that was photographed."""
    found = photographed(sim)
    product = once(at(sim.batches.product, found))
    taken = [sim.clock.working_day(sim.batches.day[batch] + 1) * DAY + 16 * HOUR
             for batch in found]  # fmt: skip
    return {
        "batch_id": row_of("batches", found),
        "product_id": row_of("products", product),
        "image_url": text(each(picture, product), 300),
        "caption": text(at(sim.products.name, product), 60),
        "is_primary": constant(True),
        "uploaded_by": row_of("users", each(lambda _: WAREHOUSE)),
        "uploaded_at": moment(sim.clock, taken),
    }


register(
    "places",
    sites,
    zones,
    assignments,
    tags,
    client_tags,
    product_tags,
    pricing_rules,
    pricing_profiles,
    price_history,
    images,
    after=("users", "products", "clients", "batches", "batchLocations", "orders"),
    derives=ZONES,
    checks=INVARIANTS,
)
