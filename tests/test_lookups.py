"""References of many rows by natural key: looked up by a join, as by a query for each row."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest
from production import KEY
from toys import Toy

from terp_seed.errors import SeedError

Client = Callable[..., subprocess.CompletedProcess[str]]

ROWS = 150
"""More than the fewest rows that are joined."""

UPGRADE = """
groups = [{"name": name} for name in NAMES]
op.seed_rows("groups_", groups, key=["name"])
rows = [
    {"code": f"C{n}", "group_id": NAMES[n % len(NAMES)] if n % 7 else None,
     "again": NAMES[(n + 1) % len(NAMES)], "amount": AMOUNTS[n % len(AMOUNTS)],
     "words": AMOUNTS[n % len(AMOUNTS)], "ratio": RATIOS[n % len(RATIOS)],
     "raw": bytes([n % 256, 0, 255]), "note": NOTES[n % len(NOTES)]}
    for n in range(ROWS)
]
op.seed_rows("wide", rows, key=["code"],
             refs={"group_id": "groups_.name", "again": "groups_.name"})
"""
HEAD = f"""
from decimal import Decimal

ROWS = {ROWS}
NAMES = ["a", "a'b", "back\\\\slash", "50 % :x", "\\u00fcn\\u00ef", "UPPER", "upper", "\\U0001f33f"]
AMOUNTS = [Decimal("1.5"), Decimal("1.25"), Decimal("1000000000"), Decimal("0.001"), None]
RATIOS = [0.1, 1e-300, 1e300, 3, None]
NOTES = ["x", None, "line\\nline", "tab\\t", "'", "\\\\"]
"""


def make(toy: Toy) -> None:
    """A table that refers twice, by names that differ in more than a collation may see."""
    text, exact, raw = "VARCHAR(40)", "", "BLOB"
    if toy.mysql:
        exact = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    if toy.postgresql:
        raw = "BYTEA"
    toy.execute(
        f"CREATE TABLE groups_ (id {toy.counted_key}, name {text}{exact} NOT NULL UNIQUE)",
        f"CREATE TABLE wide (id {toy.counted_key}, code {text} NOT NULL UNIQUE, "
        "group_id INTEGER, again INTEGER NOT NULL, amount DECIMAL(30, 10), "
        f"words {text}, ratio DOUBLE PRECISION, raw {raw}, note {text}, "
        "FOREIGN KEY (group_id) REFERENCES groups_ (id), "
        "FOREIGN KEY (again) REFERENCES groups_ (id))",
    )
    toy.publish("groups_", ["name"])
    toy.publish("wide", ["code", "amount", "words", "ratio", "raw", "note"])


READ = (
    "SELECT w.code, g.name, a.name, amount, words, ratio, raw, note FROM wide w "
    "LEFT JOIN groups_ g ON g.id = group_id JOIN groups_ a ON a.id = again ORDER BY w.id"
)


def test_many_rows_are_what_few_of_them_are(toy: Toy, client: Client) -> None:
    """A hundred rows and less are looked up one by one, more by a join: both are the same rows."""
    make(toy)
    toy.only("0001_wide", UPGRADE.replace("range(ROWS)", "range(90)"), head=HEAD)
    toy.upgrade()
    few = toy.rows(READ)
    assert len(few) == 90
    toy.downgrade("base")
    toy.only("0001_wide", UPGRADE, head=HEAD)
    script = toy.upgrade("head", sql=True)
    assert script.count("LEFT JOIN") % 2 == 0
    assert script.count("LEFT JOIN") >= 2
    toy.upgrade()
    by_run = toy.rows(READ)
    assert len(by_run) == ROWS
    assert by_run[:90] == few
    toy.document("status", "--drift")
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == {}
    client(toy.url, script)
    assert toy.rows(READ) == by_run


def test_a_name_that_two_rows_have_stops_the_run(toy: Toy) -> None:
    toy.execute(
        f"CREATE TABLE groups_ (id {toy.counted_key}, name VARCHAR(20))",
        f"CREATE TABLE wide (id {toy.counted_key}, code VARCHAR(20) UNIQUE, group_id INTEGER)",
        "INSERT INTO groups_ (name) VALUES ('twice'), ('twice'), ('once')",
    )
    rows = '[{"code": f"C{n}", "group_id": "twice" if n == 140 else "once"} for n in range(150)]'
    toy.only(
        "0001_wide",
        f'op.seed_rows("wide", {rows}, key=["code"], refs={{"group_id": "groups_.name"}})',
    )
    with pytest.raises(SeedError, match="column group_id, row 141: refers to 2 rows of groups_"):
        toy.upgrade()
    assert toy.value("SELECT COUNT(*) FROM wide") == 0


def test_a_script_stops_at_a_name_that_two_rows_have(toy: Toy, client: Client) -> None:
    """It cannot look before; the key that both rows want is what stops it."""
    toy.execute(
        f"CREATE TABLE groups_ (id {toy.counted_key}, name VARCHAR(20))",
        f"CREATE TABLE wide (id {toy.counted_key}, code VARCHAR(20), group_id INTEGER)",
        "INSERT INTO groups_ (name) VALUES ('twice'), ('twice'), ('once')",
    )
    rows = '[{"code": f"C{n}", "group_id": "twice" if n == 140 else "once"} for n in range(150)]'
    toy.only(
        "0001_wide",
        f'op.seed_rows("wide", {rows}, key=["code"], refs={{"group_id": "groups_.name"}})',
    )
    done = client(toy.url, toy.upgrade("head", sql=True), check=False)
    assert done.returncode
    assert toy.value("SELECT COUNT(*) FROM wide") == 0


PEOPLE = """
op.seed_rows("people", [{"mail": "canary-1@real-corp.com"}, {"mail": "canary-2@real-corp.com"}],
             key=["mail"])
op.seed_rows("visits", [{"code": "V1", "person_id": "canary-2@real-corp.com"}], key=["code"],
             refs={"person_id": "people.mail"})
op.seed_rows("visits", [{"code": "V2", "person_id": ref("people", mail="canary-1@real-corp.com")}],
             key=["code"])
"""
WHO = (
    "SELECT code, p.id - (SELECT MIN(id) FROM people) FROM visits v "
    "JOIN people p ON p.id = v.person_id ORDER BY code"
)


def people(toy: Toy, strategy: str = "") -> None:
    """A chain that looks people up by their address, which the policy classifies."""
    toy.execute(
        f"CREATE TABLE people (id {toy.counted_key}, mail VARCHAR(80) NOT NULL UNIQUE)",
        f"CREATE TABLE visits (id {toy.counted_key}, code VARCHAR(9) NOT NULL UNIQUE, "
        "person_id INTEGER NOT NULL, FOREIGN KEY (person_id) REFERENCES people (id))",
    )
    toy.publish("visits", ["code"])
    policy = toy.path / "seeds" / "masking.toml"
    entry = f'[tables.people]\nmail = {{ class = "email"{strategy} }}\n'
    policy.write_text(f"{policy.read_text()}\n{entry}")
    toy.only("0001_people", PEOPLE, head="from terp_seed import ref")


def test_rows_are_looked_up_by_the_masked_value_of_a_personal_column(
    toy: Toy, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a script; the value itself is in none of them, and in no change of the rows."""
    monkeypatch.setenv("TERP_SEED_MASK_KEY", KEY)
    people(toy)
    assert "canary" not in toy.upgrade("head", sql=True)
    toy.upgrade()
    assert toy.rows(WHO) == [("V1", 1), ("V2", 0)]
    assert "canary" not in str(toy.everything())
    change = """
op.update_rows("visits", [{"code": "V2", "person_id": "canary-2@real-corp.com"}], key=["code"],
               refs={"person_id": "people.mail"})
op.delete_rows("visits", ["V1"], key=["code"], allow_delete=True)
"""
    toy.revision("0002_change", change, after="0001_people")
    assert "canary" not in toy.terp_seed("plan").output
    assert "canary" not in toy.upgrade("0001_people:head", sql=True)
    toy.upgrade()
    assert toy.rows(WHO) == [("V2", 1)]
    assert "canary" not in str(toy.everything())
    toy.document("status", "--drift")
    toy.downgrade("0001_people", "on-edited=abort")
    assert toy.rows(WHO) == [("V1", 1), ("V2", 0)]
    toy.downgrade("base", "on-edited=abort")


@pytest.mark.parametrize(
    ("key", "strategy"), [(None, ""), (KEY, ', strategy = "redact"')], ids=["no key", "alike"]
)
def test_a_row_is_not_looked_up_by_a_value_that_masking_does_not_keep_apart(
    sqlite_toy: Toy, monkeypatch: pytest.MonkeyPatch, key: str | None, strategy: str
) -> None:
    monkeypatch.delenv("TERP_SEED_MASK_KEY", raising=False)
    if key:
        monkeypatch.setenv("TERP_SEED_MASK_KEY", key)
    people(sqlite_toy, strategy)
    with pytest.raises(SeedError, match=r"visits.person_id looks up people.mail, which is masked"):
        sqlite_toy.upgrade()
    assert "canary" not in sqlite_toy.said


SEEDER = """
@seeder("marks")
def marks(context):
    columns = {
        "code": code("SEED-M-"),
        "label_id": constant(ref("labels", code="COLD")),
        "second": computed(lambda span: [SECOND(n) for n in span.rows()], nullable=True),
    }
    return [context.table("marks", rows=120, key=("code",), columns=columns)]
"""


def marks(toy: Toy, second: str) -> None:
    toy.execute(
        f"CREATE TABLE marks (id {toy.counted_key}, code VARCHAR(20) UNIQUE, label_id INTEGER, "
        "second INTEGER)"
    )
    toy.publish("marks", ["code"])
    path = toy.path / "toy_seeders.py"
    seeders = path.read_text().replace("import (", "import (\n    ref,", 1)
    path.write_text(seeders + SEEDER.replace("SECOND(n)", second))
    toy.revision("0004_marks", 'op.seed("marks")')


def test_rows_that_a_seeder_looks_up_are_not_edited_ones(toy: Toy) -> None:
    marks(toy, 'ref("labels", code="COLD") if n % 2 else None')
    toy.alembic("upgrade", "head")  # a process of its own, as for all that needs the new seeder
    cold = toy.value("SELECT id FROM labels WHERE code = 'COLD'")
    assert toy.rows("SELECT DISTINCT label_id FROM marks") == [(cold,)]
    assert toy.value("SELECT COUNT(*) FROM marks WHERE second = label_id") == 60
    status = toy.run("terp-seed", "-x", f"url={toy.url}", "status", "--drift", "--json")
    found = json.loads(status.stdout)["revisions"][-1]["tables"][0]
    assert (found["intact"], found["edited"]) == (120, 0)
    toy.alembic("downgrade", "-1")
    assert toy.value("SELECT COUNT(*) FROM marks") == 0


def test_a_seeder_that_looks_up_in_late_rows_alone_has_to_say_so(toy: Toy) -> None:
    marks(toy, 'ref("labels", code="COLD") if n > 110 else None')
    said = toy.alembic("upgrade", "head", check=False)
    assert "a ref() where the first rows of the column have none" in said.stdout + said.stderr
    assert "marks" not in toy.counts()


def test_many_rows_that_also_refer_to_each_other(toy: Toy) -> None:
    """Those are not joined with themselves, so that each look-up of theirs is a query."""
    toy.execute(
        f"CREATE TABLE leaves (id {toy.counted_key}, code VARCHAR(20) UNIQUE, label_id INTEGER, "
        "leaf_id INTEGER)"
    )
    toy.publish("leaves", ["code"])
    upgrade = (
        'op.seed_rows("labels", [{"code": "A"}, {"code": "B"}], key=["code"])\n'
        'rows = [{"code": f"L{n}", "label_id": "AB"[n % 2], "leaf_id": f"L{n // 2}" if n else None}'
        f" for n in range({ROWS})]\n"
        'op.seed_rows("leaves", rows, key=["code"], '
        'refs={"label_id": "labels.code", "leaf_id": "leaves.code"})'
    )
    toy.only("0001_leaves", upgrade)
    toy.upgrade()
    right = (
        "SELECT COUNT(*) FROM leaves l JOIN labels b ON b.id = l.label_id "
        "JOIN leaves m ON m.id = l.leaf_id"
    )
    assert toy.value(right) == ROWS - 1
    toy.document("status", "--drift")
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == {}
