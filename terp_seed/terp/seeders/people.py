"""Seeder ``people``: one person for each kind of work, a role for each, and who has which.

TERP makes ten roles of its own and completes the permissions at each start; these five roles have
names of their own, so that neither meets the other.  Nobody can sign in as one of these people
until an administrator gives them a password, for no password is in any file.

Later seeders name these people: from here on the rows of ``users`` that they refer to are these.
"""

from __future__ import annotations

from terp_seed.rows.columns import constant
from terp_seed.rows.pools import invented
from terp_seed.terp.checks.people import PEOPLE as INVARIANTS
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    ROWS,
    Columns,
    choice,
    each,
    moment,
    plain,
    register,
    row_of,
    table,
    text,
)

ADMINISTRATOR, SALES, WAREHOUSE, ACCOUNTING, READER = range(5)
"""The rows of the people."""

_NAMES = invented(
    ("Seed Administrator", "Seed Sales", "Seed Warehouse", "Seed Accounting", "Seed Reader")
)
_LOGINS = ("admin", "sales", "warehouse", "accounting", "reader")
_MAY = (
    "Everything, users and settings included",
    "Clients, quotes, orders, samples and matching",
    "Stock, intake, packing and returns",
    "Ledger, payments and credits",
    "Looks at everything, changes nothing",
)


def _since(sim: Simulation, *names: str) -> Columns:
    """All of them are older than the first client."""
    (second,) = sim.clock.moments([(TODAY - 1700) * DAY + 9 * HOUR])
    return dict.fromkeys(names, constant(second))


@table("users", rows=lambda sim: len(_LOGINS), key=("openId",))
def people(sim: Simulation) -> Columns:
    """One for each kind of work, without a password."""
    return {
        "openId": text(each(lambda row: f"seed-{_LOGINS[row]}"), 20),
        "name": text(each(lambda row: _NAMES[row]), 30),
        "email": text(each(lambda row: f"seed-{_LOGINS[row]}@example.com"), 40),
        "role": choice(each(lambda row: row == ADMINISTRATOR), ("user", "admin")),
        "lastSignedIn": moment(
            sim.clock, each(lambda row: (TODAY - row % 2) * DAY + (7 + row) * HOUR)
        ),
        **_since(sim, "createdAt", "updatedAt"),
    }


@table("roles", rows=lambda sim: len(_NAMES), key=("name",))
def roles(sim: Simulation) -> Columns:
    """One for each person; what each may do is in ``role_permissions.csv``."""
    return {
        "name": choice(ROWS, _NAMES),
        "description": choice(ROWS, _MAY),
        "is_system_role": plain(each(lambda _: 0)),
        **_since(sim, "created_at", "updated_at"),
    }


@table("user_roles", rows=lambda sim: len(_NAMES))
def user_roles(sim: Simulation) -> Columns:
    """Each person's role; TERP names people here by ``users.openId``."""
    return {
        "user_id": text(each(lambda row: f"seed-{_LOGINS[row]}"), 20),
        "role_id": row_of("roles", ROWS),
        "assigned_by": constant("seed-admin"),
        **_since(sim, "assigned_at"),
    }


register("people", people, roles, user_roles, after=("users",), checks=INVARIANTS)
