"""Keys on PostgreSQL, taken from a sequence from which an application draws at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from toys import Toy

TABLE = "CREATE TABLE things (id {key}, code VARCHAR(20))"
SEED = 'op.seed_rows("things", [{{"code": f"seed {{n}}"}} for n in range({count})], key=["code"])'
#: Before each draw or move of the sequence a pause, in which the application inserts.  As the
#: schema comes before pg_catalog, the seeds call these; the application's default does not.
PAUSED = (
    "CREATE TABLE pauses (left_over INT)",
    "INSERT INTO pauses VALUES ({pauses})",
    "CREATE FUNCTION pause() RETURNS void LANGUAGE plpgsql AS $$ BEGIN "
    "IF (SELECT left_over FROM pauses) > 0 THEN UPDATE pauses SET left_over = left_over - 1; "
    "PERFORM pg_sleep(0.1); END IF; END $$",
    "CREATE FUNCTION nextval(which regclass) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN "
    "PERFORM public.pause(); RETURN pg_catalog.nextval(which); END $$",
    "CREATE FUNCTION setval(which regclass, number bigint) RETURNS bigint LANGUAGE plpgsql AS $$ "
    "BEGIN PERFORM public.pause(); RETURN pg_catalog.setval(which, number); END $$",
)


def seed(toy: Toy, count: int) -> None:
    toy.only("0001_things", SEED.format(count=count))


@contextmanager
def application(toy: Toy, number: int = 1) -> Iterator[None]:
    """Programs that insert rows, as fast as they can; an error of theirs fails the test."""
    done, errors = threading.Event(), list[psycopg.Error]()
    dsn = toy.db.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def work() -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            while not done.is_set():
                try:
                    connection.execute("INSERT INTO things (code) VALUES ('app')")
                except psycopg.Error as error:
                    errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert toy.value("SELECT count(*) FROM things WHERE code = 'app'") > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "pauses", "gap"),
    [(3, 2, False), (3, 10_000, True)],
    ids=["once", "each time"],
)
@pytest.mark.parametrize("kind", ["SERIAL", "BIGINT GENERATED ALWAYS AS IDENTITY"])
def test_an_application_may_insert_while_the_keys_are_taken(
    postgresql_toy: Toy, kind: str, count: int, pauses: int, gap: bool
) -> None:
    """Between a look at the sequence and its move: it was moved back, and gave out keys twice."""
    toy = postgresql_toy
    database = toy.db.url.database
    toy.execute(
        TABLE.format(key=f"{kind} PRIMARY KEY"),
        *(sql.format(pauses=pauses) for sql in PAUSED),
        f'ALTER ROLE seeder IN DATABASE "{database}" SET search_path = public, pg_catalog',
    )
    seed(toy, count)
    with application(toy):
        toy.upgrade()
    keys = [key for (key,) in toy.rows("SELECT id FROM things WHERE code <> 'app' ORDER BY id")]
    assert keys == list(range(keys[0], keys[0] + count))
    assert toy.value("SELECT left_over FROM pauses") < pauses - 1
    below = toy.value(f"SELECT max(id) FROM things WHERE id < {keys[0]}")
    assert (keys[0] - below > 50_000) == gap
    assert toy.value("SELECT count(*) - count(DISTINCT id) FROM things") == 0
    toy.execute("INSERT INTO things (code) VALUES ('last')")
    assert toy.value("SELECT id FROM things WHERE code = 'last'") > keys[-1]


@pytest.mark.parametrize("step", [10, 2, -1])
@pytest.mark.parametrize("count", [1, 9, 10, 11, 25])
def test_a_sequence_that_counts_by_more_than_one(
    postgresql_toy: Toy, step: int, count: int
) -> None:
    """Its user takes the keys up to the next value, or those down to the last one."""
    toy = postgresql_toy
    start = "MINVALUE -1000 MAXVALUE 1000 START 500" if step < 0 else ""
    toy.execute(
        TABLE.format(key="SERIAL PRIMARY KEY"),
        f"ALTER SEQUENCE things_id_seq INCREMENT {step} {start}",
    )
    toy.execute("ALTER SEQUENCE things_id_seq RESTART")
    before = toy.value("SELECT nextval('things_id_seq')")
    seed(toy, count)
    toy.upgrade()
    after = toy.value("SELECT nextval('things_id_seq')")
    keys = [key for (key,) in toy.rows("SELECT id FROM things ORDER BY id")]
    assert keys == list(range(keys[0], keys[0] + count))
    width = abs(step)
    for value in (before, after):
        taken = {*range(value, value + width), *range(value - width + 1, value + 1)}
        assert taken.isdisjoint(keys)


def test_rows_by_hand_above_the_sequence_and_an_application_beneath(postgresql_toy: Toy) -> None:
    toy = postgresql_toy
    toy.execute(
        TABLE.format(key="SERIAL PRIMARY KEY"),
        "INSERT INTO things (id, code) VALUES (1000000, 'by hand')",
    )
    seed(toy, 5)
    with application(toy):
        toy.upgrade()
    assert toy.value("SELECT min(id) FROM things WHERE code LIKE 'seed%%'") > 1000000


@pytest.mark.parametrize("restart", [None, 2, 3, 4, 5, 6, 90])
def test_rows_by_hand_where_the_sequence_begins(postgresql_toy: Toy, restart: int | None) -> None:
    """The keys follow without a gap, and a sequence that was set higher does not go back."""
    toy = postgresql_toy
    toy.execute(
        TABLE.format(key="SERIAL PRIMARY KEY"), "INSERT INTO things VALUES (1, 'a'), (4, 'b')"
    )
    if restart is not None:
        toy.execute(f"ALTER SEQUENCE things_id_seq RESTART WITH {restart}")
    seed(toy, 3)
    toy.upgrade()
    first = max(5, restart or 0)
    found = toy.rows("SELECT id FROM things WHERE code LIKE 'seed%%' ORDER BY id")
    assert found == [(first,), (first + 1,), (first + 2,)]
    assert toy.value("SELECT nextval('things_id_seq')") == first + 3


def test_a_table_whose_key_nothing_counts(postgresql_toy: Toy) -> None:
    toy = postgresql_toy
    toy.execute(TABLE.format(key="INTEGER PRIMARY KEY"), "INSERT INTO things VALUES (7, 'x')")
    seed(toy, 2)
    toy.upgrade()
    assert toy.rows("SELECT id FROM things ORDER BY id") == [(7,), (8,), (9,)]


@pytest.mark.parametrize(
    "default", ["nextval('counter'::text)", "nextval('\"odd ''name'::text)", "nextval('counter')"]
)
def test_a_sequence_that_only_a_default_calls(postgresql_toy: Toy, default: str) -> None:
    """Named by a text, so that the catalogue knows of no dependency."""
    toy = postgresql_toy
    name = '"odd \'name"' if "odd" in default else "counter"
    default = default.replace("name'", "name\"'")
    toy.execute(f"CREATE SEQUENCE {name}", TABLE.format(key=f"INT DEFAULT {default} PRIMARY KEY"))
    toy.execute("INSERT INTO things (code) VALUES ('before')")
    seed(toy, 3)
    toy.upgrade()
    toy.execute("INSERT INTO things (code) VALUES ('after')")
    assert toy.rows("SELECT id FROM things ORDER BY id") == [(1,), (2,), (3,), (4,), (5,)]


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 300, 20_000])
def test_applications_that_insert_while_seeds_go_up_and_down(
    postgresql_toy: Toy, count: int
) -> None:
    """Zero errors on both sides, and each key once."""
    toy = postgresql_toy
    toy.execute(TABLE.format(key="BIGSERIAL PRIMARY KEY"))
    seed(toy, count)
    with application(toy, 6):
        for _ in range(6):
            toy.upgrade()
            assert toy.value("SELECT count(*) FROM things WHERE code <> 'app'") == count
            toy.downgrade()
    assert toy.value("SELECT count(*) FROM things WHERE code <> 'app'") == 0
