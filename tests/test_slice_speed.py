"""What is made column by column is what was made value by value."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from production import KEY

from terp_seed.masking.keys import Key
from terp_seed.masking.live_values import live_kinds, may_be_live_among
from terp_seed.masking.policy import DATA_CLASSES, Choice
from terp_seed.masking.site import Site
from terp_seed.masking.strategies import build
from terp_seed.project.operation_text import frozen_line, frozen_lines
from terp_seed.rows.literals import literals
from terp_seed.rows.model import Cells

_LIVE = (
    "+1 415-867-5309",
    "(415) 867-5309",
    "030 1234567",
    "DE89370400440532013000",
    "219-09-9999",
    "12-3456789",
    "4539148803436467",
    "192.168.17.133",
    "jane@real-corp.com",
)


def test_no_live_value_hides_among_others() -> None:
    drawn, signs = random.Random(7), "0123456789" * 3 + " -+().@AbDE:%/,_"
    found = 0
    for number in range(5_000):
        text = "".join(drawn.choices(signs, k=drawn.randint(0, 20)))
        place = drawn.randint(0, len(text))
        text = text[:place] + _LIVE[number % len(_LIVE)] + text[place:]
        if live_kinds(text):
            found += 1
            assert may_be_live_among({"C000000123", text, "C11-0000123-LIC"}), text
    assert found > 500


def test_codes_are_not_taken_for_numbers() -> None:
    """They are looked at once, together: most columns of codes have nothing live."""
    codes = {f"C{number:09d}" for number in range(50)} | {"C11-0000123-LIC", "INV2026000017"}
    assert not may_be_live_among(codes)


@pytest.mark.parametrize(
    ("kind", "strategy"),
    [
        ("person_name", "substitute"),
        ("org_name", "substitute"),
        ("postal_address", "substitute"),
        ("email", "pseudonymise"),
        ("username", "pseudonymise"),
        ("phone", "tokenise"),
        ("tax_id", "tokenise"),
        ("code", "hash"),
    ],
)
def test_texts_are_masked_together_as_one_by_one(kind: str, strategy: str) -> None:
    key = Key(bytes.fromhex(KEY))
    mask = build(Site("t.c", DATA_CLASSES[kind], Choice(strategy), key, kind))
    assert mask is not None
    assert mask.by_value is not None
    assert mask.by_texts is not None
    texts = ["415-867-5309", "Jane  CANARY", "jane@real-corp.com", "12-3456789", "Ærø Straße"]
    texts += [str(mask.by_value(text)) for text in texts]  # what may not come out again
    assert [*mask.by_texts(texts)] == [mask.by_value(text) for text in texts]
    assert not {*mask.by_texts(texts)} & {*texts[:5]}


def test_decimals_are_written_in_their_shortest_text() -> None:
    values = [Decimal(text) for text in ("1.50", "-0.010", "100", "1E+5", "7.00", "1E-40")]

    def written(values: list[Decimal]) -> list[str]:
        return [*literals(Cells(values), repr, repr, repr)]

    assert written(values[:3]) == ["1.5", "-0.01", "100"]
    assert written(values) == ["1.5", "-0.01", "100", "100000", "7", "1E-40"]


def test_lines_of_a_frozen_file_are_those_of_its_rows() -> None:
    columns = {
        "b%": ["x", 'é"\n\t\\ \u2028', None],
        "a": [1, None, 3],
        "d": [Decimal("1.50"), None, Decimal("1E+3")],
        "t": [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, 2, 3, 5), None],
        "u": [date(2026, 1, 1)] * 3,
        "m": [1, "a", b"x"],
        "j": [{"b": 1, "a": 2}, [1], None],
        "id": [UUID(int=1)] * 3,
        "f": [True, False, None],
    }
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    assert [*frozen_lines(columns)] == [*map(frozen_line, rows)]
