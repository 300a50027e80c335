"""What was taken in of each batch, and what left it other than by sale.

Every batch is taken in by one INTAKE.  Samples, damage and what was destroyed leave by
movements of their own.  Quarantine moves nothing: quarantined or held stock is part of what is
on hand, as TERP's truth model has it; the movement is a mark in the history.  So at any time
``onHandQty`` is the sum of the movements.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from terp_seed.terp.simulation.arrays import RandomWords
from terp_seed.terp.simulation.batches import Batches
from terp_seed.terp.simulation.products import is_flower
from terp_seed.terp.simulation.sizes import BatchStatus

# Percent, from, to: TERP takes in 10 to 500 pounds, or 50 to 1000 units.
_POUNDS = ((45, 15, 60), (35, 60, 160), (15, 160, 320), (5, 320, 480))
_UNITS = ((45, 80, 200), (35, 200, 450), (15, 450, 700), (5, 700, 1000))


_RETESTED = 40  # one live batch in so many was in quarantine first


@dataclass(frozen=True, slots=True)
class Movement:
    """Something that happened to a batch in the hours after it was received."""

    batch: int
    type: str
    change: int
    before: int
    hours: int
    reason: str | None = None
    note: str | None = None


class Intake:
    """Quantities by batch, in hundredths."""

    def __init__(
        self,
        batches: Batches,
        demand: array[int],
        words: RandomWords,
        recalled: frozenset[int] = frozenset(),
    ) -> None:
        self.batches = batches
        self._recalled = recalled
        self.sampled: array[int] = array("I")
        self.damaged: array[int] = array("I")
        self.taken_in: array[int] = array("I")
        self.shelved: array[int] = array("I")  # on hand before the first sale
        count = batches.sizes.batches
        labels = ("sampled", "damaged", "taken in")
        draws = zip(demand, *(words.first(label, count) for label in labels), strict=True)
        for batch, (need, *drawn) in enumerate(draws):
            self._take_in(batch, need, *drawn)

    def _take_in(self, batch: int, need: int, sample: int, damage: int, intake: int) -> None:
        """Take in what the orders need of a batch, and what is still there at the end."""
        status = self.batches.status[batch]
        flower = is_flower(self.batches.product[batch])
        # The first live batch has some of both, so that even a small database shows them.
        recalled = batch in self._recalled
        first, live = batch == self.batches.first_live, status == BatchStatus.LIVE
        live = live or (recalled and status == BatchStatus.QUARANTINED and need > 0)
        sampled = live and (first or recalled or sample * 100 >> 32 < 25)
        damaged = live and (first or damage * 100 >> 32 < 5)
        self.sampled.append(sampled and (100, 25)[flower] * (1 + (sample & 1)))
        self.damaged.append(damaged and (300, 75)[flower] * (1 + (damage & 1)))
        lost = self.sampled[batch] + self.damaged[batch]
        if status == BatchStatus.SOLD_OUT:
            quantity = need + lost
        else:  # at least a tenth is left, and deliveries are whole pounds
            usual = _draw(_POUNDS if flower else _UNITS, intake) * 100
            quantity = max(usual, -(-(need * 11 // 10 + lost + 300) // 100) * 100)
        self.taken_in.append(quantity)
        self.shelved.append(0 if status == BatchStatus.CLOSED else quantity - lost)

    @cached_property
    def movements(self) -> list[Movement]:
        """All movements before the first sale, batch by batch."""
        return [
            movement
            for batch in range(self.batches.sizes.batches)
            for movement in self._movements(batch)
        ]

    def _movements(self, batch: int) -> Iterator[Movement]:
        status, quantity = self.batches.status[batch], self.taken_in[batch]
        yield Movement(batch, "INTAKE", quantity, 0, 0)
        retested = status == BatchStatus.LIVE and batch % _RETESTED == 7
        retested = retested or batch == self.batches.first_live
        if status in (BatchStatus.QUARANTINED, BatchStatus.CLOSED) or retested:
            yield Movement(batch, "QUARANTINE", 0, quantity, 3, note="Held for a second test")
        if retested:
            note = "Passed the second test"
            yield Movement(batch, "RELEASE_FROM_QUARANTINE", 0, quantity, 5, note=note)
        if status == BatchStatus.CLOSED:
            note = "Destroyed after a failed test"
            hours = 50 + batch * 31 % 150
            yield Movement(batch, "DISPOSAL", -quantity, quantity, hours, "QUALITY_ISSUE", note)
        damaged, sampled = self.damaged[batch], self.sampled[batch]
        if damaged:
            note = "Wet bag at receipt"
            yield Movement(batch, "ADJUSTMENT", -damaged, quantity, 6, "DAMAGED", note)
        if sampled:
            left = quantity - damaged
            yield Movement(batch, "SAMPLE", -sampled, left, 7, note="Set aside as samples")


def _draw(bands: tuple[tuple[int, int, int], ...], word: int) -> int:
    """A whole number from weighted bands: the high bits choose the band, the low ones the place."""
    rest = word * 100 >> 32
    for percent, low, high in bands:
        if rest < percent:
            return low + (word & 0xFFFF) * (high - low) // 0x10000
        rest -= percent
    return bands[-1][2]
