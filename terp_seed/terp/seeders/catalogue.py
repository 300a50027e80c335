"""Seeder ``catalogue``: users, brands, strains and products.

TERP fills grades, categories, units and locations on its first start, if they are empty.  So
nothing is put there: seeding first must not suppress it.  Products name no supplier yet, since
clients come later; their batches do.
"""

from __future__ import annotations

from terp_seed.rows.columns import constant, pick
from terp_seed.rows.pools import invented
from terp_seed.rows.seeders import refers
from terp_seed.terp.checks.invariants import CATALOGUE
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.names import brand_names, strain_names
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import Columns, choice, each, register, row_of, table, text

_USER, *PEOPLE = invented(
    ("Seed Data", "Seed Administrator", "Seed Sales", "Seed Warehouse", "Seed Accounting",
     "Seed Reader")
)  # fmt: skip
LOGINS = ("admin", "sales", "warehouse", "accounting", "reader")
ADMINISTRATOR, SALES, WAREHOUSE, ACCOUNTING, READER = range(1, 6)
"""The rows of the people; row 0 is the user that most rows name."""

_DESCRIPTIONS = (
    "Family run and sun grown.", "Small batch, hand trimmed.", "Clean, consistent, on time.",
    "Living soil, no shortcuts.", "Old genetics, new houses.", "Cured slowly, packed fresh.",
)  # fmt: skip


def _since_long(sim: Simulation, *names: str) -> Columns:
    """Everything in the catalogue is older than the first client."""
    (moment,) = sim.clock.moments([(TODAY - 1700) * DAY + 9 * HOUR])
    return dict.fromkeys(("createdAt", "updatedAt", *names), constant(moment))


@table("users", rows=lambda sim: 1 + len(PEOPLE), key=("openId",))
def users(sim: Simulation) -> Columns:
    """The user that most seeded rows name, and a person for each kind of work.

    None of them can sign in until an administrator sets a password: TERP keeps its hash in
    ``loginMethod``, and no password is in any file.
    """
    logins = [None, *LOGINS]
    ids = ["terp-seed" if login is None else f"seed-{login}" for login in logins]
    return {
        "openId": text(ids, 20),
        "name": text([_USER, *PEOPLE], 30),
        "email": text([f"{id_}@example.com" for id_ in ids], 40),
        "role": choice([login == "admin" for login in logins], ("user", "admin")),
        **_since_long(sim, "lastSignedIn"),
    }


@table("brands", rows=lambda sim: sim.sizes.brands)
def brands(sim: Simulation) -> Columns:
    """Brands; none of them belongs to a vendor yet."""
    return {
        "name": text(each(brand_names.name), 60),
        "description": pick(_DESCRIPTIONS),
        **_since_long(sim),
    }


@table("strains", rows=lambda sim: sim.sizes.strains, key=("name",))
def strains(sim: Simulation) -> Columns:
    """Strains, each its own base strain."""
    return {
        "name": text(each(strain_names.name), 60),
        "standardizedName": text(each(lambda row: strain_names.name(row).lower()), 60),
        "category": pick(["Hybrid", "Indica", "Sativa"], [5, 3, 2]),
        "baseStrainName": text(each(strain_names.name), 60),
        **_since_long(sim),
    }


@table(
    "products",
    rows=lambda sim: sim.sizes.products,
    references={"brandId": "brands", "strainId": "strains"},
)
def products(sim: Simulation) -> Columns:
    """Products by strain, growing method and grade."""
    return {
        "brandId": row_of(
            "brands", each(lambda strain: strain * 7 % sim.sizes.brands, sim.products.strain)
        ),
        "strainId": row_of("strains", sim.products.strain),
        "nameCanonical": text(sim.products.name, 60),
        "category": text(sim.products.category, 20),
        "subcategory": text(sim.products.subcategory, 20),
        "uomSellable": text(sim.products.unit, 3),
        **_since_long(sim),
    }


register("catalogue", users, brands, strains, products, checks=CATALOGUE)

# Columns that are not seeded; a rollback still looks for the rows that fill them.
refers("brands.vendorId", "vendors.id")
refers("strains.parentStrainId", "strains.id")
