"""Each statement of the ledger, run by SQLite: what it changes, and that its neighbours stay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from terp_seed.database.bookkeeping import books
from terp_seed.database.dialects import SQLite
from terp_seed.errors import PlanError
from terp_seed.ledger.ledger import Digests, Header, Ledger, Range, SeededRange, Shape
from terp_seed.rows.columns import constant
from terp_seed.rows.model import Column, TableRows

BOOKS = books()
LEDGER = Ledger(SQLite(), BOOKS, "seed")
OTHER = Ledger(SQLite(), BOOKS, "more")
COLUMNS = {
    "code": constant("x"),
    "stock": constant(1),
    "maker_id": Column(lambda span: [0] * len(span), ref="makers"),
    "items": Column(lambda span: [{"maker": 0}] * len(span), json_refs={"maker": "makers"}),
}
ROWS = TableRows("things", 5, COLUMNS, b"", key=("code",), derived=("stock",))
REFS = {"makers": Range("r0", 3, "makers", 2, "id")}
SHAPE = Shape(
    id="id",
    key=["code"],
    columns=["code", "maker_id", "items"],
    refs={"maker_id": ("r0", 3)},
    json_refs={"items": {"maker": ("r0", 3)}},
    provenance="synthetic",
    skip_taken=False,
)


def of(revision: str, number: int) -> Range:
    return Range(revision, number, "things", 5, "id")


@pytest.fixture
def db() -> Iterator[sa.Connection]:
    """Two chains of two revisions with two ranges each; keys from 41 on."""
    with sa.create_engine("sqlite://", poolclass=sa.NullPool).connect() as connection:
        BOOKS.ledger.create(connection)
        connection.exec_driver_sql("CREATE TABLE things (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO things VALUES (40)")
        for ledger in (LEDGER, OTHER):
            for revision in ("r1", "r2"):
                run(connection, ledger.open(Header(revision, "applied", {"size": revision})))
                for number in (1, 2):
                    run(connection, ledger.reserve(of(revision, number), ROWS, REFS))
                    for block in (1, 2):
                        digests = Digests(block - 1, 1, bytes(8), None, None)
                        run(connection, ledger.block(of(revision, number), block, digests))
        yield connection


def run(connection: sa.Connection, sql: str) -> None:
    connection.exec_driver_sql(sql, execution_options={"no_parameters": True})


def entries(connection: sa.Connection) -> dict[tuple[str, str, int, int], sa.Row]:
    """All that the ledger holds, by chain, revision, range and block."""
    rows = connection.execute(sa.select(BOOKS.ledger))
    return {(row.chain, row.revision, row.range_no, row.block_no): row for row in rows}


def changed(connection: sa.Connection, sql: str) -> tuple[set[object], set[object]]:
    """Which entries a statement changes, and which it removes."""
    before = entries(connection)
    run(connection, sql)
    after = entries(connection)
    assert not after.keys() - before.keys()
    return (
        {place for place, row in after.items() if row != before[place]},
        before.keys() - after.keys(),
    )


RANGE = {("seed", "r1", 2, block) for block in (0, 1, 2)}
REVISION = {("seed", "r1", number, block) for number in (1, 2) for block in (0, 1, 2)}
HEADER = ("seed", "r1", 0, 0)


def test_a_range_begins_above_what_the_table_holds(db: sa.Connection) -> None:
    (found,) = [each for each in LEDGER.ranges(db, "r1") if each.number == 2]
    assert found == SeededRange("r1", 2, "things", 5, "id", 41, SHAPE)
    assert found.name == "things_r1_2"
    assert [(each.revision, each.number) for each in LEDGER.ranges(db)] == [
        ("r1", 1),
        ("r1", 2),
        ("r2", 1),
        ("r2", 2),
    ]
    db.exec_driver_sql("DELETE FROM things")
    run(db, LEDGER.reserve(of("r3", 1), ROWS, REFS))
    assert LEDGER.ranges(db, "r3")[0].first_key == 1
    assert db.exec_driver_sql(f"SELECT {LEDGER.first_key(of('r1', 2))}").scalar() == 41


def test_rows_without_an_integer_key_have_no_first_key(db: sa.Connection) -> None:
    rows = TableRows("pairs", 2, {"code": constant("x")}, b"", key=("code",), id=None)
    run(db, LEDGER.reserve(Range("r3", 1, "pairs", 2, None), rows, {}))
    (found,) = LEDGER.ranges(db, "r3")
    assert (found.first_key, found.id, found.count) == (None, None, 2)


def test_headers_say_how_a_revision_was_applied(db: sa.Connection) -> None:
    headers = LEDGER.headers(db)
    assert {name: (each.state, each.detail) for name, each in headers.items()} == {
        "r1": ("applied", {"size": "r1"}),
        "r2": ("applied", {"size": "r2"}),
    }
    for asked, is_so in (("r1", 1), ("r2", 0)):
        condition = LEDGER.settings_are("r1", {"size": asked})
        assert db.exec_driver_sql(f"SELECT {condition}").scalar() == is_so
    assert db.exec_driver_sql(LEDGER.count_ranges("r1")).scalar() == 6


def test_blocks_come_in_their_order_with_what_they_keep(db: sa.Connection) -> None:
    for number in range(3, 71):
        keys = [["'a'"]] if number == 70 else None
        digests = Digests(number - 1, 1, bytes([number] * 8), b"k" * 8, keys)
        run(db, LEDGER.block(of("r1", 2), number, digests))
    found = list(LEDGER.blocks(db, of("r1", 2)))
    assert [each.first_row for each in found] == [*range(70)]
    assert found[-1] == Digests(69, 1, bytes([70] * 8), b"k" * 8, [["'a'"]])
    assert found[0] == Digests(0, 1, bytes(8), None, None)


def test_what_is_removed(db: sa.Connection) -> None:
    run(db, LEDGER.retain(of("r1", 1), [0]))
    kept = {("seed", "r1", 1, 0)}
    with db.begin_nested() as nested:
        assert changed(db, LEDGER.drop(of("r1", 2))) == (set(), RANGE)
        nested.rollback()
    with db.begin_nested() as nested:
        assert changed(db, LEDGER.forget("r1")) == (set(), (REVISION | {HEADER}) - kept)
        nested.rollback()
    assert changed(db, LEDGER.erase("r1")) == (set(), REVISION | {HEADER})


def test_what_is_kept_and_taken_back(db: sa.Connection) -> None:
    place = ("seed", "r1", 2, 0)
    assert LEDGER.retained(db) == {}
    assert changed(db, LEDGER.retain(of("r1", 2), [1, 3])) == ({place}, set())
    (range_, numbers) = LEDGER.retained(db)["r1", 2]
    assert (range_.first_key, numbers) == (41, {1, 3})
    assert changed(db, LEDGER.retain_all("r1")) == ({place, ("seed", "r1", 1, 0)}, set())
    assert {at: numbers for at, (_, numbers) in LEDGER.retained(db).items()} == {
        ("r1", 1): {0, 1, 2, 3, 4},
        ("r1", 2): {0, 1, 2, 3, 4},
    }
    fewer = TableRows("things", 4, COLUMNS, b"", key=("code",), derived=("stock",))
    run(db, LEDGER.retain(of("r1", 2), [1]))
    assert changed(db, LEDGER.resume(of("r1", 2), fewer, REFS)) == ({place}, set())
    row = entries(db)[place]
    assert (row.state, row.row_count, row.row_keys) == ("seeded", 4, None)
    assert LEDGER.ranges(db, "r1")[1].shape == SHAPE


def test_a_range_ends_at_its_last_row(db: sa.Connection) -> None:
    """Ids behind it are anybody's: a row of another range's does not count."""
    place = ("seed", "r1", 2, 0)
    assert changed(db, LEDGER.end_at_last(of("r1", 2))) == ({place}, set())
    assert entries(db)[place].row_count == 0
    run(db, LEDGER.resume(of("r1", 2), ROWS, REFS))
    db.exec_driver_sql("INSERT INTO things VALUES (41), (43), (46), (99)")
    run(db, LEDGER.end_at_last(of("r1", 2)))
    assert entries(db)[place].row_count == 3
    db.exec_driver_sql("INSERT INTO things VALUES (45)")
    run(db, LEDGER.resume(of("r1", 2), ROWS, REFS))
    run(db, LEDGER.end_at_last(of("r1", 2)))
    assert entries(db)[place].row_count == 5


@pytest.mark.parametrize("first_key", [None, 7])
def test_a_range_that_was_found_again_is_recorded_as_it_is(
    db: sa.Connection, first_key: int | None
) -> None:
    found = SeededRange("r9", 4, "things", 3, SHAPE.id, first_key, SHAPE)
    run(db, LEDGER.record(found))
    assert LEDGER.ranges(db, "r9") == [found]
    row = entries(db)["seed", "r9", 4, 0]
    assert (row.state, row.first_row) == ("seeded", 0)


def test_there_may_be_no_ledger() -> None:
    with sa.create_engine("sqlite://", poolclass=sa.NullPool).connect() as connection:
        assert LEDGER.headers(connection) == {}
        assert LEDGER.retained(connection) == {}


def test_a_range_without_ids_has_no_first_id() -> None:
    """Else a DELETE by it would begin at id 0."""
    with pytest.raises(PlanError, match="revision r9, table things: its rows have no ids"):
        _ = SeededRange("r9", 4, "things", 3, None, None, SHAPE).first
