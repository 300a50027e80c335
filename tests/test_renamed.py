"""``op.seed_moved`` and ``op.seed_gone``: an old revision runs at today's schema and at its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from toys import Toy

from terp_seed.errors import PlanError, UsageError

ROWS = "[{'code': c, 'txt': c * 2, 'n': 5} for c in 'ABC']"
PARTS = f"op.seed_rows('parts', {ROWS}, key=['code'])"


def create(toy: Toy, table: str = "parts", *columns: str) -> None:
    listed = columns or ("code VARCHAR(9) NOT NULL", "txt VARCHAR(9)", "n INTEGER")
    toy.execute(f"CREATE TABLE {table} (id {toy.counted_key}, {', '.join(listed)})")


def chain(toy: Toy, *renamings: str, first: str = PARTS) -> None:
    """A revision that seeds parts, and one that says what became of them since."""
    toy.only("0001_parts", first)
    if renamings:
        toy.revision("0002_moved", "\n".join(renamings), after="0001_parts")
    policy = toy.path / "seeds" / "masking.toml"
    for table in ("parts", "pieces"):
        if f"[tables.{table}]" not in policy.read_text():
            toy.publish(table, ["code", "txt", "text", "label"])


def rows(toy: Toy, table: str, *columns: str) -> list[tuple[Any, ...]]:
    return toy.rows(f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1")


MOVED = 'op.seed_moved("parts.txt", to="parts.text")'
NEW = ("code VARCHAR(9) NOT NULL", "text VARCHAR(9)", "n INTEGER")
SEEDED = [("A", "AA", 5), ("B", "BB", 5), ("C", "CC", 5)]


def test_a_column_that_moved_after_it_was_seeded(toy: Toy) -> None:
    """Its values are compared whole, under the new name."""
    create(toy)
    chain(toy)
    toy.upgrade()
    toy.execute("ALTER TABLE parts RENAME COLUMN txt TO text")
    chain(toy, MOVED)
    toy.upgrade()
    (first, _) = toy.document("status", "--drift")["revisions"]
    assert (first["tables"][0]["intact"], first["uncompared"]) == (3, [])
    toy.execute("UPDATE parts SET text = 'mine' WHERE code = 'B'")
    assert toy.document("status", "--drift", code=8)["revisions"][0]["tables"][0]["edited"] == 1
    toy.execute("UPDATE parts SET text = 'BB' WHERE code = 'B'")
    toy.downgrade("base", "on-edited=abort")
    assert rows(toy, "parts", "code") == []


@pytest.mark.parametrize("today", [True, False])
def test_a_fresh_database_at_either_schema(toy: Toy, today: bool) -> None:
    create(toy, "parts", *(NEW if today else ()))
    chain(toy, MOVED)
    toy.upgrade()
    assert rows(toy, "parts", "code", "text" if today else "txt", "n") == SEEDED
    toy.document("status", "--drift")
    toy.downgrade("-1")
    toy.downgrade("base", "on-edited=abort")
    assert rows(toy, "parts", "code") == []


def test_the_script_assumes_the_schema_of_today(
    toy: Toy, new_toy: Callable[..., Toy], second_database_url: str, client: Any
) -> None:
    other = new_toy(second_database_url)
    for place in (toy, other):
        create(place, "parts", *NEW)
        chain(place, MOVED)
    toy.upgrade()
    script = other.upgrade("head", sql=True)
    assert "for a schema of today: parts.txt is parts.text now" in script
    client(other.url, script)
    assert toy.digests() == other.digests()
    other.document("status", "--drift")
    client(other.url, other.downgrade("0002_moved:base", "on-edited=delete", sql=True))
    toy.downgrade("base")
    assert toy.digests() == other.digests()
    assert rows(other, "parts", "code") == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_table_that_moved_with_a_column_of_it(toy: Toy, when: str) -> None:
    """Rows that refer to it by their natural key find it, and ``op.unseed`` may name it."""
    labels = (
        "op.seed_rows('labels', [{'code': 'L', 'place': 'B'}], key=['code'], "
        "refs={'place': 'parts.code'})"
    )
    toy.only("0001_parts", f"{PARTS}\n{labels}", "op.unseed('labels')\nop.unseed('parts')")
    create(toy)
    rename = (
        "ALTER TABLE parts RENAME TO pieces",
        "ALTER TABLE pieces RENAME COLUMN code TO label",
    )
    if when == "before":
        toy.execute(*rename)
    else:
        chain_policy(toy)
        toy.upgrade()
        toy.execute(*rename)
    toy.revision(
        "0002_moved",
        'op.seed_moved("parts", to="pieces")\nop.seed_moved("pieces.code", to="pieces.label")',
        after="0001_parts",
    )
    chain_policy(toy)
    toy.upgrade()
    assert rows(toy, "pieces", "label", "txt", "n") == SEEDED
    found = toy.value("SELECT label FROM pieces JOIN labels ON labels.place = pieces.id")
    assert found == "B"
    first = toy.document("status", "--drift")["revisions"][0]
    assert [table["table"] for table in first["tables"]] == ["pieces", "labels"]
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == {}


def chain_policy(toy: Toy) -> None:
    for table in ("parts", "pieces"):
        policy = toy.path / "seeds" / "masking.toml"
        if f"[tables.{table}]" not in policy.read_text():
            toy.publish(table, ["code", "txt", "text", "label"])


def test_generated_rows_keep_their_values(toy: Toy) -> None:
    """The old name is part of what they are made of."""
    toy.upgrade()
    before = rows(toy, "depots", "code", "price")
    toy.downgrade("base")
    toy.execute("ALTER TABLE depots RENAME COLUMN price TO cost")
    toy.revision("0004_moved", 'op.seed_moved("depots.price", to="depots.cost")')
    toy.upgrade()
    assert rows(toy, "depots", "code", "cost") == before
    toy.document("status", "--drift")
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == {}


@pytest.mark.parametrize("there", [True, False])
def test_a_column_that_is_gone_is_left_out(toy: Toy, there: bool) -> None:
    """Where it is still there, it is written; else the audit says that it was not."""
    create(toy, "parts", *(() if there else ("code VARCHAR(9) NOT NULL", "txt VARCHAR(9)")))
    chain(toy, 'op.seed_gone("parts.n")')
    toy.upgrade()
    expected = SEEDED if there else [row[:2] for row in SEEDED]
    assert rows(toy, "parts", "code", "txt", *(["n"] if there else [])) == expected
    details = toy.rows(
        "SELECT detail FROM terp_seed_audit WHERE event = 'applied' AND revision = '0001_parts'"
    )
    left_out = json.loads(details[0][0]).get("left_out")
    assert left_out == (None if there else ["parts.n"])
    toy.downgrade("base", "on-edited=abort")
    assert rows(toy, "parts", "code") == []


def test_a_table_that_is_gone_is_left_out(toy: Toy) -> None:
    chain(
        toy,
        'op.seed_gone("parts")',
        first=f"{PARTS}\nop.seed_rows('labels', [{{'code': 'L'}}], key=['code'])",
    )
    toy.upgrade()
    assert toy.counts() == {"labels": 1}
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == {}


def test_a_lost_ledger_is_rebuilt_under_the_new_names(toy: Toy) -> None:
    create(toy)
    chain(toy)
    toy.upgrade()
    toy.execute("ALTER TABLE parts RENAME TO pieces", "DROP TABLE terp_seed_ledger")
    chain(toy, 'op.seed_moved("parts", to="pieces")')
    toy.terp_seed("ledger", "rebuild", "--yes", x=("size=small",))
    toy.upgrade()
    toy.downgrade("base", "on-edited=abort")
    assert rows(toy, "pieces", "code") == []


@pytest.mark.parametrize(
    ("renaming", "error", "said"),
    [
        ('op.seed_moved("parts.txt", to="pieces.txt")', PlanError, "a column stays in its table"),
        ('op.seed_moved("parts", to="parts")', UsageError, "cannot become"),
        ('op.seed_gone("parts.code")', UsageError, "known by code, which cannot be left out"),
    ],
)
def test_what_cannot_be(toy: Toy, renaming: str, error: type[Exception], said: str) -> None:
    create(toy, "parts", "txt VARCHAR(9)")
    chain(toy, renaming)
    with pytest.raises(error, match=said):
        toy.upgrade()
    assert toy.version() is None
    assert toy.counts() == {}


def test_it_belongs_into_an_upgrade(sqlite_toy: Toy) -> None:
    create(sqlite_toy)
    chain(sqlite_toy)
    sqlite_toy.revision("0002_moved", "pass", MOVED, after="0001_parts")
    sqlite_toy.upgrade()
    with pytest.raises(PlanError, match="in upgrade"):
        sqlite_toy.downgrade("-1")


def test_a_revision_after_it_uses_the_name_as_it_is(toy: Toy) -> None:
    """A later table of the old name is another one."""
    create(toy, "pieces")
    create(toy, "parts", "code VARCHAR(9) NOT NULL")
    chain(toy, 'op.seed_moved("parts", to="pieces")')
    toy.revision(
        "0003_new", "op.seed_rows('parts', [{'code': 'N'}], key=['code'])", after="0002_moved"
    )
    toy.upgrade()
    assert rows(toy, "pieces", "code", "txt", "n") == SEEDED
    assert rows(toy, "parts", "code") == [("N",)]
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == {}


def test_check_takes_the_names_of_today(sqlite_toy: Toy) -> None:
    create(sqlite_toy, "parts", *NEW)
    chain(sqlite_toy, MOVED)
    checks = sqlite_toy.document("check")["checks"]
    assert {check["state"] for check in checks} == {"ok"}


def test_a_dataset_follows_the_names(sqlite_toy: Toy) -> None:
    """What the chain adds up to is under the names of today; a squash changes none of it."""
    create(sqlite_toy, "parts", "code VARCHAR(9) NOT NULL UNIQUE", *NEW[1:])
    chain(sqlite_toy, MOVED)
    seeds = sqlite_toy.path / "seeds"
    (seeds / "datasets").mkdir()
    (seeds / "datasets.toml").write_text('[parts]\ntable = "parts"\nkey = ["code"]\n')
    lines = ["code,text,n", *(f"{code},{text},{n}" for code, text, n in SEEDED)]
    (seeds / "datasets" / "parts.csv").write_text("\n".join(lines) + "\n")
    for squashed in (False, True):
        if squashed:
            sqlite_toy.terp_seed("squash", "0002_moved")
        checks = sqlite_toy.document("check")["checks"]
        assert {check["state"] for check in checks} == {"ok"}, checks
    (seeds / "datasets" / "parts.csv").write_text("\n".join(lines).replace("BB", "other") + "\n")
    checks = sqlite_toy.document("check", code=8)["checks"]
    assert [check["check"] for check in checks if check["state"] == "failed"] == ["datasets"]
