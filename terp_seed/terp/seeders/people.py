"""Seeder ``people``: a role for each of the people of `catalogue`, and who has which.

TERP makes ten roles itself and completes the permissions at each start; these five roles have
other names, so that neither meets the other.
"""

from __future__ import annotations

from terp_seed.rows.columns import constant
from terp_seed.terp.checks.people import RIGHTS as INVARIANTS
from terp_seed.terp.seeders.catalogue import LOGINS, PEOPLE
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    ROWS,
    Columns,
    choice,
    each,
    plain,
    register,
    row_of,
    table,
    text,
)

_MAY = (
    "Users and settings, and whatever an admin may do",
    "Clients, quotes, orders, samples and matching",
    "Stock, intake, packing and returns",
    "Ledger, payments and credits",
    "Looks at everything, changes nothing",
)


def _since(sim: Simulation, *names: str) -> Columns:
    """All of them are older than the first client."""
    (second,) = sim.clock.moments([(TODAY - 1700) * DAY + 9 * HOUR])
    return dict.fromkeys(names, constant(second))


@table("roles", rows=lambda sim: len(PEOPLE), key=("name",))
def roles(sim: Simulation) -> Columns:
    """One for each person; what each may do is in ``role_permissions.csv``."""
    return {
        "name": choice(ROWS, PEOPLE),
        "description": choice(ROWS, _MAY),
        "is_system_role": plain(each(lambda _: 0)),
        **_since(sim, "created_at", "updated_at"),
    }


@table("user_roles", rows=lambda sim: len(PEOPLE))
def user_roles(sim: Simulation) -> Columns:
    """Each person's role; TERP names people here by ``users.openId``."""
    return {
        "user_id": text(each(lambda row: f"seed-{LOGINS[row]}"), 20),
        "role_id": row_of("roles", ROWS),
        "assigned_by": constant("seed-admin"),
        **_since(sim, "assigned_at"),
    }


register("people", roles, user_roles, after=("users",), checks=INVARIANTS)
