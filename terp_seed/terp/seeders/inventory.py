"""Seeder ``inventory``: where batches lie, and how they came to be there.

TERP has no table of that name; stock is movements.  Every batch is taken in
by one INTAKE.  Samples, damage and what was destroyed leave by movements of
their own.  Quarantine moves nothing: what is quarantined, or on hold, is part
of what is on hand, as TERP's truth model has it; the movement is a mark in
the history.  So at any time ``onHandQty`` is the sum of the movements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from terp_seed.rows.columns import computed, pick
from terp_seed.rows.draw import Span
from terp_seed.rows.model import Column, TableRows
from terp_seed.rows.seeders import SeedContext, seeder
from terp_seed.terp.checks.derived import STOCK
from terp_seed.terp.checks.rules import INVENTORY
from terp_seed.terp.seeders.cells import hundredths, moments, numbered, seed_user
from terp_seed.terp.simulation.stock import CLOSED, LIVE, QUARANTINED
from terp_seed.terp.simulation.world import World, world_of

__all__ = ["inventory"]

_TYPES = (
    "INTAKE", "ADJUSTMENT", "QUARANTINE", "RELEASE_FROM_QUARANTINE", "DISPOSAL", "SAMPLE",
)  # fmt: skip
_REFERENCES = {"INTAKE": "LOT", "ADJUSTMENT": "MANUAL_ADJUSTMENT", "SAMPLE": "MANUAL_ADJUSTMENT"}

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


@lru_cache(maxsize=1)
def _events(world: World) -> list[_Event]:
    """All that happened to all batches before the first sale."""
    return [event for batch in range(world.sizes.batches) for event in _history(world, batch)]


def _history(world: World, batch: int) -> Iterator[_Event]:
    status, supply = world.stock.status[batch], world.supply
    quantity = supply.taken_in[batch]
    yield _Event(batch, "INTAKE", quantity, 0, 0)
    retested = (status == LIVE and batch % _RETESTED == 7) or batch == world.stock.first_live
    if status in (QUARANTINED, CLOSED) or retested:
        yield _Event(batch, "QUARANTINE", 0, quantity, 3, note="Held for a second test")
    if retested:
        yield _Event(
            batch, "RELEASE_FROM_QUARANTINE", 0, quantity, 5, note="Passed the second test"
        )
    if status == CLOSED:
        note = "Destroyed after a failed test"
        hours = 50 + batch * 31 % 150
        yield _Event(batch, "DISPOSAL", -quantity, quantity, hours, "QUALITY_ISSUE", note)
    damaged, sampled = supply.damaged[batch], supply.sampled[batch]
    if damaged:
        yield _Event(batch, "ADJUSTMENT", -damaged, quantity, 6, "DAMAGED", "Wet bag at receipt")
    if sampled:
        left = quantity - damaged
        yield _Event(batch, "SAMPLE", -sampled, left, 7, note="Set aside as samples")


def _movements(context: SeedContext, world: World) -> TableRows:
    stock, events = world.stock, _events(world)

    def of(read: Callable[[_Event], Any]) -> Callable[[Span], list[Any]]:
        return lambda span: [read(event) for event in events[span.start : span.stop]]

    def text(read: Callable[[_Event], Any], length: int) -> Column:
        return computed(of(read), length=length, nullable=True, ascii_only=True)

    return context.table(
        "inventoryMovements",
        rows=len(events),
        columns={
            "batchId": Column(of(lambda e: e.batch), ref="batches"),
            "inventoryMovementType": computed(
                of(lambda e: e.type), length=23, choices=_TYPES, ascii_only=True
            ),
            "quantityChange": hundredths(of(lambda e: e.change)),
            "quantityBefore": hundredths(of(lambda e: e.before)),
            "quantityAfter": hundredths(of(lambda e: e.before + e.change)),
            "referenceType": text(lambda e: _REFERENCES.get(e.type, "STATUS_CHANGE"), 20),
            "referenceId": numbered(
                of(lambda e: stock.lot[e.batch] if e.type == "INTAKE" else None), "lots"
            ),
            "adjustmentReason": text(lambda e: e.reason, 20),
            "notes": text(lambda e: e.note, 60),
            "performedBy": seed_user(),
            "createdAt": moments(
                world.clock, of(lambda e: stock.received_at(e.batch) + e.hours * _HOUR)
            ),
        },
    )
