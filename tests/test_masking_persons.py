"""One made-up person for a row, one shift for a subject, in every table, masked or not."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import production
import pytest
from copies import Copy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terp_seed.errors import MaskingError, UsageError
from terp_seed.masking.boundary import Boundary
from terp_seed.masking.keys import Key
from terp_seed.masking.policy import Policy
from terp_seed.masking.policy_file import load_policy
from terp_seed.masking.substitutes import _given_names, made_up
from terp_seed.rows.model import Block, Cells

KEY = Key(bytes.fromhex("9f3c1d7e5ab24806c1e7f2d93b6a80574ce91d2f7b3850a6e4c2198fd07b365a"))
several = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

PEOPLE = """
[tables.people]
person = "mail"
fname = { class = "first_name" }
lname = { class = "last_name" }
name = { class = "person_name" }
mail = { class = "email" }
login = { class = "username" }
sex = { class = "gender", strategy = "substitute", values = ["m", "w"] }
contact = { class = "person_name", person = false }
"""
ORDERS = """
[tables.orders]
person = "buyer_mail"
buyer = { class = "person_name" }
buyer_mail = { class = "email" }
"""


def policy(tmp_path: Path, *parts: str) -> Policy:
    file = tmp_path / "masking.toml"
    file.write_text("".join(parts), encoding="utf-8")
    return load_policy(file)


def masked(
    rules: Policy, table: str, key: Key | None = KEY, start: int = 0, **columns: list[Any]
) -> dict[str, list[Any]]:
    masker = Boundary(rules, "staging" if key else "dev", key).masker(table, list(columns))
    assert masker is not None
    count = len(next(iter(columns.values())))
    cells = {name: Cells(values) for name, values in columns.items()}
    block = masker.apply(Block(table, start, start + count, cells))
    return {name: list(block.columns[name].values) for name in columns}


def people(count: int) -> dict[str, list[Any]]:
    numbers = range(count)
    return {
        "fname": [f"Ann{n % 7}" for n in numbers],
        "lname": [f"Smith{n % 11}" for n in numbers],
        "name": [f"Ann{n % 7} Smith{n % 11}" for n in numbers],
        "mail": [f"ann{n}@real-corp.de" for n in numbers],
        "login": [f"ann{n}" for n in numbers],
        "sex": ["w"] * count,
        "contact": ["Bob Miller"] * count,
    }


@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "by row"])
def test_a_row_is_one_made_up_person(tmp_path: Path, key: Key | None) -> None:
    out = masked(policy(tmp_path, PEOPLE), "people", key, **people(3000))
    for n in range(3000):
        first, last = out["fname"][n], out["lname"][n]
        assert out["name"][n] == f"{first} {last}"
        start = f"{first}.{last}.".lower()
        assert re.fullmatch(re.escape(start) + "[a-z2-7]{16}@example.com", out["mail"][n])
        assert re.fullmatch(re.escape(start) + "[a-z2-7]{16}", out["login"][n])
        assert first in _given_names(out["sex"][n] == "w")
        assert made_up("person_name", out["name"][n])
        assert made_up("first_name", first)
    assert len({*out["mail"]}) == len({*out["login"]}) == 3000
    assert len({*out["name"]}) > 2900
    assert 1300 < Counter(out["sex"])["w"] < 1700
    if key:
        assert len({*out["contact"]}) == 1  # another person of the row, masked by itself


def test_the_same_person_is_the_same_in_other_tables(tmp_path: Path) -> None:
    """However the address is spelt, and whatever the real name is there."""
    rules = policy(tmp_path, PEOPLE, ORDERS)
    one = masked(rules, "people", **people(50))
    mails = [f" ANN{n}@real-corp.de" for n in range(50)]
    other = masked(rules, "orders", start=7, buyer=["A. Smith"] * 50, buyer_mail=mails)
    assert other["buyer"] == one["name"]
    assert other["buyer_mail"] == one["mail"]


def test_a_person_may_be_known_by_an_id_that_is_not_masked(tmp_path: Path) -> None:
    rules = policy(
        tmp_path,
        "[tables.users]\nperson = 'id'\nname = { class = 'person_name' }\n",
        "mail = { class = 'email' }\n",
        "[tables.visits]\nperson = 'user_id'\nguest = { class = 'person_name' }\n",
        "mail = { class = 'email' }\n",
    )
    mails = [f"m{n}@x.de" for n in range(20)]
    users = masked(rules, "users", id=[*range(20)], name=["x y"] * 20, mail=mails)
    visits = masked(
        rules, "visits", user_id=[str(n) for n in range(20)], guest=["z"] * 20, mail=mails
    )
    assert visits["guest"] == users["name"]
    assert visits["mail"] == users["mail"]  # so joins by e-mail hold as well
    assert users["id"] == [*range(20)]


def test_without_a_person_column_a_row_keeps_one_person(tmp_path: Path) -> None:
    """Where the person is not known, the row's number stands for it."""
    data = people(10) | {"mail": [None, ""] * 5}
    out = masked(policy(tmp_path, PEOPLE), "people", **data)
    assert out["mail"] == [None, ""] * 5
    assert [f"{f} {n}" for f, n in zip(out["fname"], out["lname"], strict=True)] == out["name"]
    with pytest.raises(MaskingError, match=r"people\.fname, row 1: .* without the column mail"):
        masked(policy(tmp_path, PEOPLE), "people", fname=["Ann"])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("[tables.news]\nmail = { class = 'email' }\n", "news.mail (no person)"),
        ("[tables.news]\nperson = 'id'\nmail = { class = 'email' }\n", "news.mail (person by id)"),
        (
            "[tables.news]\nperson = 'mail'\nmail = { class = 'email' }\n"
            "old = { class = 'email' }\n",
            "news.old (person by email)",
        ),
        (
            "[tables.news]\nperson = 'mail'\nmail = { class = 'email' }\n"
            "old = { class = 'email', person = 'old' }\n",
            None,
        ),
        ("[tables.news]\nperson = 'mail'\nmail = { class = 'email' }\n", None),
        ("[tables.news]\nmail = { class = 'email', domain = 'news' }\n", None),
        ("[tables.news]\nmail = { class = 'email', strategy = 'nullify' }\n", None),
    ],
)
def test_a_person_never_parts_a_join_in_silence(
    tmp_path: Path, other: str, message: str | None
) -> None:
    people = PEOPLE.replace('login = { class = "username" }\n', "")
    if message is None:
        policy(tmp_path, people, other)
        return
    with pytest.raises(UsageError) as caught:
        policy(tmp_path, people, other)
    assert message in str(caught.value)
    assert "people.mail (person by itself)" in str(caught.value)
    kept = people.replace('mail = { class = "email"', 'mail = { class = "email", person = false')
    if "person" not in other:  # the way out that keeps the join
        policy(tmp_path, kept, other)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("sex = { class = 'gender', strategy = 'substitute', values = [1, 2] }", "add person ="),
        ("person = 'id'\nsex = { class = 'gender', strategy = 'substitute' }", "needs values"),
        (
            "person = 'id'\nsex = { class = 'gender', strategy = 'substitute', values = ['m'] }",
            "values must be",
        ),
        ("person = 'id'\nx = { class = 'first_name', values = ['m', 'f'] }", "values must be"),
        ("mail = { class = 'email', person = true }", "person must be"),
    ],
)
def test_a_policy_that_says_too_little_is_refused(tmp_path: Path, lines: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        policy(tmp_path, f"[tables.t]\n{lines}\n")


@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "by row"])
def test_a_unique_name_is_the_persons_and_unique(tmp_path: Path, key: Key | None) -> None:
    rules = policy(
        tmp_path,
        "[tables.t]\nperson = 'id'\nname = { class = 'person_name', unique = true }\n",
        "first = { class = 'first_name' }\n",
    )
    names = [f"Ann {n}" for n in range(50)]
    out = masked(rules, "t", key, id=[7] * 50, name=names, first=["Ann"] * 50)
    assert len({*out["name"]}) == 50
    for name, first in zip(out["name"], out["first"], strict=True):
        assert re.fullmatch(rf"{first} \w+ [A-Z2-7]{{16}}", name)
        assert made_up("person_name", name)


@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "by row"])
def test_a_gender_is_spelt_as_the_policy_says(tmp_path: Path, key: Key | None) -> None:
    rules = policy(
        tmp_path,
        "[tables.t]\nperson = 'id'\n",
        "x = { class = 'gender', strategy = 'substitute', values = [1, 2] }\n",
    )
    out = masked(rules, "t", key, id=[*range(50)], x=[1, 2, 9, 0, None] * 10)["x"]
    assert {*out} == {1, 2, None}
    with pytest.raises(MaskingError, match="its type is not that"):
        masked(rules, "t", key, id=[1], x=["m"])


def test_a_person_known_by_what_has_no_pseudonym_is_refused(tmp_path: Path) -> None:
    rules = policy(
        tmp_path,
        "[tables.t]\nperson = 'phone'\nname = { class = 'person_name' }\n",
        "phone = { class = 'phone' }\n",
    )
    with pytest.raises(MaskingError, match=r"t\.phone names subjects or persons, and tokenise"):
        masked(rules, "t", name=["Ann"], phone=["1"])


# -- names of the row in its texts


NOTES = """
[tables.notes]
person = "mail"
fname = { class = "first_name" }
lname = { class = "last_name" }
name = { class = "person_name" }
mail = { class = "email" }
note = { class = "free_text", strategy = "scrub_text" }
data = { class = "json", strategy = "scrub_text" }
"""


def test_scrubbed_texts_lose_the_names_of_their_row(tmp_path: Path) -> None:
    data = {"line": "Thaddeus Quirk", "list": ["for MRS QUIRK", 7], "Quirk": None}
    given_rows = {
        "fname": ["Thaddeus", "Ann"],
        "lname": ["Quirk", "Li"],
        "name": ["Thaddeus Quirk", None],
        "mail": ["t@quirk-real.de", "li@real.de"],
        "note": ["Call with thaddeus\n Quirk, then Quirk's Thaddeus.", "Thaddeus stays; Ann goes"],
        "data": [data, json.dumps({"x": "Ann here"})],
    }
    out = masked(policy(tmp_path, NOTES), "notes", **given_rows)
    first, last = out["fname"], out["lname"]
    assert out["note"] == [
        f"Call with {first[0]} {last[0]}, then {last[0]}'s {first[0]}.",
        f"Thaddeus stays; {first[1]} goes",
    ]
    assert out["data"][0] == {
        "line": f"{first[0]} {last[0]}",
        "list": [f"for MRS {last[0]}", 7],
        last[0]: None,
    }
    assert json.loads(out["data"][1]) == {"x": f"{first[1]} here"}
    assert given_rows["data"][0] == data  # what came in is as it was


@pytest.mark.parametrize(
    ("name", "text", "out"),
    [
        ("Sean O'Brien", "for O'Brien; O\u2019Brien, SEAN", "for {last}; {last}, {first}"),
        ("Anna-Lena Groß", "Anna-Lena GROSS, ANNA-LENA", "{first} {last}, {first}"),
        ("José Núñez", "an josé", "an {first}"),
        ("Dr. Li Wu", "Li and Wu are short", "Li and Wu are short"),
        ("Ann Smith", "Smithson, Annex", "Smithson, Annex"),
        ("Ann Smith", "cv_ann_smith.pdf, Ann99", "cv_{first} {last}.pdf, {first}99"),
        ("Ann Smith", "Smiths Garden, Smith's", "{last} Garden, {last}'s"),
        ("Zoë Jones", "zoe\u0308 JONES, Zo\u00ad\u00eb", "{first} {last}, {first}"),
        ("Pat O'Brien-Łukasz", "O\u2019Brien or Łukasz", "{last} or {last}"),
        ("Ann Smith", "Smith Ann, Ann. Smith", "{last} {first}, {first} {last}"),
    ],
)
def test_a_name_is_found_as_people_write_it(tmp_path: Path, name: str, text: str, out: str) -> None:
    rules = policy(
        tmp_path,
        "[tables.t]\nname = { class = 'person_name' }\n",
        "note = { class = 'free_text', strategy = 'scrub_text' }\n",
    )
    found = masked(rules, "t", name=[name], note=[text])
    first, last = found["name"][0].split()
    assert found["note"] == [out.format(first=first, last=last)]


def test_a_name_that_becomes_null_leaves_the_texts_as_well(tmp_path: Path) -> None:
    rules = policy(
        tmp_path,
        "[tables.t]\nname = { class = 'person_name', strategy = 'nullify' }\n",
        "data = { class = 'json', other = 'scrub_text' }\n",
    )
    out = masked(rules, "t", name=["Thaddeus Quirk"], data=[{"x": "from Quirk, Thaddeus"}])
    assert out == {"name": [None], "data": [{"x": "from [name], [name]"}]}


# -- in a database: joins, keys that move, later runs


def test_joins_and_persons_hold_in_a_masked_copy(new_copy: Callable[..., Copy]) -> None:
    copy = new_copy(
        people="id INTEGER PRIMARY KEY, fname VARCHAR(30), lname VARCHAR(30), mail VARCHAR(70)",
        orders="id INTEGER PRIMARY KEY, buyer VARCHAR(60), buyer_mail VARCHAR(70)",
    )
    copy.policy(
        '[tables.people]\nperson = "mail"\nfname = { class = "first_name" }',
        'lname = { class = "last_name" }\nmail = { class = "email" }',
        ORDERS,
    )
    rows = [(n, f"Ann{n}", f"Smith{n}", f"ann{n}@real.de") for n in range(1, 301)]
    copy.run(f"INSERT INTO people VALUES {', '.join(map(str, rows))}")
    copy.run(
        "INSERT INTO orders SELECT id, 'Ann Smith', mail FROM people WHERE id > 100",
        "UPDATE orders SET buyer_mail = 'stranger@real.de' WHERE id = 300",
    )
    copy.mask("people")
    copy.mask()
    joined = copy.all(
        "SELECT p.fname, p.lname, o.buyer, p.mail FROM people p JOIN orders o "
        "ON o.buyer_mail = p.mail"
    )
    assert len(joined) == 199
    for first, last, buyer, mail in joined:
        assert buyer == f"{first} {last}"
        assert mail.startswith(f"{first}.{last}.".lower())
    assert copy.leaks() == set()
    copy.run("INSERT INTO orders VALUES (400, 'Ann S.', 'ann7@real.de')")
    copy.mask()
    late = copy.all(
        "SELECT p.fname, p.lname, o.buyer FROM people p JOIN orders o ON o.buyer_mail = p.mail "
        "WHERE o.id = 400"
    )
    assert [f"{first} {last}" for first, last, _ in late] == [late[0][2]]


ACCOUNTS = (
    "username VARCHAR(60) PRIMARY KEY, born DATE, name VARCHAR(60)",
    "id INTEGER PRIMARY KEY, username VARCHAR(60), seen DATE, guest VARCHAR(60), "
    "FOREIGN KEY (username) REFERENCES accounts (username) ON UPDATE CASCADE",
)
ACCOUNT_POLICY = """
[tables.accounts]
subject = "username"
person = "username"
username = { class = "username" }
born = { class = "date" }
name = { class = "person_name" }
"""
VISIT_POLICY = """
[tables.X]
subject = "username"
person = "username"
username = { class = "username" }
seen = { class = "date" }
guest = { class = "person_name" }
"""


def test_one_shift_a_subject_where_the_subject_is_a_masked_key(
    new_copy: Callable[..., Copy],
) -> None:
    """Tables that are read before the key changes, after it, and rows of a later run."""
    copy = new_copy(accounts=ACCOUNTS[0], aa_visits=ACCOUNTS[1], zz_visits=ACCOUNTS[1])
    policy = ACCOUNT_POLICY + "".join(
        VISIT_POLICY.replace("X", name) for name in ("aa_visits", "zz_visits")
    )
    copy.policy(policy)
    names = [f"user{n}" for n in range(1, 61)]
    copy.run(
        "INSERT INTO accounts VALUES "
        + ", ".join(f"('{name}', '2020-01-01', 'Ann Smith')" for name in names),
        *(
            f"INSERT INTO {table} VALUES "
            + ", ".join(f"({n}, '{name}', '2020-03-01', 'A S')" for n, name in enumerate(names))
            for table in ("aa_visits", "zz_visits")
        ),
    )
    copy.settings = replace(copy.settings, backup="none")
    copy.mask()
    rows = copy.all(
        "SELECT c.born, a.seen, z.seen, c.name, a.guest, z.guest, c.username FROM accounts c "
        "JOIN aa_visits a ON a.username = c.username JOIN zz_visits z ON z.username = c.username"
    )
    assert len(rows) == 60
    for born, first, second, name, guest, other, username in rows:
        assert _day(first) == _day(second) == _day(born) + timedelta(days=60)
        assert name == guest == other
        assert username.startswith(name.lower().replace(" ", "."))
    copy.run("INSERT INTO aa_visits SELECT 1000, username, '2020-03-01', 'A' FROM accounts LIMIT 1")
    copy.mask("aa_visits")
    late = copy.all(
        "SELECT c.born, a.seen, c.name, a.guest FROM accounts c JOIN aa_visits a "
        "ON a.username = c.username WHERE a.id = 1000"
    )
    ((born, seen, name, guest),) = late
    assert _day(seen) == _day(born) + timedelta(days=60)
    assert name == guest


def test_a_subject_that_follows_a_key_is_classified_as_the_key_is(
    new_copy: Callable[..., Copy],
) -> None:
    copy = new_copy(accounts=ACCOUNTS[0], visits=ACCOUNTS[1])
    visits = VISIT_POLICY.replace("X", "visits").replace('person = "username"\n', "")
    copy.policy(
        ACCOUNT_POLICY,
        visits.replace(
            'username = { class = "username" }', "username = { pii = false, reason='x' }"
        ),
    )
    with pytest.raises(MaskingError, match=r"visits\.username names the rows' subjects"):
        copy.mask()


def _day(value: date | str) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


@several
@given(
    dates=st.lists(st.dates(date(1, 6, 1), date(9999, 6, 1)), min_size=2, max_size=4),
    who=st.text(min_size=1, max_size=12).filter(lambda text: text.strip()),
)
def test_intervals_hold_whether_the_subject_is_masked_already_or_not(
    tmp_path_factory: pytest.TempPathFactory, dates: list[date], who: str
) -> None:
    rules = policy(
        tmp_path_factory.mktemp("p"),
        "[tables.t]\nsubject = 'who'\nx = { class = 'date', days = 100 }\n",
        "who = { class = 'username' }\n",
    )
    out = masked(rules, "t", who=[who] * len(dates), x=dates)
    shifts = {new - old for new, old in zip(out["x"], dates, strict=True)}
    again = masked(rules, "t", who=out["who"], x=dates)
    marked = masked(rules, "t", who=[f"~{name}" for name in out["who"]], x=dates)
    assert len(shifts) == 1
    assert again["x"] == marked["x"] == out["x"]


def test_a_time_that_its_shift_moves_out_of_a_timestamp_is_refused(
    new_copy: Callable[..., Copy],
) -> None:
    """The subject's other dates would not move along if it turned back."""
    copy = new_copy(t="id INTEGER PRIMARY KEY, born DATE, seen TIMESTAMP NULL")
    copy.policy('[tables.t]\nsubject = "id"\nborn = { class = "date" }\nseen = { class = "date" }')
    rows = [(n, "1970-01-05", "2000-01-01 10:00:00") for n in range(1, 21)]
    copy.run(f"INSERT INTO t VALUES {', '.join(map(str, rows))}")
    copy.mask()
    for born, seen in copy.all("SELECT born, seen FROM t"):
        moved = seen if isinstance(seen, datetime) else datetime.fromisoformat(seen)
        assert moved.date() - _day(born) == date(2000, 1, 1) - date(1970, 1, 5)
    copy.run(*(f"INSERT INTO t VALUES ({n}, NULL, '1970-01-05 10:00:00')" for n in range(50, 70)))
    if copy.name == "mysql" or copy.name == "mariadb":
        with pytest.raises(MaskingError, match=r"t\.seen, row \d+: the masked time is not between"):
            copy.mask()
    else:
        copy.mask()


def test_scrubbed_texts_lose_the_user_name_of_their_row(tmp_path: Path) -> None:
    text = """
[tables.logins]
login = { class = "username" }
note = { class = "free_text", strategy = "scrub_text" }
"""
    out = masked(
        policy(tmp_path, text),
        "logins",
        login=["t.quirk77", "bo"],
        note=["T.Quirk77 forgot it; ask bo", "bo is too short to be looked for"],
    )
    assert out["note"][0] == f"{out['login'][0]} forgot it; ask bo"
    assert out["note"][1] == "bo is too short to be looked for"


# -- names of the rows that a row refers to

SHOP = """
[tables.clients]
name = { class = "org_name" }
buyer = { class = "person_name" }
mail = { class = "email" }
[tables.orders]
note = { class = "free_text", strategy = "scrub_text" }
items = { class = "json", other = "scrub_text" }
[tables.parts]
label = { class = "free_text", strategy = "scrub_text" }
"""


@pytest.mark.parametrize("key", [production.KEY, None], ids=["keyed", "by row"])
def test_texts_lose_the_names_of_the_rows_that_theirs_refer_to(
    new_copy: Callable[..., Copy], key: str | None
) -> None:
    """Over one foreign key and over two; the client's table sorts before that of its orders."""
    copy = new_copy(
        "dev",
        clients="id INTEGER PRIMARY KEY, name VARCHAR(60), buyer VARCHAR(60), mail VARCHAR(80)",
        orders="id INTEGER PRIMARY KEY, client_id INTEGER, note VARCHAR(200), items VARCHAR(200), "
        "FOREIGN KEY (client_id) REFERENCES clients (id)",
        parts="id INTEGER PRIMARY KEY, order_id INTEGER, label VARCHAR(200), "
        "FOREIGN KEY (order_id) REFERENCES orders (id)",
    )
    copy.run(
        "INSERT INTO clients VALUES (1, 'Canary Farms', 'Jane Fink', 'j@real.de'), "
        "(2, 'Quixwood', NULL, NULL)",
        "INSERT INTO orders VALUES (1, 1, 'to Canary Farms, ask jane fink', '[\"for Jane\"]'), "
        "(2, 2, 'Canary Farms stays, Quixwood goes', '{}'), (3, NULL, 'Quixwood', NULL)",
        "INSERT INTO parts VALUES (1, 1, 'Blue for Canary Farms'), (2, 2, 'Red for Quixwood')",
    )
    copy.policy(SHOP)
    copy.key(key)
    copy.settings = replace(copy.settings, backup="none")
    copy.mask()
    names = [name for (name,) in copy.all("SELECT name FROM clients ORDER BY id")]
    if key is None:
        names = ["[name]", "[name]"]
    notes = [note for (note,) in copy.all("SELECT note FROM orders ORDER BY id")]
    assert notes[0].startswith(f"to {names[0]}, ask ")
    assert "jane" not in notes[0].lower()
    assert "fink" not in notes[0].lower()
    assert notes[1:] == [f"Canary Farms stays, {names[1]} goes", "Quixwood"]
    assert "Jane" not in str(copy.all("SELECT items FROM orders"))
    assert copy.all("SELECT label FROM parts ORDER BY id") == [
        (f"Blue for {names[0]}",),
        (f"Red for {names[1]}",),
    ]
    assert copy.mask() == {}
