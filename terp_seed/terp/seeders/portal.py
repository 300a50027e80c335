"""Seeder ``portal``: who may enter it, in which tier, and what they look at there.

No client can sign in until TERP's screens give it a password: none is in any file.  Tiers have
other names than those that TERP makes on demand.
"""

from __future__ import annotations

from terp_seed.rows.columns import constant
from terp_seed.terp.checks.derived import LAST_LOGIN
from terp_seed.terp.checks.portal import PORTAL as INVARIANTS
from terp_seed.terp.seeders.catalogue import SALES
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.names import domain
from terp_seed.terp.simulation.portal import TIERS, ListStatus
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    ROWS,
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

_TIERS = ("Bronze", "Silver", "Gold", "Platinum")
_SLUGS = ("seed-bronze", "seed-silver", "seed-gold", "seed-platinum")
_COLOURS = ("#B45309", "#9CA3AF", "#F59E0B", "#6366F1")


def _since_joining(sim: Simulation, *columns: str) -> Columns:
    joined = each(lambda day: day * DAY + 13 * HOUR, at(sim.clients.joined, sim.portal.clients))
    return dict.fromkeys(columns, moment(sim.clock, joined))


@table(
    "vip_portal_auth",
    rows=lambda sim: len(sim.portal.clients),
    key=("client_id",),
    derived=("last_login_at",),
)
def logins(sim: Simulation) -> Columns:
    """One for each client of the portal, without a password."""
    clients = sim.portal.clients
    return {
        "client_id": row_of("clients", clients),
        "email": text(
            each(lambda client: f"portal@{domain(sim.clients.name(client))}", clients), 80
        ),
        "login_count": plain(each(lambda row: 3 + row * 7 % 40)),
        **_since_joining(sim, "created_at", "updated_at"),
    }


@table("vip_portal_configurations", rows=lambda sim: len(sim.portal.clients), key=("client_id",))
def configurations(sim: Simulation) -> Columns:
    """What each of them sees: everything, with the catalogue."""
    return {
        "client_id": row_of("clients", sim.portal.clients),
        "module_live_catalog_enabled": constant(True),
        **_since_joining(sim, "created_at", "updated_at"),
    }


@table("vip_tiers", rows=lambda sim: len(TIERS), key=("name",))
def tiers(sim: Simulation) -> Columns:
    """Four tiers, by what was spent in a year."""
    (since,) = sim.clock.moments([(TODAY - 1700) * DAY + 9 * HOUR])
    return {
        "name": choice(ROWS, _SLUGS),
        "display_name": choice(ROWS, _TIERS),
        "level": plain(each(lambda row: row + 1)),
        "color": choice(ROWS, _COLOURS),
        "min_spend_ytd": dollars(TIERS),
        "discount_percentage": hundredths(each(lambda row: row * 100)),
        "is_default": plain(each(lambda row: row == 0)),
        "created_at": constant(since),
        "updated_at": constant(since),
    }


@table("client_vip_status", rows=lambda sim: len(sim.portal.clients), key=("client_id",))
def standing(sim: Simulation) -> Columns:
    """The tier of each of them, and what it follows from."""
    portal = sim.portal
    counted = moment(sim.clock, each(lambda _: TODAY * DAY + 4 * HOUR))
    return {
        "client_id": row_of("clients", portal.clients),
        "current_tier_id": row_of("vip_tiers", each(portal.tier)),
        "ytd_spend": hundredths(portal.spent_this_year),
        "ytd_orders": plain(portal.bought_this_year),
        "payment_on_time_rate": hundredths(each(portal.in_time)),
        "lifetime_spend": hundredths(portal.spent),
        "next_tier_progress": hundredths(each(portal.progress)),
        "last_calculated_at": counted,
        **_since_joining(sim, "created_at"),
        "updated_at": counted,
    }


@table("client_interest_lists", rows=lambda sim: len(sim.portal.lists))
def interest_lists(sim: Simulation) -> Columns:
    """One list of each of them; every third became an order."""
    clock, portal = sim.clock, sim.portal
    found = portal.lists
    reviewed = [one.status > ListStatus.NEW for one in found]
    sent = moment(clock, [one.second for one in found])
    seen = [one.second + 90 * 60 if late else 0 for one, late in zip(found, reviewed, strict=True)]
    ordered = [0 if one.order is None else sim.schedule.created[one.order] for one in found]
    return {
        "client_id": row_of("clients", [one.client for one in found]),
        "submitted_at": sent,
        "status": choice([one.status for one in found], names(ListStatus)),
        "total_items": plain([len(items) for items in portal.items]),
        "total_value": hundredths(each(portal.total)),
        "reviewed_at": moment(clock, seen, nullable=True),
        "reviewed_by": row_of(
            "users", [SALES if late else None for late in reviewed], nullable=True
        ),
        "converted_to_order_id": row_of("orders", [one.order for one in found], nullable=True),
        "converted_at": moment(clock, ordered, nullable=True),
        "converted_by": row_of(
            "users", [None if one.order is None else SALES for one in found], nullable=True
        ),
        "created_at": sent,
        "updated_at": moment(
            clock, [max(one.second, late, made)
                    for one, late, made in zip(found, seen, ordered, strict=True)]
        ),
    }  # fmt: skip


@table("client_interest_list_items", rows=lambda sim: len(sim.portal.groups))
def list_items(sim: Simulation) -> Columns:
    """The batches of each list."""
    products = sim.products
    parent = sim.portal.groups.parents
    items = [item for found in sim.portal.items for item in found]
    product = [sim.batches.product[item.batch] for item in items]
    return {
        "interest_list_id": row_of("client_interest_lists", parent),
        "batch_id": row_of("batches", [item.batch for item in items]),
        "item_name": text(at(products.name, product), 60),
        "category": text(at(products.category, product), 20),
        "subcategory": text(at(products.subcategory, product), 20),
        "price_at_interest": dollars([item.price for item in items]),
        "quantity_at_interest": hundredths([item.quantity for item in items]),
        "created_at": moment(sim.clock, each(lambda row: sim.portal.lists[row].second, parent)),
    }


@table("client_price_alerts", rows=lambda sim: len(sim.portal.clients))
def price_alerts(sim: Simulation) -> Columns:
    """A batch of which each of them wants to know when it costs less."""
    alert = once(each(sim.portal.alert))
    return {
        "client_id": row_of("clients", sim.portal.clients),
        "batch_id": row_of("batches", each(lambda item: item.batch, alert)),
        "target_price": dollars(each(lambda item: item.price, alert)),
        "created_at": moment(sim.clock, each(lambda row: (TODAY - 1 - row % 2) * DAY + 11 * HOUR)),
        "expires_at": moment(sim.clock, each(lambda row: (TODAY + 30 + row % 30) * DAY)),
    }


register(
    "portal",
    logins,
    configurations,
    tiers,
    standing,
    interest_lists,
    list_items,
    price_alerts,
    after=("users", "clients", "batches", "orders", "invoices"),
    derives=LAST_LOGIN,
    checks=INVARIANTS,
)
