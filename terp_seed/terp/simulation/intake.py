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


@dataclass(frozen=True)
class Intake:
    """Quantities by batch in hundredths; ``demand`` is what the orders take."""

    batches: Batches
    demand: array[int]
    words: RandomWords

    @cached_property
    def sampled(self) -> array[int]:
        """What went into samples: a quarter of the live batches have some."""
        return self._loss("sampled", 25, (100, 25))

    @cached_property
    def damaged(self) -> array[int]:
        """What was found damaged at intake."""
        return self._loss("damaged", 5, (300, 75))

    def _loss(self, label: str, percent: int, amounts: tuple[int, int]) -> array[int]:
        batches = self.batches
        words = self.words.all(label, batches.sizes.batches)

        def loss(batch: int, word: int) -> int:
            # The first live batch has some, so that even a small database shows it.
            drawn = batch == batches.first_live or word * 100 >> 32 < percent
            if batches.status[batch] != BatchStatus.LIVE or not drawn:
                return 0
            flower = batches.products.is_flower(batches.product[batch])
            return amounts[flower] * (1 + (word & 1))

        return array("I", [loss(batch, word) for batch, word in enumerate(words)])

    @cached_property
    def taken_in(self) -> array[int]:
        """The quantity of each INTAKE: what it takes, and what is still there."""
        words = self.words.all("taken in", self.batches.sizes.batches)
        return array("I", [self._intake(batch, word) for batch, word in enumerate(words)])

    def _intake(self, batch: int, word: int) -> int:
        batches, need = self.batches, self.demand[batch]
        lost = self.sampled[batch] + self.damaged[batch]
        if batches.status[batch] == BatchStatus.SOLD_OUT:
            return need + lost
        bands = _POUNDS if batches.products.is_flower(batches.product[batch]) else _UNITS
        usual = _draw(bands, word) * 100
        # At least a tenth is left, and deliveries are whole pounds.
        return max(usual, -(-(need * 11 // 10 + lost + 300) // 100) * 100)

    @cached_property
    def disposed(self) -> array[int]:
        """What was destroyed: all of the batches that were closed."""
        return array("I", [
            quantity if status == BatchStatus.CLOSED else 0
            for status, quantity in zip(self.batches.status, self.taken_in, strict=True)
        ])  # fmt: skip

    @cached_property
    def shelved(self) -> array[int]:
        """What was on hand before the first sale."""
        return array("I", [
            taken - sampled - damaged - disposed
            for taken, sampled, damaged, disposed in zip(
                self.taken_in, self.sampled, self.damaged, self.disposed, strict=True
            )
        ])  # fmt: skip

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
