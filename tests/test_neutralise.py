"""What a copy must not do any more is undone before it is masked, checked first, and verified."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import terp_full
from copies import Copy, add_people
from production import KEY
from toys import Toy

from terp_seed.database.environment_stamp import neutralised, stamp
from terp_seed.errors import InterruptedRunError, MaskingError, UsageError
from terp_seed.mask_database.evidence import evidence, evidence_page
from terp_seed.mask_database.neutralise import carry_out, try_steps
from terp_seed.mask_database.run import MaskOptions, begun, rehearse_steps
from terp_seed.masking.policy_file import load_policy

ROOT = Path(__file__).resolve().parent.parent
PEOPLE = "[tables.people]", 'name = { class = "person_name" }', 'mail = { class = "email" }'
HOOKS = "[tables.hooks]", 'url = { pii = false, reason = "a place of ours" }'


@pytest.fixture
def hooks(people: Copy) -> Copy:
    """The people, three webhooks and two tokens."""
    people.run(
        "CREATE TABLE hooks (id INTEGER PRIMARY KEY, url VARCHAR(80), on_ BOOLEAN NOT NULL, "
        "state VARCHAR(9), next DATE, rate NUMERIC(6, 2))",
        "INSERT INTO hooks VALUES (1, 'https://a', TRUE, 'new', '2026-01-02', 1.5), "
        "(2, 'https://b', FALSE, NULL, NULL, NULL), (3, NULL, TRUE, 'old', NULL, 2)",
        "CREATE TABLE tokens (id INTEGER PRIMARY KEY, hook_id INTEGER)",
        "INSERT INTO tokens VALUES (1, 1), (2, NULL)",
    )
    return people


def steps(copy: Copy, *lines: str) -> None:
    copy.policy(*PEOPLE, *HOOKS, "[neutralise]", *lines)


def flag(copy: Copy) -> str | None:
    with copy.db.connect() as connection:
        found = neutralised(connection)
    return None if found is None else found[0]


def test_steps_run_before_masking_and_are_verified(hooks: Copy) -> None:
    steps(
        hooks,
        'hooks = [{ set = { on_ = false, state = "off", next = 2030-01-01, rate = 0 }, '
        'null = ["url"] }]',
        'tokens = { delete = true, where = "id < 2 -- not all" }',
        "queue = { delete = true, optional = true }",
    )
    found = [(step.table, step.rows) for step in rehearse_steps(hooks.settings, MaskOptions())]
    assert found == [("hooks", 3), ("tokens", 1)]
    kinds = {("hooks", "on_, state, next, rate, url", "not neutralised")}
    assert {leak for leak in hooks.leaks() if "neutral" in leak[2]} >= kinds
    assert flag(hooks) is None
    assert hooks.mask() == {"people": 7}
    assert hooks.audit()[-5:] == ["started", "neutralised", "neutralised", "masked", "finished"]
    rows = hooks.all("SELECT url, on_, state, next, rate FROM hooks")
    assert {(u, bool(on), s, str(n), float(r)) for u, on, s, n, r in rows} == {
        (None, False, "off", "2030-01-01", 0.0)
    }
    assert hooks.all("SELECT id FROM tokens") == [(2,)]
    assert hooks.leaks() == set()
    assert flag(hooks) is not None
    assert hooks.mask() == {}
    report = evidence(hooks.settings)
    assert [row["rows"] for row in report["steps"]] == [3, 1]
    assert "tokens: delete where id < 2 -- not all" in evidence_page(report)
    assert str(report["neutralised"]).startswith(str(flag(hooks)))


def test_rows_that_come_later_and_a_corrected_step_are_due_again(hooks: Copy) -> None:
    steps(hooks, 'hooks = { set = { state = "off" }, where = "id < 3" }')
    hooks.mask()
    first = flag(hooks)
    assert sorted(hooks.all("SELECT id, state FROM hooks"))[2] == (3, "old")
    hooks.run("UPDATE hooks SET state = 'on' WHERE id = 1")
    assert ("hooks", "state", "not neutralised") in hooks.leaks()
    hooks.mask()
    steps(hooks, 'hooks = { set = { state = "off" } }')
    hooks.mask()
    assert {state for (state,) in hooks.all("SELECT state FROM hooks")} == {"off"}
    assert flag(hooks) != first


def test_the_flag_survives_another_stamp_and_says_nothing_of_a_part(hooks: Copy) -> None:
    steps(hooks, 'hooks = { set = { state = "off" } }')
    hooks.mask("people")
    assert flag(hooks) is None
    assert hooks.all("SELECT state FROM hooks WHERE id = 1") == [("new",)]
    hooks.mask()
    before = flag(hooks)
    with hooks.db.begin() as connection:
        stamp(connection, "dev", origin="test")
    assert flag(hooks) == before is not None


def test_after_a_stop_between_two_steps_the_next_run_does_the_rest(
    hooks: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps(hooks, 'hooks = { set = { state = "off" } }', "tokens = { delete = true }")

    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def strike(connection: object, cursor: Any, statement: str, *rest: object) -> None:
        if "'neutralised'" in statement and "tokens" in statement:
            signal.raise_signal(signal.SIGTERM)

    try:
        with pytest.raises(InterruptedRunError, match="SIGTERM"):
            hooks.mask()
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", strike)
    assert hooks.all("SELECT COUNT(*) FROM tokens") == [(2,)]
    assert {state for (state,) in hooks.all("SELECT state FROM hooks")} == {"off"}
    assert flag(hooks) is None
    hooks.mask()
    assert hooks.all("SELECT COUNT(*) FROM tokens") == [(0,)]
    assert flag(hooks) is not None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("queue = { delete = true }", "queue: delete: no such table exists"),
        ("hooks = { set = { off = true } }", "the table has no column off"),
        ("hooks = { set = { id = 7 } }", "id is a key or is computed"),
        ('hooks = { null = ["on_"] }', "on_ is NOT NULL"),
        ('hooks = { set = { on_ = "no" } }', "which does not hold str"),
        ("hooks = { set = { state = 7 } }", "which does not hold int"),
        ('hooks = { set = { next = "soon" } }', "which does not hold str"),
        ('hooks = { set = { state = "much too long" } }', "state holds 9 characters"),
        ('hooks = { delete = true, where = "nothing = 1" }', "does not take the condition"),
        ('hooks = { delete = true, where = "id = 1) OR (1 = 1" }', "its brackets do not pair"),
        ('hooks = { delete = true, where = "1=1; DROP TABLE hooks" }', "without a semicolon"),
        ("terp_seed_audit = { delete = true }", "no such table exists"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_first_row(
    hooks: Copy, line: str, said: str
) -> None:
    steps(hooks, line)
    before = hooks.all("SELECT * FROM hooks")
    with pytest.raises(MaskingError) as told:
        hooks.mask()
    assert said in str(told.value)
    assert hooks.all("SELECT * FROM hooks") == before
    assert hooks.audit() == []


def test_rows_that_others_refer_to_are_deleted_after_those(hooks: Copy) -> None:
    hooks.run(
        "CREATE TABLE sends (id INTEGER PRIMARY KEY, hook_id INTEGER, "
        "FOREIGN KEY (hook_id) REFERENCES hooks (id) ON DELETE CASCADE)",
        "INSERT INTO sends VALUES (1, 1)",
    )
    steps(hooks, "hooks = { delete = true }")
    with pytest.raises(MaskingError, match="1 rows of sends refer to rows that would be deleted"):
        hooks.mask()
    assert hooks.all("SELECT COUNT(*) FROM sends") == [(1,)]
    steps(hooks, "sends = { delete = true }", "hooks = { delete = true }")
    hooks.mask()
    assert hooks.all("SELECT COUNT(*) FROM hooks") == [(0,)]


def test_what_only_the_database_can_judge_is_tried_and_undone(hooks: Copy) -> None:
    hooks.run("CREATE UNIQUE INDEX one_url ON hooks (url)")
    steps(hooks, "tokens = { delete = true }", 'hooks = { set = { url = "x" } }')
    with pytest.raises(MaskingError, match="nothing was written"):
        hooks.mask()
    assert hooks.all("SELECT COUNT(*) FROM tokens") == [(2,)]
    assert hooks.audit() == []


def test_a_trigger_is_not_set_off(hooks: Copy) -> None:
    body = "BEGIN DELETE FROM tokens; END"
    if hooks.name == "postgresql":
        text = "$$BEGIN DELETE FROM tokens; RETURN NULL; END$$"
        hooks.run(f"CREATE FUNCTION f_gone() RETURNS trigger LANGUAGE plpgsql AS {text}")
        body = "EXECUTE FUNCTION f_gone()"
    hooks.run(f"CREATE TRIGGER gone AFTER DELETE ON hooks FOR EACH ROW {body}")
    steps(hooks, "hooks = { delete = true }")
    with pytest.raises(MaskingError, match="would set off the trigger gone"):
        hooks.mask()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("hooks = true", "each step is"),
        ("hooks = {}", "either delete = true, or set and null"),
        ("hooks = { delete = true, set = { a = 1 } }", "either delete = true, or set and null"),
        ("hooks = { sets = { a = 1 } }", "unknown key 'sets'"),
        ("hooks = { set = { a = [1979-05-27] } }", "set is a table of columns with literals"),
        ('hooks = { null = "a" }', "null is a list of columns"),
        ('hooks = { delete = "yes" }', "delete and optional are true or false"),
        ("hooks = { delete = true, where = 1 }", "where is SQL in a text"),
        ('hooks = { set = { a = 1 }, null = ["A"] }', "a column is in set and in null"),
    ],
)
def test_a_mistake_in_the_policy_is_named(tmp_path: Any, line: str, said: str) -> None:
    (tmp_path / "masking.toml").write_text(f"[neutralise]\n{line}\n")
    with pytest.raises(UsageError, match=r"\[neutralise\] hooks") as told:
        load_policy(tmp_path / "masking.toml")
    assert said in str(told.value)


def test_seeded_rows_are_left_alone(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.upgrade()
    seeded = toy.rows("SELECT * FROM labels ORDER BY id")
    pairs = toy.rows("SELECT * FROM pairs ORDER BY left_code, right_code")
    toy.execute(
        "INSERT INTO labels (code, wording) VALUES ('own', 'x')",
        "INSERT INTO pairs VALUES ('own', 'x', 1)",
    )
    copy = Copy(toy.url, toy.path / "seeds", monkeypatch, "staging")
    copy.settings = replace(copy.settings, backup="none")
    copy.policy(
        "[neutralise]",
        'labels = { null = ["wording"] }',
        "pairs = { delete = true }",
        "[tables.labels]",
        'not_personal = [{ columns = ["extra", "body", "blob", "code"], reason = "a label" }]',
    )
    copy.mask()
    assert toy.rows("SELECT * FROM labels ORDER BY id")[:-1] == seeded
    assert toy.rows("SELECT wording FROM labels WHERE code = 'own'") == [(None,)]
    assert toy.rows("SELECT * FROM pairs ORDER BY left_code, right_code") == pairs


def test_many_rows_that_are_known_by_a_key_of_two_columns_are_left_alone(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine limits how deep a condition may be."""
    rows = '[{"left_code": f"s{n}", "right_code": "x", "weight": n} for n in range(1500)]'
    key = 'key=["left_code", "right_code"], id=None'
    toy.only("0001_pairs", f'op.seed_rows("pairs", {rows}, {key})')
    toy.upgrade()
    toy.execute("INSERT INTO pairs VALUES ('own', 'x', 1)")
    copy = Copy(toy.url, toy.path / "seeds", monkeypatch, "staging")
    copy.settings = replace(copy.settings, backup="none")
    copy.policy(
        "[neutralise]",
        "pairs = { delete = true }",
        "[tables.labels]",
        'not_personal = [{ columns = ["extra", "body", "blob", "code"], reason = "a label" }]',
    )
    copy.mask()
    assert toy.value("SELECT COUNT(*) FROM pairs WHERE right_code = 'x'") == 1500
    assert toy.value("SELECT COUNT(*) FROM pairs WHERE left_code = 'own'") == 0


@pytest.mark.long
def test_the_commands_show_it(toy: Toy) -> None:
    toy.execute("INSERT INTO labels (code, wording) VALUES ('a', 'on')")
    (toy.path / "seeds" / "masking.toml").write_text(
        'defaults.unlisted = "detect"\n[neutralise]\nlabels = { set = { wording = "off" } }\n'
        '[tables.labels]\nnot_personal = [{ columns = ["extra", "body", "blob", "code", "wording"],'
        ' reason = "a label" }]\n'
    )
    terp_seed = ("terp-seed", "-x", f"url={toy.url}", "-x", toy.consent)
    toy.env["TERP_SEED_MASK_KEY"] = KEY
    with toy.db.begin() as connection:
        stamp(connection, "staging", origin="test")
    assert json.loads(toy.run(*terp_seed, "env", "show", "--json").stdout)["neutralised"] is None
    line = "neutralise 1 rows of labels: set wording = 'off'"
    assert line in toy.run(*terp_seed, "mask", "--dry-run").stdout
    (step,) = json.loads(toy.run(*terp_seed, "mask", "--dry-run", "--json").stdout)["neutralise"]
    assert step["rows"] == 1
    toy.run(*terp_seed, "mask")
    shown = toy.run(*terp_seed, "env", "show").stdout
    assert "neutralised 2" in shown
    assert "neutralised 2" in toy.run(*terp_seed, "verify").stdout


def test_people_are_still_masked(hooks: Copy) -> None:
    steps(hooks, "people = { delete = true, where = \"mail LIKE '%-7@%'\" }")
    add_people(hooks, range(8, 9))
    hooks.mask()
    assert hooks.all("SELECT COUNT(*) FROM people") == [(7,)]
    assert hooks.leaks() == set()
    assert hooks.mask() == {}


def test_the_backup_brings_back_what_was_masked_and_not_what_was_neutralised(
    sqlite_toy: Toy,
) -> None:
    toy = sqlite_toy
    toy.execute(
        "INSERT INTO labels (code, wording) VALUES ('a', 'Jane Canary'), ('b', 'Joe Canary')"
    )
    (toy.path / "seeds" / "masking.toml").write_text(
        'defaults.unlisted = "detect"\n'
        "[neutralise]\nlabels = { delete = true, where = \"code = 'b'\" }\n"
        '[tables.labels]\nwording = { class = "person_name" }\n'
        'not_personal = [{ columns = ["extra", "body", "blob", "code"], reason = "a label" }]\n'
    )
    toy.env["TERP_SEED_MASK_KEY"] = KEY
    with toy.db.begin() as connection:
        stamp(connection, "staging", origin="test")
    terp_seed = ("terp-seed", "-x", f"url={toy.url}", "-x", toy.consent)
    toy.run(*terp_seed, "mask")
    report = json.loads(toy.run(*terp_seed, "mask", "--report", "--json").stdout)["evidence"]
    toy.run(*terp_seed, "restore", report["backups"][0]["folder"])
    assert toy.rows("SELECT code, wording FROM labels") == [("a", "Jane Canary")]


@pytest.mark.long
def test_the_shipped_policy_quiets_the_whole_of_terp(new_copy: Callable[..., Copy]) -> None:
    """Every table that sends, runs, signs in or shares, among all 233 tables."""
    copy = new_copy("staging")
    (copy.home / "masking.toml").write_bytes((ROOT / "seeds" / "masking.toml").read_bytes())
    off, on = terp_full.UNCHECKED.get(copy.name, ("SELECT 1", "SELECT 1"))
    with copy.db.begin() as connection:
        made = terp_full.create(connection)
        connection.exec_driver_sql(off)
        terp_full.fill(connection, made)
        connection.exec_driver_sql(on)
    planned = rehearse_steps(copy.settings, MaskOptions())
    assert {step.table for step in planned} < made.tables.keys()
    assert sum(bool(step.rows) for step in planned) > 8
    with begun(copy.settings) as (session, _):
        try_steps(session, planned)
        session.allow_writes()
        assert [carry_out(session, step) for step in planned] == [step.rows for step in planned]
        session.commit()
    assert not any(step.rows for step in rehearse_steps(copy.settings, MaskOptions()))


@pytest.mark.long
def test_a_document_is_set_as_one(new_copy: Callable[..., Copy]) -> None:
    """In a column of JSON, in a text, and where it is spelt in another way."""
    copy = new_copy()
    copy.run(
        "CREATE TABLE shops (id INTEGER PRIMARY KEY, options JSON, more VARCHAR(80), n INTEGER)"
    )
    given = '{"send": true}', '{"copies":[],"send":false}', None
    for n, text in enumerate(given):
        with copy.db.begin() as connection:
            row = sa.text("INSERT INTO shops VALUES (:n, :text, :text, 0)")
            if copy.name == "postgresql":
                row = sa.text("INSERT INTO shops VALUES (:n, CAST(:text AS JSON), :text, 0)")
            connection.execute(row, {"n": n, "text": text})
    document = "{ send = false, copies = [] }"
    copy.policy(
        "[neutralise]",
        f"shops = {{ set = {{ options = {document}, more = {document} }} }}",
        "[tables.shops]",
        'not_personal = [{ columns = ["options", "more"], reason = "settings" }]',
    )
    copy.mask()
    found = copy.all("SELECT options, more FROM shops ORDER BY id")
    wanted = {"send": False, "copies": []}
    for row in found:
        assert [v if isinstance(v, dict) else json.loads(v) for v in row] == [wanted, wanted]
    assert copy.mask() == {}
    assert copy.leaks() == set()
    copy.policy("[neutralise]", "shops = { set = { n = [1] } }")
    with pytest.raises(MaskingError, match="n is of type INTEGER, which does not hold list"):
        copy.mask()


def test_init_proposes_steps_that_can_be_carried_out(toy: Toy) -> None:
    """Tokens, sessions, webhooks and share links; a table of business sessions is none."""
    toy.execute(
        "CREATE TABLE api_tokens (id INTEGER PRIMARY KEY, label VARCHAR(20))",
        "CREATE TABLE user_sessions (id INTEGER PRIMARY KEY, user_agent VARCHAR(90))",
        "CREATE TABLE shopping_sessions (id INTEGER PRIMARY KEY, topic VARCHAR(20))",
        "CREATE TABLE webhooks (id INTEGER PRIMARY KEY, url VARCHAR(90), enabled BOOLEAN)",
        "CREATE TABLE sheets (id INTEGER PRIMARY KEY, share_token VARCHAR(40), code VARCHAR(9))",
        "CREATE TABLE safes (id INTEGER PRIMARY KEY, token VARCHAR(40) NOT NULL)",
        "CREATE TABLE web_tokens (id INTEGER PRIMARY KEY, name VARCHAR(9))",
        "CREATE TABLE uses (id INTEGER PRIMARY KEY, token_id INTEGER, "
        "FOREIGN KEY (token_id) REFERENCES web_tokens (id))",
    )
    path = toy.path / "seeds" / "masking.toml"
    path.write_text("version = 1\n")
    terp_seed = ("terp-seed", "-x", f"url={toy.url}", "mask")
    said = toy.run(*terp_seed, "--init").stderr
    assert "proposed under [neutralise]: api_tokens: delete" in said
    found = {step.table: (step.delete, dict(step.values)) for step in load_policy(path).neutralise}
    assert found == {
        "api_tokens": (True, {}),
        "user_sessions": (True, {}),
        "webhooks": (False, {"enabled": False}),
        "sheets": (False, {"share_token": None}),
    }
    before = path.read_text()
    toy.run(*terp_seed, "--init")
    assert path.read_text() == before
    toy.execute("CREATE TABLE otp_tokens (id INTEGER PRIMARY KEY, otp VARCHAR(9))")
    toy.run(*terp_seed, "--init")
    assert {step.table for step in load_policy(path).neutralise} == {*found, "otp_tokens"}
    assert "neutralise 0 rows of webhooks" in toy.run(*terp_seed, "--dry-run").stdout
