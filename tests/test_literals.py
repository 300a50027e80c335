"""Literals are exact: what an engine gives back is the value that was written.

Each value is rendered, run by a real engine, once through the driver and once through the engine's
own client, and read back by the driver. The canonical text, the basis of row digests, is the same
before and after.
"""

from __future__ import annotations

import json
import math
import time as clock
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from servers import run_client, server_engine
from torture.torture_values import (
    BYTES,
    CLOCKS6,
    DAYS,
    DOCUMENTS,
    EXACTS,
    FLAGS,
    MONIES,
    MOODS,
    RATIOS,
    ROUGHS,
    TEXTS,
    UUIDS,
    WHOLES,
)
from torture.torture_values import MOMENTS6 as MOMENTS

from terp_seed.database.dialects import Dialect, Written, dialect_named
from terp_seed.rows.literals import (
    JsonText,
    UnwritableError,
    canonical,
    canonical_cells,
    json_cells,
    json_text,
)
from terp_seed.rows.model import Cells, Json, Lookup, Value

pytestmark = pytest.mark.every_engine

EXACT = {"no_parameters": True}
#: How PostgreSQL spells a type of MySQL.
POSTGRESQL = {
    "MEDIUMTEXT": "TEXT",
    "BLOB": "BYTEA",
    "MEDIUMBLOB": "BYTEA",
    "VARBINARY(300)": "BYTEA",
    "CHAR(3)": "VARCHAR(3)",
    "DOUBLE": "DOUBLE PRECISION",
    "FLOAT": "REAL",
    "DATETIME(6)": "TIMESTAMP",
    "TIME(6)": "INTERVAL",
    "ENUM ('ok', 'it''s', '50%')": "TEXT CHECK (c0 IN ('ok', 'it''s', '50%'))",
}


@dataclass
class Scale:
    """Weighs values: writes them into a column of one engine and reads them back."""

    url: str
    through: str
    db: sa.Engine

    @property
    def sqlite(self) -> bool:
        """Whether the engine is SQLite."""
        return self.db.dialect.name == "sqlite"

    @property
    def postgresql(self) -> bool:
        """Whether the engine is PostgreSQL."""
        return self.db.dialect.name == "postgresql"

    @property
    def dialect(self) -> Dialect:
        """The engine, as the package knows it."""
        return dialect_named(self.db.dialect.name)

    def weigh(self, kinds: Sequence[str], rows: Sequence[Sequence[Value]]) -> list[list[Value]]:
        """Write rows into a new table of these column types, and return what it holds."""
        names = [f"c{place}" for place in range(len(kinds))]
        if self.postgresql:
            kinds = [POSTGRESQL.get(kind, kind) for kind in kinds]
        listed = ", ".join(f"{name} {kind}" for name, kind in zip(names, kinds, strict=True))
        quote = self.dialect.quote
        with self.db.begin() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS weighed", execution_options=EXACT)
            connection.exec_driver_sql(
                f"CREATE TABLE weighed (n INTEGER PRIMARY KEY, {listed}){self._options}",
                execution_options=EXACT,
            )
        texts = [[str(n), *map(self.dialect.literal, row)] for n, row in enumerate(rows)]
        columns = [Written(name, [()]) for name in ("n", *names)]
        self._run(self.dialect.insert("weighed", columns, [*map(", ".join, texts)], {}))
        with self.db.connect() as connection, self.dialect.read_as_written(connection):
            result = connection.exec_driver_sql(
                f"SELECT {', '.join(map(quote, names))} FROM weighed ORDER BY n",
                execution_options=EXACT,
            )
            return [list(row) for row in result]

    @property
    def _options(self) -> str:
        mysql = not self.sqlite and not self.postgresql
        return " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" if mysql else ""

    def _run(self, sql: str) -> None:
        if self.through == "client":
            lines = [*self.dialect.prologue(), *(f"{pin};" for pin in self.dialect.pin())]
            run_client(self.url, "\n".join([*lines, f"{sql};", ""]))
            return
        with self.db.begin() as connection:
            for pin in self.dialect.pin():
                connection.exec_driver_sql(pin, execution_options=EXACT)
            connection.exec_driver_sql(sql, execution_options=EXACT)


@pytest.fixture(params=("driver", "client"))
def scale(request: pytest.FixtureRequest, database_url: str) -> Iterator[Scale]:
    """A scale for each engine and each way in."""
    db = sa.create_engine(database_url)
    yield Scale(database_url, request.param, db)
    db.dispose()


# -- what an engine should give back


def same(value: Value) -> Value:
    return value


def naive(value: datetime) -> datetime:
    return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)


def as_delta(value: time | timedelta) -> timedelta:
    if isinstance(value, timedelta):
        return value
    return timedelta(0, value.hour * 3600 + value.minute * 60 + value.second, value.microsecond)


def clock_text(text: str) -> timedelta:
    """Read SQLite's text of a time, `-01:00:00.5` included."""
    hours, minutes, seconds = text.lstrip("-").split(":")
    whole = timedelta(hours=int(hours), minutes=int(minutes)) + timedelta(
        microseconds=int(Decimal(seconds) * 10**6)
    )
    return -whole if text.startswith("-") else whole


def parsed(text: str | float) -> Value:
    """Read a JSON text; SQLite makes a number of one that looks like it."""
    return json.loads(text) if isinstance(text, str) else text


def near(value: float) -> float:
    """What SQLite surely keeps of a number: 15 digits."""
    return float(f"{value:.15g}")


@dataclass(frozen=True)
class Kind:
    """A column type on both engines, its values, and how to compare them."""

    name: str
    sqlite: str
    server: str
    values: Sequence[Value]
    written: Callable[[Any], Value] = same
    from_sqlite: Callable[[Any], Value] = same
    from_server: Callable[[Any], Value] = same
    loose: bool = False
    """On SQLite numbers count to 15 digits."""


LONG = "x'\\%" * 20_000
WHOLE_VALUES = [value for values in WHOLES.values() for value in values]
KINDS = [
    Kind("text", "TEXT", "TEXT", [*TEXTS, "\U0001f33f" * 1000]),
    Kind("mediumtext", "TEXT", "MEDIUMTEXT", [*TEXTS, LONG]),
    Kind("varchar", "VARCHAR(300)", "VARCHAR(300)", TEXTS),
    Kind("char", "CHAR(3)", "CHAR(3)", ["", "a", "abc", "'", "\\", " a", "é\U0001f33f", None]),
    Kind("blob", "BLOB", "MEDIUMBLOB", BYTES, bytes, bytes, bytes),
    Kind("varbinary", "BLOB", "VARBINARY(300)", BYTES, bytes),
    Kind("json", "JSON", "JSON", DOCUMENTS, lambda v: parsed(json_text(v)), parsed, parsed),
    Kind("bigint", "BIGINT", "BIGINT", WHOLE_VALUES),
    Kind("boolean", "BOOLEAN", "BOOLEAN", FLAGS, int, same, int),
    Kind("money", "DECIMAL(12, 2)", "DECIMAL(12, 2)", MONIES, Decimal, loose=True),
    Kind("decimal", "DECIMAL(38, 10)", "DECIMAL(38, 10)", EXACTS, Decimal, loose=True),
    Kind("double", "DOUBLE", "DOUBLE", RATIOS, loose=True),
    Kind("float", "FLOAT", "FLOAT", ROUGHS),
    Kind("date", "DATE", "DATE", DAYS, same, date.fromisoformat),
    Kind("datetime", "DATETIME", "DATETIME(6)", MOMENTS, naive, datetime.fromisoformat),
    Kind("time", "TIME", "TIME(6)", CLOCKS6, as_delta, clock_text),
    Kind("enum", "TEXT", "ENUM ('ok', 'it''s', '50%')", MOODS),
    Kind("uuid", "CHAR(36)", "CHAR(36)", UUIDS, str),
    Kind("number in a text", "TEXT", "TEXT", [0, -5, 2**63 - 1, Decimal("1.5")], str),
    Kind("moment in a text", "TEXT", "TEXT", [date(2024, 2, 29), datetime(2024, 2, 29)], str),
]
SERVER_ONLY = [
    Kind("unsigned", "", "BIGINT UNSIGNED", [0, 2**63, 2**64 - 1]),
    Kind("widest", "", "DECIMAL(65, 30)", [Decimal("9" * 35 + "." + "9" * 30)]),
    Kind("whole decimal", "", "DECIMAL(65, 0)", [10**65 - 1, -(10**65) + 1], Decimal),
    Kind("seconds", "", "DATETIME", [v for v in MOMENTS if v and not v.microsecond], naive),
    Kind("timestamp", "", "TIMESTAMP(6)", [datetime(2038, 1, 19, 3, 14, 7, 999999)]),
    Kind("least double", "", "DOUBLE", [5e-324, 2.2250738585072e-308, 0.1 + 0.2]),
    Kind("binary", "", "BINARY(4)", [b"\0\xff'\\"]),
]


def holds(dialect: Dialect, value: Value) -> bool:
    """Whether a column of the engine can hold a text."""
    return dialect.keeps_nul or not isinstance(value, str) or "\0" not in value


def _equal(kind: Kind, scale: Scale, value: Value, read: Value) -> bool:
    if value is None or read is None:
        return value is read
    found = (kind.from_sqlite if scale.sqlite else kind.from_server)(read)
    wanted = kind.written(value)
    if kind.loose and scale.sqlite:
        return near(float(wanted)) == near(found)
    return bool(found == wanted) and isinstance(found, type(wanted))


def test_values_come_back_as_they_were(scale: Scale) -> None:
    wrong = []
    for kind in KINDS:
        column = kind.sqlite if scale.sqlite else kind.server
        values = [value for value in kind.values if holds(scale.dialect, value)]
        read = scale.weigh([column], [[value] for value in values])
        for value, (found,) in zip(values, read, strict=True):
            if not _equal(kind, scale, value, found) or canonical(value) != canonical(found):
                wrong.append((kind.name, value, found))
    assert wrong == []


def test_a_server_gives_back_what_only_it_can_hold(mariadb_url: str) -> None:
    db = sa.create_engine(mariadb_url)
    scale = Scale(mariadb_url, "driver", db)
    for kind in SERVER_ONLY:
        read = scale.weigh([kind.server], [[value] for value in kind.values])
        for value, (found,) in zip(kind.values, read, strict=True):
            assert _equal(kind, scale, value, found), kind.name
            assert canonical(found) == canonical(value), kind.name
    db.dispose()


def test_every_byte_stands_for_itself(scale: Scale) -> None:
    singles = [bytes([number]) for number in range(256)]
    read = scale.weigh(["BLOB"], [[single] for single in singles])
    assert [found for (found,) in read] == singles


def test_every_pair_of_nasty_characters(scale: Scale) -> None:
    nasty = ["\0", "\n", "\r", "\t", "\x1a", "'", '"', "\\", "%", "n", "r", "0", ";", "-", "é"]
    pairs = [a + b + c for a in nasty for b in nasty for c in ("", "\\", "'", "\n", "\0")]
    pairs = [pair for pair in pairs if holds(scale.dialect, pair)]
    read = scale.weigh(["TEXT"], [[pair] for pair in pairs])
    assert [found for (found,) in read] == pairs


def test_empty_text_is_not_null_and_json_null_is_not_null(scale: Scale) -> None:
    read = scale.weigh(["TEXT", "JSON"], [["", Json(None)], [None, None]])
    assert read == [["", "null"], [None, None]]
    assert canonical("") != canonical(None) != canonical(Json(None))


# -- by Hypothesis


def _texts() -> st.SearchStrategy[str]:
    characters = st.characters(exclude_categories=["Cs"])
    nasty = st.sampled_from("\0\n\r\t\x1a'\"\\%:;-/*`nr0\ufeff\u2028\U0001f33f")
    return st.text(st.one_of(nasty, characters), max_size=40)


def _documents() -> st.SearchStrategy[Value]:
    leaves = st.one_of(
        st.none(), st.booleans(), st.integers(-(2**53), 2**53), _short_floats(), _texts()
    )
    inside = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts(), inner, max_size=3),
        max_leaves=8,
    )
    return st.lists(inside, max_size=3).map(Json)


def _short_floats() -> st.SearchStrategy[float]:
    """Numbers of at most 15 digits, which no engine rounds."""
    return st.builds(
        lambda digits, places: float(f"{digits}e-{places}"),
        st.integers(-(10**15) + 1, 10**15 - 1),
        st.integers(0, 12),
    )


def _clocks() -> st.SearchStrategy[timedelta]:
    limit = timedelta(hours=838, minutes=59, seconds=59)
    return st.timedeltas(-limit, limit)


MIXED = [
    ("TEXT", "TEXT", _texts()),
    ("BLOB", "BLOB", st.binary(max_size=60)),
    ("JSON", "JSON", _documents()),
    ("BIGINT", "BIGINT", st.integers(-(2**63), 2**63 - 1)),
    ("DECIMAL(15, 5)", "DECIMAL(15, 5)", st.decimals(-(10**9), 10**9, places=5)),
    ("DOUBLE", "DOUBLE", _short_floats()),
    ("DATE", "DATE", st.dates(date(1000, 1, 1))),
    ("DATETIME", "DATETIME(6)", st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 30))),
    (
        "DATETIME",
        "DATETIME(6)",
        st.datetimes(
            datetime(1001, 1, 1),
            datetime(9999, 12, 30),
            timezones=st.integers(-14 * 60, 14 * 60).map(
                lambda minutes: timezone(timedelta(minutes=minutes))
            ),
        ),
    ),
    ("TIME", "TIME(6)", _clocks()),
    ("BOOLEAN", "BOOLEAN", st.booleans()),
    ("CHAR(36)", "CHAR(36)", st.uuids()),
]
READ: list[Callable[[Value], Value]] = [
    same, bytes, lambda v: parsed(json_text(v)), same, Decimal, near, same, naive, naive, same,
    int, str,
]  # fmt: skip
FROM_SQLITE: list[Callable[[Any], Value]] = [
    same, bytes, parsed, same, lambda v: round(Decimal(v), 5), near, date.fromisoformat,
    datetime.fromisoformat, datetime.fromisoformat, clock_text, same, same,
]  # fmt: skip
FROM_SERVER: list[Callable[[Any], Value]] = [
    same, bytes, parsed, same, same, same, same, same, same, same, same, same,
]  # fmt: skip
QUICK = settings(
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.long
def test_any_row_comes_back_as_it_was(scale: Scale) -> None:
    kinds = [sqlite if scale.sqlite else server for sqlite, server, _ in MIXED]
    readers = FROM_SQLITE if scale.sqlite else FROM_SERVER
    row = st.tuples(
        *(
            st.none() | values.filter(lambda value: holds(scale.dialect, value))
            for _, _, values in MIXED
        )
    )

    @QUICK
    @given(st.lists(row, min_size=1, max_size=25))
    @example([(None,) * len(MIXED)])
    def check(rows: list[tuple[Value, ...]]) -> None:
        for wrote, read in zip(rows, scale.weigh(kinds, rows), strict=True):
            for place, (value, found) in enumerate(zip(wrote, read, strict=True)):
                assert canonical(value) == canonical(found), kinds[place]
                if value is None:
                    assert found is None
                else:
                    assert readers[place](found) == READ[place](value), kinds[place]

    check()


@pytest.mark.parametrize("engine", [server_engine(), "postgresql"])
def test_any_float_and_decimal_on_a_server(database_url: str) -> None:
    db = sa.create_engine(database_url)
    scale = Scale(database_url, "driver", db)
    decimals = st.decimals(-(10**34), 10**34, places=30)

    @QUICK
    @given(
        st.lists(
            st.tuples(st.floats(allow_nan=False, allow_infinity=False), decimals),
            min_size=1,
            max_size=50,
        )
    )
    def check(rows: list[tuple[float, Decimal]]) -> None:
        """A number of a JSON file is a decimal, and its column may be a DOUBLE."""
        given = [(number, decimal, Decimal(repr(number))) for number, decimal in rows]
        found = scale.weigh(["DOUBLE", "DECIMAL(65, 30)", "DOUBLE"], given)
        for wrote, read in zip(rows, found, strict=True):
            assert [*wrote, wrote[0]] == read
            assert list(map(canonical, wrote)) == list(map(canonical, read[:2]))

    check()
    db.dispose()


# -- columns in the manner of a writer


def _literals(name: str, cells: Cells) -> list[str]:
    return list(dialect_named(name).literals(cells))


@pytest.mark.parametrize(
    ("value", "scale", "text"),
    [
        (0, 2, "0"),
        (5, 2, "0.05"),
        (-5, 2, "-0.05"),
        (-100, 2, "-1"),
        (-1200, 2, "-12"),
        (-120, 2, "-1.2"),
        (120_000, 4, "12"),
        (12345, 3, "12.345"),
        (10, 2, "0.1"),
        (7, 0, "7"),
        (10**40 + 1, 4, f"1{'0' * 36}.0001"),
    ],
)
def test_scaled_numbers_are_written_as_decimals(value: int, scale: int, text: str) -> None:
    assert _literals("mysql", Cells([value, None], scale=scale)) == [text, "NULL"]
    (cells,) = [canonical_cells(Cells([value], scale=scale))]
    if abs(value) < 10**15:
        assert list(cells) == [canonical(Decimal(text))]


@pytest.mark.parametrize("name", ["sqlite", "mysql", "postgresql"])
def test_a_column_is_rendered_as_its_values_are(name: str) -> None:
    dialect = dialect_named(name)
    mixed: list[Value] = [True, 1, 1.0, "1", None, b"1", Decimal(1), {"a": 1}, Json("1")]
    for values in (mixed, ["x", "x", "x"], [None, None], [1, True], [0.0, -0.0], [{}, {}]):
        assert _literals(name, Cells(values)) == [dialect.literal(value) for value in values]
        assert list(canonical_cells(Cells(values))) == [canonical(value) for value in values]


@pytest.mark.parametrize("name", ["sqlite", "mysql", "postgresql"])
@pytest.mark.parametrize(
    "value",
    [
        "\ud800",
        "a\udfffb",
        {"a": "\udc80"},
        {"\udc80": 1},
        Json("\ud800"),
        math.nan,
        math.inf,
        -math.inf,
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        {"a": math.nan},
        {"a": Decimal("NaN")},
        {"a": Decimal("sNaN")},
        {"a": Decimal("Infinity")},
        [b"bytes"],
        {1: 2, "a": 3},
        object(),
        {1, 2},
        time(12, tzinfo=UTC),
        Lookup("t", (("name", "\ud800"),)),
        Decimal("1e401"),
    ],
    ids=lambda value: type(value).__name__ if type(value) is object else None,
)
def test_what_has_no_literal_is_refused_with_its_place_and_not_its_value(
    name: str, value: Value
) -> None:
    with pytest.raises(UnwritableError) as refused:
        _literals(name, Cells(["fine", value]))
    reason, place = refused.value.args
    assert place == 1
    assert reason.isascii()


def test_a_document_without_a_text_is_refused_at_its_place_however_often_it_comes() -> None:
    """Many rows hold one document of a pool: each text is made once, the place is the row's."""
    good, bad = {"a": 1}, {"a": math.nan}
    with pytest.raises(UnwritableError) as refused:
        json_cells(Cells([good, good, good, bad, bad]))
    assert refused.value.args[1] == 3


def test_a_document_may_hold_another() -> None:
    """Marked as JSON or not, it is the same inside."""
    assert json_text({"b": Json([1, Json("x")]), "a": Json(None)}) == '{"a":null,"b":[1,"x"]}'


@pytest.mark.parametrize(
    "text",
    [
        *("{}", "[]", '{"a":1}', '{"a":1.0}', '{"a":[1.0,2]}', "[1.0]", '{"a":1.5}', '{"a":1e+22}'),
        *(
            '{"a":1e-07}',
            '{"a":1e+3}',
            "1.50",
            '{"a":"1e+5"}',
            '{"a":"e+"}',
            '{"a":1234567890123456789}',
            "true",
            "5",
        ),
        *('"1.0"', '"x"', "null", '{"a":"1.0}"}'),
    ],
)
def test_a_document_has_the_text_that_an_engine_gives_back_for_it(text: str) -> None:
    """Most texts are their own; what only might be rewritten is looked at as a text is."""
    assert canonical(JsonText(text)) == canonical(text)


def test_a_moment_does_not_depend_on_the_machines_own_zone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moment = datetime(2024, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    try:
        for zone in ("America/New_York", "Asia/Tokyo"):
            monkeypatch.setenv("TZ", zone)
            clock.tzset()
            assert dialect_named("mysql").literal(moment) == "'2024-07-01 10:00:00'"
            assert dialect_named("mysql").literal(datetime(2024, 7, 1)) == "'2024-07-01 00:00:00'"
            assert [*_literals("mysql", Cells([moment] * 2))] == ["'2024-07-01 10:00:00'"] * 2
            assert canonical(moment) == "2024-07-01 10:00:00"
    finally:
        monkeypatch.undo()
        clock.tzset()


def test_whole_numbers_of_any_type_count_alike() -> None:
    """A seeder's own kind of integer is scaled, and refers, as an integer does."""

    class Own(int):
        pass

    for number in (Own(250), True):
        for cells in (Cells([number, None], scale=2), Cells([number, None, 7], ref="others")):
            plain = replace(cells, values=[v and int(v) for v in cells.values])
            assert _literals("mysql", cells) == _literals("mysql", plain)
            assert canonical_cells(cells) == canonical_cells(plain)
    for cells in (Cells([1, "2"], ref="others"), Cells([1, 2.5], scale=2)):
        with pytest.raises(UnwritableError) as refused:
            _literals("mysql", cells)
        assert refused.value.args[1] == 1


def test_a_column_of_plain_texts_is_canonical_as_its_values_are() -> None:
    long = [10**16 + 1, 1]
    assert [*canonical_cells(Cells(long))] == [*map(canonical, long)]
    with pytest.raises(UnwritableError):
        _literals("mysql", Cells([datetime.min.replace(tzinfo=timezone(timedelta(hours=2)))]))


def test_a_decimal_in_a_document_is_a_number_of_its_own_kind() -> None:
    """Whole ones are exact however long they are."""
    document = {"a": Decimal("10.00"), "b": Decimal("10.5"), "c": Decimal(10**20 + 1)}
    assert json_text(document) == '{"a":10,"b":10.5,"c":100000000000000000001}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(0), "00:00:00"),
        (timedelta(minutes=30), "00:30:00"),
        (timedelta(days=34, hours=22, minutes=59, seconds=59), "838:59:59"),
        (-timedelta(hours=1, minutes=2, seconds=3, microseconds=40), "-01:02:03.000040"),
    ],
)
def test_a_duration_is_hours_minutes_and_seconds(value: timedelta, text: str) -> None:
    assert dialect_named("mysql").literal(value) == f"'{text}'"
    assert canonical(value) == text


def test_a_recursive_document_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]
    for value in (loop, deep):
        with pytest.raises(UnwritableError):
            _literals("sqlite", Cells([value]))


@pytest.mark.parametrize("name", ["sqlite", "mysql", "postgresql"])
def test_a_literal_is_one_line_of_a_script(name: str) -> None:
    """A client that reads line by line never sees the inside of a text as a line."""
    dialect = dialect_named(name)
    for text in TEXTS:
        if not text or not holds(dialect, text):
            continue
        literal = dialect.text(text)
        assert not {"\n", "\r", "\0"} & set(literal)


# -- the canonical text


@pytest.mark.parametrize(
    "same_values",
    [
        [1, 1.0, Decimal("1.00"), "1", True, "+1", "1e0", "01"],
        [0, 0.0, -0.0, Decimal("-0.00"), False, "0", "-0"],
        [0.1, Decimal("0.1"), "0.10", "1e-1"],
        [{"b": 1, "a": [1, None]}, '{"a": [1.0, null], "b": 1}', Json({"a": [1, None], "b": 1})],
        [date(2024, 2, 29), datetime(2024, 2, 29), "2024-02-29", "2024-02-29 00:00:00"],
        [datetime(2024, 2, 29, 1, 2, 3), "2024-02-29T01:02:03", "2024-02-29 01:02:03.000000"],
        [datetime(2024, 2, 29, 12, tzinfo=UTC), datetime(2024, 2, 29, 12)],
        [time(23, 59, 59, 5), timedelta(0, 86399, 5), "23:59:59.000005"],
        [b"\xff", bytearray(b"\xff"), memoryview(b"\xff")],
        [UUID(int=5), str(UUID(int=5))],
    ],
    ids=lambda values: repr(values[0]),
)
def test_ways_to_say_one_value_have_one_text(same_values: list[Value]) -> None:
    assert len({canonical(value) for value in same_values}) == 1


def test_different_values_have_different_texts() -> None:
    values: list[Value] = [
        None, "", " ", "null", Json(""), "a", "A", "é", "e\u0301", 0, 1, -1, 0.1, 10**15, 10**14,
        Decimal("0.01"), b"", b"a", {}, [], {"a": 1}, {"a": "1"}, date(2024, 1, 1),
        datetime(2024, 1, 1, 0, 0, 1), datetime(2024, 1, 1, 0, 0, 0, 1), time(0, 0, 1),
        Lookup("t", (("a", 1),)), Lookup("t", (("a", 2),)),
    ]  # fmt: skip
    texts = [canonical(value) for value in values]
    assert len(set(texts)) == len(values)
