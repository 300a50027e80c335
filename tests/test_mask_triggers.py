"""What triggers copy away while rows are masked is masked as well, or the run says where it is."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from copies import Copy
from production import CANARY

from terp_seed.errors import InterruptedRunError, MaskingError, VerificationError
from terp_seed.mask_database.evidence import evidence, evidence_page
from terp_seed.mask_database.run import MaskOptions, rehearse


def trigger(copy: Copy, table: str, does: str, name: str = "keep_history") -> None:
    """Run a statement after each UPDATE of a row of a table."""
    body = f"BEGIN {does}; END"
    if copy.name == "postgresql":
        text = f"BEGIN {does}; RETURN NULL; END"
        copy.run(f"CREATE FUNCTION f_{name}() RETURNS trigger LANGUAGE plpgsql AS $${text}$$")
        body = f"EXECUTE FUNCTION f_{name}()"
    copy.run(f"CREATE TRIGGER {name} AFTER UPDATE ON {table} FOR EACH ROW {body}")


def counted(copy: Copy) -> str:
    """The type of a key that counts itself."""
    kinds = {"sqlite": "INTEGER PRIMARY KEY", "postgresql": "SERIAL PRIMARY KEY"}
    return kinds.get(copy.name, "INTEGER PRIMARY KEY AUTO_INCREMENT")


HISTORY = "[tables.{0}]", 'mail = {{ class = "email" }}'


@pytest.mark.parametrize("name", ["aa_history", "zz_history"])
@pytest.mark.parametrize("before", [0, 3], ids=["empty", "filled"])
def test_history_that_the_policy_lists_is_masked_with_its_source(
    people: Copy, name: str, before: int
) -> None:
    """Wherever its name sorts, and whatever it held."""
    people.run(f"CREATE TABLE {name} (no {counted(people)}, mail VARCHAR(80))")
    for n in range(before):
        people.run(f"INSERT INTO {name} (mail) VALUES ('canary-old{n}@real-corp.com')")
    trigger(people, "people", f"INSERT INTO {name} (mail) VALUES (OLD.mail)")
    policy = (people.home / "masking.toml").read_text()
    people.policy(policy, f"[tables.{name}]", 'mail = { class = "email" }')
    assert people.mask() == {"people": 7, name: 7 + before}
    assert CANARY.findall(str(people.all(f"SELECT * FROM {name}"))) == []
    assert len(people.all(f"SELECT mail FROM {name} JOIN people USING (mail)")) == 7
    assert people.mask() == {}
    found = evidence(people.settings)
    assert found["triggers"] == [{"trigger": "keep_history of people", "rows": 7}]
    assert "| keep_history of people | 7 |" in evidence_page(found)


def test_two_tables_whose_triggers_write_to_each_other(new_copy: Callable[..., Copy]) -> None:
    """Each round adds rows to the other: it ends where nothing new comes, and else is refused."""
    copy = new_copy("staging")
    for name in ("one", "two"):
        copy.run(f"CREATE TABLE {name} (no {counted(copy)}, mail VARCHAR(80))")
    copy.policy(
        "[tables.one]", 'mail = { class = "email" }', "[tables.two]", 'mail = { class = "email" }'
    )
    copy.run("INSERT INTO one (mail) VALUES ('canary-1@real-corp.com')")
    trigger(copy, "one", "INSERT INTO two (mail) VALUES (OLD.mail)", "to_two")
    trigger(copy, "two", "INSERT INTO one (mail) VALUES (OLD.mail)", "to_one")
    with pytest.raises(MaskingError, match="rows that are not masked are left in") as told:
        copy.mask()
    assert "to_two of one" in str(told.value)
    assert "to_one of two" in str(told.value)
    assert copy.audit()[-1] == "failed"
    copy.run(f"DROP TRIGGER to_one{' ON two' if copy.name == 'postgresql' else ''}")
    copy.mask()
    rows = copy.all("SELECT mail FROM one UNION ALL SELECT mail FROM two")
    assert CANARY.findall(str(rows)) == []


def test_a_table_that_keeps_its_own_history_ends(new_copy: Callable[..., Copy]) -> None:
    """On MariaDB a trigger cannot write to its own table."""
    copy = new_copy("staging")
    if copy.name not in ("sqlite", "postgresql"):
        return
    copy.run(f"CREATE TABLE one (no {counted(copy)}, mail VARCHAR(80))")
    copy.policy("[tables.one]", 'mail = { class = "email" }')
    rows = ", ".join(f"('canary-{n}@real-corp.com')" for n in range(2100))
    copy.run(f"INSERT INTO one (mail) VALUES {rows}")
    trigger(copy, "one", "INSERT INTO one (mail) VALUES (OLD.mail)")
    with pytest.raises(MaskingError, match="are left in one: triggers add some each time"):
        copy.mask()
    assert copy.all("SELECT COUNT(*) FROM one") == [(2100 * 6,)]


def test_rows_among_masked_ones_are_named_with_the_trigger(people: Copy) -> None:
    """History was masked before; what a trigger puts between its rows cannot be told from them."""
    people.run(
        "CREATE TABLE history (id INTEGER PRIMARY KEY, mail VARCHAR(80))",
        "INSERT INTO history VALUES (900, 'canary-900@real-corp.com')",
    )
    policy = (people.home / "masking.toml").read_text()
    people.policy(policy, "[tables.history]", 'mail = { class = "email" }')
    people.mask("history")
    trigger(people, "people", "INSERT INTO history VALUES (OLD.id, OLD.mail)")
    said = r"history: 7 rows were added .*drop triggers .*\(keep_history of people\)"
    with pytest.raises(MaskingError, match=said):
        people.mask()
    assert people.audit()[-1] == "failed"


def test_growth_of_a_table_that_is_not_masked_is_named(people: Copy) -> None:
    people.run("CREATE TABLE history (id INTEGER PRIMARY KEY, line VARCHAR(200))")
    trigger(people, "people", "INSERT INTO history VALUES (OLD.id, OLD.name)")
    (plan,) = rehearse(people.settings, MaskOptions())
    assert plan.triggers == ("keep_history of people",)
    with pytest.raises(VerificationError, match=r"grew meanwhile: history \(7 rows\)") as told:
        people.mask()
    assert "triggers that fired: keep_history of people" in str(told.value)
    assert people.audit() == ["started", "masked", "grown", "finished"]
    assert people.leaks() == {("history", "line", "an original")}
    assert evidence(people.settings)["grown"] == [{"table": "history", "rows": 7}]
    people.policy(
        (people.home / "masking.toml").read_text(),
        "[tables.history]",
        'line = { class = "person_name" }',
    )
    assert people.mask() == {"people": 0, "history": 7}
    assert people.leaks() == set()
    assert evidence(people.settings)["grown"] == []


def test_growth_is_named_also_by_the_run_that_continues(
    people: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.run("CREATE TABLE history (id INTEGER PRIMARY KEY, line VARCHAR(200))")
    trigger(people, "people", "INSERT INTO history VALUES (OLD.id, OLD.name)")

    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def strike(connection: object, cursor: Any, statement: str, *rest: object) -> None:
        if "'masked'" in statement:
            signal.raise_signal(signal.SIGTERM)

    try:
        with pytest.raises(InterruptedRunError, match="SIGTERM"):
            people.mask()
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", strike)
    with pytest.raises(VerificationError, match=r"grew meanwhile: history \(7 rows\)"):
        people.mask()


def test_a_trigger_that_puts_originals_back_is_found_before_the_first_row(people: Copy) -> None:
    people.run("ALTER TABLE people ADD COLUMN was VARCHAR(80)")
    people.policy((people.home / "masking.toml").read_text(), 'was = { class = "email" }')
    people.run("UPDATE people SET was = 'canary-0@real-corp.com'")
    put = "NEW.was := OLD.mail" if people.name == "postgresql" else "SET NEW.was = OLD.mail"
    if people.name == "sqlite":
        trigger(people, "people", "UPDATE people SET was = OLD.mail WHERE id = OLD.id")
    elif people.name == "postgresql":
        people.run(
            "CREATE FUNCTION put() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$BEGIN {put}; RETURN NEW; END$$",
            "CREATE TRIGGER keep_history BEFORE UPDATE ON people FOR EACH ROW "
            "EXECUTE FUNCTION put()",
        )
    else:
        people.run(f"CREATE TRIGGER keep_history BEFORE UPDATE ON people FOR EACH ROW {put}")
    before = people.all("SELECT * FROM people ORDER BY id")
    with pytest.raises(MaskingError, match=r"people\.was holds an original after it was masked"):
        people.mask()
    assert people.all("SELECT * FROM people ORDER BY id") == before


def test_triggers_of_rows_that_are_taken_along_are_named(new_copy: Callable[..., Copy]) -> None:
    copy = new_copy(
        parties="id INTEGER PRIMARY KEY, mail VARCHAR(80) NOT NULL UNIQUE",
        visits="id INTEGER PRIMARY KEY, mail VARCHAR(80), "
        "FOREIGN KEY (mail) REFERENCES parties (mail) ON UPDATE CASCADE",
        notes="id INTEGER PRIMARY KEY, line VARCHAR(80)",
    )
    copy.settings = replace(copy.settings, backup="none")
    copy.policy("[tables.parties]", 'mail = { class = "email" }')
    copy.run(
        "INSERT INTO parties VALUES (1, 'canary-1@real-corp.com')",
        "INSERT INTO visits VALUES (1, 'canary-1@real-corp.com')",
    )
    trigger(copy, "visits", "INSERT INTO notes VALUES (OLD.id, OLD.mail)")
    copy.policy(
        (copy.home / "masking.toml").read_text(),
        "[tables.visits]",
        'mail = { class = "email" }',
    )
    if copy.name in ("sqlite", "postgresql"):
        with pytest.raises(VerificationError, match="keep_history of visits"):
            copy.mask()
    else:  # a foreign key sets off no trigger there
        assert copy.mask() == {"parties": 1}
        assert evidence(copy.settings)["triggers"] == []


def test_a_trigger_that_updates_another_masked_table_is_refused(people: Copy) -> None:
    """What it copies there leaves no new row; nothing is masked before it is dropped."""
    people.run("CREATE TABLE mails (id INTEGER PRIMARY KEY, was VARCHAR(80))")
    people.run("INSERT INTO mails VALUES (1, 'canary-1@real-corp.com')")
    policy = (people.home / "masking.toml").read_text()
    people.policy(policy, "[tables.mails]", 'was = { class = "email" }')
    trigger(people, "people", "UPDATE mails SET was = OLD.mail WHERE id = OLD.id")
    before = people.all("SELECT * FROM people ORDER BY id")
    with pytest.raises(MaskingError, match="keep_history of people updates rows of mails"):
        people.mask()
    assert people.all("SELECT * FROM people ORDER BY id") == before
    on = " ON people" if people.name == "postgresql" else ""
    people.run(f"DROP TRIGGER keep_history{on}")
    people.mask()
    assert CANARY.findall(str(people.all("SELECT * FROM people, mails"))) == []


def test_masked_notes_that_a_trigger_copies_are_no_originals(new_copy: Callable[..., Copy]) -> None:
    """After a correction, the rows that are masked once more hold what masking made of them."""
    copy = new_copy(notes="id INTEGER PRIMARY KEY, note VARCHAR(200)")
    copy.run(f"CREATE TABLE zz_history (no {counted(copy)}, note VARCHAR(200))")
    rows = ", ".join(f"({n}, 'ring 212-867-53{n:02d} on day {n}, please')" for n in range(10, 30))
    copy.run(f"INSERT INTO notes VALUES {rows}")
    trigger(copy, "notes", "INSERT INTO zz_history (note) VALUES (OLD.note)")
    for strategy in ("scrub_text", "redact"):
        entry = 'note = {{ class = "free_text", strategy = "{0}" }}'.format
        copy.policy("[tables.notes]", entry(strategy), "[tables.zz_history]", entry("scrub_text"))
        copy.mask()
        assert copy.leaks() == set()
        assert copy.mask() == {}
