"""The plan against the live schema: everything that does not fit, at once, before any row."""

from __future__ import annotations

import pytest
from servers import server_engine
from toys import Toy

from terp_seed.database.schema import Schema
from terp_seed.database.session import opened
from terp_seed.errors import PlanError
from terp_seed.masking.gaps import profile_of_column
from terp_seed.project.project import Project


def findings(toy: Toy) -> list[str]:
    """Upgrade, expect the one error, and return its findings; nothing may be written."""
    before = toy.digests()
    with pytest.raises(PlanError) as caught:
        toy.upgrade()
    first, *found = str(caught.value).splitlines()
    assert first == "the plan does not fit this database, nothing was written:"
    assert all(line.startswith("  revision 000") for line in found)
    assert toy.digests() == before
    assert toy.version() is None
    assert toy.value("SELECT COUNT(*) FROM terp_seed_ledger") == 0
    return [line.strip() for line in found]


def remake(toy: Toy, table: str, was: str, now: str) -> None:
    """Make a SQLite table anew from its own definition, changed."""
    sql = toy.value(f"SELECT sql FROM sqlite_master WHERE name = '{table}'")
    assert was in sql
    toy.execute(f"DROP TABLE {table}", sql.replace(was, now))


def test_a_missing_table(toy: Toy) -> None:
    toy.execute("DROP TABLE crates")
    toy.execute("CREATE TABLE cratez (id INTEGER)")
    assert findings(toy) == [
        "revision 0003_crates, table crates: does not exist; did you mean cratez?"
    ]


def test_a_key_that_tells_rows_apart_must_be_unique(toy: Toy) -> None:
    """A rollback would take somebody's own row along that has the same key."""
    toy.execute("DROP TABLE pairs", "CREATE TABLE pairs (left_code VARCHAR(20), weight INTEGER)")
    toy.only(
        "0001_a",
        'op.seed_rows("pairs", [{"left_code": "A", "weight": 1}], key=["left_code"], id=None)',
    )
    assert findings(toy) == [
        "revision 0001_a, table pairs: left_code is not unique in it, and without an integer key "
        "seeded rows cannot be told from others later; give the table a unique key"
    ]
    toy.execute("CREATE UNIQUE INDEX one_code ON pairs (left_code)")
    toy.upgrade()


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_key_that_is_unique_among_some_rows_does_not_tell_them_apart(toy: Toy) -> None:
    """Nor is it taken by a row outside of the index; a masked value has to respect it still."""
    toy.execute(
        "DROP TABLE pairs",
        "CREATE TABLE pairs (left_code VARCHAR(20), weight INTEGER)",
        "CREATE UNIQUE INDEX one_code ON pairs (left_code) WHERE weight > 0",
        "CREATE UNIQUE INDEX one_wording ON labels (wording) WHERE place > 0",
        "INSERT INTO labels (code, wording, place) VALUES ('mine', 'same', 0)",
    )
    toy.only(
        "0001_a",
        'op.seed_rows("pairs", [{"left_code": "A", "weight": 1}], key=["left_code"], id=None)',
    )
    (finding,) = findings(toy)
    assert "left_code is not unique in it" in finding
    toy.only("0001_a", 'op.seed_rows("labels", [{"code": "A", "wording": "same"}], key=["code"])')
    toy.upgrade()
    with opened(Project(toy.path / "alembic.ini", x=(f"url={toy.url}",)).settings()) as session:
        facts = Schema(session).table("labels")
    assert facts is not None
    assert ("wording",) not in facts.uniques
    assert profile_of_column(facts, "wording").unique
    assert not profile_of_column(facts, "amount").unique


def test_a_missing_column(toy: Toy) -> None:
    toy.execute("ALTER TABLE depots RENAME COLUMN capacity TO capacities")
    found = findings(toy)
    assert found == [
        "revision 0002_depots, table depots, column capacities: must not be NULL, has no default, "
        "and the seed gives it no value",
        "revision 0002_depots, table depots, column capacity: does not exist; did you mean "
        "capacities?",
    ]


def test_a_column_that_needs_a_value(toy: Toy) -> None:
    """C-30."""
    if toy.sqlite:
        remake(toy, "scans", "crate_id INTEGER", "crate_id INTEGER, reader INTEGER NOT NULL")
    else:
        toy.execute("ALTER TABLE scans ADD COLUMN reader INTEGER NOT NULL")
    assert findings(toy) == [
        "revision 0003_crates, table scans, column reader: must not be NULL, has no default, and "
        "the seed gives it no value"
    ]


def test_a_column_that_fills_itself_needs_none(toy: Toy) -> None:
    toy.execute("ALTER TABLE scans ADD COLUMN reader INTEGER NOT NULL DEFAULT 7")
    toy.upgrade()
    assert toy.value("SELECT SUM(reader) FROM scans") == 84


def test_a_column_that_must_not_be_null_any_more(toy: Toy) -> None:
    if toy.sqlite:
        remake(toy, "labels", "wording VARCHAR(60)", "wording VARCHAR(60) NOT NULL")
    else:
        toy.modify("labels", "wording", "VARCHAR(60)", null=False)
    assert findings(toy) == [
        "revision 0001_labels, table labels, column wording: must not be NULL, and the seed holds "
        "NULL (row 3)"
    ]


def test_a_shorter_column(toy: Toy) -> None:
    for table, column, size in (("labels", "wording", 60), ("crates", "code", 20)):
        if toy.sqlite:
            remake(toy, table, f"{column} VARCHAR({size})", f"{column} VARCHAR(12)")
        else:
            toy.modify(table, column, "VARCHAR(12)", null=column != "code")
    found = findings(toy)
    assert found[0] == (
        "revision 0001_labels, table labels, column wording: holds 12 characters, and the seed has "
        "22 (row 1)"
    )
    assert found[1].startswith(
        "revision 0003_crates, table crates, column code: holds 12 characters, and the seed has 1"
    )
    assert len(found) == 2


def test_an_enum_without_a_value(toy: Toy) -> None:
    if toy.sqlite:
        remake(toy, "depots", "'branch'", "'annex'")
    elif toy.postgresql:
        toy.execute("CREATE TYPE other_kind AS ENUM ('main', 'annex')")
        toy.modify("depots", "kind", "other_kind")
    else:
        toy.modify("depots", "kind", "ENUM('main', 'annex')")
    assert findings(toy) == [
        "revision 0002_depots, table depots, column kind: is an enum without branch; allowed "
        "values: annex, main"
    ]


def test_an_enum_finding_shows_no_imported_value(toy: Toy) -> None:
    toy.only(
        "0001_a",
        'op.seed_rows("depots", [{"code": "A", "kind": "somebody", "capacity": 1, "price": 1, '
        '"opened": "2026-01-01"}], key=["code"])',
    )
    assert findings(toy) == [
        "revision 0001_a, table depots, column kind: is an enum without the value (row 1); "
        "allowed values: branch, main"
    ]


def test_a_number_that_is_too_large(toy: Toy) -> None:
    if toy.sqlite:
        remake(toy, "depots", "capacity INTEGER", "capacity SMALLINT")
        remake(toy, "depots", "price NUMERIC(8, 2)", "price NUMERIC(3, 2)")
    else:
        toy.modify("depots", "capacity", "SMALLINT", null=False)
        toy.modify("depots", "price", "DECIMAL(3, 2)", null=False)
    toy.only(
        "0001_a",
        """
        op.seed("depots")
        op.seed_rows("depots", [{"code": "A", "capacity": 40000, "price": 1, "kind": "main",
                                 "opened": "2026-01-01"}], key=["code"])
        """,
    )
    found = findings(toy)
    assert [line.split(": ")[0].partition(", ")[2] for line in found] == [
        "table depots, column price",
        *([] if toy.sqlite else ["table depots, column capacity"]),  # SQLite holds any
    ]


def test_a_row_that_is_referred_to_and_missing(toy: Toy) -> None:
    toy.revision(
        "0004_a",
        'op.seed_rows("crates", [{"code": "X", "depot_id": 4711, "weight": 1}], key=["code"])\n'
        'op.seed_rows("scans", [{"crate_id": 4711}])',
    )
    assert findings(toy) == [
        "revision 0004_a, table crates, column depot_id, row 1: refers to a row of depots that does"
        " not exist",
        "revision 0004_a, table scans, column crate_id, row 1: refers to a row of crates that does "
        "not exist",
    ]


def test_a_taken_key_of_a_later_revision_stops_the_first(toy: Toy) -> None:
    """C-25."""
    toy.execute("INSERT INTO depots VALUES (9, 'SEED-D-000003', 'main', 1, 1, 0, '2026-01-01')")
    (found,) = findings(toy)
    assert found.startswith(
        "revision 0002_depots, table depots, key code: 1 of its values already belong to rows that "
        "this seed did not insert"
    )


def test_all_findings_come_in_one_error(toy: Toy) -> None:
    toy.execute("DROP TABLE pairs")
    toy.execute("ALTER TABLE depots RENAME COLUMN price TO prices")
    toy.execute("ALTER TABLE crates RENAME COLUMN weight TO weights")
    found = findings(toy)
    assert [line.split(",")[0] for line in found] == [
        "revision 0001_labels",
        *["revision 0002_depots"] * 2,
        *["revision 0003_crates"] * 2,
    ]


def test_the_command_prints_all_of_them_and_ends_with_255(toy: Toy) -> None:
    toy.execute("DROP TABLE pairs")
    toy.execute("ALTER TABLE crates RENAME COLUMN weight TO weights")
    before = toy.digests()
    failed = toy.alembic("upgrade", "head", check=False)
    assert failed.returncode == 255
    assert failed.stdout.startswith("FAILED: the plan does not fit this database, nothing was")
    assert failed.stdout.count("\n  revision ") == 3
    assert "Traceback" not in failed.stderr
    assert toy.digests() == before


@pytest.mark.parametrize("charset", ["utf8mb3", "latin1", "ascii"])
@pytest.mark.parametrize("text", ["plain", "caf\u00e9", "\u4e2d", "\U0001f600"])
def test_characters_that_a_column_cannot_hold(mariadb_toy: Toy, charset: str, text: str) -> None:
    """C-27: the column's own character set decides, whatever the database's is."""
    holds = {"utf8mb3": "\uffff", "latin1": "\xff", "ascii": "\x7f"}[charset]
    mariadb_toy.execute(
        f"ALTER TABLE labels MODIFY wording VARCHAR(60) CHARACTER SET {charset}",
    )
    mariadb_toy.only(
        "0001_a",
        f'op.seed_rows("labels", [{{"code": "A", "wording": "x"}}, '
        f'{{"code": "B", "wording": {text!r}}}], key=["code"])',
    )
    if max(text) <= holds:  # latin1 is cp1252, and holds what every e-mail from the west has
        mariadb_toy.upgrade()
        assert mariadb_toy.value("SELECT wording FROM labels WHERE code = 'B'") == text
    else:
        assert findings(mariadb_toy) == [
            "revision 0001_a, table labels, column wording: its character set "
            f"{charset} cannot hold the seed's characters (row 2)"
        ]


def test_a_computed_column_and_a_view(toy: Toy) -> None:
    stored = " STORED" if toy.postgresql else ""
    computed = f"INTEGER GENERATED ALWAYS AS (crate_id * 2){stored}"
    toy.execute(f"ALTER TABLE scans ADD COLUMN twice {computed}")
    toy.execute("CREATE VIEW seen AS SELECT id, crate_id FROM scans")
    toy.only(
        "0001_a",
        'op.seed_rows("scans", [{"twice": 5}])\nop.seed_rows("seen", [{"crate_id": None}])',
    )
    computed, view = findings(toy)
    assert computed == (
        "revision 0001_a, table scans, column twice: the database computes it; take it out of the "
        "seed"
    )
    assert view == (
        "revision 0001_a, table seen: is a view or a foreign table; seed the table behind it"
    )


def test_a_table_without_the_key_that_is_named(toy: Toy) -> None:
    toy.only(
        "0001_a",
        """
        op.seed_rows("pairs", [{"left_code": "A", "right_code": "B", "weight": 1}])
        op.seed_rows("labels", [{"code": "A"}], id="place")
        """,
    )
    assert findings(toy) == [
        "revision 0001_a, table pairs: has no integer key 'id'; say which, or id=None",
        "revision 0001_a, table labels: 'place' is not its integer primary key; pass id='id'",
    ]


@pytest.mark.parametrize("engine", [server_engine(), "postgresql"])
def test_a_partitioned_table_is_seeded_by_what_its_messages_say(toy: Toy) -> None:
    """Its unique keys hold the column that it is partitioned by, and its id is no key alone."""
    counter = "SERIAL" if toy.postgresql else "INTEGER NOT NULL AUTO_INCREMENT"
    toy.execute(
        f"CREATE TABLE visits (id {counter}, code VARCHAR(9) NOT NULL, year INTEGER NOT NULL, "
        "PRIMARY KEY (id, year)) PARTITION BY RANGE (year)"
        + ("" if toy.postgresql else " (PARTITION every VALUES LESS THAN MAXVALUE)")
    )
    if toy.postgresql:
        toy.execute("CREATE TABLE every PARTITION OF visits DEFAULT")
    toy.publish("visits", ["code"])

    def seed(more: str) -> None:
        toy.only("0001_a", f'op.seed_rows("visits", [{{"code": "a", "year": 7}}], {more})')

    for given in ('key=["code"]', 'key=["code"], id=None'):
        seed(given)
        (finding,) = findings(toy)
        assert 'to the seed and pass id=None and key=["id", "year"], or give the' in finding
    toy.execute("CREATE UNIQUE INDEX one ON visits (code, year)")
    for given in ('key=["code"]', 'key=["code"], id=None'):
        seed(given)
        (finding,) = findings(toy)
        assert finding.endswith('pass id=None and key=["code", "year"], which is unique')
    seed('key=["code", "year"], id=None')
    toy.upgrade()
    toy.document("status", "--drift")
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == {}


def test_text_in_a_number_or_date_column(toy: Toy) -> None:
    """SQLite would keep it as text without a word."""
    toy.data("a.csv", "code,place,day\nA,5,2026-01-01\nB,five,\nC,,soon\n")
    toy.only("0001_a", 'op.seed_file("labels", "a.csv", key=["code"])')
    assert findings(toy) == [
        "revision 0001_a, table labels, column place: is an integer column, but the seed's "
        "value is not an integer (row 2)",
        "revision 0001_a, table labels, column day: is a date column, but the seed's value is "
        'not a date; for other forms declare types={"day": "date"} (row 3)',
    ]


def test_text_in_a_boolean_column(toy: Toy) -> None:
    toy.execute(f"CREATE TABLE flags (id {toy.counted_key}, code VARCHAR(9) UNIQUE, flag BOOLEAN)")
    toy.data("a.csv", "code,flag\nA,1\nB,true\n")
    toy.only("0001_a", 'op.seed_file("flags", "a.csv", key=["code"])')
    assert findings(toy) == [
        "revision 0001_a, table flags, column flag: is a boolean column, but the seed's value "
        'is not 0 or 1; for other forms declare types={"flag": "bool"} (row 2)',
    ]


def test_a_lost_reference_target_is_a_finding(toy: Toy) -> None:
    """A declared reference has no constraint, so its target may not exist at all."""
    toy.execute("DROP TABLE crates")
    toy.only("0001_a", 'op.seed_rows("scans", [{"crate_id": 1}])')
    (found,) = findings(toy)
    assert "table scans, column crate_id" in found
    assert "crates" in found
