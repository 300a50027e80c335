"""Order lines: in their table, as allocations, and as JSON in ``orders.items``.

TERP's screens read either, so both are made from the same lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from operator import mul
from typing import Any

from terp_seed.rows.columns import constant
from terp_seed.rows.draw import Span
from terp_seed.rows.model import Column, Value
from terp_seed.terp.simulation.pricing import MANUAL, MARGIN_SOURCES, margin_percent
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    Table,
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
    text,
)

_MOST_CARDS = 4096


def _cost_limit(simulation: Simulation, end: int) -> Callable[[int], int | None]:
    ranges = [
        simulation.products.cost_range(product) for product in range(simulation.sizes.products)
    ]
    limits = [costs[end] if costs else None for costs in ranges]
    return limits.__getitem__


def _line_columns(simulation: Simulation) -> dict[str, Column]:
    lines, products = simulation.orders.lines, simulation.products
    product = once(at(simulation.batches.product, lines.batch))
    cost = once(at(products.costs, product))
    cost_column = dollars(cost)
    ordered = moment(simulation.clock, at(simulation.schedule.created, lines.order))
    return {
        "order_id": row_of("orders", lines.order),
        "batch_id": row_of("batches", lines.batch),
        "product_display_name": text(at(products.names, product), 60),
        "quantity": hundredths(lines.quantity),
        "cogs_per_unit": cost_column,
        "original_cogs_per_unit": cost_column,
        "effective_cogs_basis": choice(
            each(lambda product: products.cost_range(product) is not None, product),
            ("MANUAL", "MID"),
        ),
        "original_range_min": dollars(each(_cost_limit(simulation, 0), product), nullable=True),
        "original_range_max": dollars(each(_cost_limit(simulation, 1), product), nullable=True),
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


ORDER_LINES = Table(
    "order_line_items",
    rows=lambda sim: len(sim.orders.lines.batch),
    references={"order_id": "orders", "batch_id": "batches"},
    columns=_line_columns,
)


def _allocation_columns(simulation: Simulation) -> dict[str, Column]:
    allocations = simulation.orders.allocations
    product = at(simulation.batches.product, allocations.batch)
    return {
        "order_line_item_id": row_of("order_line_items", allocations.line),
        "batch_id": row_of("batches", allocations.batch),
        "quantity_allocated": hundredths(allocations.quantity),
        "unit_cost": dollars(at(simulation.products.costs, product)),
        "allocated_at": moment(
            simulation.clock, each(simulation.fulfilment.confirmed, allocations.order)
        ),
        "allocated_by": seed_user(),
    }


#: From which batch each line is served.
ALLOCATIONS = Table(
    "order_line_item_allocations",
    rows=lambda sim: len(sim.orders.allocations.line),
    references={"order_line_item_id": "order_line_items", "batch_id": "batches"},
    columns=_allocation_columns,
)


def items_column(simulation: Simulation) -> Column:
    """``orders.items``: what TERP's screens read of the lines."""
    lines = simulation.orders.lines
    cards = _Cards(simulation)

    def make(span: Span) -> Sequence[Value]:
        starts = lines.starts[span.start : span.stop + 1]
        first, last = starts[0], starts[-1]
        parts = (lines.batch, lines.quantity, lines.price)
        items = list(map(cards.item, *(part.part(first, last) for part in parts)))
        return [items[start - first : stop - first] for start, stop in pairwise(starts)]

    return Column(make, json_refs={"batchId": "batches", "productId": "products"})


class _Cards:
    """Makes the JSON object of a line from what it shares with others of its batch."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self._shared: dict[int, dict[str, Any]] = {}

    def _of_batch(self, batch: int) -> dict[str, Any]:
        shared = self._shared.get(batch)
        if shared is None:
            if len(self._shared) > _MOST_CARDS:
                self._shared.clear()
            shared = self._shared[batch] = self._describe(batch)
        return shared

    def _describe(self, batch: int) -> dict[str, Any]:
        products, product = self.simulation.products, self.simulation.batches.product[batch]
        ranged = products.cost_range(product) is not None
        return {
            "batchId": batch,
            "productId": product,
            "displayName": products.names[product],
            "originalName": products.names[product],
            "strain": products.strain_name(product),
            "category": products.category(product),
            "subcategory": products.subcategory(product),
            "grade": products.grade(product),
            "isSample": False,
            "unitCogs": products.costs[product],
            "cogsMode": "RANGE" if ranged else "FIXED",
            "cogsSource": "MIDPOINT" if ranged else "FIXED",
        }

    def item(self, batch: int, amount: int, price: int) -> dict[str, Any]:
        """The object of one line."""
        shared = self._of_batch(batch)
        cost = shared["unitCogs"]
        return shared | {
            "quantity": _number(amount),
            "unitPrice": price,
            "price": price,
            "unitMargin": price - cost,
            "marginPercent": _number(margin_percent(price, cost)),
            "lineTotal": _number(amount * price),
            "lineCogs": _number(amount * cost),
            "lineMargin": _number(amount * (price - cost)),
        }


def _number(hundredths: int) -> int | float:
    """A number for JSON: 250 as 2.5, 300 as 3."""
    return hundredths / 100 if hundredths % 100 else hundredths // 100
