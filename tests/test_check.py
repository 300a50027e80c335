"""`terp-seed check`: what can be known before a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.engine import make_url
from toys import Toy

from terp_seed.cli import main

_ROWS = 'op.seed_rows("labels", [{"code": "A", "wording": "%s"}], key=["code"])'

ALL = [
    "revisions load",
    "one head",
    "revision ids",
    "plan and rollbacks",
    "masking policy",
    "up, down, up",
]


def run(toy: Toy, *args: str, code: int = 0, url: str | None = None) -> Result:
    """Run a command in this process, on a toy project."""
    x = ("-x", f"url={url or toy.url}")
    given = ("-c", str(toy.path / "alembic.ini"), *x, *args)
    result = CliRunner().invoke(main, given, prog_name="terp-seed")
    assert result.exit_code == code, result.output + result.stderr
    return result


def checks(toy: Toy, *args: str, code: int = 0, url: str | None = None) -> dict[str, Any]:
    """Return what each check said."""
    said = json.loads(run(toy, "check", "--json", *args, code=code, url=url).stdout)
    assert said["passed"] == (code == 0)
    return {each["check"]: (each["state"], each["detail"]) for each in said["checks"]}


def test_all_is_well_and_nothing_is_written(toy: Toy) -> None:
    """On each engine, with the structure of the database that answers."""
    toy.execute("INSERT INTO labels (code) VALUES ('MINE')")
    before = toy.everything()
    files = {path for path in toy.path.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    found = checks(toy)
    assert list(found) == ALL
    assert {state for state, _ in found.values()} == {"ok"}
    assert "5 tables of " in found["up, down, up"][1]
    assert toy.everything() == before
    now = {path for path in toy.path.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert now == files


STRANGE = [
    "CREATE TYPE size AS ENUM ('S', 'it''s')",
    "CREATE DOMAIN kilos AS NUMERIC(9, 2) DEFAULT 1 CHECK (VALUE > 0)",
    "CREATE SCHEMA elsewhere",
    "CREATE TABLE elsewhere.owners (id INTEGER PRIMARY KEY)",
    "CREATE TABLE things (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
    "code VARCHAR(9) NOT NULL UNIQUE, word VARCHAR(9) NOT NULL DEFAULT 'x''y'::character varying, "
    "kind size NOT NULL DEFAULT 'S', tags TEXT[] NOT NULL DEFAULT '{}', span INT4RANGE, "
    "took INTERVAL DEFAULT '1 day', weight kilos, made TIMESTAMPTZ NOT NULL DEFAULT now(), "
    "uid UUID NOT NULL DEFAULT gen_random_uuid(), number INTEGER DEFAULT (-1)::integer, "
    "upper_code TEXT GENERATED ALWAYS AS (upper(code)) STORED, place POINT, net INET, "
    "owner INTEGER REFERENCES elsewhere.owners, pair INTEGER UNIQUE DEFERRABLE, "
    "up BIGINT REFERENCES things ON DELETE SET NULL)",
    "CREATE UNIQUE INDEX ON things (kind) WHERE weight > 100",
    "CREATE UNIQUE INDEX ON things (lower(word), kind) WHERE false",
    "CREATE UNIQUE INDEX ON things (lower(code), kind)",
    "CREATE TABLE parts (id SERIAL, year INTEGER, code TEXT, PRIMARY KEY (id, year), "
    "UNIQUE (code, year)) PARTITION BY LIST (year)",
    "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1)",
]
STRANGE_ROWS = """
op.seed_rows("things", [
    {"code": "a", "tags": '{x,"y z"}', "took": "1 mon", "net": "10.0.0.1/8", "weight": "1.5"},
    {"code": "b", "tags": "{}", "took": "08:05", "net": None, "weight": None},
], key=["code"])
op.seed_rows("parts", [{"code": "a", "year": 1}, {"code": "b", "year": 1}],
             key=["code", "year"], id=None)
"""


@pytest.mark.parametrize("books", [None, "books"])
def test_tables_as_only_postgresql_has_them(postgresql_toy: Toy, books: str | None) -> None:
    """What SQLite lacks is left out of the scratch file, and said."""
    toy = postgresql_toy
    toy.execute(*STRANGE)
    toy.publish("things", ["code", "tags", "took", "net", "weight"])
    toy.publish("parts", ["code"])
    toy.only("0001_things", STRANGE_ROWS)
    if books:
        toy.execute(f"CREATE SCHEMA {books}")
        toy.ini(f"bookkeeping_schema = {books}")
    found = checks(toy)
    assert {state for state, _ in found.values()} == {"ok"}
    said = found["up, down, up"][1]
    assert said.startswith("4 rows and no trace, on the 8 tables of postgresql")
    assert "; not tried there: the type of things." in said
    types, defaults = said.partition("the type of ")[2].split("; ")
    assert set(types.split(", ")) == {
        f"things.{name}" for name in ("tags", "span", "took", "uid", "place", "net")
    }
    assert defaults == "the default of things.uid"


def test_a_table_that_sqlite_refuses_is_said(postgresql_toy: Toy) -> None:
    """It takes two names that differ in capitals for one."""
    toy = postgresql_toy
    toy.execute('CREATE TABLE "Labels" (id SERIAL PRIMARY KEY, code TEXT UNIQUE)')
    toy.only("0001_a", _ROWS % "paper")
    (toy.path / "more.py").write_text("")
    found = checks(toy)
    state, detail = found["up, down, up"]
    assert (state, "a scratch SQLite cannot have the tables" in detail) in [
        ("skipped", True),
        ("ok", False),  # where the other of the two was refused
    ]


def test_a_default_of_another_engine_is_no_default(mariadb_toy: Toy) -> None:
    toy = mariadb_toy
    toy.execute(
        "CREATE TABLE things (id INTEGER AUTO_INCREMENT PRIMARY KEY, code VARCHAR(9) UNIQUE, "
        "uid CHAR(36) NOT NULL DEFAULT (UUID()), flag BIT(1), "
        "size SET('a', 'b') NOT NULL DEFAULT 'a', place POINT, year YEAR, raw VARBINARY(9), "
        "made DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3))"
    )
    toy.publish("things", ["code", "year"])
    toy.only("0001_things", 'op.seed_rows("things", [{"code": "a", "year": 2024}], key=["code"])')
    found = checks(toy)
    assert {state for state, _ in found.values()} == {"ok"}, found
    assert "the type of things." in found["up, down, up"][1]


def test_short_numbers_stay_short_on_the_scratch_file(mariadb_toy: Toy) -> None:
    """What needs no entry in the policy needs none there."""
    toy = mariadb_toy
    toy.execute(
        "CREATE TABLE things (id INTEGER AUTO_INCREMENT PRIMARY KEY, code VARCHAR(9) UNIQUE, "
        "flag TINYINT(1), bays TINYINT, floor SMALLINT, steps MEDIUMINT, price DECIMAL(9, 2))"
    )
    policy = toy.path / "seeds" / "masking.toml"
    policy.write_text(policy.read_text().replace('unlisted = "detect"', 'unlisted = "error"'))
    toy.publish("things", ["code"])
    toy.only("0001_things", 'op.seed_rows("things", [{"code": "a", "bays": 4}], key=["code"])')
    found = checks(toy, code=7)  # the toy's own tables have columns without an entry
    assert found["up, down, up"][0] == "ok"
    assert "things" not in found["masking policy"][1]
    toy.execute("ALTER TABLE things ADD COLUMN number INTEGER")
    assert "table things has columns without" in checks(toy, code=7)["masking policy"][1]


def test_what_is_tried_on_a_scratch_file_is_not_backed_up(sqlite_toy: Toy, tmp_path: Path) -> None:
    """In staging a rollback makes a backup; that of a check is of nobody's rows."""
    sqlite_toy.env |= {"TERP_SEED_ENV": "staging", "TERP_SEED_BACKUP_FOLDER": str(tmp_path / "b")}
    assert checks(sqlite_toy)["up, down, up"][0] == "ok"
    assert not (tmp_path / "b").exists()


@pytest.mark.slow
def test_a_column_left_to_the_clock_leaves_no_trace(sqlite_toy: Toy) -> None:
    """The second hand moves between the first time and the second."""
    sqlite_toy.execute(
        "CREATE TABLE shelves (id INTEGER PRIMARY KEY, size INTEGER, "
        "at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)"
    )
    wait = "time.sleep(1.1)\n"
    row = 'op.seed_rows("shelves", [{"size": 1}])'
    sqlite_toy.only("0001_shelves", row, wait + "op.unseed()", head="import time")
    assert checks(sqlite_toy)["up, down, up"][0] == "ok"


def test_one_line_a_check(sqlite_toy: Toy) -> None:
    lines = run(sqlite_toy, "check").stdout.splitlines()
    assert [line[8:28].strip() for line in lines] == ALL


@pytest.mark.parametrize(
    ("upgrade", "downgrade", "head", "check", "code", "complaint"),
    [
        ("pass", "pass", "import absent", "revisions load", 4, "0004_x.py, line"),
        ("pass", "pass", "x = = 1", "revisions load", 4, "SyntaxError"),
        ("pass", "pass", "del downgrade", "revisions load", 4, "NameError"),
        ("pass", "pass", "downgrade = None", "plan and rollbacks", 4, "pass"),
        (_ROWS % "paper", "op.unseed('pairs')", "", "up, down, up", 4, "pairs"),
        ('op.seed("boats")', "op.unseed()", "", "plan and rollbacks", 2, "boats"),
        ('op.seed_file("labels", "no.csv")', "op.unseed()", "", "plan and rollbacks", 2, "no.csv"),
        (
            'op.seed("depots")',
            "op.unseed()",
            'environments = ("production",)',
            "plan and rollbacks",
            5,
            "generates data",
        ),
        (
            _ROWS % "ann@kelso-brands.com",
            "op.unseed()",
            'environments = ("staging",)',
            "masking policy",
            7,
            "labels.wording",
        ),
        (
            'op.seed_rows("absent", [{"code": "A"}])',
            "op.unseed()",
            "",
            "up, down, up",
            4,
            "table absent: does not exist",
        ),
    ],
)
def test_what_is_wrong_fails_its_check(
    sqlite_toy: Toy,
    upgrade: str,
    downgrade: str,
    head: str,
    check: str,
    code: int,
    complaint: str,
) -> None:
    if head == "downgrade = None":  # after the function
        path = sqlite_toy.revision("0004_x", upgrade, downgrade)
        path.write_text(f"{path.read_text()}\ndowngrade = None\n")
        check, complaint = "revision ids", "has no downgrade()"
    else:
        sqlite_toy.revision("0004_x", upgrade, downgrade, head=head)
    found = checks(sqlite_toy, code=code)
    assert next(name for name, (state, _) in found.items() if state == "failed") == check
    assert complaint in found[check][1]


def test_a_revision_may_say_that_it_has_no_rollback(sqlite_toy: Toy) -> None:
    """An empty downgrade says so; what comes after it is held to leave no trace all the same."""
    sqlite_toy.revision("0004_x", _ROWS % "paper", "pass")
    sqlite_toy.revision(
        "0005_y",
        "op.seed_rows('pairs', [{'left_code': 'A', 'right_code': 'B', "
        "'weight': 1}], key=['left_code', 'right_code'], id=None)",
        after="0004_x",
    )
    found = checks(sqlite_toy)
    assert "declare no rollback: 0004_x" in found["plan and rollbacks"][1]
    assert found["up, down, up"][0] == "ok"
    sqlite_toy.revision(
        "0006_z",
        "op.execute(\"UPDATE labels SET wording = 'x'\")",
        after="0005_y",
        head='raw_sql = "a test"',
    )
    assert "rollback of 0006_z" in checks(sqlite_toy, code=8)["up, down, up"][1]


@pytest.mark.parametrize("name", ["X_0004", "a_name_of_more_than_thirty_two_letters"])
def test_ids_are_held_to_what_every_engine_can_store(sqlite_toy: Toy, name: str) -> None:
    sqlite_toy.revision(name, "pass", "pass")
    assert checks(sqlite_toy, code=4)["revision ids"][0] == "failed"


def test_two_heads_fail(sqlite_toy: Toy) -> None:
    sqlite_toy.revision("0003_other", "pass", "pass", after="0002_depots")
    assert "0003_crates, 0003_other" in checks(sqlite_toy, code=4)["one head"][1]


def test_a_trace_that_a_rollback_leaves_is_found(sqlite_toy: Toy) -> None:
    """Raw SQL is its author's to take back, and this author forgot."""
    sqlite_toy.revision(
        "0004_raw",
        "op.execute(\"INSERT INTO labels (code) VALUES ('LEFT')\")",
        "pass",
        head='raw_sql = "a test"',
    )
    state, detail = checks(sqlite_toy, code=8)["up, down, up"]
    assert (state, detail) == ("failed", "after the rollback of 0004_raw, labels is not as before")


def branches(toy: Toy, *, left: str = _ROWS % "paper", merge: str = "pass") -> None:
    """A chain of four: two sides after the first revision, and their merge."""
    toy.only("0001_a", 'op.seed_rows("labels", [{"code": "BASE"}], key=["code"])')
    toy.revision("0002_left", left, after="0001_a")
    row = '{"left_code": "A", "right_code": "B", "weight": 1}'
    right = f'op.seed_rows("pairs", [{row}], key=["left_code", "right_code"], id=None)'
    toy.revision("0002_right", right, after="0001_a")
    path = toy.revision("0003_merge", merge)
    both = "('0002_left', '0002_right')"
    path.write_text(path.read_text().replace(repr("0003_crates"), both))


@pytest.mark.parametrize("merge", ["pass", _ROWS.replace('"A"', '"M"') % "glass"])
def test_a_branch_and_its_merge_are_sound(sqlite_toy: Toy, merge: str) -> None:
    branches(sqlite_toy, merge=merge)
    assert checks(sqlite_toy)["up, down, up"][0] == "ok"


def test_a_side_that_needs_the_other_is_found(sqlite_toy: Toy) -> None:
    """It works in one order only, so it is not right alone."""
    branches(sqlite_toy)
    path = sqlite_toy.revision(
        "0002_right",
        "op.seed_rows('labels', [{'code': 'R', 'parent_id': 'A'}], key=['code'], "
        "refs={'parent_id': 'labels.code'})",
        after="0001_a",
    )
    state, detail = checks(sqlite_toy, code=4)["up, down, up"]
    assert state == "failed"
    assert "refers to a row of labels that does" in detail
    path.write_text(path.read_text().replace("'A'", "'BASE'"))
    assert checks(sqlite_toy)["up, down, up"][0] == "ok"


def test_a_trace_of_one_side_is_named(sqlite_toy: Toy) -> None:
    branches(sqlite_toy)
    sqlite_toy.revision(
        "0002_right",
        "op.execute(\"INSERT INTO labels (code) VALUES ('LEFT')\")",
        "pass",
        after="0001_a",
        head='raw_sql = "a test"',
    )
    detail = checks(sqlite_toy, code=8)["up, down, up"][1]
    assert detail == "after the rollback of 0002_right, labels is not as before"


def test_without_tables_it_says_so_and_checks_the_rest(sqlite_toy: Toy) -> None:
    found = checks(sqlite_toy, url="mysql://nobody@127.0.0.1:1/absent")
    assert found["masking policy"][0] == "ok"
    state, detail = found["up, down, up"]
    assert state == "skipped"
    assert "has no [alembic] section" in detail
    assert checks(sqlite_toy, "--no-round-trip")["up, down, up"] == ("skipped", "not asked for")


ENV = """\
from alembic import context
from sqlalchemy import NullPool, create_engine
from toy_schema import metadata
with create_engine({url}, poolclass=NullPool).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        metadata.create_all(connection)
        context.run_migrations()
"""


@pytest.mark.parametrize("reads", [True, False])
def test_the_applications_own_alembic_makes_the_tables_if_it_can_be_sent(
    sqlite_toy: Toy, sqlite_url: str, reads: bool
) -> None:
    """And one that has its own idea of the database is stopped before it gets there."""
    folder = sqlite_toy.path / "alembic"
    (folder / "versions").mkdir(parents=True)
    url = 'context.config.get_main_option("sqlalchemy.url")' if reads else f'"{sqlite_url}.other"'
    (folder / "env.py").write_text(ENV.format(url=url))
    ini = sqlite_toy.path / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[alembic]\nscript_location = %(here)s/alembic\n")
    state, detail = checks(sqlite_toy, url="sqlite:///absent.db")["up, down, up"]
    if reads:
        assert (state, detail) == ("ok", "33 rows and no trace, on alembic upgrade head")
    else:
        assert state == "skipped"
        assert "cannot be sent to a scratch database" in detail
        assert not Path(str(make_url(f"{sqlite_url}.other").database)).exists()


def test_settings_are_options_too(sqlite_toy: Toy) -> None:
    absent = run(sqlite_toy, "check", "--env=prodution", code=2, url=sqlite_toy.url)
    assert "did you mean 'production'?" in absent.stdout
