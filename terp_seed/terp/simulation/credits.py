"""Credits: what clients were granted for goods that were less than they had paid for.

One order in twenty is refunded five percent (TERP's generators).  A client with a later debt has
the credit applied to it; other credits stay open, and lapse after a year.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from enum import IntEnum

from terp_seed.terp.simulation.arrays import RandomWords
from terp_seed.terp.simulation.clock import TODAY
from terp_seed.terp.simulation.invoices import Invoices, Status

_ONE_IN = 20
_PERCENT = 5
_DAYS = 365  # until a credit lapses
_VOID = 15  # one credit in so many was a mistake
_OPEN = (Status.SENT, Status.VIEWED, Status.PARTIAL, Status.OVERDUE)


class CreditStatus(IntEnum):
    """TERP's statuses of a credit."""

    ACTIVE, PARTIALLY_USED, FULLY_USED, EXPIRED, VOID = range(5)


@dataclass(frozen=True)
class Applied:
    """One entry for each time that a credit was used for a debt."""

    credit: array[int] = field(default_factory=lambda: array("I"))
    invoice: array[int] = field(default_factory=lambda: array("I"))
    cents: array[int] = field(default_factory=lambda: array("I"))
    day: array[int] = field(default_factory=lambda: array("H"))


class Credits:
    """All credits of a run, by the invoices that they are for."""

    def __init__(self, invoices: Invoices, words: RandomWords) -> None:
        self.invoices = invoices
        # One entry for each credit.
        self.invoice: array[int] = array("I")
        self.cents: array[int] = array("I")
        self.day: array[int] = array("H")
        self.used: array[int] = array("I")
        self.status: array[int] = array("B")
        self.applied = Applied()
        self._debts: dict[int, list[int]] = {}
        for invoice, status in enumerate(invoices.status):
            if status in _OPEN:
                self._debts.setdefault(invoices.client[invoice], []).append(invoice)
        candidates = [n for n in invoices.valid if TODAY - invoices.day[n] > 3]
        chosen = candidates[1::_ONE_IN]
        for invoice, word in zip(chosen, words.first("credit", len(chosen)), strict=True):
            self._grant(invoice, word)
        #: The invoices that credits are for or were used for.
        self.invoiced = array("I", sorted({*self.invoice, *self.applied.invoice}))
        self.transaction = {invoice: row for row, invoice in enumerate(self.invoiced)}

    def _grant(self, invoice: int, word: int) -> None:
        credit, cents = len(self.cents), self.invoices.total[invoice] * _PERCENT // 100
        day = min(self.invoices.day[invoice] + 2 + word % 9, TODAY - 1)
        status = CreditStatus.ACTIVE
        used = 0
        if credit % _VOID == _VOID - 1:
            status = CreditStatus.VOID
        elif debt := self._debt(invoice, cents, day):
            whole = credit % 3 or day + _DAYS < TODAY
            used = self._use(credit, debt, cents if whole else cents // 200 * 100, day)
            status = (CreditStatus.PARTIALLY_USED, CreditStatus.FULLY_USED)[used == cents]
        elif day + _DAYS < TODAY:
            status = CreditStatus.EXPIRED
        self.invoice.append(invoice)
        self.cents.append(cents)
        self.day.append(day)
        self.used.append(used)
        self.status.append(status)

    def _debt(self, invoice: int, cents: int, day: int) -> int | None:
        """A debt of the same client on which nothing was used yet, or None."""
        invoices = self.invoices
        debts = self._debts.get(invoices.client[invoice], [])
        later = [
            n for n in debts
            if invoices.day[n] >= day and n != invoice
            and invoices.total[n] - invoices.paid[n] >= cents
        ]  # fmt: skip
        if not later:
            return None
        debts.remove(later[0])
        return later[0]

    def _use(self, credit: int, invoice: int, cents: int, day: int) -> int:
        self.applied.credit.append(credit)
        self.applied.invoice.append(invoice)
        self.applied.cents.append(cents)
        self.applied.day.append(min(TODAY - 1, max(day, self.invoices.day[invoice]) + 1))
        return cents
