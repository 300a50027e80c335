"""`terp-seed init` in projects that others made."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from secrets import token_hex

import pytest
import sqlalchemy as sa
from alembic.config import CommandLine
from docs_runner import REPOSITORY
from strangers import MODEL, Stranger
from terminals import typed

from terp_seed.errors import PlanError
from terp_seed.project.init import generic_files, section_text


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stranger]:
    """A folder in which nothing has been done yet, and this process is in it."""
    for name in ("TERP_SEED_DATABASE_URL", "TERP_SEED_ENV"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "app"
    home.mkdir()
    monkeypatch.chdir(home)
    made = Stranger(home)
    yield made
    made.close()


def tables(url: str) -> None:
    """Make the stranger's tables."""
    space: dict[str, sa.MetaData] = {}
    exec(MODEL, space)
    engine = sa.create_engine(url)
    space["metadata"].create_all(engine)
    engine.dispose()


_THEIRS = 'file_template = "never_%%(rev)s"\nversion_locations = ["%(here)s/alembic/versions"]'


@pytest.mark.long
@pytest.mark.parametrize("template", ["generic", "pyproject", "async", "multidb"])
def test_a_strangers_project_is_seeded_and_nothing_of_it_is_touched(
    stranger: Stranger, template: str
) -> None:
    stranger.init(template)
    stranger.has_url("sqlite:///app.db")
    if template == "pyproject":  # what stands there holds for every section that does not say more
        stranger.edit("pyproject.toml", "[tool.alembic]", f"[tool.alembic]\n{_THEIRS}")
    before = stranger.files()
    stranger.terp_seed("init")
    after = stranger.files()
    assert after["alembic.ini"].startswith(before["alembic.ini"])
    assert {name: after[name] for name in before if name != "alembic.ini"} == {
        name: text for name, text in before.items() if name != "alembic.ini"
    }
    assert after.keys() - before.keys() == {
        "seeds/env.py",
        "seeds/script.py.mako",
        "seeds/masking.toml",
        "seeds/sizes.toml",
        "seeds/data/.gitkeep",
        "seed_revisions/0001_start.py",  # by our own file_template, whatever theirs is
    }
    if template == "multidb":  # which of its databases, nobody but its people can say
        stranger.edit("alembic.ini", "# sqlalchemy.url = sqlite", "sqlalchemy.url = sqlite")
    tables("sqlite:///app.db")
    stranger.run("alembic", "-n", "seed", "upgrade", "head")
    assert stranger.run("alembic", "-n", "seed", "current").stdout == "0001_start (head)\n"
    stranger.seed("base")
    assert stranger.run("alembic", "heads").stdout == ""  # their own chain is what it was


def test_their_autogenerate_leaves_our_tables_alone(stranger: Stranger) -> None:
    stranger.init()
    stranger.has_url("sqlite:///app.db")
    tables("sqlite:///app.db")
    said = stranger.terp_seed("init").stderr
    stranger.terp_seed("init", "--section", "demo")
    for section in ("seed", "demo"):
        stranger.run("alembic", "-n", section, "upgrade", "head")
    ours = {
        "terp_seed_version",
        "terp_seed_version_demo",
        "terp_seed_ledger",
        "terp_seed_audit",
        "terp_seed_environment",
    }
    assert set(stranger.proposed()) == ours
    line = "from terp_seed import include_name"
    assert line in said
    stranger.edit(
        "alembic/env.py", "from alembic import context", f"from alembic import context\n{line}"
    )
    stranger.edit(
        "alembic/env.py",
        "connection=connection,",
        "connection=connection, include_name=include_name,",
    )
    assert stranger.proposed() == []


FLASK = """\
from flask import current_app

from alembic import context

config = context.config


def run_migrations_online():
    conf_args = current_app.extensions['migrate'].configure_args
    with get_engine().connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=get_metadata(),
            **conf_args
        )
        with context.begin_transaction():
            context.run_migrations()
"""


@pytest.mark.parametrize("template", ["generic", "async", "multidb", "pyproject", "flask"])
def test_init_adds_the_hook_and_check_wants_it(stranger: Stranger, template: str) -> None:
    """With the flag, also later; it adds lines and changes none."""
    name = "migrations/env.py" if template == "flask" else "alembic/env.py"
    if template == "flask":  # its alembic.ini has no script_location, and is elsewhere
        (stranger.path / "migrations").mkdir()
        (stranger.path / name).write_text(FLASK)
    else:
        stranger.init(template)
    x = ("-x", "url=sqlite:///app.db")
    tables("sqlite:///app.db")
    assert f"in {name}, so that" in stranger.terp_seed("init").stderr
    before = stranger.files()[name]
    failed = stranger.terp_seed(*x, "check", code=4).stdout
    assert f"failed  schema autogenerate {name}: autogenerate would drop" in failed

    done = stranger.terp_seed("init", "--edit-env")

    assert f"edited {name}" in done.stdout
    after = stranger.files()[name].replace("from terp_seed import include_name\n", "")
    assert re.sub(r"include_name=include_name,\s+", "", after) == before
    assert "ok      schema autogenerate" in stranger.terp_seed(*x, "check").stdout
    assert "edited" not in stranger.terp_seed("init", "--edit-env").stdout


def test_the_hook_that_init_adds_hides_our_tables(stranger: Stranger) -> None:
    stranger.init()
    stranger.has_url("sqlite:///app.db")
    tables("sqlite:///app.db")
    made = json.loads(stranger.terp_seed("init", "--edit-env", "--json").stdout)
    assert made["edited"] == ["alembic/env.py"]
    stranger.seed("head")
    assert stranger.proposed() == []


@pytest.mark.parametrize("answer", ["y", "n"])
def test_on_a_terminal_init_asks_for_the_hook(stranger: Stranger, answer: str) -> None:
    stranger.init()
    before = stranger.files()["alembic/env.py"]
    said = typed(stranger, "terp-seed", "init", after="[Y/n]", answer=answer)
    assert said.code == 0
    assert "alembic/env.py: add include_name, so that autogenerate keeps" in said.text
    assert ("edited alembic/env.py" in said.text) == (answer == "y")
    assert (stranger.files()["alembic/env.py"] != before) == (answer == "y")


def test_a_hook_of_theirs_is_left_to_them(stranger: Stranger) -> None:
    """Whoever has a hook calls ours from it, in whichever file it is."""
    stranger.init()
    own = "connection=connection, include_name=mine,"
    stranger.edit("alembic/env.py", "connection=connection,", own)
    before = stranger.files()["alembic/env.py"]
    assert "in alembic/env.py, so that" in stranger.terp_seed("init", "--edit-env").stderr
    assert stranger.files()["alembic/env.py"] == before
    x = ("-x", "url=sqlite:///app.db")
    tables("sqlite:///app.db")
    assert "failed  schema autogenerate" in stranger.terp_seed(*x, "check", code=4).stdout
    (stranger.path / "hooks.py").write_text("from terp_seed import include_name as mine\n")
    assert "ok      schema autogenerate" in stranger.terp_seed(*x, "check").stdout


def test_without_models_there_is_nothing_to_hide_from(stranger: Stranger) -> None:
    """As in the file that alembic init writes: its autogenerate cannot run."""
    stranger.init()
    stranger.edit("alembic/env.py", "from model import metadata as target_metadata", "")
    stranger.edit("alembic/env.py", "config = context.config", "target_metadata = None")
    stranger.terp_seed("init")
    tables("sqlite:///app.db")
    stranger.terp_seed("-x", "url=sqlite:///app.db", "check")


def test_after_autogenerate_has_dropped_our_tables_a_run_says_how_to_go_on(
    stranger: Stranger,
) -> None:
    stranger.init()
    stranger.has_url("sqlite:///app.db")
    tables("sqlite:///app.db")
    stranger.terp_seed("init", "--table", "customers", "--no-edit-env")
    stranger.seed("head")
    stranger.run("alembic", "revision", "--autogenerate", "-m", "drops")
    failed = stranger.terp_seed("check", code=4).stdout
    assert "_drops.py: drops terp_seed_audit, terp_seed_environment, terp_seed_ledger" in failed
    stranger.run("alembic", "upgrade", "head")

    with pytest.raises(PlanError) as caught:
        stranger.seed("head")
    assert "all rows of revision 0001_first_rows are there, and the ledger" in str(caught.value)
    commands = "alembic -n seed stamp 0001_first_rows, then terp-seed ledger rebuild"
    assert commands in str(caught.value)
    stranger.run("alembic", "-n", "seed", "stamp", "0001_first_rows")
    stranger.terp_seed("ledger", "rebuild", "--yes")
    stranger.seed("base")
    with sqlite3.connect(stranger.path / "app.db") as connection:
        assert connection.execute("SELECT COUNT(*) FROM customers").fetchone() == (0,)


def test_a_first_row_for_a_table_of_theirs(
    stranger: Stranger, engine: str, database_url: str
) -> None:
    stranger.init()
    stranger.has_url(database_url)
    tables(database_url)
    made = stranger.terp_seed("init", "--table", "customers")
    stamp = "  terp-seed env stamp dev   (or what the database is: test, staging, production)\n"
    assert (stamp in made.stderr) == (engine != "sqlite")
    if engine != "sqlite":
        stranger.terp_seed("env", "stamp", "dev")
    stranger.seed("head")
    db = sa.create_engine(database_url)
    with db.connect() as connection:
        ((name, mail),) = connection.exec_driver_sql("SELECT name, email FROM customers").all()
    assert name
    assert mail.endswith("@example.com")
    stranger.seed("base")
    with db.connect() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM customers").scalar() == 0
    db.dispose()


@pytest.mark.parametrize("stamp", ["staging", "production"])
def test_unattended_runs_name_their_plan_where_it_is_serious(
    stranger: Stranger, sqlite_url: str, stamp: str
) -> None:
    """As init has it; the name that a pipeline exports for good is not enough."""
    stranger.init()
    stranger.has_url(sqlite_url)
    tables(sqlite_url)
    stranger.terp_seed("init", "--table", "customers")
    stranger.terp_seed("env", "stamp", stamp)
    name = {"TERP_SEED_YES": Path(str(sa.make_url(sqlite_url).database)).name}
    stranger.env["TERP_SEED_MASK_KEY"] = token_hex(32)
    run = partial(stranger.run, "terp-seed", check=False)
    refused = run("seed", env=name)
    assert (refused.returncode, "consent = plan" in refused.stderr) == (5, True)
    digest = json.loads(run("plan", "--json").stdout)["consent"]
    assert run("seed", env={"TERP_SEED_YES": f"{name['TERP_SEED_YES']}@{digest}"}).returncode == 0
    assert "0001_first_rows" in run("status").stdout


@pytest.mark.parametrize(
    ("table", "complaint"),
    [("visits", "needs a row of customers first"), ("absent", "has no such table")],
)
def test_what_cannot_be_done_leaves_everything_as_it_was(
    stranger: Stranger, table: str, complaint: str
) -> None:
    stranger.init()
    stranger.has_url("sqlite:///app.db")
    tables("sqlite:///app.db")
    before = stranger.files()
    assert complaint in stranger.terp_seed("init", "--table", table, code=2).stderr
    assert stranger.files() == before
    assert not (stranger.path / "seeds").exists()
    assert not (stranger.path / "seed_revisions").exists()


def test_a_section_that_is_there_stays(stranger: Stranger) -> None:
    stranger.init()
    stranger.terp_seed("init")
    before = stranger.files()
    assert "has a section [seed] already" in stranger.terp_seed("init", code=2).stderr
    assert stranger.files() == before


def test_files_that_are_there_stay(stranger: Stranger) -> None:
    (stranger.path / "seeds").mkdir()
    (stranger.path / "seeds" / "sizes.toml").write_text("[mine]\n")
    assert "kept   seeds/sizes.toml" in stranger.terp_seed("init").stdout
    assert stranger.files()["seeds/sizes.toml"] == "[mine]\n"


def test_an_environment_of_somebody_elses_is_not_taken_for_ours(stranger: Stranger) -> None:
    (stranger.path / "seeds").mkdir()
    (stranger.path / "seeds" / "env.py").write_text("print('mine')\n")
    said = stranger.terp_seed("init", code=2).stderr
    assert "--folder seeds_data" in said
    stranger.terp_seed("init", "--folder", "seeds_data")
    assert stranger.files()["seeds/env.py"] == "print('mine')\n"
    stranger.terp_seed("-x", "url=sqlite:///a.db", "check")


@pytest.mark.parametrize("end", ["\n", "", "\r\n"])
def test_the_file_before_the_section_is_the_same_to_the_byte(stranger: Stranger, end: str) -> None:
    ini = stranger.path / "alembic.ini"
    newline = "\r\n" if end == "\r\n" else "\n"
    before = f"[alembic]{newline}# tabs\tand ümlauts{newline}x = 1{end}".encode()
    ini.write_bytes(before)
    stranger.terp_seed("init")
    after = ini.read_bytes()
    assert after.startswith(before)
    assert (b"\r\n" in after) == (newline == "\r\n")
    assert after.count(b"\n") == after.count(newline.encode())
    stranger.terp_seed("-x", "url=sqlite:///a.db", "check")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("mysql+pymysql://u:p%%40ss@db/app", "mysql://u:p%%40ss@db/app"),
        ("sqlite+aiosqlite:///%(here)s/app.db", "sqlite:///%(here)s/app.db"),
        ("driver://user:pass@localhost/dbname", None),
        ("mysql://%(user)s@db/app", None),
        ("", None),
    ],
)
def test_where_the_url_comes_from(stranger: Stranger, theirs: str, ours: str | None) -> None:
    (stranger.path / "alembic.ini").write_text(f"[alembic]\nsqlalchemy.url = {theirs}\n")
    said = stranger.terp_seed("init").stderr
    section = stranger.files()["alembic.ini"].partition("[seed]")[2]
    if ours is None:
        assert "\nsqlalchemy.url" not in section
        assert "set the database" in said
    else:
        assert f"\nsqlalchemy.url = {ours}\n" in section
        assert "set the database" not in said


def test_an_engine_that_seeds_cannot_go_to_is_said_at_once(stranger: Stranger) -> None:
    (stranger.path / "alembic.ini").write_text("[alembic]\nsqlalchemy.url = oracle://db/app\n")
    before = stranger.files()
    assert "oracle" in stranger.terp_seed("init", code=2).stderr
    assert stranger.files() == before


def test_terps_own_seeds_without_its_repository(stranger: Stranger) -> None:
    stranger.terp_seed("init", "--terp")
    for name, text in stranger.files().items():
        assert (REPOSITORY / name).read_text() == text
    said = stranger.terp_seed("init", "--terp", code=2).stderr
    assert "alembic.ini, seed_revisions, seeds" in said
    CommandLine().main(["upgrade", "head"])
    stranger.seed("head")
    with sqlite3.connect(stranger.path / "terp.db") as connection:
        assert connection.execute("SELECT COUNT(*) FROM clients").fetchone() == (10,)
    connection.close()


@pytest.mark.parametrize("url", ["mysql://app@db.example/shop", "sqlite:///shop.db"])
def test_a_server_is_offered_a_schema_for_the_bookkeeping(stranger: Stranger, url: str) -> None:
    stranger.init()
    stranger.has_url(url)
    said = stranger.terp_seed("init").stderr
    server = url.startswith("mysql")
    assert ("set bookkeeping_schema = shop_books in section [seed]" in said) == server
    ini = (stranger.path / "alembic.ini").read_text()
    assert f"# bookkeeping_schema = {'shop' if server else 'app'}_books\n" in ini


def test_terps_environment_is_the_generic_one() -> None:
    made = dict(generic_files("seeds"))
    for name in ("seeds/env.py", "seeds/script.py.mako"):
        assert made[name] == (REPOSITORY / name).read_text()
    section = section_text(
        section="seed",
        folder="seeds",
        revisions="seed_revisions",
        version_table="v",
        url="",
        books="b",
    )
    for line in (REPOSITORY / "alembic.ini").read_text().partition("[seed]")[2].splitlines():
        if line.partition(" =")[0] in {"script_location", "version_locations", "file_template"}:
            assert line in section
