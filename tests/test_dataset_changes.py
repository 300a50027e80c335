"""What differs between datasets and chain, as rows to insert, update and delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terp_seed import ref
from terp_seed.errors import PlanError, UsageError
from terp_seed.plan.fold import FoldedTable
from terp_seed.project.dataset_changes import (
    DatasetChanges,
    EnvironmentChanges,
    _is_same,
    compare_datasets,
)
from terp_seed.project.datasets import Dataset
from terp_seed.rows.model import Value

Row = Mapping[str, Value]
EVERYWHERE = ("dev", "test", "staging", "production")


class Given(Dataset):
    """A dataset whose rows are given, not read."""

    def give(self, rows: Sequence[Row]) -> Given:
        object.__setattr__(self, "_given", rows)
        return self

    def rows(self) -> Any:
        return ((self.key_of(row), dict(row)) for row in vars(self)["_given"])


def dataset(rows: Sequence[Row], name: str = "brands", **settings: Any) -> Given:
    made = {"table": name, "key": ("name",), **settings}
    return Given(name, Path(), f"{name}.csv", **made).give(rows)


def folded(rows: Sequence[Row], table: str = "brands", key: Sequence[str] = ("name",)) -> Any:
    by_key = {tuple(row[name] for name in key): dict(row) for row in rows}
    return FoldedTable(table, tuple(key), "id", {}, by_key)


def compare(datasets: Sequence[Dataset], *tables: Any, **more: Any) -> list[EnvironmentChanges]:
    chain = {table.table: table for table in tables}
    more.setdefault("personal", lambda table, column: column == "email")
    return compare_datasets(datasets, lambda environments: deepcopy(chain), **more)


def changes(rows: Sequence[Row], chain: Sequence[Row], **settings: Any) -> DatasetChanges:
    settings = {"vanished": "delete", "allow_delete": True, **settings}
    ((comparison),) = compare([dataset(rows, **settings)], folded(chain))
    (found,) = comparison.changes
    return found


def updates(found: DatasetChanges) -> list[tuple[Value, tuple[str, ...]]]:
    return [(update.row["name"], update.columns) for update in found.updates]


def test_rows_are_new_changed_or_gone() -> None:
    found = changes(
        [{"name": "A", "x": 1}, {"name": "B", "x": 3}, {"name": "D", "x": 4}],
        [{"name": "A", "x": 1}, {"name": "B", "x": 2}, {"name": "C", "x": 9}],
    )
    assert [row["name"] for row in found.inserts] == ["D"]
    assert updates(found) == [("B", ("x",))]
    assert found.deletes == [{"name": "C"}]
    assert str(found) == "brands: insert 1, update 1, delete 1 of 3"


def test_equal_rows_are_no_change() -> None:
    assert not changes([{"name": "A", "x": None}], [{"name": "A", "x": None}])


@pytest.mark.parametrize(
    ("then", "now", "same"),
    [
        (5, "5", True),
        (Decimal("1.50"), "1.5", True),
        (True, 1, True),
        ("007", "7", False),
        ("1.50", "1.5", False),
        ("", None, False),
        ({"a": 1}, '{"a": 1}', True),
    ],
)
def test_values_compare_as_the_table_would_have_them(then: Value, now: Value, same: bool) -> None:
    """Texts as they are, since "007" is not "7" in a column of texts."""
    found = changes([{"name": "A", "x": now}], [{"name": "A", "x": then}])
    assert bool(found) is not same


def test_a_reference_compares_by_what_it_looks_up() -> None:
    refs = {"maker": "makers.name"}
    chain = [{"name": "A", "maker": ref("makers", name="Acme")}]
    assert not changes([{"name": "A", "maker": "Acme"}], chain, refs=refs)
    assert updates(changes([{"name": "A", "maker": "Zen"}], chain, refs=refs)) == [
        ("A", ("maker",))
    ]


def test_a_column_once_is_written_and_never_updated() -> None:
    found = changes(
        [{"name": "A", "x": 2, "y": 2}, {"name": "B", "x": 2, "y": 2}],
        [{"name": "A", "x": 1, "y": 1}],
        once=("x",),
    )
    assert updates(found) == [("A", ("y",))]
    assert found.inserts == [{"name": "B", "x": 2, "y": 2}]


def test_a_column_that_the_chain_never_wrote_is_written() -> None:
    assert updates(changes([{"name": "A", "x": None}], [{"name": "A"}])) == [("A", ("x",))]


def test_a_column_that_the_file_does_not_have_is_left_alone() -> None:
    assert not changes([{"name": "A"}], [{"name": "A", "x": 1}])


def test_a_personal_column_is_never_in_an_update() -> None:
    rows, chain = [{"name": "A", "email": "new"}], [{"name": "A", "email": "old"}]
    with pytest.raises(PlanError) as caught:
        changes(rows, chain)
    assert "brands: 1 rows differ in email" in str(caught.value)
    assert "once in datasets.toml" in str(caught.value)
    assert "new" not in str(caught.value)
    assert not changes(rows, chain, once=("email",))
    assert changes(rows, []).inserts == rows


def test_what_vanished_stays_unless_the_dataset_says_delete() -> None:
    chain = [{"name": "A"}, {"name": "B"}]
    found = changes([{"name": "A"}], chain, vanished="leave")
    assert (found.deletes, found.left) == ([], 1)
    (note,) = found.notes(lambda table, column: False)
    assert note.startswith("brands: 1 rows are not in datasets/brands.csv and stay")


def test_many_deletions_have_to_be_allowed() -> None:
    """A public list of countries lost 46 of 249 in one commit, and had them back in the next."""
    chain = [{"name": f"N{n}"} for n in range(249)]
    with pytest.raises(PlanError) as caught:
        changes(chain[46:], chain, allow_delete=False)
    assert "lacks 46 of the 249 rows that the chain has (18%), more than 5%" in str(caught.value)
    found = changes(chain[46:], chain)
    assert (len(found.deletes), found.large_share) == (46, True)
    few = changes(chain[12:], chain, allow_delete=False)
    assert (len(few.deletes), few.large_share) == (12, False)


@pytest.mark.parametrize(
    ("vanished", "outcome"),
    [("delete", "a delete and an insert, with a new id"), ("leave", "and the old row stays")],
)
def test_a_changed_key_is_said(vanished: str, outcome: str) -> None:
    found = changes(
        [{"name": "Acme", "x": 7}, {"name": "B", "x": 1}],
        [{"name": "Acm", "x": "7"}, {"name": "B", "x": 1}],
        vanished=vanished,
    )
    *_, said = found.notes(lambda table, column: False)
    assert said.startswith("brands: name 'Acm' looks like name 'Acme' now: a changed key is ")
    assert said.endswith(outcome)
    hidden = [*found.notes(lambda table, column: True)]
    assert "Acm" not in hidden[-1]


def test_rows_that_share_their_cells_are_not_taken_for_one() -> None:
    chain = [{"name": "A", "x": 1}, {"name": "B", "x": 1}]
    assert changes([{"name": "C", "x": 1}], chain).moved == []


def test_the_differences_name_dataset_key_and_column() -> None:
    found = changes(
        [{"name": "B", "x": 3}, {"name": "D", "x": 4}],
        [{"name": "B", "x": 2}, {"name": "C", "x": 9}],
    )

    def lines(operation: str) -> list[str]:
        return found.differences(operation, lambda table, column: False)

    assert lines("update_rows") == ["brands: name 'B': x not as in the chain"]
    assert lines("seed_rows") == ["brands: name 'D': not in the chain"]
    assert lines("delete_rows") == ["brands: name 'C': not in datasets/brands.csv"]


def test_many_differences_are_cut_short() -> None:
    found = changes([{"name": str(n)} for n in range(30)], [])
    lines = found.differences("seed_rows", lambda table, column: False)
    assert (len(lines), lines[-1]) == (11, "brands: 20 rows more")


def test_another_key_than_the_chain_has_is_refused() -> None:
    chain = folded([{"code": "a", "name": "A", "x": 1}], key=["code"])
    with pytest.raises(UsageError, match="the chain knows rows of brands by code; use the same"):
        compare([dataset([{"name": "A", "code": "a", "x": 2}])], chain)


def test_a_key_may_refer_to_a_row_that_the_chain_looked_up() -> None:
    chain = folded([{"name": ref("makers", name="Acme"), "x": 1}])
    refs = {"name": "makers.name"}
    ((comparison),) = compare([dataset([{"name": "Acme", "x": 1}], refs=refs)], chain)
    assert not comparison


def test_parents_come_first() -> None:
    child = dataset([{"name": "c"}], "children", refs={"parent": "parents.name"})
    parent = dataset([{"name": "p"}], "parents")
    ((comparison),) = compare([child, parent])
    assert [change.dataset.name for change in comparison.changes] == ["parents", "children"]


def test_a_circle_is_named_unless_a_column_comes_later() -> None:
    one = dataset([{"name": "1"}], "one", refs={"two": "two.name"})
    two = dataset([{"name": "2"}], "two", refs={"one": "one.name"})
    with pytest.raises(UsageError, match=r"refer to each other in a circle: .* -> "):
        compare([one, two])
    later = dataset([{"name": "2"}], "two", refs={"one": "one.name"}, later=("one",))
    assert compare([one, later])


def test_each_set_of_environments_has_a_comparison_the_widest_first() -> None:
    asked: list[Sequence[str]] = []

    def fold(environments: Sequence[str]) -> Any:
        asked.append(environments)
        return {}

    few = dataset([{"name": "1"}], "few", environments=("dev",))
    many = dataset([{"name": "2"}], "many", environments=EVERYWHERE)
    found = compare_datasets([few, many], fold, lambda table, column: False)
    assert [comparison.environments for comparison in found] == [EVERYWHERE, ("dev",)] == asked


def shared(**second: Any) -> list[Given]:
    """Two datasets of one table: what is everywhere, and what is in dev besides."""
    rows = second.pop("rows", [{"name": "B", "x": 1}])
    return [
        dataset([{"name": "A", "x": 1}], "all", table="t", environments=EVERYWHERE),
        dataset(rows, "demo", **{"table": "t", "environments": ("dev",), **second}),
    ]


def test_two_datasets_of_a_table_declare_it_together() -> None:
    chain = folded([{"name": "A", "x": 1}, {"name": "B", "x": 1}], "t")
    for comparison in compare(shared(vanished="delete"), chain):
        assert not comparison


def test_a_row_of_two_datasets_goes_when_the_last_lets_go() -> None:
    both = shared(rows=[{"name": "A", "x": 1}, {"name": "B", "x": 1}])
    assert [len(c.changes[0].inserts) for c in compare(both)] == [1, 1]
    chain = folded([{"name": "A", "x": 1}, {"name": "B", "x": 1}], "t")
    one = dataset([{"name": "B", "x": 1}], "all", table="t", environments=EVERYWHERE)
    assert not any(compare([one, both[1]], chain))


def test_a_row_of_two_datasets_has_one_set_of_values() -> None:
    for rows, environments in (
        ([{"name": "A", "x": 2}], ("dev",)),
        ([{"name": "A", "x": 2}], EVERYWHERE),
    ):
        with pytest.raises(UsageError, match="datasets all and demo: both have the row 'A' of t"):
            compare(shared(rows=rows, environments=environments))
    with pytest.raises(UsageError, match="give them the same key and id"):
        compare(shared(id=None))


_ROWS = st.dictionaries(
    st.sampled_from("ABCDEF"),
    st.fixed_dictionaries({"x": st.one_of(st.none(), st.integers(0, 2), st.sampled_from("01"))}),
)


@given(_ROWS, _ROWS)
def test_the_changes_bring_the_chain_to_the_dataset(
    then: dict[str, Row], now: dict[str, Row]
) -> None:
    """Whatever the two are."""
    chain = {name: {"name": name, **row} for name, row in then.items()}
    wanted = {name: {"name": name, **row} for name, row in now.items()}
    found = changes([*wanted.values()], [*chain.values()])
    for row in found.deletes:
        del chain[str(row["name"])]
    for row in found.inserts:
        assert chain.setdefault(str(row["name"]), dict(row)) == row
    for update in found.updates:
        chain[str(update.row["name"])].update({name: update.row[name] for name in update.columns})

    def plain(rows: Mapping[str, Row]) -> dict[str, str | None]:
        return {n: None if row["x"] is None else str(row["x"]) for n, row in rows.items()}

    assert plain(chain) == plain(wanted)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (9007199254740995, 9007199254740996),
        (1234567890123456, 1234567890123457),
        (Decimal("12345678901234567.12"), Decimal("12345678901234567.13")),
        ({"a": 9007199254740995}, {"a": 9007199254740996}),
        ({"a": True}, {"a": 1}),
        ("007", "7"),
    ],
)
def test_values_that_differ_in_the_last_digit_differ(old: Any, new: Any) -> None:
    assert not _is_same(old, new)
    assert _is_same(old, old)
