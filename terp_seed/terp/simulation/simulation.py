"""One run's simulated business, shared by all seeders.

It depends on the root seed, the as-of day, the row counts and the scenario alone, so any seeder,
revision or process that asks gets the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache

from terp_seed.rows.model import seed_key
from terp_seed.rows.seeders import TYPICAL, SeedContext
from terp_seed.terp.simulation.arrays import RandomWords
from terp_seed.terp.simulation.batches import Batches
from terp_seed.terp.simulation.books import Accounting
from terp_seed.terp.simulation.buyers import Buyers
from terp_seed.terp.simulation.calendar import Calendar
from terp_seed.terp.simulation.clients import Clients
from terp_seed.terp.simulation.clock import Clock
from terp_seed.terp.simulation.credits import Credits
from terp_seed.terp.simulation.fulfilment import Fulfilment
from terp_seed.terp.simulation.house import House
from terp_seed.terp.simulation.intake import Intake
from terp_seed.terp.simulation.invoices import Invoices
from terp_seed.terp.simulation.matching import Matching
from terp_seed.terp.simulation.orders import Orders
from terp_seed.terp.simulation.payables import Payables
from terp_seed.terp.simulation.portal import Portal
from terp_seed.terp.simulation.products import Products
from terp_seed.terp.simulation.purchasing import Purchasing
from terp_seed.terp.simulation.recall import Recall, recall_worst_lot
from terp_seed.terp.simulation.returns import Returns
from terp_seed.terp.simulation.samples import Samples
from terp_seed.terp.simulation.scenarios import SCENARIOS, Scenario
from terp_seed.terp.simulation.schedule import Schedule, opening_day
from terp_seed.terp.simulation.sizes import BatchStatus, Sizes, read_sizes
from terp_seed.terp.simulation.talk import Talk
from terp_seed.terp.simulation.workflow import Workflow


@dataclass(frozen=True)
class Simulation:
    """Everything that is simulated, each part when it is first asked for."""

    root_seed: int
    as_of: date
    sizes: Sizes
    scenario: Scenario = SCENARIOS[TYPICAL]

    def _words(self, label: str) -> RandomWords:
        """The random words of one part; another label would change every row made of them."""
        return RandomWords(seed_key(self.root_seed, f"terp {label}"))

    @cached_property
    def clock(self) -> Clock:
        return Clock(self.as_of)

    @cached_property
    def products(self) -> Products:
        return Products(self.sizes.products, self.sizes.strains, self._words("goods"))

    @cached_property
    def clients(self) -> Clients:
        words, leap_day = self._words("parties"), self.scenario.extreme
        return Clients(self.sizes.clients, self.clock, words, leap_day)

    @cached_property
    def batches(self) -> Batches:
        opening = opening_day(self.sizes.orders)
        return Batches(self.sizes, self.products, self.clients, self._words("stock"), opening)

    @cached_property
    def schedule(self) -> Schedule:
        live = self.sizes.by_status[BatchStatus.LIVE]
        return Schedule(self.sizes.orders, live, self.clock, self._words("schedule"))

    @cached_property
    def orders(self) -> Orders:
        return self._trade[0]

    @cached_property
    def recall(self) -> Recall:
        return self._trade[1]

    @cached_property
    def _trade(self) -> tuple[Orders, Recall]:
        """The orders, and what was recalled after the last of them: it changes the batches."""
        buyers = Buyers(self.clients, self._words("buyers"))
        orders = Orders(self.batches, self.schedule, buyers, self._words("book"))
        return orders, recall_worst_lot(orders) if self.scenario.recalls else Recall()

    @cached_property
    def fulfilment(self) -> Fulfilment:
        return Fulfilment(self.orders)

    @cached_property
    def calendar(self) -> Calendar:
        return Calendar(self.orders)

    @cached_property
    def house(self) -> House:
        return House(self.orders)

    @cached_property
    def intake(self) -> Intake:
        words = self._words("supply")
        return Intake(self.batches, self.orders.demand, words, self.recall.batches)

    @cached_property
    def invoices(self) -> Invoices:
        words = self._words("ledgers")
        return Invoices(self.orders, self.clock, words, all_due=self.scenario.all_due)

    @cached_property
    def payables(self) -> Payables:
        words = self._words("payables")
        all_due = self.scenario.all_due
        return Payables(self.batches, self.intake, self.orders, words, all_due)

    @cached_property
    def purchasing(self) -> Purchasing:
        return Purchasing(self.batches, self.intake, self._words("purchasing"))

    @cached_property
    def returns(self) -> Returns:
        return Returns(self.orders, self._words("returns"), self.recall)

    @cached_property
    def samples(self) -> Samples:
        return Samples(self.intake, self.orders, self.recall.batches)

    @cached_property
    def talk(self) -> Talk:
        return Talk(self.fulfilment, self.invoices, self.calendar, self.recall)

    @cached_property
    def matching(self) -> Matching:
        return Matching(self.orders, self.house, self.talk)

    @cached_property
    def portal(self) -> Portal:
        return Portal(self.invoices, self.matching)

    @cached_property
    def workflow(self) -> Workflow:
        return Workflow(self.batches, self.recall.batches)

    @cached_property
    def books(self) -> Accounting:
        return Accounting(self.invoices, self.payables, self.credits, self._words("books"))

    @cached_property
    def credits(self) -> Credits:
        return Credits(self.invoices, self._words("credits"))


@lru_cache(maxsize=1)
def _simulation(root_seed: int, as_of: date, sizes: Sizes, scenario: Scenario) -> Simulation:
    return Simulation(root_seed, as_of, sizes, scenario)


def simulation_of(context: SeedContext) -> Simulation:
    """The simulation that a context asks for; made once for all seeders of a run."""
    scenario = SCENARIOS[context.scenario]
    return _simulation(context.root_seed, context.as_of, read_sizes(context), scenario)
