"""Which invoices clients dispute: those that were corrected later, and some that they do not pay.

A credit that corrects a price or a weight settles a dispute; where it turned out to be a mistake,
the dispute was turned down.  Of the invoices that are late one in four is disputed still.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from terp_seed.terp.simulation.clock import TODAY
from terp_seed.terp.simulation.credits import Credits, CreditStatus
from terp_seed.terp.simulation.invoices import Invoices, Status

_ONE_IN = 4


class Reason(IntEnum):
    """Why an invoice is disputed; the first three are those of credits, which take turns."""

    GRADE, LATE, WEIGHT, PRICE, BRANCH = range(5)


class DisputeStatus(IntEnum):
    """TERP's statuses of a dispute."""

    OPEN, UNDER_REVIEW, RESOLVED, REJECTED, ESCALATED = range(5)


_STILL = (DisputeStatus.OPEN, DisputeStatus.UNDER_REVIEW, DisputeStatus.ESCALATED)


class Dispute(NamedTuple):
    """One dispute; amounts in cents, days of the simulation, 0 for what has not happened."""

    invoice: int
    status: DisputeStatus
    reason: Reason
    raised: int
    cents: int
    granted: int
    settled: int


def disputes(invoices: Invoices, granted: Credits) -> list[Dispute]:
    """All disputes, in the order in which they were raised."""
    found = [*_settled(granted), *_unsettled(invoices)]
    return sorted(found, key=lambda dispute: (dispute.raised, dispute.invoice))


def _settled(granted: Credits) -> list[Dispute]:
    found = []
    for credit, (invoice, cents, day, status) in enumerate(
        zip(granted.invoice, granted.cents, granted.day, granted.status, strict=True)
    ):
        raised, reason = max(granted.invoices.day[invoice], day - 3), Reason(credit % 3)
        if status == CreditStatus.VOID:
            found.append(Dispute(invoice, DisputeStatus.REJECTED, reason, raised, cents, 0, day))
        elif reason != Reason.LATE:
            state = DisputeStatus.RESOLVED
            found.append(Dispute(invoice, state, reason, raised, cents, cents, day))
    return found


def _unsettled(invoices: Invoices) -> list[Dispute]:
    late = [n for n, status in enumerate(invoices.status) if status == Status.OVERDUE]
    found = []
    for place, invoice in enumerate(late[::_ONE_IN]):
        raised = min(TODAY - 1, max(invoices.day[invoice], invoices.due[invoice] - 1 + place % 4))
        cents = invoices.total[invoice] // 4 // 100 * 100
        state, reason = _STILL[place % len(_STILL)], Reason(Reason.WEIGHT + place % 3)
        found.append(Dispute(invoice, state, reason, raised, cents, 0, 0))
    return found
