"""The schema changes after the seeds: what is left is compared, removed and backed up."""

from __future__ import annotations

from pathlib import Path

import pytest
from toys import Toy

from terp_seed.errors import PlanError, RollbackError

TABLE = "op.seed_rows('parts', [{{'code': c, 'txt': c * 2, 'n': 5}} for c in 'ABC']{})"
KEYED = TABLE.format(", key=['code']")


def parts(toy: Toy, upgrade: str = KEYED, *more: str) -> None:
    """A chain that seeds three parts, beside two rows of others."""
    toy.execute(
        f"CREATE TABLE parts (id {toy.counted_key}, code VARCHAR(9) NOT NULL UNIQUE, "
        "txt VARCHAR(9), "
        "n INTEGER)",
        "INSERT INTO parts (code, txt) VALUES ('X', 'x')",
        *more,
    )
    toy.publish("parts", ["txt", "code", "text"])
    toy.only("0001_parts", upgrade)
    toy.upgrade()
    toy.execute("INSERT INTO parts (code, txt) VALUES ('Y', 'y')")


def codes(toy: Toy, table: str = "parts", column: str = "code") -> str:
    return "".join(code for (code,) in toy.rows(f"SELECT {column} FROM {table} ORDER BY {column}"))


def drift(toy: Toy, code: int) -> tuple[dict[str, int], list[str]]:
    (revision,) = toy.document("status", "--drift", code=code)["revisions"]
    (table,) = revision["tables"]
    return table, revision["uncompared"]


def test_a_column_is_dropped(toy: Toy) -> None:
    """Rows are told by their key, and everything says so."""
    parts(toy)
    toy.execute("ALTER TABLE parts DROP COLUMN txt")
    said = (
        "revision 0001_parts: table parts has no txt any more; its rows are compared by code alone"
    )
    table, lines = drift(toy, 0)
    assert (table["intact"], lines) == (3, [said])
    assert f"not compared: {said}" in toy.terp_seed("status", "--drift").stdout
    assert f"not compared: {said}" in toy.terp_seed("verify", "--drift").stdout
    planned = toy.document("plan", "--rollback")["revisions"][0]
    assert (planned["tables"][0]["deleted"], planned["uncompared"]) == (3, [said])
    toy.execute("UPDATE parts SET code = 'Z' WHERE code = 'B'")
    assert drift(toy, 8)[0]["replaced"] == 1
    toy.execute("UPDATE parts SET code = 'B' WHERE code = 'Z'")
    toy.downgrade("base", "on-edited=abort")
    assert said in toy.said
    assert codes(toy) == "XY"


def test_a_dropped_column_of_rows_without_a_key_is_no_proof(toy: Toy) -> None:
    """Nothing tells such rows from others at their ids: what may be done is on-edited's to say."""
    parts(toy, TABLE.format(""))
    toy.execute("ALTER TABLE parts DROP COLUMN txt")
    table, (line,) = drift(toy, 8)
    assert table["edited"] == 3
    assert line.endswith("its rows are compared not at all, and count as edited")
    with pytest.raises(RollbackError, match="has no txt any more"):
        toy.downgrade("base", "on-edited=abort")
    assert codes(toy) == "ABCXY"
    toy.downgrade("base", "on-edited=delete")
    assert codes(toy) == "XY"


def test_a_table_is_dropped(toy: Toy) -> None:
    """Nothing is left of its rows; the tables beside it are rolled back as ever."""
    row = "op.seed_rows('labels', [{'code': 'L'}], key=['code'])"
    parts(toy, f"{KEYED}\n{row}")
    toy.execute("DROP TABLE parts")
    (revision,) = toy.document("status", "--drift", code=8)["revisions"]
    missing = {table["table"]: table["missing"] for table in revision["tables"]}
    assert missing == {"parts": 3, "labels": 0}
    assert revision["uncompared"] == ["revision 0001_parts: table parts does not exist any more"]
    toy.terp_seed("verify")
    toy.document("plan", "--rollback")
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == {}
    assert toy.document("ledger", "show")["revisions"] == []


def test_a_table_that_others_refer_to_is_dropped(toy: Toy) -> None:
    """With generated rows, derived columns and references to it, in a chain of three."""
    toy.upgrade()
    toy.execute("DROP TABLE crates")
    toy.document("status", "--drift", code=8)
    assert toy.document("verify", code=8)["checks"][0]["skipped"]
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == {}


def test_a_derived_column_is_dropped(toy: Toy) -> None:
    toy.upgrade()
    toy.execute("ALTER TABLE depots DROP COLUMN crate_count")
    toy.document("status", "--drift")
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == {}


def test_what_identifies_rows_is_gone(toy: Toy) -> None:
    """They stay, and it is said: nothing could tell them from others."""
    pair = "{'left_code': 'A', 'right_code': 'B', 'weight': 1}"
    toy.only(
        "0001_pairs",
        f"op.seed_rows('pairs', [{pair}], key=['left_code', 'right_code'], id=None)",
    )
    toy.upgrade()
    toy.execute(
        "CREATE TABLE kept AS SELECT weight FROM pairs",
        "DROP TABLE pairs",
        "ALTER TABLE kept RENAME TO pairs",
    )
    table, (line,) = drift(toy, 8)
    assert table["missing"] == 1
    assert line.endswith(
        "has no left_code, right_code any more, by which its rows are known: they stay"
    )
    toy.downgrade("base", "on-edited=abort")
    assert line in toy.said
    assert toy.value("SELECT COUNT(*) FROM pairs") == 1


DELETE = "op.delete_rows('parts', ['B'], key=['code'], allow_delete=True)"
UPDATE = "op.update_rows('parts', [{'code': 'B', 'txt': 'new', 'n': 6}], key=['code'])"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ALTER TABLE parts DROP COLUMN txt", "table parts has no txt any more"),
        ("DROP TABLE parts", "table parts does not exist any more"),
    ],
)
def test_what_an_update_changed_is_gone(toy: Toy, change: str, said: str) -> None:
    """The values from before have no place any more; what was inserted still comes out."""
    parts(toy)
    toy.revision("0002_update", UPDATE.replace(", 'n': 6", ""), after="0001_parts")
    toy.upgrade()
    toy.execute(change)
    toy.terp_seed("status", "--drift", code=8 if "TABLE parts DROP" not in change else 0)
    planned = toy.document("plan", "--rollback", code=6)["revisions"][0]
    assert said in planned["refusal"]
    with pytest.raises(RollbackError, match=f"{said}.*on-edited=keep"):
        toy.downgrade("-1")
    toy.downgrade("-1", "on-edited=keep")
    assert said in toy.said
    toy.downgrade("base", "on-edited=abort" if "DROP TABLE" in change else "on-edited=delete")
    if "DROP TABLE" not in change:
        assert codes(toy) == "XY"
    assert toy.document("ledger", "show")["revisions"] == []


def test_a_column_is_dropped_of_several_that_were_updated(toy: Toy) -> None:
    """The others are put back, and the run says what has no place any more."""
    parts(toy)
    toy.revision("0002_update", UPDATE, after="0001_parts")
    toy.upgrade()
    toy.execute("ALTER TABLE parts DROP COLUMN txt")
    toy.document("status", "--drift")
    toy.execute("UPDATE parts SET n = 7 WHERE code = 'B'")
    toy.document("status", "--drift", code=8)
    with pytest.raises(RollbackError, match="code = B: n"):
        toy.downgrade("0001_parts", "on-edited=abort")
    toy.execute("UPDATE parts SET n = 6 WHERE code = 'B'")
    toy.downgrade("0001_parts", "on-edited=abort")
    assert "table parts has no txt any more; these values from before are left out" in toy.said
    assert toy.rows("SELECT n FROM parts WHERE code = 'B'") == [(5,)]
    toy.downgrade("base", "on-edited=abort")
    assert codes(toy) == "XY"


def test_rows_that_the_chain_deleted_are_not_missing_after_a_column_is_dropped(toy: Toy) -> None:
    parts(toy)
    toy.revision("0002_delete", DELETE, after="0001_parts")
    toy.upgrade()
    toy.execute("ALTER TABLE parts DROP COLUMN txt")
    toy.document("status", "--drift")
    toy.downgrade("0001_parts", "on-edited=abort")
    assert toy.rows("SELECT n FROM parts WHERE code = 'B'") == [(5,)]
    toy.downgrade("base", "on-edited=abort")
    assert codes(toy) == "XY"


@pytest.mark.parametrize("column", ["txt", "n"])
def test_a_column_is_renamed_that_was_updated_or_of_a_row_that_was_deleted(
    toy: Toy, column: str
) -> None:
    parts(toy)
    toy.revision("0002_update", UPDATE, after="0001_parts")
    toy.revision("0003_delete", DELETE.replace("'B'", "'C'"), after="0002_update")
    toy.upgrade()
    before = toy.rows("SELECT txt, n FROM parts ORDER BY code")
    toy.execute(f"ALTER TABLE parts RENAME COLUMN {column} TO text")
    moved = f'op.seed_moved("parts.{column}", to="parts.text")'
    toy.revision("0004_moved", moved, after="0003_delete")
    toy.upgrade()
    toy.document("status", "--drift")
    names = "txt, n".replace(column, "text")
    assert toy.rows(f"SELECT {names} FROM parts ORDER BY code") == before
    with pytest.raises(PlanError, match=r"0003_delete, table parts: parts\.\w+ is parts\.text now"):
        toy.downgrade("0003_delete:0002_update", sql=True)
    toy.execute("UPDATE parts SET text = '9' WHERE code = 'B'")
    toy.document("status", "--drift", code=8)
    with pytest.raises(RollbackError, match="code = B: text"):
        toy.downgrade("0001_parts", "on-edited=abort")
    toy.execute(f"UPDATE parts SET text = '{6 if column == 'n' else 'new'}' WHERE code = 'B'")
    toy.downgrade("0001_parts", "on-edited=abort")
    assert toy.rows(f"SELECT {names} FROM parts WHERE code IN ('B', 'C') ORDER BY code") == [
        ("BB", 5),
        ("CC", 5),
    ]
    toy.downgrade("base", "on-edited=abort")
    assert codes(toy) == "XY"


def test_a_table_that_was_updated_is_renamed(toy: Toy) -> None:
    parts(toy)
    toy.revision("0002_update", UPDATE, after="0001_parts")
    toy.upgrade()
    toy.execute("ALTER TABLE parts RENAME TO pieces")
    toy.publish("pieces", ["txt", "code"])
    toy.revision("0003_moved", 'op.seed_moved("parts", to="pieces")', after="0002_update")
    toy.upgrade()
    toy.document("status", "--drift")
    toy.downgrade("0001_parts", "on-edited=abort")
    assert toy.rows("SELECT txt, n FROM pieces WHERE code = 'B'") == [("BB", 5)]
    toy.downgrade("base", "on-edited=abort")
    assert codes(toy, "pieces") == "XY"


@pytest.mark.parametrize("today", [True, False])
def test_an_old_update_runs_at_either_schema(toy: Toy, today: bool) -> None:
    column = "text" if today else "txt"
    toy.execute(
        f"CREATE TABLE parts (id {toy.counted_key}, code VARCHAR(9) NOT NULL UNIQUE, "
        f"{column} VARCHAR(9), n INTEGER)"
    )
    toy.publish("parts", ["txt", "code", "text"])
    toy.only("0001_parts", KEYED)
    toy.revision("0002_update", UPDATE, after="0001_parts")
    again = "op.update_rows('parts', [{'code': 'B', 'text': 'newer'}], key=['code'])"
    moved = 'op.seed_moved("parts.txt", to="parts.text")'
    toy.revision("0003_moved", moved, after="0002_update")
    if today:
        toy.revision("0004_again", again, after="0003_moved")
    toy.upgrade()
    expected = "newer" if today else "new"
    assert toy.rows(f"SELECT {column}, n FROM parts WHERE code = 'B'") == [(expected, 6)]
    toy.document("status", "--drift")
    toy.downgrade("0001_parts", "on-edited=abort")
    assert toy.rows(f"SELECT {column}, n FROM parts WHERE code = 'B'") == [("BB", 5)]
    toy.downgrade("base", "on-edited=abort")
    assert codes(toy) == ""


@pytest.mark.parametrize(
    "change",
    ["ADD COLUMN more INTEGER", "ADD COLUMN more VARCHAR(9) DEFAULT 'x'", "wider"],
)
def test_a_column_is_added_or_widened(toy: Toy, change: str) -> None:
    parts(toy)
    if change != "wider":
        toy.execute(f"ALTER TABLE parts {change}")
    elif not toy.sqlite:
        toy.modify("parts", "txt", "VARCHAR(200)")
        toy.modify("parts", "n", "BIGINT")
    table, lines = drift(toy, 0)
    assert (table["intact"], lines) == (3, [])
    toy.downgrade("base", "on-edited=abort")
    assert codes(toy) == "XY"


def test_a_column_is_retyped(toy: Toy) -> None:
    """What reads differently now counts as edited, so on-edited says what becomes of it."""
    parts(toy)
    if toy.sqlite:
        toy.execute("UPDATE parts SET n = n + 0.5")
    else:
        toy.modify("parts", "n", "VARCHAR(9)")
        toy.execute("UPDATE parts SET n = '5 pieces' WHERE code <> 'X' AND code <> 'Y'")
    assert drift(toy, 8)[0]["edited"] == 3
    toy.downgrade("base", "on-edited=delete")
    assert codes(toy) == "XY"


def test_a_backup_of_what_is_left(toy: Toy, tmp_path: Path) -> None:
    parts(toy, f"{KEYED}\nop.seed_rows('labels', [{{'code': 'L'}}], key=['code'])")
    toy.execute("ALTER TABLE parts DROP COLUMN txt", "DROP TABLE labels")
    x = (f"backup-folder={tmp_path / 'backups'}",)
    made = toy.terp_seed("backup", "create", "--json", x=x)
    assert '"parts": 3' in made.stdout
    toy.terp_seed("rollback", "--backup", "rows", "--yes", x=x)
    assert codes(toy) == "XY"
    assert len(list((tmp_path / "backups").iterdir())) == 2
