"""op.seed_file: files as spreadsheets, exports and scripts write them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from toys import Toy

from terp_seed.errors import UsageError
from terp_seed.rows.files import FileFormat, file_format, read_batches


@pytest.fixture
def round_trip(
    toy: Toy, new_toy: Callable[..., Toy], second_database_url: str, client: Any
) -> Callable[..., None]:
    """Seed a file by a run and by a script, compare, look for drift, roll back, seed again."""

    def go(name: str, content: str | bytes, more: str, create: str = "", table: str = "labels"):
        other = new_toy(second_database_url)
        for place in (toy, other):
            place.data(name, content)
            place.only("0001_a", f'op.seed_file("{table}", {name!r}, key=["code"], {more})')
            if create:
                place.execute(create.format(id=toy.counted_key))
        toy.upgrade()
        client(other.url, other.upgrade("head", sql=True))
        assert toy.digests() == other.digests()
        toy.document("status", "--drift")
        toy.downgrade("base", "on-edited=abort")
        assert toy.counts() == {}
        toy.upgrade()

    return go


def labels(toy: Toy) -> list[Any]:
    from toy_schema import labels as table

    with toy.db.connect() as connection:
        return list(connection.execute(sa.select(table).order_by(table.c.id)).mappings())


def read(folder: Path, content: str | bytes, name: str = "a.csv", **form: Any) -> dict[str, Any]:
    """The columns of a file."""
    data = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(data)
    columns: dict[str, list[Any]] = {}
    for batch in read_batches(folder, name, file_format(form, name)):
        for column, values in batch.items():
            columns.setdefault(column, []).extend(values)
    return columns


def refusal(folder: Path, content: str | bytes, name: str = "a.csv", **form: Any) -> str:
    with pytest.raises(UsageError) as caught:
        read(folder, content, name, **form)
    return str(caught.value)


# -- a whole file, on every engine

EXPORT = """Nr.;Bezeichnung;Preis;Gültig ab;Geändert;Bild;Notiz
A1;Dose, klein;1234,50;2026-3-1;2026-03-29T01:30:00+02:00;AAH/;intern
A2;Dose;;;NA;;NA
A3;Karton;-0,5;2026/12/24;2026-1-2 3:04Z;;
"""


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_a_spreadsheet_export(toy: Toy, round_trip: Callable[..., None], encoding: str) -> None:
    round_trip(
        "export.csv",
        EXPORT.replace("\n", "\r\n").encode(encoding),
        'delimiter=";", decimal=",", encoding="cp1252", null="NA", omit=["Notiz"], '
        'rename={"Nr.": "code", "Bezeichnung": "wording", "Preis": "amount", '
        '"Gültig ab": "day", "Geändert": "moment", "Bild": "blob"}, '
        'types={"amount": "decimal", "day": "date", "moment": "datetime", "blob": "base64"}',
    )
    first, second, third = labels(toy)
    assert (first["wording"], first["amount"]) == ("Dose, klein", Decimal("1234.50"))
    assert (first["day"], first["blob"]) == (date(2026, 3, 1), b"\x00\x01\xff")
    assert first["moment"] == datetime(2026, 3, 28, 23, 30)
    assert {second[name] for name in ("amount", "day", "moment", "blob")} == {None}
    assert (third["amount"], third["moment"]) == (Decimal("-0.50"), datetime(2026, 1, 2, 3, 4))


def test_words_for_true_and_false(toy: Toy, round_trip: Callable[..., None]) -> None:
    round_trip(
        "flags.csv",
        "code,flag\nA,true\nB,F\nC,Yes\nD,no\nE,\n",
        'types={"flag": "bool"}',
        "CREATE TABLE flags (id {id}, code VARCHAR(9) NOT NULL UNIQUE, flag BOOLEAN)",
        "flags",
    )
    found = [value for (value,) in toy.rows("SELECT flag FROM flags ORDER BY code")]
    assert [value if value is None else bool(value) for value in found] == [
        *(True, False) * 2,
        None,
    ]


# -- CSV


@pytest.mark.parametrize("sign", [";", "\t", "|", ":"])
def test_a_delimiter(tmp_path: Path, sign: str) -> None:
    content = f'code{sign}wording\nA{sign}"x{sign},y"\n'
    assert read(tmp_path, content, delimiter=sign) == {"code": ["A"], "wording": [f"x{sign},y"]}


@pytest.mark.parametrize(("sign", "given"), [(";", ","), ("\t", ","), ("|", ","), (",", ";")])
def test_a_wrong_delimiter_is_named(tmp_path: Path, sign: str, given: str) -> None:
    said = refusal(tmp_path, f"code{sign}wording\nA{sign}x\n", delimiter=given)
    assert said == (
        f"a.csv, line 1: the header is one column; is the delimiter {sign!r}? If so, pass "
        f"delimiter={sign!r}"
    )


def test_quotes(tmp_path: Path) -> None:
    assert read(tmp_path, "a,b\n'x,y','it''s'\n", quote="'") == {"a": ["x,y"], "b": ["it's"]}
    for none in ("", None):
        assert read(tmp_path, 'a,b\n5",12"\n', quote=none) == {"a": ['5"'], "b": ['12"']}


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "utf-16-le", "utf-16-be"]
)
def test_an_encoding(tmp_path: Path, encoding: str) -> None:
    content = "code,wording\nA,Größe\n".encode(encoding)
    assert read(tmp_path, content, encoding=encoding)["wording"] == ["Größe"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_outranks_the_encoding(tmp_path: Path, encoding: str) -> None:
    """It says how the file was written; a file that is saved anew keeps its revision."""
    content = "code\nGröße\n".encode(encoding)
    assert read(tmp_path, content) == read(tmp_path, content, encoding="cp1252")


def test_another_encoding_than_said(tmp_path: Path) -> None:
    said = refusal(tmp_path, "code,wording\nA,x\nB,Größe\n".encode("cp1252"))
    assert said == (
        'a.csv, line 3: is not UTF-8 (byte 21); name the encoding it has, as encoding="cp1252"'
    )
    said = refusal(tmp_path, "code\nA\n".encode("utf-16-le"))
    assert said.startswith("a.csv, line 1: holds a NUL byte")
    assert said.endswith('encoding="utf-16-le"')


def test_words_that_mean_null(tmp_path: Path) -> None:
    content = "a,b\nNULL,NULL\n\\N,\nNA,na\n"
    form = {"null": ["NULL", "\\N", "NA"], "keep_empty": "b"}
    assert read(tmp_path, content, **form) == {"a": [None] * 3, "b": [None, "", "na"]}


def test_columns_are_renamed_and_left_out(tmp_path: Path) -> None:
    form = {"rename": {"Code": "code"}, "omit": ["x"], "keep_empty": "code"}
    assert read(tmp_path, "Code,x,b\n,2,3\n", **form) == {"code": [""], "b": ["3"]}


def test_a_file_without_a_header(tmp_path: Path) -> None:
    assert read(tmp_path, "A,1\nB,2\n", columns=["code", "n"]) == {
        "code": ["A", "B"],
        "n": ["1", "2"],
    }
    said = refusal(tmp_path, "A,1\nB\n", columns=["code", "n"])
    assert said == "a.csv, line 2: has 1 fields where the header has 2"


# -- types


@pytest.mark.parametrize(
    ("kind", "texts", "values"),
    [
        ("bool", "true T YES y on 1", [True] * 6),
        ("bool", "false f No n OFF 0", [False] * 6),
        ("int", "5 -7 +3 007", [5, -7, 3, 7]),
        ("decimal", "1.50 -.5 1e2", [Decimal("1.50"), Decimal("-0.5"), Decimal(100)]),
        ("float", "1.5 1e-3", [1.5, 0.001]),
        ("date", "2026-01-31 2026-1-3 2026/1/31 2026.01.31 2026-01-31T00:00:00.000",
         [date(2026, 1, 31), date(2026, 1, 3), *[date(2026, 1, 31)] * 3]),
        ("datetime", "2026-01-31T8:05 2026-1-3T08:05:06.5Z 2026-01-01T00:30:00+05:30 2026-01-01",
         [datetime(2026, 1, 31, 8, 5), datetime(2026, 1, 3, 8, 5, 6, 500_000),
          datetime(2025, 12, 31, 19), datetime(2026, 1, 1)]),
        ("datetime", "2026-01-01T00:00:00.1234560-05 2026-01-01T00:00-0130",
         [datetime(2026, 1, 1, 5, 0, 0, 123_456), datetime(2026, 1, 1, 1, 30)]),
        ("hex", "00ff 0xAB \\xcd", [b"\x00\xff", b"\xab", b"\xcd"]),
        ("base64", "AAH/", [b"\x00\x01\xff"]),
    ],
)  # fmt: skip
def test_a_declared_type(tmp_path: Path, kind: str, texts: str, values: list[Any]) -> None:
    content = "v\n" + "".join(f"{text}\n" for text in texts.split())
    found = read(tmp_path, content, types={"v": kind})["v"]
    assert (found, [*map(type, found)]) == (values, [*map(type, values)])


@pytest.mark.parametrize(
    ("kind", "text", "form"),
    [
        ("bool", "maybe", "true or false"),
        ("int", "1.5", "a whole number, as 1500"),
        ("int", "1_000", "a whole number"),
        ("decimal", "1,5", "a number, as 1500.25, without thousands separators"),
        ("float", "nan", "a number"),
        ("date", "31.01.2026", "a date, year first, as 2026-01-31 or 2026/1/31"),
        ("date", "1/2/2026", "year first"),
        ("date", "26-01-31", "year first"),
        ("date", "2026-01/31", "year first"),
        ("date", "2026-02-30", "a date"),
        ("date", "2026-01-31 10:00", "a date"),
        ("datetime", "2026-01-31T10:00+25:00", "a date and time, year first"),
        ("datetime", "0001-01-01T00:00+05:00", "a date and time"),
        ("time", "25:00", "a time of day"),
        ("time", "8", "a time of day"),
        ("uuid", "x", "a UUID"),
        ("json", "{", "JSON"),
        ("json", "NaN", "JSON"),
        ("base64", "*", "base64"),
        ("hex", "0", "hexadecimal"),
    ],
)
def test_a_text_of_another_form(tmp_path: Path, kind: str, text: str, form: str) -> None:
    said = refusal(tmp_path, f'code,v\n"A\nB",\nC,"{text}"\n', types={"v": kind})
    assert said.startswith("a.csv, line 4, column v: is not ")
    assert form in said
    assert "\n" not in said


def test_a_decimal_comma(tmp_path: Path) -> None:
    form = {"delimiter": ";", "decimal": ",", "types": {"b": "decimal", "c": "float"}}
    assert read(tmp_path, "a;b;c\n1,5;1,5;-2\n", **form) == {
        "a": ["1,5"],
        "b": [Decimal("1.5")],
        "c": [-2.0],
    }
    said = refusal(tmp_path, "a;b;c\n1;1.234,5;2\n", **form)
    assert said.endswith(
        "column b: is not a number with a decimal comma, as 1500,25, without thousands separators"
    )


# -- JSON, JSON Lines, gzip


def test_json_lines(toy: Toy, round_trip: Callable[..., None]) -> None:
    lines = [
        {"Code": "A", "extra": {"k": [1]}, "moment": "2026-01-01T01:00+01:00", "blob": "ff"},
        {"Code": "B", "extra": None, "moment": {"$datetime": "2026-01-02T00:00:00"}, "blob": None},
    ]
    content = "\n\n".join(map(json.dumps, lines)) + "\n"
    more = 'rename={"Code": "code"}, types={"moment": "datetime", "blob": "hex"}'
    round_trip("a.jsonl.gz", gzip.compress(content.encode()), more)
    first, second = labels(toy)
    assert (first["extra"], first["moment"]) == ({"k": [1]}, datetime(2026, 1, 1))
    assert (first["blob"], second["moment"]) == (b"\xff", datetime(2026, 1, 2))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"code": "A"}\n{"kode": "B"}\n', "a.jsonl, line 2: column code, kode is not in every"),
        ('{"code": "A"}\n\n{"code": }\n', "a.jsonl, line 3: Expecting value"),
        ('[{"code": "A"}]\n', "a.jsonl, line 1: must be an object, one a row"),
        ('{"code": "A"}\n{"code": {"$date": "x"}}', "line 2, column code: is not a valid $date"),
        ('{"code": NaN}\n', "a.jsonl, line 1: NaN is not JSON"),
    ],
)
def test_json_lines_that_cannot_be_used(tmp_path: Path, content: str, words: str) -> None:
    assert words in refusal(tmp_path, content, "a.jsonl")


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl"])
def test_gzip(tmp_path: Path, kind: str) -> None:
    content = {"csv": "a\nx\n", "json": '[{"a": "x"}]', "jsonl": '{"a": "x"}'}[kind].encode()
    assert read(tmp_path, gzip.compress(content), f"a.{kind}.gz") == {"a": ["x"]}
    whole = gzip.compress(content * 1000)
    for broken in (whole[:-9], content, whole[:20] + b"???" + whole[23:]):
        assert "is not a complete gzip file" in refusal(tmp_path, broken, f"a.{kind}.gz")


# -- what a revision declares


def test_an_unknown_parameter_is_one_clear_line(sqlite_toy: Toy) -> None:
    for given, words in {
        'delimeter=";"': "labels.csv: unknown parameter delimeter; did you mean delimiter?",
        "reffs={}": "labels.csv: unknown parameter reffs; did you mean refs?",
        "zzz=1": "labels.csv: unknown parameter zzz; a file has delimiter, quote, encoding",
    }.items():
        sqlite_toy.only("0001_a", f'op.seed_file("labels", "labels.csv", key=["code"], {given})')
        with pytest.raises(UsageError, match=words.replace("?", r"\?")):
            sqlite_toy.upgrade()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"delimiter": ";;"}, "delimiter: must be one character"),
        ({"delimiter": "\n"}, "delimiter: must be one character"),
        ({"quote": ","}, "delimiter and quote must differ"),
        ({"encoding": "utf-9"}, "encoding: unknown encoding"),
        ({"encoding": "hex"}, "encoding: unknown encoding"),
        ({"decimal": ";"}, 'decimal: must be "." or ","'),
        ({"decimal": ","}, 'types={"price": "decimal"}'),
        ({"null": [None]}, "null: must be a list of texts"),
        ({"null": 5}, "null: must be a list of texts"),
        ({"rename": ["a"]}, "rename: must be a dict of texts"),
        ({"rename": {"b": "x"}}, "rename: unknown column b"),
        ({"rename": {"kode": "x"}}, "rename: unknown column kode; did you mean code?"),
        ({"rename": {"n": "code"}}, "rename: gives two columns the same name"),
        ({"omit": ["b"]}, "omit: unknown column b"),
        ({"omit": ["n"], "types": {"n": "int"}}, "types: unknown column n"),
        ({"types": {"n": "integer"}}, "types: n: unknown type integer; one of bool, int,"),
        ({"keep_empty": ["kode"]}, "keep_empty: unknown column kode; did you mean code?"),
    ],
)
def test_parameters_that_cannot_be_used(tmp_path: Path, form: dict[str, Any], words: str) -> None:
    said = refusal(tmp_path, "code,n\nA,1\n", **form)
    assert said.startswith("a.csv: ")
    assert words in said


def test_parameters_of_csv_are_refused_elsewhere(tmp_path: Path) -> None:
    said = refusal(tmp_path, "[]", "a.json", delimiter=";", null="NA", rename={"a": "b"})
    assert said == "a.json: delimiter, null: is for CSV files only"


def test_equal_declarations_are_equal() -> None:
    one = {"null": ["NA", "NULL"], "types": {"a": "int", "b": "date"}, "encoding": "UTF8"}
    other = {"types": {"b": "date", "a": "int"}, "null": ("NULL", "NA", "NA"), "delimiter": ","}
    assert file_format(one, "") == file_format(other, "")
    assert str(file_format(one, "")) == str(file_format(other, ""))
    assert str(file_format({"delimiter": ",", "quote": '"'}, "")) == str(FileFormat()) == ""
    assert str(file_format({"delimiter": ";"}, "")) == " delimiter=';'"


def test_other_parameters_are_another_declaration(sqlite_toy: Toy) -> None:
    toy = sqlite_toy
    toy.data("a.csv", "code,wording\nA,NA\n")
    toy.only("0001_a", 'op.seed_file("labels", "a.csv", key=["code"], null=["NA"])')
    toy.upgrade()
    toy.revision("0002_b", 'op.seed_rows("labels", [{"code": "B"}], key=["code"])', after="0001_a")
    toy.revision("0001_a", 'op.seed_file("labels", "a.csv", key=["code"])', after=None)
    with pytest.raises(Exception, match="revision 0001_a was changed since it was applied"):
        toy.upgrade()
    toy.revision("0001_a", 'op.seed_file("labels", "a.csv", key=["code"], null="NA")', after=None)
    toy.upgrade()


def test_a_file_that_is_packed_anew_is_the_same(sqlite_toy: Toy) -> None:
    toy = sqlite_toy
    toy.data("a.csv.gz", gzip.compress(b"code\r\nA\r\n", mtime=1))
    toy.only("0001_a", 'op.seed_file("labels", "a.csv.gz", key=["code"])')
    toy.upgrade()
    toy.revision("0002_b", 'op.seed_rows("labels", [{"code": "B"}], key=["code"])', after="0001_a")
    toy.data("a.csv.gz", gzip.compress(b"code\nA\n", 1, mtime=2))
    toy.upgrade()
    assert toy.counts() == {"labels": 2}
