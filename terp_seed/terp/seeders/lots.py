"""Seeder ``batches``: lots and the batches that came in with them.

A batch is written as it stands before the first sale; how much there is of it
follows from movements, which later revisions add.  Whoever stops here has
batches that are agreed on and not weighed yet.

``workflow_statuses`` and ``batch_status_history`` are left alone: the statuses
are the columns of a TERP's own work queue, and rows of ours would show in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from terp_seed.rows.columns import code, computed, constant, pick
from terp_seed.rows.draw import Span
from terp_seed.rows.model import Bounds, Column, TableRows
from terp_seed.rows.seeders import SeedContext, seeder
from terp_seed.terp.checks.rules import BATCHES
from terp_seed.terp.seeders.cells import hundredths, moments, numbered, stored, texts_of
from terp_seed.terp.simulation.clock import DAY
from terp_seed.terp.simulation.goods import GRADES
from terp_seed.terp.simulation.parties import SUPPLIER
from terp_seed.terp.simulation.sizes import STATUSES
from terp_seed.terp.simulation.stock import AWAITING, LIVE, SOLD
from terp_seed.terp.simulation.terms import TERMS
from terp_seed.terp.simulation.world import World, world_of

__all__ = ["QUANTITIES", "batches", "cost_range", "has_range"]

QUANTITIES = (
    "onHandQty", "sampleQty", "reservedQty", "quarantineQty", "holdQty", "defectiveQty",
)  # fmt: skip
"""The six buckets of a batch; movements and allocations say what is in them."""

_OWNED = ("NET_30", "NET_15", "COD", "NET_7", "PARTIAL")
_TERPENES = (
    ("Myrcene", "Limonene"), ("Caryophyllene", "Limonene"), ("Pinene", "Myrcene"),
    ("Terpinolene", "Ocimene"), ("Linalool", "Caryophyllene"),
)  # fmt: skip
# Tenths of a percent: from, and how many steps; what is eaten or drunk has little.
_POTENCIES = {
    "Flower": (181, 150), "Pre-Rolls": (190, 160), "Concentrates": (620, 240), "Vapes": (700, 200),
}  # fmt: skip
_NOTES = ("Pallet wrapped, two labels", "Night delivery", "Short one bag, corrected on receipt")


@seeder("batches", checks=BATCHES)
def batches(context: SeedContext) -> list[TableRows]:
    """Describe the lots and batches."""
    for table in ("products", "clients", "vendors"):
        context.seeded(table)
    world = world_of(context)
    return [_lots(context, world), _batches(context, world)]


def _lots(context: SeedContext, world: World) -> TableRows:
    stock, parties = world.stock, world.parties
    suppliers = stock.lot_supplier
    days = stock.lot_day

    def came_in(span: Span) -> list[int]:
        return [days[lot] * DAY + 8 * 3600 + lot * 300 % 3600 for lot in span.rows()]

    date_column = moments(world.clock, came_in)
    return context.table(
        "lots",
        rows=len(days),
        key=("code",),
        columns={
            "code": code("SEED-LOT-"),
            "supplier_client_id": numbered(
                lambda span: [
                    parties.row(SUPPLIER, at) for at in suppliers[span.start : span.stop]
                ],
                "clients",
            ),
            "vendorId": stored(suppliers, ref="vendors"),
            "date": date_column,
            "notes": pick([None, *_NOTES], [20, 1, 1, 1]),
            "createdAt": date_column,
            "updatedAt": date_column,
        },
    )


def _batches(context: SeedContext, world: World) -> TableRows:
    stock = world.stock
    received = moments(world.clock, lambda span: stock.received(span.start, span.stop))
    return context.table(
        "batches",
        rows=world.sizes.batches,
        key=("code",),
        derived=("batchStatus", *QUANTITIES),
        columns={
            "code": code("SEED-BAT-"),
            "sku": code("SEED-SKU-"),
            "productId": stored(stock.product, ref="products"),
            "lotId": stored(stock.lot, ref="lots"),
            "batchStatus": _status(world),
            "grade": texts_of(lambda span: _grades(world, span), GRADES),
            **_flags(world),
            **_cost(world),
            **_terms(world),
            "metadata": _metadata(world),
            **{name: constant(0, scale=2) for name in QUANTITIES},
            "createdAt": received,
            "updatedAt": received,
        },
    )


def _written_status(world: World) -> Sequence[int]:
    """The status before the first sale: nothing is sold out, and what follows waits."""
    stock = world.stock
    return [
        AWAITING if queued else LIVE if status == SOLD else status
        for status, queued in zip(stock.status, stock.queued, strict=True)
    ]


def _status(world: World) -> Column:
    # SOLD_OUT is among the choices: the orders seeder derives it.
    statuses = _written_status(world)
    return texts_of(lambda span: statuses[span.start : span.stop], tuple(STATUSES))


def _grades(world: World, span: Span) -> list[int]:
    goods, product = world.goods, world.stock.product
    return [GRADES.index(goods.grade(product[batch])) for batch in span.rows()]


def _flags(world: World) -> dict[str, Column]:
    """Shop and sample flags: what is on sale, now or in its turn, is published."""
    status, sampled = world.stock.status, world.supply.sampled

    def sold(span: Span) -> list[int]:
        return [int(status[batch] in (LIVE, SOLD)) for batch in span.rows()]

    return {
        "isPhotographyComplete": Column(lambda span: [status[b] != AWAITING for b in span.rows()]),
        "sampleAvailable": Column(lambda span: [int(sampled[b] > 0) for b in span.rows()]),
        "publishEcom": Column(sold),
        "publishB2b": Column(sold),
    }


def has_range(product: int) -> bool:
    """Whether a product's suppliers name a price range: one in six do."""
    return product % 6 == 5


def cost_range(cost: int) -> tuple[int, int]:
    """The range, in dollars, whose middle is the cost."""
    spread = max(2, cost // 200 * 10)
    return cost - spread, cost + spread


def _cost(world: World) -> dict[str, Column]:
    product, costs = world.stock.product, world.goods.costs

    def agreed(span: Span) -> list[int | None]:
        return [None if has_range(p) else costs[p] * 100 for p in product[span.start : span.stop]]

    def bound(end: int) -> Column:
        return Column(
            lambda span: [
                cost_range(costs[p])[end] * 100 if has_range(p) else None
                for p in product[span.start : span.stop]
            ],
            Bounds(nullable=True),
            scale=2,
        )

    return {
        "cogsMode": texts_of(
            lambda span: [has_range(p) for p in product[span.start : span.stop]],
            ("FIXED", "RANGE"),
        ),
        "unitCogs": Column(agreed, Bounds(nullable=True), scale=2),
        "unitCogsMin": bound(0),
        "unitCogsMax": bound(1),
    }


def _owned(batch: int) -> str | None:
    """Nine batches in ten are on consignment; the terms of the others."""
    return _OWNED[batch // 10 % len(_OWNED)] if batch % 10 == 4 else None


def _terms(world: World) -> dict[str, Column]:
    product, costs = world.stock.product, world.goods.costs
    taken_in = world.supply.taken_in

    def paid(span: Span) -> list[int]:
        return [
            taken_in[batch] * costs[product[batch]] if _owned(batch) == "COD" else 0
            for batch in span.rows()
        ]

    return {
        "paymentTerms": computed(
            lambda span: [_owned(batch) or "CONSIGNMENT" for batch in span.rows()],
            length=11,
            choices=TERMS,
            ascii_only=True,
        ),
        "ownership_type": computed(
            lambda span: ["OFFICE_OWNED" if _owned(b) else "CONSIGNED" for b in span.rows()],
            length=12,
            choices=("CONSIGNED", "OFFICE_OWNED"),
            ascii_only=True,
        ),
        "amountPaid": hundredths(paid),
    }


def _metadata(world: World) -> Column:
    """JSON text: TERP keeps it in a TEXT column.

    The codes begin with SEED and TEST, which no register issues.
    """
    goods, stock, clock = world.goods, world.stock, world.clock

    def make(span: Span) -> list[str]:
        found = []
        for batch, word in zip(span.rows(), span.words(), strict=True):
            packed = stock.day[batch] - 2 - word % 9
            harvested = packed - 14 - (word >> 8) % 8
            low, number = _POTENCIES.get(goods.category(stock.product[batch]), (1, 20))
            potency = low + (word >> 4) % number
            found.append(_document(batch, word, potency, clock.on(harvested), clock.on(packed)))
        return found

    return computed(make, length=400, ascii_only=True)


def _document(batch: int, word: int, thc: int, harvested: date, packed: date) -> str:
    first, second = _TERPENES[word % len(_TERPENES)]
    return (
        f'{{"harvestCode": "SEED-H-{batch + 1:06d}", "harvestDate": "{harvested}", '
        f'"packageDate": "{packed}", "packageTag": "TEST00000000000000{batch + 1:06d}", '
        f'"coa": "SEED-COA-{batch + 1:06d}", '
        f'"potency": {{"thc": {thc // 10}.{thc % 10}, "cbd": 0.0{(word >> 12) % 10}}}, '
        f'"terpenes": ["{first}", "{second}"]}}'
    )
