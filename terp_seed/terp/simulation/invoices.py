"""Invoices and payments: who owes what, and for how long.

Of all invoices 15 percent are overdue, half of these for more than 120 days (TERP's
generators), and as much money in one half as in the other: each recent debt
has an old one of nearly the same amount.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import merge
from itertools import repeat
from operator import itemgetter

from terp_seed.terp.simulation.arrays import RandomWords
from terp_seed.terp.simulation.clock import DAY, TODAY, Clock
from terp_seed.terp.simulation.orders import Orders
from terp_seed.terp.simulation.pricing import TERM_DAYS, TERMS
from terp_seed.terp.simulation.schedule import Kind


class Status(IntEnum):
    """TERP's statuses of an invoice."""

    DRAFT, SENT, VIEWED, PARTIAL, PAID, OVERDUE, VOID = range(7)


_OVERDUE = 15  # percent of invoices
_OVERDUE_AT_MONTH_END = 40
_OLD = 120  # days
_METHODS = (0,) * 8 + (1,) * 6 + (2,) * 3 + (3,) * 2 + (4,)  # check, ACH, wire, cash, card
_SHIFT = 32  # bits for an invoice's number
_SLOWEST = 45  # days from invoice to payment
# Of eight invoices that are not due yet.
_NOT_DUE = (*(Status.PAID,) * 3, *(Status.SENT, Status.VIEWED) * 2, Status.PARTIAL)
_DUE_TODAY = (*(Status.SENT, Status.VIEWED) * 3, *(Status.PARTIAL,) * 2)


@dataclass(frozen=True)
class Payments:
    """One entry for each payment, in the order of days; each is for one invoice."""

    invoice: array[int] = field(default_factory=lambda: array("I"))
    day: array[int] = field(default_factory=lambda: array("H"))
    cents: array[int] = field(default_factory=lambda: array("I"))
    method: array[int] = field(default_factory=lambda: array("B"))
    reconciled: array[int] = field(default_factory=lambda: array("H"))
    """The day on which it was matched with the bank, or 0."""


def reconciled_on(clock: Clock, day: int, word: int) -> int:
    """The day on which a payment was matched with the bank, or 0.

    Seven in ten were: two days later, or on the Monday after.
    """
    later = day + 2
    later += (0, 0, 0, 0, 0, 2, 1)[clock.weekday(later)]
    return later if word % 100 < 71 and later < TODAY else 0


class Invoices:
    """Invoices in the order of shipments, and the payments for them."""

    def __init__(
        self, orders: Orders, clock: Clock, words: RandomWords, *, all_due: bool = False
    ) -> None:
        self.all_due = all_due  # whether nothing is due later than today
        self.orders = orders
        self.clock = clock
        self.words = words
        # One entry for each invoice.
        self.order: array[int] = array("I")
        self.client: array[int] = array("I")
        self.total: array[int] = array("I")  # cents
        self.day: array[int] = array("H")
        self.due: array[int] = array("H")
        self.status: array[int] = array("B")
        self.paid: array[int] = array("I")  # cents
        self.settled: array[int] = array("H")  # the day of the last payment, or 0
        # One entry for each order: its invoice, or -1, and what was paid at once.
        self.invoice_of: array[int] = array("i")
        self.deposit: array[int] = array("I")
        self.payments = Payments()
        self._bill()
        self._judge()
        self._collect()
        self._reconcile()
        void = Status.VOID
        self.valid = array("I", [n for n, status in enumerate(self.status) if status != void])

    def due_of_order(self, order: int) -> int:
        """The day on which an order, or its invoice, is due; 0 for one that never will be."""
        invoice = self.invoice_of[order]
        if invoice >= 0:
            return self.due[invoice]
        if self.orders.kind[order] < Kind.CANCELLED:
            return 0
        return self.orders.schedule.day[order] + TERM_DAYS[self.orders.terms[order]]

    def _bill(self) -> None:
        orders = self.orders
        for order, shipped in enumerate(orders.shipped):
            self.deposit.append(0)
            self.invoice_of.append(len(self.order) if shipped else -1)
            if shipped:
                self.order.append(order)
                self.client.append(orders.client[order])
                self.total.append(orders.total[order])
                self.day.append(shipped // DAY)
                due = shipped // DAY + TERM_DAYS[orders.terms[order]]
                self.due.append(min(due, TODAY) if self.all_due else due)

    def _judge(self) -> None:
        self.status.extend(repeat(Status.PAID, len(self.order)))
        recent: list[int] = []
        old: list[int] = []
        coming: list[int] = []
        for invoice, order in enumerate(self.order):
            if self.orders.kind[order] >= Kind.RETURNED:
                self.status[invoice] = Status.VOID
            elif self.due[invoice] >= TODAY:
                coming.append(invoice)
            else:
                late = TODAY - self.due[invoice]
                debt = self.total[invoice] << _SHIFT | invoice
                (old if late > _OLD else recent).append(debt)
        self._judge_coming(coming)
        recent.sort()
        old.sort()
        self._judge_late(recent, old)

    def _judge_coming(self, coming: list[int]) -> None:
        words = self.words.endless("coming")
        shown = [Status.DRAFT, Status.SENT, Status.VIEWED, Status.PARTIAL]
        for invoice in reversed(coming):
            word = words()
            if shown:
                status = shown.pop(0)
            elif self.day[invoice] == TODAY:
                status = Status.DRAFT if word & 8 else Status.SENT
            else:
                status = (_DUE_TODAY if self.all_due else _NOT_DUE)[word & 7]
            on_its_way = self.orders.kind[self.order[invoice]] == Kind.SHIPPED
            if status == Status.DRAFT and not on_its_way:
                status = Status.SENT
            self.status[invoice] = status

    def _judge_late(self, recent: list[int], old: list[int]) -> None:
        """Choose debts in pairs, a recent and an old one, of amounts like those of all invoices.

        A debt is a number: its amount, and behind it its invoice.
        """
        percent = _OVERDUE_AT_MONTH_END if self.all_due else _OVERDUE
        number = (len(self.order) * percent + 50) // 100
        pairs = (number + 1) // 2
        amounts = array("I", (debt >> _SHIFT for debt in merge(recent, old)))
        for pair in range(pairs if recent else 0):
            cents = amounts[(2 * pair + 1) * len(amounts) // (2 * pairs)]
            for pool in (recent, old)[: 1 + (2 * pair + 1 < number)]:
                if pool:
                    self.status[_nearest(pool, cents)] = Status.OVERDUE

    def _collect(self) -> None:
        """Record the payments that the statuses imply, in the order of days."""
        found: list[tuple[int, int, int, int]] = []
        word, card = self.words.endless("payment"), self.words.deck("method", len(_METHODS))
        self.paid.extend(repeat(0, len(self.order)))
        self.settled.extend(repeat(0, len(self.order)))
        paying = (
            n for n, status in enumerate(self.status) if status in (Status.PAID, Status.PARTIAL)
        )
        for number, invoice in enumerate(paying):
            # Each way of paying once, then as often as TERP's generators have it.
            method = number if number < len(set(_METHODS)) else _METHODS[card()]
            for day, part in sorted(self._payments(invoice, self.status[invoice], word())):
                found.append((day, invoice, part, method))
        found.sort(key=itemgetter(0))
        for day, invoice, cents, method in found:
            self.payments.day.append(day)
            self.payments.invoice.append(invoice)
            self.payments.cents.append(cents)
            self.payments.method.append(method)
            self.paid[invoice] += cents
            self.settled[invoice] = day

    def _reconcile(self) -> None:
        days = self.payments.day
        for day, word in zip(days, self.words.first("reconciled", len(days)), strict=True):
            self.payments.reconciled.append(reconciled_on(self.clock, day, word))

    def _payments(self, invoice: int, status: int, other: int) -> list[tuple[int, int]]:
        """The days and amounts in which an invoice was paid."""
        order, total, start = self.order[invoice], self.total[invoice], self.day[invoice]
        most = min(_SLOWEST, TODAY - start)
        wait = 1 + other % _SLOWEST if most == _SLOWEST else other % (most + 1)
        last = max(start, self.clock.working_day(start + wait))
        share = total * (30 + (other >> 8) % 41) // 100
        part = share // 10_000 * 10_000 or total // 2  # whole hundreds of dollars
        partly = TERMS[self.orders.terms[order]] == "PARTIAL"
        if partly:
            self.deposit[order] = part
        if status == Status.PARTIAL:
            return [(last, part)]
        if partly or (other >> 16) % 8 == 0:
            first = max(start, self.clock.working_day(start + wait // 2))
            return [(first, part), (last, total - part)]
        return [(last, total)]


def _nearest(pool: list[int], cents: int) -> int:
    """Take the invoice of about that amount out of a sorted pool of debts."""
    place = bisect_left(pool, cents << _SHIFT)
    if place == len(pool) or (
        place and cents - (pool[place - 1] >> _SHIFT) < (pool[place] >> _SHIFT) - cents
    ):
        place -= 1
    return pool.pop(place) & ((1 << _SHIFT) - 1)
