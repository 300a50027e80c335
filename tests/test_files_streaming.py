"""Files of many rows: memory does not grow with them, and no row is lost or moved."""

from __future__ import annotations

import gzip
import tracemalloc
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import Toy

from terp_seed.errors import UsageError
from terp_seed.rows.files import read_batches
from terp_seed.rows.imported import BATCH_ROWS, Batch, RowStore, imported
from terp_seed.rows.model import Json, Lookup, Meter, TableRows, measured

ROWS = 25_000


def lines(rows: int) -> str:
    return "code,a,b\n" + "".join(f"K{n:06d},{n * 7},word {n % 97}\n" for n in range(rows))


def load(folder: Path, content: str, **more: Any) -> TableRows:
    (folder / "big.csv").write_text(content)
    return imported("t", read_batches(folder, "big.csv"), key=["code"], source="big.csv", **more)


def peak(folder: Path, rows: int) -> int:
    """The most memory that reading a file takes."""
    (folder / "big.csv").write_text(lines(rows))
    tracemalloc.start()
    made = imported("t", read_batches(folder, "big.csv"), key=["code"])
    assert sum(1 for _ in made.each("b")) == rows
    (_, most) = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """But for the eight bytes of a key that finds the one that comes again."""
    peak(tmp_path, 100)  # what is loaded once
    assert peak(tmp_path, 60_000) - 8 * 60_000 < 1.2 * peak(tmp_path, 20_000)


def test_every_block_has_its_rows(tmp_path: Path) -> None:
    rows = load(tmp_path, lines(ROWS))
    assert rows.count == ROWS
    for start, stop in [(0, 10), (1990, 2010), (9_999, 14_001), (24_999, 25_000), (0, ROWS)]:
        block = rows.block(start, stop)
        assert block.columns["code"].values == [f"K{n:06d}" for n in range(start, stop)]
        assert block.columns["a"].values == [str(n * 7) for n in range(start, stop)]
    assert rows.values("code", 5, 5) == []


def test_many_rows_go_in_and_come_out(toy: Toy) -> None:
    toy.data("big.csv.gz", gzip.compress(lines(12_345).encode()))
    toy.only(
        "0001_a",
        'op.seed_file("labels", "big.csv.gz", key=["code"], rename={"a": "place", "b": "wording"})',
    )
    toy.upgrade()
    assert toy.rows("SELECT COUNT(*), MIN(place), MAX(place) FROM labels") == [
        (12_345, 0, 12_344 * 7)
    ]
    assert toy.value("SELECT wording FROM labels WHERE code = 'K012001'") == "word 70"
    toy.document("status", "--drift")
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == {}


def test_many_references_are_looked_up_together(sqlite_toy: Toy) -> None:
    """To rows of the same run, and to rows that are there."""
    toy = sqlite_toy
    toy.data("parents.csv", lines(600))
    toy.data("children.csv", "code,parent_id\n" + "".join(f"C{n},K{n:06d}\n" for n in range(600)))
    options = 'key=["code"], rename={"a": "place", "b": "wording"}'
    toy.only("0001_a", f'op.seed_file("labels", "parents.csv", {options})')
    children = (
        'op.seed_file("labels", "children.csv", key=["code"], refs={"parent_id": "labels.code"})'
    )
    toy.revision("0002_b", children, after="0001_a")
    toy.upgrade()
    joined = "SELECT COUNT(*) FROM labels c JOIN labels p ON p.id = c.parent_id"
    assert toy.value(f"{joined} WHERE SUBSTR(p.code, 2) + 0 = SUBSTR(c.code, 2) + 0") == 600
    toy.downgrade("0001_a")
    toy.upgrade()
    assert toy.value(joined) == 600
    toy.downgrade("0001_a")
    toy.execute("DELETE FROM labels WHERE code = 'K000017'")
    with pytest.raises(Exception, match="column parent_id, row 18: refers to a row of labels"):
        toy.upgrade()


@pytest.mark.parametrize(("first", "second"), [(3, 17), (3, 24_000), (15_000, 24_000)])
def test_a_key_that_comes_again_is_found(tmp_path: Path, first: int, second: int) -> None:
    content = lines(ROWS).replace(f"K{second:06d}", f"K{first:06d}")
    with pytest.raises(UsageError) as caught:
        load(tmp_path, content)
    assert str(caught.value) == (
        f"big.csv, row {second + 1}: has the same key (code) as row {first + 1}"
    )


def test_what_cannot_be_written_is_named_in_any_batch(tmp_path: Path) -> None:
    batches: list[Batch] = [{"code": [n], "v": ["x"]} for n in range(3)]
    batches.append({"code": [3], "v": [object()]})
    with pytest.raises(UsageError, match="table t, row 4, column v: the value cannot be written"):
        imported("t", batches, key=["code"])


VALUES = st.one_of(
    st.none(),
    st.text(max_size=5),
    st.integers(),
    st.booleans(),
    st.decimals(allow_nan=False),
    st.datetimes(),
    st.binary(max_size=3),
)
FEW_VALUES = st.lists(st.lists(VALUES, min_size=1, max_size=5), min_size=1, max_size=5)


@given(FEW_VALUES)
def test_bounds_of_batches_are_those_of_all_values(batches: list[list[Any]]) -> None:
    meter = Meter()
    for values in batches:
        meter.add(values)
    assert meter.bounds == measured([value for values in batches for value in values])


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("terp_seed.rows.imported._IN_MEMORY", 0)


def test_every_kind_of_value_comes_back_from_the_temporary_file(little_memory: None) -> None:
    values = [None, "é\0", 5, True, 1.5, Decimal("1.50"), b"\0", date(2026, 1, 1)]
    values += [datetime(2026, 1, 1, 2), {"k": [1, None]}, Json(None), Lookup("t", (("a", 1),))]
    store = RowStore()
    for start in range(0, len(values), 5):
        store.add({"v": values[start : start + 5]})
    found = store.values("v", 0, len(values))
    assert (found, [*map(type, found)]) == (values, [*map(type, values)])
    assert store.lookups("v") == {"t"}


def test_masked_rows_are_those_of_the_whole_table(sqlite_toy: Toy, little_memory: None) -> None:
    """The mask that follows the row number goes on from batch to batch."""
    toy = sqlite_toy
    toy.data("big.csv", lines(BATCH_ROWS + 500))
    policy = '[tables.labels]\ncode = { class = "code", unique = true }\n'
    kept = '[tables.labels]\nnot_personal = [{ columns = ["wording"], reason = "print" }]\n'
    masking = toy.path / "seeds" / "masking.toml"
    masking.write_text(
        'version = 1\ndefaults.unlisted = "detect"\n' + kept + policy.partition("\n")[2]
    )
    toy.only(
        "0001_a",
        'op.seed_file("labels", "big.csv", key=["code"], rename={"b": "wording"}, omit=["a"])',
    )
    toy.upgrade()
    assert toy.value("SELECT COUNT(DISTINCT code) FROM labels") == BATCH_ROWS + 500
    assert toy.value("SELECT COUNT(*) FROM labels WHERE code LIKE 'K0%'") < 100
