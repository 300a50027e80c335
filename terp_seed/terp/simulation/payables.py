"""What is owed to suppliers: for consigned goods when they sell, for own goods when they come in.

TERP keeps one payable for each consigned batch.  It is due a day after nothing of the batch is
left; then its supplier sends a bill.  While a batch sells, suppliers bill part of what has sold
so far, on account.  Of what they bill, some is not due yet, most is paid, and some is late, in
each of TERP's five buckets of ageing.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from operator import itemgetter

from terp_seed.terp.simulation.arrays import RandomWords
from terp_seed.terp.simulation.batches import Batches
from terp_seed.terp.simulation.clock import DAY, TODAY
from terp_seed.terp.simulation.intake import Intake
from terp_seed.terp.simulation.invoices import reconciled_on
from terp_seed.terp.simulation.orders import SALE, Orders
from terp_seed.terp.simulation.pricing import TERM_DAYS, TERMS, owned_terms
from terp_seed.terp.simulation.schedule import Kind
from terp_seed.terp.simulation.sizes import BatchStatus


class PayableStatus(IntEnum):
    """TERP's statuses of a payable."""

    PENDING, DUE, PARTIAL, PAID, VOID = range(5)


class BillStatus(IntEnum):
    """TERP's statuses of a bill."""

    DRAFT, PENDING, APPROVED, PARTIAL, PAID, OVERDUE, VOID = range(7)


GRACE = DAY
"""Seconds from the last of a batch until it is due: TERP's default of 24 hours."""

_LATEST_DUE = 60  # no bill is due so many days from now
_TERM = 15  # days until a bill on account is due
_USUAL_TERM = 30
# Bills on account that even a small database has, so that it shows every state and age: how many
# days ago they were due, and what became of them.
_SHOWN = (
    (104, BillStatus.OVERDUE), (75, BillStatus.OVERDUE), (70, BillStatus.PAID),
    (45, BillStatus.OVERDUE), (17, BillStatus.OVERDUE), (-4, BillStatus.PARTIAL),
    (-8, BillStatus.APPROVED), (-11, BillStatus.PENDING), (-14, BillStatus.DRAFT),
)  # fmt: skip
_SHOWING = 24  # live batches among which those are
_OLDEST = 120  # days since the oldest of the others was due
# What becomes of twenty bills: two are late and one is paid in part.
_LATE = (BillStatus.OVERDUE,) * 2 + (BillStatus.PARTIAL,) + (BillStatus.PAID,) * 17
_COMING = (BillStatus.PENDING, BillStatus.APPROVED, BillStatus.APPROVED, BillStatus.PAID)
# The same at the end of a month when all is due and little is paid.
_LATE_AT_MONTH_END = (BillStatus.OVERDUE,) * 14 + (BillStatus.PARTIAL,) * 4 + (BillStatus.PAID,) * 2
_DUE_TODAY = (BillStatus.PENDING, BillStatus.APPROVED, BillStatus.APPROVED, BillStatus.PARTIAL)
_METHODS = (0,) * 8 + (1,) * 6 + (2,) * 4 + (3,) * 2  # check, ACH, wire, cash
_CHUNK = 1 << 14


@dataclass(frozen=True)
class Bills:
    """One entry for each bill, in the order of days; each is for goods of one batch."""

    batch: array[int] = field(default_factory=lambda: array("I"))
    day: array[int] = field(default_factory=lambda: array("H"))
    due: array[int] = field(default_factory=lambda: array("H"))
    quantity: array[int] = field(default_factory=lambda: array("I"))
    cents: array[int] = field(default_factory=lambda: array("Q"))
    status: array[int] = field(default_factory=lambda: array("B"))
    paid: array[int] = field(default_factory=lambda: array("Q"))
    settled: array[int] = field(default_factory=lambda: array("H"))
    """The day of the last payment, or 0."""


@dataclass(frozen=True)
class SentPayments:
    """One entry for each payment to a supplier, in the order of days; each is for one bill."""

    bill: array[int] = field(default_factory=lambda: array("I"))
    day: array[int] = field(default_factory=lambda: array("H"))
    cents: array[int] = field(default_factory=lambda: array("Q"))
    method: array[int] = field(default_factory=lambda: array("B"))
    reconciled: array[int] = field(default_factory=lambda: array("H"))
    """The day on which it was matched with the bank, or 0."""


class Payables:
    """What suppliers are owed, have billed and were paid."""

    def __init__(
        self, batches: Batches, intake: Intake, orders: Orders, words: RandomWords, all_due: bool
    ) -> None:
        self._last_due = TODAY if all_due else TODAY + _LATEST_DUE
        self._late = _LATE_AT_MONTH_END if all_due else _LATE
        self._coming = _DUE_TODAY if all_due else _COMING
        self.batches = batches
        self.intake = intake
        self.clock = orders.schedule.clock
        self.words = words
        count = batches.sizes.batches
        #: The consigned batches: one payable each.
        self.batch = array("I", [n for n in range(count) if owned_terms(n) is None])
        # One entry for each batch.
        self.sold = array("I", [0]) * count  # hundredths
        self.emptied = array("I", [0]) * count  # the second at which the last of it left
        self.paid = array("Q", [0]) * count  # cents
        self.settled = array("H", [0]) * count
        self.bills = Bills()
        self.payments = SentPayments()
        # Bills on account, by batch: when they are due, or 0, what became of them, and what had
        # sold by then.
        self._due = array("H", [0]) * count
        self._state = array("B", [0]) * count
        self._billed = array("I", [0]) * count
        live = [n for n in self.batch if batches.status[n] == BatchStatus.LIVE]
        self._sales: dict[int, list[tuple[int, int]]] = {n: [] for n in live[:_SHOWING]}
        self._plan_statements(live)
        self._count_sales(orders)
        self._show()
        self._bill()
        self._pay()

    def cost(self, batch: int) -> int:
        """What a unit of a batch costs, in dollars."""
        return self.batches.products.cost[self.batches.product[batch]]

    def status(self, batch: int) -> PayableStatus:
        """The status of a consigned batch's payable."""
        if self.batches.status[batch] == BatchStatus.CLOSED:
            return PayableStatus.VOID
        empty, paid = self.emptied[batch], self.paid[batch]
        if empty and paid == self.sold[batch] * self.cost(batch):
            return PayableStatus.PAID
        if paid:
            return PayableStatus.PARTIAL
        return PayableStatus.DUE if empty else PayableStatus.PENDING

    def _plan_statements(self, live: list[int]) -> None:
        """Let suppliers bill every second live batch on account."""
        for batch, word in zip(live, self.words.first("statement", len(live)), strict=True):
            if batch in self._sales or batch % 2:
                continue
            ago = (word * (_OLDEST + _TERM) >> 32) - _TERM + 1
            fates = self._late if ago > 0 else self._coming
            self._due[batch] = min(TODAY - ago, self._last_due)
            self._state[batch] = fates[(word & 0xFFF) % len(fates)]

    def _show(self) -> None:
        """Let each state be that of the oldest batch that had sold enough by then."""
        for ago, state in _SHOWN:
            due = min(TODAY - ago, self._last_due)
            for batch, sales in self._sales.items():
                sold = sum(part for day, part in sales if day <= due - _TERM)
                if sold and not self._due[batch]:
                    self._due[batch], self._state[batch] = due, state
                    self._billed[batch] = sold
                    break

    def _count_sales(self, orders: Orders) -> None:
        """Count what left by orders that did not come back."""
        movements, last = orders.movements, array("I", self.emptied)
        for start in range(0, len(movements.order), _CHUNK):
            parts = (movements.order, movements.batch, movements.change, movements.type)
            rows = zip(*(part.part(start, start + _CHUNK) for part in parts), strict=True)
            for order, batch, change, type_ in rows:
                if type_ == SALE and orders.kind[order] < Kind.RETURNED:
                    self.sold[batch] -= change
                    last[batch] = orders.shipped[order]
                    day = last[batch] // DAY
                    if batch in self._sales:
                        self._sales[batch].append((day, -change))
                    elif day <= self._due[batch] - _TERM:
                        self._billed[batch] -= change
        for batch in self.batch:
            if self.batches.status[batch] == BatchStatus.SOLD_OUT:
                self.emptied[batch] = last[batch]

    # -- bills

    def _bill(self) -> None:
        columns = vars(self.bills)
        names = ("batch", "day", "due", "quantity", "status")
        found = sorted(self._bills(), key=lambda bill: (bill[1], bill[0]))
        for bill in found:
            for name, value in zip(names, bill, strict=True):
                columns[name].append(value)
            self.bills.cents.append(bill[3] * self.cost(bill[0]))

    def _bills(self) -> Iterator[tuple[int, int, int, int, int]]:
        """Batch, day, due day, quantity and status of every bill."""
        fate, late, last = self.words.deck("fate", len(_LATE)), self._late, self._last_due
        coming = self.words.endless("coming")
        newest = max(self.emptied)
        for batch, status in enumerate(self.batches.status):
            terms, came = owned_terms(batch), self.batches.day[batch]
            if terms is not None or status == BatchStatus.CLOSED:
                days = TERM_DAYS[TERMS.index(terms)] if terms else _USUAL_TERM
                due = min(came + days, last)
                state = self._judge(terms, due, late[fate()], self._coming[coming() & 3])
                if status == BatchStatus.CLOSED and terms != "COD":
                    state = BillStatus.VOID
                yield batch, came, due, self.intake.taken_in[batch], state
            elif emptied := self.emptied[batch]:
                state = BillStatus.OVERDUE if emptied == newest else late[fate()]
                due = min((emptied + GRACE) // DAY, last)
                state = self._judge(None, due, state, BillStatus.APPROVED)
                yield batch, emptied // DAY, due, self.sold[batch], state
            elif quantity := self._billed[batch] * 3 // 4:
                due = self._due[batch]
                yield batch, due - _TERM, due, quantity, self._state[batch]

    @staticmethod
    def _judge(terms: str | None, due: int, late: BillStatus, coming: BillStatus) -> BillStatus:
        """What became of a bill, given what becomes of those that are due or not."""
        if terms == "COD":
            return BillStatus.PAID
        if terms == "PARTIAL":
            return BillStatus.PAID if due < TODAY else BillStatus.PARTIAL
        return late if due < TODAY else coming

    # -- payments

    def _pay(self) -> None:
        """Record the payments that the statuses imply, in the order of days."""
        bills, found = self.bills, []
        words = self.words.first("payment", len(bills.batch))
        for bill, (status, word) in enumerate(zip(bills.status, words, strict=True)):
            paid = [*self._parts(bill, status, word)]
            found += [(day, bill, cents) for day, cents in paid]
            bills.paid.append(sum(cents for _, cents in paid))
            bills.settled.append(max((day for day, _ in paid), default=0))
            self.paid[bills.batch[bill]] += bills.paid[bill]
            self.settled[bills.batch[bill]] = bills.settled[bill]
        card = self.words.deck("method", len(_METHODS))
        matched = self.words.first("reconciled", len(found))
        for (day, bill, cents), word in zip(sorted(found, key=itemgetter(0)), matched, strict=True):
            self.payments.day.append(day)
            self.payments.bill.append(bill)
            self.payments.cents.append(cents)
            self.payments.method.append(_METHODS[card()])
            self.payments.reconciled.append(reconciled_on(self.clock, day, word))

    def _parts(self, bill: int, status: int, word: int) -> Iterator[tuple[int, int]]:
        """The days and amounts in which a bill was paid."""
        bills = self.bills
        day, due, cents = bills.day[bill], bills.due[bill], bills.cents[bill]
        terms = owned_terms(bills.batch[bill])
        half = cents // 20_000 * 10_000 or cents // 2  # whole hundreds of dollars
        planned = min(TODAY, due + word % 12) if due < TODAY else day + word % (TODAY - day + 1)
        last = max(day, self.clock.working_day(planned))
        if status not in (BillStatus.PARTIAL, BillStatus.PAID):
            return
        if terms == "COD":
            yield day, cents
        elif status == BillStatus.PARTIAL or terms == "PARTIAL":
            yield (day if terms else last), half
            if status == BillStatus.PAID:
                yield last, cents - half
        else:
            yield last, cents
