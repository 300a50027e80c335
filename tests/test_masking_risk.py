"""How easily persons are singled out: counted by the database, compared with counting here."""

from __future__ import annotations

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from copies import Copy
from toys import Toy

from terp_seed.errors import MaskingError, UsageError
from terp_seed.mask_database.evidence import evidence, evidence_page
from terp_seed.mask_database.leaks import find_leaks
from terp_seed.mask_database.risk import TableRisk, below
from terp_seed.masking.policy_file import load_policy

PEOPLE = "id INTEGER PRIMARY KEY, born DATE, zip VARCHAR(9), sex VARCHAR(1), ill VARCHAR(20)"
QUASI = """
[tables.people]
quasi = ["born", "ZIP", "sex"]
sensitive = ["ill"]
"""


def measured(copy: Copy, *tables: str) -> list[TableRisk]:
    return find_leaks(copy.settings, tables).risk


def fill(copy: Copy, rows: list[tuple[Any, ...]]) -> None:
    values = ", ".join(str(row).replace("None", "NULL") for row in rows)
    copy.run(f"INSERT INTO people VALUES {values}")


def test_the_database_counts_what_counting_gives(new_copy: Callable[..., Copy]) -> None:
    """NULL is a value, and texts that only a collation takes for one are two."""
    copy = new_copy(people=PEOPLE)
    copy.policy(QUASI)
    some = random.Random(5)
    rows: list[tuple[Any, ...]] = [
        (
            n,
            some.choice(["1990-01-01", "1991-01-01", None]),
            some.choice(["10827", "10829", None, "a", "A", "a "]),
            some.choice("mf"),
            some.choice(["flu", "Flu", "cold", None]),
        )
        for n in range(1, 200)
    ]
    fill(copy, rows)
    groups = Counter(row[1:4] for row in rows)
    ills = defaultdict(set)
    for row in rows:
        ills[row[1:4]].add(row[4])
    (risk,) = measured(copy)
    assert risk.table == "people"
    assert risk.quasi == ["born", "zip", "sex"]
    assert risk.rows == 199
    assert risk.groups == len(groups)
    assert risk.k == min(groups.values())
    assert risk.alone == sum(n == 1 for n in groups.values())
    assert risk.small == sum(n for n in groups.values() if n < 5)
    assert risk.l == {"ill": min(map(len, ills.values()))}


def test_advice_names_first_what_singles_most_persons_out(new_copy: Callable[..., Copy]) -> None:
    copy = new_copy(people=PEOPLE)
    copy.policy(QUASI)
    fill(copy, [(n, f"1990-{n % 12 + 1:02}-{n % 28 + 1:02}", "1", "m", "x") for n in range(1, 85)])
    (risk,) = measured(copy)
    assert risk.k == 1
    assert risk.alone == 84
    assert len(risk.advice) == 1
    assert risk.advice[0].startswith("born: without it 0.0 % of the rows were in groups of fewer")
    assert 'strategy = "generalise", to = "year", or nullify' in risk.advice[0]


@pytest.mark.parametrize(("k", "passes"), [(4, True), (5, False)])
def test_a_bar_in_the_policy_makes_verify_fail(
    new_copy: Callable[..., Copy], k: int, passes: bool
) -> None:
    copy = new_copy(people=PEOPLE, vacant=PEOPLE)
    copy.policy(f"[defaults]\nmin_k = {k}\n", QUASI, '[tables.vacant]\nquasi = ["born"]')
    text = (copy.home / "masking.toml").read_text().replace('defaults.unlisted = "detect"\n', "")
    text = text.replace("[defaults]", '[defaults]\nunlisted = "detect"')
    (copy.home / "masking.toml").write_text(text)
    fill(copy, [(n, "1990-01-01", "1", "mf"[n > 4], "x") for n in range(1, 11)])
    found = find_leaks(copy.settings)
    assert found.min_k == k
    assert [risk.table for risk in below(found.risk, found.min_k)] == ([] if passes else ["people"])
    assert {risk.table: risk.k for risk in found.risk} == {"people": 4, "vacant": 0}


def test_the_evidence_has_the_last_measurement(new_copy: Callable[..., Copy]) -> None:
    copy = new_copy(people=PEOPLE)
    copy.policy(
        QUASI,
        'ill = { class = "special" }',
        'not_personal = [{ columns = ["born", "zip", "sex"], reason = "kept for a test" }]',
    )
    fill(copy, [(n, "1990-01-01", "1", "m", "flu") for n in range(1, 8)])
    assert "not measured" in evidence_page(evidence(copy.settings))
    copy.mask()
    find_leaks(copy.settings)
    found = evidence(copy.settings)
    assert found["scan"]["risk"][0]["k"] == 7
    assert found["scan"]["risk"][0]["l"] == {"ill": 1}
    page = evidence_page(found)
    assert "## Risk" in page
    assert "| people | born, zip, sex | 7 | 7 | 0 | 0 | ill 1 |  | none |" in page


def test_seeded_rows_are_not_counted(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """By their ids, or by a key of two columns."""
    toy.upgrade()
    toy.execute(
        "INSERT INTO labels (code, wording) VALUES ('own', 'a'), ('mine', 'a')",
        "INSERT INTO pairs VALUES ('own', 'x', 1)",
    )
    copy = Copy(toy.url, toy.path / "seeds", monkeypatch, "staging")
    copy.policy(
        '[tables.labels]\nquasi = ["wording"]',
        '[tables.pairs]\nquasi = ["left_code", "right_code"]',
    )
    risks = {risk.table: risk for risk in measured(copy)}
    assert (risks["labels"].rows, risks["labels"].k) == (2, 2)
    assert (risks["pairs"].rows, risks["pairs"].k) == (1, 1)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ('quasi = ["gone"]', "people has no column gone"),
        ('quasi = ["data"]', r"people\.data is a document or bytes"),
    ],
)
def test_a_column_that_cannot_be_counted_is_refused(
    new_copy: Callable[..., Copy], names: str, message: str
) -> None:
    copy = new_copy(people="id INTEGER PRIMARY KEY")
    copy.run(f"ALTER TABLE people ADD data {'BYTEA' if copy.name == 'postgresql' else 'BLOB'}")
    copy.policy(f"[tables.people]\n{names}")
    with pytest.raises(MaskingError, match=message):
        measured(copy)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[defaults]\nmin_k = 5\n", "min_k needs quasi"),
        ("[defaults]\nmin_k = 1\n", "min_k must be a whole number from 2"),
        ("[tables.t]\nquasi = ['a', 'A']\n", "quasi must be a list of different columns"),
        ("[tables.t]\nquasi = 'a'\n", "a column needs a table"),
        ("[tables.t]\nsensitive = ['a']\n", "sensitive needs quasi"),
        ("[tables.t]\nquasy = ['a']\n", "did you mean 'quasi'"),
    ],
)
def test_a_policy_that_measures_nothing_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "masking.toml").write_text(text)
    with pytest.raises(UsageError, match=message):
        load_policy(tmp_path / "masking.toml")


def test_columns_may_be_called_so(tmp_path: Path) -> None:
    text = "[tables.t]\nquasi = { class = 'quasi' }\nsensitive = { class = 'special' }\n"
    (tmp_path / "masking.toml").write_text(text)
    assert {*load_policy(tmp_path / "masking.toml").table("t").columns} == {"quasi", "sensitive"}


def test_verify_shows_the_risk_and_fails_below_the_bar(
    sqlite_toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = sqlite_toy
    toy.execute(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, city VARCHAR(20), ill VARCHAR(20))",
        "INSERT INTO people VALUES (1, 'Ulm', 'a'), (2, 'Ulm', 'a'), (3, 'Bonn', 'b')",
    )
    copy = Copy(toy.url, toy.path / "seeds", monkeypatch, "staging")
    policy = '[tables.people]\nquasi = ["city"]\nsensitive = ["ill"]\n'
    copy.policy('defaults = { unlisted = "detect" }', policy)
    shown = toy.terp_seed("mask", "--verify", "--table", "people")
    assert re.search(r"people\s+city\s+3\s+1\s+33\.3 %\s+100\.0 %\s+ill 1", shown.stdout)
    copy.policy('defaults = { unlisted = "detect", min_k = 2 }', policy)
    shown = toy.terp_seed("mask", "--verify", "--table", "people", "--json", code=8)
    assert "persons can be singled out in people: groups of fewer than 2 rows" in shown.stderr
    scan = json.loads(shown.stdout)["scan"]
    assert scan["min_k"] == 2
    assert scan["risk"][0]["k"] == 1


def test_pairs_of_dates_are_counted_by_the_time_between_them(new_copy: Callable[..., Copy]) -> None:
    """Which date_shift leaves; a pair with NULL has none."""
    copy = new_copy(
        stays="id INTEGER PRIMARY KEY, guest INTEGER, came DATE, went DATE, born TIMESTAMP NULL"
    )
    copy.policy(
        "[tables.stays]",
        'subject = "guest"',
        'came = { class = "date" }',
        'went = { class = "date" }',
        'born = { class = "date" }',
    )
    rows = [
        (1, 1, "2024-01-01", "2024-01-05", "1990-01-01 10:00:00"),
        (2, 2, "2024-02-01", "2024-02-05", "1991-01-01 10:00:00"),
        (3, 3, "2024-02-01", "2024-02-07", None),
        (4, 4, "2024-03-01", None, None),
    ]
    values = ", ".join(str(row).replace("None", "NULL") for row in rows)
    copy.run(f"INSERT INTO stays VALUES {values}")
    intervals = {"came to went": 1, "came to born": 2, "went to born": 2}
    assert [risk.intervals for risk in measured(copy)] == [intervals]
    copy.mask()
    (risk,) = measured(copy)
    assert (risk.k, risk.rows, risk.intervals) == (0, 4, intervals)
    assert [line.split(":")[0] for line in risk.advice] == ["came", "came", "went"]
    assert "50.0 % of the rows; generalise one of the two" in risk.advice[1]
    assert "came to born 2, came to went 1" in evidence_page(evidence(copy.settings))
