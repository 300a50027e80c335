from __future__ import annotations

import csv
from pathlib import Path

import pytest
from terp_harness import SIZES, described, sandbox, seeded

from terp_seed.errors import UsageError
from terp_seed.rows.seeders import SeedContext
from terp_seed.terp.simulation.sizes import BatchStatus, read_sizes

PRICED = Path(__file__).parent.parent / "seeds" / "data" / "pricing_defaults.csv"


@pytest.fixture(scope="module")
def medium():
    with seeded("medium", names=["catalogue"]) as database:
        yield database


def test_nobody_can_sign_in_as_a_seeded_user(medium):
    assert medium.all("SELECT openId, role, loginMethod FROM users") == [
        ("terp-seed", "user", None),
        ("seed-admin", "admin", None),
        ("seed-sales", "user", None),
        ("seed-warehouse", "user", None),
        ("seed-accounting", "user", None),
        ("seed-reader", "user", None),
    ]


def test_nothing_goes_where_terp_puts_its_own_defaults():
    filled = {rows.table for made in described("small").values() for rows in made}
    assert not filled & {"grades", "categories", "subcategories", "unit_types"}


def test_nine_products_in_ten_are_flower(medium):
    flower = medium.one("SELECT AVG(category = 'Flower') FROM products")
    assert flower == pytest.approx(0.9, abs=0.01)


def test_every_category_has_a_default_margin(medium):
    with PRICED.open(encoding="utf-8") as file:
        priced = {row["product_category"] for row in csv.DictReader(file)}
    assert {"OTHER", "DEFAULT"} <= priced
    assert {row[0] for row in medium.all("SELECT DISTINCT category FROM products")} <= priced


def test_flower_is_strain_method_and_grade(medium):
    rows = medium.all(
        "SELECT p.nameCanonical, s.name, p.subcategory FROM products p"
        " JOIN strains s ON s.id = p.strainId WHERE p.category = 'Flower'"
    )
    methods = {"Indoor": "Indoor", "Greenhouse": "Deps", "Outdoor": "Outdoor"}
    for name, strain, subcategory in rows:
        method, grade = name.removeprefix(strain).split()
        assert methods[method] == subcategory
        assert grade in ("AAA", "AA", "A")


def test_products_follow_the_batches_unless_a_preset_fixes_them():
    few = read_sizes(SeedContext("catalogue", 1, None, SIZES["small"]))
    fixed = read_sizes(SeedContext("catalogue", 1, None, SIZES["small"] | {"products": 200}))
    assert few.products > few.by_status[BatchStatus.LIVE]
    assert fixed.products == 200


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ({"clients": 3}, "clients"),
        ({"batches": 9}, "batches"),
        ({"products": 5}, "products"),
        ({"strains": 1}, "strains"),
    ],
)
def test_too_few_rows_for_a_story_are_refused(rows, named):
    with pytest.raises(UsageError, match=named):
        read_sizes(SeedContext("catalogue", 1, None, SIZES["small"] | rows))


def test_missing_count_is_refused():
    with pytest.raises(UsageError, match="orders"):
        read_sizes(SeedContext("catalogue", 1, None, {"clients": 10, "batches": 30}))


def test_small_is_the_beginning_of_medium():
    small, medium = described("small")["catalogue"], described("medium")["catalogue"]
    for few, many in zip(small, medium, strict=True):
        for column in set(few.columns) - {"brandId"}:
            assert list(few.values(column)) == list(many.values(column, 0, few.count)), column


def test_orders_may_be_none():
    with seeded({"clients": 4, "batches": 10, "orders": 0}) as database:
        assert database.one("SELECT COUNT(*) FROM orders") == 0


def test_sandbox_starts_empty():
    with sandbox() as db:
        assert db.execute("SELECT COUNT(*) FROM products").fetchone() == (0,)
