"""Seeder ``inventory``: where batches lie, and the movements of all that came in.

TERP has no table of that name; stock is movements.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from terp_seed.rows.columns import pick
from terp_seed.rows.model import Column
from terp_seed.terp.checks.derived import STOCK
from terp_seed.terp.checks.invariants import INVENTORY as INVARIANTS
from terp_seed.terp.simulation.clock import HOUR, MINUTE
from terp_seed.terp.simulation.intake import Movement
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.simulation.sizes import BatchStatus
from terp_seed.terp.table import (
    ROWS,
    Columns,
    choice,
    each,
    hundredths,
    moment,
    register,
    row_of,
    seed_user,
    table,
    text,
)

_ZONES = ("Floor", "Back stock", "Cage")
_TYPES = (
    "INTAKE", "ADJUSTMENT", "QUARANTINE", "RELEASE_FROM_QUARANTINE", "DISPOSAL", "SAMPLE",
)  # fmt: skip
_REFERENCES = {"INTAKE": "LOT", "ADJUSTMENT": "MANUAL_ADJUSTMENT", "SAMPLE": "MANUAL_ADJUSTMENT"}


def _zone(status: int, queued: int) -> int:
    """Where a batch lies; the derived status reads "Back stock" as waiting for its turn."""
    if queued and status != BatchStatus.QUARANTINED:
        return 1
    return 2 if status in (BatchStatus.QUARANTINED, BatchStatus.CLOSED) else 0


@table(
    "batchLocations",
    rows=lambda sim: sim.sizes.batches,
    key=("batchId",),
    derived=("qty",),
    references={"batchId": "batches"},
)
def locations(sim: Simulation) -> Columns:
    """One place for each batch."""
    batches = sim.batches
    shelved = moment(sim.clock, each(lambda batch: batches.received_at(batch) + 30 * MINUTE))
    return {
        "batchId": row_of("batches", ROWS),
        "site": pick(["Main Warehouse", "Overflow"], [9, 1]),
        "zone": choice(each(_zone, batches.status, batches.queued), _ZONES),
        "rack": pick([f"R{number:02d}" for number in range(1, 25)]),
        "shelf": pick(list("ABCDE")),
        "bin": pick([str(number) for number in range(1, 13)]),
        "qty": hundredths(sim.intake.shelved),
        "createdAt": shelved,
        "updatedAt": shelved,
    }


@table("inventoryMovements", rows=lambda sim: len(sim.intake.movements))
def movements(sim: Simulation) -> Columns:
    """What happened to the batches before the first sale."""
    batches, movements = sim.batches, sim.intake.movements

    def optional(value: Callable[[Movement], str | None], length: int) -> Column:
        return text(each(value, movements), length, nullable=True)

    def lot(movement: Movement) -> int | None:
        return batches.lot[movement.batch] if movement.type == "INTAKE" else None

    def second(movement: Movement) -> int:
        return batches.received_at(movement.batch) + movement.hours * HOUR

    return {
        "batchId": row_of("batches", each(attrgetter("batch"), movements)),
        "inventoryMovementType": text(each(attrgetter("type"), movements), 23, choices=_TYPES),
        "quantityChange": hundredths(each(attrgetter("change"), movements)),
        "quantityBefore": hundredths(each(attrgetter("before"), movements)),
        "quantityAfter": hundredths(
            each(lambda movement: movement.before + movement.change, movements)
        ),
        "referenceType": optional(
            lambda movement: _REFERENCES.get(movement.type, "STATUS_CHANGE"), 20
        ),
        "referenceId": row_of("lots", each(lot, movements), nullable=True),
        "adjustmentReason": optional(attrgetter("reason"), 20),
        "notes": optional(attrgetter("note"), 60),
        "performedBy": seed_user(),
        "createdAt": moment(sim.clock, each(second, movements)),
    }


register("inventory", locations, movements, after=("batches",), derives=STOCK, checks=INVARIANTS)
