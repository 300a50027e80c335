"""`terp-seed mask --init` and `--review`: a policy for the columns that none lists yet."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
import terp_full
from toys import Toy

from terp_seed.masking.policy_file import load_policy
from terp_seed.masking.policy_lines import Decision, TableDecisions, add_decisions

ROOT = Path(__file__).resolve().parent.parent
KEY = "9f3c1d7e5ab24806c1e7f2d93b6a80574ce91d2f7b3850a6e4c2198fd07b365a"


def terp_seed(toy: Toy, *words: str, code: int = 0) -> str:
    """What a command prints; fails unless it ends with this code."""
    done = toy.run(
        "terp-seed", "-x", f"url={toy.url}", *words, env={"TERP_SEED_MASK_KEY": KEY}, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def strict(toy: Toy) -> Toy:
    """The toy project without a policy."""
    (toy.path / "seeds" / "masking.toml").write_text("# ours\nversion = 1\n")
    return toy


def policy_of(toy: Toy) -> str:
    return (toy.path / "seeds" / "masking.toml").read_text()


@pytest.mark.long
def test_an_imported_column_stops_the_run_whatever_it_is_called(strict: Toy) -> None:
    strict.execute("CREATE TABLE g (id INTEGER PRIMARY KEY, xx VARCHAR(40), n NUMERIC(8, 2))")
    strict.only("0001", 'op.seed_rows("g", [{"id": 1, "xx": "Blau", "n": 3}], key=["id"], id=None)')
    done = strict.alembic("upgrade", "head", check=False)
    assert done.returncode
    assert (
        "table g has columns without an entry in the masking policy: xx; this command writes "
        "proposed entries: terp-seed mask --init --table g" in done.stdout + done.stderr
    )
    terp_seed(strict, "mask", "--init", "--table", "g")
    strict.alembic("upgrade", "head")
    strict.alembic("downgrade", "base")


@pytest.mark.parametrize(
    ("value", "stops"),
    [
        ("'Blau'", True),
        ("'12345678'", False),
        ("'123456789'", True),
        ("123456789", True),
        ("12.5", False),
        ("True", False),
        ("None", False),
        ("{'a': 1}", True),
    ],
)
def test_a_script_judges_by_the_values(strict: Toy, value: str, stops: bool) -> None:
    strict.only("0001", f'op.seed_rows("g", [{{"c": 1, "xx": {value}}}], key=["c"], id=None)')
    done = strict.run(
        *("alembic", "-n", "seed", "-x", f"url={strict.url}", "-x", "env=dev"),
        *("upgrade", "head", "--sql"),
        check=False,
    )
    assert (
        "columns without an entry in the masking policy: xx;" in done.stdout + done.stderr
    ) == stops


def test_generated_rows_need_no_entry(strict: Toy) -> None:
    strict.only("0001", 'op.seed("depots")')
    strict.upgrade("head")


@pytest.mark.slow
def test_a_later_column_fails_check_and_run(strict: Toy) -> None:
    strict.execute("CREATE TABLE g (id INTEGER PRIMARY KEY, xx VARCHAR(40))")
    strict.only("0001", 'op.seed_rows("g", [{"id": 1, "xx": "Blau"}], key=["id"], id=None)')
    terp_seed(strict, "mask", "--init", "--table", "g")
    terp_seed(strict, "check", "--no-round-trip")
    strict.execute("ALTER TABLE g ADD yy VARCHAR(40)")
    refusal = "table g has columns without an entry in the masking policy: yy;"
    assert refusal in terp_seed(strict, "check", "--no-round-trip", code=7)
    done = strict.alembic("upgrade", "head", check=False)
    assert refusal in done.stdout + done.stderr
    terp_seed(strict, "mask", "--init", "--table", "g")
    terp_seed(strict, "check", "--no-round-trip")
    strict.alembic("upgrade", "head")


@pytest.mark.long
def test_a_number_that_became_a_text_is_undecided(strict: Toy) -> None:
    strict.execute("CREATE TABLE g (id INTEGER PRIMARY KEY, n BIGINT)")
    terp_seed(strict, "mask", "--init", "--table", "g")
    terp_seed(strict, "mask", "--review", "--table", "g")
    strict.execute("DROP TABLE g", "CREATE TABLE g (id INTEGER PRIMARY KEY, n VARCHAR(40))")
    terp_seed(strict, "mask", "--review", "--table", "g", code=7)
    assert "g.n is declared pii = false for a number, and is a text now" in terp_seed(
        strict, "mask", "--dry-run", "--table", "g", code=7
    )


@pytest.mark.long
def test_review_names_what_is_undecided_and_what_is_proposed(strict: Toy) -> None:
    strict.execute("CREATE TABLE g (id INTEGER PRIMARY KEY, email VARCHAR(40), size NUMERIC(8, 2))")
    done = strict.run(
        *("terp-seed", "-x", f"url={strict.url}", "mask", "--review", "--table", "g", "--json"),
        check=False,
    )
    assert done.returncode == 7
    found = json.loads(done.stdout)
    assert found["review"]["undecided"] == [["g", "email"]]
    before = policy_of(strict)
    terp_seed(strict, "mask", "--init", "--table", "g")
    assert policy_of(strict).startswith(before)
    said = terp_seed(strict, "mask", "--review", "--table", "g")
    assert "proposed: its name or type looks like email" in said
    assert "0 columns undecided, 1 only proposed" in said
    terp_seed(strict, "mask", "--init", "--table", "g")  # nothing more to write
    assert policy_of(strict).count("email =") == 1


def test_what_a_policy_file_holds_stays(tmp_path: Path) -> None:
    path = tmp_path / "masking.toml"
    text = (
        'version = 1\n\n[tables.a]  # ours\nx = { pii = false, reason = "x" }\n'
        'not_personal = [{ columns = ["y"], reason = "y" }]  # two\n\n'
        '[tables.b]\nnot_personal = [\n  # three\n  { columns = ["y"], reason = "y" },\n]\n'
    )
    path.write_text(text)
    new = [Decision("m", "email", "m", unique=True), Decision("n o", None, "n", type_kind="number")]
    assert add_decisions(path, [TableDecisions(name, new) for name in ("A", "b", "c d")]) == 6
    done = path.read_text()
    assert all(line in done for line in ("# ours", "# two", "  # three"))
    policy = load_policy(path)
    for table in ("a", "b", "c d"):
        assert policy.rule(table, "m").kind == "email"
        assert policy.rule(table, "m").proposed
        assert policy.rule(table, "n o").type_kind == "number"
    assert policy.rule("a", "y").reason == "y"
    assert tomllib.loads(done)["tables"].keys() == {"a", "b", "c d"}


DIFFICULT = """
CREATE TABLE users (id INTEGER PRIMARY KEY, email VARCHAR(12) NOT NULL UNIQUE,
  full_name VARCHAR(20) NOT NULL UNIQUE, notes VARCHAR(255) NOT NULL UNIQUE, phone BIGINT NOT NULL,
  ssn BIGINT, birth_date DATE NOT NULL, password VARCHAR(60) NOT NULL, tag VARCHAR(80) UNIQUE)
;CREATE TABLE logins (user_email VARCHAR(12) NOT NULL REFERENCES users (email), user_id INTEGER,
  last_login TIMESTAMP NULL, PRIMARY KEY (user_email))
;CREATE TABLE settings (name VARCHAR(40) PRIMARY KEY, value TEXT, description TEXT)
;INSERT INTO users VALUES (1, 'a@b.co', 'Ann Smith', 'one note', 4158675309, 123456789,
  '1980-02-03', 'x', 'ann@corp.internal'), (2, 'c@d.co', 'Bo Jones', 'other note', 4158675310, NULL,
  '1981-02-03', 'y', 'bo@corp.internal')
;INSERT INTO logins VALUES ('a@b.co', 1, '2024-01-02 03:04:05')
;INSERT INTO settings VALUES ('theme', 'dark', 'the colours')
"""


@pytest.mark.long
def test_the_proposed_policy_is_valid_as_written(strict: Toy) -> None:
    tables = ("users", "logins", "settings")
    strict.execute(*DIFFICULT.split(";"))
    chosen = [word for name in tables for word in ("--table", name)]
    terp_seed(strict, "mask", "--init", *chosen)
    terp_seed(strict, "mask", "--dry-run", *chosen)
    terp_seed(strict, "mask", "--yes", *chosen)
    assert strict.rows("SELECT * FROM settings") == [("theme", "dark", "the colours")]
    assert "Ann Smith" not in str(strict.rows("SELECT * FROM users"))
    assert "corp.internal" not in str(strict.rows("SELECT * FROM users"))


@pytest.mark.slow
@pytest.mark.parametrize("own", [False, True], ids=["proposed", "shipped"])
def test_terps_whole_schema_in_one_round(toy: Toy, own: bool) -> None:
    """233 tables with rows: what is proposed, and what TERP ships, passes the dry run at once."""
    with toy.db.begin() as connection:
        made = terp_full.create(connection)
        off, on = terp_full.UNCHECKED.get(toy.db.dialect.name, ("SELECT 1", "SELECT 1"))
        connection.exec_driver_sql(off)
        terp_full.fill(connection, made)
        connection.exec_driver_sql(on)
    tables = [word for name in terp_full.SCHEMA for word in ("--table", name)]
    shipped = (ROOT / "seeds" / "masking.toml").read_text(encoding="utf-8")
    (toy.path / "seeds" / "masking.toml").write_text(shipped if own else "version = 1\n")
    if not own:
        terp_seed(toy, "mask", "--init", *tables)
    said = terp_seed(toy, "mask", "--review", *tables)
    assert "0 columns undecided, " in said
    assert "0 entries without a column" in said
    terp_seed(toy, "mask", "--dry-run", *tables)


def test_proposed_addresses_are_those_of_the_persons_that_the_policy_has(sqlite_toy: Toy) -> None:
    toy = sqlite_toy
    toy.execute(
        "CREATE TABLE staff (id INTEGER PRIMARY KEY, email VARCHAR(90), name VARCHAR(90))",
        "CREATE TABLE guests (id INTEGER PRIMARY KEY, email VARCHAR(90), full_name VARCHAR(90), "
        "second_email VARCHAR(90))",
        "CREATE TABLE tills (id INTEGER PRIMARY KEY, email VARCHAR(40))",
    )
    path = toy.path / "seeds" / "masking.toml"
    path.write_text(
        'version = 1\n[tables.staff]\nperson = "email"\nemail = { class = "email" }\n'
        'name = { class = "person_name" }\n'
    )
    terp_seed(toy, "mask", "--init", "--table", "guests", "--table", "tills")
    policy = load_policy(path)
    guests, tills = policy.table("guests"), policy.table("tills")
    assert guests.person == "email"
    assert guests.columns["second_email"].domain == "guests.second_email"
    assert tills.person is None  # its column is too short for a person's address
    assert tills.columns["email"].domain == "tills.email"


def test_bytes_of_every_type_of_mysql_are_seen_as_bytes(mariadb_toy: Toy) -> None:
    toy = mariadb_toy
    kinds = ("TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB", "BINARY(16)", "VARBINARY(2000)")
    columns = ", ".join(f"scan{n} {kind}" for n, kind in enumerate(kinds))
    toy.execute(f"CREATE TABLE papers (id INTEGER PRIMARY KEY, {columns})")
    path = toy.path / "seeds" / "masking.toml"
    path.write_text("version = 1\n")
    terp_seed(toy, "mask", "--init", "--table", "papers")
    rules = load_policy(path).table("papers").columns
    assert [rules[f"scan{n}"].kind for n in (1, 2, 3, 5)] == ["file"] * 4
    assert "bytes" in str(rules["scan4"].reason)


@pytest.mark.slow
def test_a_policy_with_a_mistake_stops_what_masks_or_imports_and_nothing_else(toy: Toy) -> None:
    toy.upgrade("0002_depots")
    (toy.path / "seeds" / "masking.toml").write_text("[tables.labels]\ncode = { clas = 'x' }\n")
    for words in (
        ("status", "--drift"),
        ("verify", "--drift"),
        ("history",),
        ("lock", "status"),
        ("ledger", "show"),
        ("ledger", "rebuild", "--dry-run"),
        ("env", "show"),
        ("plan", "--rollback"),
    ):
        terp_seed(toy, *words)
    for words in (("plan",), ("seed",), ("mask", "--dry-run"), ("mask", "--review")):
        assert "labels.code: unknown key 'clas'" in terp_seed(toy, *words, code=2)
    terp_seed(toy, "rollback", "base", "--yes")
    assert toy.counts() == {}


def test_a_file_is_seeded_with_what_the_revision_command_writes(strict: Toy) -> None:
    """The first seed of somebody new: a file, a revision with its policy, an upgrade."""
    strict.execute(
        f"CREATE TABLE paints (id {strict.counted_key}, name VARCHAR(40), shade INTEGER)"
    )
    for path in (strict.path / "seed_revisions").glob("*.py"):
        path.unlink()
    strict.data("paints.csv", "name,shade\nMoss,120\nRust,340\n")
    words = ("--file", "paints.csv", "--table", "paints", "--key", "name", "-m", "Paints")
    assert "masking.toml" in terp_seed(strict, "revision", *words)
    terp_seed(strict, "seed")
    assert strict.rows("SELECT name, shade FROM paints ORDER BY 1") == [
        ("Moss", 120),
        ("Rust", 340),
    ]
    terp_seed(strict, "check")
