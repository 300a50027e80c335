"""How goods come in: what was ordered of suppliers, and what was received.

Each lot was ordered some days before it came; one order in twelve was for more than came.  A few
orders are still on their way, or will never be.
"""

from __future__ import annotations

from array import array
from enum import IntEnum
from functools import cached_property

from terp_seed.terp.simulation.arrays import Groups, RandomWords
from terp_seed.terp.simulation.batches import Batches
from terp_seed.terp.simulation.clients import SUPPLIER
from terp_seed.terp.simulation.clock import TODAY
from terp_seed.terp.simulation.intake import Intake
from terp_seed.terp.simulation.pricing import owned_terms
from terp_seed.terp.simulation.sizes import BatchStatus


class PurchaseStatus(IntEnum):
    """TERP's statuses of a purchase order."""

    DRAFT, SENT, CONFIRMED, RECEIVING, RECEIVED, CANCELLED = range(6)


_COMING = (
    PurchaseStatus.DRAFT, PurchaseStatus.SENT, PurchaseStatus.CONFIRMED, PurchaseStatus.CANCELLED,
)  # fmt: skip
_LOTS = 20  # for so many lots there is one more order that has not come
_SHORT = 12  # one batch in so many came short
_MISSING = 500  # hundredths
_ORDERED = (2_000, 10_000)  # units of what is no flower, and pounds: in hundredths


class Purchasing:
    """Purchase orders: one for each lot, then those that have not come."""

    def __init__(self, batches: Batches, intake: Intake, words: RandomWords) -> None:
        self.batches = batches
        self.intake = intake
        self.lots = len(batches.lot_day)
        self.coming = max(len(_COMING), self.lots // _LOTS)
        self.words = words.first("purchase", self.lots + self.coming)
        #: The first batch of each lot.
        self.starts = array("I", [0])
        for batch, lot in enumerate(batches.lot):
            if lot == len(self.starts):
                self.starts.append(batch)
        self.starts.append(len(batches.lot))
        #: The lines of each order: the batches of its lot, or two products that will come.
        counts = [self.starts[lot + 1] - self.starts[lot] for lot in range(self.lots)]
        self.lines = Groups.from_counts([*counts, *[2] * self.coming])

    def __len__(self) -> int:
        return self.lots + self.coming

    def supplier(self, order: int) -> int:
        """The number of the supplier."""
        if order < self.lots:
            return self.batches.lot_supplier[order]
        return (order - self.lots) % self.batches.clients.number(SUPPLIER)

    def status(self, order: int) -> PurchaseStatus:
        if order >= self.lots:
            return _COMING[(order - self.lots) % len(_COMING)]
        return PurchaseStatus.RECEIVING if self.open[order] else PurchaseStatus.RECEIVED

    @cached_property
    def open(self) -> array[int]:
        """1 for each lot of which a batch is not taken in yet."""
        open_ = array("B", [0]) * self.lots
        for batch, status in enumerate(self.batches.status):
            if status == BatchStatus.AWAITING_INTAKE:
                open_[self.batches.lot[batch]] = 1
        return open_

    def ordered(self, order: int) -> int:
        """The day of the order, not before the supplier became one."""
        word = self.words[order]
        if order >= self.lots:
            return TODAY - 1 - word % 6
        joined = self.batches.clients.joined[
            self.batches.clients.row(SUPPLIER, self.supplier(order))
        ]
        return max(joined, self.batches.lot_day[order] - 5 - word % 8)

    def expected(self, order: int) -> int:
        """The day on which the goods were to come: the day they came, or one sooner."""
        word = self.words[order]
        if order >= self.lots:
            return TODAY + 4 + word % 12
        return max(self.ordered(order), self.batches.lot_day[order] - (word >> 8) % 2)

    def arrived(self, order: int) -> int:
        """The day on which the goods came, or 0."""
        return self.batches.lot_day[order] if order < self.lots else 0

    def product(self, line: int, order: int) -> int:
        if line < len(self.batches.product):
            return self.batches.product[line]
        return (self.words[order] + line) % self.batches.sizes.products

    def received(self, line: int) -> int:
        """What came, in hundredths."""
        return self.intake.taken_in[line] if line < len(self.batches.product) else 0

    def wanted(self, line: int, product: int) -> int:
        """What was ordered, in hundredths."""
        if line >= len(self.batches.product):
            return _ORDERED[product % 10 != 9]
        return self.received(line) + (_MISSING if self.short(line) else 0)

    def short(self, line: int) -> bool:
        """Whether less came of a batch than was ordered."""
        return line % _SHORT == _SHORT - 1

    def terms(self, order: int) -> str:
        """A lot's terms: those of what the business owns of it, if there is any."""
        if order >= self.lots:
            return "CONSIGNMENT"
        owned = (owned_terms(n) for n in range(self.starts[order], self.starts[order + 1]))
        return next((terms for terms in owned if terms), "CONSIGNMENT")

    @cached_property
    def totals(self) -> list[int]:
        """What each order comes to, in cents."""
        cost = self.batches.products.cost
        totals = []
        for order in range(len(self)):
            lines = range(self.lines.starts[order], self.lines.starts[order + 1])
            wanted = ((line, self.product(line, order)) for line in lines)
            totals.append(
                sum(self.wanted(line, product) * cost[product] for line, product in wanted)
            )
        return totals

    def received_total(self, lot: int) -> int:
        """What came of a lot is worth, in cents."""
        batches, cost = self.batches, self.batches.products.cost
        return sum(
            self.received(batch) * cost[batches.product[batch]]
            for batch in range(self.starts[lot], self.starts[lot + 1])
        )

    def paid_at_once(self, lot: int) -> int:
        """What was paid when a lot came in, in cents: its goods that are cash on delivery."""
        batches, cost = self.batches, self.batches.products.cost
        return sum(
            self.received(batch) * cost[batches.product[batch]]
            for batch in range(self.starts[lot], self.starts[lot + 1])
            if owned_terms(batch) == "COD"
        )
