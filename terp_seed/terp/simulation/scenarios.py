"""What each scenario changes of the simulated business; ``typical`` changes nothing.

A part of the simulation reads the flag that it needs, and `terp_seed.terp.table` leaves tables
empty.  No seeder asks for a scenario by its name.
"""

from __future__ import annotations

from dataclasses import dataclass

from terp_seed.rows.seeders import TYPICAL, scenarios


@dataclass(frozen=True)
class Scenario:
    """What a scenario changes."""

    look_at: str
    """What there is to see, as docs/data.md says it."""
    only: frozenset[str] | None = None
    """The tables that have rows; None: all."""
    all_due: bool = False
    """Whether nothing that is owed is due later than today, and little of it was paid."""
    recalls: bool = False
    """Whether a lot turned out to be bad."""
    extreme: bool = False
    """Whether some rows hold the most, the least and the oddest that is legal."""


# People and what they may do, what is sold, and how the house is arranged.
_FIRST_DAY = (
    "users roles user_roles brands strains products tags productTags workflow_statuses todo_lists "
    "calendars calendar_user_access appointment_types vip_tiers sites storage_zones pricing_rules "
    "pricing_profiles"
)

SCENARIOS: dict[str, Scenario] = {
    TYPICAL: Scenario("the business that this page describes; the default"),
    "empty-start": Scenario(
        "a company on its first day: people, rights, products and places; every board, list and "
        "total is empty",
        only=frozenset(_FIRST_DAY.split()),
    ),
    "edge": Scenario(
        "the most, the least and the oddest that TERP's checks allow: the longest names, emoji and "
        "right-to-left texts, enum values and NULLs that are rare, a 29 February, credit limits of "
        "0, of the most that there is, and one that is used up",
        extreme=True,
    ),
    "month-end": Scenario(
        "nothing that is owed is due after the as-of day; unpaid invoices and bills due today, and "
        "overdue ones in every bucket of ageing",
        all_due=True,
    ),
    "recall": Scenario(
        "a lot whose notes begin with Recalled: what is left of it in quarantine and off the shop, "
        "returns and remarks of all orders that have some of it, samples asked back, notes of "
        "their clients",
        recalls=True,
    ),
}
"""The scenarios by name."""

scenarios(*SCENARIOS)
