"""Sessions on PostgreSQL that begin with other settings than those a run needs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from servers import PostgreSQL
from toys import Toy

#: What an administrator may have set for the user that seeds.
HOSTILE = {
    "bytea_output": "escape",
    "client_encoding": "LATIN1",
    "client_min_messages": "error",
    "datestyle": "SQL, DMY",
    "default_transaction_isolation": "serializable",
    "extra_float_digits": "-15",
    "idle_in_transaction_session_timeout": "200ms",
    "intervalstyle": "sql_standard",
    "lock_timeout": "300ms",
    "standard_conforming_strings": "off",
    "timezone": "Asia/Tokyo",
}
TABLE = (
    "CREATE TABLE things (id SERIAL PRIMARY KEY, code VARCHAR(9), note TEXT, raw BYTEA, "
    "at TIMESTAMP, zoned TIMESTAMPTZ, day DATE, took INTERVAL, ratio DOUBLE PRECISION, "
    "doc JSONB, tags TEXT[])"
)
POLICY = """
[tables.things]
not_personal = [
  { columns = ["doc", "note", "raw", "ratio", "tags", "took"], reason = "made up" },
]
"""
SEED = r"""
import time
rows = [{
    "code": f"C{n}", "note": "a\\b 'c'\n\\\\ \u20ac %s", "raw": b"\x00\\'\xff",
    "at": datetime(2026, 3, 1, 4, 5, 6),
    "zoned": datetime(2026, 3, 1, 12, tzinfo=UTC), "day": date(2026, 2, 1), "ratio": 0.1 + 0.2,
    "took": timedelta(days=1, hours=-30, seconds=1), "doc": {"b": "\\", "a": [1.50]},
    "tags": '{"x,y",z}',
} for n in range(ROWS)]
op.seed_rows("things", rows, key=["code"])
if not op.get_context().as_sql:
    time.sleep(0.5)
"""
ROWS = "SELECT md5(string_agg(things::text, E'\\n' ORDER BY id)), count(*) FROM things"


@pytest.fixture
def seeded(new_database: Callable[[str], str], new_toy: Callable[..., Toy]) -> Callable[[int], Toy]:
    def make(rows: int) -> Toy:
        toy = new_toy(new_database("postgresql"))
        toy.execute(TABLE)
        policy = toy.path / "seeds" / "masking.toml"
        policy.write_text(policy.read_text() + POLICY)
        head = "from datetime import UTC, date, datetime, timedelta"
        toy.only("0001_things", SEED.replace("ROWS", str(rows)), head=head)
        return toy

    return make


@pytest.mark.parametrize("rows", [3, 150], ids=["INSERT", "COPY"])
def test_settings_of_the_user_change_nothing(
    seeded: Callable[[int], Toy],
    postgresql: PostgreSQL,
    client: Callable[..., subprocess.CompletedProcess[str]],
    rows: int,
) -> None:
    """Each transaction is pinned, in a run, in a look at the database, and in a script."""

    def content(toy: Toy) -> list[tuple[Any, ...]]:
        return postgresql.execute(ROWS, database=str(toy.db.url.database))

    usual, hostile = seeded(rows), seeded(rows)
    usual.upgrade()
    expected = content(usual)
    assert expected[0][1] == rows
    name = str(hostile.db.url.database)
    postgresql.execute(
        *(f"ALTER ROLE seeder IN DATABASE {name} SET {k} = '{v}'" for k, v in HOSTILE.items())
    )
    assert hostile.value("SHOW timezone") == "Asia/Tokyo"
    hostile.upgrade()
    assert content(hostile) == expected
    hostile.document("status", "--drift")
    hostile.document("verify", "--drift")
    back = hostile.downgrade("0001_things:base", sql=True)
    hostile.downgrade("base", "on-edited=abort")
    assert content(hostile) == [(None, 0)]
    script = hostile.upgrade("base:head", sql=True)
    hostile.execute("ALTER SEQUENCE things_id_seq RESTART")
    client(hostile.url, script)
    assert content(hostile) == expected
    hostile.document("status", "--drift")
    client(hostile.url, back)
    assert content(hostile) == [(None, 0)]


def test_a_lent_connection_keeps_its_settings(
    seeded: Callable[[int], Toy], postgresql: PostgreSQL
) -> None:
    """In a transaction of the caller's as between two."""
    usual, hostile = seeded(3), seeded(3)
    usual.upgrade()
    name = str(hostile.db.url.database)
    settings = dict(HOSTILE)
    if int(postgresql.version.partition(".")[0]) >= 17:
        settings["transaction_timeout"] = "10min"
    postgresql.execute(
        *(f"ALTER ROLE seeder IN DATABASE {name} SET {k} = '{v}'" for k, v in settings.items())
    )
    look = f"SELECT {', '.join(f'current_setting({key!r})' for key in settings)}"
    with hostile.db.connect() as connection:
        before = connection.exec_driver_sql(look).one()
        connection.rollback()
        hostile.upgrade(attributes={"connection": connection})
        assert connection.exec_driver_sql(look).one() == before
        connection.rollback()
        transaction = connection.begin()
        hostile.downgrade(attributes={"connection": connection})
        hostile.upgrade(attributes={"connection": connection})
        assert connection.exec_driver_sql(look).one() == before
        transaction.commit()
    same = "SELECT array_agg((to_jsonb(things) - 'id')::text ORDER BY id) FROM things"
    (expected,), (found,) = (
        postgresql.execute(same, database=str(toy.db.url.database)) for toy in (usual, hostile)
    )
    assert found == expected
