"""Masking in place: nothing of a fake production is left, and what must hold still holds."""

from __future__ import annotations

import json
import signal
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from copies import Copy, add_people
from production import CANARY, KEY, OTHER_KEY, Production
from projects import Project
from toys import Toy

from terp_seed.database.dialects.sqlite_locks import FileLock
from terp_seed.database.environment_stamp import stamp
from terp_seed.database.session import Session
from terp_seed.errors import GuardError, InterruptedRunError, LockError, MaskingError, UsageError
from terp_seed.mask_database import run as mask_run
from terp_seed.mask_database.blocks import MaskedBlock, RowBlock, write_block
from terp_seed.mask_database.evidence import evidence, evidence_page
from terp_seed.mask_database.leaks import find_leaks
from terp_seed.mask_database.plan import PassPlan
from terp_seed.mask_database.run import MaskOptions, forget, mask_in_place, rehearse
from terp_seed.run.backup.folder import Manifest
from terp_seed.run.backup.rows import RowsFile

# -- a whole TERP


@pytest.mark.slow
def test_nothing_of_production_survives_anywhere(
    database_url: str, project: Project, tmp_path: Path
) -> None:
    """As a person does it, with the noisiest log: in no table, log, output or report."""
    copy = Production(database_url)
    with copy.db.begin() as connection:
        stamp(connection, "staging", origin="test")
    assert len(CANARY.findall(copy.text())) > 500
    copy.run("UPDATE clients SET email = NULL, phone = '', updated_at = updated_at WHERE id = 3")
    still = copy.all("SELECT id, updated_at, teri_code FROM clients")
    signed_in = f"SELECT id, {copy.quoted('lastSignedIn')} FROM users ORDER BY id"
    dates = copy.all(signed_in)
    name = Path(str(copy.db.url.database)).name
    log = tmp_path / "log"
    env = {
        "TERP_SEED_DATABASE_URL": database_url,
        "TERP_SEED_YES": name,
        "TERP_SEED_MASK_KEY": KEY,
        "TERP_SEED_LOG_LEVEL": "DEBUG",
        "TERP_SEED_LOG_FILE": str(log),
    }
    said = []
    for options in (["--dry-run"], [], ["--verify", "--json"], ["--report"]):
        done = project.run("terp-seed", "mask", *options, env=env)
        said += [done.stdout, done.stderr]
    for text in (copy.text(), log.read_text(), *said):
        assert CANARY.findall(text) == []
        assert KEY not in text
    assert copy.all("SELECT id, updated_at, teri_code FROM clients") == still
    assert copy.all("SELECT email, phone FROM clients WHERE id = 3") == [(None, "")]
    assert json.loads(said[4])["scan"]["originals"] > 40
    joined = "SELECT COUNT(*) FROM clients c JOIN supplier_profiles s ON s.contact_email = c.email"
    assert copy.all(f"{joined} AND s.contact_phone = c.phone") == [(2,)]
    assert len(set(copy.all("SELECT name FROM vendors"))) == 3
    for (_, old), (_, new) in zip(dates, copy.all(signed_in), strict=True):
        moved = moment(new) - moment(old)
        assert 1 <= abs(moved.days) <= 30
        assert moved.seconds == 0


def moment(value: object) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))


# -- what is masked, and what is not


def test_a_second_run_masks_only_what_came_since(people: Copy) -> None:
    assert people.mask() == {"people": 7}
    once = people.all("SELECT * FROM people ORDER BY id")
    assert people.mask() == {}
    add_people(people, range(8, 10))
    assert people.mask() == {"people": 2}
    rows = people.all("SELECT * FROM people ORDER BY id")
    assert rows[:7] == once
    assert CANARY.search(str(rows)) is None
    assert people.audit() == ["started", "masked", "finished"] * 2


def test_a_leak_check_names_the_rows_that_are_left(people: Copy) -> None:
    """Also where no value has a shape: a pipeline goes by its exit code."""
    people.run("UPDATE people SET mail = NULL")
    left = ("people", "name, mail", "not masked")
    assert left in people.leaks()
    people.mask()
    assert people.leaks() == set()
    add_people(people, range(8, 10))
    assert left in people.leaks()


def test_a_backup_that_cannot_be_finished_leaves_no_rows_behind(
    people: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.settings = replace(people.settings, backup="rows", backup_folder=str(tmp_path / "b"))

    def fail(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RowsFile, "add_masked", fail)
    with pytest.raises(GuardError, match=r"masked\.sql cannot be written: No space left"):
        people.mask()
    assert [*(tmp_path / "b").iterdir()] == []


def test_the_evidence_counts_what_is_left(people: Copy) -> None:
    """By the policy, at the moment: not when the last run ended."""
    assert evidence(people.settings)["left"] == "7 rows of people"
    people.mask()
    assert evidence(people.settings)["left"] == "no row"
    add_people(people, range(8, 10))
    assert evidence(people.settings)["left"] == "2 rows of people"
    assert "| left | 2 rows of people |" in evidence_page(evidence(people.settings))
    people.run("INSERT INTO people VALUES (-1, 'Jane Canary', 'canary-0@real-corp.com')")
    assert "were added among" in evidence(people.settings)["left"]
    people.key(None)
    assert "this run has no key" in evidence(people.settings)["left"]


def test_the_same_value_masks_alike_and_another_key_gives_others(people: Copy) -> None:
    people.run("CREATE TABLE logins (id INTEGER PRIMARY KEY, login VARCHAR(80))")
    people.run(
        "INSERT INTO logins VALUES (1, 'Canary-1@REAL-corp.com '), (2, 'canary-1@real-corp.com')"
    )
    policy = (people.home / "masking.toml").read_text()
    people.policy(policy, "[tables.logins]", 'login = { class = "email" }')
    people.mask("people")
    people.mask("logins")
    first = people.all("SELECT mail FROM people WHERE id = 1")
    assert people.all("SELECT DISTINCT login FROM logins") == first
    people.key(OTHER_KEY)
    with pytest.raises(MaskingError, match="one person would get two pseudonyms"):
        people.mask()
    people.run("DELETE FROM people")
    add_people(people, range(1, 3))
    people.mask("people", again=True)
    assert people.all("SELECT mail FROM people WHERE id = 1") != first


def test_a_copy_that_was_restored_once_more_is_noticed(people: Copy) -> None:
    people.mask()
    people.run("DELETE FROM people")
    add_people(people, range(1, 8))
    with pytest.raises(MaskingError, match=r"people was masked before, and holds the originals"):
        people.mask()
    assert ("people", "name", "an original") in people.leaks()
    people.mask(again=True)
    assert people.leaks() == set()


@pytest.mark.parametrize("without", ["digests", "key"])
def test_a_restored_copy_is_noticed_without(without: str, people: Copy) -> None:
    before = people.all("SELECT * FROM people ORDER BY id")
    if without == "key":
        with people.db.begin() as connection:
            stamp(connection, "dev", origin="test")
        people.settings = replace(people.settings, env="dev")
        people.key(None)
    people.mask()
    if without == "digests":
        forget(people.settings)
    assert people.mask() == {}
    people.run("UPDATE people SET mail = 'new@example.com' WHERE id < 3")  # as people do
    assert people.mask() == {}
    for number, name, mail in before:
        people.run(f"UPDATE people SET name = '{name}', mail = '{mail}' WHERE id = {number}")
    with pytest.raises(MaskingError, match="its first rows are not as masking has left them"):
        people.mask()
    people.mask(again=True)
    assert CANARY.search(str(people.all("SELECT * FROM people"))) is None


def test_a_column_that_follows_one_that_is_not_masked_is_refused(
    new_copy: Callable[..., Copy],
) -> None:
    """It would be left as it is, without a word."""
    copy = new_copy(
        parties="mail VARCHAR(80) NOT NULL PRIMARY KEY",
        visits="id INTEGER PRIMARY KEY, mail VARCHAR(80) NOT NULL, "
        "FOREIGN KEY (mail) REFERENCES parties (mail) ON UPDATE CASCADE",
    )
    copy.run(
        "INSERT INTO parties VALUES ('canary-1@real-corp.com')",
        "INSERT INTO visits VALUES (1, 'canary-1@real-corp.com')",
    )
    copy.settings = replace(copy.settings, backup="none")
    said = "visits.mail is personal and follows parties.mail by ON UPDATE CASCADE, which is not"
    visits = "[tables.visits]", 'mail = { class = "email" }'
    copy.policy(*visits, "[tables.parties]", 'mail = { pii = false, reason = "x" }')
    with pytest.raises(MaskingError, match=said):
        rehearse(copy.settings, MaskOptions())
    copy.policy(*visits, "[tables.parties]", 'mail = { class = "email" }')
    with pytest.raises(MaskingError, match=said):
        rehearse(copy.settings, MaskOptions(("visits",)))
    copy.mask("parties")
    assert CANARY.findall(str(copy.all("SELECT * FROM visits"))) == []
    copy.mask()


def test_rows_that_come_later_are_masked_or_the_run_says_that_it_cannot(people: Copy) -> None:
    """In a table that was empty, behind the last masked row, and among the masked ones."""
    people.run("DELETE FROM people")
    people.mask()
    add_people(people, range(20, 23))
    assert people.mask() == {"people": 3}
    add_people(people, range(30, 32))
    assert people.mask() == {"people": 2}
    assert CANARY.findall(str(people.all("SELECT * FROM people"))) == []
    assert people.mask() == {}
    people.run("DELETE FROM people WHERE id = 20")
    assert people.mask() == {}
    add_people(people, range(1, 4))
    for run in (rehearse, mask_in_place):
        with pytest.raises(MaskingError, match="people: 2 rows were added among those"):
            run(people.settings, MaskOptions(yes=True))


def test_rows_that_come_later_under_a_masked_key_are_named(new_copy: Callable[..., Copy]) -> None:
    copy = new_copy(logins="mail VARCHAR(80) NOT NULL PRIMARY KEY, n INTEGER")
    copy.policy("[tables.logins]", 'mail = { class = "email" }')
    copy.settings = replace(copy.settings, backup="none")
    copy.run("INSERT INTO logins VALUES ('canary-1@real-corp.com', 1)")
    assert copy.mask() == {"logins": 1}
    assert copy.mask() == {}
    copy.run("INSERT INTO logins VALUES ('canary-2@real-corp.com', 2)")
    with pytest.raises(MaskingError, match="logins: 1 rows were added among those"):
        copy.mask()
    copy.run("DELETE FROM logins WHERE n = 1")
    copy.mask(again=True)
    assert CANARY.findall(str(copy.all("SELECT * FROM logins"))) == []


def test_a_column_that_joins_the_policy_later_gets_a_pass_of_its_own(people: Copy) -> None:
    people.policy(
        "[tables.people]", 'mail = { class = "email" }', 'name = { pii = false, reason = "x" }'
    )
    people.mask()
    mails = people.all("SELECT mail FROM people ORDER BY id")
    people.policy(
        "[tables.people]", 'name = { class = "person_name" }', 'mail = { class = "email" }'
    )
    assert people.mask() == {"people": 7}
    assert people.all("SELECT mail FROM people ORDER BY id") == mails
    assert CANARY.search(str(people.all("SELECT name FROM people"))) is None


def test_without_a_key_values_follow_from_the_row_number(new_copy: Callable[..., Copy]) -> None:
    copies = new_copy(
        "dev",
        people="id INTEGER PRIMARY KEY, mail VARCHAR(80)",
        others="id INTEGER PRIMARY KEY, mail VARCHAR(80)",
    )
    copies.policy(
        "[tables.people]",
        'mail = { class = "email" }',
        "[tables.others]",
        'mail = { class = "email" }',
    )
    copies.run("INSERT INTO people VALUES (1, 'a@real-corp.com'), (2, 'a@real-corp.com')")
    copies.run("INSERT INTO others VALUES (1, 'a@real-corp.com'), (2, 'a@real-corp.com')")
    copies.key(None)
    copies.mask()
    values = {v for name in ("people", "others") for (v,) in copies.all(f"SELECT mail FROM {name}")}
    assert len(values) == 4
    assert find_leaks(copies.settings).originals == 0


def test_staging_without_a_key_is_refused(people: Copy) -> None:
    people.key(None)
    with pytest.raises(MaskingError, match="needs a key in staging"):
        people.mask()


# -- keys


def test_a_unique_value_may_be_what_another_becomes(new_copy: Callable[..., Copy]) -> None:
    """A full domain of 100 codes is permuted: nearly every result is somebody's original."""
    copy = new_copy(
        cards="id INTEGER, shelf INTEGER, licence VARCHAR(9) NOT NULL UNIQUE, "
        "PRIMARY KEY (id, shelf)"
    )
    copy.policy(
        "[tables.cards]", 'licence = { class = "license", unique = true, staging = "tokenise" }'
    )
    cards = ", ".join(f"({n + 1}, 0, '{n:02d}')" for n in range(100))
    copy.run(f"INSERT INTO cards VALUES {cards}")
    before = dict(copy.all("SELECT id, licence FROM cards"))
    copy.mask()
    after = dict(copy.all("SELECT id, licence FROM cards"))
    assert set(after.values()) == set(before.values())
    assert all(after[n] != before[n] for n in before)
    states = copy.all("SELECT state FROM terp_seed_masking WHERE block_no = 0")
    assert states == [("done",)]


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("VARCHAR(4) NOT NULL UNIQUE", "(1, 'C-01')", "and the mark ~ does not fit the 4"),
        ("VARCHAR(9) NOT NULL UNIQUE", "(1, '~-01')", "some values begin with ~"),
        ("INTEGER NOT NULL UNIQUE", "(1, 17)", "is unique and not text"),
    ],
)
def test_what_cannot_be_kept_apart_is_refused_before_the_first_row(
    new_copy: Callable[..., Copy], column: str, values: str, said: str
) -> None:
    copy = new_copy(cards=f"id INTEGER PRIMARY KEY, licence {column}")
    copy.policy(
        "[tables.cards]", 'licence = { class = "license", unique = true, strategy = "tokenise" }'
    )
    copy.run(f"INSERT INTO cards VALUES {values}")
    with pytest.raises(MaskingError, match=said):
        copy.mask()


@pytest.mark.long
def test_any_primary_key_gives_an_order(new_copy: Callable[..., Copy]) -> None:
    """Two columns, and a text that is masked itself."""
    copy = new_copy(
        seats="train VARCHAR(9), seat INTEGER, guest VARCHAR(60), PRIMARY KEY (train, seat)",
        portal="mail VARCHAR(80) PRIMARY KEY, name VARCHAR(60)",
    )
    copy.policy(
        "[tables.seats]",
        'guest = { class = "person_name" }',
        "[tables.portal]",
        'mail = { class = "email" }',
        'name = { class = "person_name" }',
    )
    seats = [f"('{train}', {n}, 'Jane Canary{n}')" for train in ("a", "b") for n in range(1200)]
    copy.run(f"INSERT INTO seats VALUES {', '.join(seats)}")
    mails = [f"('canary-{n}@real-corp.com', 'Jane Canary{n}')" for n in range(2100)]
    copy.run(f"INSERT INTO portal VALUES {', '.join(mails)}")
    with pytest.raises(GuardError, match="the primary key of portal is masked as well"):
        copy.mask()
    copy.settings = replace(copy.settings, backup="none")
    assert copy.mask() == {"seats": 2400, "portal": 2100}
    rows = copy.all("SELECT * FROM seats") + copy.all("SELECT * FROM portal")
    assert CANARY.search(str(rows)) is None
    assert len(rows) == 4500
    assert "~" not in str(rows)
    assert copy.mask() == {}
    kept = str(copy.all("SELECT last_key, columns FROM terp_seed_masking"))
    assert CANARY.search(kept) is None


@pytest.mark.parametrize("kind", ["rows", "dump"])
def test_a_backup_holds_what_was_asked_for_and_no_more(people: Copy, kind: str) -> None:
    """Each is a copy of what was personal, to be deleted one day."""
    people.settings = replace(people.settings, backup=kind)
    people.mask()
    (made,) = evidence(people.settings)["backups"]
    assert Manifest.read(Path(made["folder"])).kinds == [kind]
    assert made["folder"] in evidence_page(evidence(people.settings))


@pytest.mark.parametrize(
    "key",
    [
        ", FOREIGN KEY (mail) REFERENCES parties (mail) ON UPDATE CASCADE",
        "REFERENCES parties (mail) ON UPDATE CASCADE",
        "REFERENCES parties ON UPDATE CASCADE",
    ],
    ids=["of the table", "at the column", "to the primary key"],
)
def test_foreign_keys_between_masked_columns_still_join(
    new_copy: Callable[..., Copy], key: str
) -> None:
    primary = "FOREIGN" not in key and "(" not in key
    copy = new_copy(
        parties=f"id INTEGER {'' if primary else 'PRIMARY KEY'}, "
        f"mail VARCHAR(80) NOT NULL {'PRIMARY KEY' if primary else 'UNIQUE'}",
        visits=f"id INTEGER PRIMARY KEY, mail VARCHAR(80) {key}",
    )
    lines = (
        "[tables.parties]",
        'mail = { class = "email" }',
        "[tables.visits]",
        'mail = { class = "email" }',
    )
    copy.policy(*lines)
    copy.run(
        "INSERT INTO parties VALUES (1, 'canary-1@real-corp.com'), (2, 'canary-2@real-corp.com')"
    )
    copy.run(
        "INSERT INTO visits VALUES (1, 'canary-2@real-corp.com'), (2, 'canary-2@real-corp.com')"
    )
    copy.settings = replace(copy.settings, backup="none")  # one of rows needs their key
    copy.mask()
    joined = "SELECT COUNT(*), MIN(p.id) FROM visits v JOIN parties p ON p.mail = v.mail"
    assert copy.all(joined) == [(2, 2)]
    assert CANARY.search(str(copy.all("SELECT * FROM visits"))) is None
    copy.run(
        "CREATE TABLE calls (id INTEGER PRIMARY KEY, mail VARCHAR(80), "
        "FOREIGN KEY (mail) REFERENCES parties (mail))"
    )
    with pytest.raises(MaskingError, match=r"calls\.mail refers to parties\.mail by a foreign key"):
        copy.mask()


# -- documents


def test_documents_stay_documents(new_copy: Callable[..., Copy]) -> None:
    copy = new_copy(docs="id INTEGER PRIMARY KEY, doc JSON, old TEXT")
    copy.policy(
        "[tables.docs.doc]",
        'class = "json"',
        'paths = { "$.mail" = "email", "$.n" = { pii = false, reason = "a count" } }',
        "[tables.docs.old]",
        'class = "json"',
    )
    docs = [
        '{"mail": "canary-1@real-corp.com", "n": 7, "who": "Canary"}',
        '["Canary"]',
        '"Canary"',
        "null",
        "{}",
    ]
    for n, doc in enumerate(docs, 1):
        copy.run(f"INSERT INTO docs VALUES ({n}, '{doc}', '{doc}')")
    copy.run("INSERT INTO docs VALUES (9, NULL, 'Canary, no document')")
    copy.mask()
    doc = "doc::text" if copy.name == "postgresql" else "doc"
    found = copy.all(f"SELECT {doc}, old FROM docs ORDER BY id")
    assert CANARY.search(str(found)) is None
    first = json.loads(found[0][0])
    assert first.pop("mail").endswith("@example.com")
    assert first == {"n": 7}
    assert [json.loads(old) for _, old in found] == [{}, [], None, None, {}, {}]
    assert found[-1][0] is None


# -- killed, stopped, refused


@pytest.mark.slow
def test_after_kill_9_it_goes_on_and_the_result_is_the_same(
    people: Copy, project: Project, second_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By row number for the telephones and by value for the rest: both as if undisturbed."""
    line = 'phone = { class = "phone", unique = true, layout = "##########" }'
    for url in (str(people.db.url.render_as_string(hide_password=False)), second_database_url):
        copy = Copy(url, people.home, monkeypatch, "staging")
        copy.run("DROP TABLE IF EXISTS people")
        copy.run(
            "CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(60), mail VARCHAR(80), "
            "phone VARCHAR(11) UNIQUE)"
        )
        for start in range(0, 12_000, 4000):
            rows = (
                f"({3 * n}, 'Jane Canary{n}', 'canary-{n}@real-corp.com', '415{n + 2_000_000}')"
                for n in range(start, start + 4000)
            )
            copy.run(f"INSERT INTO people VALUES {', '.join(rows)}")
        if url == second_database_url:
            break
        copy.policy((people.home / "masking.toml").read_text(), line)
        disturbed = copy
        (project.path / "seeds" / "masking.toml").write_text(
            (people.home / "masking.toml").read_text()
        )
        assert stopped_in_the_middle(project, disturbed, signal.SIGKILL) == -signal.SIGKILL
        assert stopped_in_the_middle(project, disturbed, signal.SIGTERM) == 130
    disturbed.mask()
    copy.mask()
    rows = "SELECT * FROM people ORDER BY id"
    assert disturbed.all(rows) == copy.all(rows)
    assert CANARY.search(str(copy.all(rows))) is None
    (done,) = disturbed.all("SELECT row_count, state FROM terp_seed_masking WHERE block_no = 0")
    assert done == (12_000, "done")
    stopped = ["started", "started", "interrupted"]
    assert disturbed.audit() == [*stopped, "started", "masked", "finished"]


def test_an_interrupt_between_two_rows_is_audited_and_leaves_no_lock(people: Copy) -> None:
    """It strikes while a cursor stands in the middle of a block that is read for writing."""
    told: list[str] = []

    @sa.event.listens_for(sa.Engine, "after_cursor_execute")
    def strike(connection: object, cursor: Any, statement: str, *rest: object) -> None:
        def now() -> object:
            signal.raise_signal(signal.SIGTERM)
            return cursor  # which this frame keeps alive as long as the traceback lives

        told.append(statement)
        if "'started'" in "".join(told) and statement.startswith("SELECT") and "mail" in statement:
            now()

    try:
        with pytest.raises(InterruptedRunError, match="SIGTERM"):
            people.mask()
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", strike)
    assert people.audit() == ["started", "interrupted"]
    assert people.mask() == {"people": 7}


def stopped_in_the_middle(project: Project, copy: Copy, how: signal.Signals) -> int:
    """Start masking and send it a signal once another block is committed; how it ended."""
    url = copy.db.url.render_as_string(hide_password=False)
    env = {"TERP_SEED_DATABASE_URL": url, "TERP_SEED_YES": str(copy.settings.yes)}
    before = blocks_done(copy)
    process = project.start("terp-seed", "mask", env={**env, "TERP_SEED_MASK_KEY": KEY})
    while process.poll() is None and blocks_done(copy) <= before:
        time.sleep(0.01)
    process.send_signal(how)
    return process.wait()


def blocks_done(copy: Copy) -> int:
    try:
        ((rows,),) = copy.all("SELECT SUM(row_count) FROM terp_seed_masking WHERE block_no = 0")
    except sa.exc.DBAPIError:
        return 0
    return int(rows or 0)


@pytest.mark.parametrize(
    ("column", "policy", "said"),
    [
        (
            "x VARCHAR(20)",
            'x = { class = "email" }',
            "up to 33 characters",
        ),
        ("x VARCHAR(80) NOT NULL", 'x = { class = "credential" }', "nullify in a NOT NULL"),
        ("x VARCHAR(80) UNIQUE", 'x = { class = "org_name" }', "add unique = true"),
        ("x VARCHAR(80), CHECK (x LIKE '%corp%')", 'x = { class = "email" }', "CHECK"),
        ("x VARCHAR(9)", 'x = { class = "license" }', "neither a letter nor a digit"),
        ("phone VARCHAR(80)", "", r'phone = { class = "phone" }'),
        ("field7 VARCHAR(80)", "", r'field7 = { class = "email" }'),
        ("x VARCHAR(80)", 'x = { pii = false, reason = "a code" }', "is declared pii = false, but"),
        ("x INTEGER", 'mail = { class = "email" }', "the table has no such column"),
        ("birthday DATE", "", "birthday = "),
        ("doc JSON", "", "doc = "),
    ],
)
def test_what_does_not_fit_is_refused_before_the_first_row(
    new_copy: Callable[..., Copy], column: str, policy: str, said: str
) -> None:
    """Length, NULL, unique, CHECK, what cannot be masked; what nobody has classified."""
    copy = new_copy(t=f"id INTEGER PRIMARY KEY, {column}")
    values = {"license": "'---'", "INTEGER": "7", "birthday": "'2001-02-03'", "JSON": "'{}'"}
    value = next((v for k, v in values.items() if k in column + policy), "'jane@real-corp.com'")
    copy.run(f"INSERT INTO t VALUES (1, {value})")
    copy.policy("[tables.t]", policy)
    before = copy.all("SELECT * FROM t")
    with pytest.raises(MaskingError) as caught:
        copy.mask()
    assert said in str(caught.value)
    assert "real-corp" not in str(caught.value)
    assert copy.all("SELECT * FROM t") == before
    assert copy.audit() == []


@pytest.mark.parametrize("last", [1, 250])
def test_an_unclassified_column_is_judged_by_the_rows_at_both_ends(
    new_copy: Callable[..., Copy], last: int
) -> None:
    copy = new_copy(t="id INTEGER PRIMARY KEY, field7 VARCHAR(80)")
    copy.policy("[tables.t]")
    copy.run(f"INSERT INTO t VALUES {', '.join(f'({n}, NULL)' for n in range(1, 251))}")
    copy.run(f"UPDATE t SET field7 = 'jane@real-corp.com' WHERE id = {last}")
    with pytest.raises(MaskingError, match=r'field7 = \{ class = "email" \}'):
        copy.mask()


def test_only_the_tables_asked_for(people: Copy) -> None:
    people.run("CREATE TABLE other (id INTEGER PRIMARY KEY, email VARCHAR(80))")
    assert people.mask("People") == {"people": 7}
    with pytest.raises(MaskingError, match=r"\[tables.other\]\nemail = "):
        people.mask()
    with pytest.raises(UsageError, match="no such table exists"):
        people.mask("persons")


def test_more_rows_than_fictional_numbers_are_known_before(new_copy: Callable[..., Copy]) -> None:
    copy = new_copy(t="id INTEGER PRIMARY KEY, phone VARCHAR(20) UNIQUE")
    copy.policy("[tables.t]", 'phone = { class = "phone", unique = true }')
    rows = ", ".join(f"({n}, {4150000000 + n})" for n in range(1, 45102))
    copy.run(f"INSERT INTO t VALUES {rows}")
    with pytest.raises(MaskingError, match="only 45,100 masked values exist"):
        copy.mask()


@pytest.mark.parametrize("command", [mask_in_place, rehearse])
def test_production_is_refused_whatever_is_said(people: Copy, command: Any) -> None:
    with people.db.begin() as connection:
        stamp(connection, "production", origin="test")
    before = people.all("SELECT * FROM people")
    with pytest.raises(GuardError, match="is stamped production"):
        command(people.settings, MaskOptions(yes=True, again=True))
    for reads in (find_leaks, evidence, forget):
        with pytest.raises(GuardError, match="is stamped production"):
            reads(people.settings)
    assert people.all("SELECT * FROM people") == before


def test_staging_wants_the_databases_name(people: Copy) -> None:
    people.settings = replace(people.settings, yes=None)
    with pytest.raises(GuardError, match="a person who has read the plan"):
        people.mask()
    assert people.all("SELECT COUNT(*) FROM people WHERE mail LIKE '%real-corp%'") == [(7,)]


def test_dev_wants_a_yes(people: Copy) -> None:
    """It destroys what is there, so `terp-seed mask` asks where a seed would not."""
    with people.db.begin() as connection:
        stamp(connection, "dev", origin="test")
    people.settings = replace(people.settings, yes=None)
    with pytest.raises(GuardError, match="answer beforehand"):
        mask_in_place(people.settings, MaskOptions())
    assert people.all("SELECT COUNT(*) FROM people WHERE mail LIKE '%real-corp%'") == [(7,)]


def test_a_dry_run_counts_and_writes_nothing(people: Copy) -> None:
    people.run(
        "UPDATE people SET mail = NULL WHERE id = 2", "UPDATE people SET name = '' WHERE id = 3"
    )
    before = people.all("SELECT * FROM people")
    (done,) = rehearse(people.settings, MaskOptions())
    assert (done.rows, done.values) == (7, {"name": 6, "mail": 6})
    assert people.all("SELECT * FROM people") == before
    assert not sa.inspect(people.db).has_table("terp_seed_masking")


# -- the backup


@pytest.mark.long
def test_a_backup_is_made_first_and_brings_everything_back(toy: Toy) -> None:
    """In staging by default; restored, masked once more, and named by the evidence."""
    toy.execute(
        "INSERT INTO labels (code, wording, extra) VALUES ('a', 'Jane Canary', '[\"Canary\"]')",
        "INSERT INTO labels (code, wording) VALUES ('b', NULL)",
    )
    before = toy.rows("SELECT * FROM labels ORDER BY id")
    (toy.path / "seeds" / "masking.toml").write_text(
        'defaults.unlisted = "detect"\n'
        '[tables.labels]\nwording = { class = "person_name" }\nextra = { class = "json" }\n'
        'not_personal = [{ columns = ["body", "blob", "code"], reason = "a label" }]\n'
    )
    terp_seed = ("terp-seed", "-x", f"url={toy.url}", "-x", toy.consent)
    toy.env["TERP_SEED_MASK_KEY"] = KEY
    with toy.db.begin() as connection:
        stamp(connection, "staging", origin="test")
    toy.run(*terp_seed, "mask")
    masked = toy.rows("SELECT * FROM labels ORDER BY id")
    assert CANARY.search(str(masked)) is None
    report = toy.run(*terp_seed, "mask", "--report", "--json").stdout
    (found,) = json.loads(report)["evidence"]["backups"]
    assert found["before"] == "mask"
    toy.run(*terp_seed, "mask", "--forget")  # without digests only the audit knows
    toy.run(*terp_seed, "restore", found["folder"])
    assert toy.rows("SELECT * FROM labels ORDER BY id") == before
    refused = toy.run(*terp_seed, "mask", check=False)
    assert refused.returncode == 7
    assert "a backup put the originals back since" in refused.stderr
    toy.run(*terp_seed, "mask", "--again")
    assert toy.rows("SELECT * FROM labels ORDER BY id") == masked
    toy.run(*terp_seed, "mask")


def test_a_lock_that_is_lost_keeps_nothing_of_the_block(
    people: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(session: Session, plan: PassPlan, block: RowBlock, masked: MaskedBlock) -> None:
        write_block(session, plan, block, masked)
        if people.name == "sqlite":
            monkeypatch.setattr(FileLock, "owned", lambda lock: False)
        elif people.name == "postgresql":
            session.scalar("SELECT pg_advisory_unlock_all()")
        else:
            session.scalar("SELECT RELEASE_ALL_LOCKS()")

    before = people.all("SELECT * FROM people ORDER BY id")
    with monkeypatch.context() as patched:
        patched.setattr(mask_run, "write_block", lose)
        with pytest.raises(LockError, match="the lock was lost before the commit"):
            people.mask()
    assert people.all("SELECT * FROM people ORDER BY id") == before


def test_rows_without_a_primary_key_have_no_order(new_copy: Callable[..., Copy]) -> None:
    copy = new_copy(t="mail VARCHAR(80)", u="code VARCHAR(9)")
    copy.policy(
        "[tables.t]",
        'mail = { class = "email" }',
        "[tables.u]",
        'code = { pii = false, reason = "a number" }',
    )
    copy.run("INSERT INTO t VALUES ('jane@real-corp.com')")
    with pytest.raises(MaskingError) as caught:
        copy.mask()
    assert str(caught.value).count("no primary key") == 1
    assert "t has no primary key, so its rows have no order; give it one" in str(caught.value)


# -- the seeds' own rows


def test_the_rows_of_the_seeds_are_left_alone(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made up or imported: a rollback must find them as they were written."""
    toy.upgrade()
    seeded = toy.rows("SELECT * FROM labels ORDER BY id")
    pairs = toy.rows("SELECT * FROM pairs ORDER BY left_code, right_code")
    toy.execute(
        "INSERT INTO labels (code, wording) VALUES ('own', 'Jane Canary')",
        "INSERT INTO pairs VALUES ('Jane Canary', 'x', 1)",
    )
    copy = Copy(toy.url, toy.path / "seeds", monkeypatch, "staging")
    copy.settings = replace(copy.settings, backup="none")
    copy.policy(
        "[tables.labels]",
        'wording = { class = "person_name" }',
        'not_personal = [{ columns = ["extra", "body", "blob", "code"], reason = "a label" }]',
        "[tables.pairs]",
        'left_code = { class = "code" }',
    )
    copy.mask()
    assert toy.rows("SELECT * FROM labels ORDER BY id")[:-1] == seeded
    assert set(pairs) < set(toy.rows("SELECT * FROM pairs"))
    assert (
        CANARY.search(str(toy.rows("SELECT * FROM labels") + toy.rows("SELECT * FROM pairs")))
        is None
    )
    told = {each["table"]: each["seeded"] for each in evidence(copy.settings)["tables"]}
    assert (told["labels"], told["crates"]) == ({"imported": 3}, {"synthetic": 12})
    toy.downgrade("base", toy.consent)
    assert toy.counts() == {"labels": 1, "pairs": 1}


def seeded_people(toy: Toy, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Copy:
    """Two imported people, who are masked where the revision goes in, but in production."""
    columns = "id INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER, name VARCHAR(60)"
    toy.execute(f"CREATE TABLE people ({columns})")
    copy = Copy(toy.url, toy.path / "seeds", monkeypatch, "staging")
    copy.settings = replace(copy.settings, backup="none")
    copy.policy(
        (copy.home / "masking.toml").read_text(),
        "[tables.people]",
        'name = { class = "person_name", production = { strategy = "keep", reason = "ours" } }',
    )
    rows = [{"number": number, "name": f"Jane Canary{number}"} for number in (1, 2)]
    toy.only("0001_people", f'op.seed_rows("people", {rows}, key=["number"])', **more)
    return copy


def test_rows_that_were_seeded_in_production_are_no_seeds_own_in_a_copy(
    sqlite_toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They went in as they are."""
    toy = sqlite_toy
    head = 'environments = ("staging", "production")'
    copy = seeded_people(toy, monkeypatch, head=head)
    toy.terp_seed("env", "stamp", "production", x=(toy.consent,))
    toy.upgrade("head", toy.consent)
    assert len(CANARY.findall(str(toy.rows("SELECT * FROM people")))) == 2
    toy.terp_seed("env", "stamp", "staging", x=(toy.consent,))
    assert copy.mask("people") == {"people": 2}
    assert CANARY.findall(str(toy.rows("SELECT * FROM people"))) == []


def test_a_row_that_a_rollback_kept_is_somebodys_by_now(
    sqlite_toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = sqlite_toy
    copy = seeded_people(toy, monkeypatch)
    toy.upgrade("head", toy.consent)
    toy.execute("UPDATE people SET name = 'Jane Canary3' WHERE id = 1")
    toy.downgrade("base", toy.consent, "on-edited=keep")
    assert copy.mask("people") == {"people": 1}
    assert CANARY.findall(str(toy.rows("SELECT * FROM people"))) == []


def test_a_backup_holds_the_rows_beside_the_seeds_own(
    sqlite_toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each old value with the key of its own row, wherever a seeded row lies between."""
    toy = sqlite_toy
    toy.execute("CREATE TABLE people (code VARCHAR(9) PRIMARY KEY, name VARCHAR(60))")
    copy = Copy(toy.url, toy.path / "seeds", monkeypatch, "staging")
    policy = (copy.home / "masking.toml").read_text()
    copy.policy(policy, "[tables.people]", 'name = { class = "person_name" }')
    seeded = '[{"code": "m", "name": "Some One"}]'
    toy.only("0001_people", f'op.seed_rows("people", {seeded}, key=["code"], id=None)')
    toy.upgrade("head", toy.consent)
    toy.execute("INSERT INTO people VALUES ('a', 'Jane Canary1'), ('z', 'Jane Canary2')")
    before = toy.rows("SELECT * FROM people ORDER BY code")
    assert copy.mask("people") == {"people": 3}
    masked = toy.rows("SELECT * FROM people ORDER BY code")
    assert (masked[1], CANARY.search(str(masked))) == (before[1], None)
    (made,) = evidence(copy.settings)["backups"]
    toy.terp_seed("restore", made["folder"], x=(toy.consent,))
    assert toy.rows("SELECT * FROM people ORDER BY code") == before


# -- what is left


def test_the_leak_check_finds_one_row_anywhere(people: Copy) -> None:
    people.run("CREATE TABLE logs (id INTEGER PRIMARY KEY, line VARCHAR(200), doc JSON)")
    lines = [
        'line = { pii = false, reason = "x" }',
        'doc = { class = "json", strategy = "keep", reason = "y" }',
    ]
    people.policy((people.home / "masking.toml").read_text(), "[tables.logs]", *lines)
    people.mask()
    assert people.leaks() == set()
    people.run(
        "INSERT INTO logs VALUES (1, 'JANE  Canary3, called', '{}'), "
        "(2, 'ring 415-867-5309', '{}'), "
        "(3, 'tax 12-3456789', '{}'), (4, '4539148803436467', '{}'), (5, 'x@real-corp.com', '{}')",
        "UPDATE people SET mail = 'ask Jane' WHERE id = 4",
    )
    assert people.leaks() == {
        ("logs", "line", "an original"),
        ("logs", "line", "live phone"),
        ("logs", "line", "live tax_id"),
        ("logs", "line", "live card"),
        ("logs", "line", "live email"),
        ("people", "mail", "outside the reserved email range"),
    }
    assert people.leaks("people") == {("people", "mail", "outside the reserved email range")}
    people.key(None)
    with pytest.raises(MaskingError, match="the originals are kept under key"):
        people.leaks()
    people.key(KEY)
    assert forget(people.settings) == 1
    assert ("logs", "line", "an original") not in people.leaks()


def test_the_leak_check_needs_no_books_and_makes_none(people: Copy) -> None:
    assert ("people", "mail", "live email") in people.leaks()
    assert not sa.inspect(people.db).has_table("terp_seed_audit")


def test_a_find_is_a_count_and_its_first_keys(people: Copy) -> None:
    people.mask()
    people.run("UPDATE people SET mail = 'x@real-corp.com' WHERE id > 1")
    found = find_leaks(people.settings, ["people"])
    (leak,) = found.leaks
    assert (leak.found, leak.rows) == ("live email", 6)
    assert leak.first_keys == [f"id {n}" for n in range(2, 7)]
    assert (found.tables, found.columns, found.rows, found.originals) == (1, 2, 7, 14)
    kept = evidence(people.settings)["scan"]
    assert kept["only"] == ["people"]
    assert kept["leaks"] == [
        {"table": "people", "column": "mail", "found": "live email", "rows": 6}
    ]
    assert [kept[each] for each in ("rows_read", "columns", "tables", "originals")] == [7, 2, 1, 14]
    page = evidence_page(evidence(people.settings))
    assert "1 finds in 7 rows, 2 columns, 1 tables; compared with 14 originals" in page
    assert "\n| people | mail | live email | 6 |\n" in page


def test_what_the_server_itself_still_keeps_is_asked_of_it(people: Copy) -> None:
    people.mask()
    if people.name == "sqlite":
        assert kept_by(people)["the rollback journal"]["now"] == "journal_mode is delete"
        people.all("PRAGMA journal_mode = wal")
        assert kept_by(people)["the -wal file"]["duty"].startswith("run PRAGMA wal_checkpoint")
        return
    if people.name == "postgresql":
        found = kept_by(people)
        files = found["table files: dead row versions"]
        assert files["duty"].startswith('run VACUUM FULL "people", which')
        log = found["the server's log: the statements of the restore"]
        assert log["now"] == "log_statement is none"
        assert found["write-ahead log"]["now"] == "archive_mode is off"
        return
    found, names = kept_by(people), ("log_bin", "general_log", "slow_query_log")
    ((*values,),) = people.all(f"SELECT {', '.join(f'@@{name}' for name in names)}")
    binary, *logs = (f"{n} is {'ON' if v else 'OFF'}" for n, v in zip(names, values, strict=True))
    log = found["binary log: every row as it was and as it is"]
    assert log["now"] == binary
    assert ("PURGE BINARY LOGS" in log["duty"]) == bool(values[0])
    log = found["general and slow query log: the statements of the restore"]
    assert log["now"] == ", ".join(logs)
    files = found["table files: old row versions, pages not reused yet"]
    assert files["duty"].startswith("run OPTIMIZE TABLE `people`, which")


def kept_by(copy: Copy) -> dict[str, dict[str, str]]:
    """Where the evidence says that originals may still be."""
    return {each["where"]: each for each in evidence(copy.settings)["copies"]}


def test_the_evidence_says_what_was_done(people: Copy) -> None:
    people.run("CREATE TABLE codes (id INTEGER PRIMARY KEY, code VARCHAR(9))")
    people.run("INSERT INTO codes VALUES (1, 'A-1')")
    people.policy(
        (people.home / "masking.toml").read_text(),
        "[tables.codes]",
        'code = { class = "code", strategy = "keep", reason = "says nothing | of a party" }',
    )
    assert "not masked" in evidence(people.settings)["status"]
    people.mask()
    assert "not made yet" in evidence_page(evidence(people.settings))
    people.leaks()
    found = evidence(people.settings)
    page = evidence_page(found)
    assert found["status"].startswith("pseudonymised: for whoever holds the key")
    assert found["scan"]["originals"] == 14
    masked = {row["table"]: row["masked_in_place"] for row in found["tables"]}
    assert masked == {"codes": 0, "people": 7}
    columns = [(row["table"], row["column"], row["strategy"]) for row in found["columns"]]
    assert columns == [("people", "name", "substitute"), ("people", "mail", "pseudonymise")]
    assert "says nothing \\| of a party" in page
    assert "| people | mail | email | pseudonymise | email | done |" in page
    anew = {"sqlite": "VACUUM", "postgresql": "VACUUM FULL"}
    assert anew.get(people.name, "OPTIMIZE TABLE") in page
    assert CANARY.search(page) is None
    assert "anonym" not in page.lower().replace("pseudonym", "")
    assert found["key_ids"][0] in page
    assert KEY not in page


def test_what_keeps_its_shape_may_look_like_a_telephone(new_copy: Callable[..., Copy]) -> None:
    """Numbers of accounts come out of the shape of accounts; another column's do not."""
    copy = new_copy(
        banks="id INTEGER PRIMARY KEY, account VARCHAR(40), phone VARCHAR(40), note VARCHAR(40)"
    )
    rows = ", ".join(f"({n}, '212-{n + 600}-7755', '212-867-{n + 5000}', NULL)" for n in range(60))
    copy.run(f"INSERT INTO banks VALUES {rows}")
    copy.policy(
        "[tables.banks]",
        'account = { class = "account" }',
        'phone = { class = "phone" }',
        'note = { class = "free_text" }',
    )
    copy.mask()
    assert copy.leaks() == set()
    copy.run("UPDATE banks SET note = '212-867-4999' WHERE id = 3")
    copy.run("UPDATE banks SET account = 'jane@real-corp.com' WHERE id = 4")
    assert copy.leaks() == {("banks", "note", "live phone"), ("banks", "account", "live email")}


def test_what_is_nested_in_encodings_is_found_in_the_copy(people: Copy) -> None:
    """A live value and an original, in base64 of a document and in a document in a document."""
    people.run("CREATE TABLE hooks (id INTEGER PRIMARY KEY, body VARCHAR(400))")
    people.mask()
    live, original = '{"by": "jane@real-corp.com"}', '{"by": "Jane Canary3"}'
    for at, text in enumerate((live, original)):
        escaped = json.dumps({"inner": text.replace("@", "\\u0040")})
        for place, body in enumerate((b64encode(text.encode()).decode(), escaped)):
            with people.db.begin() as connection:
                values = {"id": 10 * at + place, "body": body}
                connection.execute(sa.text("INSERT INTO hooks VALUES (:id, :body)"), values)
    found = {(leak.found, leak.rows) for leak in find_leaks(people.settings).leaks}
    assert found == {("live email", 2), ("an original", 2)}


def test_bytes_and_amounts_are_masked_only_if_the_policy_names_them(
    new_copy: Callable[..., Copy],
) -> None:
    copy = new_copy()
    table = sa.Table(
        "scans",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("face", sa.LargeBinary),
        sa.Column("page", sa.LargeBinary),
        sa.Column("paid", sa.Numeric(12, 2)),
        sa.Column("due", sa.Numeric(12, 2)),
    )
    table.create(copy.db)
    rows = {"id": 1, "face": b"\0face", "page": b"\0page", "paid": 1234, "due": 1234}
    with copy.db.begin() as connection:
        connection.execute(table.insert(), rows)
    copy.policy(
        "[tables.scans]",
        'face = { class = "file" }',
        'paid = { class = "amount", band = 1000, strategy = "generalise" }',
        'not_personal = [{ columns = ["page", "due"], reason = "of goods" }]',
    )
    copy.mask()
    with copy.db.connect() as connection:
        ((*found,),) = connection.execute(sa.select(table))
    assert found == [1, None, b"\0page", 1000, 1234]


def test_what_is_no_json_is_emptied(new_copy: Callable[..., Copy]) -> None:
    """Python's parser takes NaN, which no engine's JSON has."""
    copy = new_copy("staging")
    copy.run(
        "CREATE TABLE one (no INTEGER PRIMARY KEY, doc TEXT)",
        """INSERT INTO one VALUES (1, '{"a": NaN, "mail": "canary-1@real-corp.com"}'),
           (2, '{"a": [-Infinity]}'), (3, '{"a": 1.5}')""",
    )
    copy.policy("[tables.one]", 'doc = { class = "json", strategy = "scrub_text" }')
    copy.mask()
    assert [doc for (doc,) in copy.all("SELECT doc FROM one ORDER BY no")] == [
        "{}",
        "{}",
        '{"a": 1.5}',
    ]


def test_a_key_without_a_literal_is_named(new_copy: Callable[..., Copy]) -> None:
    copy = new_copy("staging")
    if copy.name == "mysql":  # and MariaDB: their columns hold no infinity
        return
    infinite = "9e999" if copy.name == "sqlite" else "'Infinity'"
    copy.run(
        "CREATE TABLE one (no DOUBLE PRECISION PRIMARY KEY, mail TEXT)",
        f"INSERT INTO one VALUES ({infinite}, 'canary-1@real-corp.com')",
    )
    copy.policy("[tables.one]", 'mail = { class = "email" }')
    with pytest.raises(MaskingError, match="one: a value that was read cannot be written, SQL has"):
        copy.mask()
