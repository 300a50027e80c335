"""What stands in a rollback's way: every kind of reference, and rows at ids that were ours."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from servers import MariaDB
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from toys import Toy

from terp_seed.database.session import opened
from terp_seed.errors import PlanError, RollbackError
from terp_seed.plan.plan import PlannedRevision, Removal
from terp_seed.project.project import Project as Seeds
from terp_seed.run.rollback import Examination, Rollback

# Tables of the application's, each pointing at seeded rows in its own way.
BY_CODE = (
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, depot_code VARCHAR(20) {text}, "
    "FOREIGN KEY (depot_code) REFERENCES depots (code) ON DELETE CASCADE)"
)
BY_PAIR = (
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, a VARCHAR(20) {text}, b VARCHAR(20) {text}, "
    "FOREIGN KEY (a, b) REFERENCES pairs (left_code, right_code) ON DELETE CASCADE)"
)
SET_NULL = (
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, depot_id INTEGER, "
    "FOREIGN KEY (depot_id) REFERENCES depots (id) ON DELETE SET NULL)"
)
RESTRICT = SET_NULL.replace("SET NULL", "RESTRICT")


def _notes(toy: Toy, create: str) -> None:
    text = ""
    if (
        not toy.sqlite and not toy.postgresql
    ):  # a foreign key wants the collation of what it refers to
        collation = toy.value(
            "SELECT collation_name FROM information_schema.columns "
            "WHERE table_schema = DATABASE() AND table_name = 'depots' AND column_name = 'code'"
        )
        text = f"CHARACTER SET utf8mb4 COLLATE {collation}"
    toy.execute(create.format(text=text))


@pytest.mark.parametrize(
    ("create", "insert", "where"),
    [
        (BY_CODE, "INSERT INTO notes SELECT 7, MIN(code) FROM depots", "notes.depot_code"),
        (
            BY_PAIR,
            "INSERT INTO notes SELECT 7, left_code, right_code FROM pairs LIMIT 1",
            "notes.a -> pairs",
        ),
        (SET_NULL, "INSERT INTO notes SELECT 7, MIN(id) FROM depots", "notes.depot_id"),
        (RESTRICT, "INSERT INTO notes SELECT 7, MIN(id) FROM depots", "notes.depot_id"),
    ],
    ids=["cascade to a code", "cascade to a pair of keys", "set null", "restrict"],
)
def test_whatever_its_rule_a_reference_stops_the_rollback(
    toy: Toy, create: str, insert: str, where: str
) -> None:
    """Nothing is deleted, nothing is set to NULL; the row that depends can be kept for instead."""
    _notes(toy, create)
    toy.upgrade("0002_depots")
    toy.execute(insert)
    before = toy.digests()
    target = "base" if "pairs" in where else "0001_labels"

    with pytest.raises(RollbackError, match=rf"1 in {where}.*first: id 7\)") as caught:
        toy.downgrade(target)

    assert caught.value.exit_code == 6
    now = toy.digests()
    assert now["notes"] == before["notes"]
    assert now["pairs"] == before["pairs"]
    if "depots" in toy.counts():
        assert now["depots"] == before["depots"]

    toy.downgrade(target, "on-dependents=keep")
    assert toy.digests()["notes"] == before["notes"]
    kept = {"pairs": 1, "notes": 1} if "pairs" in where else {"depots": 1, "notes": 1}
    assert {name: toy.counts()[name] for name in kept} == kept
    assert ", retained" in toy.said


@pytest.mark.parametrize("foreign", [True, False])
def test_rows_that_do_not_fit_around_kept_ones_are_refused(sqlite_toy: Toy, foreign: bool) -> None:
    """Fewer rows than the kept one's number, or somebody's row at an id of theirs."""
    toy = sqlite_toy
    _notes(toy, SET_NULL)
    toy.upgrade()
    toy.execute("INSERT INTO notes SELECT 7, MAX(id) FROM depots")
    toy.downgrade("base", "on-dependents=keep")
    if foreign:
        first = toy.value("SELECT MIN(id) - 1 FROM depots")
        toy.execute(f"INSERT INTO depots VALUES ({first}, 'MINE', 'main', 1, 1, 0, '2026-01-01')")
    before = toy.digests()
    with pytest.raises(PlanError, match=r"retained 1 rows of depots, .* do not fit around them"):
        toy.upgrade("head", *([] if foreign else ["rows=depots:3"]))
    assert toy.digests() == before


def test_a_row_at_an_id_that_was_seeded_can_depend_on_seeded_rows(toy: Toy) -> None:
    """It stands inside the range and is nobody's of ours: a cascade would take it along."""
    toy.upgrade()
    crate, depot = toy.rows("SELECT MAX(id), MIN(depot_id) FROM crates")[0]
    toy.execute(
        f"DELETE FROM scans WHERE crate_id = {crate}",
        f"DELETE FROM crates WHERE id = {crate}",
        f"INSERT INTO crates (id, code, depot_id, weight) VALUES ({crate}, 'MINE', {depot}, 1)",
    )
    toy.downgrade("0002_depots")
    assert toy.rows("SELECT id, code FROM crates") == [(crate, "MINE")]
    with pytest.raises(RollbackError, match=r"1 in crates.depot_id"):
        toy.downgrade("0001_labels")


def test_what_points_at_a_row_that_took_over_an_id_stands_in_nobodys_way(toy: Toy) -> None:
    toy.upgrade("0002_depots")
    depot = toy.value("SELECT MAX(id) FROM depots")
    toy.execute(
        f"UPDATE depots SET code = 'MINE', capacity = 1 WHERE id = {depot}",
        f"INSERT INTO crates (code, depot_id, weight) VALUES ('MINE', {depot}, 1)",
    )
    toy.downgrade("0001_labels")
    assert toy.rows("SELECT code FROM depots") == [("MINE",)]
    assert toy.rows("SELECT code FROM crates") == [("MINE",)]


def test_a_foreign_key_of_another_database_counts(
    mariadb: MariaDB, mariadb_toy: Toy, new_database: Callable[[str], str]
) -> None:
    """InnoDB lets a table of any database of the server refer to ours."""
    other = str(make_url(new_database(mariadb.engine)).database)
    mariadb_toy.upgrade("0002_depots")
    ours = str(make_url(mariadb_toy.url).database)
    mariadb_toy.execute(
        f"CREATE TABLE {other}.notes (id INTEGER PRIMARY KEY, depot_id INTEGER, "
        f"FOREIGN KEY (depot_id) REFERENCES {ours}.depots (id) ON DELETE CASCADE)",
        f"INSERT INTO {other}.notes SELECT 7, MIN(id) FROM depots",
    )
    try:
        with pytest.raises(RollbackError, match=rf"1 in {other}\.notes\.depot_id"):
            mariadb_toy.downgrade("0001_labels")
    finally:
        mariadb_toy.execute(f"DROP TABLE {other}.notes")


def test_what_was_found_stays_true_until_the_rows_are_gone(mariadb_toy: Toy) -> None:
    """Between the search and the delete nobody edits a row, or lets another one depend on it."""
    mariadb_toy.upgrade("0002_depots")
    settings = Seeds(mariadb_toy.path / "alembic.ini", x=(f"url={mariadb_toy.url}",)).settings()

    def meanwhile(_: Examination) -> None:
        for sql in (
            "UPDATE depots SET price = 1 LIMIT 1",
            "INSERT INTO crates (code, depot_id, weight) VALUES ('MINE', 1, 1)",
        ):
            with pytest.raises(OperationalError, match="1205"):
                mariadb_toy.execute("SET SESSION innodb_lock_wait_timeout = 1", sql)

    with opened(settings) as session:
        session.allow_writes()
        removal = Removal(())
        step = PlannedRevision("0002_depots", upgrade=False, removals=[removal])
        assert Rollback(session, "dev", meanwhile).remove(step, removal)["depots"].deleted == 4


# -- rows that are known by their natural key alone

KEYED = (
    "CREATE TABLE regions (code VARCHAR(20) PRIMARY KEY)",
    "CREATE TABLE towns (code VARCHAR(20) PRIMARY KEY, region VARCHAR(20), "
    "FOREIGN KEY (region) REFERENCES regions (code) ON DELETE CASCADE)",
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, town VARCHAR(20), "
    "FOREIGN KEY (town) REFERENCES towns (code) ON DELETE CASCADE)",
)
SEED_KEYED = """
op.seed_rows("regions", [{"code": "R1"}, {"code": "R2"}], key=["code"], id=None)
op.seed_rows("towns", [{"code": f"T{n}", "region": f"R{n}"} for n in (1, 2)], key=["code"], id=None)
"""


def _keyed(toy: Toy) -> None:
    toy.execute(*KEYED)
    toy.only("0001_towns", SEED_KEYED)
    toy.upgrade()


def test_what_a_kept_row_needs_stays_whatever_its_key(toy: Toy) -> None:
    """Without the region, a cascade would take the kept town, and with it the note."""
    _keyed(toy)
    towns = len(toy.rows("SELECT code FROM towns"))
    toy.execute("INSERT INTO notes VALUES (7, 'T2')")
    toy.downgrade("base", "on-dependents=keep")
    assert toy.rows("SELECT id FROM notes") == [(7,)]
    assert toy.rows("SELECT code FROM towns") == [("T2",)]
    assert toy.rows("SELECT code FROM regions") == [("R2",)]
    toy.upgrade()
    assert len(toy.rows("SELECT code FROM towns")) == towns
    toy.terp_seed("status", "--drift")


def test_what_was_kept_of_a_later_revision_is_nothing_to_an_earlier_one(sqlite_toy: Toy) -> None:
    toy = sqlite_toy
    toy.upgrade("0002_depots")
    toy.execute("UPDATE depots SET price = 1 WHERE code = (SELECT MIN(code) FROM depots)")
    toy.downgrade("base", "on-edited=keep")
    toy.upgrade("0001_labels")
    assert toy.counts() == {"labels": 3, "pairs": 2, "depots": 1}
    toy.upgrade("0002_depots")
    assert toy.counts()["depots"] == 4


def test_what_an_edited_row_needs_stays_with_it(toy: Toy) -> None:
    """A row of ours that stays is no reason to refuse: nobody else's depends on anything."""
    _keyed(toy)
    toy.execute("UPDATE towns SET region = 'R1' WHERE code = 'T2'")
    toy.downgrade("base", "on-edited=keep")
    assert toy.rows("SELECT code FROM towns") == [("T2",)]
    assert toy.rows("SELECT code FROM regions") == [("R1",)]


def test_a_kept_row_that_its_key_does_not_tell_stops_it(toy: Toy) -> None:
    """The seed said 5, and the column holds the text ``5``."""
    toy.execute(*KEYED)
    toy.only("0001_towns", 'op.seed_rows("towns", [{"code": 5}], key=["code"], id=None)')
    toy.upgrade()
    toy.execute("INSERT INTO notes VALUES (7, '5')")
    if toy.postgresql:  # where the literal of 5 is that of the text, too
        toy.downgrade("base", "on-dependents=keep")
        assert toy.counts() == {"notes": 1, "towns": 1}
        return
    with pytest.raises(PlanError, match="table towns: rows to be retained cannot be found"):
        toy.downgrade("base", "on-dependents=keep")
    assert toy.counts() == {"notes": 1, "towns": 1}


def test_a_chain_of_rows_that_need_each_other_stays_whole(toy: Toy) -> None:
    toy.execute(
        f"CREATE TABLE nodes (id {toy.counted_key}, code VARCHAR(9) UNIQUE, up INTEGER, "
        "FOREIGN KEY (up) REFERENCES nodes (id) ON DELETE CASCADE)",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, node_id INTEGER, "
        "FOREIGN KEY (node_id) REFERENCES nodes (id) ON DELETE CASCADE)",
    )
    toy.only("0001_nodes", 'op.seed_rows("nodes", [{"code": c} for c in "ABCD"], key=["code"])')
    toy.upgrade()
    toy.execute(
        "UPDATE nodes SET up = id - 1 WHERE code <> 'A'",
        "INSERT INTO notes SELECT 7, id FROM nodes WHERE code = 'C'",
    )
    toy.downgrade("base", "on-dependents=keep")
    assert toy.rows("SELECT id FROM notes") == [(7,)]
    assert toy.rows("SELECT code FROM nodes ORDER BY code") == [("A",), ("B",), ("C",)]


@pytest.mark.parametrize("rule", ["RESTRICT", "CASCADE"])
def test_rows_that_refer_to_rows_before_them_go_last_first(toy: Toy, rule: str) -> None:
    """RESTRICT does not stand in the way, and what a cascade would take is counted."""
    toy.execute(
        f"CREATE TABLE nodes (id {toy.counted_key}, code VARCHAR(9) UNIQUE, up INTEGER, "
        f"FOREIGN KEY (up) REFERENCES nodes (id) ON DELETE {rule})"
    )
    toy.only("0001_nodes", 'op.seed_rows("nodes", [{"code": c} for c in "ABCD"], key=["code"])')
    toy.upgrade()
    toy.execute("UPDATE nodes SET up = id - 1 WHERE code <> 'A'")
    toy.downgrade()
    assert toy.counts() == {}
    removed = toy.value("SELECT table_rows FROM terp_seed_audit WHERE event = 'reverted'")
    assert removed == '{"nodes":4}'


def test_a_row_under_a_key_that_only_looks_the_same_is_foreign(mariadb_toy: Toy) -> None:
    """The server's collation takes ``t2`` for ``T2``; it is another row all the same."""
    _keyed(mariadb_toy)
    mariadb_toy.execute(
        "DELETE FROM towns WHERE code = 'T2'", "INSERT INTO towns VALUES ('t2', NULL)"
    )
    mariadb_toy.downgrade()
    assert mariadb_toy.rows("SELECT code FROM towns") == [("t2",)]


# -- the script of a rollback searches as the run does


def test_a_script_stops_at_whatever_depends_on_rows_without_an_integer_key(
    toy: Toy, client: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    _keyed(toy)
    toy.execute("INSERT INTO notes VALUES (7, 'T2')")
    script = toy.call("downgrade", "0001_towns:base", sql=True)
    before = toy.digests()
    assert client(toy.url, script, check=False).returncode
    assert toy.digests() == before
    toy.execute("DELETE FROM notes")
    client(toy.url, script)
    assert toy.counts() == {}


def test_a_script_stops_at_a_foreign_key_to_another_column(
    toy: Toy, client: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    _notes(toy, BY_CODE)
    toy.upgrade("0002_depots")
    toy.execute("INSERT INTO notes SELECT 7, MIN(code) FROM depots")
    before = toy.digests()
    script = toy.call("downgrade", "0002_depots:0001_labels", sql=True)
    assert client(toy.url, script, check=False).returncode
    assert toy.digests() == before


def test_a_script_stops_at_a_foreign_key_of_another_database(
    mariadb: MariaDB,
    mariadb_toy: Toy,
    new_database: Callable[[str], str],
    client: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    other = str(make_url(new_database(mariadb.engine)).database)
    mariadb_toy.upgrade("0002_depots")
    mariadb_toy.execute(
        f"CREATE TABLE {other}.notes (id INTEGER PRIMARY KEY, depot_id INTEGER, FOREIGN KEY "
        f"(depot_id) REFERENCES {make_url(mariadb_toy.url).database}.depots (id))",
        f"INSERT INTO {other}.notes SELECT 7, MIN(id) FROM depots",
    )
    script = mariadb_toy.call("downgrade", "0002_depots:0001_labels", sql=True)
    try:
        # MariaDB's client adds the statement, and with it the guard's name
        assert "ERROR 1242" in client(mariadb_toy.url, script, check=False).stderr
        mariadb_toy.execute(f"DELETE FROM {other}.notes")
        client(mariadb_toy.url, script)
    finally:
        mariadb_toy.execute(f"DROP TABLE {other}.notes")
    assert "depots" not in mariadb_toy.counts()


def test_a_script_takes_rows_without_an_integer_key_that_point_at_its_own(
    toy: Toy, client: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    toy.execute(
        "CREATE TABLE links (code VARCHAR(20) PRIMARY KEY, label_id INTEGER, "
        "FOREIGN KEY (label_id) REFERENCES labels (id) ON DELETE CASCADE)"
    )
    toy.only(
        "0001_links",
        """
        from terp_seed.rows.model import ref
        op.seed_rows("labels", [{"code": "A"}], key=["code"])
        op.seed_rows("links", [{"code": "A", "label_id": ref("labels", code="A")}], key=["code"],
                     id=None)
        """,
    )
    toy.upgrade()
    client(toy.url, toy.call("downgrade", "0001_links:base", sql=True))
    assert toy.counts() == {}


# -- what a revision says of its own rollback

NOTHING = 'op.seed_rows("labels", [{"code": "L8"}, {"code": "L9"}], key=["code"])'


def test_a_revision_can_declare_that_it_has_no_rollback(toy: Toy) -> None:
    """An empty downgrade(): the version moves, the rows are retained, and a later upgrade
    leaves them alone."""
    toy.revision("0004_for_good", NOTHING, "pass")
    toy.upgrade()
    before = toy.digests()
    toy.downgrade("-1")
    assert "revision 0004_for_good declares no rollback; its rows stay: 2 labels" in toy.said
    assert toy.version() == "0003_crates"
    assert toy.digests() == before
    toy.upgrade()
    assert toy.digests() == before
    toy.downgrade("base", "on-dependents=keep")
    assert toy.counts() == {"labels": 2}


def test_the_script_of_no_rollback_keeps_the_same_books(
    toy: Toy, client: Callable[..., object]
) -> None:
    toy.revision("0004_for_good", NOTHING, "pass")
    toy.upgrade()
    script = toy.call("downgrade", "0004_for_good:0003_crates", sql=True)
    client(toy.url, script)
    assert toy.states().get("0004_for_good") is None
    assert toy.value("SELECT COUNT(*) FROM terp_seed_ledger WHERE state = 'retained'") == 1
    toy.upgrade()
    assert toy.counts()["labels"] == 5


def test_unseed_by_table_takes_these_and_then_those(toy: Toy) -> None:
    """Each op.unseed has its own policy: here the crates that are needed are kept."""
    toy.revision(
        "0003_crates",
        'op.seed("crates")',
        'op.unseed("scans")\nop.unseed("crates", on_dependents="keep")',
        after="0002_depots",
    )
    toy.upgrade()
    crate = toy.value("SELECT MIN(id) FROM crates")
    toy.execute(f"INSERT INTO scans (crate_id) VALUES ({crate})")
    toy.downgrade("-1")
    assert toy.rows("SELECT id FROM crates") == [(crate,)]
    assert toy.counts()["scans"] == 1


@pytest.mark.parametrize(
    ("downgrade", "words"),
    [
        ('op.unseed("scans")', "would leave its rows in crates behind"),
        ('op.unseed("scans")\nop.unseed("crate")', "it seeded no rows in crate; it did in crates"),
    ],
)
def test_unseed_by_table_leaves_nothing_behind(toy: Toy, downgrade: str, words: str) -> None:
    toy.revision("0003_crates", 'op.seed("crates")', downgrade, after="0002_depots")
    toy.upgrade()
    before = toy.digests()
    with pytest.raises(PlanError, match=words):
        toy.downgrade("-1")
    assert toy.digests() == before


# -- what a revision's file says by the time of its rollback


def test_an_environment_taken_out_since_does_not_orphan_the_rows(
    toy: Toy, client: Callable[..., object]
) -> None:
    """The ledger says that it was applied here; a script, which cannot look, stops."""
    rows = 'op.seed_rows("labels", [{"code": "A"}], key=["code"])'
    toy.only("0001_one", rows)
    toy.upgrade()
    toy.only("0001_one", rows, head='environments = ("test",)')
    script = toy.call("downgrade", "0001_one:base", sql=True)
    client(toy.url, script, check=False)
    assert toy.counts() == {"labels": 1}
    assert toy.states() == {"0001_one": "applied"}
    toy.downgrade("base")
    assert toy.counts() == {}


def test_a_downgrade_that_does_less_than_it_planned_keeps_nothing(toy: Toy) -> None:
    rows = 'op.seed_rows("labels", [{"code": "A"}], key=["code"])'
    once = "global told\ntold += 1\nif told == 1:\n    op.unseed()"
    toy.only("0001_one", rows, once, head="told = 0")
    toy.upgrade()
    with pytest.raises(PlanError, match="0001_one: did not call every planned operation"):
        toy.downgrade("base")
    assert toy.counts() == {"labels": 1}
    assert toy.states() == {"0001_one": "applied"}


@pytest.mark.parametrize("policy", ["keep", "abort"])
def test_a_script_is_refused_where_the_revision_itself_spares_edited_rows(
    sqlite_toy: Toy, policy: str
) -> None:
    rows = 'op.seed_rows("labels", [{"code": "A"}], key=["code"])'
    sqlite_toy.only("0001_one", rows, f'op.unseed(on_edited="{policy}")')
    with pytest.raises(RollbackError, match="a script cannot"):
        sqlite_toy.call("downgrade", "0001_one:base", sql=True)
    said = sqlite_toy.call("downgrade", "0001_one:base", sql=True, x=("on-edited=delete",))
    assert "DELETE FROM" in said


def test_a_table_that_is_gone_with_its_retained_rows_is_in_nobodys_way(sqlite_toy: Toy) -> None:
    toy = sqlite_toy
    toy.upgrade()
    toy.revision("0004_for_good", NOTHING, "pass")
    toy.upgrade()
    toy.downgrade("0003_crates")
    toy.revision("0004_for_good", 'op.seed_rows("labels", [{"code": "L"}], key=["code"])')
    toy.execute("DROP TABLE labels")
    toy.downgrade("0002_depots")
    assert toy.counts()["depots"] == 4
