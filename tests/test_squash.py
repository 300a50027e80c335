"""``terp-seed squash``: one revision in place of several, on databases of either past."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.util import CommandError
from toys import Toy

FIRST = """
op.seed_rows("labels", [
    {"code": "A", "wording": "first", "place": 1},
    {"code": "B", "wording": "second", "place": None},
    {"code": "C", "wording": "", "place": 3},
], key=["code"])
op.seed_rows("pairs", [{"left_code": "l", "right_code": "r", "weight": "1.50"}],
             key=["left_code", "right_code"], id=None)
"""
SECOND = """
op.seed_rows("labels", [{"code": "D", "wording": "child", "parent_id": "B"}],
             key=["code"], refs={"parent_id": "labels.code"})
"""
THIRD = """
op.update_rows("labels", [{"code": "B", "wording": "changed", "place": 7}], key=["code"])
op.delete_rows("labels", ["C"], key=["code"], allow_delete=True)
op.seed_rows("labels", [{"code": "E", "wording": "last", "place": 5}], key=["code"])
"""
LATER = """
op.seed_rows("labels", [{"code": "L", "parent_id": "E"}], key=["code"],
             refs={"parent_id": "labels.code"})
"""
LAST = "0003_c"
ROWS = (
    "SELECT l.code, l.wording, l.place, p.code FROM labels l "
    "LEFT JOIN labels p ON p.id = l.parent_id ORDER BY 1"
)
BEFORE = [
    ("A", "first", 1, None),
    ("B", "changed", 7, None),
    ("D", "child", None, "B"),
    ("E", "last", 5, None),
]


def chain(toy: Toy) -> None:
    toy.only("0001_a", FIRST)
    toy.revision("0002_b", SECOND, after="0001_a")
    toy.revision(LAST, THIRD, after="0002_b")
    toy.revision("0004_later", LATER, after=LAST)


def squashed(toy: Toy, to: str = LAST) -> None:
    toy.terp_seed("squash", to)
    names = sorted(path.name for path in (toy.path / "seed_revisions").glob("*.py"))
    assert names == [f"{LAST}.py", "0004_later.py"]


@pytest.fixture(params=["before", "after"])
def either(toy: Toy, request: pytest.FixtureRequest) -> Toy:
    """A database seeded up to the last squashed revision: before the squash, or by it."""
    chain(toy)
    if request.param == "before":
        toy.upgrade(LAST)
        squashed(toy)
    else:
        squashed(toy)
        toy.upgrade(LAST)
    return toy


def test_up_and_down(either: Toy) -> None:
    """The rows are the same, the next revision finds them, and all of them come out."""
    assert either.rows(ROWS) == BEFORE
    either.document("status", "--drift")
    either.upgrade()
    assert either.rows(ROWS)[-1] == ("L", None, None, "E")
    found = either.document("status", "--drift")["revisions"]
    assert [step["state"] for step in found] == ["applied", "applied"]
    assert sum(table["intact"] for table in found[0]["tables"]) == 5, found[0]["tables"]
    either.downgrade("-1", "on-edited=abort")
    planned = either.document("plan", "--rollback")["revisions"][0]
    assert sum(table["deleted"] for table in planned["tables"]) == 5, planned["tables"]
    either.downgrade("base", "on-edited=abort")
    assert either.counts() == {}
    assert either.document("ledger", "show")["revisions"] == []
    with either.db.connect() as connection:
        tables = either.db.dialect.get_table_names(connection)
    assert not [name for name in tables if name.startswith("terp_seed_before_")]
    either.upgrade()
    assert either.rows(ROWS)[:4] == BEFORE


def test_an_edited_row_is_found(either: Toy) -> None:
    either.execute("UPDATE labels SET wording = 'mine' WHERE code = 'B'")
    found = either.document("status", "--drift", code=8)["revisions"][0]["tables"]
    assert sum(table["edited"] for table in found) == 1
    with pytest.raises(CommandError, match="edited since"):
        either.downgrade("base", "on-edited=abort")
    either.downgrade("base", "on-edited=keep")
    assert either.rows("SELECT code FROM labels") == [("B",)]


def test_a_backup_and_its_restore(either: Toy, tmp_path: Path) -> None:
    x = (f"backup-folder={tmp_path / 'backups'}",)
    before = either.digests()
    either.terp_seed("rollback", "--backup", "rows", "--yes", x=x)
    assert either.counts() == {}
    (folder,) = (tmp_path / "backups").iterdir()
    either.terp_seed("restore", str(folder), "--yes", x=x)
    assert either.digests() == before
    assert either.rows(ROWS) == BEFORE
    either.downgrade("base", "on-edited=abort")
    assert either.counts() == {}


def test_one_in_the_middle_is_told_what_to_run(toy: Toy) -> None:
    chain(toy)
    toy.upgrade("0002_b")
    files = {path: path.read_text() for path in (toy.path / "seed_revisions").glob("*.py")}
    squashed(toy)
    said = f"this database is at 0002_b, which {LAST} replaces: bring the files from before"
    with pytest.raises(CommandError, match=said):
        toy.upgrade()
    assert said in toy.terp_seed("status", code=4).stderr
    new = {path: path.read_text() for path in (toy.path / "seed_revisions").glob("*.py")}
    for path, text in files.items():
        path.write_text(text)
    toy.upgrade(LAST)
    for path in files.keys() - new.keys():
        path.unlink()
    for path, text in new.items():
        path.write_text(text)
    toy.upgrade()
    assert toy.rows(ROWS)[:4] == BEFORE
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == {}


def test_the_script_is_the_run_and_stops_where_it_cannot_be(
    toy: Toy, new_toy: Callable[..., Toy], second_database_url: str, client: Any
) -> None:
    other = new_toy(second_database_url)
    for place in (toy, other):
        chain(place)
        squashed(place)
    toy.upgrade()
    client(other.url, other.upgrade("head", sql=True))
    assert toy.digests() == other.digests()
    client(other.url, other.downgrade("0004_later:base", "on-edited=delete", sql=True))
    assert other.counts() == {}
    toy.downgrade("base")
    chain(toy)
    toy.upgrade(LAST)
    squashed(toy)
    before = toy.digests()
    script = toy.downgrade(f"{LAST}:base", "on-edited=delete", sql=True)
    assert client(toy.url, script, check=False).returncode != 0
    assert toy.digests() == before


def test_it_can_be_checked_and_squashed_again(sqlite_toy: Toy) -> None:
    chain(sqlite_toy)
    sqlite_toy.upgrade()
    squashed(sqlite_toy)
    assert {one["state"] for one in sqlite_toy.document("check")["checks"]} == {"ok"}
    made = sqlite_toy.document("squash", "0004_later")
    assert made["replaces"] == ["0001_a", "0002_b", LAST]
    assert made["rows"] == {"labels": 5, "pairs": 1}
    sqlite_toy.document("status", "--drift")
    sqlite_toy.downgrade("base", "on-edited=abort")
    assert sqlite_toy.counts() == {}


def test_many_rows_go_to_a_file(sqlite_toy: Toy) -> None:
    rows = "[{'code': f'c{n}', 'wording': 'x' * (n % 3)} for n in range(90)]"
    sqlite_toy.only("0001_a", f"op.seed_rows('labels', {rows}, key=['code'])")
    sqlite_toy.revision("0002_b", "pass", after="0001_a")
    sqlite_toy.upgrade()
    before = sqlite_toy.digests()
    sqlite_toy.downgrade("base")
    made = sqlite_toy.document("squash", "0002_b")
    frozen = Path(made["written"][0])
    assert frozen.parent.name == "frozen"
    assert re.fullmatch(r"0002_b\.labels\.1\.[0-9a-f]{12}\.jsonl", frozen.name)
    sqlite_toy.upgrade()
    assert sqlite_toy.digests() == before


def test_many_rows_that_look_up_their_parents_are_listed(sqlite_toy: Toy) -> None:
    rows = "[{'code': f'c{n}', 'parent_id': ref('labels', code='A')} for n in range(90)]"
    body = f"""
from terp_seed import ref
op.seed_rows("labels", [{{"code": "A"}}], key=["code"])
op.seed_rows("labels", {rows}, key=["code"])
"""
    sqlite_toy.only("0001_a", body)
    sqlite_toy.revision("0002_b", "pass", after="0001_a")
    sqlite_toy.upgrade()
    before = sqlite_toy.rows(ROWS)
    sqlite_toy.downgrade("base")
    made = sqlite_toy.document("squash", "0002_b")
    assert [Path(path).name for path in made["written"]][-1] == "0002_b.py"
    sqlite_toy.upgrade()
    assert sqlite_toy.rows(ROWS) == before
    assert len(before) == 91


def test_names_that_moved_are_known_still(toy: Toy) -> None:
    """Of rows that were seeded under the old name, before the squash."""
    toy.execute(
        f"CREATE TABLE parts (id {toy.counted_key}, code VARCHAR(9) NOT NULL, txt VARCHAR(9))"
    )
    for table in ("parts", "pieces"):
        toy.publish(table, ["code", "txt", "text"])
    toy.only("0001_a", "op.seed_rows('parts', [{'code': 'A', 'txt': 'a'}], key=['code'])")
    toy.upgrade()
    toy.execute(
        "ALTER TABLE parts RENAME TO pieces", "ALTER TABLE pieces RENAME COLUMN txt TO text"
    )
    moved = "op.seed_moved('parts', to='pieces')\nop.seed_moved('pieces.txt', to='pieces.text')"
    toy.revision("0002_b", moved, after="0001_a")
    toy.upgrade()
    toy.terp_seed("squash", "0002_b")
    toy.document("status", "--drift")
    toy.downgrade("base", "on-edited=abort")
    toy.upgrade()
    assert toy.rows("SELECT code, text FROM pieces") == [("A", "a")]


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ('op.seed("depots")', "revision 0002_b: op.seed makes rows"),
        ('op.seed_rows("labels", [{"code": "Z"}])', "without a natural key"),
        (
            'op.update_rows("labels", [{"code": "Z", "place": 1}], key=["code"])',
            "changes a row that these revisions did not seed",
        ),
        (
            'op.seed_rows("labels", [{"code": "Z"}], key=["code"], on_conflict="skip")',
            "seeds of it differ in on_conflict",
        ),
    ],
)
def test_what_cannot_be_squashed(sqlite_toy: Toy, second: str, said: str) -> None:
    sqlite_toy.only("0001_a", FIRST)
    sqlite_toy.revision("0002_b", second, after="0001_a")
    before = {path: path.read_text() for path in (sqlite_toy.path / "seed_revisions").glob("*.py")}
    assert said in sqlite_toy.terp_seed("squash", "0002_b", code=2).stderr
    assert {path: path.read_text() for path in before} == before
    assert "nothing before it" in sqlite_toy.terp_seed("squash", "0001_a", code=2).stderr


def test_a_row_that_was_moved_to_a_later_parent_goes_before_it(toy: Toy) -> None:
    """The ranges of several revisions go at once: children first, whichever revision is theirs."""
    toy.execute(
        f"CREATE TABLE c (id {toy.counted_key}, code VARCHAR(9) UNIQUE)",
        f"CREATE TABLE t (id {toy.counted_key}, code VARCHAR(9) UNIQUE, c_id INTEGER NOT NULL, "
        "FOREIGN KEY (c_id) REFERENCES c (id))",
    )
    toy.publish("c", ["code"])
    toy.publish("t", ["code", "c_id"])
    toy.only(
        "0001_a",
        'op.seed_rows("c", [{"code": "old"}], key=["code"])\n'
        'op.seed_rows("t", [{"code": "t", "c_id": "old"}], key=["code"], refs={"c_id": "c.code"})',
    )
    toy.revision(
        "0002_b",
        'op.seed_rows("c", [{"code": "new"}], key=["code"])\n'
        'op.update_rows("t", [{"code": "t", "c_id": "new"}], key=["code"], '
        'refs={"c_id": "c.code"})',
        after="0001_a",
    )
    toy.upgrade()
    toy.terp_seed("squash", "0002_b")
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == {}
    toy.upgrade()
    assert toy.rows("SELECT c.code FROM t JOIN c ON c.id = t.c_id") == [("new",)]
