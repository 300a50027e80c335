"""What clients look for, what suppliers offer, and what of it fits together.

Every second buyer looks for something: what is on sale now, nearly that, what only a supplier
has, or what was not to be had.  Large clients may want again what they ordered last.
"""

from __future__ import annotations

from array import array
from enum import IntEnum
from typing import NamedTuple

from terp_seed.terp.simulation.batches import Batches
from terp_seed.terp.simulation.clients import SUPPLIER
from terp_seed.terp.simulation.house import House
from terp_seed.terp.simulation.orders import Orders
from terp_seed.terp.simulation.sizes import BatchStatus
from terp_seed.terp.simulation.talk import Talk


class Answer(IntEnum):
    """What there is for a need."""

    EXACT, CLOSE, SUPPLY, NOTHING = range(4)


class MatchType(IntEnum):
    """TERP's types of a match."""

    EXACT, CLOSE, HISTORICAL = range(3)


class Match(NamedTuple):
    """One match: rows of what it joins."""

    type: MatchType
    client: int
    need: int | None
    batch: int | None
    supply: int | None
    order: int | None


_EVERY = 2
_WANTS = 3  # one buyer in so many wants to be told of a product


class Matching:
    """Needs, wants, supply and matches of a run."""

    def __init__(self, orders: Orders, house: House, talk: Talk) -> None:
        self.orders = orders
        self.batches: Batches = orders.batches
        status = self.batches.status
        self.live = [n for n, state in enumerate(status) if state == BatchStatus.LIVE]
        on_sale = {self.batches.product[batch] for batch in self.live}
        count = self.batches.sizes.products
        #: Products that are not on sale; the catalogue has some.
        self.absent = [n for n in range(count) if n not in on_sale] or [0]
        self.client = house.buyers[::_EVERY]
        self.answer = array("B", [row % len(Answer) for row in range(len(self.client))])
        self.product = array("I", [self._wanted(row) for row in range(len(self.client))])
        #: The needs that a supplier can meet: one offer each, and one more of each supplier.
        self.offered = [n for n, answer in enumerate(self.answer) if answer == Answer.SUPPLY]
        self.suppliers = orders.buyers.clients.number(SUPPLIER)
        self.wanting = house.buyers[1::_WANTS]
        self.matches = [*self._matches(), *self._again(talk)]

    def _wanted(self, row: int) -> int:
        if self.answer[row] in (Answer.EXACT, Answer.CLOSE):
            return self.batches.product[self._batch(row)]
        return self.absent[row * 5 % len(self.absent)]

    def _batch(self, row: int) -> int:
        return self.live[row * 7 % len(self.live)]

    def want(self, row: int) -> tuple[int, bool]:
        """The product of a want, and whether it is on sale."""
        met = row % 2 == 0
        if met:
            return self.batches.product[self.live[row * 3 % len(self.live)]], True
        return self.absent[row % len(self.absent)], False

    def offer(self, row: int) -> tuple[int, int]:
        """The supplier and the product of an offer."""
        if row < len(self.offered):
            return row % self.suppliers, self.product[self.offered[row]]
        supplier = row - len(self.offered)
        return supplier, self.absent[supplier * 3 % len(self.absent)]

    def _matches(self) -> list[Match]:
        found, offer = [], 0
        for need, (client, answer) in enumerate(zip(self.client, self.answer, strict=True)):
            if answer in (Answer.EXACT, Answer.CLOSE):
                type_ = MatchType(answer)
                found.append(Match(type_, client, need, self._batch(need), None, None))
            elif answer == Answer.SUPPLY:
                found.append(Match(MatchType.EXACT, client, need, None, offer, None))
                offer += 1
        return found

    def _again(self, talk: Talk) -> list[Match]:
        """What large clients ordered last, from the batch that is on sale now."""
        last = {self.orders.client[order]: order for order in talk.last_orders}
        found = []
        for client in talk.whales:
            order = last.get(client)
            if order is not None:
                start = self.orders.lines.starts[order]
                (batch,) = self.orders.lines.batch.part(start, start + 1)
                now = self.batches.successions[self.batches.arrivals[batch].slot][-1]
                found.append(Match(MatchType.HISTORICAL, client, None, now, None, order))
        return found
