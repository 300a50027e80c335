"""Which products are on sale on a day, and which batch of each is sold then."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from terp_seed.terp.simulation.arrays import RandomWords
from terp_seed.terp.simulation.batches import Batches

_WEIGHTS = (7, 4, 2)
"""How often products of the top fifth, the next three tenths and the rest are
asked for.  Best sellers are also on sale for longer, so that these weights come
to the Pareto of TERP's generators (12, 3, 1): the top fifth makes 63 percent."""

_SHELF_DAYS = 2  # from the dock to the shelf
_TRIES = 6  # before an order is content with fewer different products


@dataclass
class Shelf:
    """The shelf, day by day.  Products only come to it; batches replace each other."""

    batches: Batches
    words: RandomWords
    batch: list[int] = field(default_factory=list)
    """The batch of each slot that is on sale now."""
    clearing: deque[int] = field(default_factory=deque)
    """Slots whose batch is to be sold out by the next sale."""

    def __post_init__(self) -> None:
        self.batch = [succession[0] for succession in self.batches.successions]
        self._waiting = [deque(succession[1:]) for succession in self.batches.successions]
        self._shelves: tuple[list[int], ...] = ([], [], [])
        self._steps = [0, 0, 0]
        self._events = self._calendar()
        self._word = self.words.endless("choice")

    def _calendar(self) -> deque[tuple[int, int, int]]:
        """Arrivals on the shelf and hand-overs within successions, in order."""
        batches = self.batches
        rests = self.words.endless("rest")
        events = []
        for slot, succession in enumerate(batches.successions):
            events.append((batches.day[succession[0]] + _SHELF_DAYS, 0, slot))
            for batch in succession[1:]:
                events.append((batches.day[batch] + _SHELF_DAYS + rests() % 15, 1, slot))
        return deque(sorted(events))

    def advance(self, day: int) -> None:
        """Let everything happen until ``day``."""
        while self._events and self._events[0][0] <= day:
            _, follows, slot = self._events.popleft()
            if follows:
                self.clearing.append(slot)
            else:
                self._offer(slot)

    def _offer(self, slot: int) -> None:
        share = slot * 10 // self.batches.on_sale
        self._shelves[0 if share < 2 else 1 if share < 5 else 2].append(slot)
        total = 0
        for place, (shelf, weight) in enumerate(zip(self._shelves, _WEIGHTS, strict=True)):
            total += len(shelf) * weight
            self._steps[place] = total

    def hand_over(self, slot: int) -> int:
        """Put the next batch of a slot on sale; the one that is sold out now."""
        sold_out = self.batch[slot]
        self.batch[slot] = self._waiting[slot].popleft()
        return sold_out

    def is_last(self, slot: int) -> bool:
        """Whether the batch on sale is the one that is live at the end."""
        return not self._waiting[slot]

    def choose(self, chosen: list[int], number: int) -> None:
        """Add slots to ``chosen`` until it has ``number``, none of them twice."""
        first, second, total = self._steps
        top, middle, rest = self._shelves
        word = self._word
        tries = number + _TRIES
        while len(chosen) < number and tries:
            place = word() * total >> 32
            if place < first:
                slot = top[place // _WEIGHTS[0]]
            elif place < second:
                slot = middle[(place - first) // _WEIGHTS[1]]
            else:
                slot = rest[(place - second) // _WEIGHTS[2]]
            if slot not in chosen:
                chosen.append(slot)
            tries -= 1
