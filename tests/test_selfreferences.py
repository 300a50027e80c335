"""Rows that refer to each other go in an order that every engine allows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from toys import Toy

from terp_seed.run.dependents import _outermost_first

KEYS = st.integers(1, 12)


@given(st.dictionaries(KEYS, st.frozensets(st.none() | KEYS, max_size=3)))
def test_no_row_goes_before_one_that_refers_to_it(rows: dict[int, frozenset[int | None]]) -> None:
    groups = [list(group) for group in _outermost_first(rows)]
    assert sorted(key for group in groups for key in group) == sorted(rows)
    left = dict(rows)
    for group in groups:
        pointing = {target for key in left for target in left[key]}
        in_circles = group is groups[-1] and pointing.issuperset(group)
        assert in_circles or pointing.isdisjoint(group)
        for key in group:
            del left[key]


def test_a_tree_that_restricts_comes_down_from_its_leaves(sqlite_toy: Toy) -> None:
    toy = sqlite_toy
    toy.execute(
        "CREATE TABLE nodes (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL UNIQUE, "
        "parent INTEGER REFERENCES nodes (id) ON DELETE RESTRICT)"
    )
    rows = '[{"code": f"N{n}", "parent": None} for n in range(40)]'
    toy.only("0001_nodes", f'op.seed_rows("nodes", {rows}, key=["code"])')
    toy.upgrade()
    first = toy.value("SELECT MIN(id) FROM nodes")
    toy.execute(
        f"UPDATE nodes SET parent = {first} + (id - {first}) / 3 WHERE id > {first}",
        f"UPDATE nodes SET parent = {first} + 39 WHERE id = {first} + 20",
    )
    toy.downgrade("base", "on-edited=delete")
    assert toy.value("SELECT COUNT(*) FROM nodes") == 0
    removed = toy.value("SELECT table_rows FROM terp_seed_audit WHERE event = 'reverted'")
    assert removed == '{"nodes":40}'


def test_a_circle_of_rows_goes_in_one_statement(sqlite_toy: Toy) -> None:
    toy = sqlite_toy
    toy.execute(
        "CREATE TABLE ring (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL UNIQUE, "
        "next INTEGER REFERENCES ring (id))"
    )
    rows = '[{"code": f"N{n}", "next": None} for n in range(40)]'
    toy.only("0001_ring", f'op.seed_rows("ring", {rows}, key=["code"])')
    toy.upgrade()
    first = toy.value("SELECT MIN(id) FROM ring")
    toy.execute(f"UPDATE ring SET next = {first} + (id - {first} + 1) % 40")
    toy.downgrade("base", "on-edited=delete")
    assert toy.value("SELECT COUNT(*) FROM ring") == 0
