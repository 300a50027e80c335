"""Rows that are there, updated and deleted by a revision: up, down, edited, by script."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import Any

import pytest
from servers import server_engine
from toys import Toy

from terp_seed.errors import (
    ConflictError,
    MaskingError,
    PlanError,
    RollbackError,
    SeedError,
    UsageError,
)

TABLE = (
    "CREATE TABLE t (id {key}, code VARCHAR(20) NOT NULL UNIQUE, name VARCHAR(40), "
    "price DECIMAL(8,2), rate FLOAT, note VARCHAR(200))"
)
COLUMNS = ["code", "name", "price", "rate", "note"]
ROWS = """
op.seed_rows("t", [
    {"code": "a", "name": "A", "price": "1.50", "rate": 0.1, "note": None},
    {"code": "b", "name": "B", "price": "2.50", "rate": 0.2, "note": "x"},
    {"code": "c", "name": "C", "price": "3.50", "rate": 0.3, "note": "y"},
], key=["code"])
"""
CHANGES = """
op.update_rows("t", [
    {"code": "a", "name": "AA", "price": "1.75"},
    {"code": "b", "name": None, "rate": 0.25},
    {"code": "theirs", "price": 8},
], key=["code"])
op.delete_rows("t", ["c"], key=["code"], allow_delete=True)
"""
OTHERS = "INSERT INTO t (code, name, price) VALUES ('theirs', 'T', 9)"


def seeded(toy: Toy) -> Toy:
    """The first revision applied, and a row of somebody else's."""
    toy.execute(TABLE.format(key=toy.counted_key))
    toy.publish("t", COLUMNS)
    toy.only("0001_a", ROWS)
    toy.upgrade()
    toy.execute(OTHERS)
    return toy


@pytest.fixture
def lived(toy: Toy) -> Toy:
    return seeded(toy)


def change(toy: Toy, upgrade: str, *x: str) -> None:
    """Apply a second revision."""
    toy.revision("0002_b", upgrade, after="0001_a")
    toy.upgrade("head", *x)


def names(toy: Toy) -> dict[str, Any]:
    return dict(toy.rows("SELECT code, name FROM t"))


def kept_tables(toy: Toy) -> list[str]:
    return [name for name in toy.everything() if name.startswith("terp_seed_before_")]


def test_up_and_down(lived: Toy) -> None:
    before = lived.digests()
    change(lived, CHANGES)
    assert names(lived) == {"a": "AA", "b": None, "theirs": "T"}
    assert [str(v) for (v,) in lived.rows("SELECT price FROM t ORDER BY id")][::2][-1:] != ["9.00"]
    lived.document("status", "--drift")
    lived.document("verify", "--drift")
    lived.downgrade("-1", "on-edited=abort")
    assert lived.digests() == before
    assert kept_tables(lived) == []
    lived.upgrade()
    lived.downgrade("base", "on-edited=abort")
    assert names(lived) == {"theirs": "T"}
    assert kept_tables(lived) == []


def test_the_script_does_the_same(
    lived: Toy, second_database_url: str, new_toy: Callable[..., Toy], client: Any
) -> None:
    other = seeded(new_toy(second_database_url))
    before = lived.digests()
    for toy in (lived, other):
        toy.execute("UPDATE t SET name = 'mine' WHERE code = 'b'")
    edited = lived.digests()
    with pytest.raises(ConflictError, match="code = b, name: edited since"):
        change(lived, CHANGES)
    other.revision("0002_b", CHANGES, after="0001_a")
    client(other.url, other.upgrade("0001_a:head", sql=True))
    assert lived.digests() == other.digests() != before
    assert names(lived) == {"a": "AA", "b": "mine", "theirs": "T"}
    lived.downgrade("-1", "on-edited=delete")
    client(other.url, other.downgrade("0002_b:0001_a", "on-edited=delete", sql=True))
    assert lived.digests() == other.digests() == edited
    assert kept_tables(lived) == kept_tables(other) == []


def test_a_cell_that_was_edited_stays_and_the_rest_of_the_row_moves(lived: Toy) -> None:
    lived.execute("UPDATE t SET name = 'mine' WHERE code = 'a'")
    with pytest.raises(ConflictError, match="code = a, name: edited since"):
        change(lived, CHANGES)
    assert lived.version() == "0002_b"
    ((name, price),) = lived.rows("SELECT name, price FROM t WHERE code = 'a'")
    assert (name, float(price)) == ("mine", 1.75)
    lived.downgrade("-1", "on-edited=abort")
    ((name, price),) = lived.rows("SELECT name, price FROM t WHERE code = 'a'")
    assert (name, float(price)) == ("mine", 1.5)


def test_an_edit_elsewhere_in_the_row_is_no_conflict(lived: Toy) -> None:
    lived.execute("UPDATE t SET note = 'mine' WHERE code = 'a'")
    change(lived, CHANGES)
    assert names(lived)["a"] == "AA"
    lived.downgrade("-1", "on-edited=abort")
    assert lived.rows("SELECT name, note FROM t WHERE code = 'a'") == [("A", "mine")]


def test_a_person_may_have_come_to_the_same_value(lived: Toy) -> None:
    lived.execute("UPDATE t SET name = 'AA' WHERE code = 'a'")
    change(lived, CHANGES)
    lived.downgrade("-1", "on-edited=abort")
    assert names(lived)["a"] == "AA"


@pytest.mark.parametrize(("said", "name"), [("ours", "AA"), ("theirs", "mine")])
def test_conflicts_are_decided_beforehand(lived: Toy, said: str, name: str) -> None:
    lived.execute("UPDATE t SET name = 'mine' WHERE code = 'a'")
    before = lived.digests()
    change(lived, CHANGES, f"on-conflict={said}")
    assert names(lived)["a"] == name
    lived.downgrade("-1", "on-edited=abort")
    assert lived.digests() == before


def test_strict_keeps_the_whole_row(lived: Toy) -> None:
    lived.execute("UPDATE t SET name = 'mine' WHERE code = 'a'")
    rows = '[{"code": "a", "name": "AA", "price": 5}, {"code": "b", "name": "BB"}]'
    with pytest.raises(ConflictError, match="code = a"):
        change(lived, f'op.update_rows("t", {rows}, key=["code"], strict="row")')
    assert float(lived.value("SELECT price FROM t WHERE code = 'a'")) == 1.5
    assert names(lived)["b"] == "BB"


def test_rows_that_a_person_deleted_stay_deleted(lived: Toy) -> None:
    lived.execute("DELETE FROM t WHERE code IN ('a', 'c')")
    with pytest.raises(ConflictError, match="code = a, deleted since"):
        change(lived, CHANGES)
    assert names(lived) == {"b": None, "theirs": "T"}
    lived.downgrade("-1", "on-edited=abort")
    assert names(lived) == {"b": "B", "theirs": "T"}


def test_an_edited_row_is_not_deleted(lived: Toy) -> None:
    lived.execute("UPDATE t SET note = 'mine' WHERE code = 'c'")
    with pytest.raises(ConflictError, match="code = c, note: edited since"):
        change(lived, CHANGES)
    assert "c" in names(lived)
    lived.downgrade("-1")
    assert lived.rows("SELECT name, note FROM t WHERE code = 'c'") == [("C", "mine")]


# -- edited after the change


def test_an_edit_after_the_update_stops_the_rollback_by_name(lived: Toy) -> None:
    change(lived, CHANGES)
    lived.execute("UPDATE t SET name = 'late' WHERE code = 'a'")
    before = lived.digests()
    assert lived.document("status", "--drift", code=8)
    with pytest.raises(RollbackError, match="t code = a: name"):
        lived.downgrade("-1", "on-edited=abort")
    assert lived.digests() == before
    assert "late" not in lived.said


@pytest.mark.parametrize(("policy", "name"), [("keep", "late"), ("delete", "A")])
def test_an_edit_after_the_update_is_kept_or_not(lived: Toy, policy: str, name: str) -> None:
    change(lived, CHANGES)
    lived.execute("UPDATE t SET name = 'late' WHERE code = 'a'")
    lived.downgrade("-1", f"on-edited={policy}")
    ((found, price),) = lived.rows("SELECT name, price FROM t WHERE code = 'a'")
    assert (found, float(price)) == (name, 1.5)


def test_a_row_at_a_deleted_key_stops_the_rollback(lived: Toy) -> None:
    change(lived, CHANGES)
    lived.execute("INSERT INTO t (code, name) VALUES ('c', 'new')")
    before = lived.everything()
    with pytest.raises(RollbackError, match="have the id or the key of deleted"):
        lived.downgrade("-1")
    assert {**lived.everything(), "terp_seed_audit": None} == {**before, "terp_seed_audit": None}


def test_a_later_update_of_the_same_cell(lived: Toy) -> None:
    change(lived, CHANGES)
    before = lived.digests()
    lived.revision(
        "0003_c",
        'op.update_rows("t", [{"code": "a", "name": "AAA"}], key=["code"])',
        after="0002_b",
    )
    lived.upgrade()
    assert names(lived)["a"] == "AAA"
    lived.document("status", "--drift")
    lived.downgrade("-1", "on-edited=abort")
    assert lived.digests() == before
    lived.upgrade()
    lived.downgrade("base", "on-edited=abort")
    assert names(lived) == {"theirs": "T"}


# -- what stops it


@pytest.mark.parametrize(
    ("upgrade", "error", "message"),
    [
        ('op.update_rows("t", [], key=["code"])', UsageError, "no rows to update"),
        ('op.update_rows("t", [{"code": "a"}], key=["code"])', UsageError, "no column beside"),
        (
            'op.update_rows("t", [{"name": "a"}], key=["code"])',
            UsageError,
            "has no key column code",
        ),
        ('op.update_rows("t", [{"code": None, "name": "a"}], key=["code"])', UsageError, "empty"),
        (
            'op.update_rows("t", [{"code": "a", "name": "1"}] * 2, key=["code"])',
            UsageError,
            "same key",
        ),
        (
            'op.update_rows("t", [{"code": "q", "name": "1"}], key=["code"])',
            PlanError,
            "no row has",
        ),
        ('op.update_rows("t", [{"name": "A", "price": 1}], key=["name"])', PlanError, "not unique"),
        ('op.update_rows("u", [{"code": "A", "x": 1}], key=["code"])', PlanError, "does not exist"),
        ('op.update_rows("t", [{"code": "a", "x": 1}], key=["code"])', PlanError, "does not exist"),
        (
            'op.update_rows("t", [{"code": "a", "price": "x"}], key=["code"])',
            PlanError,
            "column price",
        ),
        ('op.delete_rows("t", ["theirs"], key=["code"])', PlanError, "did not seed this row"),
        ('op.delete_rows("t", ["a"], key=["code"])', PlanError, "1 of the 3 rows"),
        ('op.delete_rows("t", [], key=["code"])', UsageError, "no keys"),
    ],
)
def test_one_line_and_nothing_written(
    lived: Toy, upgrade: str, error: type[Exception], message: str
) -> None:
    before = lived.digests()
    with pytest.raises(error, match=message):
        change(lived, upgrade)
    assert lived.digests() == before
    assert lived.version() == "0001_a"
    assert kept_tables(lived) == []


def test_rows_of_others_are_deleted_where_that_is_said(lived: Toy) -> None:
    before = lived.digests()
    change(lived, 'op.delete_rows("t", ["theirs"], key=["code"], foreign=True)')
    assert "theirs" not in names(lived)
    lived.downgrade("-1", "on-edited=abort")
    assert lived.digests() == before


@pytest.mark.parametrize("rule", ["CASCADE", "SET NULL"])
def test_what_refers_to_a_deleted_row_stops_the_run(lived: Toy, rule: str) -> None:
    lived.execute(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, t_id INTEGER, "
        f"FOREIGN KEY (t_id) REFERENCES t (id) ON DELETE {rule})",
        "INSERT INTO notes SELECT 7, id FROM t WHERE code = 'c'",
    )
    before = lived.digests()
    with pytest.raises(PlanError, match="1 rows of notes refer to rows to be deleted"):
        change(lived, CHANGES)
    assert lived.digests() == before


def test_a_classified_column_is_not_updated(lived: Toy) -> None:
    policy = lived.path / "seeds" / "masking.toml"
    text = policy.read_text().replace(', "note"]', "]")
    policy.write_text(f'{text}\nnote = {{ class = "free_text" }}\n')
    with pytest.raises(MaskingError, match="note is classified"):
        change(lived, 'op.update_rows("t", [{"code": "a", "note": "n"}], key=["code"])')
    with pytest.raises(MaskingError, match="note is classified"):
        change(lived, 'op.delete_rows("t", ["a"], key=["code"], allow_delete=True)')


# -- insert or update


def test_on_conflict_update(lived: Toy) -> None:
    before = lived.digests()
    rows = (
        '[{"code": "theirs", "name": "ours"}, {"code": "a", "name": "A2"}, '
        '{"code": "n", "name": "N"}]'
    )
    change(lived, f'op.seed_rows("t", {rows}, key=["code"], on_conflict="update")')
    assert names(lived) == {"a": "A2", "b": "B", "c": "C", "n": "N", "theirs": "ours"}
    lived.document("status", "--drift")
    lived.downgrade("-1", "on-edited=abort")
    assert lived.digests() == before


# -- columns that the database has of its own


def test_what_the_server_moves_by_itself_comes_back(mariadb_toy: Toy) -> None:
    toy = mariadb_toy
    toy.execute(
        TABLE.format(key=toy.counted_key)[:-1]
        + ", touched TIMESTAMP(3) DEFAULT '2001-01-01 00:00:00' ON UPDATE CURRENT_TIMESTAMP(3))"
    )
    toy.publish("t", COLUMNS)
    toy.only("0001_a", ROWS)
    toy.upgrade()
    toy.execute("UPDATE t SET touched = '2002-02-02 02:02:02.222'", OTHERS)
    before = toy.digests()
    change(toy, CHANGES)
    moved = toy.rows("SELECT code FROM t WHERE touched > '2003-01-01' ORDER BY code")
    assert moved == [("a",), ("b",), ("theirs",)]
    toy.downgrade("-1", "on-edited=abort")
    assert toy.digests() == before


def test_a_deleted_row_with_a_generated_column_comes_back(toy: Toy) -> None:
    stored = "GENERATED ALWAYS AS (price * 2) STORED"
    toy.execute(TABLE.format(key=toy.counted_key)[:-1] + f", twice DECIMAL(9,2) {stored})")
    toy.publish("t", COLUMNS)
    toy.only("0001_a", ROWS)
    toy.upgrade()
    before = toy.digests()
    change(toy, 'op.delete_rows("t", ["c"], key=["code"], allow_delete=True)')
    toy.downgrade("-1", "on-edited=abort")
    assert toy.digests() == before


def test_a_table_without_an_integer_key(toy: Toy) -> None:
    toy.execute(
        "CREATE TABLE k (a VARCHAR(9) NOT NULL, b INTEGER NOT NULL, v VARCHAR(9), "
        "PRIMARY KEY (a, b))"
    )
    toy.publish("k", ["a", "b", "v"])
    rows = (
        '[{"a": "x", "b": 1, "v": "one"}, {"a": "x", "b": 2, "v": "two"}, '
        '{"a": "y", "b": 1, "v": "q"}]'
    )
    toy.only("0001_a", f'op.seed_rows("k", {rows}, key=["a", "b"], id=None)')
    toy.upgrade()
    before = toy.digests()
    change(
        toy,
        'op.update_rows("k", [{"a": "x", "b": 2, "v": None}], key=["a", "b"], id=None)\n'
        'op.delete_rows("k", [{"a": "y", "b": 1}], key=["a", "b"], id=None, allow_delete=True)',
    )
    assert toy.rows("SELECT a, b, v FROM k ORDER BY b") == [("x", 1, "one"), ("x", 2, None)]
    toy.document("status", "--drift")
    toy.downgrade("-1", "on-edited=abort")
    assert toy.digests() == before
    toy.upgrade()
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == {}


def test_references_by_natural_key(toy: Toy) -> None:
    toy.execute(
        TABLE.format(key=toy.counted_key),
        f"CREATE TABLE c (id {toy.counted_key}, name VARCHAR(9) UNIQUE, "
        "t_id INTEGER REFERENCES t (id))",
    )
    toy.publish("t", COLUMNS)
    toy.publish("c", ["name", "t_id"])
    seed = 'op.seed_rows("c", [{"name": "x", "t_id": "a"}], key=["name"], refs={"t_id": "t.code"})'
    toy.only("0001_a", f"{ROWS}\n{seed}")
    toy.upgrade()
    before = toy.digests()
    row = '{"code": "n", "name": "N", "price": 1, "rate": 1, "note": ""}'
    change(
        toy,
        f'op.seed_rows("t", [{row}], key=["code"])\n'
        'op.update_rows("c", [{"name": "x", "t_id": "n"}], key=["name"], refs={"t_id": "t.code"})',
    )
    assert toy.rows("SELECT t.code FROM c JOIN t ON t.id = c.t_id") == [("n",)]
    toy.document("status", "--drift")
    toy.downgrade("-1", "on-edited=abort")
    assert toy.digests() == before


# -- what is left when something goes wrong


def test_a_kept_table_that_a_schema_tool_dropped(lived: Toy) -> None:
    change(lived, CHANGES)
    for table in kept_tables(lived):
        lived.execute(f"DROP TABLE {table}")
    lived.document("status", "--drift", code=8)
    with pytest.raises(RollbackError, match="terp_seed_before_0002_b_3 is gone"):
        lived.downgrade("-1")
    lived.downgrade("-1", "on-edited=keep")
    assert names(lived) == {"a": "AA", "b": None, "theirs": "T"}


def test_a_run_that_fails_leaves_no_kept_table(lived: Toy) -> None:
    trigger = {
        "sqlite": "CREATE TRIGGER no BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, 'no'); END",
        "postgresql": "CREATE RULE no AS ON DELETE TO t DO INSTEAD SELECT 1 / 0",
    }.get(
        lived.db.dialect.name,
        "CREATE TRIGGER no BEFORE DELETE ON t FOR EACH ROW SIGNAL SQLSTATE '45000'",
    )
    lived.execute(trigger)
    before = lived.digests()
    with pytest.raises(SeedError):
        change(lived, CHANGES)
    assert lived.digests() == before
    assert kept_tables(lived) == []


def test_a_backup_keeps_what_a_rollback_overwrites(lived: Toy) -> None:
    change(lived, CHANGES)
    lived.execute("UPDATE t SET name = 'late' WHERE code = 'a'")
    folder = lived.path / "backups"
    lived.downgrade("-1", "on-edited=delete", "backup=rows", f"backup-folder={folder}")
    (made,) = folder.iterdir()
    assert "'late'" in (made / "0002_b-changed-1.sql").read_text()
    lived.terp_seed("restore", str(made), "--yes")
    assert lived.value("SELECT name FROM t WHERE code = 'a'") == "late"


# -- what the plan says


def test_the_plan_counts_what_the_run_does(lived: Toy) -> None:
    lived.execute("UPDATE t SET name = 'mine' WHERE code IN ('a', 'c')")
    lived.revision("0002_b", CHANGES, after="0001_a")
    ((counts,),) = (step["tables"] for step in lived.document("plan")["revisions"])
    numbers = {name: counts[name] for name in ("inserted", "updated", "deleted", "conflicts")}
    assert numbers == {"inserted": 0, "updated": 3, "deleted": 0, "conflicts": 2}
    with pytest.raises(ConflictError):
        lived.upgrade()
    ((counts,),) = (step["tables"] for step in lived.document("plan", "--rollback")["revisions"])
    assert (counts["restored"], counts["edited"]) == (3, 0)
    lived.execute("UPDATE t SET price = 77 WHERE code = 'a'")
    planned = lived.document("plan", "--rollback", "--on-edited", "abort", code=6)["revisions"]
    assert "t code = a: price" in planned[0]["refusal"]


_COUNTED = ("inserted", "updated", "deleted", "conflicts")
_AGAIN = """
op.update_rows("t", [{"code": "a", "price": "2.00"}, {"code": "b", "note": "z"}], key=["code"])
op.seed_rows("t", [
    {"code": "b", "name": "BB"}, {"code": "theirs", "name": "T"}, {"code": "n", "name": "N"},
], key=["code"], on_conflict="update")
"""


@pytest.mark.parametrize("policy", ["theirs", "ours"])
@pytest.mark.parametrize(
    "edit",
    [
        "SELECT 1",
        "UPDATE t SET name = 'mine' WHERE code IN ('a', 'c')",
        "UPDATE t SET name = 'AA', price = '1.75' WHERE code = 'a'",
        "DELETE FROM t WHERE code IN ('a', 'c')",
        "UPDATE t SET note = 'z' WHERE code IN ('b', 'c')",
    ],
)
def test_two_revisions_do_to_each_row_what_the_plan_says(
    lived: Toy, edit: str, policy: str
) -> None:
    """Rows that are as they shall be do not count, and a row that goes in is not updated too."""
    lived.execute(edit)
    lived.revision("0002_b", CHANGES, after="0001_a")
    lived.revision("0003_c", _AGAIN, after="0002_b")
    planned, done = (
        [
            {name: table[name] for name in _COUNTED}
            for step in lived.document(command, x=(f"on-conflict={policy}",))["revisions"]
            for table in step["tables"]
        ]
        for command in ("plan", "seed")
    )
    assert planned == done


PRICE = "SELECT price FROM t WHERE code = '{}'"


def test_the_plan_shows_the_cells_of_changed_rows(lived: Toy) -> None:
    lived.execute("UPDATE t SET name = 'mine' WHERE code = 'a'")
    lived.revision("0002_b", CHANGES, after="0001_a")
    (step,) = lived.document("plan")["revisions"]
    assert step["differences"] == [
        f"t code = a: price: {lived.value(PRICE.format('a'))} -> '1.75'; "
        "name edited, left as it is",
        "t code = b: name: 'B' -> NULL; rate: 0.2 -> 0.25",
        f"t code = theirs: price: {lived.value(PRICE.format('theirs'))} -> 8",
        "t code = c: deleted",
    ]
    assert "\n0002_b: t code = c: deleted\n" in lived.terp_seed("plan").stdout


def test_a_personal_key_is_not_shown(lived: Toy) -> None:
    (lived.path / "seeds" / "masking.toml").write_text(
        '[tables.t]\ncode = { class = "code", strategy = "keep", reason = "x" }\n'
        'not_personal = [{ columns = ["name", "price", "rate", "note"], reason = "ours" }]\n'
    )
    rows = '[{"code": "theirs", "price": 8}]'
    lived.revision("0002_b", f'op.update_rows("t", {rows}, key=["code"])', after="0001_a")
    (step,) = lived.document("plan")["revisions"]
    (line,) = step["differences"]
    assert line.startswith("t row 1: price: 9")


def test_a_chain_with_changes_passes_check_and_proof(sqlite_toy: Toy) -> None:
    lived = seeded(sqlite_toy)
    lived.revision(
        "0002_b", CHANGES.replace('    {"code": "theirs", "price": 8},\n', ""), after="0001_a"
    )
    lived.terp_seed("preview", "head", "--prove")
    lived.upgrade()
    lived.terp_seed("history")
    assert "updated" in str(lived.document("status"))


def test_a_kept_value_of_a_column_that_became_personal_stops_masking(sqlite_toy: Toy) -> None:
    """Masking in place cannot reach what a rollback would put back."""
    toy = seeded(sqlite_toy)
    change(toy, CHANGES)
    policy = toy.path / "seeds" / "masking.toml"
    policy.write_text(policy.read_text().replace('["code", "name",', '["code",'))
    policy.write_text(f'{policy.read_text()}\nname = {{ class = "person_name" }}\n')
    env = {"TERP_SEED_MASK_KEY": secrets.token_hex(32)}
    done = toy.run("terp-seed", "-x", f"url={toy.url}", "mask", "--yes", env=env, check=False)
    assert done.returncode == 7
    assert "terp_seed_before_0002_b_1 keeps name of t as revision 0002_b found it" in done.stderr


# -- what somebody new has found


def test_a_row_that_is_gone_already_is_no_conflict_for_a_deletion(lived: Toy) -> None:
    lived.execute("DELETE FROM t WHERE code = 'c'")
    change(lived, 'op.delete_rows("t", ["c"], key=["code"], allow_delete=True)')
    assert lived.version() == "0002_b"
    lived.downgrade("-1", "on-edited=abort")
    assert "c" not in names(lived)


def test_branches_that_update_one_cell_are_undone_in_the_order_of_their_runs(lived: Toy) -> None:
    """Alembic may go below the first before the second: that would bring back its value."""
    for name in "xy":
        update = f'op.update_rows("t", [{{"code": "a", "name": "{name}"}}], key=["code"])'
        lived.revision(f"0002_{name}", update, after="0001_a")
    lived.upgrade("0002_x")
    lived.upgrade("0002_y")
    assert names(lived)["a"] == "y"
    with pytest.raises(RollbackError, match="0002_y was applied later and updated cells"):
        lived.downgrade("0002_x@0001_a")
    assert names(lived)["a"] == "y"
    lived.downgrade("0002_y@0001_a")
    lived.downgrade("0002_x@0001_a")
    assert names(lived)["a"] == "A"


def test_a_script_takes_a_column_without_values_as_a_run_does(lived: Toy) -> None:
    lived.execute(
        f"CREATE TABLE n (id {lived.counted_key}, code VARCHAR(9) UNIQUE, amount INTEGER)"
    )
    lived.publish("n", ["code"])
    row = '{"code": "x", "amount": None}'
    lived.revision("0002_b", f'op.seed_rows("n", [{row}], key=["code"])', after="0001_a")
    assert "INSERT INTO" in lived.upgrade("0001_a:head", sql=True)
    lived.upgrade()


def test_retained_edits_outlive_rows_that_are_seeded_again(lived: Toy) -> None:
    rows = '[{"code": "p", "name": "P"}, {"code": "q", "name": "Q"}]'
    change(lived, f'op.seed_rows("t", {rows}, key=["code"], on_conflict="update")')
    lived.execute("UPDATE t SET name = 'mine' WHERE code = 'p'")
    lived.downgrade("-1", "on-edited=keep")
    lived.upgrade()
    assert {**names(lived), "theirs": None} == {
        **{"a": "A", "b": "B", "c": "C", "theirs": None},
        **{"p": "mine", "q": "Q"},
    }


def test_a_script_stops_where_a_rollback_left_rows(lived: Toy, client: Any) -> None:
    """They are in its way, and only a run knows which they are."""
    change(lived, 'op.seed_rows("t", [{"code": "p", "name": "P"}], key=["code"])')
    lived.execute("UPDATE t SET name = 'mine' WHERE code = 'p'")
    lived.downgrade("-1", "on-edited=keep")
    script = lived.upgrade("0001_a:head", sql=True)
    assert "no rollback of 0002_b has left rows behind; else upgrade online" in script
    stopped = client(lived.url, script, check=False)
    assert stopped.returncode
    assert "unique" not in stopped.stderr.lower()
    assert "duplicate" not in stopped.stderr.lower()
    lived.upgrade()
    assert names(lived)["p"] == "mine"


def test_a_lost_ledger_is_rebuilt_with_what_was_changed(lived: Toy) -> None:
    """The tables that keep rows are there, so the old values still come back."""
    before = lived.digests()
    rows = '{"code": "a", "name": "AA"}, {"code": "theirs", "price": 8}'
    change(lived, f'op.update_rows("t", [{rows}], key=["code"])')
    lived.execute("DELETE FROM terp_seed_ledger")
    lived.terp_seed("ledger", "rebuild", "--yes", x=("size=small",))
    lived.document("status", "--drift")
    lived.downgrade("-1", "on-edited=abort")
    assert lived.digests() == before
    assert kept_tables(lived) == []


def test_a_lost_ledger_is_rebuilt_though_every_row_was_changed(lived: Toy) -> None:
    before = lived.digests()
    rows = ", ".join(f'{{"code": "{code}", "name": "new"}}' for code in "abc")
    change(lived, f'op.update_rows("t", [{rows}], key=["code"])')
    lived.execute("DELETE FROM terp_seed_ledger")
    lived.terp_seed("ledger", "rebuild", "--yes", x=("size=small",))
    lived.document("status", "--drift")
    lived.downgrade("-1", "on-edited=abort")
    assert lived.digests() == before
    lived.downgrade("base", "on-edited=abort")
    assert lived.rows("SELECT code FROM t") == [("theirs",)]


def test_a_clock_that_was_set_back_confuses_nothing(lived: Toy) -> None:
    """Which of two updates of a cell is the later one the audit says."""
    change(lived, CHANGES)
    update = 'op.update_rows("t", [{"code": "a", "name": "AAA"}], key=["code"])'
    lived.revision("0003_c", update, after="0002_b")
    lived.upgrade()
    lived.execute("UPDATE terp_seed_ledger SET written_at = '2001' WHERE revision = '0003_c'")
    lived.document("status", "--drift")
    lived.execute("UPDATE t SET name = 'late' WHERE code = 'a'")
    with pytest.raises(RollbackError, match="code = a: name"):
        lived.downgrade("-1", "on-edited=abort")
    lived.downgrade("0001_a", "on-edited=delete")
    assert names(lived) == {"a": "A", "b": "B", "c": "C", "theirs": "T"}


def test_the_summary_says_what_became_of_the_rows(lived: Toy) -> None:
    change(lived, CHANGES)
    assert "t, updated  " in lived.said
    assert "t, deleted  " in lived.said
    lived.downgrade("-1", "on-edited=abort")
    assert "t, restored  " in lived.said


# -- equal is equal to the last byte


@pytest.mark.parametrize(
    ("column", "edit"), [("rate", "0.25000003"), ("name", "'Aa'")], ids=["a bit", "a case"]
)
def test_an_edit_that_the_column_takes_for_equal(toy: Toy, column: str, edit: str) -> None:
    """A FLOAT has more digits than its text, and a collation may overlook the case."""
    folding = "name VARCHAR(40) COLLATE NOCASE" if toy.sqlite else "name VARCHAR(40)"
    toy.execute(TABLE.format(key=toy.counted_key).replace("name VARCHAR(40)", folding))
    toy.publish("t", COLUMNS)
    toy.only("0001_a", ROWS)
    toy.upgrade()
    change(toy, 'op.update_rows("t", [{"code": "a", "name": "AA", "rate": 0.25}], key=["code"])')
    toy.execute(f"UPDATE t SET {column} = {edit} WHERE code = 'a'")
    with pytest.raises(RollbackError, match=f"code = a: {column}"):
        toy.downgrade("-1", "on-edited=abort")


@pytest.mark.parametrize("engine", [server_engine(), "postgresql"])
def test_an_edit_that_is_not_committed_yet_is_waited_for(lived: Toy) -> None:
    """A row is locked when it is kept: what a person commits meanwhile is not overwritten."""
    lived.revision("0002_b", CHANGES, after="0001_a")
    refused: list[Exception] = []

    def run() -> None:
        try:
            lived.upgrade()
        except ConflictError as error:
            refused.append(error)

    with lived.db.connect() as person:
        person.exec_driver_sql("UPDATE t SET name = 'mine' WHERE code = 'a'")
        thread = threading.Thread(target=run)
        thread.start()
        thread.join(3)  # by then it waits; a slow machine finds the edit committed
        person.commit()
    thread.join()
    assert names(lived)["a"] == "mine"
    assert "code = a, name: edited since" in str(refused[0])
