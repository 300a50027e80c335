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
        self.batch = [chain[0] for chain in self.batches.chains]
        self._place = [0] * self.batches.on_sale
        self._shelves: tuple[list[int], ...] = ([], [], [])
        self._steps = [0, 0, 0]
        self._events = self._calendar()
        self._word = self.words.endless("choice")

    def _calendar(self) -> deque[tuple[int, int, int]]:
        """Arrivals on the shelf and hand-overs within chains, in order."""
        batches = self.batches
        rests = self.words.endless("rest")
        events = []
        for slot, chain in enumerate(batches.chains):
            events.append((batches.day[chain[0]] + _SHELF_DAYS, 0, slot))
            for batch in chain[1:]:
                events.append((batches.day[batch] + _SHELF_DAYS + rests() % 15, 1, slot))
        return deque(sorted(events))

    def advance(self, day: int) -> None:
        """Let everything happen that happens until ``day``."""
        while self._events and self._events[0][0] <= day:
            _, what, slot = self._events.popleft()
            if what:
                self.clearing.append(slot)
            else:
                self._offer(slot)

    def _offer(self, slot: int) -> None:
        share = slot * 10 // self.batches.on_sale
        self._shelves[0 if share < 2 else 1 if share < 5 else 2].append(slot)
        total = 0
        for at, (shelf, weight) in enumerate(zip(self._shelves, _WEIGHTS, strict=True)):
            total += len(shelf) * weight
            self._steps[at] = total

    def hand_over(self, slot: int) -> int:
        """Put the next batch of a chain on sale; the one that is sold out now."""
        chain = self.batches.chains[slot]
        self._place[slot] += 1
        self.batch[slot] = chain[self._place[slot]]
        return chain[self._place[slot] - 1]

    def is_last(self, slot: int) -> bool:
        """Whether the batch on sale is the one that is live at the end."""
        return self._place[slot] == len(self.batches.chains[slot]) - 1

    def choose(self, chosen: list[int], number: int) -> None:
        """Add slots to ``chosen`` until it has ``number``, none of them twice."""
        first, second, total = self._steps
        top, middle, rest = self._shelves
        word = self._word
        tries = number + _TRIES
        while len(chosen) < number and tries:
            at = word() * total >> 32
            if at < first:
                slot = top[at // _WEIGHTS[0]]
            elif at < second:
                slot = middle[(at - first) // _WEIGHTS[1]]
            else:
                slot = rest[(at - second) // _WEIGHTS[2]]
            if slot not in chosen:
                chosen.append(slot)
            tries -= 1
