"""Seeder ``catalogue``: the seed user, brands, strains and products.

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
from terp_seed.terp.table import Columns, each, register, row_of, table, text

(_USER,) = invented(["Seed Data"])
_DESCRIPTIONS = (
    "Family run and sun grown.", "Small batch, hand trimmed.", "Clean, consistent, on time.",
    "Living soil, no shortcuts.", "Old genetics, new houses.", "Cured slowly, packed fresh.",
)  # fmt: skip


def _since_long(sim: Simulation, *names: str) -> Columns:
    """Everything in the catalogue is older than the first client."""
    (moment,) = sim.clock.moments([(TODAY - 1700) * DAY + 9 * HOUR])
    return dict.fromkeys(("createdAt", "updatedAt", *names), constant(moment))


@table("users", rows=lambda sim: 1, key=("openId",))
def users(sim: Simulation) -> Columns:
    """The one user that seeded rows name: never a person's account."""
    return {
        "openId": constant("terp-seed"),
        "name": constant(_USER),
        "email": constant("terp-seed@example.com"),
        "role": constant("user"),
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
