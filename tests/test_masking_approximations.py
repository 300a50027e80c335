"""Noise, shuffle, constant and coarser values: near what was, and never what was by mistake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest
from columns_masked import KEY
from copies import Copy
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from terp_seed.errors import MaskingError, UsageError
from terp_seed.mask_database import rehearsal
from terp_seed.mask_database import run as mask_run
from terp_seed.masking.boundary import Boundary
from terp_seed.masking.keys import Key
from terp_seed.masking.policy_file import load_policy
from terp_seed.rows.columns import constant
from terp_seed.rows.model import TableRows

several = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


NOISE = 'class = "amount", strategy = "noise"'
numbers = st.one_of(
    st.integers(-(10**9), 10**9),
    st.decimals(-(10**6), 10**6, places=2),
    st.floats(-1e6, 1e6, allow_nan=False).filter(lambda number: number == 0 or abs(number) > 1e-3),
)


@several
@given(value=numbers, key=st.sampled_from([KEY, None]), percent=st.integers(1, 100))
@example(value=Decimal("0.00"), key=KEY, percent=5)
@example(value=1, key=KEY, percent=1)
@example(value=Decimal("1E+3"), key=KEY, percent=50)
@example(value=Decimal("9" * 36 + ".25"), key=KEY, percent=50)
def test_noise_stays_near_and_moves_every_number(
    mask: Callable[..., list[Any]], value: Any, key: Key | None, percent: int
) -> None:
    out, again = mask(f"{NOISE}, percent = {percent}", [value, value], key)
    assert type(out) is type(value)
    assert out != value
    assert key is None or out == again
    unit = abs(value) * 1e-5 + 1e-6 if isinstance(value, float) else Decimal("0.01")
    unit = 1 if isinstance(value, int) else unit
    with localcontext(prec=60):
        assert abs(out - value) <= max(abs(value) * percent / 100 + unit, unit)
    if isinstance(value, Decimal) and value.as_tuple().exponent <= 0:
        assert out.as_tuple().exponent == value.as_tuple().exponent


def test_noise_stays_between_its_limits(mask: Callable[..., list[Any]]) -> None:
    values = [0, 1, 2, 99, 100, 50] * 30
    out = mask(f"{NOISE}, percent = 80, min = 0, max = 100", values, None)
    assert min(out) >= 0
    assert max(out) <= 100
    assert all(new != old for new, old in zip(out, values, strict=True))
    with pytest.raises(MaskingError, match="min and max leave no other value"):
        mask(f"{NOISE}, min = 3, max = 3", [3])


def test_noise_is_even_and_follows_the_key(mask: Callable[..., list[Any]]) -> None:
    values = [*range(10_000, 12_000)]
    out = mask(NOISE, values)
    moved = [new - old for new, old in zip(out, values, strict=True)]
    assert 900 < sum(step > 0 for step in moved) < 1100
    assert max(map(abs, moved)) > 900
    assert out != mask(NOISE, values, Key(bytes(range(100, 0, -3)) + b"more of it"))


def test_noise_on_dates(mask: Callable[..., list[Any]]) -> None:
    day = date(2024, 5, 17)
    out = mask('class = "date", strategy = "noise", days = 3', [day] * 100, None)
    assert {(new - day).days for new in out} == {-3, -2, -1, 1, 2, 3}
    assert mask('class = "date", strategy = "noise"', ["2024-05-17"])[0] != "2024-05-17"


@pytest.mark.parametrize("value", [True, "12.5", float("nan"), Decimal("Infinity"), b"1"])
def test_noise_refuses_what_is_no_number(mask: Callable[..., list[Any]], value: object) -> None:
    with pytest.raises(MaskingError, match=r"t\.x, row 1: "):
        mask(NOISE, [value])


# -- constant, generalise


@pytest.mark.parametrize(
    ("given_value", "values", "out"),
    [
        ('"none"', ["a", None, "", "none"], ["none", None, "", "none"]),
        ("7", [3, Decimal("1.50"), 2.5], [7, Decimal(7), 7.0]),
        ('"2000-01-01"', [date(1984, 3, 17)], [date(2000, 1, 1)]),
    ],
)
def test_a_constant_is_the_policys(
    mask: Callable[..., list[Any]], given_value: str, values: list[Any], out: list[Any]
) -> None:
    assert mask(f'class = "quasi", strategy = "constant", value = {given_value}', values) == out


@pytest.mark.parametrize(("given_value", "value"), [("7", "a"), ('"a"', 7), ('"x"', date.min)])
def test_a_constant_of_another_type_is_refused(
    mask: Callable[..., list[Any]], given_value: str, value: object
) -> None:
    with pytest.raises(MaskingError, match="of another type"):
        mask(f'class = "quasi", strategy = "constant", value = {given_value}', [value])


@pytest.mark.parametrize(
    ("options", "values", "out"),
    [
        ('to = "band"', [-5, Decimal("-5.50"), 1234], [-1000, Decimal("-1000.00"), 1000]),
        ('to = "band"', [Decimal("9" * 36 + ".25")], [Decimal("9" * 33 + "000.00")]),
        ('to = "band", band = 10, top = 90', [37, 90, 101, 9], [30, 90, 90, 0]),
        ('to = "band", band = 10, top = 90', ["37", " 101 "], ["30", "90"]),
        (
            'to = "decimals", decimals = 1',
            [52.520008, Decimal("13.404")],
            [52.5, Decimal("13.400")],
        ),
        ('to = "decimals", decimals = 1', ["52.520008,13.404954"], ["52.5,13.4"]),
        ('to = "decimals", decimals = 0', ["-33.86 151.21"], ["-34 151"]),
        ("decimals = 1", ["52.520008,13.404954"], ["52.5,13.4"]),
        ("first = 2", ["10827"], ["10000"]),
        ("top = 2000", [2500, 1234], [2000, 1000]),
        ('to = "prefix", first = 3', ["10827", "SW1A 1AA"], ["10800", "SW1* 0**"]),
    ],
)
def test_ages_postcodes_and_coordinates_are_made_coarser(
    mask: Callable[..., list[Any]], options: str, values: list[Any], out: list[Any]
) -> None:
    assert mask(f'class = "quasi", strategy = "generalise", {options}', values) == out


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('class = "quasi", strategy = "constant"', "constant needs value"),
        ('class = "email", strategy = "shuffle"', "shuffle does not fit class email"),
        ('class = "email", strategy = "noise"', "noise does not fit class email"),
        ('class = "amount", strategy = "noise", percent = 0', "percent must be"),
        ('class = "amount", strategy = "noise", min = "0"', "min must be a number"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, entry: str, message: str) -> None:
    (tmp_path / "masking.toml").write_text(f"[tables.t]\nx = {{ {entry} }}\n")
    with pytest.raises(UsageError, match=message):
        load_policy(tmp_path / "masking.toml")


# -- shuffle

PLACES = """
[tables.homes]
city = { class = "quasi", strategy = "shuffle", group = "place" }
zip = { class = "quasi", strategy = "shuffle", group = "place" }
age = { class = "quasi", strategy = "shuffle" }
"""


def homes(copy: Copy, count: int, first: int = 1) -> list[tuple[Any, ...]]:
    rows = [(n, f"city {n % 500}", f"{n % 500:05d}", n) for n in range(first, first + count)]
    copy.run(f"INSERT INTO homes VALUES {', '.join(map(str, rows))}")
    return rows


@pytest.fixture
def places(new_copy: Callable[..., Copy]) -> Copy:
    copy = new_copy(homes="id INTEGER PRIMARY KEY, city VARCHAR(20), zip VARCHAR(9), age INTEGER")
    copy.policy(PLACES)
    return copy


def test_shuffle_exchanges_the_values_of_a_table(places: Copy) -> None:
    """Columns of a group together, others by themselves, NULL as well; verify finds nothing."""
    rows = homes(places, 2005)
    places.run("UPDATE homes SET age = NULL WHERE id <= 100")
    places.mask()
    after = places.all("SELECT id, city, zip, age FROM homes ORDER BY id")
    assert all(city == f"city {int(zip_)}" for _, city, zip_, _ in after)
    assert Counter(row[1] for row in after) == Counter(row[1] for row in rows)
    ages = [row[3] for row in after]
    assert Counter(ages) == Counter([None] * 100 + [row[3] for row in rows[100:]])
    assert ages != [row[3] for row in rows]
    assert sum(new == old[3] for new, old in zip(ages, rows, strict=True)) == 0
    assert len({(row[1], row[3] % 500 if row[3] else 0) for row in after}) > 1500
    assert places.leaks() == set()


def test_shuffle_continues_after_an_interrupted_run(
    places: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "_BLOCK_ROWS", 300)
    rows = homes(places, 1001)
    made = mask_run._Run._commit
    calls: list[int] = []

    def stop(self: Any) -> None:
        made(self)
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(mask_run._Run, "_commit", stop)
    with pytest.raises((KeyboardInterrupt, Exception)):
        places.mask()
    monkeypatch.setattr(mask_run._Run, "_commit", made)
    places.mask()
    after = places.all("SELECT id, city, zip, age FROM homes ORDER BY id")
    assert Counter(row[3] for row in after) == Counter(row[3] for row in rows)
    assert not any(new[3] == old[3] for new, old in zip(after, rows, strict=True))


def test_shuffle_refuses_few_rows_and_unique_columns_and_no_key(places: Copy) -> None:
    rows = homes(places, 4)
    with pytest.raises(MaskingError, match="shuffle exchanges values of at least 10 rows"):
        places.mask()
    assert places.all("SELECT id, city, zip, age FROM homes ORDER BY id") == rows
    homes(places, 20, 10)
    places.run("CREATE UNIQUE INDEX one ON homes (age)")
    with pytest.raises(MaskingError, match=r"homes\.age: the column is unique"):
        places.mask()
    places.key(None)
    with pytest.raises(MaskingError, match="shuffle needs a key"):
        places.mask()


def test_shuffle_is_refused_for_imported_rows(tmp_path: Path) -> None:
    (tmp_path / "masking.toml").write_text(PLACES)
    border = Boundary(load_policy(tmp_path / "masking.toml"), "staging", KEY)
    rows = TableRows("homes", 20, {"age": constant(1)}, b"seed", provenance="imported")
    with pytest.raises(MaskingError, match=r"homes\.age: shuffle exchanges values of a table"):
        border.mask(rows)


def test_a_number_that_does_not_fit_its_column_is_refused_before_the_first_row(
    new_copy: Callable[..., Copy],
) -> None:
    copy = new_copy(t="id INTEGER PRIMARY KEY, n SMALLINT, d DECIMAL(5,2)")
    copy.policy(f"[tables.t]\nn = {{ {NOISE}, max = 32767 }}\nd = {{ {NOISE} }}")
    copy.run(*(f"INSERT INTO t VALUES ({n}, 32767, 999.{n}9)" for n in range(1, 10)))
    if copy.name != "sqlite":  # there any number fits
        with pytest.raises(MaskingError, match=r"t\.d, row \d: the masked number does not fit"):
            copy.mask()
    copy.policy(f"[tables.t]\nn = {{ {NOISE}, max = 32767 }}\nd = {{ {NOISE}, max = 999.99 }}")
    copy.mask()
    for number, decimal in copy.all("SELECT n, d FROM t"):
        assert 0 < number < 32767
        assert 0 < decimal < 1000
