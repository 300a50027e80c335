"""What becomes of a value: each column type, from each source, on each engine.

`python docs/generate.py` prints the files in `docs/parts/types_found/`; a test compares them with
the engines.  To write them anew::

    TERP_SEED_TEST_WRITE_TYPES=1 tests/run tests/test_types_table.py
    TERP_SEED_TEST_WRITE_TYPES=1 tests/mysql9 tests/run tests/test_types_table.py
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toys import Toy

from terp_seed.errors import SeedError

RESULTS = Path(__file__).parents[1] / "docs" / "parts" / "types_found"


@dataclass(frozen=True)
class Case:
    """One value for a column type; None where a source has no such value."""

    kind: str
    csv: str | None = None
    json: Any = None
    python: str | None = None
    """An expression, as a revision has it."""
    declared: str | None = None
    """The type that the revision declares for the file's column."""


_DAY, _MOMENT = "2026-01-31", "2026-01-31 08:05:00"
_ID = "123E4567-E89B-12D3-A456-426614174000"
_DATES = {"json": {"$date": _DAY}, "python": "date(2026, 1, 31)"}
_MOMENTS = {
    "json": {"$datetime": "2026-01-31T08:05:00"},
    "python": "datetime(2026, 1, 31, 8, 5)",
}
_TIMES = {"json": {"$time": "08:05:00"}, "python": "time(8, 5)"}
_BYTES = {"json": {"$bytes": "dGV4dA=="}, "python": "b'text'"}
_DECIMALS = {"json": {"$decimal": "1.50"}, "python": "Decimal('1.50')"}

SQLITE = [
    Case("INTEGER", "007", 7, "7"),
    Case("INTEGER", "seven", "seven", "'seven'"),
    Case("REAL", "38.704022", 38.704022, "38.704022"),
    Case("REAL", "N/A", "1,5", "'abc'"),
    Case("NUMERIC(10,3)", "1.50", **_DECIMALS),
    Case("TEXT", "1.50", "1.50", "'1.50'"),
    Case("BLOB", "text", **_BYTES),
    Case("BOOLEAN", "1", True, "True"),
    Case("BOOLEAN", "yes", "yes", None, "bool"),
    Case("DATE", _DAY, **_DATES),
    Case("DATE", "2026/1/31", "2026/1/31", None, "date"),
    Case("DATETIME", _MOMENT, **_MOMENTS),
    Case("DATETIME", "2026-01-31T08:05Z", "2026-01-31T08:05+02:00", None, "datetime"),
    Case("TIME", "08:05:00", **_TIMES),
    Case("JSON", '{"a": 1}', {"a": 1}, "{'a': 1}"),
]

MYSQL = [
    Case("INT", "007", 7, "7"),
    Case("INT", "seven", "seven", "'seven'"),
    Case("FLOAT", "38.704022", 16777217, "38.704022"),
    Case("DOUBLE", "38.704022", 1e-300, "0.1"),
    Case("DOUBLE", "N/A", "1,5", "'abc'"),
    Case("DECIMAL(10,3)", "1.50", **_DECIMALS),
    Case("BOOLEAN", "1", True, "True"),
    Case("BIT(1)", None, True, "True"),
    Case("BIT(8)", "5", "5", "5", "int"),
    Case("BIT(8)", "5", "5", "'5'"),
    Case("BIT(1)", None, 2, "2"),
    Case("DATE", _DAY, **_DATES),
    Case("DATE", "2026/1/31", "2026/1/31", None, "date"),
    Case("TIME", "8:05:00", **_TIMES),
    Case("TIME", "08:05", "08:05", "'08:05'"),
    Case("TIME(2)", "08:05:00.5", "08:05:00.5", "time(8, 5, 0, 500000)"),
    Case("DATETIME", _MOMENT, **_MOMENTS),
    Case("DATETIME", "2026-01-31T08:05Z", "2026-01-31T08:05+02:00", None, "datetime"),
    Case("DATETIME", f"{_MOMENT}.5", f"{_MOMENT}.5", "datetime(2026, 1, 31, 8, 5, 0, 500000)"),
    Case("DATETIME(3)", f"{_MOMENT}.123", None, "datetime(2026, 1, 31, 8, 5, 0, 123000)"),
    Case("TIMESTAMP NULL", _MOMENT, **_MOMENTS),
    Case("TIMESTAMP NULL", "2038-01-19 03:14:08", None, "datetime(2038, 1, 19, 3, 14, 8)"),
    Case("YEAR", "24", 2024, "2024"),
    Case("CHAR(5)", "ab", "ab", "'ab'"),
    Case("VARCHAR(9)", "ünï €", "ünï €", "'ünï €'"),
    Case("VARBINARY(20)", "text", **_BYTES),
    Case("BLOB", "00ff", "00ff", None, "hex"),
    Case("ENUM('x','y')", "x", "y", "'z'"),
    Case("SET('a','b','c')", "a,b", "b,a", "'a,d'"),
    Case("JSON", '{"b":  1, "a": 2}', {"b": 1, "a": 2}, "{'b': 1, 'a': 2}"),
    Case("POINT", "POINT(1 2)", "POINT(1 2)", "'POINT(1 2)'"),
]
ONLY_MARIADB = [
    Case("UUID", _ID, _ID, f"UUID('{_ID}')"),
    Case("INET6", "2001:DB8::1", "2001:DB8::1", "'2001:DB8::1'"),
]

POSTGRESQL = [
    Case("INT", "007", 7, "7"),
    Case("INT", "seven", "seven", "'seven'"),
    Case("REAL", "38.704022", 16777217, "38.704022"),
    Case("DOUBLE PRECISION", "38.704022", 1e-300, "0.1"),
    Case("DOUBLE PRECISION", "N/A", "1,5", "'abc'"),
    Case("NUMERIC(10,3)", "1.50", **_DECIMALS),
    Case("NUMERIC", "1.50", **_DECIMALS),
    Case("MONEY", "12.5", {"$decimal": "12.5"}, "Decimal('12.5')"),
    Case("BOOLEAN", "1", True, "True"),
    Case("BOOLEAN", "yes", "yes", None, "bool"),
    Case("BIT(3)", "101", "101", "'101'"),
    Case("BIT VARYING(5)", "1", "1", "'1'"),
    Case("DATE", _DAY, **_DATES),
    Case("DATE", "2026/1/31", "2026/1/31", None, "date"),
    Case("TIME", "8:05:00", **_TIMES),
    Case("TIMETZ", "08:05:00+02", "08:05:00+02", "'08:05:00+02'"),
    Case("TIMESTAMP", _MOMENT, **_MOMENTS),
    Case("TIMESTAMPTZ", _MOMENT, **_MOMENTS),
    Case("TIMESTAMPTZ", "2026-01-31T08:05Z", "2026-01-31T08:05+02:00", None, "datetime"),
    Case("INTERVAL", "90 minutes", "1 day 02:00:00", "timedelta(hours=2)"),
    Case("CHAR(5)", "ab", "ab", "'ab'"),
    Case("TEXT", "ünï €", "ünï €", "'ünï €'"),
    Case("BYTEA", "text", **_BYTES),
    Case("BYTEA", "00ff", "00ff", None, "hex"),
    Case("UUID", _ID, _ID, f"UUID('{_ID}')"),
    Case("INET", "2001:DB8::1", "2001:DB8::1", "'10.0.0.1/8'"),
    Case("MACADDR", "08-00-2b-01-02-03", "08-00-2b-01-02-03", "'08-00-2b-01-02-03'"),
    Case("JSON", '{"a":  1}', {"a": 1}, "{'a': 1}"),
    Case("JSONB", '{"b":  1, "a": 2}', {"b": 1, "a": 2}, "{'b': 1, 'a': 2}"),
    Case("INT[]", "{1, 2}", "{1, 2}", "'{1,2}'"),
    Case("INT4RANGE", "[1,5]", "[1,5]", "'[1,6)'"),
    Case("POINT", "(1, 2)", "(1, 2)", "'(1,2)'"),
    Case("TSVECTOR", "a fat cat", "a fat cat", "'a fat cat'"),
    Case("XML", "<a/>", "<a/>", "'<a/>'"),
]

_REFUSED = re.compile(r"table (t\d+), column v: (.*?)(?: \(row 1\)|;|\n|$)")
SOURCES = ("csv", "json", "python")
HEAD = (
    "from datetime import date, datetime, time, timedelta\n"
    "from decimal import Decimal\nfrom uuid import UUID\n"
)


@dataclass(frozen=True)
class Trial:
    """One value of one source on its way into a table of its own."""

    table: str
    case: Case
    source: str

    @property
    def given(self) -> str:
        """The value as a person reads it."""
        value = getattr(self.case, self.source)
        return value if isinstance(value, str) else json.dumps(value)

    @property
    def text(self) -> str:
        """The value as a text that the database could give back."""
        if self.source == "python":
            names: dict[str, Any] = {}
            exec(HEAD, names)
            return _text(eval(self.given, names))
        value = getattr(self.case, self.source)
        if isinstance(value, dict) and next(iter(value)).startswith("$"):
            ((kind, held),) = value.items()
            return "text" if kind == "$bytes" else str(held).replace("T", " ")
        return _text(value)

    def prepare(self, toy: Toy) -> str:
        """Write the trial's file; return the operation that seeds it."""
        if self.source == "python":
            rows = f'[{{"code": "a", "v": {self.given}}}]'
            return f'op.seed_rows("{self.table}", {rows}, key=["code"])'
        if self.source == "csv":
            content = io.StringIO()
            csv.writer(content).writerows([["code", "v"], ["a", self.case.csv]])
            toy.data(f"{self.table}.csv", content.getvalue())
        else:
            toy.data(f"{self.table}.json", json.dumps([{"code": "a", "v": self.case.json}]))
        types = f", types={{'v': {self.case.declared!r}}}" if self.case.declared else ""
        return f'op.seed_file("{self.table}", "{self.table}.{self.source}", key=["code"]{types})'


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, bytes):
        return value.decode()
    return str(value)


def trials(toy: Toy) -> list[Trial]:
    """All values for an engine, each with a table that is made here."""
    cases = SQLITE if toy.sqlite else POSTGRESQL if toy.postgresql else MYSQL
    if engine(toy) == "MariaDB":
        cases = [*cases, *ONLY_MARIADB]
    found = []
    for case in cases:
        for source in SOURCES:
            if getattr(case, source) is not None:
                trial = Trial(f"t{len(found)}", case, source)
                toy.execute(
                    f"CREATE TABLE {trial.table} "
                    f"(id {toy.counted_key}, code CHAR(2) UNIQUE, v {case.kind})"
                )
                found.append(trial)
    lines = [
        f'[tables.{trial.table}]\nnot_personal = [{{ columns = ["v", "code"], reason = "t", '
        f'false_alarms = ["device"] }}]'
        for trial in found
    ]
    (toy.path / "seeds" / "masking.toml").write_text(
        "\n".join(["version = 1", 'defaults.unlisted = "detect"', *lines, ""])
    )
    return found


def engine(toy: Toy) -> str:
    """The name of the engine, as the page has it."""
    if toy.sqlite:
        return "SQLite"
    if toy.postgresql:
        return "PostgreSQL"
    return "MariaDB" if "MariaDB" in toy.value("SELECT VERSION()") else "MySQL"


def refuse(toy: Toy, wanted: list[Trial]) -> tuple[list[Trial], dict[str, str]]:
    """Write a revision with all values that the preflight takes; the others with the reason."""
    reasons: dict[str, str] = {}
    while True:
        left = [trial for trial in wanted if trial.table not in reasons]
        operations = [trial.prepare(toy) for trial in left]
        toy.only("0001_all", "\n".join(operations), head=HEAD)
        try:
            toy.upgrade()
            return left, reasons
        except SeedError as error:
            found = dict(_REFUSED.findall(str(error)))
            if not found or toy.counts():
                raise
            reasons |= found


def stored(toy: Toy, trial: Trial) -> str:
    """The value that is in the table, as a text."""
    kind = trial.case.kind
    if kind.startswith("BIT(") and toy.mysql:
        return str(toy.value(f"SELECT v + 0 FROM {trial.table}"))
    if kind in ("BLOB", "BYTEA") or kind.startswith("VARBINARY"):
        value = toy.value(f"SELECT v FROM {trial.table}")
        value = value.encode() if isinstance(value, str) else bytes(value)
        return value.hex() if trial.case.declared == "hex" else value.decode()
    cast = "CHAR" if toy.mysql else "TEXT"
    return str(toy.value(f"SELECT CAST(v AS {cast}) FROM {trial.table}"))


def outcome(toy: Toy, trial: Trial, reasons: Mapping[str, str]) -> str:
    """What became of a value."""
    if reason := reasons.get(trial.table):
        return f"refused: {reason}"
    now = stored(toy, trial)
    return "exact" if now == trial.text else f"normalised: {now}"


def table(toy: Toy, prove: Callable[[list[Trial]], None]) -> list[dict[str, str]]:
    """All outcomes on an engine; ``prove`` is handed the values that are in their tables."""
    wanted = trials(toy)
    taken, reasons = refuse(toy, wanted)
    lines: dict[tuple[str, str | None, str], dict[str, str]] = {}
    for trial in wanted:
        case = trial.case
        key = (case.kind, case.declared, str(case))
        name = case.kind + (f", declared {case.declared}" if case.declared else "")
        line = lines.setdefault(key, {"type": name})
        line[trial.source] = f"`{trial.given}`: {outcome(toy, trial, reasons)}"
    prove(taken)
    return list(lines.values())
