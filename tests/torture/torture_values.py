"""Values that have broken literals, clients, drivers and digests before."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from terp_seed import Json

TEXTS: list[str | None] = [
    "plain",
    "",
    None,
    "it's",
    "''",
    "'",
    '"quoted"',
    "`ticked`",
    "\\",
    "\\'",
    "ends in \\",
    "\\n \\0 \\r \\\\n",
    "\\%\\_",
    "100% %s %(a)s %d %%",
    ":name :1 ?1 @x $1",
    "-- no comment",
    "a -- b",
    "# no comment",
    "/* no comment",
    "*/ /*!50000 SELECT */",
    "; DROP TABLE things; --",
    "'); DROP TABLE things; --",
    "a\0b",
    "\0",
    "\\0\0\\",
    "a\r\nb",
    "\n",
    "\r",
    "\r\n\r\n",
    "line\n.quit\n",
    "line\n;\n",
    "line\ngo\n/\n",
    "line\nDELIMITER //\n\\q\n",
    "a\tb\t",
    "\t",
    "  leading and trailing  ",
    " ",
    "\x1a \x08 \x07 \x1b[31m \x7f",
    "\\Z\x1a",
    "naïve Ångström ß",
    "e\u0301 is not é",
    "\u202eright to left\u202c",
    "\u2028\u2029\x85",
    "\ufeffmark",
    "\ufffd\uffff",
    "\U0001f33f\U0001f469\u200d\U0001f680",
    "\U0010ffff",
    "NULL",
    "null",
    "0",
    "007",
    "+5",
    "1e5",
    "-0",
    "{not json",
    '{"a": 1}',
    "[1, 2.50]",
    "2024-02-30",
    "2024-02-29 00:00:00",
    "12:30",
    "x'00'",
    "_utf8'a'",
    "char(10)",
    "replace('\n', '\\n', char(10))",
    "\r\\r\n\\n\0\\0",
    "x" * 299,
]

DOCUMENTS: list[Any] = [
    None,
    Json(None),
    {},
    [],
    Json(""),
    Json('it\'s "quoted" \\ 50%\n'),
    Json(0),
    Json(True),
    {"a": None, "b": [1, 2.5, True, False, None], "c": {"d": "\"'\\ \t\n\r\0"}},
    {"z": 1, "a": 2, "it's": "50% :x -- /* ;"},
    [[[[[["deep"]]]]]],
    {"emoji": "\U0001f33f", "combining": "e\u0301", "": ""},
    {"big": 2**53, "small": -0.001, "decimal": Decimal("1.50"), "day": date(2024, 2, 29)},
    {"nested": '{"json": "in \\"json\\""}'},
]

BYTES: list[bytes | None] = [
    bytes(range(256)),
    b"",
    None,
    b"\0",
    b"'\\\"%",
    b"\xff\xfe\r\n",
    b"text",
    bytearray(b"\0\x01"),
]

MONEY = ["0", "0.01", "-0.01", "9999999999.99", "-9999999999.99", "1.5", "100", "-0.00"]
EXACT = [
    "0",
    "0.0000000001",
    "-0.0000000001",
    "9999999999999999999999999999.9999999999",
    "-9999999999999999999999999999.9999999999",
    "1E+3",
    "123456789012345.5",
]
MONIES = [None, *map(Decimal, MONEY)]
EXACTS = [None, *map(Decimal, EXACT)]

RATIOS: list[float | None] = [
    None,
    0.0,
    -0.0,
    0.1,
    1 / 3,
    -2.5,
    1e300,
    1.7976931348623157e308,
    2.2250738585072014e-308,
    1e15,
    1e16,
    123456789.12345679,
    1e-7,
]
ROUGHS: list[float | None] = [None, 0.5, -1.25, 1e10, 3.0, 0.1]

DAYS = [
    None,
    date(1000, 1, 1),
    date(1582, 10, 10),
    date(1969, 12, 31),
    date(2024, 2, 29),
    date(9999, 12, 31),
]
MOMENTS = [
    None,
    datetime(1000, 1, 1),
    datetime(1970, 1, 1, 0, 0, 1),
    datetime(2026, 3, 29, 2, 30),  # a moment that clocks in Berlin skip
    datetime(2038, 1, 19, 3, 14, 8),
    datetime(9999, 12, 31, 23, 59, 59),
    datetime(2024, 6, 30, 12, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    datetime(2024, 6, 30, 12, tzinfo=UTC),
]
MOMENTS6 = [
    *MOMENTS,
    datetime(2024, 1, 1, 0, 0, 0, 1),
    datetime(2024, 1, 1, 23, 59, 59, 999999),
    datetime(2024, 1, 1, 12, 0, 0, 500000),
]
CLOCKS = [None, time(0), time(23, 59, 59), timedelta(hours=100), timedelta(seconds=-1)]
CLOCKS6 = [*CLOCKS, time(12, 30, 0, 5), timedelta(hours=838, microseconds=-1)]

FLAGS = [True, False, None]
MOODS = ["ok", "it's", "50%", None]
UUIDS = [None, UUID(int=0), UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")]
WHOLES: dict[str, list[int | None]] = {
    "tiny": [None, 0, -128, 127],
    "small": [None, 0, -(2**15), 2**15 - 1],
    "medium": [None, 0, -(2**23), 2**23 - 1],
    "whole": [None, 0, -(2**31), 2**31 - 1],
    "big": [None, 0, -(2**63), 2**63 - 1, 10**15, 10**15 + 1, 2**53 + 1],
}

CYCLES: dict[str, list[Any]] = {
    **WHOLES,
    "money": MONIES,
    "exact": EXACTS,
    "ratio": RATIOS,
    "rough": ROUGHS,
    "doc": DOCUMENTS,
    "raw": BYTES,
    "short_raw": BYTES[::-1],
    "day": DAYS,
    "moment": MOMENTS,
    "moment6": MOMENTS6,
    "clock": CLOCKS,
    "clock6": CLOCKS6,
    "flag": FLAGS,
    "mood": MOODS,
    "uid": UUIDS,
}


def things() -> list[dict[str, Any]]:
    """One row for each text, the other columns going round their values."""
    return [
        {
            "label": f"thing {number:03d} it's 100% \\ ; --",
            "code": f"c{number}",
            "title": text,
            "words": text,
            "long_words": None if text is None else text * 3,
            **{name: values[number % len(values)] for name, values in CYCLES.items()},
        }
        for number, text in enumerate(TEXTS)
    ]
