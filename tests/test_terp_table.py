"""The vocabulary in which TERP's tables are described."""

from __future__ import annotations

import doctest
from datetime import timedelta

import pytest
from terp_harness import AS_OF

from terp_seed.errors import UsageError
from terp_seed.rows import seeders
from terp_seed.rows.model import Span
from terp_seed.rows.seeders import SeedContext, logical_references, seeder_named
from terp_seed.terp import table as vocabulary
from terp_seed.terp.simulation.arrays import Spool
from terp_seed.terp.simulation.clock import TODAY, Clock
from terp_seed.terp.table import WORDS, at, choice, day, each, once, row_of, seed_user, text
from terp_seed.terp.table import register as register_tables

SPAN = Span(b"key", 2, 5)


def test_the_worked_example_does_what_it_says() -> None:
    assert doctest.testmod(vocabulary, raise_on_error=True).attempted > 5


def test_sources_are_sequences_spools_and_functions() -> None:
    spool = Spool("I")
    for number in range(10):
        spool.append(number * number)
    assert each(int, spool)(SPAN) == [4, 9, 16]
    assert each(int, range(10, 20))(SPAN) == [12, 13, 14]
    assert at(spool, [0, 0, 1, 3, 4])(SPAN) == [1, 9, 16]
    assert at("abcdefghijk", lambda span: [row + 1 for row in span.rows()])(SPAN) == ["d", "e", "f"]
    assert each(lambda row: -row)(SPAN) == [-2, -3, -4]
    assert each(int, WORDS)(SPAN) == SPAN.words()


def test_once_makes_the_values_of_a_block_once() -> None:
    calls = []
    source = once(lambda span: [calls.append(row) or row for row in span.rows()])
    assert source(SPAN) is source(Span(b"other", 2, 5))
    assert calls == [2, 3, 4]


def test_columns_say_what_their_values_are_held_to() -> None:
    stages = choice([0, 1, 2, 1, 0], ["NEW", None, "DONE"])
    assert stages.make(SPAN) == ["DONE", None, "NEW"]
    assert stages.bounds.choices == {"NEW", "DONE"}
    assert (stages.bounds.length, stages.bounds.nullable) == (4, True)
    assert not text(["a"] * 5, 3).bounds.nullable
    assert row_of("orders", [4, 4, 1, 1, None], nullable=True).make(SPAN) == [1, 1, None]
    assert seed_user([True, False, True, False, True]).make(SPAN) == [0, None, 0]


def test_a_day_that_has_not_come_is_null() -> None:
    made = day(Clock(AS_OF), [0, 0, TODAY, 0, TODAY - 1], nullable=True).make(SPAN)
    assert made == [AS_OF, None, AS_OF - timedelta(days=1)]


def test_a_reference_is_declared_checked_and_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeders, "_REFERENCES", dict(seeders._REFERENCES))
    monkeypatch.setattr(seeders, "_SEEDERS", dict(seeders._SEEDERS))

    @vocabulary.table("notes_of_a_test", rows=lambda sim: 1, references={"order_id": "orders"})
    def notes(sim: object) -> vocabulary.Columns:
        return {"order_id": row_of("orders", [0])}

    before = logical_references()
    register_tables("notes of a test", notes, after=("orders",))
    assert set(logical_references()) - set(before) == {
        ("notes_of_a_test", "order_id", "orders", "id")
    }
    seeder = seeder_named("notes of a test")
    (check,) = seeder.checks
    assert check.name == "notes_of_a_test.order_id leads to a row of orders"
    context = SeedContext("notes of a test", 1, AS_OF, {})
    with pytest.raises(UsageError, match="builds on table 'orders'"):
        seeder.build(context)
