"""Any value of any column type comes back after an update or a deletion."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_types_property import FEW, HEAD, expression, kinds
from toys import Toy

from terp_seed.masking.live_values import LIVE_KINDS

pytestmark = pytest.mark.filterwarnings("ignore:Did not recognize type")


def held(toy: Toy) -> list[tuple[Any, ...]]:
    """The rows as the driver reads them."""
    return toy.rows("SELECT * FROM t ORDER BY code")


@pytest.mark.slow
def test_every_type_comes_back(
    toy: Toy, second_database_url: str, new_toy: Callable[..., Toy], client: Any
) -> None:
    """By a run and by a script; edits of others in between stay where they are."""
    other = new_toy(second_database_url)
    types = kinds(toy)
    names = {f"c{n}": kind for n, kind in enumerate(types)}
    columns = ", ".join(f"{name} {kind}" for name, kind in names.items())
    for each in (toy, other):
        each.execute(f"CREATE TABLE t (id {each.counted_key}, code CHAR(4) UNIQUE, {columns})")
        each.publish("t", ["code", *names], *LIVE_KINDS)
    cells = {name: st.none() | types[kind] for name, kind in names.items()}
    row = st.fixed_dictionaries(cells)
    update = st.fixed_dictionaries({}, optional=cells).filter(bool)
    numbers = count(1)

    @FEW
    @given(st.lists(row, min_size=2, max_size=6), st.data())
    def check(rows: list[dict[str, Any]], data: st.DataObject) -> None:
        updates = {n: data.draw(update) for n in range(len(rows) - 1)}
        seed = [{"code": f"r{n}", **values} for n, values in enumerate(rows)]
        change = [{"code": f"r{n}", **values} for n, values in updates.items()]
        number = next(numbers)
        first, second = f"0001_t{number}", f"0002_t{number}"
        for each in (toy, other):
            listed = "[" + ",\n".join(map(expression, seed)) + "]"
            each.only(first, f'op.seed_rows("t", {listed}, key=["code"])', head=HEAD)
            each.upgrade()
        before = held(toy)
        last = f"r{len(rows) - 1}"
        for each in (toy, other):
            listed = "[" + ",\n".join(map(expression, change)) + "]"
            each.revision(
                second,
                f'op.update_rows("t", {listed}, key=["code"])\n'
                f'op.delete_rows("t", ["{last}"], key=["code"], allow_delete=True)',
                after=first,
                head=HEAD,
            )
        toy.upgrade()
        client(other.url, other.upgrade(f"{first}:{second}", sql=True))
        assert held(toy) == held(other)
        toy.document("status", "--drift")
        toy.downgrade("-1", "on-edited=abort")
        client(other.url, other.downgrade(f"{second}:{first}", "on-edited=delete", sql=True))
        assert held(toy) == held(other) == before
        toy.document("status", "--drift")
        for each in (toy, other):
            each.downgrade("base", "on-edited=abort")
            assert each.counts() == {}

    check()
