"""What happens to orders in the house: into which bags they are packed, and who looks at credit."""

from __future__ import annotations

from array import array

from terp_seed.rows.model import Span
from terp_seed.terp.simulation.arrays import Groups
from terp_seed.terp.simulation.clients import SUPPLIER, class_of
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.orders import Orders
from terp_seed.terp.simulation.schedule import Kind

_PER_BAG = 4  # lines
_CORRECTED = 12  # one buyer in so many had an entry that was reversed
_DAYS = 9  # until it was


class House:
    """Bags, and corrections of client ledgers."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        #: The orders that were packed.
        self.packed = array("I", [n for n, kind in enumerate(orders.kind) if kind >= Kind.PACKED])
        starts = orders.lines.starts
        sizes = [starts[order + 1] - starts[order] for order in self.packed]
        self.lines = Groups.from_counts(sizes)
        self.bags = Groups.from_counts(-(-size // _PER_BAG) for size in sizes)
        clients = orders.buyers.clients
        #: The buyers: each has a credit limit.
        self.buyers = array("I", [n for n in range(clients.count) if class_of(n) != SUPPLIER])
        self.corrected = self.buyers[::_CORRECTED]

    def bagged(self, span: Span) -> list[int]:
        """The order of each bag."""
        return [self.packed[place] for place in self.bags.parents(span)]

    def packed_lines(self, span: Span) -> list[tuple[int, int, int]]:
        """The order, the line and the bag of each line that was packed."""
        starts, bags = self.orders.lines.starts, self.bags.starts
        found = []
        for place, line in zip(self.lines.parents(span), self.lines.positions(span), strict=True):
            order = self.packed[place]
            found.append((order, starts[order] + line, bags[place] + line // _PER_BAG))
        return found

    def correction(self, row: int) -> tuple[int, bool, int, int]:
        """Client, whether it is the reversal, cents and second of an entry in a client's ledger.

        Each is reversed, so that a ledger ends where the invoices do.
        """
        client, reversal = self.corrected[row // 2], row % 2 == 1
        start = max(self.orders.buyers.clients.joined[client], self.orders.schedule.opening)
        day = start + (TODAY - _DAYS - start) * (1 + row // 2 % 7) // 8
        return (
            client,
            reversal,
            (75 + row // 2 * 35 % 400) * 100,
            (day + _DAYS * reversal) * DAY + 14 * HOUR,
        )
