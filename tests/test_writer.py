"""The write path's own refusals, without a database: what it prints, and what it will not."""

from __future__ import annotations

import io
import json
import re
import sqlite3
from typing import Any

import pytest
from sqlalchemy.dialects import sqlite
from toys import Toy

from terp_seed.database.bookkeeping import books
from terp_seed.database.dialects import Dialect, SQLite
from terp_seed.database.dialects.mysql import MySQL
from terp_seed.database.statements import Printed
from terp_seed.errors import PlanError
from terp_seed.ledger.ledger import Ledger, Range, SeededRange, Shape
from terp_seed.plan.plan import PlannedTable
from terp_seed.rows.columns import computed, constant
from terp_seed.rows.literals import block_digests
from terp_seed.rows.model import Block, Column, Span, TableRows, ref
from terp_seed.run.writer import Writer


def planned(columns: dict[str, Column], count: int = 2) -> PlannedTable:
    """Some rows of a table ``things``."""
    rows = TableRows("things", count, columns, b"")
    return PlannedTable(rows, Range("r1", 1, "things", count, "id"))


def written(
    *tables: PlannedTable,
    known: dict[str, Range] | None = None,
    dialect: Dialect | None = None,
    **more: Any,
) -> str:
    """What a writer prints for them."""
    out, dialect = io.StringIO(), dialect or SQLite()
    ledger = Ledger(dialect, books(), "seed")
    writer = Writer(Printed(out, dialect), ledger, lambda rows: None, known or {}, **more)
    writer.announce(tables)
    for table in tables:
        writer.write(table)
    return out.getvalue()


def test_rows_may_not_refer_to_a_table_that_nobody_seeds() -> None:
    """There would be no first key to count from."""
    with pytest.raises(PlanError, match="table others: rows refer to it, but no revision seeds it"):
        written(planned({"other_id": Column(lambda span: [0] * len(span), ref="others")}))


def test_a_first_key_is_named_once_however_many_tables_count_from_it() -> None:
    """A range of this revision when it is reserved, an earlier one at its first use."""
    columns = {
        "thing_id": Column(lambda span: [0] * len(span), ref="things"),
        "old_id": Column(lambda span: [0] * len(span), ref="old"),
    }
    parts = [
        PlannedTable(TableRows(name, 2, columns, b""), Range("r1", number, name, 2, "id"))
        for number, name in enumerate(("parts", "pieces"), 2)
    ]
    known = {"old": Range("r0", 1, "old", 2, "id")}
    script = written(planned({"name": constant("x")}), *parts, known=known, dialect=MySQL())
    named = re.findall(r"^SET (@seed_\w+) = \(SELECT first_key ", script, re.MULTILINE)
    assert named == ["@seed_things_r1_1", "@seed_old_r0_1", "@seed_parts_r1_2", "@seed_pieces_r1_3"]
    before, after = script.split("INSERT INTO `parts`", 1)
    assert "(@seed_things_r1_1+0, @seed_old_r0_1+0)" not in before
    assert after.count("@seed_things_r1_1+0, @seed_old_r0_1+0)") == 4


def test_rows_may_refer_to_a_table_that_comes_later() -> None:
    """Its keys are taken then, so that there is a first one to count from."""
    first = planned({"other_id": Column(lambda span: [1] * len(span), ref="others")})
    rows = TableRows("others", 2, {"name": constant("x")}, b"")
    script = written(first, PlannedTable(rows, Range("r1", 2, "others", 2, "id")))
    assert script.count('FROM "others"));\n') == 1  # the range, above what the table holds
    assert script.index('FROM "others"));\n') < script.index('INSERT INTO "things"')


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (computed(lambda span: ["long"] * len(span), length=3), "a length of 4 where at most 3"),
        (computed(lambda span: ["B"] * len(span), choices=["A"]), "not among the promised ones"),
        (
            computed(lambda span: [ref("others", code="A")] * len(span)),
            r"a ref\(\) where the first",
        ),
    ],
)
def test_a_seeder_is_held_to_what_it_declared(column: Column, why: str) -> None:
    """The preflight believed the declaration; the block may not go past it."""
    with pytest.raises(PlanError, match=rf"things, column name, rows from 2: .*{why}"):
        written(planned({"name": column}))


def test_no_json_is_null_beside_json_with_references() -> None:
    """A row without a document has none, whatever its neighbours refer to."""
    values = [None, {"thingId": 0}]
    column = Column(lambda span: values[span.start : span.stop], json_refs={"thingId": "things"})
    script = written(planned({"items": column}))
    assert "(0, NULL, 0)" in script
    assert """(1, '{"thingId":%d}', 0)""" in script
    assert 'printf(column2, "things_r1_1" + column3)' in script


def test_a_document_with_more_keys_than_a_select_has_columns() -> None:
    """Its keys are looked up one by one then; its neighbour without a document has none."""
    values = [[{"thingId": number % 2} for number in range(1501)], None]
    rows = documents(values)
    assert json.loads(rows[0]) == [{"thingId": 7 + number % 2} for number in range(1501)]
    assert rows[1] is None


def test_rows_may_name_their_keys_in_any_order() -> None:
    """All rows are one SELECT, whose slots go through the keys in turn."""
    values = [{"b": 1, "thingId": 0}, {"thingId": 1, "zId": 0}, [{"zId": 1}, {"zId": 0}, 5], 7]
    assert [*map(json.loads, documents(values))] == [
        {"b": 1, "thingId": 7},
        {"thingId": 8, "zId": 21},
        [{"zId": 22}, {"zId": 21}, 5],
        7,
    ]


def documents(values: list[object]) -> list[str]:
    """What SQLite holds of documents that refer to rows of their own table, and of another."""
    refs = {"thingId": "things", "zId": "old"}
    shape = Shape("id", [], [], {}, {}, "synthetic", skip_taken=False)
    old = SeededRange("r0", 1, "old", 2, "id", 21, shape)
    column = Column(lambda span: values[span.start : span.stop], json_refs=refs)
    database = sqlite3.connect(":memory:")
    database.executescript(";\n".join(books().create(sqlite.dialect())))
    database.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, items TEXT)")
    database.execute("INSERT INTO things VALUES (6, 'somebody''s')")
    database.execute(Ledger(SQLite(), books(), "seed").record(old))
    database.executescript(written(planned({"items": column}, len(values)), known={"old": old}))
    rows = database.execute("SELECT items FROM things WHERE id > 6 ORDER BY id").fetchall()
    database.close()
    return [items for (items,) in rows]


def test_a_script_counts_every_row_that_it_may_leave_out() -> None:
    """Whether somebody has it already, only the database will know."""
    rows = TableRows("things", 3, {"name": constant("x")}, b"", key=("name",), skip_taken=True)
    ledger = Ledger(SQLite(), books(), "seed")
    writer = Writer(Printed(io.StringIO(), SQLite()), ledger, lambda rows: None, {})
    assert writer.write(PlannedTable(rows, Range("r1", 1, "things", 3, "id"))) == 3


def test_a_value_without_a_literal_is_named_by_its_row() -> None:
    """A seeder is believed until its block comes; the row is the table's, not the block's."""
    column = Column(lambda span: ["\ud800" if row == 150 else "x" for row in span.rows()])
    with pytest.raises(PlanError, match="column name, row 151: the value cannot be written"):
        written(planned({"name": column}, 200))


def test_keys_are_taken_when_the_first_rows_are_ready() -> None:
    """Until then others may take some, and a seeder that fails has taken none."""
    out = io.StringIO()
    before: list[bool] = []

    def make(span: Span) -> list[str]:
        before.append("INSERT" not in out.getvalue())
        return ["x"] * len(span)

    ledger = Ledger(SQLite(), books(), "seed")
    writer = Writer(Printed(out, SQLite()), ledger, lambda rows: None, {})
    writer.write(planned({"name": Column(make)}))
    assert before == [True, False]


def test_a_range_of_which_nothing_is_left_is_taken_anew() -> None:
    """Somebody removed the rows that a rollback had kept: the old entry goes first."""
    table = planned({"name": constant("x")})
    script = written(table, retained={1: frozenset()})
    assert script.index("DELETE FROM") < script.index('INSERT INTO "terp_seed_ledger"')
    assert "UPDATE" not in script
    assert "DELETE" not in written(table)
    resumed = written(table, retained={1: frozenset({0})})
    assert "UPDATE" in resumed
    assert "DELETE" not in resumed


def test_rows_are_cut_into_statements_by_their_number_and_by_their_length() -> None:
    """The last row comes first; a row as long as a statement may be has one to itself."""
    spans = [(250, 250), (1, 100), (101, 200), (201, 249)]
    assert spans_of(written(planned({"name": constant("x")}, 250))) == spans
    wide = Column(lambda span: ["x" * (60 if row in (0, 3) else 10) for row in span.rows()])
    script = written(planned({"name": wide}, 8), statement_characters=45)  # of 15 each
    assert spans_of(script) == [(8, 8), (1, 1), (2, 3), (4, 4), (5, 7)]
    retained = frozenset({1, 4})
    script = written(planned({"name": constant("x")}, 6), retained={1: retained})
    assert re.findall(r"^\((\d+), 'x'\)", script, re.MULTILINE) == ["5", "0", "2", "3"]


def test_a_table_without_rows_has_a_range_and_nothing_else() -> None:
    script = written(planned({"name": constant("x")}, 0))
    assert script.count("INSERT INTO") == script.count('INSERT INTO "terp_seed_ledger"') == 1


def spans_of(script: str) -> list[tuple[int, int]]:
    """The first and the last row of each INSERT, as a script says."""
    found = re.findall(r"^-- things: rows (\d+) to (\d+)$", script, re.MULTILINE)
    return [(int(first), int(last)) for first, last in found]


@pytest.mark.parametrize(
    ("length", "blocks"),
    [
        (1, [(0, 100), (100, 2000), (2100, 150)]),
        (10_000, [(0, 100), (100, 104), (204, 104), (308, 42)]),
    ],
)
def test_a_block_is_a_few_thousand_rows_and_fewer_where_they_are_long(
    length: int, blocks: list[tuple[int, int]]
) -> None:
    """What is in memory at a time does not depend on the rows."""
    count = sum(rows for _, rows in blocks)
    seen: list[tuple[str, int, int]] = []
    script = written(
        planned({"name": constant("x" * length)}, count), progress=lambda *done: seen.append(done)
    )
    entries = re.findall(
        r"VALUES \('seed', 'r1', 1, ([1-9]\d*), 'seeded', 'things', (\d+, \d+)", script
    )
    assert entries == [(str(at), f"{first}, {rows}") for at, (first, rows) in enumerate(blocks, 1)]
    assert seen == [("things", 0, count), *(("things", f + n, count) for f, n in blocks)]


def test_rows_without_columns_have_no_digests() -> None:
    """A table whose every column is derived has nothing to compare."""
    assert block_digests(Block("things", 0, 3, {}), []) == b""


def test_a_note_is_a_comment_on_every_line() -> None:
    """What stands in a script beside its statements never runs."""
    out = io.StringIO()
    Printed(out, SQLite()).note("a table\n\n; DROP TABLE things")
    assert out.getvalue() == "-- a table\n--\n-- ; DROP TABLE things\n"


@pytest.mark.parametrize(("rows", "number"), [(2, 2000), (120, 50)], ids=["INSERT", "COPY"])
def test_a_document_may_refer_to_many_rows(toy: Toy, rows: int, number: int) -> None:
    """A function of SQL takes 100 arguments, on most engines."""
    path = toy.path / "toy_seeders.py"
    path.write_text(f"{path.read_text()}{MANY.format(rows=rows, number=number)}")
    toy.only("0001_many", 'op.seed("many")')
    toy.alembic("upgrade", "head")  # a process of its own, where nothing knows toy_seeders yet
    found = toy.rows("SELECT id, extra FROM labels ORDER BY id")
    first = found[0][0]
    for _, extra in (found[0], found[-1]):
        document = json.loads(extra) if isinstance(extra, str) else extra
        assert [place["labelId"] - first for place in document] == [n % rows for n in range(number)]
    toy.alembic("-x", "on-edited=abort", "downgrade", "base")
    assert toy.counts() == {}


MANY = """

from terp_seed.rows.model import Column


@seeder("many")
def many(context: SeedContext) -> list[TableRows]:
    document = [{{"labelId": number % {rows}}} for number in range({number})]
    made = Column(lambda span: [document] * len(span), json_refs={{"labelId": "labels"}})
    columns = {{"code": code("SEED-L-"), "extra": made}}
    return [context.table("labels", rows={rows}, key=("code",), columns=columns)]
"""
