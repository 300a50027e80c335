"""Any value of any column type: written, read back, digested, rolled back."""

from __future__ import annotations

import json
import string
from base64 import b64encode
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toys import Toy

from terp_seed.masking.live_values import LIVE_KINDS

# The tests' own look at the tables; a run is quiet by itself.
pytestmark = [
    pytest.mark.every_engine,
    pytest.mark.filterwarnings("ignore:Did not recognize type"),
]

# An example is two whole runs, and several of a table's rows are many values of each type.
FEW = settings(max_examples=5, deadline=None, suppress_health_check=[*HealthCheck])

Values = st.SearchStrategy[Any]

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_ASCII = st.text(string.ascii_letters + string.digits, min_size=1, max_size=5)
_DAYS = st.dates(date(1000, 1, 1), date(9999, 12, 31))
_SECONDS = st.datetimes(datetime(1971, 1, 1), datetime(2037, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0)
)
_CLOCKS = st.times().map(lambda clock: clock.replace(microsecond=0))
_DECIMALS = st.decimals(-(10**7) + 1, 10**7 - 1, places=3)
_DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
_FLOATS = st.floats(-(2.0**100), 2.0**100, width=32)
_BYTES = st.binary(max_size=20)
_INTS = st.integers(-(2**31), 2**31 - 1)
_DOCUMENTS = st.dictionaries(_ASCII, _INTS | _ASCII | st.booleans() | st.none(), max_size=3)
_ADDRESSES = st.ip_addresses(v=6).map(str)
_IDS = st.uuids(version=4)  # MariaDB refuses some others

SQLITE: dict[str, Values] = {
    "INTEGER": st.integers(-(2**63), 2**63 - 1),
    "REAL": _DOUBLES,
    "NUMERIC(10,3)": _DECIMALS,
    "TEXT": _TEXT,
    "BLOB": _BYTES,
    "BOOLEAN": st.booleans(),
    "DATE": _DAYS,
    "DATETIME": _SECONDS,
    "TIME": _CLOCKS,
    "JSON": _DOCUMENTS,
}
MYSQL: dict[str, Values] = {
    "INT": _INTS,
    "BIGINT UNSIGNED": st.integers(0, 2**64 - 1),
    "FLOAT": _FLOATS,
    "DOUBLE": _DOUBLES,
    "DECIMAL(10,3)": _DECIMALS,
    "BOOLEAN": st.booleans(),
    "BIT(8)": st.integers(0, 255),
    "DATE": _DAYS,
    "TIME": _CLOCKS,
    "TIME(2)": st.times().map(lambda clock: clock.replace(microsecond=120_000)),
    "DATETIME": _SECONDS,
    "DATETIME(6)": st.datetimes(datetime(1000, 1, 1)),
    "TIMESTAMP NULL": _SECONDS,
    "YEAR": st.integers(1901, 2155),
    "CHAR(5)": _ASCII,
    "VARCHAR(20)": _TEXT,
    "TEXT": _TEXT,
    "VARBINARY(20)": _BYTES,
    "BLOB": _BYTES,
    "ENUM('x','y')": st.sampled_from("xy"),
    "SET('a','b','c')": st.sets(st.sampled_from("abc")).map(",".join),
    "JSON": _DOCUMENTS,
}
ONLY_MARIADB: dict[str, Values] = {"UUID": _IDS | _IDS.map(str), "INET6": _ADDRESSES}
POSTGRESQL: dict[str, Values] = {
    "INT": _INTS,
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "REAL": _FLOATS,
    "DOUBLE PRECISION": _DOUBLES,
    "NUMERIC(10,3)": _DECIMALS,
    "NUMERIC": _DECIMALS,
    "MONEY": st.decimals(-(10**9), 10**9, places=2),
    "BOOLEAN": st.booleans(),
    "BIT(3)": st.text("01", min_size=3, max_size=3),
    "DATE": _DAYS,
    "TIME": st.times(),
    "TIMESTAMP": st.datetimes(datetime(1, 1, 1)),
    "TIMESTAMPTZ": _SECONDS,
    "INTERVAL": st.timedeltas(timedelta(-9999), timedelta(9999)),
    "CHAR(5)": _ASCII,
    "TEXT": _TEXT,
    "BYTEA": _BYTES,
    "UUID": _IDS | _IDS.map(lambda value: str(value).upper()),
    "INET": _ADDRESSES | st.ip_addresses(v=4).map(str),
    "JSON": _DOCUMENTS,
    "JSONB": _DOCUMENTS,
    "INT[]": st.lists(_INTS, max_size=3).map(lambda values: f"{{{', '.join(map(str, values))}}}"),
    "INT4RANGE": st.tuples(_INTS, _INTS).map(lambda ends: f"[{min(ends)},{max(ends)})"),
}

HEAD = (
    "from datetime import date, datetime, time, timedelta\nimport datetime as _datetime\n"
    "from decimal import Decimal\nfrom uuid import UUID\n"
)


def kinds(toy: Toy) -> dict[str, Values]:
    """The types of an engine, each with values that it takes."""
    if toy.sqlite:
        return SQLITE
    if toy.postgresql:
        return POSTGRESQL
    return MYSQL | (ONLY_MARIADB if "MariaDB" in toy.value("SELECT VERSION()") else {})


def expression(value: Any) -> str:
    """A value as a revision has it."""
    return repr(value).replace("datetime.", "_datetime.")


def in_json(value: Any) -> Any:
    """A value as a JSON file has it."""
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, bytes):
        return {"$bytes": b64encode(value).decode()}
    for kind, name in ((datetime, "$datetime"), (date, "$date"), (time, "$time")):
        if isinstance(value, kind):
            return {name: value.isoformat()}
    return value


@pytest.mark.long
@pytest.mark.parametrize("source", ["python", "json"])
def test_any_value_of_any_type(toy: Toy, source: str) -> None:
    types = kinds(toy)
    if source == "json":  # which has no interval, and no UUID but as a text
        types = {k: v.filter(has_json) for k, v in types.items() if k != "INTERVAL"}
    names = {f"c{n}": kind for n, kind in enumerate(types)}
    columns = ", ".join(f"{name} {kind}" for name, kind in names.items())
    toy.execute(f"CREATE TABLE t (id {toy.counted_key}, code CHAR(4) UNIQUE, {columns})")
    toy.publish("t", ["code", *names], *LIVE_KINDS)
    row = st.fixed_dictionaries({n: st.none() | types[kind] for n, kind in names.items()})
    revisions = count(1)

    @FEW
    @given(st.lists(row, min_size=1, max_size=12))
    def check(rows: Sequence[dict[str, Any]]) -> None:
        coded = [{"code": f"r{n}", **cells} for n, cells in enumerate(rows)]
        name = f"0001_t{next(revisions)}"  # a file of its own, so that no compiled one is old
        if source == "json":
            values = [{k: in_json(v) for k, v in cells.items()} for cells in coded]
            toy.data("t.json", json.dumps(values))
            toy.only(name, 'op.seed_file("t", "t.json", key=["code"])')
        else:
            listed = "[" + ",\n".join(expression(cells) for cells in coded) + "]"
            toy.only(name, f'op.seed_rows("t", {listed}, key=["code"])', head=HEAD)
        toy.upgrade()
        assert toy.value("SELECT COUNT(*) FROM t") == len(rows)
        toy.document("status", "--drift")
        toy.downgrade("base", "on-edited=abort")
        assert toy.value("SELECT COUNT(*) FROM t") == 0

    check()


def has_json(value: Any) -> bool:
    """Whether a JSON file can say a value of this type."""
    return type(value).__name__ not in ("timedelta", "UUID")
