"""Which batches there are: their products, dates, lots and fates.

Batches are numbered in the order they came in.  A product on sale (a *slot*) has a succession
of batches: the oldest is sold first, the next follows when it is sold out, the last is live at
the end.  So no product is ever on two live batches.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from terp_seed.terp.simulation.arrays import RandomWords
from terp_seed.terp.simulation.clients import SUPPLIER, Clients
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
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


class Batches:
    """The batches of a run, before anything is sold from them."""

    def __init__(
        self, sizes: Sizes, products: Products, clients: Clients, words: RandomWords, opening: int
    ) -> None:
        self.sizes = sizes
        self.products = products
        self.clients = clients
        self.words = words
        self.on_sale = sizes.by_status[BatchStatus.LIVE]
        #: The first slots: the best sellers, which have sold out before.
        self.core = (sizes.by_status[BatchStatus.SOLD_OUT] * 3 + 3) // 4
        self.slots = self._slots()
        self.successions: list[list[int]] = [[] for _ in range(self.on_sale)]
        # One entry for each batch.
        self.arrivals = sorted(self._arrivals(), key=lambda arrival: arrival.place)
        self.status = array("B", [arrival.status for arrival in self.arrivals])
        self.queued: array[int] = array("B")  # 1: waits until the ones before it are sold out
        self.product: array[int] = array("I")
        self.lot: array[int] = array("I")
        # One entry for each lot.
        self.lot_day: array[int] = array("I")
        for arrival, word in zip(self.arrivals, words.first("product", sizes.batches), strict=True):
            self._assign_product(arrival, word)
        self._fill_lots(opening - _BEFORE)
        self.day = array("I", [self.lot_day[lot] for lot in self.lot])
        #: The first batch that is live from the first day on.
        self.first_live = self.successions[self.core][0]

    def _arrivals(self) -> Iterator[Arrival]:
        """All batches, by status."""
        counts, core = self.sizes.by_status, self.core
        for number, word in enumerate(self.words.first("sold", counts[BatchStatus.SOLD_OUT])):
            slot, span = (number, (0, 8)) if number < core else (number - core, (28, 42))
            yield Arrival(_between(*span, word), BatchStatus.SOLD_OUT, slot)
        first, second = (self.words.first(f"live {n}", self.on_sale) for n in (1, 2))
        for slot, (one, other) in enumerate(zip(first, second, strict=True)):
            if slot < core:
                place = _between(50, 70, one)
            elif slot < core + max(_OPENING, self.on_sale // 20):
                place = _between(0, 3, one)
            else:  # more and more of them, as the business grows
                place = _between(4, 97, max(one, other))
            yield Arrival(place, BatchStatus.LIVE, slot)
        for status, (low, high) in _SPANS.items():
            for word in self.words.first(f"arrival {int(status)}", counts[status]):
                yield Arrival(_between(low, high, word), status, -1)

    def _slots(self) -> list[int]:
        """The product of each slot: all different, in the mix that TERP grows."""
        shelves: list[list[int]] = [[], [], [], []]
        for product in reversed(range(self.sizes.products)):
            shelves[self.products.method[product]].append(product)  # -1: the last
        mix = (_MIX[slot % len(_MIX)] for slot in range(self.on_sale))
        return [(shelves[kind] or max(shelves, key=len)).pop() for kind in mix]

    def _assign_product(self, arrival: Arrival, word: int) -> None:
        if arrival.slot < 0:
            self.queued.append(0)
            self.product.append(word * self.sizes.products >> 32)
            return
        succession = self.successions[arrival.slot]
        self.queued.append(bool(succession))
        succession.append(len(self.product))
        self.product.append(self.slots[arrival.slot])

    def _fill_lots(self, start: int) -> None:
        """Put one to five batches that came in together into each lot."""
        size = 5
        words = self.words.first("lot", self.sizes.batches)
        for arrival, word in zip(self.arrivals, words, strict=True):
            if size == 5 or word < (1 << 32) // 3:
                day, size = start + (arrival.place * (_LATEST - start) >> 32), 0
                self.lot_day.append(self.clients.clock.working_day(day))
            self.lot.append(len(self.lot_day) - 1)
            size += 1

    @cached_property
    def lot_supplier(self) -> list[int]:
        """The number of each lot's supplier; the first ones deliver most."""
        count = self.clients.number(SUPPLIER)
        words = self.words.first("supplier", len(self.lot_day))
        return [lot if lot < count else (word * word >> 32) * count >> 32
                for lot, word in enumerate(words)]  # fmt: skip

    def received_at(self, batch: int) -> int:
        """The second at which a batch was taken in, an hour or more after its lot came."""
        return self.day[batch] * DAY + 9 * HOUR + batch * 420 % 21_600


def _between(low: int, high: int, word: int) -> int:
    """A place in time between two percentages."""
    return ((low << 32) + (high - low) * word) // 100
