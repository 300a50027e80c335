"""Invoices and payments: who owes what, and for how long.

Of all invoices 15 percent are overdue, half of these for more than 120 days (TERP's
generators), and as much money in one half as in the other: each recent debt
has an old one of nearly the same amount.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from heapq import merge
from itertools import repeat

from terp_seed.terp.simulation.arrays import Words
from terp_seed.terp.simulation.book import Book
from terp_seed.terp.simulation.clock import DAY, TODAY, Clock
from terp_seed.terp.simulation.schedule import RETURNED, SHIPPED
from terp_seed.terp.simulation.terms import TERM_DAYS, TERMS

__all__ = ["DRAFT", "INVOICE_STATUSES", "OVERDUE", "PAID", "PARTIAL", "VOID", "Ledgers"]

INVOICE_STATUSES = ("DRAFT", "SENT", "VIEWED", "PARTIAL", "PAID", "OVERDUE", "VOID")
DRAFT, SENT, VIEWED, PARTIAL, PAID, OVERDUE, VOID = range(7)

_OVERDUE = 15  # percent of invoices
_OLD = 120  # days
_METHODS = (0,) * 8 + (1,) * 6 + (2,) * 3 + (3,) * 2 + (4,)  # check, ACH, wire, cash, card
_SHIFT = 32  # bits for an invoice's number
_SLOWEST = 45  # days from invoice to payment
_NOT_DUE = (PAID, PAID, PAID, SENT, VIEWED, SENT, VIEWED, PARTIAL)


def _array(code: str) -> array[int]:
    return array(code)


class Ledgers:
    """Invoices in the order of shipments, payments in the order of their days."""

    def __init__(self, book: Book, clock: Clock, words: Words) -> None:
        self.book = book
        self.clock = clock
        self.words = words
        # One entry for each invoice.
        self.order: array[int] = _array("I")
        self.day: array[int] = _array("H")
        self.due: array[int] = _array("H")
        self.status: array[int] = _array("B")
        self.paid: array[int] = _array("I")  # cents
        self.settled: array[int] = _array("H")  # the day of the last payment, or 0
        # One entry for each payment.
        self.payment_invoice: array[int] = _array("I")
        self.payment_day: array[int] = _array("H")
        self.payment_cents: array[int] = _array("I")
        self.payment_method: array[int] = _array("B")
        # One entry for each order: its invoice, or -1, and what was paid at once.
        self.invoice_of: array[int] = _array("i")
        self.deposit: array[int] = _array("I")
        self._bill()
        self._judge()
        self._collect()

    @property
    def standing(self) -> array[int]:
        """The invoices that are not void."""
        return array("I", [n for n, status in enumerate(self.status) if status != VOID])

    def total(self, invoice: int) -> int:
        """What an invoice is about, in cents."""
        return self.book.total[self.order[invoice]]

    def _bill(self) -> None:
        book = self.book
        for order, shipped in enumerate(book.shipped):
            self.deposit.append(0)
            self.invoice_of.append(len(self.order) if shipped else -1)
            if shipped:
                self.order.append(order)
                self.day.append(shipped // DAY)
                self.due.append(shipped // DAY + TERM_DAYS[book.terms[order]])

    def _judge(self) -> None:
        """Give every invoice its status."""
        book = self.book
        self.status.extend(repeat(PAID, len(self.order)))
        recent: list[int] = []
        old: list[int] = []
        coming: list[int] = []
        for invoice, order in enumerate(self.order):
            if book.kind[order] >= RETURNED:
                self.status[invoice] = VOID
            elif self.due[invoice] >= TODAY:
                coming.append(invoice)
            else:
                late = TODAY - self.due[invoice]
                debt = self.total(invoice) << _SHIFT | invoice
                (old if late > _OLD else recent).append(debt)
        self._judge_coming(coming)
        recent.sort()
        old.sort()
        self._judge_late(recent, old)

    def _judge_coming(self, coming: list[int]) -> None:
        words = self.words.endless("coming")
        shown = [DRAFT, SENT, VIEWED, PARTIAL]
        for invoice in reversed(coming):
            word = words()
            if shown:
                status = shown.pop(0)
            elif self.day[invoice] == TODAY:
                status = DRAFT if word & 8 else SENT
            else:
                status = _NOT_DUE[word & 7]
            on_its_way = self.book.kind[self.order[invoice]] == SHIPPED
            self.status[invoice] = SENT if status == DRAFT and not on_its_way else status

    def _judge_late(self, recent: list[int], old: list[int]) -> None:
        """Choose debts in pairs, a recent and an old one, of amounts like those of all invoices.

        A debt is a number: its amount, and behind it its invoice.
        """
        number = (len(self.order) * _OVERDUE + 50) // 100
        pairs = (number + 1) // 2
        amounts = array("I", (debt >> _SHIFT for debt in merge(recent, old)))
        for pair in range(pairs if recent else 0):
            cents = amounts[(2 * pair + 1) * len(amounts) // (2 * pairs)]
            for pool in (recent, old)[: 1 + (2 * pair + 1 < number)]:
                if pool:
                    self.status[_nearest(pool, cents)] = OVERDUE

    def _collect(self) -> None:
        """Record the payments that the statuses tell of, in the order of days."""
        days, cents = _array("H"), _array("I")
        invoices, methods = _array("I"), _array("B")
        word, card = self.words.endless("payment"), self.words.deck("method", len(_METHODS))
        self.paid.extend(repeat(0, len(self.order)))
        self.settled.extend(repeat(0, len(self.order)))
        paying = (n for n, status in enumerate(self.status) if status in (PAID, PARTIAL))
        for number, invoice in enumerate(paying):
            # Each way of paying once, then as often as TERP's generators have it.
            method = number if number < len(set(_METHODS)) else _METHODS[card()]
            for day, part in sorted(self._payments(invoice, self.status[invoice], word())):
                days.append(day)
                invoices.append(invoice)
                cents.append(part)
                methods.append(method)
        for at in sorted(range(len(days)), key=days.__getitem__):
            self._pay(days[at], invoices[at], cents[at], methods[at])

    def _pay(self, day: int, invoice: int, cents: int, method: int) -> None:
        self.payment_day.append(day)
        self.payment_invoice.append(invoice)
        self.payment_cents.append(cents)
        self.payment_method.append(method)
        self.paid[invoice] += cents
        self.settled[invoice] = day

    def _payments(self, invoice: int, status: int, other: int) -> list[tuple[int, int]]:
        """The days and amounts in which an invoice was paid."""
        order, total, start = self.order[invoice], self.total(invoice), self.day[invoice]
        most = min(_SLOWEST, TODAY - start)
        wait = 1 + other % _SLOWEST if most == _SLOWEST else other % (most + 1)
        last = max(start, self.clock.working(start + wait))
        share = total * (30 + (other >> 8) % 41) // 100
        part = share // 10_000 * 10_000 or total // 2  # whole hundreds of dollars
        partly = TERMS[self.book.terms[order]] == "PARTIAL"
        if partly:
            self.deposit[order] = part
        if status == PARTIAL:
            return [(last, part)]
        if partly or (other >> 16) % 8 == 0:
            first = max(start, self.clock.working(start + wait // 2))
            return [(first, part), (last, total - part)]
        return [(last, total)]


def _nearest(pool: list[int], cents: int) -> int:
    """Take the invoice of about that amount out of a sorted pool of debts."""
    at = bisect_left(pool, cents << _SHIFT)
    if at == len(pool) or (at and cents - (pool[at - 1] >> _SHIFT) < (pool[at] >> _SHIFT) - cents):
        at -= 1
    return pool.pop(at) & ((1 << _SHIFT) - 1)
