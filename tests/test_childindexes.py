"""On SQLite a foreign key without an index gets one while rows go that it may point at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from toys import Toy

from terp_seed.errors import SeedError

SCHEMA = "SELECT sql FROM sqlite_master ORDER BY name"
TABLES = (
    "CREATE TABLE nodes (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL UNIQUE, "
    "up INTEGER REFERENCES nodes (id))",
    # led by an index, by a unique constraint, by the primary key, and by one of some rows only
    "CREATE TABLE a (id INTEGER PRIMARY KEY, node INTEGER REFERENCES nodes (id))",
    "CREATE INDEX a_node ON a (node, id)",
    "CREATE TABLE b (id INTEGER PRIMARY KEY, node INTEGER UNIQUE REFERENCES nodes (id))",
    "CREATE TABLE c (node INTEGER PRIMARY KEY REFERENCES nodes (id))",
    "CREATE TABLE d (node INTEGER REFERENCES nodes (id), how INTEGER)",
    "CREATE INDEX d_node ON d (node) WHERE how = 1",
    "CREATE INDEX nodes_code ON nodes (lower(code))",  # SQLAlchemy warns of what it cannot read
)


def _seeded(toy: Toy, rows: int) -> None:
    toy.execute(*TABLES)
    listed = f'[{{"code": f"N{{n}}", "up": None}} for n in range({rows})]'
    toy.only("0001_nodes", f'op.seed_rows("nodes", {listed}, key=["code"])')
    toy.upgrade()


@contextmanager
def statements() -> Iterator[list[str]]:
    """What any engine runs meanwhile."""
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *more: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_a_bare_foreign_key_is_led_by_an_index_while_rows_go(sqlite_toy: Toy) -> None:
    """A self-reference without an index made a rollback quadratic."""
    _seeded(sqlite_toy, 300)
    before = sqlite_toy.rows(SCHEMA)
    with statements() as seen:
        sqlite_toy.downgrade()
    made = [each.partition(" ON ")[2] for each in seen if each.startswith("CREATE INDEX")]
    assert sorted(made) == ['"d" ("node")', '"nodes" ("up")']
    at = [n for n, each in enumerate(seen) if "INDEX" in each or each.startswith('DELETE FROM "n')]
    kinds = [seen[n].split()[0] for n in at]
    assert kinds == ["CREATE", "CREATE", "DELETE", "DROP", "DROP"]
    assert sqlite_toy.rows(SCHEMA) == before
    assert sqlite_toy.counts() == {}


def test_a_few_rows_are_not_worth_an_index(sqlite_toy: Toy) -> None:
    _seeded(sqlite_toy, 20)
    with statements() as seen:
        sqlite_toy.downgrade()
    assert not [each for each in seen if "INDEX" in each]
    assert sqlite_toy.counts() == {}


def test_a_failure_takes_the_indexes_along(sqlite_toy: Toy) -> None:
    _seeded(sqlite_toy, 300)
    sqlite_toy.execute(
        "CREATE TRIGGER no BEFORE DELETE ON nodes WHEN old.code = 'N7' "
        "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
    )
    before, rows = sqlite_toy.rows(SCHEMA), sqlite_toy.digests()
    with statements() as seen, pytest.raises(SeedError):
        sqlite_toy.downgrade()
    assert [each for each in seen if each.startswith("CREATE INDEX")]
    assert sqlite_toy.rows(SCHEMA) == before
    assert sqlite_toy.digests() == rows
