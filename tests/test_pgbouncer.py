"""Behind a pooler that lends a server connection for one transaction: still one run at a time."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
import sqlalchemy as sa
from bouncers import PgBouncer
from servers import PostgreSQL
from toys import HEAD, Toy

from terp_seed.database.dialects import dialect_named
from terp_seed.database.dialects.postgresql_transactions import WRITE_LOCK
from terp_seed.errors import LockError

FULL = {"labels": 3, "pairs": 2, "depots": 4, "crates": 12, "scans": 12}
REVISIONS = ("0001_labels", "0002_depots", "0003_crates")
SLOW = """
op.seed_rows("labels", [{"code": "SLOW"}], key=["code"])
if not op.get_context().as_sql:
    folder = Path(__file__).parent.parent
    (folder / "started").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
"""
LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"

Script = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(params=[2])
def toy(
    request: pytest.FixtureRequest, postgresql: PostgreSQL, postgresql_toy: Toy
) -> Iterator[Toy]:
    """A toy whose commands go through a pooler; what a test looks at does not.

    A run needs two of its server connections: what is to look on beside one needs a third.
    """
    with PgBouncer(postgresql, default_pool_size=request.param) as pooler:
        postgresql_toy.url = pooler.pooled(postgresql_toy.url)
        yield postgresql_toy


three_connections = pytest.mark.parametrize("toy", [3], indirect=True)


def slow_run(toy: Toy) -> subprocess.Popen[str]:
    """Start an upgrade that stops in the middle of the revision behind the last one."""
    toy.revision("0004_slow", SLOW, head="import time\nfrom pathlib import Path")
    process = toy.start_alembic("upgrade", "head")
    deadline = time.monotonic() + 60
    while not (toy.path / "started").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def go(toy: Toy) -> None:
    (toy.path / "go").touch()


def applied_once(toy: Toy, *revisions: str) -> None:
    """Nothing was seeded twice, by the audit, the ledger and the rows."""
    audit = toy.audit()
    assert [audit.count(("applied", revision)) for revision in revisions] == [1] * len(revisions)
    assert toy.states() == dict.fromkeys(revisions, "applied")


def no_lock_is_left(toy: Toy) -> None:
    """A server connection may need a moment to notice that its client is gone."""
    deadline = time.monotonic() + 10
    while toy.value(LOCKS) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert toy.value(LOCKS) == 0


# -- a run


def test_a_run_up_and_down(toy: Toy) -> None:
    toy.upgrade()
    assert toy.counts() == FULL
    applied_once(toy, *REVISIONS)
    no_lock_is_left(toy)
    toy.downgrade()
    assert toy.counts() == {}
    no_lock_is_left(toy)


def test_nothing_of_a_run_stays_in_the_pool(toy: Toy) -> None:
    """A setting of the session would be another program's: row_security = off hides no row."""
    names = ("row_security", "timezone", "idle_in_transaction_session_timeout", "datestyle")
    sql = "SELECT pg_backend_pid(), " + ", ".join(f"current_setting('{name}')" for name in names)
    with (
        sa.create_engine(toy.url, poolclass=sa.NullPool).connect() as one,
        sa.create_engine(toy.url, poolclass=sa.NullPool).connect() as other,
    ):

        def settings() -> dict[int, tuple[str, ...]]:
            found = {backend: tuple(values) for backend, *values in map(look, (one, other))}
            one.rollback()
            other.rollback()
            return found

        def look(connection: sa.Connection) -> tuple[str, ...]:
            return tuple(connection.exec_driver_sql(sql).one())

        before = settings()
        assert len(before) == 2
        toy.upgrade()
        assert settings() == before


def test_a_connection_that_is_lent(toy: Toy) -> None:
    """A caller's engine knows nothing of our pins; they are those of each transaction."""
    engine = sa.create_engine(toy.url, connect_args={"prepare_threshold": None})
    with engine.connect() as connection:
        before = connection.exec_driver_sql("SHOW row_security").scalar()
        connection.rollback()
        toy.upgrade(attributes={"connection": connection})
        assert toy.counts() == FULL
        connection.rollback()
        assert connection.exec_driver_sql("SHOW row_security").scalar() == before
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL timezone = 'Asia/Tokyo'")
        toy.downgrade(attributes={"connection": connection})
        assert connection.exec_driver_sql("SHOW timezone").scalar() == "Asia/Tokyo"
    assert toy.counts() == {}
    engine.dispose()
    no_lock_is_left(toy)


# -- two


@pytest.mark.parametrize("number", [2, 4])
def test_runs_that_start_at_once_seed_exactly_once(toy: Toy, number: int) -> None:
    runs = [toy.start_alembic("upgrade", "head") for _ in range(number)]
    ended = [(run.communicate(timeout=120)[1], run.returncode) for run in runs]
    assert [code for _, code in ended] == [0] * number, ended
    assert toy.counts() == FULL
    applied_once(toy, *REVISIONS)
    assert toy.audit().count(("started", None)) == 1


@three_connections
@pytest.mark.parametrize("behind", ["both", "holder", "waiter"])
def test_who_waits_behind_the_pooler_or_before_it(toy: Toy, behind: str) -> None:
    pooled, direct = toy.url, toy.db.url.render_as_string(hide_password=False)
    toy.url = direct if behind == "waiter" else pooled
    holder = slow_run(toy)
    toy.url = direct if behind == "holder" else pooled
    who = rf"connection \d+.*, process {holder.pid}, since"
    with pytest.raises(LockError, match=rf"{who} .* held the lock for 0.3 s"):
        toy.upgrade("head", "lock-timeout=0.3")
    waiter = toy.start_alembic("upgrade", "head")
    assert waiter.stderr is not None
    assert any("waiting for" in line for line in waiter.stderr)
    go(toy)
    assert holder.wait(30) == 0
    _, said = waiter.communicate(timeout=60)
    assert waiter.returncode == 0, said
    assert "nothing to do: another run" in said
    applied_once(toy, *REVISIONS, "0004_slow")


# -- other programs


@contextmanager
def foreign_clients(url: str, number: int) -> Iterator[list[int]]:
    """Programs that come and go, and begin transactions of which some are rolled back."""
    done, counts = threading.Event(), [0] * number
    dsn = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

    def work(place: int) -> None:
        chance = random.Random(place)
        while not done.is_set():
            with psycopg.connect(dsn, prepare_threshold=None) as connection:
                for _ in range(chance.randrange(1, 20)):
                    connection.execute("SELECT pg_backend_pid()")
                    if chance.random() < 0.3:
                        time.sleep(chance.random() / 100)
                    end = connection.commit if chance.random() < 0.5 else connection.rollback
                    end()
                    counts[place] += 1

    threads = [threading.Thread(target=work, args=(place,)) for place in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield counts
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_runs_at_once_beside_eight_other_clients(toy: Toy) -> None:
    with foreign_clients(toy.url, 8) as counts:
        runs = [toy.start_alembic("upgrade", "head") for _ in range(2)]
        ended = [(run.communicate(timeout=180)[1], run.returncode) for run in runs]
    assert [code for _, code in ended] == [0, 0], ended
    assert min(counts) > 0
    assert toy.counts() == FULL
    applied_once(toy, *REVISIONS)
    no_lock_is_left(toy)


# -- ends


def test_kill_9_lets_the_next_one_in(toy: Toy) -> None:
    killed = slow_run(toy)
    killed.kill()
    killed.wait()
    go(toy)
    assert toy.version() == HEAD
    toy.upgrade()
    applied_once(toy, *REVISIONS, "0004_slow")
    assert toy.value("SELECT count(*) FROM labels WHERE code = 'SLOW'") == 1
    no_lock_is_left(toy)


def test_a_lock_that_is_lost_keeps_nothing(toy: Toy, postgresql: PostgreSQL) -> None:
    """The connection beside the run's is ended by an administrator, or by the pooler."""
    run = slow_run(toy)
    toy.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
        f"AND objid = {0x73656564}"
    )
    time.sleep(0.2)
    with pytest.raises(LockError, match=r"held the lock for 0.2 s"):
        toy.upgrade("head", "lock-timeout=0.2")  # the first one still writes
    go(toy)
    said = "".join(run.communicate(timeout=60))
    assert run.returncode == 255
    assert "FAILED: the lock was lost before the commit" in said
    assert toy.version() == HEAD
    toy.upgrade()
    applied_once(toy, *REVISIONS, "0004_slow")


def test_a_transaction_beside_one_that_writes_is_refused(postgresql_toy: Toy) -> None:
    """A run of which the first lock was lost may still write, when this one begins another."""
    url, dialect = postgresql_toy.db.url, dialect_named("postgresql")
    with dialect.engine(url).connect() as connection, postgresql_toy.connect() as other:
        lock = dialect.lock(connection)
        assert lock.acquire(0)
        connection.rollback()
        other.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")
        with pytest.raises(LockError, match=r"another run is writing to the database"):
            connection.exec_driver_sql("SELECT 1")
        connection.rollback()
        other.rollback()
        assert lock.owned()
        lock.release()
        assert not lock.owned()
    no_lock_is_left(postgresql_toy)


def test_a_pool_of_one_is_one_clear_line(postgresql: PostgreSQL, postgresql_toy: Toy) -> None:
    with PgBouncer(postgresql, default_pool_size=1, query_wait_timeout=1) as pooler:
        postgresql_toy.url = pooler.pooled(postgresql_toy.url)
        with pytest.raises(
            LockError,
            match=r"^behind a connection pooler the lock needs a server connection beside .* none "
            r"\(error 08P01\); allow its pool two or more for each run, or use the server's own",
        ):
            postgresql_toy.upgrade()
    assert postgresql_toy.version() is None
    no_lock_is_left(postgresql_toy)


# -- scripts


def script_of(toy: Toy, *x: str) -> str:
    return toy.upgrade("head", *x, sql=True)


def test_a_script_up_and_down(toy: Toy, client: Script) -> None:
    client(toy.url, script_of(toy))
    assert toy.counts() == FULL
    applied_once(toy, *REVISIONS)
    client(toy.url, toy.downgrade(f"{HEAD}:base", sql=True))
    assert toy.counts() == {}
    no_lock_is_left(toy)


@three_connections
def test_a_script_stops_while_a_run_goes(toy: Toy, client: Script) -> None:
    script = script_of(toy, "lock-timeout=0.5")
    run = slow_run(toy)
    stopped = client(toy.url, script, check=False)
    assert stopped.returncode == 3
    assert "canceling statement due to lock timeout" in stopped.stderr
    go(toy)
    assert run.wait(30) == 0
    assert client(toy.url, script, check=False).returncode == 3  # it is for an empty chain
    applied_once(toy, *REVISIONS, "0004_slow")


def test_scripts_at_once_seed_exactly_once(toy: Toy, client: Script) -> None:
    toy.upgrade("0001_labels")
    toy.downgrade()
    toy.execute("DELETE FROM terp_seed_audit")
    script, codes = script_of(toy), [9] * 4

    def apply(place: int) -> None:
        codes[place] = client(toy.url, script, check=False).returncode

    threads = [threading.Thread(target=apply, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    toy.start_alembic("upgrade", "head").communicate(timeout=120)
    for thread in threads:
        thread.join()
    assert set(codes) <= {0, 3}
    assert toy.counts() == FULL
    applied_once(toy, *REVISIONS)
