"""``terp-seed preview --prove``: the script and the run leave the same rows, on copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from projects import CHAIN, Project
from sqlalchemy import create_engine, make_url
from toys import HEAD, Toy

from terp_seed.database.compare import database_digests

if TYPE_CHECKING:
    from servers import MariaDB, PostgreSQL


@pytest.fixture
def target(engine: str, request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    """A database whose user may make the scratch databases beside it."""
    url = new_database(engine)
    if engine == "sqlite":
        return url
    fixture = engine if engine == "postgresql" else "mariadb"
    server: MariaDB | PostgreSQL = request.getfixturevalue(fixture)
    return server.root_url(str(make_url(url).database))


def _digests(url: str) -> object:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = database_digests(connection, leave_out=())
    engine.dispose()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("start", ["base", "0003_batches"])
def test_the_proof_holds_for_terp_and_leaves_the_target_alone(
    target: str, start: str, project: Project
) -> None:
    """From the base and from the middle of the chain, up and back, on copies only."""
    project.run("alembic", "-x", f"url={target}", "upgrade", "head")
    if start != "base":
        project.run("alembic", "-n", "seed", "-x", f"url={target}", "upgrade", start)
    before = _digests(target)

    done = project.run("terp-seed", "-x", f"url={target}", "preview", "--prove")

    lines = done.stdout.splitlines()
    assert [line.partition(" tables")[0].rpartition(":")[0] for line in lines] == [
        f"equal: upgrade {start} to {CHAIN[-1]}",
        f"equal: downgrade {CHAIN[-1]} to {start}",
    ]
    assert _digests(target) == before


def test_a_script_that_is_not_the_run_is_found_out(sqlite_url: str, project: Project) -> None:
    """A revision that reads the clock gives the script and the run different rows."""
    revision = project.path / "seed_revisions" / "9999_clock.py"
    revision.write_text(
        "from time import time_ns\n"
        "from alembic import op\n"
        'revision = "9999_clock"\n'
        f'down_revision = "{CHAIN[-1]}"\n'
        'raw_sql = "a test"\n'
        "def upgrade():\n"
        "    op.execute(f\"UPDATE brands SET name = '{time_ns()}' WHERE id = 1\")\n"
        "def downgrade():\n"
        "    pass\n",
        encoding="utf-8",
    )
    project.run("alembic", "-x", f"url={sqlite_url}", "upgrade", "head")

    done = project.run("terp-seed", "-x", f"url={sqlite_url}", "preview", "--prove", check=False)

    assert done.returncode == 8
    assert "script and run differ in brands" in done.stderr


@pytest.fixture
def toy(target: str, new_toy: Callable[..., Toy]) -> Toy:
    """The toy project, on a database beside which there may be others."""
    return new_toy(target)


@pytest.mark.long
@pytest.mark.parametrize("stamp", ["dev", "staging"])
def test_at_the_head_the_proof_is_from_the_base(
    target: str, new_toy: Callable[..., Toy], stamp: str
) -> None:
    """With the settings of the seeded chain, whatever the ini file has come to say."""
    toy = new_toy(target, stamp=stamp)
    toy.upgrade("head", toy.consent, "size=small", "seed=7")
    toy.ini("size = medium")
    before = toy.everything()

    found = toy.document("preview", "--prove")

    assert [each["what"] for each in found["proofs"]] == [
        f"upgrade base to {HEAD}",
        f"downgrade {HEAD} to base",
    ]
    assert toy.everything() == before


def test_a_chain_without_revisions_has_nothing_to_prove(sqlite_toy: Toy) -> None:
    for path in (sqlite_toy.path / "seed_revisions").glob("*.py"):
        path.unlink()
    assert "no revisions" in sqlite_toy.terp_seed("preview", "--prove", code=2).stderr


def test_what_cannot_be_rolled_back_is_not_proved_from_the_base(sqlite_toy: Toy) -> None:
    """The copy refuses as the database itself would, and it is said why that matters."""
    sqlite_toy.upgrade()
    sqlite_toy.execute(
        "CREATE TABLE uses (id INTEGER PRIMARY KEY, depot INTEGER REFERENCES depots (id))",
        "INSERT INTO uses (depot) SELECT MIN(id) FROM depots",
    )
    said = sqlite_toy.terp_seed("preview", "--prove", code=6).stderr
    assert "at the head, so the proof is from the base" in said
    assert "uses" in said


def test_what_does_not_fit_is_said_as_the_run_says_it(toy: Toy) -> None:
    """By the preflight, all at once, on every engine."""
    toy.only(
        "0001_a",
        'op.seed_rows("labels", [{"code": "A" * 30, "place": "N/A", "day": "soon"}], key=["code"])',
    )
    said = toy.terp_seed("preview", "--prove", code=4).stderr
    for column in ("code", "place", "day"):
        assert f"table labels, column {column}: " in said
    assert said.replace("preview", "") == toy.terp_seed("seed", code=4).stderr


_RANDOM = {
    "sqlite": "TEXT DEFAULT (hex(randomblob(8)))",
    "mariadb": "DOUBLE DEFAULT (RAND())",
    "mysql": "DOUBLE DEFAULT (RAND())",
    "postgresql": "UUID DEFAULT gen_random_uuid()",
}


@pytest.mark.parametrize("primary", [False, True])
def test_a_random_default_is_named_as_the_cause(engine: str, toy: Toy, primary: bool) -> None:
    """Alone, though rows are in another order where it is of the primary key."""
    key = "" if primary else f"id {toy.counted_key}, "
    toy.execute(
        f"CREATE TABLE things ({key}code VARCHAR(9) NOT NULL UNIQUE, number INTEGER DEFAULT 7, "
        f"luck {_RANDOM[engine]}{' PRIMARY KEY' if primary else ''})"
    )
    rows = [{"code": f"a{number}"} for number in range(40)]
    toy.only("0001_a", f"op.seed_rows('things', {rows}, key=['code']{', id=None' * primary})")
    said = toy.terp_seed("preview", "--prove", code=8).stderr
    assert "upgrade base to 0001_a: script and run differ in things" in said
    assert "things.luck, which the database fills with" in said
    assert "things.number" not in said
    assert "things.code" not in said
    assert "trigger" not in said


@pytest.mark.parametrize("log", ["log", "things"])
def test_a_trigger_is_named_as_the_cause(toy: Toy, log: str) -> None:
    """One that keeps a log, which no rollback empties; one that gives rows other values."""
    toy.execute(
        f"CREATE TABLE things (id {toy.counted_key}, code VARCHAR(9) NOT NULL UNIQUE, at TEXT)",
        "CREATE TABLE log (code VARCHAR(9))",
        "CREATE TABLE other (code VARCHAR(9))",
        *_trigger(toy, log),
    )
    toy.only("0001_a", 'op.seed_rows("things", [{"code": "a"}], key=["code"])')
    said = toy.terp_seed("preview", "--prove", code=8).stderr
    if log == "log":
        assert "after the rollback, not as before: log" in said
    else:
        assert "upgrade base to 0001_a: script and run differ in things" in said
        assert "things.at holds other values" in said
    assert "trigger noted of things: what a trigger writes is not the seed's" in said


def _trigger(toy: Toy, log: str) -> list[str]:
    """A trigger that writes to a table when a row of things is new."""
    if toy.postgresql:
        random = "NEW.at = random()::text" if log == "things" else "INSERT INTO log VALUES ('x')"
        return [
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"{random}; RETURN NEW; END $$",
            "CREATE TRIGGER noted BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION note()",
        ]
    head = "CREATE TRIGGER noted {} INSERT ON things FOR EACH ROW "
    if log == "log":
        write = "INSERT INTO log VALUES ('x')"
        return [head.format("AFTER") + (f"BEGIN {write}; END" if toy.sqlite else write)]
    if toy.sqlite:
        write = "UPDATE things SET at = hex(randomblob(8)) WHERE id = NEW.id"
        return [head.format("AFTER") + f"BEGIN {write}; END"]
    return [head.format("BEFORE") + "SET NEW.at = UUID()"]
