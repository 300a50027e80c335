"""op.seed_rows and op.seed_file: what goes in, what is refused, and what comes out again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from toys import HEAD, Toy

from terp_seed.errors import PlanError, SeedError, UsageError


def refused(toy: Toy, *words: str, error: type[SeedError] = UsageError) -> str:
    """Upgrade, expect one clear error that says these words and writes nothing."""
    before = toy.digests()
    with pytest.raises(error) as caught:
        toy.upgrade()
    for word in words:
        assert word in str(caught.value)
    assert toy.digests() == before
    assert toy.version() is None
    return str(caught.value)


def column(toy: Toy, name: str) -> list:
    return [value for (value,) in toy.rows(f"SELECT {name} FROM labels ORDER BY id")]


# -- rows


def test_mixed_kinds_in_one_column(toy: Toy) -> None:
    """A JSON column takes texts, numbers and objects next to each other."""
    toy.only(
        "0001_a",
        """
        op.seed_rows("labels", [
            {"code": "A", "body": "text"},
            {"code": "B", "body": 5},
            {"code": "C", "body": {"k": [1, None]}},
            {"code": "D", "body": None},
        ], key=["code"])
        """,
    )
    toy.upgrade()
    assert column(toy, "body") == ["text", "5", '{"k":[1,null]}', None]
    toy.downgrade()
    assert toy.counts() == {}


def test_rows_of_different_columns_are_refused(toy: Toy) -> None:
    """C-20."""
    toy.only(
        "0001_a", 'op.seed_rows("labels", [{"code": "A"}, {"code": "B", "place": 1}], key=["code"])'
    )
    refused(toy, "table labels, row 2", "column place", "None writes NULL")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ('op.seed_rows("labels", [], key=["code"])', "there are no rows"),
        ('op.seed_rows("labels", [("code", "A")], key=["code"])', "row 1"),
        ('op.seed_rows("labels", {"code": "A"}, key=["code"])', "row 1"),
        ('op.seed_rows("labels", [{"code": "A"}], key="code")', 'key=["code"]'),
        ('op.seed_rows("labels", [{"code": "A"}], key=["kode"])', "kode"),
        ('op.seed_rows("labels", [{"code": None}], key=["code"])', "row 1: key column is empty"),
        ('op.seed_rows("labels", [{"code": "A"}, {"code": "A"}], key=["code"])', "as row 1"),
        ('op.seed_rows("labels", [{"code": "A"}], on_conflict="updat")', "not 'updat'"),
        ('op.seed_rows("labels", [{"code": "A"}], on_conflict="skip")', "natural key"),
        ('op.seed_rows("pairs", [{"left_code": "A"}], id=None)', "natural key"),
        ('op.seed_rows("labels", [{"id": 7, "code": "A"}])', "natural key"),
        ('op.seed_rows("labels", [{"code": "A"}], refs={"code": "labels"})', "table.column"),
        ('op.seed_rows("labels", [{"code": "A"}], refs={"kode": "labels.code"})', "kode"),
        ('op.seed("depotz")', "depotz"),
        ('op.seed_rows("labels")', "TypeError"),
    ],
)
def test_rows_that_cannot_be_used(sqlite_toy: Toy, call: str, words: str) -> None:
    sqlite_toy.only("0001_a", call)
    refused(sqlite_toy, words, error=SeedError)


def test_a_table_without_an_integer_key(toy: Toy) -> None:
    toy.only(
        "0001_a",
        """
        op.seed_rows("pairs", [
            {"left_code": "A'\\\\", "right_code": "B%", "weight": Decimal("1.5")},
            {"left_code": "C", "right_code": "D", "weight": 2},
        ], key=["left_code", "right_code"], id=None)
        """,
        head="from decimal import Decimal",
    )
    toy.execute("INSERT INTO pairs VALUES ('mine', 'too', 3)")
    toy.upgrade()
    assert toy.counts() == {"pairs": 3}
    toy.downgrade()
    assert toy.rows("SELECT left_code, right_code FROM pairs") == [("mine", "too")]


def test_rows_that_bring_their_own_ids(toy: Toy) -> None:
    """C-24: an id of 0 stays 0."""
    toy.only(
        "0001_a",
        'op.seed_rows("labels", [{"id": 0, "code": "A"}, {"id": 77, "code": "B"}], key=["code"])',
    )
    toy.upgrade()
    assert toy.rows("SELECT id, code FROM labels ORDER BY id") == [(0, "A"), (77, "B")]
    toy.downgrade()
    assert toy.counts() == {}


def test_an_id_that_is_taken_stops_the_run(toy: Toy) -> None:
    toy.execute("INSERT INTO labels (id, code) VALUES (77, 'mine')")
    toy.only("0001_a", 'op.seed_rows("labels", [{"id": 77, "code": "B"}], key=["code"])')
    said = refused(toy, "table labels, key id", error=PlanError)
    assert "77" not in said


def test_every_kind_of_value(toy: Toy) -> None:
    nul = "y" if toy.postgresql else "\0"  # which no text of it holds
    toy.only(
        "0001_a",
        """
        op.seed_rows("labels", [{
            "code": "A", "wording": "a'b\\\\c\\t%s :x 100% \\U0001f600", "place": -5,
            "extra": {"ключ": [1, 2.5, None, True], "at": datetime(2026, 1, 2, 3, 4, 5)},
            "blob": bytes(range(256)), "body": "x\\0y\\r\\nz\\x1a", "amount": Decimal("12.30"),
            "day": date(2026, 2, 3), "moment": datetime(2026, 3, 29, 1, 30, tzinfo=timezone.utc),
        }], key=["code"])
        """.replace("\\0", nul.replace("\0", "\\0")),
        head="from datetime import date, datetime, timezone\nfrom decimal import Decimal",
    )
    toy.upgrade()
    from toy_schema import labels

    with toy.db.connect() as connection:
        (row,) = connection.execute(sa.select(labels)).mappings()
    assert row["wording"] == "a'b\\c\t%s :x 100% \U0001f600"
    assert row["extra"] == {"ключ": [1, 2.5, None, True], "at": "2026-01-02 03:04:05"}
    assert row["blob"] == bytes(range(256))
    assert row["body"] == f"x{nul}y\r\nz\x1a"
    assert (row["amount"], row["day"]) == (Decimal("12.30"), date(2026, 2, 3))
    assert row["moment"] == datetime(2026, 3, 29, 1, 30)
    toy.downgrade()
    assert toy.counts() == {}


@pytest.mark.parametrize(
    "value", ['"\\ud800"', 'float("nan")', 'float("inf")', "object()", '{"k": float("nan")}']
)
def test_a_value_that_cannot_be_written_is_named_by_its_place(sqlite_toy: Toy, value: str) -> None:
    sqlite_toy.only(
        "0001_a",
        f'op.seed_rows("labels", [{{"code": "A", "body": "x"}}, {{"code": "B", "body": {value}}}], '
        'key=["code"])',
    )
    refused(sqlite_toy, "table labels, row 2, column body: the value cannot be written")


# -- references


def test_references_are_looked_up_in_other_tables(toy: Toy) -> None:
    toy.revision(
        "0004_more",
        """
        op.seed_rows("crates", [
            {"code": "X1", "depot_id": "SEED-D-000002", "weight": 5},
            {"code": "X2", "depot_id": "SEED-D-000001", "weight": 6},
        ], key=["code"], refs={"depot_id": "depots.code"})
        """,
    )
    toy.upgrade()
    found = toy.rows(
        "SELECT c.code, d.code FROM crates c JOIN depots d ON d.id = depot_id "
        "WHERE weight < 7 AND c.code < 'Z' AND c.code > 'X' ORDER BY 1"
    )
    assert found == [("X1", "SEED-D-000002"), ("X2", "SEED-D-000001")]
    toy.downgrade("-1")
    assert toy.counts()["crates"] == 12


def test_a_reference_by_hand(toy: Toy) -> None:
    toy.revision(
        "0004_more",
        'op.seed_rows("crates", [{"code": "X", "weight": 1, "depot_id": ref("depots", '
        'code="SEED-D-000003")}], key=["code"])',
        head="from terp_seed.rows.model import ref",
    )
    toy.upgrade()
    assert toy.value(
        "SELECT d.code FROM crates c JOIN depots d ON d.id = depot_id WHERE c.code = 'X'"
    ) == ("SEED-D-000003")


def test_references_to_rows_of_the_same_revision(toy: Toy) -> None:
    toy.only(
        "0001_a",
        """
        op.seed_rows("labels", [{"code": "ROOT"}], key=["code"])
        op.seed_rows("labels", [{"code": "LEAF", "parent_id": "ROOT"}], key=["code"],
                     refs={"parent_id": "labels.code"})
        """,
    )
    toy.upgrade()
    assert toy.value("SELECT p.code FROM labels p JOIN labels c ON c.parent_id = p.id") == "ROOT"
    toy.downgrade()
    assert toy.counts() == {}


def test_rows_that_bring_their_own_ids_may_refer_to_each_other(toy: Toy) -> None:
    toy.only(
        "0001_a",
        """
        op.seed_rows("labels", [{"id": 50, "code": "ROOT", "parent_id": None},
                                {"id": 51, "code": "LEAF", "parent_id": 50}], key=["code"])
        """,
    )
    toy.upgrade()
    assert toy.value("SELECT p.code FROM labels p JOIN labels c ON c.parent_id = p.id") == "ROOT"
    toy.downgrade()
    assert toy.counts() == {}


def test_a_reference_to_a_row_of_a_later_revision_is_refused(toy: Toy) -> None:
    toy.only(
        "0001_a",
        'op.seed_rows("labels", [{"code": "LEAF", "parent_id": "ROOT"}], key=["code"],\n'
        '             refs={"parent_id": "labels.code"})',
    )
    toy.revision(
        "0002_b", 'op.seed_rows("labels", [{"code": "ROOT"}], key=["code"])', after="0001_a"
    )
    refused(toy, "table labels, column parent_id, row 1", error=PlanError)


def test_a_reference_by_a_number_that_a_file_holds_as_text(toy: Toy) -> None:
    toy.data("a.csv", "code,parent_id\nLEAF,5\n")
    toy.only(
        "0001_a",
        """
        op.seed_rows("labels", [{"code": "ROOT", "place": 5}], key=["code"])
        op.seed_file("labels", "a.csv", key=["code"], refs={"parent_id": "labels.place"})
        """,
    )
    toy.upgrade()
    assert toy.value("SELECT p.code FROM labels p JOIN labels c ON c.parent_id = p.id") == "ROOT"


@pytest.mark.parametrize(
    ("refs", "words"),
    [
        ('{"depot_id": "depots.code"}', "row 1: refers to a row of depots that does not exist"),
        ('{"depot_id": "depotz.code"}', "depotz: the table or the column does not exist"),
        ('{"depot_id": "depots.kode"}', "depots: the table or the column does not exist"),
        ("None", "row 1: refers to a row of depots that does not exist"),
    ],
)
def test_a_reference_that_leads_nowhere(toy: Toy, refs: str, words: str) -> None:
    toy.only(
        "0001_a",
        f'op.seed_rows("crates", [{{"code": "X", "depot_id": 123456, "weight": 1}}], '
        f'key=["code"], refs={refs})',
    )
    said = refused(toy, "table crates, column depot_id", words, error=PlanError)
    assert "123456" not in said


def test_an_ambiguous_reference_is_refused(toy: Toy) -> None:
    toy.execute("INSERT INTO labels (code, place) VALUES ('A', 1), ('B', 1)")
    toy.only(
        "0001_a",
        'op.seed_rows("labels", [{"code": "C", "parent_id": 1}], key=["code"], '
        'refs={"parent_id": "labels.place"})',
    )
    refused(toy, "refers to 2 rows of labels, not one", error=PlanError)


# -- natural keys


def test_a_taken_natural_key_stops_the_run(toy: Toy) -> None:
    toy.execute("INSERT INTO labels (code) VALUES ('COLD')")
    said = refused(toy, "table labels, key code", 'on_conflict="skip"', error=PlanError)
    assert "COLD" not in said


def test_a_key_that_an_earlier_revision_of_the_same_run_seeds_is_taken_too(toy: Toy) -> None:
    """`upgrade head` and two `upgrade +1` must come to the same."""
    rows = '[{"code": "A", "place": 1}, {"code": "B", "place": 2}]'
    toy.only("0001_a", f'op.seed_rows("labels", {rows}, key=["place"])')  # nothing unique about it
    rows = '[{"code": "C", "place": 2}]'
    toy.revision("0002_b", f'op.seed_rows("labels", {rows}, key=["place"])', after="0001_a")
    refused(toy, "revision 0002_b, table labels, key place", error=PlanError)


def test_skip_leaves_the_rows_of_others_alone(toy: Toy) -> None:
    """Promise 2: a row that was there before is there after the rollback."""
    toy.execute("INSERT INTO labels (code, wording) VALUES ('B', 'mine')")
    toy.only(
        "0001_a",
        """
        rows = [{"code": c, "wording": "seeded"} for c in "ABC"]
        op.seed_rows("labels", rows, key=["code"], on_conflict="skip")
        """,
    )
    toy.upgrade()
    found = toy.rows("SELECT code, wording FROM labels ORDER BY code")
    assert found == [("A", "seeded"), ("B", "mine"), ("C", "seeded")]
    toy.downgrade()
    assert toy.rows("SELECT code, wording FROM labels") == [("B", "mine")]


def test_an_id_that_was_left_out_at_the_end_is_anybodys(toy: Toy) -> None:
    """Somebody's own row with the same key, at exactly that id, is not ours and stays."""
    toy.only(
        "0001_a",
        'op.seed_rows("labels", [{"code": "A"}, {"code": "B"}], key=["code"], on_conflict="skip")',
    )
    toy.execute("INSERT INTO labels (code) VALUES ('B')")
    toy.upgrade()
    free = toy.value("SELECT MAX(id) FROM labels") + 1
    toy.execute(
        "DELETE FROM labels WHERE code = 'B'",
        f"INSERT INTO labels (id, code) VALUES ({free}, 'B')",
    )
    toy.upgrade()
    toy.downgrade("base")
    assert toy.rows("SELECT id, code FROM labels") == [(free, "B")]


@pytest.mark.parametrize("left", [0, 2])
def test_the_script_leaves_out_the_same_and_keeps_the_same_books(
    toy: Toy, new_toy: Callable[..., Toy], second_database_url: str, client: Any, left: int
) -> None:
    """All rows left out, or the last ones: run and script agree to the last entry."""
    rows = 'op.seed_rows("labels", [{"code": "A"}, {"code": "B"}, {"code": "C"}], key=["code"], '
    other = new_toy(second_database_url)
    for each in (toy, other):
        each.only("0001_a", rows + 'on_conflict="skip")')
        taken = ["A", "B", "C"] if not left else ["C"]
        each.execute(*(f"INSERT INTO labels (code) VALUES ('{code}')" for code in taken))
    toy.upgrade()
    client(other.url, other.call("upgrade", "head", sql=True))
    for query in (
        "SELECT id, code FROM labels ORDER BY id",
        "SELECT range_no, block_no, first_key, row_count FROM terp_seed_ledger ORDER BY 1, 2",
    ):
        assert toy.rows(query) == other.rows(query)
    assert [row[3] for row in toy.rows(query) if row[:2] == (1, 0)] == [left]
    toy.downgrade("base")
    assert len(toy.rows("SELECT code FROM labels")) == (1 if left else 3)


@pytest.mark.parametrize(
    "operation",
    [
        'op.seed_file("pairs", "pairs.json", key=["left_code", "right_code"], id=None, '
        'on_conflict="skip")',
        'op.seed_rows("labels", [{"id": 500, "code": "A"}], key=["code"], on_conflict="skip")',
    ],
)
def test_skip_needs_a_range_of_keys_to_tell_whose_a_row_is(toy: Toy, operation: str) -> None:
    """Without one a rollback would take rows that were there before."""
    toy.only("0001_a", operation)
    refused(toy, 'on_conflict="skip" needs an integer key that the run fills')
    assert toy.counts() == {}


def test_references_resolve_to_a_row_that_was_skipped(toy: Toy) -> None:
    toy.execute("INSERT INTO labels (id, code) VALUES (900, 'ROOT')")
    toy.only(
        "0001_a",
        """
        op.seed_rows("labels", [{"code": "ROOT"}], key=["code"], on_conflict="skip")
        op.seed_rows("labels", [{"code": "LEAF", "parent_id": "ROOT"}], key=["code"],
                     refs={"parent_id": "labels.code"})
        """,
    )
    toy.upgrade()
    assert toy.rows("SELECT code, parent_id FROM labels ORDER BY id") == [
        ("ROOT", None),
        ("LEAF", 900),
    ]
    toy.downgrade()
    assert toy.rows("SELECT id, code FROM labels") == [(900, "ROOT")]


# -- files


def test_a_revision_of_five_lines_loads_a_csv(toy: Toy) -> None:
    """The whole of what a person types, by hand, without the template."""
    toy.upgrade()
    before = toy.digests()
    toy.data("more.csv", "code,wording\nTALL,This side up\n")
    (toy.path / "seed_revisions" / "0004_more.py").write_text(
        "from alembic import op\n"
        f"revision, down_revision = '0004_more', '{HEAD}'\n"
        "def upgrade(): op.seed_file('labels', 'more.csv', key=['code'])\n"
        "def downgrade(): op.unseed()\n"
    )
    toy.alembic("upgrade", "head")
    assert toy.counts()["labels"] == 4
    toy.alembic("downgrade", "-1")
    assert toy.digests() == before


def seed_file(toy: Toy, name: str, content: str | bytes, more: str = "") -> None:
    toy.data(name, content)
    toy.only("0001_a", f'op.seed_file("labels", {name!r}, key=["code"]{more})')


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffcode,wording\nA,x\nB,\n",
        "code,wording\r\nA,x\r\nB,\r\n",
        'code,wording\n"A","x"\n"B",""\n',
        "code,wording\n\nA,x\n\n\nB,\n\n",
        "code,wording\nA,x\nB,",
    ],
    ids=["byte order mark", "CRLF", "quotes", "blank lines", "no last newline"],
)
def test_csv_as_programs_write_it(toy: Toy, content: str) -> None:
    """C-22."""
    seed_file(toy, "a.csv", content)
    toy.upgrade()
    assert toy.rows("SELECT code, wording FROM labels ORDER BY id") == [("A", "x"), ("B", None)]


def test_csv_fields_arrive_as_they_are(toy: Toy) -> None:
    """C-22: backslashes, quotes, line ends in a field, and words that look like NULL."""
    fields = ["NULL", "\\N", "None", 'a"b', "c\nd", "e\r\nf", " g ", "100%", "\\", "'", "é", ","]
    quoted = "".join(
        f'K{n},"{field.replace(chr(34), chr(34) * 2)}"\n' for n, field in enumerate(fields)
    )
    seed_file(toy, "a.csv", "code,wording\n" + quoted)
    toy.upgrade()
    assert column(toy, "wording") == fields


def test_csv_keeps_an_empty_text_where_told_to(toy: Toy) -> None:
    seed_file(toy, "a.csv", "code,wording,body\nA,,\n", ', keep_empty=["wording"]')
    toy.upgrade()
    assert toy.rows("SELECT wording, body FROM labels") == [("", None)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty; its first line must name the columns"),
        ("code,wording\n", "there are no rows to seed"),
        ("code,wording\nA,x\nB\n", "line 3: has 1 fields where the header has 2"),
        ("code,wording\nA,x,y\n", "line 2: has 3 fields"),
        ("code,code\nA,x\n", "line 1: every column needs its own name"),
        ("code,\nA,x\n", "line 1: every column needs its own name"),
        ("code,wording\nA,x\0\n", "NUL byte"),
        (b"code,wording\nA,\xe9\n", "is not UTF-8 (byte 15)"),
        ("code,wording\nA,x\n".encode("utf-16-le"), 'encoding="utf-16-le"'),
        ('code,wording\nA,"x\nB,y\n', "line 3"),
        ('code,wording\nA,"x"y\n', "line 2"),
        ("kode,wording\nA,x\n", "key column code is not in the rows"),
        ("code,wording\n,x\n", "row 1: key column is empty"),
        ("code,wording\nA,x\nA,y\n", "row 2: has the same key (code) as row 1"),
    ],
)
def test_a_csv_file_that_cannot_be_used(sqlite_toy: Toy, content: str | bytes, words: str) -> None:
    seed_file(sqlite_toy, "a.csv", content)
    refused(sqlite_toy, "a.csv", words)


def test_keep_empty_must_name_a_column(sqlite_toy: Toy) -> None:
    seed_file(sqlite_toy, "a.csv", "code,wording\nA,x\n", ', keep_empty=["words"]')
    refused(sqlite_toy, "keep_empty: unknown column words")


def test_json_tags_say_what_json_cannot(toy: Toy) -> None:
    row = {
        "code": "A",
        "place": 7,
        "amount": {"$decimal": "19.90"},
        "blob": {"$bytes": "AP8="},
        "day": {"$date": "2026-02-03"},
        "moment": {"$datetime": "2026-02-03T04:05:06"},
        "extra": {"$json": None},
        "body": {"$time": "07:08:09"},
    }
    seed_file(toy, "a.json", json.dumps([row]))
    toy.upgrade()
    from toy_schema import labels

    with toy.db.connect() as connection:
        (found,) = connection.execute(sa.select(labels)).mappings()
        extra = "CAST(extra AS CHAR(9))" if not toy.sqlite else "extra"
        kept = connection.exec_driver_sql(f"SELECT {extra} FROM labels").scalar()
        assert str(kept).strip() == "null"
    assert found["amount"] == Decimal("19.90")
    assert found["blob"] == b"\x00\xff"
    assert (found["day"], found["moment"]) == (date(2026, 2, 3), datetime(2026, 2, 3, 4, 5, 6))
    assert found["body"] == "07:08:09"
    toy.downgrade()
    assert toy.counts() == {}


def test_json_numbers_and_objects_keep_their_value(toy: Toy) -> None:
    seed_file(toy, "a.json", '[{"code": "A", "amount": 1.10, "extra": {"a": [1.5, {"b": null}]}}]')
    toy.upgrade()
    assert float(toy.value("SELECT amount FROM labels")) == 1.1
    found = toy.value("SELECT extra FROM labels")
    document = json.loads(found) if isinstance(found, str) else found
    assert document == {"a": [1.5, {"b": None}]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"code": "A"}', "must be a list of objects"),
        ("[1]", "must be a list of objects"),
        ("[]", "there are no rows to seed"),
        ("", "line 1"),
        ('[{"code": "A"},]', "line 1"),
        ('[{"code": "A", "code": "B"}]', "the same key twice"),
        ('[{"code": "A", "place": NaN}]', "NaN is not JSON"),
        ('[{"code": "A", "place": -Infinity}]', "-Infinity is not JSON"),
        ('[{"code": "A", "extra": ' + "[" * 100_000 + "]" * 100_000 + "}]", "nested too deeply"),
        (
            '[{"code": "A", "day": {"$date": "2026-02-30"}}]',
            "column day: is not a valid $date",
        ),
        (
            '[{"code": "A", "amount": {"$decimal": "1,5"}}]',
            "amount: is not a valid $decimal",
        ),
        (
            '[{"code": "A", "amount": {"$decimal": "NaN"}}]',
            "row 1, column amount: the value cannot",
        ),
        ('[{"code": "A", "blob": {"$bytes": "*"}}]', "row 1, column blob: is not a valid $bytes"),
        ('[{"code": "A", "day": {"$date": 5}}]', "column day: is not a valid $date"),
        ('[{"code": "A"}, {"kode": "B"}]', "row 2: column code, kode is not in every row"),
        ('[{"code": "A", "place": ' + "9" * 5000 + "}]", "a.json"),
        (b'[{"code": "\xff"}]', "is not UTF-8"),
    ],
    ids=range(17),
)
def test_a_json_file_that_cannot_be_used(sqlite_toy: Toy, content: str | bytes, words: str) -> None:
    seed_file(sqlite_toy, "a.json", content)
    said = refused(sqlite_toy, "a.json", words)
    assert "2026-02-30" not in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere.csv", "cannot be read: No such file or directory"),
        ("../sizes.toml", "leads out of data/"),
        ("/etc/hostname.csv", "leads out of data/"),
        ("labels.txt", "must end with .csv, .json, .jsonl"),
        ("folder.csv", "is not a file"),
        ("", "is not a file"),
        ("labels.csv\\0", "labels.csv"),
    ],
)
def test_a_path_that_cannot_be_used(sqlite_toy: Toy, path: str, words: str) -> None:
    (sqlite_toy.path / "seeds" / "data" / "folder.csv").mkdir()
    sqlite_toy.only("0001_a", f'op.seed_file("labels", "{path}", key=["code"])')
    refused(sqlite_toy, words)


def test_a_link_that_leads_out_is_refused(sqlite_toy: Toy) -> None:
    outside = sqlite_toy.path / "outside.csv"
    outside.write_text("code\nA\n")
    (sqlite_toy.path / "seeds" / "data" / "link.csv").symlink_to(outside)
    sqlite_toy.only("0001_a", 'op.seed_file("labels", "link.csv", key=["code"])')
    refused(sqlite_toy, "link.csv: leads out of data/")


def test_a_link_within_the_folder_is_followed(sqlite_toy: Toy) -> None:
    (sqlite_toy.path / "seeds" / "data" / "link.csv").symlink_to("labels.csv")
    sqlite_toy.only("0001_a", 'op.seed_file("labels", "link.csv", key=["code"])')
    sqlite_toy.upgrade()
    assert sqlite_toy.counts() == {"labels": 3}


def test_a_file_in_a_subfolder(sqlite_toy: Toy) -> None:
    (sqlite_toy.path / "seeds" / "data" / "dev").mkdir()
    sqlite_toy.data("dev/a.csv", "code\nA\n")
    sqlite_toy.only("0001_a", 'op.seed_file("labels", "dev/a.csv", key=["code"])')
    sqlite_toy.upgrade()
    assert sqlite_toy.counts() == {"labels": 1}


# -- what a downgrade and an upgrade may say


@pytest.mark.parametrize(
    ("upgrade", "downgrade", "words"),
    [
        ('op.seed("depots")\nop.unseed()', "op.unseed()", "call op.unseed in downgrade()"),
        ('op.seed("depots")', 'op.seed("depots")', "in upgrade()"),
        ('op.seed("depots")', 'op.unseed("labels")', "depots"),
    ],
)
def test_operations_in_the_wrong_place(toy: Toy, upgrade: str, downgrade: str, words: str) -> None:
    toy.only("0001_a", upgrade, downgrade)
    before = toy.digests()
    with pytest.raises(SeedError, match=re.escape(words)):  # noqa: PT012 - whichever of the two
        toy.upgrade()
        before = toy.digests()
        toy.downgrade()
    assert toy.digests() == before


@pytest.mark.parametrize("more", ["online_only = True\nraw_sql = 'a reason'", ""])
def test_an_operation_that_was_not_planned_is_named(toy: Toy, more: str) -> None:
    """In a revision whose SQL must not run twice, or one that does other things in the run."""
    rows = 'op.seed_rows("labels", [{"code": "A"}], key=["code"])'
    body = rows if more else f"if not op.get_context().as_sql:\n    {rows}"
    toy.only("0001_a", body, head=more)
    with pytest.raises(SeedError) as caught:
        toy.upgrade()
    assert toy.counts() == {}
    assert "IndexError" not in str(caught.value)


def test_rows_that_were_skipped_are_not_counted_as_seeded(toy: Toy) -> None:
    toy.execute("INSERT INTO labels (code) VALUES ('B')")
    rows = '[{"code": "A"}, {"code": "B"}]'
    toy.only("0001_a", f'op.seed_rows("labels", {rows}, key=["code"], on_conflict="skip")')
    toy.upgrade()
    assert json.loads(
        toy.value("SELECT table_rows FROM terp_seed_audit WHERE event = 'applied'")
    ) == {"labels": 1}


def test_a_rollback_needs_the_ledger_and_not_the_files(toy: Toy) -> None:
    toy.upgrade()
    (toy.path / "seeds" / "data" / "labels.csv").unlink()
    toy.downgrade()
    assert toy.counts() == {}
