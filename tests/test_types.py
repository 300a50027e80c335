"""Every column type: what went in is what is there, from files and from Python."""

from __future__ import annotations

from conftest import Client
from toys import Toy

MARIADB = {
    "float": ("FLOAT", ["38.704022", "16777217", "1e10", "-0.1"]),
    "double": ("DOUBLE", ["38.704022", "1e-300", "0.1"]),
    "decimal": ("DECIMAL(10,3)", ["1.5", "001.250", "-7"]),
    "bit1": ("BIT(1)", ["1", "0"]),
    "bit8": ("BIT(8)", ["5", "255"]),
    "time": ("TIME", ["8:05:00", "08:05", "23:59:59"]),
    "time2": ("TIME(2)", ["08:05:00.12", "08:05:00.5"]),
    "datetime": ("DATETIME", ["2026-01-31 08:05:00", "2026-01-31T08:05:00"]),
    "datetime3": ("DATETIME(3)", ["2026-01-31 08:05:00.123"]),
    "timestamp": ("TIMESTAMP NULL", ["2026-01-31 08:05:00"]),
    "date": ("DATE", ["2026-01-31", "2026-1-3"]),
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
    "timestamptz": ("TIMESTAMPTZ", ["2026-01-31 08:05:00+02", "2026-01-31 08:05:00"]),
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
    "boolean": ("BOOLEAN", ["t", "true", "0", "yes"]),
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


def kinds(toy: Toy) -> dict[str, tuple[str, list[str]]]:
    if toy.sqlite:
        return SQLITE
    if toy.postgresql:
        return POSTGRESQL
    return MARIADB | (ONLY_MARIADB if "MariaDB" in toy.value("SELECT VERSION()") else {})


def test_every_type_from_a_file(toy: Toy, client: Client) -> None:
    wrong: list[str] = []
    for name, (kind, texts) in kinds(toy).items():
        table = f"of_{name}"
        toy.execute(f"CREATE TABLE {table} (id {toy.counted_key}, code CHAR(2) UNIQUE, v {kind})")
        rows = "".join(
            f'{n},"{text.replace(chr(34), chr(34) * 2)}"\n' for n, text in enumerate(texts)
        )
        toy.data(f"{name}.csv", f"code,v\n{rows}")
        masking = toy.path / "seeds" / "masking.toml"
        masking.write_text(
            f'version = 1\n[tables.{table}]\nnot_personal = [ {{ columns = ["v", "code"], '
            'reason = "a test" } ]\n'
        )
        toy.only("0001_one", f'op.seed_file("{table}", "{name}.csv", key=["code"])')
        try:
            round_trip(toy, table, client)
        except (AssertionError, Exception) as error:
            wrong.append(f"{kind}: {' '.join(str(error).split())[:300]}")
            try:
                toy.downgrade("base", "on-edited=delete")
            except Exception as again:
                wrong.append(f"   {again!r}"[:200])
            toy.execute(f"DELETE FROM {table}")
    assert not wrong, "\n".join(wrong)


def round_trip(toy: Toy, table: str, client: Client) -> None:
    toy.upgrade()
    ran = toy.rows(f"SELECT code, v FROM {table} ORDER BY id")
    ledger = toy.rows(
        "SELECT revision, block_no, digests, key_digests FROM terp_seed_ledger ORDER BY 1, 2"
    )
    toy.terp_seed("status", "--drift")
    toy.downgrade("base", "on-edited=abort")
    assert toy.rows(f"SELECT COUNT(*) FROM {table}") == [(0,)]
    client(toy.url, toy.upgrade("base:head", sql=True))
    assert toy.rows(f"SELECT code, v FROM {table} ORDER BY id") == ran
    assert (
        toy.rows(
            "SELECT revision, block_no, digests, key_digests FROM terp_seed_ledger ORDER BY 1, 2"
        )
        == ledger
    )
    toy.terp_seed("status", "--drift")
    toy.downgrade("base", "on-edited=abort")
