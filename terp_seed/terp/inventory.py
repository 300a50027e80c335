"""Seeder ``inventory``: where batches lie, and how they came to be there.

TERP has no table of that name; stock is movements.  Every batch is taken in
by one INTAKE.  Samples, damage and what was destroyed leave by movements of
their own.  Quarantine moves nothing: what is quarantined, or on hold, is part
of what is on hand, as TERP's truth model has it; the movement is a mark in
the history.  So at any time ``onHandQty`` is the sum of the movements.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from terp_seed.columns import computed, pick
from terp_seed.rows import Column, TableRows
from terp_seed.seeders import SeedContext, seeder
from terp_seed.terp.cells import hundredths, moments, numbered, seed_user
from terp_seed.terp.checks import INVENTORY
from terp_seed.terp.derived import STOCK
from terp_seed.terp.stock import CLOSED, LIVE, QUARANTINED
from terp_seed.terp.world import World, world_of

__all__ = ["MOVEMENTS", "inventory"]

MOVEMENTS = (
    "INTAKE", "SALE", "RETURN", "ADJUSTMENT", "QUARANTINE", "RELEASE_FROM_QUARANTINE",
    "DISPOSAL", "TRANSFER", "SAMPLE",
)  # fmt: skip

_HOUR = 3600
_RETESTED = 40  # one live batch in so many was in quarantine first


@dataclass(frozen=True, slots=True)
class _Event:
    """Something that happened to a batch after it was taken in."""

    batch: int
    type: str
    change: int
    before: int
    hours: int
    reason: str | None = None
    note: str | None = None


@seeder("inventory", derives=STOCK, checks=INVENTORY)
def inventory(context: SeedContext) -> list[TableRows]:
    """Describe the places and the first movements of all batches."""
    context.seeded("batches")
    world = world_of(context)
    return [_places(context, world), _movements(context, world)]


def _places(context: SeedContext, world: World) -> TableRows:
    stock, supply = world.stock, world.supply
    shelved = moments(
        world.clock, lambda span: [s + 1800 for s in stock.received(span.start, span.stop)]
    )
    return context.table(
        "batchLocations",
        rows=world.sizes.batches,
        key=("batchId",),
        derived=("qty",),
        columns={
            "batchId": Column(lambda span: list(span.rows()), ref="batches"),
            "site": pick(["Main Warehouse", "Overflow"], [9, 1]),
            # Where the derived status reads that a batch waits for its elders.
            "zone": computed(
                lambda span: [_zone(world, batch) for batch in span.rows()],
                length=10,
                choices=("Floor", "Back stock", "Cage"),
                ascii_only=True,
            ),
            "rack": pick([f"R{number:02d}" for number in range(1, 25)]),
            "shelf": pick(list("ABCDE")),
            "bin": pick([str(number) for number in range(1, 13)]),
            "qty": hundredths(lambda span: supply.shelved[span.start : span.stop].tolist()),
            "createdAt": shelved,
            "updatedAt": shelved,
        },
    )


def _zone(world: World, batch: int) -> str:
    if world.stock.queued[batch]:
        return "Back stock"
    return "Cage" if world.stock.status[batch] in (QUARANTINED, CLOSED) else "Floor"


@lru_cache(maxsize=2)
def _events(world: World) -> list[_Event]:
    """All that happened between intake and the first sale."""
    found: list[_Event] = []
    supply = world.supply
    for batch, status in enumerate(world.stock.status):
        quantity = supply.taken_in[batch]
        if status in (QUARANTINED, CLOSED):
            found.append(_quarantine(batch, quantity))
        if status == CLOSED:
            found.append(_Event(batch, "DISPOSAL", -quantity, quantity, 120, "QUALITY_ISSUE",
                                "Destroyed after a failed test"))  # fmt: skip
        if status == LIVE and batch % _RETESTED == 7:
            found.append(_quarantine(batch, quantity))
            found.append(_Event(batch, "RELEASE_FROM_QUARANTINE", 0, quantity, 5,
                                note="Passed the second test"))  # fmt: skip
        if supply.damaged[batch]:
            found.append(_Event(batch, "ADJUSTMENT", -supply.damaged[batch], quantity, 6,
                                "DAMAGED", "Wet bag at receipt"))  # fmt: skip
            quantity -= supply.damaged[batch]
        if supply.sampled[batch]:
            found.append(_Event(batch, "SAMPLE", -supply.sampled[batch], quantity, 7,
                                note="Set aside as samples"))  # fmt: skip
    return found


def _quarantine(batch: int, quantity: int) -> _Event:
    return _Event(batch, "QUARANTINE", 0, quantity, 3, note="Held for a second test")


def _movements(context: SeedContext, world: World) -> TableRows:
    """One INTAKE for each batch, then the other events."""
    stock, supply = world.stock, world.supply
    intakes, events = world.sizes.batches, _events(world)

    def column(of_intake: object, of_event: str) -> list[object]:
        raise NotImplementedError

    def seconds(start: int, stop: int) -> list[int]:
        first = stock.received(start, min(stop, intakes)) if start < intakes else []
        rest = events[max(0, start - intakes) : max(0, stop - intakes)]
        return first + [stock.received(e.batch, e.batch + 1)[0] + e.hours * _HOUR for e in rest]

    del column
    return context.table(
        "inventoryMovements",
        rows=intakes + len(events),
        columns=_movement_columns(world, events)
        | {"createdAt": moments(world.clock, lambda span: seconds(span.start, span.stop))},
    )


def _movement_columns(world: World, events: list[_Event]) -> dict[str, Column]:
    stock, taken_in, intakes = world.stock, world.supply.taken_in, world.sizes.batches
    _ = (stock, taken_in, intakes, events, numbered, seed_user)
    return {}
