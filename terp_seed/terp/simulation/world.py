"""One run's simulated business, shared by all seeders.

Each seeder takes from it what its tables need.  It depends on the root seed,
the as-of day and the row counts alone, so any seeder, revision or process
that asks gets the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache

from terp_seed.rows.draw import seed_key
from terp_seed.rows.seeders import SeedContext
from terp_seed.terp.simulation.arrays import Words
from terp_seed.terp.simulation.book import Book
from terp_seed.terp.simulation.buyers import Buyers
from terp_seed.terp.simulation.clock import Clock
from terp_seed.terp.simulation.goods import Goods
from terp_seed.terp.simulation.money import Ledgers
from terp_seed.terp.simulation.parties import Parties
from terp_seed.terp.simulation.schedule import Schedule, opening_day
from terp_seed.terp.simulation.sizes import Sizes, sizes_of
from terp_seed.terp.simulation.stock import Stock
from terp_seed.terp.simulation.supply import Supply

__all__ = ["World", "world_of"]


@dataclass(frozen=True)
class World:
    """Everything that is simulated, each part when it is first asked for."""

    root_seed: int
    as_of: date
    sizes: Sizes

    def _words(self, part: str) -> Words:
        return Words(seed_key(self.root_seed, f"terp {part}"))

    @cached_property
    def clock(self) -> Clock:
        """Dates from day numbers."""
        return Clock(self.as_of)

    @cached_property
    def goods(self) -> Goods:
        """Products."""
        return Goods(self.sizes.products, self.sizes.strains, self._words("goods"))

    @cached_property
    def parties(self) -> Parties:
        """Clients."""
        return Parties(self.sizes.clients, self.clock, self._words("parties"))

    @cached_property
    def stock(self) -> Stock:
        """Lots and batches."""
        opening = opening_day(self.sizes.orders)
        return Stock(self.sizes, self.goods, self.parties, self._words("stock"), opening)

    @cached_property
    def schedule(self) -> Schedule:
        """When orders are placed and what becomes of them."""
        live = self.sizes.by_status["LIVE"]
        return Schedule(self.sizes.orders, live, self.clock, self._words("schedule"))

    @cached_property
    def book(self) -> Book:
        """Orders, lines, allocations and shipments."""
        buyers = Buyers(self.parties, self._words("buyers"))
        return Book(self.stock, self.schedule, buyers, self._words("book")).write()

    @cached_property
    def supply(self) -> Supply:
        """What was taken in of each batch."""
        return Supply(self.stock, self.book.demand, self._words("supply"))

    @cached_property
    def ledgers(self) -> Ledgers:
        """Invoices and payments."""
        return Ledgers(self.book, self.clock, self._words("ledgers"))


@lru_cache(maxsize=1)
def _world(root_seed: int, as_of: date, sizes: Sizes) -> World:
    return World(root_seed, as_of, sizes)


def world_of(context: SeedContext) -> World:
    """The world that a context describes; made once for all seeders of a run."""
    return _world(context.root_seed, context.as_of, sizes_of(context))
