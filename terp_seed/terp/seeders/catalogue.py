"""Seeder ``catalogue``: the seed user, brands, strains and products.

TERP fills grades, categories, units and locations on its first start, if
they are empty.  So nothing is put there: seeding first must not suppress it.
Products name no supplier yet, since clients come later; their batches do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from terp_seed.rows.columns import computed, constant, pick
from terp_seed.rows.draw import Span
from terp_seed.rows.model import Column, TableRows
from terp_seed.rows.seeders import SeedContext, seeder
from terp_seed.terp.checks.rules import CATALOGUE
from terp_seed.terp.simulation.clock import DAY, TODAY
from terp_seed.terp.simulation.vocabulary import brand_names, strain_names
from terp_seed.terp.simulation.world import World, world_of

__all__ = ["catalogue"]

_LONG_AGO = TODAY - 1700  # before the first client joined
_GROWN = (
    "Family run and sun grown.", "Small batch, hand trimmed.", "Clean, consistent, on time.",
    "Living soil, no shortcuts.", "Old genetics, new houses.", "Cured slowly, packed fresh.",
)  # fmt: skip
_LINEAGES = ("Hybrid", "Indica", "Sativa")


@seeder("catalogue", checks=CATALOGUE)
def catalogue(context: SeedContext) -> list[TableRows]:
    """Describe the catalogue."""
    world = world_of(context)
    return [_users(context, world), _brands(context, world), _strains(context, world),
            _products(context, world)]  # fmt: skip


def _since(world: World) -> dict[str, Column]:
    moment = world.clock.moments([_LONG_AGO * DAY + 9 * 3600])[0]
    return {"createdAt": constant(moment), "updatedAt": constant(moment)}


def _users(context: SeedContext, world: World) -> TableRows:
    """The one user that seeded rows name: never a person's account."""
    return context.table(
        "users",
        rows=1,
        key=("openId",),
        columns={
            "openId": constant("terp-seed"),
            "name": constant("Seed Data"),
            "email": constant("terp-seed@example.com"),
            "role": constant("user"),
            **_since(world),
            "lastSignedIn": _since(world)["createdAt"],
        },
    )


def _brands(context: SeedContext, world: World) -> TableRows:
    return context.table(
        "brands",
        rows=world.sizes.brands,
        columns={
            "name": _named(brand_names.name),
            "description": pick(_GROWN),
            **_since(world),
        },
    )


def _strains(context: SeedContext, world: World) -> TableRows:
    return context.table(
        "strains",
        rows=world.sizes.strains,
        key=("name",),
        columns={
            "name": _named(strain_names.name),
            "standardizedName": _named(lambda row: strain_names.name(row).lower()),
            "category": pick(_LINEAGES, [5, 3, 2]),
            "baseStrainName": _named(strain_names.name),
            **_since(world),
        },
    )


def _products(context: SeedContext, world: World) -> TableRows:
    goods, brands = world.goods, world.sizes.brands
    return context.table(
        "products",
        rows=world.sizes.products,
        columns={
            "brandId": _each(lambda row: goods.strain(row) * 7 % brands, ref="brands"),
            "strainId": _each(goods.strain, ref="strains"),
            "nameCanonical": _each(goods.name, length=60, ascii_only=True),
            "category": _each(goods.category, length=20, ascii_only=True),
            "subcategory": _each(goods.subcategory, length=20, ascii_only=True),
            "uomSellable": _each(goods.unit, length=3, ascii_only=True),
            **_since(world),
        },
    )


def _named(name: Callable[[int], str]) -> Column:
    return _each(name, length=60, ascii_only=True)


def _each(value: Callable[[int], Any], **bounds: Any) -> Column:
    def make(span: Span) -> list[Any]:
        return [value(row) for row in span.rows()]

    return computed(make, **bounds)
