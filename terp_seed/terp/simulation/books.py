"""The books: which month each day belongs to, what is posted, what running the house costs.

Invoices and bills are posted once they are no drafts and unless they are void.  Goods on
consignment are a cost when their supplier bills them; those that the business owns are stock
first, and a cost at the end of the month in which they leave.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

from terp_seed.terp.simulation.arrays import RandomWords
from terp_seed.terp.simulation.clock import DAY, TODAY, Clock
from terp_seed.terp.simulation.credits import Credits, CreditStatus
from terp_seed.terp.simulation.invoices import Invoices, Status
from terp_seed.terp.simulation.payables import BillStatus, Payables
from terp_seed.terp.simulation.pricing import owned_terms

_AT_A_TIME = 4096
_OPEN = 2  # months that are not closed yet
_QUARTER = 91  # days
_CLOSING = 5  # days from the end of a month until it is closed
# What running the house costs each month: the day, in dollars, and by how many percent that varies.
_COSTS = (
    (1, 8_500, 0), (3, 1_250, 0), (5, 640, 30), (8, 180, 12), (12, 320, 40), (15, 9_200, 4),
    (20, 450, 60), (27, 9_200, 4),
)  # fmt: skip
COSTS = len(_COSTS)
_BUYERS = 60  # clients for which the house needs so much; it grows with their number


@dataclass(frozen=True)
class Expenses:
    """One entry for each expense, month by month."""

    kind: array[int] = field(default_factory=lambda: array("B"))
    day: array[int] = field(default_factory=lambda: array("H"))
    cents: array[int] = field(default_factory=lambda: array("Q"))
    month: array[int] = field(default_factory=lambda: array("H"))
    """The month that it is for: what falls on a weekend is paid on the Friday before."""


class Accounting:
    """What is posted to the ledger, month by month."""

    def __init__(
        self, invoices: Invoices, payables: Payables, granted: Credits, words: RandomWords
    ) -> None:
        self.invoices = invoices
        self.payables = payables
        self.clock: Clock = invoices.clock
        unposted = (Status.DRAFT, Status.VOID)
        self.posted_invoices = array(
            "I", [n for n, status in enumerate(invoices.status) if status not in unposted]
        )
        undue = (BillStatus.DRAFT, BillStatus.VOID)
        self.posted_bills = array(
            "I", [n for n, status in enumerate(payables.bills.status) if status not in undue]
        )
        void = CreditStatus.VOID
        self.posted_credits = array(
            "I", [n for n, status in enumerate(granted.status) if status != void]
        )
        days = [*invoices.day[:1], *payables.bills.day[:1], *payables.payments.day[:1]]
        #: The first day of each month, from that of the first entry to this month.
        self.months = [*self._months(self.clock.date(min(days)))]
        #: The opening of the books, the day on which the owner paid in.
        self.opening = self.months[0]
        self._month_of = array("H")
        for month in range(len(self.months)):
            stop = self.end(month) + 1
            self._month_of.extend([month] * (stop - self.months[month]))
        self.expenses = Expenses()
        self._spend(words)

    def _months(self, first: date) -> Iterator[int]:
        start = first.replace(day=1)
        while start <= self.clock.as_of:
            yield self._day(start)
            start = (start + timedelta(days=31)).replace(day=1)

    def _day(self, date: date) -> int:
        return TODAY - (self.clock.as_of - date).days

    def month(self, day: int) -> int:
        """The number of the month that a day belongs to."""
        return self._month_of[day - self.opening]

    def end(self, month: int) -> int:
        """The last day of a month."""
        start = self.clock.date(self.months[month])
        return self._day((start + timedelta(days=31)).replace(day=1)) - 1

    def closed(self, month: int) -> int:
        """The day on which a month was closed, or 0."""
        return self.end(month) + _CLOSING if month < len(self.months) - _OPEN else 0

    @cached_property
    def capital(self) -> int:
        """What the owner paid in, in cents: what the first quarter costs, in whole thousands."""
        payments, expenses = self.payables.payments, self.expenses
        sent = [*zip(payments.day, payments.cents, strict=True)]
        sent += zip(expenses.day, expenses.cents, strict=True)
        needed = sum(cents for day, cents in sent if day < self.opening + _QUARTER)
        return (needed // 100_000 + 100) * 100_000

    def _spend(self, words: RandomWords) -> None:
        scale = 1 + self.invoices.orders.buyers.clients.count // _BUYERS
        word = words.endless("expense")
        for month, start in enumerate(self.months):
            for kind, (day, dollars, percent) in enumerate(_COSTS):
                varied = dollars * 100 * (100 * 100 + word() % (200 * percent + 1) - 100 * percent)
                paid = self.clock.working_day(start + day - 1)
                if self.opening < paid <= TODAY:
                    self.expenses.kind.append(kind)
                    self.expenses.day.append(paid)
                    self.expenses.month.append(month)
                    self.expenses.cents.append(varied // 10_000 * scale)

    @cached_property
    def used(self) -> list[tuple[int, int]]:
        """The months in which goods of the business's own left, and what they had cost."""
        cents = array("Q", [0]) * len(self.months)
        for shipped, cost in self._own_goods():
            cents[self.month(shipped)] += cost
        return [(month, cost) for month, cost in enumerate(cents) if cost]

    def _own_goods(self) -> Iterator[tuple[int, int]]:
        """The day and the cost of all that left and did not come back."""
        invoices, orders = self.invoices, self.invoices.orders
        allocations, void = orders.allocations, Status.VOID
        own = [
            owned_terms(batch) is not None for batch in range(self.payables.batches.sizes.batches)
        ]
        for start in range(0, orders.schedule.orders, _AT_A_TIME):
            stop = min(start + _AT_A_TIME, orders.schedule.orders)
            first = allocations.starts[start]
            batches = allocations.batch.part(first, allocations.starts[stop])
            quantities = allocations.quantity.part(first, allocations.starts[stop])
            for order in range(start, stop):
                invoice = invoices.invoice_of[order]
                if invoice < 0 or invoices.status[invoice] == void:
                    continue
                span = slice(
                    allocations.starts[order] - first, allocations.starts[order + 1] - first
                )
                cost = sum(
                    quantity * self.payables.cost(batch)
                    for batch, quantity in zip(batches[span], quantities[span], strict=True)
                    if own[batch]
                )
                yield orders.shipped[order] // DAY, cost
