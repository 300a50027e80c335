"""Put ready rows into an empty SQLite database, and take them out: the seconds, as JSON.

    python sqlite_floor.py SEEDED EMPTY "query for the tables in order" [take]

Rows are read beforehand, ten thousand at a time, and reading is not counted.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time

_ROWS = 10_000


def main(source: str, target: str, query: str, *take: str) -> None:
    """Print what it takes to put all rows in, and if asked to take them out."""
    seeded = sqlite3.connect(source)
    empty = sqlite3.connect(target, isolation_level=None)
    empty.execute("PRAGMA foreign_keys = ON")
    tables = [row[0] for row in seeded.execute(query)]
    put = _timed(empty, "BEGIN IMMEDIATE")
    for table in tables:
        rows = seeded.execute(f'SELECT * FROM "{table}" ORDER BY id')
        marks = ", ".join("?" * len(rows.description))
        while ready := rows.fetchmany(_ROWS):
            started = time.perf_counter()
            empty.executemany(f'INSERT INTO "{table}" VALUES ({marks})', ready)
            put += time.perf_counter() - started
    put += _timed(empty, "COMMIT")
    print(json.dumps([put, _taken(empty, tables)] if take else [put]))


def _taken(full: sqlite3.Connection, tables: list[str]) -> float:
    seconds = _timed(full, "BEGIN IMMEDIATE")
    for table in reversed(tables):
        seconds += _timed(full, f'DELETE FROM "{table}" WHERE id >= 1')
    return seconds + _timed(full, "COMMIT")


def _timed(connection: sqlite3.Connection, statement: str) -> float:
    started = time.perf_counter()
    connection.execute(statement)
    return time.perf_counter() - started


main(*sys.argv[1:])
