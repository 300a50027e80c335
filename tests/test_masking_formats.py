"""What comes out has a form that applications accept, and keeps apart what was apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from columns_masked import KEY
from copies import Copy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stdnum import iban
from stdnum.es import ccc

from terp_seed.errors import MaskingError, UsageError
from terp_seed.mask_database.run import MaskOptions, rehearse
from terp_seed.masking.decisions import Situation, decide
from terp_seed.masking.gaps import ColumnProfile
from terp_seed.masking.ibans import COUNTRIES
from terp_seed.masking.keys import Key
from terp_seed.masking.live_values import live_kinds
from terp_seed.masking.policy import Policy
from terp_seed.masking.policy_file import load_policy
from terp_seed.masking.proof import RangeCheck

several = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


REAL = ["DE89370400440532013000", "AT611904300234573201", "FR1420041010050500013M02606"]
REAL += ["ES9121000418450200051332", "CH9300762011623852957", "PT50000201231234567890154"]


@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "by row"])
@pytest.mark.parametrize("more", ["", ", unique = true"])
def test_an_iban_stays_one_and_is_no_banks(
    mask: Callable[..., list[Any]], key: Key | None, more: str
) -> None:
    out = mask(f'class = "iban"{more}', REAL * 50, key)
    for old, new in zip(REAL * 50, out, strict=True):
        assert iban.is_valid(new)
        assert new[:2] == old[:2]
        assert len(new) == len(old)
        assert new[4:8] == "0000"
        assert not live_kinds(new)
    assert all(ccc.is_valid(new[4:]) for new in out if new.startswith("ES"))
    if more:
        assert len({*out}) == 300
    elif key:
        assert len({*out}) == 6
        spaced = mask('class = "iban"', ["de89 3704 0044 0532 0130 00"])[0]
        assert spaced.replace(" ", "") == out[0]
        assert re.fullmatch(r"(\S{4} ){5}\S{2}", spaced)


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_country_gives_valid_ibans_that_differ(
    mask: Callable[..., list[Any]], country: str
) -> None:
    out = mask(f'class = "iban", country = "{country}"', [f"NL{n}" for n in range(300)])
    assert all(iban.is_valid(text.replace(" ", "")) for text in out)
    assert len({*out}) == 300
    assert {text[:2] for text in out} == {country}
    assert mask('class = "iban"', out) != out


@pytest.mark.parametrize("value", ["NL91ABNA0417164300", "12345", "BE68539007547034", 7])
def test_an_iban_without_such_a_range_is_refused(
    mask: Callable[..., list[Any]], value: object
) -> None:
    with pytest.raises(MaskingError, match=r't\.x, row 1: .*add country = "DE"') as caught:
        mask('class = "iban"', [value])
    assert str(value) not in str(caught.value)


def test_the_proposal_for_a_column_of_ibans_keeps_them_valid() -> None:
    column = ColumnProfile("konto", "text", 34, samples=REAL)
    assert decide(Situation(Policy(), "t"), column).kind == "iban"
    dutch = replace(column, samples=[*REAL, "NL91ABNA0417164300"])
    assert decide(Situation(Policy(), "t"), dutch).kind == "account"


def test_national_check_digits_of_french_ibans_are_right(
    mask: Callable[..., list[Any]],
) -> None:
    for text in mask('class = "iban"', [REAL[2]] * 20, None):
        bban = text[4:]
        bank, branch, account, key = int(bban[:5]), int(bban[5:10]), int(bban[10:21]), bban[21:]
        assert int(key) == 97 - (89 * bank + 15 * branch + 3 * account) % 97


# -- telephones


@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "by row"])
def test_distinct_telephones_stay_distinct(mask: Callable[..., list[Any]], key: Key | None) -> None:
    numbers = [f"+49 30 {n:07d}" for n in range(100_000)]
    out = mask('class = "phone", distinct = true', numbers, key)
    assert len({*out}) == 100_000
    assert all(re.fullmatch(r"\+999\d{9,12}", text) for text in out[:1000])
    assert RangeCheck("phone").first_fault(out) is None
    assert not any(map(live_kinds, out[:1000]))


@several
@given(values=st.lists(st.text("0123456789 +-().ax", min_size=1), min_size=1, max_size=20))
def test_equal_telephones_become_equal_however_they_are_written(
    mask: Callable[..., list[Any]], values: list[str]
) -> None:
    out = mask('class = "phone", distinct = true', values)
    assert out == mask('class = "phone", distinct = true', values, start=7)
    for value, text in zip(values, out, strict=True):
        if value.strip():
            assert text.startswith("+999")
            assert len(text) <= 20
    pair = mask(
        'class = "phone", distinct = true', ["(415) 867-5309", "1 415 867 5309", 4158675309]
    )
    assert pair[0] == pair[1] == f"+{pair[2]}"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('class = "tax_id", distinct = true', "distinct must be .* for class phone only"),
        ('class = "account", country = "DE"', "country must be .* for class iban only"),
        ('class = "iban", country = "NL"', "country must be one of AT"),
        ('class = "phone", distinct = 1', "distinct must be true or false"),
    ],
)
def test_options_belong_to_their_class(tmp_path: Path, entry: str, message: str) -> None:
    (tmp_path / "masking.toml").write_text(f"[tables.t]\nx = {{ {entry} }}\n")
    with pytest.raises(UsageError, match=message):
        load_policy(tmp_path / "masking.toml")


def test_the_dry_run_says_how_many_values_stay_distinct(new_copy: Callable[..., Copy]) -> None:
    copy = new_copy(
        t="id INTEGER PRIMARY KEY, phone VARCHAR(20), ip VARCHAR(40), other VARCHAR(30)"
    )
    copy.policy(
        '[tables.t]\nphone = { class = "phone" }\nip = { class = "network" }',
        'other = { class = "phone", distinct = true }',
    )
    rows = [(n, f"+49 30 {n:07d}", f"8.8.{n // 250}.{n % 250}", f"030 {n}") for n in range(4000)]
    copy.run(f"INSERT INTO t VALUES {', '.join(map(str, rows))}")
    (plan,) = rehearse(copy.settings, MaskOptions())
    assert plan.merged == {"phone": (4000, 3828), "ip": (4000, 758)}
    copy.mask()
    ((phones, ips, others),) = copy.all(
        "SELECT COUNT(DISTINCT phone), COUNT(DISTINCT ip), COUNT(DISTINCT other) FROM t"
    )
    assert abs(phones - 3828) < 60
    assert abs(ips - 758) < 5
    assert others == 4000
    assert copy.leaks() == set()
