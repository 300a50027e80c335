"""Who may write where: the guard matrix, one row a line."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from alembic.util import CommandError
from servers import MariaDB
from sqlalchemy.engine import make_url
from terminals import Said, typed
from toys import Toy

# What a command is given, and what comes of it.  NAME stands for the database's name.  `typed` is
# what a person answers on a terminal; "-" is no terminal at all.
#
#   stamp         command               flags          typed    what comes of it
MATRIX = """
    dev           alembic upgrade head  -              -        done
    test          alembic upgrade head  -              -        done
    -             alembic upgrade head  -              -        done
    dev           alembic upgrade head  -x env=dev     -        done
    dev           alembic upgrade head  -x env=staging -        this database is stamped dev
    -             alembic upgrade head  -x env=test    -        to make it test, stamp it
    staging       alembic upgrade head  -x env=dev     -        this database is stamped staging
    staging       alembic upgrade head  -              -        a person who has read the plan
    staging       alembic upgrade head  -x yes=other   -        was to be on 'other', and this
    staging       alembic upgrade head  -x yes=NAME    -        done
    staging       alembic upgrade head  -              NAME     done
    staging       alembic upgrade head  -              yes      The name does not match
    staging       terp-seed seed        --yes          -        no terminal to ask on
    staging       terp-seed seed        -              NAME     done
    production    alembic upgrade head  -              -        no terminal to ask on
    production    alembic upgrade head  -x yes=yes     -        this database is called
    production    alembic upgrade head  -x env=dev     -        this database is stamped production
    production    terp-seed seed        --yes          -        no terminal to ask on
    production    alembic upgrade head  -x yes=NAME    -        skipped
    production    alembic upgrade head  -              NAME     skipped
    dev           alembic downgrade -1  -              -        done
    test          alembic downgrade -1  -              -        done
    dev           terp-seed rollback    -              -        answer beforehand, as docs/
    dev           terp-seed rollback    --yes          -        done
    dev           terp-seed rollback    -x yes=NAME    -        done
    dev           terp-seed rollback    -              y        done
    dev           terp-seed rollback    -              n        not confirmed; nothing was done
    dev           terp-seed seed        --rollback     -        answer beforehand, as docs/
    staging       alembic downgrade -1  -              -        no terminal to ask on
    staging       alembic downgrade -1  -x yes=NAME    -        done
    staging       terp-seed rollback    --yes          -        no terminal to ask on
    staging       terp-seed rollback    -x yes=NAME    -        done
    staging       terp-seed rollback    -              NAME     done
    staging       terp-seed rollback    -              y        The name does not match
    production    alembic downgrade -1  -              -        no terminal to ask on
    production    alembic downgrade -1  -x yes=NAME    -        skipped
"""
ROWS = [
    [line[:14].strip(), line[14:36].strip(), line[36:51].strip(), line[51:60].strip(), line[60:]]
    for line in (each[4:] for each in MATRIX.splitlines() if each)
]


def run(toy: Toy, command: str, flags: str, answer: str) -> Said:
    """Type the command, on a terminal if there is an answer."""
    name = toy.consent.removeprefix("yes=")
    program, *words = command.split()
    given = [] if flags == "-" else flags.replace("NAME", name).split()
    before = given if given[:1] == ["-x"] else []
    section = ["-n", "seed"] if program == "alembic" else []
    line = [program, *section, "-x", f"url={toy.url}", *before, *words]
    line += [] if before else given
    if answer == "-" and program == "alembic":
        return alembic(toy, *words, x=before[1:])
    if answer == "-":
        done = toy.terp_seed(*words, *([] if before else given), x=tuple(before[1:]), code=None)
        return Said(done.exit_code, done.output)
    return typed(toy, *line, after="o on", answer=answer.replace("NAME", name))


def alembic(toy: Toy, command: str, target: str, x: Sequence[str]) -> Said:
    """`alembic -n seed` in this process, which is quicker: an error is code 255 and one line."""
    try:
        toy.call(command, target, x=tuple(x))
    except CommandError as error:
        return Said(255, str(error))
    return Said(0, toy.said)


@pytest.mark.parametrize(
    ("stamp", "command", "flags", "answer", "outcome"),
    ROWS,
    ids=[" ".join(row[:4]).replace(" -", "") for row in ROWS],
)
def test_who_may_write_where(
    new_toy: Callable[..., Toy],
    sqlite_url: str,
    stamp: str,
    command: str,
    flags: str,
    answer: str,
    outcome: str,
) -> None:
    """Refused means that nothing was written; nothing ever waits where there is no terminal."""
    toy = new_toy(sqlite_url, stamp=None if stamp == "-" else stamp)
    if "rollback" in command + flags or "downgrade" in command:
        toy.upgrade("head", *([toy.consent] if stamp in ("staging", "production") else []))
    before, version = toy.digests(), toy.version()
    said = run(toy, command, flags, answer)
    if outcome in ("done", "skipped"):
        assert said.code == 0, said.text
        assert toy.version() != version
        assert (toy.digests() == before) is (outcome == "skipped")
        return
    assert outcome in " ".join(said.text.split()), said.text
    assert said.code == (255 if command.startswith("alembic") else 5)
    assert (toy.digests(), toy.version()) == (before, version)


def test_the_question_says_what_will_happen(new_toy: Callable[..., Toy], sqlite_url: str) -> None:
    """Counts by table, edited rows, and where the backup goes."""
    toy = new_toy(sqlite_url, stamp="staging")
    toy.upgrade("head", toy.consent)
    toy.execute("UPDATE crates SET weight = 499 WHERE code = 'SEED-C-000002'")
    said = typed(
        toy, *("terp-seed", "-x", f"url={toy.url}", "-x", "on-edited=keep", "rollback"),
        after="go on", answer="no",
    )  # fmt: skip
    assert "roll back 0003_crates: delete 40 scans, 39 crates; keep 1 crates" in said.text
    assert "edited since they were seeded: 1 crates" in said.text
    assert "back up the rows to " in said.text


def test_an_unstamped_server_is_refused_loopback_included(mariadb_toy: Toy) -> None:
    mariadb_toy.execute("DELETE FROM terp_seed_environment")
    done = mariadb_toy.alembic("upgrade", "head", check=False)
    assert "does not say which environment it is" in done.stdout
    assert "env stamp dev" in done.stdout
    assert mariadb_toy.counts() == {}


def test_what_is_on_a_protected_host_is_production(mariadb_toy: Toy) -> None:
    """Whatever its stamp says, whatever is asked for; even the stamp is refused."""
    mariadb_toy.ini("protected_hosts = *.db.example 127.0.0.*")
    x = ("-x", f"url={mariadb_toy.url}")
    for command in (
        ("alembic", "-n", "seed", *x, "upgrade", "head"),
        ("alembic", "-n", "seed", *x, "upgrade", "head", "--sql"),
        ("terp-seed", *x, "seed", "--yes"),
        ("terp-seed", *x, "plan"),
        ("terp-seed", *x, "env", "stamp", "test", "--yes"),
    ):
        done = mariadb_toy.run(*command, check=False)
        assert "host 127.0.0.1 is protected (127.0.0.*" in done.stdout + done.stderr
        assert done.returncode != 0
    assert mariadb_toy.counts() == {}
    mariadb_toy.run("terp-seed", *x, "env", "stamp", "production", "--yes")
    mariadb_toy.upgrade("head", mariadb_toy.consent)
    assert set(mariadb_toy.states().values()) == {"skipped"}


@pytest.mark.slow
def test_a_copy_of_production_stays_production_until_it_is_stamped_anew(
    new_toy: Callable[..., Toy], sqlite_url: str, new_database: Callable[[str], str]
) -> None:
    toy = new_toy(sqlite_url, stamp="production")
    copy = new_database("sqlite")
    shutil.copy(str(make_url(sqlite_url).database), str(make_url(copy).database))
    toy.url = copy
    x = ("-x", f"url={copy}")
    done = toy.run("terp-seed", *x, "seed", "--env", "staging", check=False)
    assert done.returncode == 5
    assert "this database is stamped production" in done.stderr
    assert toy.run("terp-seed", *x, "env", "stamp", "dev", check=False).returncode == 5
    done = toy.run("terp-seed", *x, "env", "stamp", "dev", "--yes", check=False)
    assert (done.returncode, "may be production: it is stamped production" in done.stderr) == (
        5,
        True,
    )
    name = Path(str(make_url(copy).database)).name
    toy.run("terp-seed", *x, "-x", f"yes={name}", "env", "stamp", "dev")
    toy.run("terp-seed", *x, "seed")


@pytest.mark.long
@pytest.mark.parametrize("stamp", [None, "staging", "production"])
@pytest.mark.parametrize("name", ["dev", "test", "staging"])
def test_what_looks_like_production_is_named_before_it_is_stamped_otherwise(
    new_toy: Callable[..., Toy], sqlite_url: str, stamp: str | None, name: str
) -> None:
    """Whatever the sign is; and what is not serious yet becomes production with a yes."""
    toy = new_toy(sqlite_url, stamp=stamp)
    toy.execute("CREATE TABLE big (id INTEGER PRIMARY KEY)")
    toy.execute(
        "INSERT INTO big WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        "WHERE i < 10001) SELECT i FROM n"
    )
    if stamp == name:
        return
    x = ("-x", f"url={toy.url}")
    said = toy.run("terp-seed", *x, "env", "stamp", name, "--yes", check=False)
    assert said.returncode == 5
    assert "more than 10,000 rows are there that no seed inserted" in said.stderr
    assert f"If it is a copy, a person stamps it {name} by its name" in said.stderr
    assert "yes=" not in said.stderr
    wrong = toy.run("terp-seed", *x, "-x", "yes=other", "env", "stamp", name, check=False)
    assert wrong.returncode == 5
    toy.run("terp-seed", *x, "-x", toy.consent, "env", "stamp", name)
    stricter = ("-x", toy.consent) if name == "staging" else ()
    toy.run("terp-seed", *x, *stricter, "env", "stamp", "production", "--yes")


@pytest.mark.parametrize(
    ("name", "serious"),
    [
        ("terp_prod", True),
        ("prod", True),
        ("prod-eu", True),
        ("TERP_Production_2", True),
        ("shop_live", True),
        ("products", False),
        ("reproduce", False),
        ("delivery", False),
    ],
)
def test_a_database_is_known_by_its_name(
    new_toy: Callable[..., Toy], tmp_path: Path, name: str, serious: bool
) -> None:
    toy = new_toy(f"sqlite:///{tmp_path / name}", stamp=None)
    done = toy.run("terp-seed", "-x", f"url={toy.url}", "env", "stamp", "test", check=False)
    assert ("of protected_databases" in done.stderr) is serious
    assert done.returncode == (5 if serious else 0)


def test_reference_data_reaches_production_with_its_name_said(
    new_toy: Callable[..., Toy], database_url: str, mariadb: MariaDB
) -> None:
    toy = new_toy(database_url, stamp="production")
    toy.revision(
        "0004_places",
        'op.seed_rows("labels", [{"code": "PLACE", "place": 1}], key=["code"])',
        head='environments = ("dev", "staging", "production")',
    )
    toy.upgrade("head", toy.consent)
    assert toy.counts() == {"labels": 1}
    assert toy.states()["0004_places"] == "applied"
    assert toy.states()["0003_crates"] == "skipped"
    toy.downgrade("-1", toy.consent)
    assert toy.counts() == {}


@pytest.mark.slow
def test_a_copied_chain_says_what_production_skipped(
    new_toy: Callable[..., Toy], database_url: str
) -> None:
    """Upgrade, status and verify say what to do, and that seeds the rows."""
    toy = new_toy(database_url, stamp="production")
    toy.upgrade("head", toy.consent)
    assert toy.counts() == {}
    assert toy.document("status")["skipped_elsewhere"] == ""
    toy.run("terp-seed", "-x", f"url={toy.url}", "-x", toy.consent, "env", "stamp", "dev")
    told = (
        "revision 0001_labels, 0002_depots, 0003_crates: skipped in another environment, before "
        "this database became dev, so their rows are not here; to seed them, roll chain seed back "
        "to base, where nothing is removed, and upgrade it"
    )
    assert toy.document("status")["skipped_elsewhere"] == told
    assert told in toy.terp_seed("status").stdout
    x = ("-x", f"url={toy.url}")
    assert told in toy.run("terp-seed", *x, "verify").stderr
    assert told in toy.alembic("upgrade", "head").stderr
    toy.revision("0004_more", 'op.seed_rows("labels", [{"code": "MORE"}], key=["code"])')
    assert told in toy.alembic("upgrade", "head").stderr
    toy.alembic("downgrade", "base")
    assert "skipped in another" not in toy.alembic("upgrade", "head").stderr
    assert set(toy.states().values()) == {"applied"}
    assert "skipped in another" not in toy.run("terp-seed", *x, "verify").stderr


def test_consent_is_given_for_a_run_and_never_in_the_ini(
    new_toy: Callable[..., Toy], sqlite_url: str
) -> None:
    """A line in alembic.ini would consent to every run there will ever be."""
    toy = new_toy(sqlite_url, stamp="staging")
    toy.ini(toy.consent.replace("=", " = "))
    done = toy.alembic("upgrade", "head", check=False)
    assert "no terminal" in done.stdout
    assert toy.version() is None
