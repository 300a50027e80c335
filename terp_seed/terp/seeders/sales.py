"""Seeder ``sales``: what was sold of each batch, at what price and to whom.

TERP finds slow-moving stock, its best products and what a supplier's goods brought in there.
"""

from __future__ import annotations

from terp_seed.rows.columns import constant
from terp_seed.terp.checks.sales import SALES as INVARIANTS
from terp_seed.terp.simulation.arrays import Groups
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    Columns,
    at,
    dollars,
    each,
    hundredths,
    moment,
    once,
    register,
    row_of,
    seed_user,
    table,
)


def _sold(sim: Simulation) -> Groups:
    """The allocations of each valid invoice's order: what left and did not come back."""
    starts, order = sim.orders.allocations.starts, sim.invoices.order
    counts = (starts[order[invoice] + 1] - starts[order[invoice]] for invoice in sim.invoices.valid)
    return Groups.from_counts(counts)


@table(
    "sales",
    rows=lambda sim: len(_sold(sim)),
    references={"batchId": "batches", "productId": "products"},
)
def sales(sim: Simulation) -> Columns:
    """One for each batch that an order was served from, in the order of shipments."""
    orders, allocations, products = sim.orders, sim.orders.allocations, sim.products
    groups = _sold(sim)
    order = once(at(sim.invoices.order, at(sim.invoices.valid, groups.parents)))
    allocation = once(
        each(lambda order, place: allocations.starts[order] + place, order, groups.positions)
    )
    batch = once(at(allocations.batch, allocation))
    product = once(at(sim.batches.product, batch))
    shipped = moment(sim.clock, at(orders.shipped, order))
    return {
        "batchId": row_of("batches", batch),
        "productId": row_of("products", product),
        "quantity": hundredths(at(allocations.quantity, allocation)),
        "cogsAtSale": dollars(at(products.cost, product)),
        "salePrice": dollars(at(orders.lines.price, at(allocations.line, allocation))),
        "cogsOverride": constant(0),
        "customerId": row_of("clients", at(orders.client, order)),
        "saleDate": shipped,
        "createdBy": seed_user(),
        "createdAt": shipped,
        "updatedAt": shipped,
    }


register("sales", sales, after=("clients", "batches", "orders"), checks=INVARIANTS)
