"""A policy that is corrected after a run: the next run masks what changed, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from copies import Copy, add_people
from production import CANARY

from terp_seed.errors import InterruptedRunError, MaskingError
from terp_seed.mask_database import rehearsal
from terp_seed.mask_database import run as mask_run
from terp_seed.mask_database.corrections import settle
from terp_seed.mask_database.evidence import evidence, evidence_page
from terp_seed.mask_database.progress import MaskedColumn, Pass
from terp_seed.mask_database.run import MaskOptions, rehearse

NAME = 'name = { class = "person_name" }'
MAIL = 'mail = { class = "email" }'


def test_another_strategy_masks_the_column_once_more(people: Copy) -> None:
    people.mask()
    once = people.all("SELECT name, mail FROM people ORDER BY id")
    people.policy("[tables.people]", 'name = { class = "person_name", strategy = "redact" }', MAIL)
    (first, again) = rehearse(people.settings, MaskOptions())
    assert (first.columns, first.rows) == (("mail",), 0)
    assert (again.columns, again.rows) == (("name",), 7)
    assert people.mask() == {"people": 7}
    assert people.all("SELECT mail FROM people ORDER BY id") == [(mail,) for _, mail in once]
    assert {name for (name,) in people.all("SELECT name FROM people")} == {"[redacted]"}
    assert people.mask() == {}
    found = {row["column"]: row["masked_before"] for row in evidence(people.settings)["columns"]}
    assert found == {"mail": None, "name": "person_name by substitute"}
    assert "| person_name by substitute |" in evidence_page(evidence(people.settings))
    add_people(people, range(8, 10))
    people.mask()
    assert CANARY.findall(str(people.all("SELECT * FROM people"))) == []


def test_another_class_another_option_and_a_way_back(people: Copy) -> None:
    people.mask()
    before = people.all("SELECT mail FROM people ORDER BY id")
    for entry in (
        'mail = { class = "username" }',
        'mail = { class = "username", prefix = "m" }',
        MAIL,
    ):
        people.policy("[tables.people]", NAME, entry)
        people.mask()
        assert people.mask() == {}
        now = people.all("SELECT mail FROM people ORDER BY id")
        assert not set(now) & set(before)
        assert len(set(now)) == 7
        before = now
    (mail,) = [r for r in evidence(people.settings)["columns"] if r["column"] == "mail"]
    by_name = "username by pseudonymise"
    assert mail["masked_before"] == f"email by pseudonymise, {by_name}, {by_name}"
    assert people.leaks() == set()


def test_a_person_that_is_named_later_is_one_from_then_on(people: Copy) -> None:
    people.mask()
    apart = people.all("SELECT name, mail FROM people ORDER BY id")
    people.policy("[tables.people]", 'person = "mail"', NAME, MAIL)
    assert people.mask() == {"people": 7}
    for name, mail in people.all("SELECT name, mail FROM people ORDER BY id"):
        assert mail.startswith(".".join(name.casefold().split()) + ".")
    assert not set(people.all("SELECT name, mail FROM people")) & set(apart)
    assert people.mask() == {}
    add_people(people, range(8, 9))
    people.run("UPDATE people SET mail = 'canary-1@real-corp.com' WHERE id = 8")
    people.mask()
    found = people.all("SELECT name, mail FROM people WHERE id IN (1, 8)")
    assert found[0] == found[1]  # as if it had been so from the first run on


def test_a_column_that_is_kept_for_a_while_is_masked_whole_again(people: Copy) -> None:
    """Rows that came while it was kept are not lost behind those that were masked."""
    people.mask()
    people.policy("[tables.people]", 'name = { pii = false, reason = "a stage name" }', MAIL)
    assert people.mask() == {}
    add_people(people, range(8, 10))
    people.mask()
    assert len(CANARY.findall(str(people.all("SELECT name FROM people")))) == 2
    people.policy("[tables.people]", NAME, MAIL)
    people.mask()
    assert CANARY.findall(str(people.all("SELECT * FROM people"))) == []
    assert people.leaks() == set()


@pytest.fixture
def orders(new_copy: Callable[..., Copy]) -> Copy:
    copy = new_copy(orders="id INTEGER PRIMARY KEY, items JSON")
    for n in range(1, 4):
        item = {"mail": f"canary-{n}@real-corp.com", "note": f"for Jane Canary{n}", "n": n}
        copy.run(f"INSERT INTO orders VALUES ({n}, '{json.dumps([item])}')")
    return copy


def paths(copy: Copy, inner: str, other: str = '{ strategy = "keep", reason = "known" }') -> None:
    copy.policy(
        f"[tables.orders]\nitems = {{ class = 'json', paths = {{ {inner} }}, other = {other} }}"
    )


def items(copy: Copy) -> list[Any]:
    doc = "items::text" if copy.name == "postgresql" else "items"
    return [json.loads(text)[0] for (text,) in copy.all(f"SELECT {doc} FROM orders ORDER BY id")]


def test_a_new_path_masks_only_what_it_names(orders: Copy) -> None:
    """As a leak check advises: names are left in a document whose addresses were masked."""
    copy = orders
    paths(copy, "'$..mail' = 'email'")
    copy.mask()
    first = items(copy)
    assert first[0]["note"] == "for Jane Canary1"
    paths(copy, "'$..mail' = 'email', '$..note' = 'free_text'")
    assert copy.mask() == {"orders": 3}
    assert items(copy) == [{**item, "note": "[redacted]"} for item in first]
    assert copy.mask() == {}
    copy.run(
        'INSERT INTO orders VALUES (4, \'[{"mail": "canary-1@real-corp.com", "note": "Canary", '
        '"n": 4}]\')'
    )
    copy.mask()
    assert items(copy)[3] == {"mail": first[0]["mail"], "note": "[redacted]", "n": 4}
    found = [(row["paths"], row["masked_before"]) for row in evidence(copy.settings)["columns"]]
    assert found == [(["$..mail"], None), (["$..note"], None)]


def test_a_path_with_another_class_and_one_that_is_gone(orders: Copy) -> None:
    copy = orders
    paths(copy, "'$[*].mail' = 'email', '$[*].note' = { pii = false, reason = 'x' }", "'redact'")
    copy.mask()
    first = items(copy)
    assert [set(item) for item in first] == [{"mail", "note"}] * 3
    paths(copy, "'$[*].mail' = 'username', '$[*].note' = { pii = false, reason = 'x' }", "'redact'")
    copy.mask()
    second = items(copy)
    assert [item["note"] for item in second] == [item["note"] for item in first]
    assert all(item["mail"].startswith("u") and "@" not in item["mail"] for item in second)
    paths(copy, "'$[*].mail' = 'username'", "'redact'")
    copy.mask()
    assert items(copy) == [{"mail": item["mail"]} for item in second]
    assert copy.mask() == {}
    assert copy.leaks() == set()


@pytest.mark.parametrize("number", ["C11-0000001-LIC", "12"])
def test_partial_leaves_what_is_hidden_already(new_copy: Callable[..., Copy], number: str) -> None:
    copy = new_copy(papers="id INTEGER PRIMARY KEY, licence VARCHAR(20)")
    copy.run(f"INSERT INTO papers VALUES (1, '{number}')")
    copy.policy(
        "[tables.papers]", 'licence = { class = "license", staging = { strategy = "partial" } }'
    )
    copy.mask()
    ((hidden,),) = copy.all("SELECT licence FROM papers")
    assert "*" in hidden
    assert copy.mask(again=True) == {"papers": 1}
    assert copy.all("SELECT licence FROM papers") == [(hidden,)]


# -- which pass masks what, without a database


def made(number: int, **columns: MaskedColumn) -> Pass:
    return Pass("t", number, "staging", None, "", columns, state="done")


def document(**parts: str) -> MaskedColumn:
    return MaskedColumn(
        "json", "redact", {name.replace("rest", ""): p for name, p in parts.items()}
    )


def parts_of(passes: list[Pass]) -> list[dict[str, str]]:
    return [dict(p.columns["doc"].parts) if "doc" in p.columns else {} for p in passes]


def test_what_did_not_change_needs_no_new_pass() -> None:
    passes = [made(1, doc=document(rest="r", a="1"))]
    assert settle(passes, {"doc": document(rest="r", a="1")}) == (passes, {})


def test_a_part_belongs_to_the_last_pass_that_masked_it() -> None:
    passes = [made(1, doc=document(rest="r", a="1")), made(2, doc=document(a="2"))]
    kept, fresh = settle(passes, {"doc": document(rest="r", a="2")})
    assert (parts_of(kept), fresh) == ([{"": "r"}, {"a": "2"}], {})
    kept, fresh = settle(passes, {"doc": document(rest="r", a="1")})
    assert (parts_of(kept), fresh["doc"].parts) == ([{"": "r"}, {}], {"a": "1"})


def test_what_a_path_named_is_the_rest_once_the_path_is_gone() -> None:
    passes = [made(1, doc=document(rest="r", a="1", b="1"))]
    wanted = {"doc": document(rest="r", b="1")}
    kept, fresh = settle(passes, wanted)
    assert (parts_of(kept), fresh["doc"].parts) == ([{"b": "1"}], {"": "r"})
    passes.append(made(2, doc=fresh["doc"]))
    assert settle(passes, wanted)[1] == {}


def test_a_path_that_is_kept_is_remembered_without_a_pass() -> None:
    passes = [made(1, doc=document(rest="r"))]
    kept, fresh = settle(passes, {"doc": document(rest="r", a="keep")})
    assert (parts_of(kept), fresh) == ([{"": "r", "a": "keep"}], {})
    assert settle(kept, {"doc": document(rest="r")})[1]["doc"].parts == {"": "r"}


def test_a_column_that_is_not_masked_any_more_leaves_its_pass() -> None:
    passes = [made(1, doc=document(rest="r"), other=MaskedColumn("email", "hash", {"": "h"}))]
    kept, fresh = settle(passes, {"doc": document(rest="r")})
    assert list(kept[0].columns) == ["doc"]
    assert fresh == {}


def test_a_masked_key_of_another_class_leaves_the_other_columns(
    new_copy: Callable[..., Copy],
) -> None:
    copy = new_copy(logins="login VARCHAR(60) PRIMARY KEY, mail VARCHAR(80)")
    copy.run(
        "INSERT INTO logins VALUES ('ann.smith', 'ann@real-corp.com'), ('bo', 'bo@real-corp.com')"
    )
    copy.settings = replace(copy.settings, backup="none")
    copy.policy("[tables.logins]", 'login = { class = "username" }', MAIL)
    copy.mask()
    mails = copy.all("SELECT mail FROM logins ORDER BY mail")
    copy.policy("[tables.logins]", 'login = { class = "external_id" }', MAIL)
    assert copy.mask() == {"logins": 2}
    assert copy.all("SELECT mail FROM logins ORDER BY mail") == mails
    assert copy.mask() == {}
    copy.run("INSERT INTO logins VALUES ('late', 'late@real-corp.com')")
    with pytest.raises(MaskingError, match="1 rows were added"):
        copy.mask()


# -- names in texts

BIO = 'bio = { class = "free_text", strategy = "scrub_text" }'
LAST = 'last = { class = "last_name" }'
MEMO = 'memo = { pii = false, reason = "taken for a code" }'
KEPT = 'last = { pii = false, reason = "taken for a code" }'


@pytest.fixture
def staff(new_copy: Callable[..., Copy]) -> Copy:
    copy = new_copy(staff="id INTEGER PRIMARY KEY, last VARCHAR(40), bio TEXT, memo TEXT")
    rows = [
        f"({n}, 'Canary{chr(97 + n)}', 'Frau Canary{chr(97 + n)} rang', NULL)" for n in range(6)
    ]
    copy.run(f"INSERT INTO staff VALUES {', '.join(rows)}")
    return copy


def test_a_name_that_is_masked_later_leaves_the_texts_of_its_row_too(staff: Copy) -> None:
    staff.policy("[tables.staff]", KEPT, BIO, MEMO)
    staff.mask()
    staff.policy("[tables.staff]", LAST, BIO, MEMO)
    assert staff.mask() == {"staff": 6}
    rows = staff.all("SELECT last, bio FROM staff ORDER BY id")
    assert CANARY.search(str(rows)) is None
    assert all(bio == f"Frau {last} rang" for last, bio in rows)
    assert staff.mask() == {}


def test_a_run_that_stopped_goes_on_by_a_corrected_policy_without_the_names(
    staff: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff.policy("[tables.staff]", LAST, BIO, MEMO)
    write, blocks = mask_run.write_block, iter(range(9))

    def stop(*args: Any) -> None:
        if next(blocks) == 2:
            raise KeyboardInterrupt
        write(*args)

    with monkeypatch.context() as patched:
        patched.setattr(rehearsal, "_BLOCK_ROWS", 1)
        patched.setattr(mask_run, "write_block", stop)
        with pytest.raises((KeyboardInterrupt, InterruptedRunError)):
            staff.mask()
    assert len(CANARY.findall(str(staff.all("SELECT bio FROM staff")))) == 4
    staff.policy("[tables.staff]", LAST.replace("last_name", "person_name"), BIO, MEMO)
    staff.mask()
    assert CANARY.search(str(staff.all("SELECT last, bio FROM staff"))) is None
    assert staff.mask() == {}


def test_a_text_that_is_scrubbed_only_when_its_names_are_gone_is_refused(staff: Copy) -> None:
    staff.policy("[tables.staff]", LAST, BIO, MEMO)
    staff.mask()
    staff.run("UPDATE staff SET memo = 'ask Canaryb'")
    memo = 'memo = { class = "free_text", strategy = "scrub_text" }'
    staff.policy("[tables.staff]", LAST, BIO, memo)
    with pytest.raises(
        MaskingError, match=r"staff\.memo: the names of its rows \(last\) were masked"
    ):
        staff.mask()
    staff.policy("[tables.staff]", LAST, BIO, 'memo = { class = "free_text" }')
    staff.mask()
    assert CANARY.search(str(staff.all("SELECT memo FROM staff"))) is None
