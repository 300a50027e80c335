"""Columns and the generator under them: the value at a row number, whatever came before."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import Toy

from terp_seed.rows.columns import code, computed, constant, pick, reference, whole
from terp_seed.rows.model import WORD, Column, Span, TableRows, measured, seed_key

KEY = seed_key(1, "toy") + b"table.column"
PLACES = st.integers(min_value=0, max_value=5000)


def values(column: Column, start: int, stop: int) -> list[object]:
    return list(column.make(Span(KEY, start, stop)))


@given(PLACES, PLACES)
def test_words_do_not_depend_on_where_a_block_begins(one: int, other: int) -> None:
    start, stop = sorted((one, other))
    assert Span(KEY, start, stop).words() == Span(KEY, 0, 5000).words()[start:stop]


def test_words_are_what_they_were() -> None:
    """A change here changes every row that anybody has ever seeded."""
    words = Span(seed_key(1, "toy") + b"t.c", 1022, 1026).words()
    assert words == Span(seed_key(1, "toy") + b"t.c", 0, 2048).words()[1022:1026]
    assert Span(seed_key(1, "toy") + b"t.c", 0, 3).words() == FIRST


FIRST = [2379003691, 1860709888, 23673407]


def test_words_differ_by_seed_seeder_column_and_label() -> None:
    keys = [seed_key(n, s) + c for n in (1, 2) for s in ("a", "b") for c in (b"t.x", b"t.y")]
    drawn = [tuple(Span(key, 0, 8).words(label)) for key in keys for label in ("", "l")]
    assert len(set(drawn)) == len(drawn)
    assert all(0 <= word < WORD for words in drawn for word in words)


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_another_process_draws_the_same(seed: str) -> None:
    """C-36."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from terp_seed.rows.model import Span, seed_key\n"
            "print(Span(seed_key(1, 'toy') + b't.c', 0, 3).words())",
        ],
        env={"PYTHONHASHSEED": seed},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == str(FIRST)


@pytest.mark.long
@pytest.mark.parametrize("hash_seed", ["1", "4711"])
def test_another_process_seeds_the_same_rows(toy: Toy, hash_seed: str) -> None:
    """C-36: whatever its hash seed; a smaller size is the beginning of a larger one."""
    toy.alembic("-x", "size=medium", "upgrade", "head", env={"PYTHONHASHSEED": hash_seed})
    found, weights = toy.numbered_digests(), toy.rows("SELECT code, weight FROM crates ORDER BY 1")
    toy.downgrade()
    toy.rewind()
    toy.upgrade("head", "size=medium")
    assert toy.numbered_digests() == found
    toy.downgrade()
    toy.upgrade("head", "size=small")
    assert toy.rows("SELECT code, weight FROM crates ORDER BY 1") == weights[:12]


COLUMNS = {
    "code": code("SEED-"),
    "constant": constant("x"),
    "pick": pick(["a", "b", "c"]),
    "weighted": pick(["a", "b", None], weights=[5, 3, 2]),
    "whole": whole(10, 50, step=5),
    "reference": reference("other", 7),
    "computed": computed(lambda span: [row * row for row in span.rows()]),
}


@pytest.mark.parametrize("name", COLUMNS)
@given(PLACES, PLACES)
def test_every_block_is_a_part_of_the_whole(name: str, one: int, other: int) -> None:
    start, stop = sorted((one % 300, other % 300))
    assert values(COLUMNS[name], start, stop) == values(COLUMNS[name], 0, 300)[start:stop]


@pytest.mark.parametrize("name", COLUMNS)
def test_every_value_keeps_the_declared_bounds(name: str) -> None:
    bounds = COLUMNS[name].bounds
    for value in values(COLUMNS[name], 0, 3000):
        if value is None:
            assert bounds.nullable
        elif isinstance(value, str):
            assert bounds.length is not None
            assert len(value) <= bounds.length
            assert bounds.choices is None or value in bounds.choices
        elif isinstance(value, int) and bounds.low is not None and bounds.high is not None:
            assert bounds.low <= value <= bounds.high


def test_whole_reaches_both_ends_and_keeps_the_step() -> None:
    found = set(values(whole(10, 50, step=5), 0, 2000))
    assert found == set(range(10, 51, 5))


def test_references_reach_every_row_and_no_other() -> None:
    assert set(values(reference("other", 7), 0, 2000)) == set(range(7))


def test_weights_are_kept() -> None:
    found = Counter(values(pick("abc", weights=[6, 3, 1]), 0, 20_000))
    assert [round(found[letter] / 2000) for letter in "abc"] == [6, 3, 1]


def test_codes_grow_longer_rather_than_meet() -> None:
    column = code("X-", digits=3)
    assert values(column, 0, 2) == ["X-001", "X-002"]
    assert values(column, 998, 1001) == ["X-999", "X-1000", "X-1001"]
    assert column.bounds.length is not None
    assert column.bounds.length >= len("X-1000000000") - 1


def test_a_new_column_changes_no_other() -> None:
    few = {"a": pick("xyz"), "b": whole(1, 9)}
    many = {"z": pick("pqr"), **few, "c": whole(1, 9)}
    seed = seed_key(1, "toy")
    one, other = (TableRows("t", 50, columns, seed) for columns in (few, many))
    assert all(one.values(name) == other.values(name) for name in few)
    assert other.values("b") != other.values("c")


def test_rows_are_cut_into_blocks_without_a_gap() -> None:
    rows = TableRows("t", 2501, {"a": whole(1, 99)}, b"")
    blocks = list(rows.blocks(1000))
    assert [(block.start, block.stop) for block in blocks] == [
        (0, 1000),
        (1000, 2000),
        (2000, 2501),
    ]
    joined = [value for block in blocks for value in block.columns["a"].values]
    assert joined == list(rows.values("a"))
    assert list(TableRows("t", 0, {"a": whole(1, 99)}, b"").blocks(1000)) == []


def test_bounds_are_measured_on_values_that_are_at_hand() -> None:
    bounds = measured(["a", "ünï", None])
    assert (bounds.length, bounds.nullable, bounds.plane) == (3, True, "bmp")
    assert bounds.choices == {"a", "ünï"}
    mixed = measured(["a", 5, {"k": 1}])
    assert mixed.choices is None
    assert measured([3, -2]).low == -2
    assert measured([date(2026, 1, 1)]).length is None
    assert measured(["\U0001f600"]).plane == "full"
    assert measured([]).nullable is False
