"""A column's texts are made all at once where its values are of one type, and each text once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from terp_seed.rows.literals import UnwritableError, column_texts, one_by_one
from terp_seed.rows.model import distinct_texts, plain_texts


def alone(value: object) -> str:
    return f"one {value}"


def together(values: Sequence[object]) -> list[str]:
    return [f"many {value}" for value in values]


def test_a_column_of_one_type_is_made_at_once() -> None:
    many = {int: together, str: together}
    assert [*column_texts([1, 2], {int}, "NULL", alone, many)] == ["many 1", "many 2"]
    assert [*column_texts([1, None, 2], {int}, "NULL", alone, many)] == ["many 1", "NULL", "many 2"]
    assert [*column_texts([1, "x"], {int, str}, "NULL", alone, many)] == ["one 1", "one x"]
    assert [*column_texts([None], set(), "NULL", alone, many)] == ["one None"]
    assert [*column_texts([b"x"], {bytes}, "NULL", alone, many)] == ["one b'x'"]


@pytest.mark.parametrize("error", [ValueError, TypeError, OverflowError])
def test_what_fails_at_once_is_made_one_by_one(error: type[Exception]) -> None:
    def fails(values: Sequence[object]) -> list[str]:
        raise error

    assert [*column_texts([1, 1, 2], {int}, "NULL", alone, {int: fails})] == [
        "one 1",
        "one 1",
        "one 2",
    ]


def test_a_text_that_repeats_is_made_once() -> None:
    asked: list[list[Any]] = []

    def make(values: Sequence[Any]) -> list[str]:
        asked.append(sorted(values))
        return together(values)

    assert distinct_texts(make, ["a", "b", "a"] * 30) == ["many a", "many b", "many a"] * 30
    different = [f"{number:02d}" for number in range(70)]
    assert distinct_texts(make, different) == together(different)
    assert asked == [["a", "b"], different]


@pytest.mark.parametrize(
    ("values", "scale", "texts"),
    [
        ([True, False, None], None, ["1", "0", None]),
        ([7, -7], None, ["7", "-7"]),
        ([date(2026, 1, 2)], None, ["2026-01-02"]),
        ([datetime(2026, 1, 2, 3), None], None, ["2026-01-02 03:00:00", None]),
        ([datetime(2026, 1, 2, 3, tzinfo=UTC)], None, ["2026-01-02 03:00:00"]),
        ([0, 5, None, 250, 1200], 2, ["0", "0.05", None, "2.5", "12"]),
        ([7, -5], 2, ["0.07", "-0.05"]),
        ([12_345], 3, ["12.345"]),
        ([1, None, 120_000], 5, ["0.00001", None, "1.2"]),
    ],
)
def test_plain_texts_are_made_at_once(
    values: list[Any], scale: int | None, texts: list[str | None]
) -> None:
    """They never come one by one: it would take several times as long, and nobody would see it."""
    made = plain_texts(values, type(values[0]), scale)
    assert made is not None
    assert [*made] == texts


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(10**5000, id="ValueError"),
        pytest.param("7", id="TypeError"),
        pytest.param(datetime.min.replace(tzinfo=timezone(timedelta(hours=2))), id="OverflowError"),
    ],
)
def test_a_column_with_a_value_without_a_plain_text_has_none(value: Any) -> None:
    kind = datetime if isinstance(value, datetime) else int
    assert plain_texts([value], kind, None if kind is datetime else 2) is None


def test_the_reason_and_the_place_of_a_value_without_a_text_are_kept_and_never_the_value() -> None:
    def make(value: str) -> str:
        if value == "own":
            raise UnwritableError("a reason of its own")
        if value == "Jane":
            raise ValueError(value)
        return value

    for value, reason in (("own", "a reason of its own"), ("Jane", "it has no SQL literal")):
        with pytest.raises(UnwritableError) as refused:
            one_by_one(make, ["x", "y", value, value])
        assert refused.value.args == (reason, 2)
        assert refused.value.__cause__ is None
        assert refused.value.__suppress_context__
