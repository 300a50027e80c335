"""Seeder ``batches``: lots and the batches that came in with them.

A batch is written as it is before the first sale; how much there is of it follows from
movements, which later revisions add.  A chain that stops here has batches that are agreed on
and not weighed yet.
"""

from __future__ import annotations

from terp_seed.rows.columns import code, constant, pick
from terp_seed.rows.model import Column
from terp_seed.terp.checks.invariants import BATCHES as INVARIANTS
from terp_seed.terp.overlays import overlaid
from terp_seed.terp.simulation.clients import SUPPLIER
from terp_seed.terp.simulation.clock import DAY, HOUR
from terp_seed.terp.simulation.pricing import TERMS, owned_terms
from terp_seed.terp.simulation.products import GRADES, is_ranged
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.simulation.sizes import BatchStatus
from terp_seed.terp.table import (
    ROWS,
    WORDS,
    Columns,
    at,
    choice,
    dollars,
    each,
    hundredths,
    moment,
    names,
    plain,
    register,
    row_of,
    table,
    text,
)

QUANTITIES = (
    "onHandQty", "sampleQty", "reservedQty", "quarantineQty", "holdQty", "defectiveQty",
)  # fmt: skip
"""The six buckets of a batch; movements and allocations decide what is in them."""

_TERPENES = (
    ("Myrcene", "Limonene"), ("Caryophyllene", "Limonene"), ("Pinene", "Myrcene"),
    ("Terpinolene", "Ocimene"), ("Linalool", "Caryophyllene"),
)  # fmt: skip
# Tenths of a percent: the least, and how many steps; what is eaten or drunk has little.
_POTENCIES = {
    "Flower": (181, 150), "Pre-Rolls": (190, 160), "Concentrates": (620, 240), "Vapes": (700, 200),
}  # fmt: skip
_NOTES = ("Pallet wrapped, two labels", "Night delivery", "Short one bag, corrected on receipt")
_RECALLED = "Recalled: failed a second test"


def _lot_notes(sim: Simulation) -> Column:
    """A remark on one lot in eight, and on one that is recalled."""
    notes = pick([None, *_NOTES], [20, 1, 1, 1])
    return overlaid(notes, dict.fromkeys(sim.recall.lots, _RECALLED))


@table(
    "lots",
    rows=lambda sim: len(sim.batches.lot_day),
    key=("code",),
    references={"vendorId": "vendors"},
)
def lots(sim: Simulation) -> Columns:
    """Lots, each from one supplier on one day."""
    batches, clients = sim.batches, sim.clients

    def came_in(lot: int, day: int) -> int:
        return day * DAY + 8 * HOUR + lot * 300 % 3600

    came = moment(sim.clock, each(came_in, ROWS, batches.lot_day))
    return {
        "code": code("SEED-LOT-"),
        "supplier_client_id": row_of(
            "clients", each(lambda supplier: clients.row(SUPPLIER, supplier), batches.lot_supplier)
        ),
        "vendorId": row_of("vendors", batches.lot_supplier),
        "date": came,
        "notes": _lot_notes(sim),
        "createdAt": came,
        "updatedAt": came,
    }


def _status_before_sales(status: int, queued: int) -> int:
    """The status before the first sale: nothing is sold out, and what follows waits."""
    if queued and status != BatchStatus.QUARANTINED:
        return BatchStatus.AWAITING_INTAKE
    return BatchStatus.LIVE if status == BatchStatus.SOLD_OUT else status


def _cost(sim: Simulation) -> Columns:
    """The cost that was agreed on, or the range in which it will be."""
    products, product = sim.products, sim.batches.product

    def agreed(product: int) -> int | None:
        return None if is_ranged(product) else products.cost[product]

    return {
        "cogsMode": choice(each(is_ranged, product), ("FIXED", "RANGE")),
        "unitCogs": dollars(each(agreed, product), nullable=True),
        "unitCogsMin": dollars(at(products.least, product), nullable=True),
        "unitCogsMax": dollars(at(products.greatest, product), nullable=True),
    }


def _amount_paid(batch: int, taken_in: int, cost: int) -> int:
    return taken_in * cost if owned_terms(batch) == "COD" else 0


def _metadata(sim: Simulation) -> Column:
    """JSON text: TERP keeps it in a TEXT column.

    The codes begin with SEED and TEST, which no register issues.
    """
    products, batches, clock = sim.products, sim.batches, sim.clock

    def document(batch: int, word: int) -> str:
        packed = batches.day[batch] - 2 - word % 9
        harvested = packed - 14 - (word >> 8) % 8
        low, steps = _POTENCIES.get(products.category[batches.product[batch]], (1, 20))
        thc = low + (word >> 4) % steps
        first, second = _TERPENES[word % len(_TERPENES)]
        return (
            f'{{"harvestCode": "SEED-H-{batch + 1:06d}", '
            f'"harvestDate": "{clock.date(harvested)}", '
            f'"packageDate": "{clock.date(packed)}", '
            f'"packageTag": "TEST00000000000000{batch + 1:06d}", '
            f'"coa": "SEED-COA-{batch + 1:06d}", '
            f'"potency": {{"thc": {thc // 10}.{thc % 10}, "cbd": 0.0{(word >> 12) % 10}}}, '
            f'"terpenes": ["{first}", "{second}"]}}'
        )

    return text(each(document, ROWS, WORDS), 400)


@table(
    "batches",
    rows=lambda sim: sim.sizes.batches,
    key=("code",),
    derived=("batchStatus", *QUANTITIES),
    references={"productId": "products", "lotId": "lots"},
)
def batches(sim: Simulation) -> Columns:
    """One to five batches for each lot."""
    batches, products, intake = sim.batches, sim.products, sim.intake
    received = moment(sim.clock, each(batches.received_at))
    # What is on sale, now or in its turn, is published.
    published = plain(
        each(lambda status: int(status in (BatchStatus.LIVE, BatchStatus.SOLD_OUT)), batches.status)
    )
    return {
        "code": code("SEED-BAT-"),
        "sku": code("SEED-SKU-"),
        "productId": row_of("products", batches.product),
        "lotId": row_of("lots", batches.lot),
        # SOLD_OUT is among the choices: the orders seeder derives it.
        "batchStatus": choice(
            each(_status_before_sales, batches.status, batches.queued), names(BatchStatus)
        ),
        "grade": choice(
            each(lambda product: GRADES.index(products.grade[product]), batches.product), GRADES
        ),
        "isPhotographyComplete": plain(
            each(lambda status: status != BatchStatus.AWAITING_INTAKE, batches.status)
        ),
        "sampleAvailable": plain(each(lambda sampled: int(sampled > 0), intake.sampled)),
        "publishEcom": published,
        "publishB2b": published,
        **_cost(sim),
        "paymentTerms": text(
            each(lambda batch: owned_terms(batch) or "CONSIGNMENT"), 11, choices=TERMS
        ),
        "ownership_type": choice(
            each(lambda batch: owned_terms(batch) is not None), ("CONSIGNED", "OFFICE_OWNED")
        ),
        "amountPaid": hundredths(
            each(_amount_paid, ROWS, intake.taken_in, at(products.cost, batches.product))
        ),
        "metadata": _metadata(sim),
        **{name: constant(0, scale=2) for name in QUANTITIES},
        "createdAt": received,
        "updatedAt": received,
    }


register("batches", lots, batches, after=("products", "clients", "vendors"), checks=INVARIANTS)
