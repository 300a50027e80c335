"""Connections that are killed, cut, stalled or forgotten: a clear error, and nothing partial."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from children import Child, until
from proxy import Proxy
from servers import MariaDB
from toys import HEAD, Toy

from terp_seed.database.dialects import dialect_named
from terp_seed.errors import LockError, SeedError

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


def ours(mariadb: MariaDB, toy: Toy) -> list[int]:
    """The server's numbers of the connections to a toy's database."""
    name = sa.make_url(toy.url).database
    return [row[0] for row in mariadb.execute("SHOW PROCESSLIST") if row[3] == name]


def lock_is_free(toy: Toy) -> None:
    toy.upgrade("head", "lock-timeout=10")


# -- a COMMIT whose answer is lost


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("revision", ["0001_labels", "0002_depots", HEAD])
def test_a_commit_whose_answer_is_lost(
    mariadb_toy: Toy, proxy: Proxy, carried_out: bool, revision: str
) -> None:
    """C-4, C-13: what became of it nobody knows, and nobody claims; the next run finds out."""
    toy = mariadb_toy
    toy.upgrade("0001_labels")
    toy.downgrade("base")  # so that its tables are there
    which = ["0001_labels", "0002_depots", HEAD].index(revision)
    proxy.cut_at("COMMIT", answered=carried_out, after=which + 1)  # one commit is the start's
    with pytest.raises(LockError, match="nobody can say from here: run the command again, it find"):
        toy.upgrade("head", f"url={proxy.url(toy.url)}")
    assert proxy.cuts == 1
    stands = [None, "0001_labels", "0002_depots", HEAD][which + carried_out]
    assert toy.version() == stands
    assert toy.audit()[-1] == ("failed", None)
    lock_is_free(toy)
    assert toy.counts() == FULL
    assert toy.audit().count(("applied", revision)) == toy.audit().count(("reverted", revision)) + 1


def test_the_start_or_the_end_that_cannot_be_written_is_told(
    mariadb_toy: Toy, proxy: Proxy
) -> None:
    """The audit's own commits may be lost as well."""
    for after in (0, 4):
        mariadb_toy.downgrade() if after else None
        proxy.cut_at("COMMIT", answered=False, after=after)
        with pytest.raises(LockError, match="the connection to the server is gone"):
            mariadb_toy.upgrade("head", f"url={proxy.url(mariadb_toy.url)}")
        assert mariadb_toy.version() == (HEAD if after else None)
        lock_is_free(mariadb_toy)
        assert mariadb_toy.counts() == FULL


# -- a network that stalls, or ends


def test_a_network_that_stalls_for_a_while_is_only_slow(
    mariadb_toy: Toy, proxy: Proxy, start: Callable[..., Child]
) -> None:
    child = start(mariadb_toy, "upgrade", "head", url=proxy.url(mariadb_toy.url))
    time.sleep(0.2)
    proxy.stall()
    time.sleep(0.5)
    proxy.flow()
    assert child.wait() == 0
    assert mariadb_toy.counts() == FULL


def test_a_network_that_stalls_for_good_ends_by_an_interrupt(
    mariadb_toy: Toy, proxy: Proxy, mariadb: MariaDB, start: Callable[..., Child]
) -> None:
    """C-12, C-13: who waits behind it is told for whom, and goes on when the server gives up."""
    toy = mariadb_toy
    toy.upgrade()
    toy.revision("0004_waits", WAITS, head=HEADERS)
    child = start(toy, "upgrade", "head", url=proxy.url(toy.url))
    until((toy.path / "started").exists)
    proxy.stall()
    (toy.path / "go").touch()
    time.sleep(0.2)
    with pytest.raises(LockError, match=r"another run \(connection \d+, .*held the lock for 1 s"):
        toy.upgrade("head", "lock-timeout=1")
    child.send(9)
    assert child.wait() == -9
    for number in ours(mariadb, toy):  # as wait_timeout would, much later
        mariadb.execute(f"KILL {number}")
    lock_is_free(toy)
    assert toy.counts() == {**FULL, "labels": 5}


def test_a_cable_that_is_pulled_is_one_clear_line(
    mariadb_toy: Toy, proxy: Proxy, start: Callable[..., Child]
) -> None:
    """C-12: the lock went with the connection."""
    toy = mariadb_toy
    toy.upgrade()
    toy.revision("0004_waits", WAITS, head=HEADERS)
    child = start(toy, "upgrade", "head", url=proxy.url(toy.url))
    until((toy.path / "started").exists)
    proxy.cut()
    (toy.path / "go").touch()
    assert child.wait() == 255
    assert "FAILED: " in child.said
    assert "Traceback" not in child.said
    assert "the connection to the server is gone" in child.said
    assert toy.version() == HEAD
    assert toy.counts() == FULL
    lock_is_free(toy)


# -- a server that ends connections


def test_a_forgotten_connection_is_one_clear_line(
    mariadb_toy: Toy, mariadb: MariaDB, start: Callable[..., Child]
) -> None:
    """C-12: wait_timeout ran out while a revision was busy with something else."""
    toy = mariadb_toy
    toy.upgrade()
    forget = '    op.get_bind().exec_driver_sql("SET SESSION wait_timeout = 1")\n    (Path'
    toy.revision(
        "0004_waits",
        WAITS.replace("    (Path", forget, 1),
        head=f'{HEADERS}\nraw_sql = "to be forgotten"',
    )
    child = start(toy, "upgrade", "head")
    until((toy.path / "started").exists)
    until(lambda: not ours(mariadb, toy))
    (toy.path / "go").touch()
    assert child.wait() == 255
    assert "the connection to the server is gone" in child.said
    assert "nothing of this revision is left" in child.said
    assert toy.version() == HEAD
    assert toy.counts() == FULL
    assert toy.audit()[-1] == ("failed", None)
    lock_is_free(toy)


def test_a_statement_that_is_killed_fails_its_revision(
    mariadb_toy: Toy, mariadb: MariaDB, start: Callable[..., Child]
) -> None:
    """KILL QUERY ends a statement and keeps the connection."""
    toy = mariadb_toy
    toy.upgrade()
    toy.revision(
        "0004_sleeps",
        """
        op.execute("UPDATE labels SET wording = 'half'")
        op.execute("SELECT COUNT(*) FROM labels a, labels b WHERE SLEEP(9)")
        """,
        head='raw_sql = "waits"\nonline_only = True',
    )
    before = toy.digests()
    child = start(toy, "upgrade", "head")
    killed = threading.Event()

    def kill() -> bool:
        for row in mariadb.execute("SHOW FULL PROCESSLIST"):
            if row[7] and "SLEEP(9)" in str(row[7]):
                mariadb.execute(f"KILL QUERY {row[0]}")
                killed.set()
        return killed.is_set()

    until(kill)
    assert child.wait() == 255
    assert "Traceback" not in child.said
    assert "the connection to the server is gone" not in child.said
    assert toy.version() == HEAD
    assert toy.digests() == before
    assert toy.audit()[-1] == ("failed", None)


# -- while it is looked who holds the lock


@pytest.mark.parametrize("statement", ["SELECT IS_USED_LOCK", "SELECT GET_LOCK", "SELECT RELEASE"])
def test_a_connection_that_dies_around_the_lock(
    mariadb_toy: Toy, proxy: Proxy, statement: str
) -> None:
    """C-12: asked for the lock, for its owner before a commit, and while letting go."""
    proxy.cut_at(statement, answered=False)
    url = f"url={proxy.url(mariadb_toy.url)}"
    if "RELEASE" in statement:
        mariadb_toy.upgrade("head", url)  # all is done; a dead connection holds no lock
    else:
        with pytest.raises(LockError, match="the connection to the server is gone"):
            mariadb_toy.upgrade("head", url)
        assert mariadb_toy.counts() == {}
    assert proxy.cuts == 1
    lock_is_free(mariadb_toy)
    assert mariadb_toy.counts() == FULL


def test_a_waiter_that_cannot_read_the_books_waits_all_the_same(toy: Toy) -> None:
    """C-3: who holds the lock is told where it can be read; where not, the lock is as good."""
    toy.upgrade()
    toy.revision("0004_more", 'op.seed_rows("labels", [{"code": "M"}], key=["code"])')
    toy.execute("ALTER TABLE terp_seed_audit RENAME COLUMN os_user TO somebody")
    with toy.db.connect() as connection:
        lock = dialect_named(toy.db.dialect.name).lock(connection)
        assert lock.acquire(5)
        connection.rollback()
        with pytest.raises(LockError, match=r"^another run \(no details available\) held"):
            toy.upgrade("head", "lock-timeout=0.1")
        lock.release()
    assert toy.counts() == FULL


def test_a_waiter_whose_connection_dies_while_it_asks_for_the_owner(
    mariadb_toy: Toy, proxy: Proxy, start: Callable[..., Child]
) -> None:
    toy = mariadb_toy
    toy.upgrade()
    toy.revision("0004_waits", WAITS, head=HEADERS)
    holder = start(toy, "upgrade", "head")
    until((toy.path / "started").exists)
    proxy.cut_at("SELECT IS_USED_LOCK", answered=False)
    with pytest.raises(SeedError, match="the connection to the server is gone"):
        toy.upgrade("head", "lock-timeout=1", f"url={proxy.url(toy.url)}")
    (toy.path / "go").touch()
    assert holder.wait() == 0
    assert toy.counts() == {**FULL, "labels": 5}
