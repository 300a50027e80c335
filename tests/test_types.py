"""Every column type: what went in is what is there, from files and from Python."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest
from servers import USER, PostgreSQL, server_engine
from sqlalchemy import make_url
from toys import Toy

from terp_seed.errors import PlanError

SERVER = server_engine()

# The tests' own look at the tables; a run is quiet by itself.
pytestmark = [
    pytest.mark.every_engine,
    pytest.mark.filterwarnings("ignore:Did not recognize type"),
]

MARIADB = {
    "float": ("FLOAT", ["38.704022", "16777217", "1e10", "-0.1"]),
    "double": ("DOUBLE", ["38.704022", "1e-300", "0.1"]),
    "decimal": ("DECIMAL(10,3)", ["1.5", "001.250", "-7"]),
    "bit1": ("BIT(1)", ["1", "0"], "int"),
    "bit8": ("BIT(8)", ["5", "255"], "int"),
    "time": ("TIME", ["8:05:00", "08:05", "23:59:59"]),
    "time2": ("TIME(2)", ["08:05:00.12", "08:05:00.5"]),
    "datetime": ("DATETIME", ["2026-01-31 08:05:00", "2026-01-31T08:05:00"]),
    "datetime3": ("DATETIME(3)", ["2026-01-31 08:05:00.123"]),
    "timestamp": ("TIMESTAMP NULL", ["2026-01-31 08:05:00"]),
    "date": ("DATE", ["2026-01-31"]),
    "dates": ("DATE", ["2026-1-3", "2026/1/31"], "date"),
    "year": ("YEAR", ["2024", "24"]),
    "blob": ("BLOB", ["text", "ünï"]),
    "varbinary": ("VARBINARY(20)", ["text"]),
    "char": ("CHAR(5)", ["ab", "abcde"]),
    "text": ("TEXT", ["a", "\u00fc \u20ac"]),
    "enum": ("ENUM('x','y')", ["x", "y"]),
    "set": ("SET('a','b','c')", ["a,b", "c"]),
    "json": ("JSON", ['{"a": 1}', "[1, 2]"]),
    "int": ("INT", ["7", "007", "+7"]),
    "bool": ("BOOLEAN", ["1", "0"]),
}
ONLY_MARIADB = {
    "uuid": ("UUID", ["123E4567-E89B-12D3-A456-426614174000"]),
    "inet6": ("INET6", ["2001:DB8::1"]),
}
POSTGRESQL = {
    "real": ("REAL", ["38.704022", "16777217", "1e10"]),
    "double": ("DOUBLE PRECISION", ["38.704022", "1e-300"]),
    "numeric": ("NUMERIC(10,3)", ["1.5", "001.250"]),
    "bare": ("NUMERIC", ["1.50", "7"]),
    "bit": ("BIT(3)", ["101"]),
    "varbit": ("BIT VARYING(5)", ["1"]),
    "time": ("TIME", ["8:05:00", "08:05"]),
    "timetz": ("TIMETZ", ["08:05:00+02"]),
    "timestamp": ("TIMESTAMP", ["2026-01-31 08:05:00"]),
    "timestamptz": ("TIMESTAMPTZ", ["2026-01-31 08:05:00"]),
    "offset": ("TIMESTAMPTZ", ["2026-01-31T08:05:00+02:00", "2026-01-31T08:05Z"], "datetime"),
    "date": ("DATE", ["2026-01-31"]),
    "interval": ("INTERVAL", ["1 day 02:00:00", "90 minutes"]),
    "bytea": ("BYTEA", ["text"]),
    "char": ("CHAR(5)", ["ab"]),
    "text": ("TEXT", ["a", "\u00fc"]),
    "uuid": ("UUID", ["123E4567-E89B-12D3-A456-426614174000"]),
    "inet": ("INET", ["2001:DB8::1", "10.0.0.1/8"]),
    "macaddr": ("MACADDR", ["08-00-2b-01-02-03"]),
    "json": ("JSON", ['{"a":  1}']),
    "jsonb": ("JSONB", ['{"b":  1, "a": 2}']),
    "array": ("INT[]", ["{1, 2}"]),
    "range": ("INT4RANGE", ["[1,5]"]),
    "boolean": ("BOOLEAN", ["1", "0"]),
    "booleans": ("BOOLEAN", ["t", "true", "0", "yes"], "bool"),
    "int": ("INT", ["7", "007"]),
    "point": ("POINT", ["(1,2)"]),
    "money": ("MONEY", ["12.5"]),
    "tsvector": ("TSVECTOR", ["a fat cat"]),
    "xml": ("XML", ["<a/>"]),
}
SQLITE = {
    "real": ("REAL", ["38.704022", "1.50", "7"]),
    "integer": ("INTEGER", ["7", "007"]),
    "numeric": ("NUMERIC(10,3)", ["1.5", "001.250"]),
    "text": ("TEXT", ["a", "1.50"]),
    "blob": ("BLOB", ["text"]),
    "date": ("DATE", ["2026-01-31"]),
    "datetime": ("DATETIME", ["2026-01-31 08:05:00"]),
    "boolean": ("BOOLEAN", ["1", "0"]),
    "float": ("FLOAT", ["16777217"]),
}


POLICY = (
    '[tables.{table}]\nnot_personal = [{{ columns = ["v", "code"], reason = "t", '
    'false_alarms = ["device"] }}]'
)

Kind = tuple[str, list[str]] | tuple[str, list[str], str]


def kinds(toy: Toy) -> dict[str, Kind]:
    """The types of an engine: how it spells one, texts of a file, and how they are declared."""
    if toy.sqlite:
        return SQLITE
    if toy.postgresql:
        return POSTGRESQL
    return MARIADB | (ONLY_MARIADB if "MariaDB" in toy.value("SELECT VERSION()") else {})


@pytest.mark.long
def test_every_type_from_a_file(
    toy: Toy, client: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Up, no drift, down where an edited row would stop it, and the same by the script."""
    every_type(toy)
    before = toy.counts()

    toy.upgrade()
    by_run = contents(toy)
    toy.terp_seed("status", "--drift")
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == before
    toy.rewind()
    client(toy.url, toy.upgrade("base:head", sql=True))
    assert contents(toy) == by_run
    toy.terp_seed("verify", "--drift")
    client(toy.url, toy.downgrade("head:base", sql=True))
    assert toy.counts() == before
    toy.upgrade()
    toy.terp_seed("status", "--drift")


def every_type(toy: Toy, key: str = ', key=["code"]') -> None:
    """Make a table for each type, and a revision that seeds it from a file."""
    operations = []
    policy = ["version = 1", 'defaults.unlisted = "detect"']
    for name, (kind, texts, *declared) in kinds(toy).items():
        table = f"of_{name}"
        toy.execute(f"CREATE TABLE {table} (id {toy.counted_key}, code CHAR(2) UNIQUE, v {kind})")
        cells = (text.replace('"', '""') for text in texts)
        toy.data(f"{name}.csv", "code,v\n" + "".join(f'{n},"{c}"\n' for n, c in enumerate(cells)))
        types = f", types={{'v': {declared[0]!r}}}" if declared else ""
        operations.append(f'op.seed_file("{table}", "{name}.csv"{key}{types})')
        policy.append(POLICY.format(table=table))
    (toy.path / "seeds" / "masking.toml").write_text("\n".join(policy) + "\n")
    toy.only("0001_all", "\n".join(operations))


@pytest.mark.long
@pytest.mark.parametrize("key", [', key=["code"]', "", ', key=["code"], id=None'])
def test_a_lost_ledger_is_rebuilt_though_columns_spell_values_otherwise(toy: Toy, key: str) -> None:
    """Found by a key, by all columns, or without an id: as intact as the drift report says."""
    every_type(toy, key)
    if "id=None" in key:
        for name in kinds(toy):
            toy.execute(f"DROP TABLE of_{name}")
            kind = kinds(toy)[name][0]
            toy.execute(f"CREATE TABLE of_{name} (code CHAR(2) PRIMARY KEY, v {kind})")
    toy.upgrade()
    toy.document("status", "--drift")
    before = contents(toy)
    toy.execute("DROP TABLE terp_seed_ledger")
    found = toy.document("-x", "size=small", "ledger", "rebuild", "--dry-run")
    tables = [table for step in found["revisions"] for table in step["tables"]]
    assert [t for t in tables if t["edited"] or t["replaced"] or t["missing"]] == []
    toy.terp_seed("ledger", "rebuild", "--yes", x=("size=small",))
    assert contents(toy) == before

    edited = next(name for name, kind in kinds(toy).items() if len(kind[1]) > 2)
    cells = f"SELECT v FROM of_{edited} WHERE code = '1'"
    text = "v" if toy.sqlite else "CAST(v AS CHAR(20))"
    other = toy.value(f"SELECT {text} FROM ({cells}) AS one")
    toy.execute(
        f"UPDATE of_{edited} SET v = '{other}' WHERE code = '0'", "DROP TABLE terp_seed_ledger"
    )
    toy.terp_seed("ledger", "rebuild", "--yes", x=("size=small",))
    drifted = toy.document("status", "--drift", code=8)
    tables = [table for step in drifted["revisions"] for table in step["tables"]]
    assert [table["table"] for table in tables if table["edited"]] == [f"of_{edited}"]
    toy.downgrade("base", "on-edited=delete")
    assert toy.counts() == {}


def contents(toy: Toy) -> list[object]:
    """All rows, and the ledger's digests of them."""
    ledger = "SELECT revision, range_no, block_no, digests, key_digests FROM terp_seed_ledger"
    tables = [toy.rows(f"SELECT code, v FROM of_{name} ORDER BY code") for name in kinds(toy)]
    return [tables, toy.rows(f"{ledger} ORDER BY 1, 2, 3")]


@pytest.mark.parametrize("edit", ["an edit", "a deletion"])
def test_an_edit_of_every_type_is_noticed(toy: Toy, edit: str) -> None:
    """Each is the second value in the place of the first."""
    operations = []
    policy = ["version = 1", 'defaults.unlisted = "detect"']
    several = {name: kind for name, kind in kinds(toy).items() if len(kind[1]) > 1}
    for name, (kind, texts, *declared) in several.items():
        table = f"of_{name}"
        toy.execute(f"CREATE TABLE {table} (id {toy.counted_key}, code CHAR(2) UNIQUE, v {kind})")
        rows = [{"code": "a", "v": texts[0]}, {"code": "b", "v": texts[1]}]
        toy.data(f"{name}.json", json.dumps(rows))
        types = f", types={{'v': {declared[0]!r}}}" if declared else ""
        operations.append(f'op.seed_file("{table}", "{name}.json", key=["code"]{types})')
        policy.append(POLICY.format(table=table))
    (toy.path / "seeds" / "masking.toml").write_text("\n".join(policy) + "\n")
    toy.only("0001_all", "\n".join(operations))
    toy.upgrade()
    seeded = {name: toy.rows(f"SELECT v FROM of_{name} ORDER BY code") for name in several}
    for name in several:
        if edit == "an edit":
            toy.execute(
                f"CREATE TEMPORARY TABLE other AS SELECT v FROM of_{name} WHERE code = 'b'",
                f"UPDATE of_{name} SET v = (SELECT v FROM other) WHERE code = 'a'",
                "DROP TABLE other",
            )
        else:
            toy.execute(f"DELETE FROM of_{name} WHERE code = 'a'")
    (revision,) = toy.document("status", "--drift", code=8)["revisions"]
    what = "edited" if edit == "an edit" else "missing"
    found = {table["table"]: (table["intact"], table[what]) for table in revision["tables"]}
    same = {name for name, values in seeded.items() if edit == "an edit" and values[0] == values[1]}
    assert found == {f"of_{name}": (2, 0) if name in same else (1, 1) for name in several}


REFUSED = [
    (SERVER, "BIT(8)", "'5'", 'is BIT.8.; give a number from 0 to 255; .*types={"v": "int"}'),
    (SERVER, "BIT(1)", "2", "is BIT.1.; give a number from 0 to 1"),
    (SERVER, "SET('a','b')", "'a,c'", "is a SET of a, b; the seed has another value"),
    (SERVER, "TIMESTAMP NULL", "'2038-01-19 03:14:08'", "cannot store a time after 2038-01-19 03"),
    (SERVER, "POINT", "'POINT(1 2)'", "is a point, which only raw SQL can write"),
    (SERVER, "DATETIME", "'2026-01-31 08:00:00.5'", "keeps 0 digits after the second"),
    *(
        (engine, kind, f"'{text}'", "is a numeric column, but the seed's value is not a number")
        for engine, kind in [
            ("sqlite", "REAL"),
            ("sqlite", "DOUBLE"),
            (SERVER, "DOUBLE"),
            (SERVER, "FLOAT"),
            ("postgresql", "REAL"),
            ("postgresql", "DOUBLE PRECISION"),
        ]
        for text in ("N/A", "1,5", "abc")
    ),
]


@pytest.mark.parametrize(("engine", "kind", "value", "message"), REFUSED)
def test_what_a_type_cannot_hold_is_refused_before_the_first_row(
    toy: Toy, kind: str, value: str, message: str
) -> None:
    toy.execute(f"CREATE TABLE t (id {toy.counted_key}, code CHAR(2) UNIQUE, v {kind})")
    policy = POLICY.format(table="t")
    (toy.path / "seeds" / "masking.toml").write_text(
        f'version = 1\ndefaults.unlisted = "detect"\n{policy}\n'
    )
    good = '{"code": "a", "v": None}'
    toy.only(
        "0001_bad", f'op.seed_rows("t", [{good}, {{"code": "b", "v": {value}}}], key=["code"])'
    )
    with pytest.raises(PlanError, match=rf"table t, column v: {message}.*\(row 2\)"):
        toy.upgrade()
    assert toy.counts() == {}


@pytest.mark.parametrize("stored", ["MyISAM", "Aria"])
def test_a_table_without_transactions_is_refused(mariadb_toy: Toy, stored: str) -> None:
    toy = mariadb_toy
    if stored == "Aria" and "MariaDB" not in toy.value("SELECT VERSION()"):
        pytest.skip("MySQL has no Aria")
    toy.execute(f"CREATE TABLE t (id {toy.counted_key}, code CHAR(9) UNIQUE) ENGINE = {stored}")
    toy.only("0001_bad", 'op.seed_rows("t", [{"code": "a"}], key=["code"])')
    with pytest.raises(PlanError, match=f"table t: is stored by {stored}, which may keep"):
        toy.upgrade()
    assert toy.value("SELECT COUNT(*) FROM t") == 0


def test_a_foreign_table_is_refused(
    postgresql_toy: Toy, postgresql: PostgreSQL, new_database: Callable[[str], str]
) -> None:
    toy, elsewhere = postgresql_toy, make_url(new_database("postgresql"))
    options = f"host '{elsewhere.host}', port '{elsewhere.port}', dbname '{elsewhere.database}'"
    postgresql.execute(
        "CREATE EXTENSION postgres_fdw",
        f"CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({options})",
        "CREATE FOREIGN TABLE t (id int, code text) SERVER elsewhere",
        f"GRANT ALL ON t TO {USER}",
        database=str(toy.db.url.database),
    )
    toy.only("0001_bad", 'op.seed_rows("t", [{"code": "a"}], key=["code"], id=None)')
    with pytest.raises(PlanError, match="table t: is a view or a foreign table; seed the"):
        toy.upgrade()


def test_a_view_is_refused(toy: Toy) -> None:
    toy.execute("CREATE VIEW t AS SELECT id, code FROM labels")
    toy.only("0001_bad", 'op.seed_rows("t", [{"code": "a"}], key=["code"])')
    with pytest.raises(PlanError, match="table t: is a view or a foreign table; seed the"):
        toy.upgrade()


@pytest.mark.parametrize(
    ("engine", "one", "other", "alike"),
    [
        (SERVER, "abc", "ABC", True),
        (SERVER, "abc", "abc ", True),
        (SERVER, "résumé", "resume", True),
        ("postgresql", "abc", "ABC", False),
        ("sqlite", "abc", "ABC", False),
    ],
)
def test_keys_that_are_one_to_the_column_are_found_with_both_rows(
    toy: Toy, one: str, other: str, alike: bool
) -> None:
    collation = " COLLATE utf8mb4_general_ci" if toy.mysql else ""
    toy.execute(f"CREATE TABLE t (id {toy.counted_key}, code VARCHAR(9){collation} UNIQUE)")
    rows = [{"code": code} for code in ("x", one, "y", other)]
    toy.only("0001_alike", f'op.seed_rows("t", {rows}, key=["code"])')
    if alike:
        with pytest.raises(PlanError, match="key code: rows 2 and 4 have the same key"):
            toy.upgrade()
        assert toy.counts() == {}
    else:
        toy.upgrade()
        assert toy.counts() == {"t": 4}


GENERATED = """
from terp_seed import SeedContext, code, seeder
from terp_seed.rows.model import Column


@seeder("measures")
def measures(context: SeedContext):
    made = Column(lambda span: [38.704022 + row / 7 for row in span.rows()])
    columns = {"code": code("M-"), "single": made, "v": made}
    return [context.table("measures", rows=150, key=("code",), columns=columns)]
"""


def test_generated_floats_are_compared_as_their_columns_hold_them(
    toy: Toy, client: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    toy.execute(
        f"CREATE TABLE measures (id {toy.counted_key}, code VARCHAR(20) UNIQUE, "
        f"single {'REAL' if toy.postgresql else 'FLOAT'}, v DOUBLE PRECISION)"
    )
    toy.only("0001_measures", 'op.seed("measures")', head=GENERATED)
    script = toy.upgrade("head", sql=True)
    toy.upgrade()
    read = "SELECT code, single, v FROM measures ORDER BY code"
    by_run = toy.rows(read)
    toy.document("status", "--drift")
    toy.downgrade("base", "on-edited=abort")
    client(toy.url, script)
    assert toy.rows(read) == by_run
    toy.execute("UPDATE measures SET v = 1 WHERE code = 'M-000003'")
    (revision,) = toy.document("status", "--drift", code=8)["revisions"]
    assert [table["edited"] for table in revision["tables"]] == [1]


@pytest.mark.parametrize(
    ("kind", "texts", "refused"),
    [
        ("INTEGER", ["7", "-999999999", "+5"], ["2147483648", "7.5", "x"]),
        ("SMALLINT", ["9999", "32767"], ["32768", "99999"]),
        ("NUMERIC(5,2)", ["999.99", "-1"], ["1000", "999.999"]),
        ("NUMERIC(3,3)", ["0.125"], ["1.5"]),
        ("DATE", ["2026-02-28", "2024-02-29"], ["2026-02-29", "2026-13-01"]),
        ("TIMESTAMP", ["2026-02-28 23:59:59.999999", "2026-02-28"], ["2026-02-28 24:30:00"]),
        ("DOUBLE PRECISION", ["1.5", "1e300"], ["1e400", "N/A"]),
    ],
)
def test_postgresql_is_asked_about_the_texts_that_are_not_plain(
    postgresql_toy: Toy, kind: str, texts: list[str], refused: list[str]
) -> None:
    """What passes without a question goes in, and what the server refuses is refused before."""
    toy = postgresql_toy
    toy.execute(f"CREATE TABLE z (id {toy.counted_key}, v {kind})")
    toy.publish("z", ["v"])
    rows = "".join(f"{text}\n" for text in texts)
    toy.data("z.csv", f"v\n{rows}")
    toy.only("0001_z", 'op.seed_file("z", "z.csv", key=[])')
    toy.upgrade()
    toy.document("status", "--drift")
    toy.downgrade()
    for text in refused:
        toy.data("z.csv", f"v\n{rows}{text}\n")
        with pytest.raises(PlanError, match=rf"row {len(texts) + 1}|line {len(texts) + 2}"):
            toy.upgrade()
    assert toy.value("SELECT COUNT(*) FROM z") == 0
