"""Rows of a file that refer to each other: trees, circles, and tables between two others."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import Toy

from terp_seed.errors import PlanError, UsageError
from terp_seed.rows.imported import order_rows
from terp_seed.rows.model import Lookup

NODES = """
    CREATE TABLE nodes (
        id {key}, code VARCHAR(20) NOT NULL UNIQUE, parent INTEGER, root INTEGER,
        FOREIGN KEY (parent) REFERENCES nodes (id) {rule},
        FOREIGN KEY (root) REFERENCES nodes (id) {rule}
    )
"""
PATHS = """
    SELECT n.code, p.code, r.code FROM nodes n
    LEFT JOIN nodes p ON p.id = n.parent LEFT JOIN nodes r ON r.id = n.root ORDER BY n.code
"""

Rows = list[tuple[str, str | None, str | None]]


def tree(size: int) -> Rows:
    """A tree of nodes with their parents and roots, shuffled."""
    rows: Rows = [
        (f"N{number}", f"N{(number - 1) // 3}" if number > 1 else None, "N0" if number else None)
        for number in range(size)
    ]
    random.Random(7).shuffle(rows)
    return rows


def csv_of(header: str, rows: Rows) -> str:
    lines = [",".join(value or "" for value in row) for row in rows]
    return "\n".join([header, *lines, ""])


RULES = ["", "ON DELETE RESTRICT", "ON DELETE CASCADE"]


@pytest.mark.parametrize("rule", RULES)
def test_a_tree_by_natural_key_in_any_order(
    toy: Toy, pair: Callable[..., Callable[[], None]], rule: str
) -> None:
    rows = tree(300)
    down = pair(
        'op.seed_file("nodes", "tree.csv", key=["code"], '
        'refs={"parent": "nodes.code", "root": "nodes.code"})',
        NODES.format(key=toy.counted_key, rule=rule),
        tree_csv=csv_of("code,parent,root", rows),
    )
    assert toy.rows(PATHS) == sorted(rows)
    down()


@pytest.mark.parametrize("rule", RULES)
def test_a_tree_by_ids_in_any_order(
    toy: Toy, pair: Callable[..., Callable[[], None]], rule: str
) -> None:
    rows = [
        (f"{code[1:]},{code}", parent and parent[1:], root and root[1:])
        for code, parent, root in tree(300)
    ]
    down = pair(
        'op.seed_file("nodes", "tree.csv", key=["code"], '
        'refs={"parent": "nodes.id", "root": "nodes.id"})',
        NODES.format(key="INTEGER PRIMARY KEY", rule=rule),
        tree_csv=csv_of("id,code,parent,root", rows),
    )
    assert toy.rows(PATHS) == sorted(tree(300))
    down()


def test_a_tree_of_texts(toy: Toy, pair: Callable[..., Callable[[], None]]) -> None:
    """Its key is its natural key, so the values stay as they are."""
    rows = [(code, parent, None) for code, parent, _ in tree(50)]
    down = pair(
        'op.seed_file("words", "tree.csv", key=["word"], id=None, omit=["x"], '
        'refs={"parent": "words.word"})',
        "CREATE TABLE words (word VARCHAR(20) PRIMARY KEY, parent VARCHAR(20), "
        "FOREIGN KEY (parent) REFERENCES words (word))",
        tree_csv=csv_of("word,parent,x", rows),
    )
    assert toy.rows("SELECT word, parent FROM words ORDER BY word") == sorted(
        (code, parent) for code, parent, _ in rows
    )
    down()


def test_a_tree_goes_below_a_row_that_is_there(
    toy: Toy, pair: Callable[..., Callable[[], None]]
) -> None:
    down = pair(
        'op.seed_file("nodes", "tree.csv", key=["code"], refs={"parent": "nodes.code"})',
        NODES.format(key=toy.counted_key, rule=""),
        "INSERT INTO nodes (code) VALUES ('TOP')",
        tree_csv="code,parent\nC,B\nB,A\nA,TOP\nD,TOP\n",
    )
    found = {code: parent for code, parent, _ in toy.rows(PATHS)}
    assert found == {"TOP": None, "A": "TOP", "B": "A", "C": "B", "D": "TOP"}
    down()


def test_rows_by_hand_refer_to_each_other(toy: Toy) -> None:
    toy.only(
        "0001_a",
        'op.seed_rows("labels", [{"code": "LEAF", "parent_id": ref("labels", code="ROOT")}, '
        '{"code": "ROOT", "parent_id": None}], key=["code"], on_conflict="skip")',
        head="from terp_seed import ref",
    )
    toy.upgrade()
    assert toy.value("SELECT p.code FROM labels p JOIN labels c ON c.parent_id = p.id") == "ROOT"
    toy.downgrade()
    assert toy.counts() == {}


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("code,parent\nA,\nB,D\nC,B\nD,C\nE,D\n", "row 2, 3, 4"),
        ("code,parent\nA,\nB,B\n", "row 2"),
    ],
)
def test_a_circle_is_refused(sqlite_toy: Toy, content: str, rows: str) -> None:
    sqlite_toy.execute(NODES.format(key=sqlite_toy.counted_key, rule=""))
    sqlite_toy.data("a.csv", content)
    sqlite_toy.only(
        "0001_a", 'op.seed_file("nodes", "a.csv", key=["code"], refs={"parent": "nodes.code"})'
    )
    with pytest.raises(UsageError) as caught:
        sqlite_toy.upgrade()
    assert str(caught.value) == (
        "a.csv: rows refer to each other in a circle, so none can be written first: "
        f"{rows}; leave one of their references empty"
    )


def test_a_row_that_names_itself_is_a_circle(sqlite_toy: Toy) -> None:
    """MariaDB takes it and never lets it go."""
    sqlite_toy.execute(NODES.format(key="INTEGER PRIMARY KEY", rule=""))
    sqlite_toy.data("a.csv", "id,code,parent\n2,B,1\n1,A,1\n")
    sqlite_toy.only(
        "0001_a", 'op.seed_file("nodes", "a.csv", key=["code"], refs={"parent": "nodes.id"})'
    )
    with pytest.raises(UsageError, match=r"in a circle, .*: row 2;"):
        sqlite_toy.upgrade()


def test_ids_in_the_wrong_order_are_found_before_the_first_row(toy: Toy) -> None:
    """Some engines look at each row as it comes, others at the end of a statement."""
    toy.execute(NODES.format(key="INTEGER PRIMARY KEY", rule=""))
    toy.data("a.csv", "id,code,parent\n2,B,1\n1,A,\n")
    toy.only("0001_a", 'op.seed_file("nodes", "a.csv", key=["code"])')
    with pytest.raises(PlanError) as caught:
        toy.upgrade()
    assert (
        "table nodes, column parent, row 1: refers to a row that comes after it; "
        'refs={"parent": "nodes.id"} puts the rows in order'
    ) in str(caught.value)


def test_an_error_says_the_row_as_it_is_in_the_file(sqlite_toy: Toy) -> None:
    sqlite_toy.execute(NODES.format(key=sqlite_toy.counted_key, rule=""))
    sqlite_toy.data("a.csv", "code,parent,root\nC,B,\nB,A,X\nA,,\n")
    sqlite_toy.only(
        "0001_a",
        'op.seed_file("nodes", "a.csv", key=["code"], '
        'refs={"parent": "nodes.code", "root": "nodes.code"})',
    )
    with pytest.raises(
        PlanError, match="column root, row 2: refers to a row of nodes that does not"
    ):
        sqlite_toy.upgrade()


LINKS = (
    "CREATE TABLE tags (id {key}, word VARCHAR(20) NOT NULL UNIQUE)",
    "CREATE TABLE links (node INTEGER NOT NULL, tag INTEGER NOT NULL, weight INTEGER, "
    "PRIMARY KEY (node, tag), FOREIGN KEY (node) REFERENCES nodes (id), "
    "FOREIGN KEY (tag) REFERENCES tags (id))",
)


def test_many_to_many_by_natural_keys(toy: Toy, pair: Callable[..., Callable[[], None]]) -> None:
    down = pair(
        'op.seed_rows("nodes", [{"code": c} for c in "AB"], key=["code"])\n'
        'op.seed_rows("tags", [{"word": c} for c in "xy"], key=["word"])\n'
        'op.seed_file("links", "a.csv", key=["node", "tag"], id=None, '
        'refs={"node": "nodes.code", "tag": "tags.word"})',
        NODES.format(key=toy.counted_key, rule=""),
        *(sql.format(key=toy.counted_key) for sql in LINKS),
        a_csv="node,tag,weight\nA,x,1\nA,y,2\nB,y,3\n",
    )
    assert toy.rows(
        "SELECT n.code, t.word, weight FROM links JOIN nodes n ON n.id = node "
        "JOIN tags t ON t.id = tag ORDER BY weight"
    ) == [("A", "x", 1), ("A", "y", 2), ("B", "y", 3)]
    down()


# -- two tables that refer to each other

CIRCLE = (
    "CREATE TABLE teams (id {key}, code VARCHAR(20) NOT NULL UNIQUE, head INTEGER)",
    "CREATE TABLE members (id {key}, code VARCHAR(20) NOT NULL UNIQUE, team INTEGER NOT NULL, "
    "mentor INTEGER, FOREIGN KEY (team) REFERENCES teams (id), "
    "FOREIGN KEY (mentor) REFERENCES members (id))",
)
CLOSED = "ALTER TABLE teams ADD CONSTRAINT fk_head FOREIGN KEY (head) REFERENCES members (id)"
UPGRADE = """
op.seed_file("teams", "t.csv", key=["code"], refs={"head": "members.code"}, later=["head"])
op.seed_file("members", "m.csv", key=["code"],
             refs={"team": "teams.code", "mentor": "members.code"})
"""
FILES = {
    "t_csv": "code,head\nX,a\nY,b\nZ,\n",
    "m_csv": "code,team,mentor\nc,X,a\na,X,\nb,Y,\n",
}
TEAMS = "SELECT t.code, m.code FROM teams t LEFT JOIN members m ON m.id = t.head ORDER BY t.code"


def circle(toy: Toy) -> list[str]:
    teams, members = (sql.format(key=toy.counted_key) for sql in CIRCLE)
    if toy.sqlite:  # which adds no constraint to a table, and looks for none when it is made
        closed = teams[:-1] + ", FOREIGN KEY (head) REFERENCES members (id))"
        return [closed, members]
    return [teams, members, CLOSED]


def test_tables_that_refer_to_each_other(toy: Toy, pair: Callable[..., Callable[[], None]]) -> None:
    down = pair(UPGRADE, *circle(toy), **FILES)
    assert toy.rows(TEAMS) == [("X", "a"), ("Y", "b"), ("Z", None)]
    down()
    toy.upgrade()
    assert toy.rows(TEAMS) == [("X", "a"), ("Y", "b"), ("Z", None)]


def test_a_head_that_somebody_needs_stays_with_its_team(
    toy: Toy, pair: Callable[..., Callable[[], None]]
) -> None:
    pair(UPGRADE, *circle(toy), **FILES)
    toy.execute("INSERT INTO members (code, team) SELECT 'mine', id FROM teams WHERE code = 'Y'")
    toy.downgrade("base", "on-dependents=keep")
    assert toy.rows(TEAMS) == [("Y", "b")]
    assert toy.rows("SELECT code FROM members ORDER BY code") == [("b",), ("mine",)]
    toy.execute("DELETE FROM members WHERE code = 'mine'")
    toy.upgrade()
    assert toy.rows(TEAMS) == [("X", "a"), ("Y", "b"), ("Z", None)]


def test_a_circle_comes_back_from_a_backup(
    toy: Toy, pair: Callable[..., Callable[[], None]], tmp_path: Path
) -> None:
    pair(UPGRADE, *circle(toy), **FILES)
    before = toy.digests()
    toy.downgrade("base", "backup=rows", f"backup-folder={tmp_path}/backups")
    assert toy.counts() == {}
    (folder,) = (tmp_path / "backups").iterdir()
    toy.terp_seed("restore", str(folder), "--yes", x=(f"backup-folder={tmp_path}/backups",))
    assert toy.digests() == before
    toy.document("status", "--drift")


def test_a_tree_by_ids_comes_back_from_a_backup(
    toy: Toy, pair: Callable[..., Callable[[], None]], tmp_path: Path
) -> None:
    pair(
        'op.seed_file("nodes", "a.csv", key=["code"], refs={"parent": "nodes.id"})',
        NODES.format(key="INTEGER PRIMARY KEY", rule=""),
        a_csv="id,code,parent\n1,A,2\n2,B,3\n3,C,\n",
    )
    before = toy.digests()
    toy.downgrade("base", "backup=rows", f"backup-folder={tmp_path}/backups")
    (folder,) = (tmp_path / "backups").iterdir()
    toy.terp_seed("restore", str(folder), "--yes", x=(f"backup-folder={tmp_path}/backups",))
    assert toy.digests() == before


def test_a_circle_within_a_table_by_writing_second(
    toy: Toy, pair: Callable[..., Callable[[], None]]
) -> None:
    down = pair(
        'op.seed_file("nodes", "a.csv", key=["code"], refs={"parent": "nodes.code"}, '
        'later=["parent"])',
        NODES.format(key=toy.counted_key, rule=""),
        a_csv="code,parent\nA,B\nB,A\nC,C\n",
    )
    assert [row[:2] for row in toy.rows(PATHS)] == [("A", "B"), ("B", "A"), ("C", "C")]
    down()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('later=["code"]', "later: must be a list of columns that refs looks up"),
        ('refs={"place": "labels.code"}, later="place"', "later: must be a list of columns"),
        (
            'refs={"place": "labels.code"}, later=["place"], on_conflict="skip"',
            'later: is not possible with on_conflict="skip"',
        ),
    ],
)
def test_columns_that_cannot_be_written_later(sqlite_toy: Toy, more: str, words: str) -> None:
    row = '[{"code": "A", "place": "A"}]'
    sqlite_toy.only("0001_a", f'op.seed_rows("labels", {row}, key=["code"], {more})')
    with pytest.raises(UsageError, match=words):
        sqlite_toy.upgrade()


@pytest.mark.parametrize(
    ("later", "words"),
    [
        ("[]", "column depot_id, row 1: refers to a row of depots that does not exist"),
        ('["depot_id"]', "column depot_id: must not be NULL, so its references cannot be written"),
    ],
)
def test_a_column_that_must_not_be_null_cannot_wait(toy: Toy, later: str, words: str) -> None:
    toy.only(
        "0001_a",
        f"""
        op.seed_rows("crates", [{{"code": "A", "depot_id": "D", "weight": 1}}], key=["code"],
                     refs={{"depot_id": "depots.code"}}, later={later})
        op.seed_rows("depots", [{{"code": "D", "capacity": 1, "price": 1, "opened": "2026-01-01"}}],
                     key=["code"])
        """,
    )
    with pytest.raises(PlanError, match=words):
        toy.upgrade()


# -- the order itself


@given(st.lists(st.integers(0, 20) | st.none(), max_size=20))
def test_no_row_comes_before_its_parent(parents: list[int | None]) -> None:
    values = {
        "code": [str(number) for number in range(len(parents))],
        "parent": [
            None if at is None or at >= number else Lookup("t", (("code", str(at)),))
            for number, at in enumerate(parents)
        ],
    }
    shuffled = random.Random(3).sample(range(len(parents)), len(parents))
    values = {name: [cells[at] for at in shuffled] for name, cells in values.items()}
    order = order_rows(values, "t", {}, "") if parents else None
    if order is None:
        assert not any(values["parent"])
        return
    assert sorted(order.numbers) == [*range(len(parents))]
    places = {values["code"][number]: place for place, number in enumerate(order.numbers)}
    spans = [*order.spans(0, len(parents))]
    written: set[int] = set()
    for start, stop in spans:
        for place in range(start, stop):
            wanted = values["parent"][order.numbers[place]]
            assert wanted is None or places[wanted.where[0][1]] in written
        written.update(range(start, stop))
    assert len(written) == len(parents)
    ahead: set[int] = set()
    for place in [*order.ahead, len(parents) - 1]:
        wanted = values["parent"][order.numbers[place]]
        assert wanted is None or places[wanted.where[0][1]] in ahead
        ahead.add(place)
