"""Which batches there are: their products, dates, lots and fates.

Batches are numbered in the order they came in.  A product's batches on sale
form a *chain*: the oldest is sold first, the next follows when it is sold
out, the last is live at the end.  So no product is ever on two live batches.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import cached_property

from terp_seed.terp.simulation.arrays import RandomWords
from terp_seed.terp.simulation.clients import SUPPLIER, Clients
from terp_seed.terp.simulation.clock import DAY, TODAY
from terp_seed.terp.simulation.products import Products
from terp_seed.terp.simulation.sizes import BatchStatus, Sizes

_LATEST = TODAY - 3  # the day the last batch came in
_BEFORE = 30  # days in which the opening stock came in
_OPENING = 6  # products that are live from the first day on, at least
# When batches of a status came in, in percent of the time so far.
_SPANS = {
    BatchStatus.AWAITING_INTAKE: (95, 100),
    BatchStatus.ON_HOLD: (50, 95),
    BatchStatus.QUARANTINED: (75, 98),
    BatchStatus.CLOSED: (10, 60),
}
# Of forty products on sale four are no flower; of the others 40, 35 and 25
# percent are grown indoors, in greenhouses and outdoors (TERP's generators).
_MIX = (
    0, 1, 0, 2, 1, 0, 2, 1, 0, 3, 0, 1, 2, 0, 1, 2, 0, 1, 2, 3,
    0, 1, 0, 1, 2, 0, 1, 2, 0, 3, 0, 1, 0, 1, 2, 0, 1, 2, 1, 3,
)  # fmt: skip


@dataclass(frozen=True)
class Arrival:
    """One batch that comes in."""

    place: int  # in time: from 0 to 2**32
    status: int
    slot: int  # the product on sale that it belongs to, or -1


@dataclass(frozen=True)
class Batches:
    """The batches of a run, before anything is sold from them."""

    sizes: Sizes
    products: Products
    clients: Clients
    words: RandomWords
    opening: int  # the day of the first order

    @property
    def on_sale(self) -> int:
        """How many products are live at the end: the *slots*."""
        return self.sizes.by_status[BatchStatus.LIVE]

    @property
    def core(self) -> int:
        """The first slots: the best sellers, which have sold out before."""
        return (self.sizes.by_status[BatchStatus.SOLD_OUT] * 3 + 3) // 4

    @cached_property
    def arrivals(self) -> list[Arrival]:
        """All batches in the order they came in."""
        found = self._sold() + self._live()
        for status, (low, high) in _SPANS.items():
            for word in self.words.all(f"arrival {int(status)}", self.sizes.by_status[status]):
                found.append(Arrival(_between(low, high, word), status, -1))
        found.sort(key=lambda arrival: arrival.place)
        return found

    def _sold(self) -> list[Arrival]:
        words = self.words.all("sold", self.sizes.by_status[BatchStatus.SOLD_OUT])
        core = self.core
        return [
            Arrival(_between(0, 8, word), BatchStatus.SOLD_OUT, at)
            if at < core
            else Arrival(_between(28, 42, word), BatchStatus.SOLD_OUT, at - core)
            for at, word in enumerate(words)
        ]

    def _live(self) -> list[Arrival]:
        first, second = (self.words.all(f"live {n}", self.on_sale) for n in (1, 2))
        found = []
        for slot, (one, other) in enumerate(zip(first, second, strict=True)):
            if slot < self.core:
                place = _between(50, 70, one)
            elif slot < self.core + max(_OPENING, self.on_sale // 20):
                place = _between(0, 3, one)
            else:  # more and more of them, as the business grows
                place = _between(4, 97, max(one, other))
            found.append(Arrival(place, BatchStatus.LIVE, slot))
        return found

    @cached_property
    def status(self) -> array[int]:
        """The status number of each batch at the end of the chain."""
        return array("B", [arrival.status for arrival in self.arrivals])

    @cached_property
    def queued(self) -> array[int]:
        """1 for batches that wait at intake until their elders are sold out."""
        seen: set[int] = set()
        flags = array("B")
        for arrival in self.arrivals:
            flags.append(arrival.slot in seen)
            if arrival.slot >= 0:
                seen.add(arrival.slot)
        return flags

    @cached_property
    def chains(self) -> list[list[int]]:
        """The batches of each slot, oldest first."""
        chains: list[list[int]] = [[] for _ in range(self.on_sale)]
        for batch, arrival in enumerate(self.arrivals):
            if arrival.slot >= 0:
                chains[arrival.slot].append(batch)
        return chains

    @property
    def first_live(self) -> int:
        """A batch that was live from the first day on."""
        return self.chains[self.core][0]

    @cached_property
    def slots(self) -> list[int]:
        """The product of each slot: all different, in the mix that TERP grows."""
        products = self.products
        shelves: list[list[int]] = [[], [], [], []]
        for product in reversed(range(products.count)):
            shelves[products.method(product) if products.is_flower(product) else 3].append(product)
        found = []
        for slot in range(self.on_sale):
            shelf = shelves[_MIX[slot % len(_MIX)]] or max(shelves, key=len)
            found.append(shelf.pop())
        return found

    @cached_property
    def product(self) -> array[int]:
        """The product of each batch."""
        words = self.words.all("product", self.sizes.batches)
        slots, count = self.slots, self.products.count
        return array(
            "I",
            [
                word * count >> 32 if arrival.slot < 0 else slots[arrival.slot]
                for arrival, word in zip(self.arrivals, words, strict=True)
            ],
        )

    @cached_property
    def lot(self) -> array[int]:
        """The lot of each batch: one to five batches that came in together."""
        lots = array("I")
        number, size = -1, 5
        for word in self.words.all("lot", self.sizes.batches):
            if size == 5 or word < (1 << 32) // 3:
                number, size = number + 1, 0
            lots.append(number)
            size += 1
        return lots

    @cached_property
    def lot_day(self) -> array[int]:
        """The day on which each lot came in."""
        start = self.opening - _BEFORE
        days = array("I")
        for arrival, lot in zip(self.arrivals, self.lot, strict=True):
            if lot == len(days):
                day = start + (arrival.place * (_LATEST - start) >> 32)
                days.append(self.clients.clock.working_day(day))
        return days

    @cached_property
    def lot_supplier(self) -> list[int]:
        """The number of each lot's supplier; the first ones deliver most."""
        count = self.clients.number(SUPPLIER)
        words = self.words.all("supplier", len(self.lot_day))
        return [at % count if at < count else (w * w >> 32) * count >> 32
                for at, w in enumerate(words)]  # fmt: skip

    @cached_property
    def day(self) -> array[int]:
        """The day on which each batch came in."""
        return array("I", [self.lot_day[lot] for lot in self.lot])

    def received(self, start: int, stop: int) -> list[int]:
        """The seconds at which batches were taken in."""
        return [self.received_at(batch) for batch in range(start, stop)]

    def received_at(self, batch: int) -> int:
        """The second at which a batch was taken in, an hour or more after its lot came."""
        return self.day[batch] * DAY + 9 * 3600 + batch * 420 % 21_600


def _between(low: int, high: int, word: int) -> int:
    """A place in time between two percentages."""
    return ((low << 32) + (high - low) * word) // 100
