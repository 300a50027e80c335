"""Who places the next order.

Whales make 70 percent of the revenue (TERP's generators).  That is steered:
whoever is behind the target orders next, give or take a few orders, so that
the share holds for a hundred orders as for a hundred thousand.
"""

from __future__ import annotations

from dataclasses import dataclass

from terp_seed.terp.simulation.arrays import RandomWords
from terp_seed.terp.simulation.clients import REGULAR, WHALE, Clients, class_of
from terp_seed.terp.simulation.clock import TODAY
from terp_seed.terp.simulation.schedule import Kind

_SHARE = 70  # percent
_SWING = 90_000  # cents for each of 2**16 steps: about two orders either way
_TRIES = 8


@dataclass
class Buyers:
    """Deals out orders to clients, keeping an eye on what they have spent."""

    clients: Clients
    words: RandomWords

    def __post_init__(self) -> None:
        self._numbers = [self.clients.number(kind) for kind in (WHALE, REGULAR)]
        self._word = self.words.endless("buyer")
        # Orders that count as revenue are balanced apart from those that do not.
        self._spent = [[0, 0], [0, 0]]
        self._today: set[int] = set()

    def next(self, order: int, day: int, kind: int) -> int:
        """The client who places an order on ``day``."""
        whales, total = self._spent[Kind.SHIPPED <= kind <= Kind.DELIVERED]
        swing = ((self._word() & 0xFFFF) - 0x8000) * _SWING
        class_ = WHALE if whales * 100 + swing < total * _SHARE else REGULAR
        client = self._pick(class_, day)
        if day == TODAY:  # spread over different clients
            for _ in range(_TRIES):
                if client not in self._today:
                    break
                client = self._pick(class_, day)
            self._today.add(client)
        return client

    def _pick(self, class_: int, day: int) -> int:
        number = self._numbers[class_]
        for _ in range(_TRIES):
            word = self._word()
            if word & 1:  # the first clients of a class order more than the last
                word = word * word >> 32
            client = self.clients.row(class_, word * number >> 32)
            if self.clients.joined[client] < day:
                return client
        return self.clients.row(class_, self._word() % 2 % number)

    def spent(self, client: int, kind: int, cents: int) -> None:
        spent = self._spent[Kind.SHIPPED <= kind <= Kind.DELIVERED]
        spent[1] += cents
        if class_of(client) == WHALE:
            spent[0] += cents
