"""Seeder ``matching``: what clients look for, what suppliers offer, and what fits together."""

from __future__ import annotations

from terp_seed.rows.columns import constant
from terp_seed.terp.checks.matching import MATCHING as INVARIANTS
from terp_seed.terp.seeders.catalogue import SALES
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.matching import Answer, MatchType
from terp_seed.terp.simulation.names import strain_names
from terp_seed.terp.simulation.products import GRADES
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    ROWS,
    Columns,
    Source,
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

_STATUSES = ("ACTIVE", "FULFILLED", "EXPIRED", "CANCELLED")
_PRIORITIES = ("LOW", "MEDIUM", "HIGH", "URGENT")
_SUPPLY = ("AVAILABLE", "RESERVED", "PURCHASED", "EXPIRED")
_REASONS = (
    ["Same product", "Same grade", "Within the price"], ["Same product", "Above the price"],
    ["Ordered before"],
)  # fmt: skip
_SCORES = (100, 75, 60)  # percent, by type
_DONE = ("NONE", "CREATED_QUOTE", "CONTACTED_VENDOR", "DISMISSED")


def _described(sim: Simulation, product: Source) -> Columns:
    """A product, as needs and offers name it: by texts."""
    products = sim.products
    strain = at(products.strain, product)
    return {
        "strain": text(each(strain_names.name, strain), 60),
        "product_name": text(at(products.name, product), 60),
        "category": text(at(products.category, product), 20),
        "subcategory": text(at(products.subcategory, product), 20),
        "grade": choice(each(GRADES.index, at(products.grade, product)), GRADES),
    }


def _asked_at(row: int) -> int:
    return (TODAY - 1 - row * 3 % 28) * DAY + 10 * HOUR


def _made_at(row: int, over: bool) -> int:
    """What is over was made a month sooner."""
    return _asked_at(row) - over * 30 * DAY


def _need_status(answer: int) -> int:
    return 2 if answer == Answer.NOTHING else 0


def _needed_at(row: int, answer: int) -> int:
    """A need that nothing met is over."""
    return _made_at(row, answer == Answer.NOTHING)


def _lapses(row: int, answer: int) -> int:
    return _needed_at(row, answer) + 30 * DAY


def _highest(answer: int, cost: int) -> int:
    """What a client pays at most: for what nearly fits, too little."""
    return cost * (11 if answer == Answer.CLOSE else 14) // 10


@table("client_needs", rows=lambda sim: len(sim.matching.client))
def needs(sim: Simulation) -> Columns:
    """What every second buyer looks for."""
    clock, found = sim.clock, sim.matching
    made = moment(clock, each(_needed_at, ROWS, found.answer))
    cost = at(sim.products.cost, found.product)
    return {
        "client_id": row_of("clients", found.client),
        "strainId": row_of("strains", at(sim.products.strain, found.product)),
        "strain_type": constant("ANY"),
        **_described(sim, found.product),
        "quantity_min": hundredths(each(lambda row: 100 + row % 3 * 50)),
        "quantity_max": hundredths(each(lambda row: 1000 + row % 5 * 500)),
        "price_max": dollars(each(_highest, found.answer, cost)),
        "status": choice(each(_need_status, found.answer), _STATUSES),
        "priority": choice(each(lambda row: row * 3 % 4), _PRIORITIES),
        "expires_at": moment(clock, each(_lapses, ROWS, found.answer)),
        "created_by": row_of("users", each(lambda _: SALES)),
        "created_at": made,
        "updated_at": made,
    }


@table("client_wants", rows=lambda sim: len(sim.matching.wanting))
def wants(sim: Simulation) -> Columns:
    """Products that some buyers want to be told of; half of them are on sale."""
    clock = sim.clock
    want = once(each(sim.matching.want))
    product = once(each(lambda want: want[0], want))
    met = once(each(lambda want: want[1], want))
    made = moment(clock, each(_asked_at))
    return {
        "client_id": row_of("clients", sim.matching.wanting),
        "product_id": row_of("products", product),
        "strain_name": text(each(strain_names.name, at(sim.products.strain, product)), 60),
        "max_price_per_unit": dollars(
            each(lambda cost: cost * 3 // 2, at(sim.products.cost, product))
        ),
        "client_want_priority": choice(each(lambda row: row % 4), _PRIORITIES),
        "client_want_status": choice(met, ("ACTIVE", "MATCHED")),
        "last_matched_at": moment(
            clock, each(lambda met: met and TODAY * DAY + 3 * HOUR, met), nullable=True
        ),
        "match_count": plain(each(int, met)),
        "created_by": row_of("users", each(lambda _: SALES)),
        "created_at": made,
        "updated_at": made,
    }


def _offered_at(row: int, gone: int) -> int:
    return _made_at(row, _SUPPLY[gone] == "EXPIRED")


def _available_until(gone: int, made: int) -> int:
    return made + (21 if _SUPPLY[gone] == "EXPIRED" else 45) * DAY


@table("vendor_supply", rows=lambda sim: len(sim.matching.offered) + sim.matching.suppliers)
def supply(sim: Simulation) -> Columns:
    """What suppliers have: what clients look for, and what was sold or lapsed."""
    clock, matching = sim.clock, sim.matching
    offer = once(each(matching.offer))
    product = once(each(lambda offer: offer[1], offer))
    # One of each supplier is gone: sold or lapsed.
    gone = once(each(lambda row: row >= len(matching.offered) and 2 + row % 2))
    made = once(each(_offered_at, ROWS, gone))
    return {
        "vendor_id": row_of("vendors", each(lambda offer: offer[0], offer)),
        **_described(sim, product),
        "quantity_available": hundredths(each(lambda row: 2000 + row % 7 * 1000)),
        "unit_price": dollars(at(sim.products.cost, product)),
        "status": choice(gone, _SUPPLY),
        "available_until": moment(clock, each(_available_until, gone, made)),
        "purchased_at": moment(
            clock,
            each(lambda gone, made: gone == 2 and made + DAY // 2, gone, made),
            nullable=True,
        ),
        "created_by": row_of("users", each(lambda _: SALES)),
        "created_at": moment(clock, made),
        "updated_at": moment(clock, made),
    }


def _done(row: int, type_: int) -> int:
    """One match in three became a quote, a few were dismissed."""
    if type_ == MatchType.CLOSE:
        return 3 * (row % 4 == 1)
    return int(row % 3 == 0)


@table("match_records", rows=lambda sim: len(sim.matching.matches))
def matches(sim: Simulation) -> Columns:
    """What fits: stock or an offer to a need, stock to an order of before."""
    clock, found = sim.clock, sim.matching.matches
    types = [match.type for match in found]
    done = [_done(row, type_) for row, type_ in enumerate(types)]
    acted = [second and TODAY * DAY + 8 * HOUR for second in done]
    return {
        "client_need_id": row_of("client_needs", [one.need for one in found], nullable=True),
        "client_id": row_of("clients", [one.client for one in found]),
        "inventory_batch_id": row_of("batches", [one.batch for one in found], nullable=True),
        "vendor_supply_id": row_of("vendor_supply", [one.supply for one in found], nullable=True),
        "historical_order_id": row_of("orders", [one.order for one in found], nullable=True),
        "match_type": choice(types, names(MatchType)),
        "confidence_score": hundredths([_SCORES[type_] * 100 for type_ in types]),
        "match_reasons": plain([_REASONS[type_] for type_ in types]),
        "user_action": choice(done, _DONE),
        "actioned_at": moment(clock, acted, nullable=True),
        "actioned_by": row_of(
            "users", [SALES if second else None for second in acted], nullable=True
        ),
        "created_at": moment(clock, [TODAY * DAY + 3 * HOUR] * len(found)),
    }


register(
    "matching",
    needs,
    wants,
    supply,
    matches,
    after=("users", "clients", "vendors", "strains", "products", "batches", "orders"),
    checks=INVARIANTS,
)
