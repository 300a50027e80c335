"""A chain with a branch and its merge: each side alone, in both orders, merged, and back."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from test_check import branches
from toys import Toy

SIDES = ("0002_left", "0002_right")
EACH = {"0001_a": {"labels": 1}, "0002_left": {"labels": 1}, "0002_right": {"pairs": 1}}
MERGE = 'op.seed_rows("labels", [{"code": "M"}], key=["code"])'


def there(*revisions: str) -> dict[str, int]:
    """The rows of some revisions, by table."""
    counts: dict[str, int] = {}
    for revision in revisions:
        for table, rows in EACH[revision].items():
            counts[table] = counts.get(table, 0) + rows
    return counts


@pytest.mark.parametrize("side", SIDES)
def test_a_side_is_right_alone(toy: Toy, side: str) -> None:
    branches(toy)
    empty = toy.digests()
    toy.upgrade(side)
    assert toy.counts() == there("0001_a", side)
    toy.downgrade("0001_a", "on-edited=abort")
    assert toy.counts() == there("0001_a")
    toy.downgrade("base")
    assert toy.digests() == empty


@pytest.mark.long
@pytest.mark.parametrize("order", list(permutations(SIDES)), ids="-".join)
def test_both_orders_and_each_way_back(toy: Toy, order: tuple[str, str]) -> None:
    """A downgrade of one side leaves the other as it is."""
    branches(toy, merge=MERGE)
    empty = toy.digests()
    for side in order:
        toy.upgrade(side)
    both = toy.digests()
    toy.upgrade()
    assert toy.counts() == {"labels": 3, "pairs": 1}
    toy.downgrade(f"0003_merge@{order[0]}", "on-edited=abort")
    assert toy.digests() == both
    for side, other in (order, order[::-1]):
        toy.downgrade(f"{side}@0001_a", "on-edited=abort")
        assert toy.counts() == there("0001_a", other)
        toy.upgrade(side)
    toy.upgrade()
    assert toy.document("status", "--drift")["heads"] == ["0003_merge"]
    toy.downgrade("base", "on-edited=abort")
    assert toy.digests() == empty


@pytest.mark.parametrize("order", list(permutations(SIDES)), ids="-".join)
def test_the_script_of_a_side_is_its_run(
    toy: Toy,
    new_toy: Callable[..., Toy],
    second_database_url: str,
    client: Any,
    order: tuple[str, str],
) -> None:
    other = new_toy(second_database_url)
    for place in (toy, other):
        branches(place, merge=MERGE)
    first, second = order
    for target, span in ((first, first), (second, f"{first}:{second}")):
        toy.upgrade(target)
        client(other.url, other.upgrade(span, sql=True))
    assert toy.digests() == other.digests()
    toy.upgrade()
    other.upgrade()
    assert toy.digests() == other.digests()
    client(other.url, other.downgrade("0003_merge:base", "on-edited=delete", sql=True))
    toy.downgrade("base")
    assert toy.digests() == other.digests()
