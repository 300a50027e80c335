"""Order lines: in their table, as allocations, and as JSON in ``orders.items``.

TERP's screens read either, so both are made from the same arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from terp_seed.rows.columns import computed, constant
from terp_seed.rows.draw import Span
from terp_seed.rows.model import Bounds, Column, TableRows, Value
from terp_seed.rows.seeders import SeedContext
from terp_seed.terp.seeders.cells import (
    hundredths,
    moments,
    numbered,
    part,
    seed_user,
    stored,
    stored_text,
    texts_of,
)
from terp_seed.terp.seeders.fulfilment import confirmed_at
from terp_seed.terp.seeders.lots import cost_range, has_range
from terp_seed.terp.simulation.terms import MANUAL, MARGIN_SOURCES
from terp_seed.terp.simulation.vocabulary import strain_names
from terp_seed.terp.simulation.world import World

__all__ = ["allocation_table", "items_column", "line_table"]


_MOST_CARDS = 4096


def _plain(hundredth: int) -> int | float:
    """A number for JSON: 250 as 2.5, 300 as 3."""
    return hundredth / 100 if hundredth % 100 else hundredth // 100


def _percent(price: int, cost: int) -> int:
    """The margin in hundredths of a percent, to the nearest."""
    return ((price - cost) * 20_000 + price) // (2 * price)


def line_table(context: SeedContext, world: World) -> TableRows:
    """``order_line_items``."""
    book, product = world.book, world.stock.product
    names = world.goods.names
    moment = moments(world.clock, _per_line(world, world.schedule.created))
    return context.table(
        "order_line_items",
        rows=len(book.line_batch),
        columns={
            "order_id": Column(
                lambda span: book.lines.parents(span.start, span.stop), ref="orders"
            ),
            "batch_id": stored(book.line_batch, ref="batches"),
            "product_display_name": computed(
                lambda span: [names[product[b]] for b in part(book.line_batch, span)],
                length=60,
                ascii_only=True,
            ),
            "quantity": stored(book.line_quantity, scale=2),
            **_costs(world),
            **_margins(world),
            "created_at": moment,
            "updated_at": moment,
        },
    )


def _per_line(world: World, values: Sequence[int]) -> Callable[[Span], list[int]]:
    lines = world.book.lines
    return lambda span: [values[order] for order in lines.parents(span.start, span.stop)]


def _costs(world: World) -> dict[str, Column]:
    book, product, costs = world.book, world.stock.product, world.goods.costs

    def products(span: Span) -> list[int]:
        return [product[batch] for batch in part(book.line_batch, span)]

    def bound(end: int) -> Column:
        return Column(
            lambda span: [
                cost_range(costs[p])[end] * 100 if has_range(p) else None for p in products(span)
            ],
            Bounds(nullable=True),
            scale=2,
        )

    cost = hundredths(lambda span: [costs[p] * 100 for p in products(span)])
    return {
        "cogs_per_unit": cost,
        "original_cogs_per_unit": cost,
        "effective_cogs_basis": texts_of(
            lambda span: [has_range(p) for p in products(span)], ("MANUAL", "MID")
        ),
        "original_range_min": bound(0),
        "original_range_max": bound(1),
    }


def _margins(world: World) -> dict[str, Column]:
    book, product, costs = world.book, world.stock.product, world.goods.costs

    def priced(span: Span) -> list[tuple[int, int]]:
        return [
            (price, costs[product[batch]])
            for price, batch in zip(
                part(book.line_price, span), part(book.line_batch, span), strict=True
            )
        ]

    def totals(span: Span) -> list[int]:
        prices, amounts = part(book.line_price, span), part(book.line_quantity, span)
        return [p * q for p, q in zip(prices, amounts, strict=True)]

    return {
        "margin_percent": hundredths(lambda span: [_percent(p, c) for p, c in priced(span)]),
        "margin_dollar": hundredths(lambda span: [(p - c) * 100 for p, c in priced(span)]),
        "is_margin_overridden": Column(
            lambda span: [at == MANUAL for at in part(book.line_origin, span)]
        ),
        "margin_source": stored_text(book.line_origin, MARGIN_SOURCES),
        "unit_price": hundredths(lambda span: [p * 100 for p in part(book.line_price, span)]),
        "line_total": hundredths(totals),
        "is_sample": constant(False),
    }


def allocation_table(context: SeedContext, world: World) -> TableRows:
    """``order_line_item_allocations``: from which batch each line is served."""
    book, product, costs = world.book, world.stock.product, world.goods.costs

    def confirmed(span: Span) -> list[int]:
        return confirmed_at(world, book.picks.parents(span.start, span.stop))

    return context.table(
        "order_line_item_allocations",
        rows=len(book.pick_line),
        columns={
            "order_line_item_id": numbered(
                lambda span: part(book.pick_line, span), "order_line_items"
            ),
            "batch_id": stored(book.pick_batch, ref="batches"),
            "quantity_allocated": stored(book.pick_quantity, scale=2),
            "unit_cost": hundredths(
                lambda span: [costs[product[b]] * 100 for b in part(book.pick_batch, span)]
            ),
            "allocated_at": moments(world.clock, confirmed),
            "allocated_by": seed_user(),
        },
    )


def items_column(world: World) -> Column:
    """``orders.items``: what TERP's screens read of the lines."""
    book = world.book
    cards = _Cards(world)

    def make(span: Span) -> list[Value]:
        starts = book.line_starts[span.start : span.stop + 1]
        first, last = starts[0], starts[-1]
        lines = zip(
            book.line_batch.part(first, last),
            book.line_quantity.part(first, last),
            book.line_price.part(first, last),
            strict=True,
        )
        items = [cards.item(*line) for line in lines]
        return [items[start - first : stop - first] for start, stop in pairwise(starts)]

    return Column(make, json_refs={"batchId": "batches", "productId": "products"})


class _Cards:
    """Makes the JSON object of a line from what it shares with its product's others."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._shared: dict[int, dict[str, Any]] = {}

    def _of_batch(self, batch: int) -> dict[str, Any]:
        shared = self._shared.get(batch)
        if shared is None:
            if len(self._shared) > _MOST_CARDS:
                self._shared.clear()
            shared = self._shared[batch] = self._described(batch)
        return shared

    def _described(self, batch: int) -> dict[str, Any]:
        goods, product = self.world.goods, self.world.stock.product[batch]
        ranged = has_range(product)
        return {
            "batchId": batch,
            "productId": product,
            "displayName": goods.names[product],
            "originalName": goods.names[product],
            "strain": strain_names.name(goods.strain(product)),
            "category": goods.category(product),
            "subcategory": goods.subcategory(product),
            "grade": goods.grade(product),
            "isSample": False,
            "unitCogs": goods.costs[product],
            "cogsMode": "RANGE" if ranged else "FIXED",
            "cogsSource": "MIDPOINT" if ranged else "FIXED",
        }

    def item(self, batch: int, amount: int, price: int) -> dict[str, Any]:
        """The object of one line."""
        shared = self._of_batch(batch)
        cost = shared["unitCogs"]
        return shared | {
            "quantity": _plain(amount),
            "unitPrice": price,
            "price": price,
            "unitMargin": price - cost,
            "marginPercent": _plain(_percent(price, cost)),
            "lineTotal": _plain(amount * price),
            "lineCogs": _plain(amount * cost),
            "lineMargin": _plain(amount * (price - cost)),
        }
