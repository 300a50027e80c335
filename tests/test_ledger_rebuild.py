"""A lost ledger is written again from the rows, and a rollback then removes exactly those."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from projects import Project
from test_rollback import CAPITALS
from toys import HEAD, Toy

from terp_seed.cli import main
from terp_seed.database import environment_stamp
from terp_seed.database.compare import TableDigest, database_digests, differing
from terp_seed.errors import PlanError
from terp_seed.project.project import Project as Seeds

BOOKS = ("terp_seed_ledger", "terp_seed_audit")
LEDGER = (
    "SELECT revision, range_no, block_no, state, table_name, first_key, first_row, row_count, "
    "digests, key_digests, row_keys, detail FROM terp_seed_ledger ORDER BY 1, 2, 3"
)


def rebuild(toy: Toy, *args: str, x: tuple[str, ...] = (), code: int = 0) -> str:
    """Run `terp-seed ledger rebuild --yes` and return what it printed."""
    return toy.terp_seed("ledger", "rebuild", "--yes", *args, x=x, code=code).output


def tables(toy: Toy, *args: str) -> dict[str, tuple[int, ...]]:
    """Intact, edited, foreign and missing rows of each table, as a dry run finds them."""
    found = toy.document("ledger", "rebuild", "--dry-run", *args)
    names = ("intact", "edited", "replaced", "missing")
    return {
        each["table"]: tuple(each[name] for name in names)
        for revision in found["revisions"]
        for each in revision["tables"]
    }


# -- the toy project: imported rows, rows without an integer key, rows without a natural key


@pytest.mark.parametrize("size", ["small", "medium"])
def test_the_ledger_is_the_one_that_was_lost(toy: Toy, size: str) -> None:
    """Byte for byte, with foreign rows before the seeds and after them."""
    toy.execute("INSERT INTO labels (code) VALUES ('before')")
    toy.upgrade("head", f"size={size}", "seed=7")
    toy.execute("INSERT INTO labels (code) VALUES ('after')", "INSERT INTO scans VALUES (999, 999)")
    before, rows = toy.rows(LEDGER), toy.digests()
    toy.execute("DROP TABLE terp_seed_ledger")
    with pytest.raises(PlanError, match="terp-seed ledger rebuild"):
        toy.downgrade()
    rebuild(toy, x=("seed=7",))
    assert toy.rows(LEDGER) == before
    assert toy.digests() == rows
    assert toy.audit()[-1] == ("ledger", None)
    assert toy.document("history")["runs"][0]["command"] == "ledger rebuild"


def test_a_rollback_after_it_removes_exactly_the_seeded_rows(toy: Toy) -> None:
    """Rows edited, deleted by hand, and put at a seeded row's id by somebody else."""
    toy.execute("INSERT INTO depots VALUES (40, 'OURS', 'main', 1, 1, 0, '2026-01-01')")
    before = toy.digests()
    toy.upgrade()
    crate = toy.value("SELECT MIN(id) FROM crates")
    label = toy.value("SELECT MIN(id) FROM labels")
    toy.execute(
        f"UPDATE crates SET weight = weight + 1 WHERE id = {crate}",
        f"DELETE FROM scans WHERE crate_id IN ({crate + 1}, {crate + 2})",
        f"DELETE FROM crates WHERE id IN ({crate + 1}, {crate + 2})",
        f"DELETE FROM labels WHERE id = {label}",
        "UPDATE pairs SET weight = 9 WHERE left_code = (SELECT code FROM depots LIMIT 0)",
        *(f"DROP TABLE {name}" for name in BOOKS),
    )
    taken = f"INSERT INTO labels (id, code) VALUES ({label}, 'theirs')"
    toy.execute(taken)
    assert tables(toy) == {
        "labels": (2, 0, 1, 0),
        "pairs": (2, 0, 0, 0),
        "depots": (4, 0, 0, 0),
        "crates": (9, 1, 0, 2),
        "scans": (10, 0, 0, 2),
    }
    rebuild(toy)
    toy.downgrade()
    assert toy.rows("SELECT code FROM labels") == [("theirs",)]
    toy.execute("DELETE FROM labels")
    assert toy.digests() == before


def test_rows_like_seeded_ones_are_not_taken_for_them(toy: Toy) -> None:
    """Scans have no natural key: one that is equal is no proof, and two whole sets are a doubt."""
    toy.upgrade()
    crate = toy.value("SELECT MIN(id) FROM crates")
    toy.execute(
        "DELETE FROM scans",
        f"INSERT INTO scans VALUES (501, {crate + 3}), (700, {crate + 9})",
        "DROP TABLE terp_seed_ledger",
    )
    assert tables(toy)["scans"] == (0, 0, 0, 12)
    rows = [f"INSERT INTO scans VALUES ({900 + n}, {crate + n})" for n in range(12)]
    toy.execute(*rows)
    assert tables(toy)["scans"] == (12, 0, 0, 0)
    toy.execute(*(row.replace("(9", "(19") for row in rows))
    done = toy.terp_seed("ledger", "rebuild", "--yes", code=4)
    assert "may begin at id 900 or at id 1900, and nothing tells which" in done.stderr


def test_a_dry_run_writes_nothing_and_without_consent_neither_does_the_command(toy: Toy) -> None:
    toy.upgrade()
    toy.execute("DROP TABLE terp_seed_ledger")
    before = toy.everything()
    found = toy.document("ledger", "rebuild", "--dry-run")
    assert (found["size"], found["written"]) == ("small", False)
    assert toy.everything() == before
    refused = toy.terp_seed("ledger", "rebuild", code=5)
    assert "answer beforehand" in refused.stderr
    assert toy.rows(LEDGER) == []
    assert toy.audit()[-1] == ("finished", None)


def test_nothing_is_lost(toy: Toy) -> None:
    assert "nothing to rebuild" in rebuild(toy)
    toy.upgrade()
    before = toy.rows(LEDGER)
    assert "nothing to rebuild" in rebuild(toy)
    assert toy.rows(LEDGER) == before


def test_rows_of_no_size_are_refused(toy: Toy) -> None:
    """Another root seed, and counts that no preset has: the message names what to give."""
    toy.upgrade("head", "rows=depots:6,crates:14", "seed=7")
    toy.execute("DROP TABLE terp_seed_ledger")
    before = toy.digests()
    for x in ((), ("seed=7",), ("size=small", "seed=7"), ("rows=depots:6,crates:14",)):
        done = toy.terp_seed("ledger", "rebuild", "--yes", x=x, code=4)
        assert "say how the chain was seeded, with -x size=..." in done.stderr, x
    assert (toy.digests(), toy.rows(LEDGER)) == (before, [])
    rebuild(toy, x=("rows=depots:6,crates:14", "seed=7", "size=small"))
    toy.downgrade()
    assert toy.counts() == {}


def test_rows_that_are_the_same_in_every_size_need_to_be_told_the_size(toy: Toy) -> None:
    toy.upgrade("0001_labels", "size=medium")
    toy.execute("DROP TABLE terp_seed_ledger")
    done = toy.terp_seed("ledger", "rebuild", "--yes", code=4)
    assert "say so with -x size=..." in done.stderr
    rebuild(toy, x=("size=medium",))
    toy.upgrade()
    assert toy.document("status")["settings"]["size"] == "medium"


def test_a_part_that_was_lost_is_joined_to_what_is_left(toy: Toy) -> None:
    toy.upgrade("head", "size=medium")
    before = toy.rows(LEDGER)
    toy.execute("DELETE FROM terp_seed_ledger WHERE revision = '0003_crates'")
    rebuild(toy)
    assert toy.rows(LEDGER) == before


def test_skipped_revisions_and_an_emptied_one(toy: Toy) -> None:
    """A revision of which no row is left is as good as stamped: nothing to roll back."""
    toy.revision("0004_later", "pass", "pass", head='environments = ("production",)')
    toy.upgrade()
    toy.execute("DELETE FROM scans", "DELETE FROM crates", "DROP TABLE terp_seed_ledger")
    rebuild(toy)
    assert toy.states() == {
        "0001_labels": "applied",
        "0002_depots": "applied",
        HEAD: "stamped",
        "0004_later": "skipped",
    }
    toy.downgrade()
    assert toy.counts() == {}


def test_the_version_was_lost_too_and_stamped_again(toy: Toy) -> None:
    toy.upgrade("head", "size=medium")
    before = toy.rows(LEDGER)
    toy.execute(*(f"DROP TABLE {name}" for name in (*BOOKS, "terp_seed_version")))
    assert toy.version() is None
    toy.stamp("head")
    rebuild(toy)
    assert toy.rows(LEDGER) == before


def test_rows_that_only_went_in_where_nobody_had_them(toy: Toy) -> None:
    """The audit counted them; without it they are left alone, unless somebody claims them."""
    rows = [{"code": code, "wording": "ours"} for code in "ABC"]
    toy.only("0001_skip", f'op.seed_rows("labels", {rows!r}, key=["code"], on_conflict="skip")')
    for counted in (True, False):
        toy.execute("INSERT INTO labels (code, wording) VALUES ('A', 'ours'), ('B', 'ours')")
        toy.upgrade()
        toy.execute("DROP TABLE terp_seed_ledger")
        if not counted:
            toy.execute("DROP TABLE terp_seed_audit")
        found = toy.terp_seed("ledger", "rebuild", "--yes", "--json", x=("size=small",))
        assert f'"unclaimed": {2 if counted else 3}' in found.stdout
        assert '"missing": 0' in found.stdout
        tables = toy.document("plan", "--rollback", "base")["revisions"][0]["tables"]
        assert [table["ids"] is None for table in tables] == ([False] if counted else [])
        toy.downgrade()
        left = toy.rows("SELECT code FROM labels ORDER BY code")
        assert left == [("A",), ("B",), ("C",)][: 2 if counted else 3]
        toy.execute("DELETE FROM labels")
    toy.upgrade()
    toy.execute(*(f"DROP TABLE {name}" for name in BOOKS))
    rebuild(toy, "--claim", "labels", x=("size=small",))
    toy.downgrade()
    assert toy.counts() == {}


def test_an_unstamped_server_is_asked_first_which_environment_it_is(mariadb_toy: Toy) -> None:
    mariadb_toy.upgrade()
    mariadb_toy.execute("DROP TABLE terp_seed_ledger", "DROP TABLE terp_seed_environment")
    assert "env stamp dev" in mariadb_toy.terp_seed("ledger", "rebuild", "--yes", code=5).stderr


def test_what_the_ledger_holds(toy: Toy) -> None:
    assert toy.terp_seed("ledger", "show").stderr == "the ledger is empty\n"
    toy.upgrade()
    labels, depots, _ = toy.document("ledger", "show")["revisions"]
    assert [each["table"] for each in labels["tables"]] == ["labels", "pairs"]
    assert labels["tables"][1]["ids"] is None
    assert depots["tables"] == [{"table": "depots", "rows": 4, "retained": 0, "ids": [1, 4]}]
    assert depots["state"] == "applied"
    toy.execute("UPDATE depots SET capacity = 1 WHERE id = 2")
    toy.downgrade("base", "on-edited=keep")
    (kept,) = toy.document("ledger", "show")["revisions"]
    assert (kept["state"], kept["tables"][0]["retained"]) == ("retained", 1)
    assert "0002_depots" in toy.terp_seed("ledger", "show").stdout


def test_unclaimed_rows_are_named(sqlite_toy: Toy) -> None:
    sqlite_toy.only(
        "0001_skip",
        f"op.seed_rows({'labels'!r}, [{{'code': 'A'}}], key=['code'], on_conflict='skip')",
    )
    sqlite_toy.upgrade()
    sqlite_toy.execute(*(f"DROP TABLE {name}" for name in BOOKS))
    x = ("size=small",)
    said = sqlite_toy.terp_seed("ledger", "rebuild", "--dry-run", x=x).stderr
    assert 'labels: 1 rows of on_conflict="skip" do not count as seeded' in said
    assert "add --claim labels" in said
    claim = ("--claim", "labels")
    claimed = sqlite_toy.terp_seed("ledger", "rebuild", "--dry-run", *claim, x=x).stderr
    assert "--claim" not in claimed


# -- stamped revisions


def lose_everything(toy: Toy) -> None:
    """All bookkeeping tables are dropped, and the chain is stamped again."""
    for table in ("version", "ledger", "audit", "environment"):
        toy.execute(f"DROP TABLE terp_seed_{table}")
    with toy.db.begin() as connection:
        environment_stamp.stamp(connection, "dev", origin="test")
    toy.stamp("head")


def test_a_rollback_over_a_stamp_is_no_dead_end(toy: Toy) -> None:
    """It warns; afterwards the upgrade says how to get the ledger back, and that works."""
    empty = toy.digests()
    toy.upgrade("head", "size=medium")
    before, rows = toy.rows(LEDGER), toy.digests()
    lose_everything(toy)
    warned = f"revision {HEAD} was only stamped, so the rollback removes no rows of it"
    planned = toy.document("plan", "--rollback")
    assert any(warning.startswith(warned) for warning in planned["warnings"])
    toy.downgrade("-1")
    assert warned in toy.said
    assert toy.digests() == rows
    rebuild(toy)
    assert toy.states() == {"0001_labels": "applied", "0002_depots": "applied"}
    with pytest.raises(PlanError) as caught:
        toy.upgrade()
    _, first, *_ = str(caught.value).splitlines()
    assert f"all rows of revision {HEAD} are there, and the ledger does not list them" in first
    assert first.endswith(f"alembic -n seed stamp {HEAD}, then terp-seed ledger rebuild")
    toy.stamp(HEAD)
    rebuild(toy)
    assert toy.rows(LEDGER) == before
    toy.downgrade("base", "on-edited=abort")
    assert toy.digests() == empty


def test_a_stamp_of_rows_that_are_not_there_stays_one(toy: Toy) -> None:
    """Neither without any of the rows, nor with other rows under their keys, is it taken back."""
    toy.stamp("0001_labels")
    toy.execute("INSERT INTO labels (code, wording) VALUES ('FRAGILE', 'ours')")
    toy.upgrade()
    before = toy.rows(LEDGER)
    assert "nothing to rebuild" in rebuild(toy)
    assert toy.rows(LEDGER) == before
    assert toy.states()["0001_labels"] == "stamped"
    toy.execute(f"DELETE FROM terp_seed_ledger WHERE revision = '{HEAD}'")
    rebuild(toy)
    assert toy.rows(LEDGER) == before


# -- TERP's own chain


@pytest.fixture
def terp(project: Project, database_url: str) -> Seeds:
    """The project's seeds, on a sandbox of each engine with rows of somebody's own."""
    project.run("alembic", "-x", f"url={database_url}", "upgrade", "head")
    return Seeds(project.path / "alembic.ini", x=(f"url={database_url}",))


def _do(terp: Seeds, *statements: str) -> None:
    engine = sa.create_engine(terp.x[0].removeprefix("url="))
    with engine.begin() as connection:
        quote = connection.dialect.identifier_preparer.quote_identifier
        for statement in statements:
            connection.execute(sa.text(CAPITALS.sub(lambda name: quote(name[0]), statement)))
    engine.dispose()


def _digests(terp: Seeds) -> dict[str, TableDigest]:
    engine = sa.create_engine(terp.x[0].removeprefix("url="))
    with engine.connect() as connection:
        found = database_digests(connection)
    engine.dispose()
    return found


THEIRS = (
    "INSERT INTO users (openId, lastSignedIn) VALUES ('their-user', '2026-01-01')",
    "INSERT INTO brands (name) VALUES ('their brand')",
    "INSERT INTO clients (id, teri_code, name) VALUES (700, 'THEIRS', 'their client')",
    "INSERT INTO pricing_defaults (product_category, default_margin_percent) "
    "VALUES ('Flower', 35.00)",
    "INSERT INTO orders (id, order_number, orderType, client_id, items, subtotal, total, "
    "paymentTerms, created_by) SELECT 900, 'THEIR-1', 'SALE', 700, '[]', 1, 1, 'COD', id "
    "FROM users WHERE openId = 'their-user'",
)
DAMAGE = (
    "UPDATE orders SET notes = 'called back' WHERE order_number LIKE '%0003'",
    "DELETE FROM order_status_history WHERE id % 7 = 0",
    "DELETE FROM client_transactions WHERE id % 5 = 0",
    "UPDATE clients SET name = 'renamed' WHERE teri_code LIKE 'SEED%0004'",
)


@pytest.mark.long
def test_terp_comes_out_exactly(terp: Seeds) -> None:
    """Every table is as it was before the seeds, though the ledger was lost in between."""
    _do(terp, *THEIRS)
    before = _digests(terp)
    terp.upgrade("head")
    _do(terp, *DAMAGE, "DROP TABLE terp_seed_ledger")
    with pytest.raises(PlanError, match="ledger rebuild"):
        terp.downgrade("base")

    ini = str(Path(terp.ini))
    command = ["-c", ini, "-x", terp.x[0], "ledger", "rebuild", "--yes", "--json"]
    done = CliRunner().invoke(main, command)

    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["size"] == "small"
    of = {each["table"]: each for step in found["revisions"] for each in step["tables"]}
    assert (of["orders"]["edited"], of["clients"]["edited"]) == (1, 1)
    assert (of["pricing_defaults"]["intact"], of["pricing_defaults"]["unclaimed"]) == (11, 1)
    assert of["order_status_history"]["missing"] == 25
    assert of["client_transactions"]["missing"] == 10
    terp.downgrade("base")
    assert differing(before, _digests(terp)) == []


def test_a_run_after_the_loss_of_every_table_says_how_to_get_the_ledger_back(toy: Toy) -> None:
    """The chain is at its base then, and finds its own rows; of one revision of three or of all."""
    for revision in ("0001_labels", HEAD):
        toy.upgrade(revision)
        before = toy.digests()
        for table in ("version", "ledger", "audit", "environment"):
            toy.execute(f"DROP TABLE terp_seed_{table}")
        with toy.db.begin() as connection:
            environment_stamp.stamp(connection, "dev", origin="test")
        with pytest.raises(PlanError) as caught:
            toy.upgrade()
        (hint,) = [line for line in str(caught.value).splitlines() if "bookkeeping" in line]
        assert f"all rows of revision {revision} are there" in hint
        assert hint.endswith(f"alembic -n seed stamp {revision}, then terp-seed ledger rebuild")
        toy.stamp(revision)
        rebuild(toy, x=("size=small",))
        assert toy.digests() == before
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == {}


def test_rows_of_others_are_not_taken_for_a_lost_ledger(sqlite_toy: Toy) -> None:
    """One key of several is taken, or the ledger knows the chain."""
    sqlite_toy.only(
        "0001_a",
        'op.seed_rows("labels", [{"code": "A"}, {"code": "B"}], key=["code"])',
    )
    sqlite_toy.execute("INSERT INTO labels (code) VALUES ('A')")
    with pytest.raises(PlanError, match="1 of its values already belong") as caught:
        sqlite_toy.upgrade()
    assert "bookkeeping" not in str(caught.value)
