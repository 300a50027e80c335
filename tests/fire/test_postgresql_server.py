"""PostgreSQL: connections that end, servers that stop or refuse, rows that are locked."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from children import Child, until
from proxy import Proxy
from servers import PostgreSQL
from toys import HEAD, Toy

from terp_seed.errors import LockError, PlanError, SeedError

FULL = {"labels": 3, "pairs": 2, "depots": 4, "crates": 12, "scans": 12}
WAITS = """
op.seed_rows("labels", [{"code": "SLOW"}], key=["code"])
if not op.get_context().as_sql:
    (Path(__file__).parent.parent / "started").touch()
    while not (Path(__file__).parent.parent / "go").exists():
        time.sleep(0.01)
op.seed_rows("labels", [{"code": "SLOWER"}], key=["code"])
"""
HEADERS = "import time\nfrom pathlib import Path"


@pytest.fixture
def pg_proxy(postgresql: PostgreSQL) -> Iterator[Proxy]:
    """A proxy before the server of this test process."""
    with Proxy(postgresql.port) as proxy:
        yield proxy


def started(toy: Toy, start: Callable[..., Child], url: str = "") -> Child:
    """A run in the middle of its fourth revision."""
    toy.upgrade()
    toy.revision("0004_waits", WAITS, head=HEADERS)
    child = start(toy, "upgrade", "head", url=url)
    until((toy.path / "started").exists)
    return child


def ended_and_completed(toy: Toy, child: Child) -> None:
    """One clear line, nothing of the revision; the same command completes."""
    (toy.path / "go").touch()
    assert child.wait() == 255
    assert "the connection to the server is gone" in child.said
    assert "Traceback" not in child.said
    assert toy.version() == HEAD
    assert toy.counts() == FULL
    toy.upgrade("head", "lock-timeout=10")
    assert toy.counts() == {**FULL, "labels": 5}


@pytest.mark.parametrize("carried_out", [True, False])
def test_a_commit_whose_answer_is_lost(
    postgresql_toy: Toy, pg_proxy: Proxy, carried_out: bool
) -> None:
    """C-4, C-13: the error claims neither; the next run finds out."""
    toy = postgresql_toy
    toy.upgrade("0001_labels")
    toy.downgrade("base")  # so that the bookkeeping is there
    pg_proxy.cut_at("COMMIT", answered=carried_out, after=2)  # one commit is the start's
    with pytest.raises(LockError, match="run the command again, it finds out"):
        toy.upgrade("head", f"url={pg_proxy.url(toy.url)}")
    assert pg_proxy.cuts == 1
    assert toy.version() == ("0002_depots" if carried_out else "0001_labels")
    toy.upgrade("head", "lock-timeout=10")
    assert toy.counts() == FULL


def test_a_cable_that_is_pulled_is_one_clear_line(
    postgresql_toy: Toy, pg_proxy: Proxy, start: Callable[..., Child]
) -> None:
    """C-12: the lock went with the connection."""
    child = started(postgresql_toy, start, pg_proxy.url(postgresql_toy.url))
    pg_proxy.cut()
    ended_and_completed(postgresql_toy, child)


def test_a_network_that_stalls_ends_by_an_interrupt(
    postgresql_toy: Toy, pg_proxy: Proxy, postgresql: PostgreSQL, start: Callable[..., Child]
) -> None:
    """C-13: who waits is told for whom, and goes on when the server gives up."""
    toy = postgresql_toy
    child = started(toy, start, pg_proxy.url(toy.url))
    pg_proxy.stall()
    (toy.path / "go").touch()
    with pytest.raises(LockError, match=r"another run \(connection \d+, .*held the lock for 1 s"):
        toy.upgrade("head", "lock-timeout=1")
    child.send(9)
    assert child.wait() == -9
    terminate(postgresql, toy)  # as tcp_keepalives would, much later
    toy.upgrade("head", "lock-timeout=10")
    assert toy.counts() == {**FULL, "labels": 5}


def terminate(postgresql: PostgreSQL, toy: Toy) -> None:
    """End every connection to a toy's database."""
    name = sa.make_url(toy.url).database
    postgresql.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )


def test_a_connection_that_is_terminated_is_one_clear_line(
    postgresql_toy: Toy, postgresql: PostgreSQL, start: Callable[..., Child]
) -> None:
    """C-4, C-12: by an administrator, or by a timeout of the server."""
    child = started(postgresql_toy, start)
    terminate(postgresql, postgresql_toy)
    ended_and_completed(postgresql_toy, child)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_server_that_is_restarted_in_the_middle(
    new_toy: Callable[..., Toy], start: Callable[..., Child], how: int
) -> None:
    """C-4: in order or by `kill -9`, with a write-ahead log that is kept."""
    options = ("fsync=on", "full_page_writes=on", "synchronous_commit=on")
    with PostgreSQL(*(part for option in options for part in ("-c", option))) as server:
        toy = new_toy(server.create("restarted"))
        child = started(toy, start)
        os.kill(server.pid, how)
        server.restart()
        ended_and_completed(toy, child)


def test_a_server_that_is_read_only(postgresql_toy: Toy, postgresql: PostgreSQL) -> None:
    """C-14: as a standby is; the command completes on the primary."""
    toy = postgresql_toy
    toy.upgrade("0001_labels")
    before = toy.everything()
    name = sa.make_url(toy.url).database
    postgresql.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(PlanError, match=r"the server is read-only \(error 25006\)"):
        toy.upgrade()
    assert toy.everything() == before
    postgresql.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
    toy.upgrade()
    assert toy.counts() == FULL


@pytest.mark.parametrize("released", [True, False])
def test_a_row_that_is_locked_for_long(
    postgresql_toy: Toy, postgresql: PostgreSQL, released: bool
) -> None:
    """C-19: the revision is repeated, at most three times."""
    toy = postgresql_toy
    toy.upgrade("0002_depots")
    patience = "1500" if released else "300"
    url = sa.make_url(toy.url).update_query_dict({"options": f"-c lock_timeout={patience}"})
    impatient = f"url={url.render_as_string(hide_password=False)}"
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '{}'"
    with toy.db.connect() as held:
        held.exec_driver_sql("SELECT * FROM depots FOR UPDATE")

        def release() -> None:
            until(lambda: postgresql.execute(waiting.format(url.database)))
            time.sleep(2)  # the first attempt has ended, and the second is waiting
            held.rollback()

        if released:
            thread = threading.Thread(target=release)
            thread.start()
            toy.upgrade("head", impatient)
            thread.join()
            assert "attempt 2 of 3" in toy.said
            assert toy.counts() == FULL
            return
        with pytest.raises(SeedError, match="because another one held the rows it needs"):
            toy.upgrade("head", impatient)
        assert "attempt 3 of 3" in toy.said
    assert toy.version() == "0002_depots"
    toy.upgrade()
    assert toy.counts() == FULL


def user(toy: Toy, postgresql: PostgreSQL, name: str, *grants: str) -> str:
    """The URL of a toy's database for a user who may do this, and nothing else there."""
    database = str(sa.make_url(toy.url).database)
    postgresql.execute(
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC",
        f"DROP ROLE IF EXISTS {name}",
        f"CREATE ROLE {name} LOGIN PASSWORD 'p'",
        *(f"GRANT {grant.format(database)} TO {name}" for grant in grants),
        database=database,
    )
    return f"url={postgresql.url(database, user=name, password='p')}"


ROWS = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
KEYS = "USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public"


def test_the_documented_privileges_suffice(postgresql_toy: Toy, postgresql: PostgreSQL) -> None:
    """C-39: CREATE for the first run only, and TEMPORARY for the rows of a COPY."""
    toy = postgresql_toy
    toy.upgrade("0001_labels", "rows=crates:300")
    x = user(toy, postgresql, "few", "TEMPORARY ON DATABASE {}", ROWS, KEYS)
    toy.upgrade("head", x)
    assert toy.counts()["crates"] == 300
    toy.downgrade("base", x)
    assert toy.counts() == {}


def test_a_missing_privilege_is_one_clear_line(postgresql_toy: Toy, postgresql: PostgreSQL) -> None:
    """C-39: reading alone; all but the bookkeeping's own tables."""
    toy = postgresql_toy
    with pytest.raises(
        PlanError, match=r"may not use schema public; GRANT USAGE, CREATE ON SCHEMA"
    ):
        toy.upgrade("head", user(toy, postgresql, "bare", ROWS, KEYS))
    toy.upgrade("0001_labels")
    before = toy.everything()
    reader = user(toy, postgresql, "reader", "SELECT ON ALL TABLES IN SCHEMA public")
    with pytest.raises(PlanError, match=r"may not use table \w+; GRANT SELECT, INSERT, UPDATE"):
        toy.upgrade("head", reader)
    assert toy.everything() == before
