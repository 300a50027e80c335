"""What a run is told, by whom, and how it answers what it cannot use: one clear line."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from toys import HEAD, Toy

from terp_seed.database import environment_stamp as guards
from terp_seed.errors import GuardError, PlanError, SeedError, UsageError

# -- keys and values


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("sise=small", "-x sise: unknown key; did you mean 'size'?"),
        ("zzz=1", "-x zzz: unknown key; known: as-of, backup, backup-folder, "),
        ("size", "-x size: has no value; write -x size=..."),
        ("size=", "-x size: has no value"),
        (
            "size=huge",
            "size: 'huge' is not a preset of seeds/sizes.toml; it has small, medium, large",
        ),
        ("rows=depots", "rows: 'depots' is not usable; write -x rows=clients:5000,orders:20000"),
        ("rows=depots:-1", "rows: 'depots:-1' is not usable"),
        ("rows=depots:1,depots:2", "rows: 'depots:2' is not usable"),
        ("rows=depotz:1", "rows: preset 'small' has no entry 'depotz'; it has depots"),
        ("seed=one", "seed: 'one' is not a whole number"),
        (
            "as-of=2026-02-30",
            "as-of: '2026-02-30' is not a date; write it as 2026-06-30, today, or today-7",
        ),
        ("lock-timeout=soon", "lock-timeout: 'soon' is not a number of seconds from 0 to 86400"),
        ("lock-timeout=-1", "lock-timeout: '-1' is not a number of seconds"),
        ("lock-timeout=nan", "lock-timeout: 'nan' is not a number of seconds"),
        ("env=prd", "env: 'prd' is not an environment; did you mean 'prod'?"),
        ("on-dependents=cascade", "on-dependents: 'cascade' is not possible"),
        ("on-edited=delet", "on-edited: 'delet' is not possible; did you mean 'delete'?"),
        ("backup=all", "backup: 'all' is not possible"),
        ("url=mysql", "the database URL cannot be read"),
        ("url=oracle://u@h/d", "no such engine here; terp_seed seeds mariadb, mysql, postg"),
        ("url=mysql+pymysql://u@127.0.0.1/d?use_pure=1", "an option of its URL (use_pure) is not"),
        ("url=mysql://u@127.0.0.1/d?connect_timeout=x", "an option of its URL (connect_timeout)"),
        ("url=sqlite+pysqlcipher:///{file}", "driver 'pysqlcipher': seeds go through Python's own"),
        ("url=mysql://u@127.0.0.1", "the URL names no database"),
    ],
)
def test_a_key_or_value_that_cannot_be_used(sqlite_toy: Toy, given: str, words: str) -> None:
    before = sqlite_toy.everything()
    with pytest.raises(SeedError, match=re.escape(words)) as caught:
        sqlite_toy.upgrade("head", given.format(file=sqlite_toy.db.url.database))
    assert "\n" not in str(caught.value)
    assert sqlite_toy.digests() == {name: before[name] for name in sqlite_toy.digests()}
    assert sqlite_toy.version() is None


def test_a_key_given_twice_is_refused(sqlite_toy: Toy) -> None:
    with pytest.raises(UsageError, match="-x size: given twice"):
        sqlite_toy.upgrade("head", "size=small", "size=medium")


def test_keys_are_checked_by_looking_commands_too(sqlite_toy: Toy) -> None:
    with pytest.raises(UsageError, match="unknown key"):
        sqlite_toy.call("current", x=("sise=small",))


def test_a_refusal_is_one_line_and_255(sqlite_toy: Toy) -> None:
    failed = sqlite_toy.alembic("-x", "sise=small", "upgrade", "head", check=False)
    assert failed.returncode == 255
    assert failed.stdout == "FAILED: -x sise: unknown key; did you mean 'size'?\n"
    assert failed.stderr == ""


def test_what_is_asked_for_is_what_is_seeded(sqlite_toy: Toy) -> None:
    x = ("size=medium", "rows=depots:3", "seed=7", "as-of=2020-02-29", "lock-timeout=1", "env=dev")
    sqlite_toy.upgrade("head", *x)
    assert sqlite_toy.counts() == {
        "labels": 3, "pairs": 2, "depots": 3, "crates": 40, "scans": 40,
    }  # fmt: skip
    assert sqlite_toy.value("SELECT MAX(opened) FROM depots") == "2020-02-29"
    detail = sqlite_toy.value(
        f"SELECT detail FROM terp_seed_ledger WHERE revision = '{HEAD}' AND range_no = 0"
    )
    for part in ('"size":"medium"', '"root_seed":7', '"as_of":"2020-02-29"', '"depots":3'):
        assert part in detail


def test_the_default_size_follows_the_environment(
    new_toy: Callable[..., Toy], new_database: Callable[[str], str]
) -> None:
    for environment, depots in (("dev", 4), ("test", 4), ("staging", 8)):
        toy = new_toy(new_database("sqlite"), stamp=environment)
        toy.upgrade("head", toy.consent)
        assert toy.counts()["depots"] == depots


def test_another_root_seed_gives_other_rows(sqlite_toy: Toy) -> None:
    sqlite_toy.upgrade()
    one = sqlite_toy.digests()
    sqlite_toy.downgrade()
    sqlite_toy.upgrade("head", "seed=1")
    codes = "SELECT code, kind, capacity FROM depots ORDER BY code"
    first = sqlite_toy.rows(codes)
    sqlite_toy.downgrade()
    sqlite_toy.upgrade("head", "seed=2")
    assert sqlite_toy.rows(codes) != first
    assert one["depots"].rows == 4


def test_a_larger_size_begins_with_the_smaller_one(sqlite_toy: Toy) -> None:
    rows = "SELECT code, kind, capacity, price, opened FROM depots ORDER BY code LIMIT 4"
    sqlite_toy.upgrade()
    small = sqlite_toy.rows(rows)
    sqlite_toy.downgrade()
    sqlite_toy.upgrade("head", "size=medium")
    assert sqlite_toy.rows(rows) == small


def test_a_size_of_many_blocks_on_both_engines(toy: Toy) -> None:
    """6,000 crates are more than a block and many statements."""
    toy.upgrade("head", "size=large")
    assert toy.counts()["crates"] == 6000
    assert toy.value("SELECT COUNT(DISTINCT code) FROM crates") == 6000
    assert toy.value("SELECT COUNT(*) FROM scans s JOIN crates c ON c.id = s.crate_id") == 6000
    toy.downgrade()
    assert toy.counts() == {}


@pytest.mark.parametrize(
    ("said", "days"), [("today", 0), ("today-7", -7), ("today+30", 30), ("today-0", 0)]
)
def test_as_of_may_be_said_relative_to_today(sqlite_toy: Toy, said: str, days: int) -> None:
    before = date.today()
    sqlite_toy.upgrade("head", f"as-of={said}")
    details = sqlite_toy.rows("SELECT detail FROM terp_seed_ledger WHERE range_no = 0")
    (day,) = {json.loads(detail)["as_of"] for (detail,) in details}
    assert day in {str(now + timedelta(days)) for now in (before, date.today())}


@pytest.mark.parametrize("said", ["today-", "today 7", "Today", "yesterday", "today-999999"])
def test_other_words_are_no_day(sqlite_toy: Toy, said: str) -> None:
    with pytest.raises(UsageError, match="is not a date; write it as 2026-06-30, today, or"):
        sqlite_toy.upgrade("head", f"as-of={said}")


def test_a_chain_that_began_on_another_day_goes_on_with_its_own(sqlite_toy: Toy) -> None:
    """As on the day after, with ``as_of = today`` in the ini file: only who asks is refused."""
    sqlite_toy.upgrade("0002_depots", "as-of=today-1")
    ini = sqlite_toy.path / "alembic.ini"
    ini.write_text(ini.read_text() + "\nas_of = today\n")
    sqlite_toy.upgrade("head")
    with pytest.raises(UsageError, match="and you ask for"):
        sqlite_toy.upgrade("head", "as-of=today")


# -- a chain keeps its settings


@pytest.mark.parametrize(
    ("given", "was", "wish"),
    [
        ("size=medium", "small", "medium"),
        ("seed=2", "1", "2"),
        ("as-of=2025-01-01", "2026-06-30", "2025-01-01"),
        ("rows=depots:5", "crates:12,depots:4", "crates:12,depots:5"),
    ],
)
def test_asking_for_other_settings_on_a_seeded_chain_is_refused(
    sqlite_toy: Toy, given: str, was: str, wish: str
) -> None:
    sqlite_toy.upgrade("0002_depots")
    before = sqlite_toy.everything()
    with pytest.raises(UsageError) as caught:
        sqlite_toy.upgrade("head", given)
    said = str(caught.value)
    assert f"was seeded with {was}, and you ask for {wish}" in said
    assert "terp-seed plan --rollback base says what that removes" in said
    assert sqlite_toy.everything() == before


def test_counts_are_given_to_a_command(sqlite_toy: Toy) -> None:
    found = sqlite_toy.document("plan", "--rows", "crates:5,depots:2")
    tables = [table for revision in found["revisions"] for table in revision["tables"]]
    counts = {table["table"]: table["inserted"] for table in tables}
    assert (counts["crates"], counts["depots"]) == (5, 2)


def test_later_revisions_use_the_recorded_settings(sqlite_toy: Toy) -> None:
    sqlite_toy.upgrade("0002_depots", "size=medium", "seed=5")
    sqlite_toy.ini("size = large")  # a default is no request
    sqlite_toy.upgrade()
    assert sqlite_toy.counts()["crates"] == 40
    sqlite_toy.downgrade("0002_depots")
    sqlite_toy.upgrade("head", "size=medium", "seed=5")  # the same may be said again
    assert sqlite_toy.counts()["crates"] == 40


def test_a_file_that_was_changed_after_it_was_applied_is_noticed(sqlite_toy: Toy) -> None:
    sqlite_toy.upgrade("0001_labels")
    sqlite_toy.data("labels.csv", "code,wording,place\nONLY,,1\n")
    with pytest.raises(PlanError, match="was edited since revision 0001_labels seeded labels"):
        sqlite_toy.upgrade()


# -- where settings come from


def test_the_order_of_the_sources(sqlite_toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-x`, then the shell, then alembic.ini."""
    sqlite_toy.ini("size = large")
    sqlite_toy.upgrade("0002_depots")
    assert sqlite_toy.counts()["depots"] == 20
    sqlite_toy.downgrade()
    monkeypatch.setenv("TERP_SEED_SIZE", "medium")
    sqlite_toy.upgrade("0002_depots")
    assert sqlite_toy.counts()["depots"] == 8
    sqlite_toy.downgrade()
    sqlite_toy.upgrade("0002_depots", "size=small")
    assert sqlite_toy.counts()["depots"] == 4


def test_the_url_from_the_shell_and_from_the_file(sqlite_toy: Toy) -> None:
    sqlite_toy.run(
        "alembic", "-n", "seed", "upgrade", "head", env={"TERP_SEED_DATABASE_URL": sqlite_toy.url}
    )
    assert sqlite_toy.version() == HEAD
    failed = sqlite_toy.run("alembic", "-n", "seed", "upgrade", "head", check=False)
    assert "'toy.db': there is no such file" in failed.stdout  # the one of alembic.ini
    assert not (sqlite_toy.path / "toy.db").exists()


def test_a_foreign_database_url_and_a_dotenv_file_are_not_read(sqlite_toy: Toy) -> None:
    (sqlite_toy.path / ".env").write_text(f"TERP_SEED_DATABASE_URL={sqlite_toy.url}\n")
    sqlite_toy.run(
        "alembic",
        "-n",
        "seed",
        "current",
        check=False,
        env={"DATABASE_URL": sqlite_toy.url, "TERP_SEED_TEST_ENGINE": "mariadb"},
    )
    assert sqlite_toy.version() is None
    failed = sqlite_toy.run(
        "alembic",
        "-n",
        "seed",
        "upgrade",
        "head",
        check=False,
        env={"DATABASE_URL": sqlite_toy.url},
    )
    assert failed.returncode == 255
    assert sqlite_toy.counts() == {}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TERP_SEED_SISE", "small", "TERP_SEED_SISE: unknown environment variable; did you mean"),
        ("TERP_SEED_SIZE", "huge", "size: 'huge' is not a preset"),
        ("TERP_SEED_AS_OF", "soon", "as-of: 'soon' is not a date"),
        ("TERP_SEED_ENV", "prd", "env: 'prd' is not an environment"),
        ("TERP_SEED_LOG", "xml", "TERP_SEED_LOG: 'xml' is not possible; one of text, json"),
        ("TERP_SEED_LOG_LEVEL", "LOUD", "TERP_SEED_LOG_LEVEL: 'LOUD' is not a level; use TRACE"),
    ],
)
def test_a_shell_name_or_value_that_cannot_be_used(
    sqlite_toy: Toy, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=re.escape(words)):
        sqlite_toy.upgrade()
    assert sqlite_toy.counts() == {}


# -- files and programs that are not as they must be


def one_line(failed: subprocess.CompletedProcess[str], *words: str) -> None:
    assert failed.returncode not in {0, 1}
    lines = [line for line in failed.stdout.splitlines() if line.startswith("FAILED: ")]
    assert len(lines) == 1, failed.stdout
    for word in words:
        assert word in lines[0]
    assert "Traceback" not in failed.stdout + failed.stderr


def test_a_misspelt_section(sqlite_toy: Toy) -> None:
    failed = sqlite_toy.run("alembic", "-n", "sed", "upgrade", "head", check=False)
    one_line(failed, "No 'script_location' key found in configuration")


def test_an_unreachable_server_and_an_unknown_host(sqlite_toy: Toy) -> None:
    url = "mysql://somebody:hunter2@127.0.0.1:9/x"
    failed = sqlite_toy.run(
        "alembic", "-n", "seed", "-x", f"url={url}", "upgrade", "head", check=False
    )
    one_line(failed, "database 'x' on 127.0.0.1:9 cannot be reached", "no server answers there")
    assert "hunter2" not in failed.stdout + failed.stderr


def test_a_wrong_password_shows_no_password(mariadb_toy: Toy) -> None:
    url = sa.make_url(mariadb_toy.url).set(password="hunter2")
    for target, words in (
        (url, "the server does not accept this user and password"),
        (sa.make_url(mariadb_toy.url).set(database="nowhere"), "may not use this database"),
    ):
        text = target.render_as_string(hide_password=False)
        with pytest.raises(UsageError, match=words) as caught:
            mariadb_toy.upgrade("head", f"url={text}")
        assert "hunter2" not in str(caught.value) + mariadb_toy.said
        assert str(sa.make_url(mariadb_toy.url).password) not in str(caught.value)


def test_a_missing_driver_names_the_extra(sqlite_toy: Toy) -> None:
    (sqlite_toy.path / "MySQLdb.py").write_text("raise ModuleNotFoundError(name='MySQLdb')\n")
    failed = sqlite_toy.run(
        "alembic",
        "-n",
        "seed",
        "-x",
        "url=mysql://u@127.0.0.1/x",
        "upgrade",
        "head",
        check=False,
        env={"PYTHONPATH": str(sqlite_toy.path)},
    )
    one_line(failed, 'pip install "terp_seed[mysql]"')


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:////nowhere/at/all.db", "there is no such file"),
        ("sqlite:///seeds", "cannot be reached"),
    ],
)
def test_a_database_file_that_cannot_be_opened(sqlite_toy: Toy, url: str, message: str) -> None:
    failed = sqlite_toy.run(
        "alembic", "-n", "seed", "-x", f"url={url}", "upgrade", "head", check=False
    )
    one_line(failed, message)


def test_a_file_that_is_no_database(sqlite_toy: Toy) -> None:
    (sqlite_toy.path / "text.db").write_text("no database at all, but long enough to be one" * 9)
    failed = sqlite_toy.run(
        "alembic", "-n", "seed", "-x", "url=sqlite:///text.db", "upgrade", "head", check=False
    )
    one_line(failed, "database 'text.db': file is not a database; check the URL")


def test_a_revision_id_that_the_version_table_cannot_hold(toy: Toy) -> None:
    name = "0004_" + "x" * 28
    toy.revision(name, 'op.seed("depots")')
    with pytest.raises(PlanError, match="its id has 33 characters, the version table holds 32"):
        toy.upgrade()
    assert toy.counts() == {}
    (toy.path / "seed_revisions" / f"{name}.py").unlink()
    toy.revision(name[:32], 'op.seed_rows("labels", [{"code": "A"}], key=["code"])')
    toy.upgrade()
    assert toy.version() == name[:32]


def test_a_missing_downgrade(sqlite_toy: Toy) -> None:
    path = sqlite_toy.revision("0004_more", 'op.seed("depots")')
    path.write_text(path.read_text().partition("def downgrade")[0])
    failed = sqlite_toy.alembic("upgrade", "head", check=False)
    one_line(failed, "revision 0004_more: has no downgrade()")
    assert sqlite_toy.counts() == {}


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ('environments = "dev"', 'environments must be a tuple of names, as ("dev", "staging")'),
        ('environments = ("dve",)', "'dve' is not an environment; did you mean 'dev'?"),
        ("environments = 5", "environments must be a tuple of names"),
        ("online_only = 1", "online_only must be True or False"),
        ("as_of = 2026", 'as_of must be a date in quotes, as "2026-06-30"'),
        ('as_of = "soon"', "as_of must be a date in quotes"),
    ],
)
def test_an_attribute_that_cannot_be_used(sqlite_toy: Toy, head: str, words: str) -> None:
    sqlite_toy.only("0001_a", 'op.seed_file("labels", "labels.csv")', head=head)
    with pytest.raises(SeedError, match=re.escape(words)) as caught:
        sqlite_toy.upgrade()
    assert "0001_a" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[small]\ndepots = -1\n", "[small] depots must be a whole number from 0"),
        ("[small]\ndepots = 1.5\n", "[small] depots must be a whole number from 0"),
        ("small = 5\n", "'small' must be a table, as [small]"),
        ("[small\n", "sizes.toml: cannot be read"),
        (
            "[medium]\n",
            "size 'small' does not say how many rows of 'depots'; add depots = ... under",
        ),
        ("[small]\ndepot = 4\n", "depots"),
    ],
)
def test_presets_that_cannot_be_used(sqlite_toy: Toy, text: str, words: str) -> None:
    (sqlite_toy.path / "seeds" / "sizes.toml").write_text(text)
    with pytest.raises(SeedError, match=re.escape(words)):
        sqlite_toy.upgrade()
    assert sqlite_toy.counts() == {}


def test_a_chain_that_asks_for_no_counts_needs_no_preset(
    new_toy: Callable[..., Toy], new_database: Callable[[str], str]
) -> None:
    """Seeds from files in staging, whose preset is missing; until a seeder comes that counts."""
    toy = new_toy(new_database("sqlite"), stamp="staging")
    toy.only("0001_a", 'op.seed_rows("labels", [{"code": "A"}], key=["code"])')
    sizes = toy.path / "seeds" / "sizes.toml"
    for text in ("", "[small]\ndepots = 4\n"):
        sizes.write_text(text)
        toy.terp_seed("check")
        toy.upgrade("head", toy.consent)
        assert toy.counts() == {"labels": 1}
        toy.execute("DELETE FROM terp_seed_ledger")
        toy.terp_seed("ledger", "rebuild", "--yes", x=(toy.consent,))
        toy.downgrade("base", toy.consent)
    with pytest.raises(UsageError, match="size: 'medium' is not a preset"):
        toy.upgrade("head", toy.consent, "size=medium")  # asked for, it must be there


def test_a_seeded_chain_counts_what_its_preset_has_come_to_count(sqlite_toy: Toy) -> None:
    """A seeder is added to a chain that is seeded; what the preset counted before stays."""
    sizes = sqlite_toy.path / "seeds" / "sizes.toml"
    sizes.write_text("[small]\ndepots = 4\n")
    sqlite_toy.upgrade("0002_depots")
    with pytest.raises(UsageError, match=r"size 'small' does not say how many rows of 'crates'"):
        sqlite_toy.upgrade()
    sizes.write_text("[small]\ndepots = 9\ncrates = 12\n")
    sqlite_toy.upgrade()
    counts = sqlite_toy.counts()
    assert (counts["depots"], counts["crates"]) == (4, 12)
    sizes.unlink()
    sqlite_toy.downgrade()
    assert sqlite_toy.counts() == {}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("raise ValueError('Jane Canary')", "ValueError at toy_seeders.py, line 1"),
        ("def broken(:", "SyntaxError at toy_seeders.py, line 1"),
        ("import nowhere_at_all", "ModuleNotFoundError at toy_seeders.py, line 1"),
    ],
)
def test_seeders_that_cannot_be_imported(sqlite_toy: Toy, line: str, said: str) -> None:
    path = sqlite_toy.path / "toy_seeders.py"
    path.write_text(f"{line}\n")
    wanted = f"seeders = toy_seeders: importing the module failed with {said}"
    done = sqlite_toy.run("alembic", "-n", "seed", "upgrade", "head", check=False)
    assert wanted in done.stderr + done.stdout
    for command in ("status", "seed"):
        url = ("-x", f"url={sqlite_toy.url}")
        done = sqlite_toy.run("terp-seed", *url, command, "--json", check=False)
        error = json.loads(done.stdout)["error"]
        assert (done.returncode, error["kind"], error["what"]) == (2, "usage", wanted)
        assert "Canary" not in done.stdout + done.stderr


def test_seeders_that_do_not_exist(sqlite_toy: Toy) -> None:
    path = sqlite_toy.path / "alembic.ini"
    path.write_text(path.read_text().replace("toy_seeders", "toy_sedeers"))
    with pytest.raises(UsageError, match="seeders = toy_sedeers: the module was not found"):
        sqlite_toy.upgrade()


def test_bookkeeping_in_another_schema_is_refused_on_sqlite(sqlite_toy: Toy) -> None:
    sqlite_toy.ini("bookkeeping_schema = books")
    with pytest.raises(UsageError, match="SQLite has no schemas"):
        sqlite_toy.upgrade()


# -- which environment is this?


def test_an_unstamped_server_names_the_one_command(
    mariadb_url: str, new_toy: Callable[..., Toy]
) -> None:
    toy = new_toy(mariadb_url, stamp=None)
    for args, command in ((), " env stamp dev"), (("-x", "env=staging"), " env stamp staging"):
        failed = toy.alembic(*args, "upgrade", "head", check=False)
        one_line(failed, "does not say which environment it is", command)
    with pytest.raises(GuardError):
        toy.downgrade()
    with pytest.raises(GuardError):
        toy.stamp("head")
    assert toy.version() is None
    assert not toy.counts()


def test_an_unstamped_sqlite_file_is_dev(sqlite_url: str, new_toy: Callable[..., Toy]) -> None:
    toy = new_toy(sqlite_url, stamp=None)
    toy.upgrade()
    assert "environment dev" in toy.said


def test_the_stamp_outranks_the_caller(toy: Toy) -> None:
    for given in ("env=staging", "env=prod", "env=production"):
        with pytest.raises(GuardError, match="this database is stamped dev; check the URL"):
            toy.upgrade("head", given)
    toy.upgrade("+1", "env=development")  # another name for the same
    assert toy.counts() == {"labels": 3, "pairs": 2}


def production(toy: Toy) -> None:
    with toy.db.begin() as connection:
        guards.stamp(connection, "production", origin="test")


def test_revisions_for_elsewhere_are_recorded_as_skipped(toy: Toy) -> None:
    production(toy)
    toy.revision(
        "0004_reference",
        'op.seed_rows("labels", [{"code": "EVERYWHERE"}], key=["code"])',
        head='environments = ("dev", "test", "staging", "production")',
    )
    toy.upgrade("head", toy.consent)
    assert toy.counts() == {"labels": 1}
    assert toy.version() == "0004_reference"
    assert toy.states() == {
        "0001_labels": "skipped",
        "0002_depots": "skipped",
        HEAD: "skipped",
        "0004_reference": "applied",
    }
    assert ("skipped", HEAD) in toy.audit()
    toy.downgrade("0001_labels", toy.consent)
    assert toy.counts() == {}
    assert toy.states() == {"0001_labels": "skipped"}
    toy.downgrade("base", toy.consent)
    assert toy.version() is None


def test_the_downgrade_of_a_skipped_revision_takes_nothing(toy: Toy) -> None:
    """Rows that somebody else put in under the same keys are not the revision's."""
    production(toy)
    toy.upgrade("head", toy.consent)
    toy.execute("INSERT INTO labels (code) VALUES ('COLD')")
    toy.downgrade("base", toy.consent)
    assert toy.counts() == {"labels": 1}


def test_production_never_gets_generated_rows(toy: Toy) -> None:
    production(toy)
    toy.revision("0004_mock", 'op.seed("depots")', head='environments = ("dev", "production")')
    with pytest.raises(GuardError, match="revision 0004_mock: generates data, which never"):
        toy.upgrade("head", toy.consent)
    assert toy.counts() == {}
    assert toy.version() is None


def test_a_restamped_database_still_rolls_back_what_was_applied(toy: Toy) -> None:
    """The ledger says what a revision did, whatever the environment is called by now."""
    toy.upgrade()
    with toy.db.begin() as connection:
        guards.stamp(connection, "staging", origin="test")
    toy.downgrade("base", toy.consent)
    assert toy.counts() == {}


def test_an_unstamped_file_is_dev_and_nothing_else(
    new_toy: Callable[..., Toy], sqlite_url: str
) -> None:
    """In the run as in the script, which could not know better."""
    toy = new_toy(sqlite_url, stamp=None)
    with pytest.raises(GuardError, match=r"not stamped, which makes it dev; .*env stamp test"):
        toy.upgrade("head", "env=test")
    assert toy.version() is None
    toy.upgrade("head", "env=dev")
    assert toy.version() == HEAD


@pytest.mark.parametrize(
    "query", ["host=prod.db.example", "port=3307", "passwd=secret", "read_default_file=my.cnf"]
)
def test_a_url_names_its_server_where_the_guards_look(sqlite_toy: Toy, query: str) -> None:
    """The driver would follow the query, past protected_hosts; a password there would print."""
    with pytest.raises(UsageError, match=f"sets '{query.split('=')[0]}' in its query") as caught:
        sqlite_toy.upgrade("head", f"url=mysql://app@safe/shop?{query}")
    assert "secret" not in str(caught.value)
