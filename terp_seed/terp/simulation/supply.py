"""What was taken in of each batch, and what left it other than by sale."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import cached_property

from terp_seed.terp.simulation.arrays import Words
from terp_seed.terp.simulation.stock import CLOSED, LIVE, SOLD, Stock

__all__ = ["Supply"]

# Percent, from, to: TERP takes in 10 to 500 pounds, or 50 to 1000 units.
_POUNDS = ((45, 15, 60), (35, 60, 160), (15, 160, 320), (5, 320, 480))
_UNITS = ((45, 80, 200), (35, 200, 450), (15, 450, 700), (5, 700, 1000))


@dataclass(frozen=True)
class Supply:
    """Quantities by batch in hundredths; ``demand`` is what the book takes."""

    stock: Stock
    demand: array[int]
    words: Words

    @cached_property
    def sampled(self) -> array[int]:
        """What went into samples: a quarter of the live batches have some."""
        return self._loss("sampled", 25, (100, 25))

    @cached_property
    def damaged(self) -> array[int]:
        """What was found damaged at intake."""
        return self._loss("damaged", 5, (300, 75))

    def _loss(self, label: str, percent: int, amounts: tuple[int, int]) -> array[int]:
        stock = self.stock
        words = self.words.all(label, stock.sizes.batches)
        first = stock.first_live  # so that even a small database has one
        return array("I", [
            amounts[stock.goods.is_flower(stock.product[batch])] * (1 + (word & 1))
            if stock.status[batch] == LIVE and (batch == first or word * 100 >> 32 < percent)
            else 0
            for batch, word in enumerate(words)
        ])  # fmt: skip

    @cached_property
    def taken_in(self) -> array[int]:
        """The quantity of each INTAKE: what it takes, and what is still there."""
        words = self.words.all("taken in", self.stock.sizes.batches)
        return array("I", [self._intake(batch, word) for batch, word in enumerate(words)])

    def _intake(self, batch: int, word: int) -> int:
        stock, need = self.stock, self.demand[batch]
        lost = self.sampled[batch] + self.damaged[batch]
        if stock.status[batch] == SOLD:
            return need + lost
        bands = _POUNDS if stock.goods.is_flower(stock.product[batch]) else _UNITS
        usual = _drawn(bands, word) * 100
        # At least a tenth is left, and deliveries are whole pounds.
        return max(usual, -(-(need * 11 // 10 + lost + 300) // 100) * 100)

    @cached_property
    def disposed(self) -> array[int]:
        """What was destroyed: all of the batches that were closed."""
        return array("I", [
            quantity if status == CLOSED else 0
            for status, quantity in zip(self.stock.status, self.taken_in, strict=True)
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


def _drawn(bands: tuple[tuple[int, int, int], ...], word: int) -> int:
    """A whole number from weighted bands: the high bits choose, the low ones place."""
    at = word * 100 >> 32
    for percent, low, high in bands:
        if at < percent:
            return low + (word & 0xFFFF) * (high - low) // 0x10000
        at -= percent
    return bands[-1][2]
