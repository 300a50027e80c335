"""Order lines: in their table, as allocations, and as JSON in ``orders.items``.

TERP's screens read either, so both are made from the same lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from operator import mul
from typing import Any

from terp_seed.rows.columns import constant
from terp_seed.rows.model import Column, Span, Value
from terp_seed.terp.simulation.names import strain_names
from terp_seed.terp.simulation.pricing import MANUAL, MARGIN_SOURCES, margin_percent
from terp_seed.terp.simulation.products import is_ranged
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    Columns,
    at,
    choice,
    dollars,
    each,
    hundredths,
    moment,
    once,
    plain,
    row_of,
    seed_user,
    table,
    text,
)


@table(
    "order_line_items",
    rows=lambda sim: len(sim.orders.lines.batch),
    references={"order_id": "orders", "batch_id": "batches"},
)
def order_lines(sim: Simulation) -> Columns:
    """One to fifteen lines for each order."""
    lines, products = sim.orders.lines, sim.products
    product = once(at(sim.batches.product, lines.batch))
    cost = once(at(products.cost, product))
    cost_column = dollars(cost)
    ordered = moment(sim.clock, at(sim.schedule.created, lines.order))
    return {
        "order_id": row_of("orders", lines.order),
        "batch_id": row_of("batches", lines.batch),
        "product_display_name": text(at(products.name, product), 60),
        "quantity": hundredths(lines.quantity),
        "cogs_per_unit": cost_column,
        "original_cogs_per_unit": cost_column,
        "effective_cogs_basis": choice(each(is_ranged, product), ("MANUAL", "MID")),
        "original_range_min": dollars(at(products.least, product), nullable=True),
        "original_range_max": dollars(at(products.greatest, product), nullable=True),
        "margin_percent": hundredths(each(margin_percent, lines.price, cost)),
        "margin_dollar": dollars(each(int.__sub__, lines.price, cost)),
        "is_margin_overridden": plain(each(MANUAL.__eq__, lines.margin_source)),
        "margin_source": choice(lines.margin_source, MARGIN_SOURCES),
        "unit_price": dollars(lines.price),
        "line_total": hundredths(each(mul, lines.price, lines.quantity)),
        "is_sample": constant(False),
        "created_at": ordered,
        "updated_at": ordered,
    }


@table(
    "order_line_item_allocations",
    rows=lambda sim: len(sim.orders.allocations.line),
    references={"order_line_item_id": "order_line_items", "batch_id": "batches"},
)
def allocations(sim: Simulation) -> Columns:
    """From which batch each line is served."""
    allocations = sim.orders.allocations
    product = at(sim.batches.product, allocations.batch)
    return {
        "order_line_item_id": row_of("order_line_items", allocations.line),
        "batch_id": row_of("batches", allocations.batch),
        "quantity_allocated": hundredths(allocations.quantity),
        "unit_cost": dollars(at(sim.products.cost, product)),
        "allocated_at": moment(sim.clock, each(sim.fulfilment.confirmed, allocations.order)),
        "allocated_by": seed_user(),
    }


def items_column(sim: Simulation) -> Column:
    """``orders.items``: what TERP's screens read of the lines."""
    lines, products = sim.orders.lines, sim.products

    @lru_cache(maxsize=4096)
    def describe(batch: int) -> dict[str, Any]:
        """What the lines of a batch have in common."""
        product = sim.batches.product[batch]
        ranged = is_ranged(product)
        return {
            "batchId": batch,
            "productId": product,
            "displayName": products.name[product],
            "originalName": products.name[product],
            "strain": strain_names.name(products.strain[product]),
            "category": products.category[product],
            "subcategory": products.subcategory[product],
            "grade": products.grade[product],
            "isSample": False,
            "unitCogs": products.cost[product],
            "cogsMode": "RANGE" if ranged else "FIXED",
            "cogsSource": "MIDPOINT" if ranged else "FIXED",
        }

    def make(span: Span) -> Sequence[Value]:
        starts = lines.starts[span.start : span.stop + 1]
        first, last = starts[0], starts[-1]
        items = [
            _item(describe(batch), quantity, price)
            for batch, quantity, price in zip(
                lines.batch.part(first, last),
                lines.quantity.part(first, last),
                lines.price.part(first, last),
                strict=True,
            )
        ]
        return [items[start - first : stop - first] for start, stop in pairwise(starts)]

    return Column(make, json_refs={"batchId": "batches", "productId": "products"})


def _item(batch: dict[str, Any], quantity: int, price: int) -> dict[str, Any]:
    cost = batch["unitCogs"]
    return batch | {
        "quantity": _number(quantity),
        "unitPrice": price,
        "price": price,
        "unitMargin": price - cost,
        "marginPercent": _number(margin_percent(price, cost)),
        "lineTotal": _number(quantity * price),
        "lineCogs": _number(quantity * cost),
        "lineMargin": _number(quantity * (price - cost)),
    }


def _number(hundredths: int) -> int | float:
    """A number for JSON: 250 as 2.5, 300 as 3."""
    return hundredths / 100 if hundredths % 100 else hundredths // 100
