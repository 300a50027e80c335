"""The dry run: it writes nothing, and what it counts comes true."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from sqlalchemy.engine import make_url
from toys import Toy

from terp_seed.database.dialects import dialect_of
from terp_seed.database.session import books_of
from terp_seed.ledger.audit import Pace, measure_pace
from terp_seed.project.project import Project as Seeds

SKIPPING = """
op.seed_rows("labels", [{"code": "FRAGILE"}, {"code": "MINE"}, {"code": "NEW"}], key=["code"],
             on_conflict="skip")
"""


def counted(told: dict[str, Any], *names: str) -> dict[str, dict[str, int]]:
    """By revision and table, the sum of some counts; tables with none left out."""
    found: dict[str, dict[str, int]] = {}
    for revision in told["revisions"]:
        for table in revision["tables"]:
            number = sum(table[name] for name in names)
            rows = found.setdefault(revision["revision"], {})
            rows[table["table"]] = rows.get(table["table"], 0) + number
    return {name: {t: n for t, n in rows.items() if n} for name, rows in found.items()}


def ids(told: dict[str, Any]) -> list[tuple[str, str, list[int]]]:
    return sorted(
        (revision["revision"], table["table"], table["ids"])
        for revision in told["revisions"]
        for table in revision["tables"]
        if table["ids"]
    )


def test_the_counts_of_an_upgrade_come_true(toy: Toy) -> None:
    """With keys that are taken, rows that an earlier rollback kept, and ids in use."""
    toy.revision("0004_more", SKIPPING)
    toy.upgrade("0003_crates")
    toy.execute(
        "INSERT INTO scans (crate_id) SELECT MAX(id) FROM crates",
        "INSERT INTO labels (id, code) VALUES (77, 'MINE')",
    )
    toy.downgrade("base", "on-dependents=keep")
    before = toy.everything()

    told = toy.document("plan")

    assert toy.everything() == before
    assert counted(told, "skipped") == {
        "0001_labels": {},
        "0002_depots": {"depots": 1},
        "0003_crates": {"crates": 1},
        "0004_more": {"labels": 2},
    }
    ran = toy.document("seed")
    assert counted(told, "inserted") == counted(ran, "inserted")
    assert told["rows"] == sum(
        n for rows in counted(ran, "inserted").values() for n in rows.values()
    )
    taken = toy.rows(
        "SELECT revision, table_name, first_key, row_count FROM terp_seed_ledger "
        "WHERE block_no = 0 AND range_no > 0 AND first_key IS NOT NULL ORDER BY revision, range_no"
    )
    ledger = sorted((name, table, [first, first + n - 1]) for name, table, first, n in taken)
    assert ids(told) == ledger


def test_the_counts_of_a_rollback_come_true(toy: Toy) -> None:
    """With rows edited, deleted by hand, taken over by somebody, and needed by somebody."""
    toy.upgrade()
    first, last = toy.rows("SELECT MIN(id), MAX(id) FROM crates")[0]
    toy.execute(
        "UPDATE depots SET price = 1 WHERE code = 'SEED-D-000002'",
        f"DELETE FROM scans WHERE crate_id IN ({last}, {last - 1})",
        f"DELETE FROM crates WHERE id IN ({last}, {last - 1})",
        f"INSERT INTO crates (id, code, depot_id, weight) SELECT {last}, 'MINE', MAX(id), 1 "
        "FROM depots",
        f"INSERT INTO scans (crate_id) VALUES ({first})",
    )
    before = toy.everything()
    keep = ("--on-dependents", "keep", "--on-edited", "keep")

    blocked = toy.terp_seed("rollback", "base", "--dry-run", code=6)
    told = toy.document("plan", "--rollback", "base", *keep)

    assert toy.everything() == before
    assert "0003_crates: depended on by 1 in scans.crate_id -> crates" in blocked.stdout
    crates = next(t for t in told["revisions"][0]["tables"] if t["table"] == "crates")
    assert (crates["replaced"], crates["missing"], crates["retained"]) == (1, 1, 1)
    assert counted(told, "edited")["0002_depots"] == {"depots": 1}
    ran = toy.document("rollback", "base", "--yes", *keep)
    assert counted(told, "deleted") == counted(ran, "deleted")
    assert counted(told, "retained") == counted(ran, "retained")


def test_a_revision_of_few_rows_says_nothing_of_the_pace_of_many(toy: Toy) -> None:
    """And one that went up nothing of how long the way back takes."""
    with toy.connect() as connection:
        settings = Seeds(toy.path / "alembic.ini", x=(f"url={toy.url}",)).settings()
        books = books_of(settings, dialect_of(connection))
        assert measure_pace(connection, books, upwards=True) == Pace()
    toy.upgrade()
    measured = """
        UPDATE terp_seed_audit SET table_rows = '{{"labels": {}}}', detail = '{{"seconds": {}}}'
        WHERE event = 'applied' AND revision = '{}'
    """
    toy.execute(
        measured.format(10, 2, "0001_labels"),
        measured.format(20, 2.5, "0002_depots"),
        measured.format(100_000, 4, "0003_crates"),
    )
    with toy.connect() as connection:
        up = measure_pace(connection, books, upwards=True)
        assert (up.a_revision, up.rows_a_second) == (2.5, 25_000)
        assert up.seconds(2, 50_000) == 7
        assert measure_pace(connection, books, upwards=False) == Pace()
    assert toy.document("plan", "--rollback")["seconds"] < 1


def test_a_plan_waits_for_nobody(toy: Toy) -> None:
    """It takes no lock, so another run in progress does not hold it up."""
    with contextlib.ExitStack() as held:
        if toy.sqlite:
            held.enter_context(FileLock(f"{make_url(toy.url).database}.terp_seed.lock"))
        else:
            connection = held.enter_context(toy.connect())
            assert dialect_of(connection).lock(connection).acquire(0)
        assert toy.document("plan")["rows"] == 33


def test_what_would_stop_the_run_is_said_with_its_code(toy: Toy) -> None:
    toy.execute("INSERT INTO labels (code) VALUES ('FRAGILE')")
    told = toy.terp_seed("plan", code=4)
    assert "1 of its values already belong to rows that this seed did not insert" in told.stderr
    assert "0003_crates" in told.stdout


def test_a_table_takes_along_what_it_needs_and_what_needs_it(sqlite_toy: Toy) -> None:
    toy = sqlite_toy
    said = toy.terp_seed("seed", "--table=depots").stderr
    assert "depots is seeded by 0002_depots, and with it 0001_labels" in said
    assert toy.counts() == {"labels": 3, "pairs": 2, "depots": 4}
    toy.terp_seed("seed")
    said = toy.terp_seed("rollback", "--table=depots", "--yes").stderr
    assert "depots goes with 0002_depots, and with it 0003_crates" in said
    assert toy.counts() == {"labels": 3, "pairs": 2}
    wrong = toy.terp_seed("seed", "--table=depot", code=2)
    assert "did you mean 'depots'?" in wrong.stderr


# -- the reviewed plan


@pytest.fixture
def plan(tmp_path: Path) -> str:
    return str(tmp_path / "plan.json")


def test_a_reviewed_plan_is_carried_out(toy: Toy, plan: str) -> None:
    """With the size that was reviewed, which need not be said again."""
    before = toy.everything()
    toy.terp_seed("plan", "0002_depots", "--size", "medium", "--out", plan)
    assert toy.everything() == before
    for more in (["base"], ["--table", "labels"], ["--rollback"]):
        said = toy.terp_seed("seed", *more, "--plan", plan, code=2).output
        assert "--plan says where to seed" in said
    toy.terp_seed("seed", "--plan", plan)
    assert toy.version() == "0002_depots"
    assert toy.counts()["depots"] == 8


@pytest.mark.parametrize(
    ("move", "what"),
    [
        (lambda toy: toy.upgrade("0001_labels"), "the current heads, the revisions"),
        (lambda toy: toy.execute("ALTER TABLE depots ADD COLUMN more INTEGER"), "the shape"),
        (lambda toy: toy.data("labels.csv", "code,wording\nL1,other\n"), "the rows"),
        (
            lambda toy: toy.revision("0002_depots", "pass", after="0001_labels"),
            "the shape of the tables, the rows",
        ),
        (lambda toy: toy.execute("UPDATE terp_seed_environment SET name = 'test'"), "environment"),
    ],
    ids=["chain", "schema", "data", "revision", "stamp"],
)
def test_a_plan_that_does_not_hold_any_more_is_refused(
    toy: Toy, plan: str, move: Any, what: str
) -> None:
    toy.terp_seed("plan", "0002_depots", "--out", plan)
    move(toy)
    before = toy.digests()
    refused = toy.terp_seed("seed", "--plan", plan, code=4)
    assert "the reviewed plan is out of date: " in refused.stderr
    assert what in refused.stderr
    assert toy.digests() == before


def test_reformatting_a_revision_raises_no_alarm(sqlite_toy: Toy, plan: str) -> None:
    toy = sqlite_toy
    toy.terp_seed("plan", "--out", plan)
    for path in (toy.path / "seed_revisions").glob("*.py"):
        text = path.read_text().replace("\n\n\ndef", "\n\n# a remark\n\ndef")
        path.write_bytes(text.replace("\n", "\r\n").encode())
    toy.terp_seed("seed", "--plan", plan)
    assert toy.version() == "0003_crates"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is not a plan; make one with terp-seed plan --out"),
        ('{"document": "plan artefact", "version": 0}', "was made by another version"),
        ('{"document": "plan artefact", "version": 2}', "is incomplete"),
    ],
)
def test_a_file_that_is_no_plan(
    sqlite_toy: Toy, plan: str, content: str | None, words: str
) -> None:
    if content is not None:
        Path(plan).write_text(content)
    refused = sqlite_toy.terp_seed("seed", "--plan", plan, code=2)
    assert words in refused.stderr


def test_a_kept_row_whose_key_is_taken_is_skipped_once(toy: Toy) -> None:
    rows = '[{"code": f"L{n}", "place": n} for n in range(5)]'
    toy.only("0001_l", f'op.seed_rows("labels", {rows}, key=["code"], on_conflict="skip")')
    toy.upgrade()
    toy.execute("UPDATE labels SET place = 77 WHERE code = 'L2'")
    toy.downgrade("base", "on-edited=keep")
    told = toy.document("plan")
    assert counted(told, "inserted") == {"0001_l": {"labels": 4}}
    assert counted(told, "skipped") == {"0001_l": {"labels": 1}}
    ran = toy.document("seed")
    assert counted(ran, "skipped") == {"0001_l": {"labels": 1}}
    assert counted(ran, "inserted") == {"0001_l": {"labels": 4}}
