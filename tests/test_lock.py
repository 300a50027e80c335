"""One run at a time: who waits, what they are told, and what is left when a holder dies."""

from __future__ import annotations

import importlib.util
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import filelock
import pytest
import sqlalchemy as sa
from clusters.galera import Galera
from servers import MariaDB, server_engine
from sqlalchemy.engine import Connection
from toys import HEAD, Toy

from terp_seed.database import lock
from terp_seed.database.bookkeeping import books
from terp_seed.database.dialects import dialect_named, dialect_of
from terp_seed.database.session import Session
from terp_seed.database.turns import Turns
from terp_seed.errors import InterruptedRunError, LockError, PlanError, SeedError

FULL = {"labels": 3, "pairs": 2, "depots": 4, "crates": 12, "scans": 12}
SLOW = """
op.seed_rows("labels", [{"code": "SLOW"}], key=["code"])
if not op.get_context().as_sql:
    folder = Path(__file__).parent.parent
    (folder / "started").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
"""


def wait_for(happened: Callable[[], object], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def slow_run(toy: Toy) -> subprocess.Popen[str]:
    """Start an upgrade that holds the lock, in the middle of a revision, until told to go on."""
    toy.revision("0004_slow", SLOW, head="import time\nfrom pathlib import Path")
    process = toy.start_alembic("upgrade", "head")
    wait_for((toy.path / "started").exists, process)
    return process


def go(toy: Toy) -> None:
    (toy.path / "go").touch()


def second_run(toy: Toy, *args: str) -> tuple[subprocess.Popen[str], str]:
    """Start another run and return it with the line by which it says that it waits."""
    process = toy.start_alembic(*(args or ("upgrade", "head")))
    assert process.stderr is not None
    for line in process.stderr:
        if "waiting for" in line:
            return process, line
    raise AssertionError(process.communicate())


# -- together


@pytest.mark.long
@pytest.mark.parametrize("number", [3, 8])
def test_runs_that_start_at_once_seed_exactly_once(toy: Toy, number: int) -> None:
    """C-1, C-2: on a fresh database, so the bookkeeping tables are made under the lock, too."""
    runs = [toy.start_alembic("upgrade", "head") for _ in range(number)]
    ended = [(run.communicate(timeout=60), run.returncode) for run in runs]
    assert [code for _, code in ended] == [0] * number, ended
    assert toy.counts() == FULL
    assert toy.audit().count(("applied", HEAD)) == 1
    assert toy.audit().count(("started", None)) == 1
    won = [error for (_, error), _ in ended if f"-> {HEAD}" in error]
    assert len(won) == 1
    idle = [error for (_, error), _ in ended if "nothing to do" in error]
    assert len(idle) == number - 1


@pytest.mark.long
def test_losers_end_after_the_winner(toy: Toy) -> None:
    """C-1: a loser that ends at once would let an application start on half of the data."""
    winner = slow_run(toy)
    losers = [second_run(toy)[0] for _ in range(2)]
    time.sleep(0.3)
    assert all(loser.poll() is None for loser in losers)
    go(toy)
    for loser in losers:
        _, error = loser.communicate(timeout=30)
        assert loser.returncode == 0
        assert "nothing to do: another run already moved the chain to 0004_slow" in error
    assert winner.wait(10) == 0
    assert toy.value("SELECT COUNT(*) FROM labels WHERE code = 'SLOW'") == 1


# -- waiting


def test_who_holds_the_lock_and_how_long_the_wait_is(toy: Toy) -> None:
    """C-3: and who gave up has not unlocked the door for a third."""
    holder = slow_run(toy)
    before = time.monotonic()
    with pytest.raises(LockError) as caught:
        toy.upgrade("head", "lock-timeout=0.5")
    assert 0.5 <= time.monotonic() - before < 10
    who = rf"another run \(.*process {holder.pid}, since 20[-0-9]+ [:.0-9]+ UTC\)"
    assert re.search(rf"waiting for {who}, at most 0.5 s", toy.said)
    assert re.match(rf"{who} held the lock for 0.5 s; .*lock-timeout=", str(caught.value))
    if not toy.sqlite:
        assert re.search(r"\(connection \d+, ", toy.said)
    with pytest.raises(LockError):
        toy.upgrade("head", "lock-timeout=0")
    assert holder.poll() is None
    go(toy)
    holder.communicate(timeout=30)
    assert holder.returncode == 0


@contextmanager
def the_file_to_itself(toy: Toy) -> Iterator[None]:
    """As a run of ours has it whose transaction is larger than SQLite's cache."""
    with held(toy), toy.db.connect() as connection:
        connection.exec_driver_sql("BEGIN EXCLUSIVE")
        yield


def test_who_cannot_even_read_waits_as_long_as_for_the_lock(sqlite_toy: Toy) -> None:
    """C-3: SQLite's own wait was half a minute, whatever was asked for."""
    toy = sqlite_toy
    with the_file_to_itself(toy):
        with pytest.raises(LockError, match=r"exclusive lock on the database file for 0\.1 s; try"):
            toy.upgrade("head", "lock-timeout=0.1")
        assert "waiting for another run, which has the database file, at most 0.1 s" in toy.said
        assert toy.terp_seed("lock", "status").output.startswith("held by a run")
    assert toy.counts() == {}
    toy.upgrade("head", "lock-timeout=0.1")
    assert toy.counts() == FULL


def test_who_cannot_read_yet_goes_in_when_the_other_run_is_done(sqlite_toy: Toy) -> None:
    with the_file_to_itself(sqlite_toy):
        waiter, line = second_run(sqlite_toy)
        assert "at most 60 s" in line
    assert waiter.wait(30) == 0, waiter.communicate()
    assert sqlite_toy.counts() == FULL


def session_that_waits(connection: Connection, seconds: float) -> Session:
    settings: Any = SimpleNamespace(lock_timeout=seconds)
    return Session(connection, dialect_of(connection), settings, books(), external=False)


def test_who_waits_for_the_lock_does_not_wait_to_read_whose_it_is(
    sqlite_toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite_toy.upgrade()
    told, before = list[str](), time.monotonic()
    monkeypatch.setattr(lock, "logger", SimpleNamespace(warning=told.append))
    with the_file_to_itself(sqlite_toy), sqlite_toy.db.connect() as waiter:
        waiting = lock.advisory_lock(session_that_waits(waiter, 0))
        with pytest.raises(LockError, match="no details available"), waiting:
            pass
    assert told == ["waiting for another run (no details available), at most 0 s"]
    assert time.monotonic() - before < 15  # SQLite's own wait is 30 s


def test_a_wait_that_ends_is_one_clear_line(toy: Toy) -> None:
    with held(toy):
        gave_up = toy.alembic("-x", "lock-timeout=0.1", "upgrade", "head", check=False)
    assert gave_up.returncode == 255
    assert gave_up.stdout.startswith("FAILED: another run (")
    assert "Traceback" not in gave_up.stderr
    assert toy.counts() == {}


def test_nothing_pending_takes_no_lock(toy: Toy) -> None:
    """C-7."""
    toy.upgrade()
    with held(toy):
        toy.upgrade("head", "lock-timeout=0")
    assert "nothing to do" in toy.said


def test_looking_takes_no_lock(toy: Toy) -> None:
    toy.upgrade("0002_depots")
    with held(toy):
        assert toy.current() == "0002_depots"
        toy.call("history", indicate_current=True)


def test_a_relative_target_that_moved_while_waiting_is_refused(toy: Toy) -> None:
    toy.upgrade()
    holder = slow_run(toy)
    waiter, _ = second_run(toy, "downgrade", "-1")
    go(toy)
    holder.communicate(timeout=30)
    out, _ = waiter.communicate(timeout=30)
    assert waiter.returncode == 255
    assert "from 0003_crates to 0004_slow while this one waited, so -1 now means a different" in out
    assert toy.version() == "0004_slow"
    assert toy.counts()["labels"] == 4


def test_an_absolute_target_goes_on_from_where_the_other_run_stopped(toy: Toy) -> None:
    holder = slow_run(toy)
    row = 'op.seed_rows("labels", [{"code": "N"}], key=["code"])'
    toy.revision("0005_next", row, after="0004_slow")
    waiter, _ = second_run(toy)
    go(toy)
    for run in (holder, waiter):
        run.communicate(timeout=30)
        assert run.returncode == 0
    assert toy.version() == "0005_next"


@pytest.mark.every_engine
def test_a_waiter_goes_in_when_the_lock_is_free(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """C-1: it was told for whom it waits, has waited, and locks everybody else out."""
    dialect, told = dialect_named(toy.db.dialect.name), []
    with toy.db.connect() as holder, toy.db.connect() as waiter:
        first = dialect.lock(holder)
        assert first.acquire(5)
        holder.rollback()

        def tell(text: str) -> None:
            told.append(text)
            first.release()
            holder.rollback()

        monkeypatch.setattr(lock, "logger", SimpleNamespace(warning=tell))
        with lock.advisory_lock(session_that_waits(waiter, 60)) as ours:
            assert not waiter.in_transaction()
            ours.confirm()
            assert not dialect.lock(holder).acquire(0)
        assert ours.waited > 0
        assert dialect.lock(holder).acquire(0)
    assert len(told) == 1
    assert re.fullmatch(r"waiting for another run \(.*\), at most 60 s", told[0])


def test_a_server_that_cannot_say_whether_the_lock_is_free(
    mariadb_toy: Toy, mariadb: MariaDB
) -> None:
    """C-12: its answer is neither yes nor no when the question itself is killed."""
    killed = "the server could not say whether the lock is free|the statement was cancelled"
    database, over = sa.make_url(mariadb_toy.url).database, threading.Event()

    def kill() -> None:
        while not over.wait(0.05):
            for row in mariadb.execute("SHOW FULL PROCESSLIST"):
                if row[3] == database and "GET_LOCK" in str(row[7]):
                    mariadb.execute(f"KILL QUERY {row[0]}")

    killer = threading.Thread(target=kill)
    with held(mariadb_toy):
        killer.start()
        try:
            with pytest.raises(SeedError, match=killed):
                mariadb_toy.upgrade("head", "lock-timeout=60")
        finally:
            over.set()
            killer.join()
    assert mariadb_toy.counts() == {}


# -- death


def test_kill_9_frees_the_lock_and_leaves_nothing_of_the_revision(toy: Toy) -> None:
    """C-4, C-6, C-40: no lock to clear, no half of a revision, and the next run goes on."""
    holder = slow_run(toy)
    holder.kill()
    holder.wait()
    go(toy)
    toy.upgrade("head", "lock-timeout=20")
    assert toy.version() == "0004_slow"
    assert toy.value("SELECT COUNT(*) FROM labels WHERE code = 'SLOW'") == 1
    assert toy.audit().count(("started", None)) == 2
    assert toy.audit().count(("finished", None)) == 1


def test_kill_9_lets_a_waiter_in(toy: Toy) -> None:
    """C-4."""
    holder = slow_run(toy)
    waiter, _ = second_run(toy)
    holder.kill()
    go(toy)
    waiter.communicate(timeout=30)
    assert waiter.returncode == 0
    assert toy.version() == "0004_slow"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_run_in_order(toy: Toy, number: signal.Signals) -> None:
    """C-38."""
    holder = slow_run(toy)
    holder.send_signal(number)
    out, error = holder.communicate(timeout=30)
    assert holder.returncode == 255
    assert f"FAILED: interrupted by {number.name}" in out
    assert "Traceback" not in out + error
    assert toy.version() == HEAD
    assert toy.value("SELECT COUNT(*) FROM labels WHERE code = 'SLOW'") == 0
    assert toy.audit()[-1] == ("interrupted", None)
    go(toy)
    toy.upgrade("head", "lock-timeout=0")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_waiter_can_be_interrupted(toy: Toy, number: signal.Signals) -> None:
    with held(toy):
        waiter, _ = second_run(toy)
        waiter.send_signal(number)
        out, error = waiter.communicate(timeout=10)
    assert waiter.returncode == 255
    assert f"FAILED: interrupted by {number.name}" in out
    assert "Traceback" not in out + error
    assert toy.counts() == {}


def test_an_interrupt_just_after_the_lock_was_taken_gives_it_back(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that the caller lent does not end with the run, and its locks neither."""
    with toy.connect() as connection, toy.connect() as other:
        kind = type(dialect_of(other).lock(other))
        acquire = kind.acquire

        def interrupted(self: Any, seconds: float) -> bool:
            assert acquire(self, seconds)
            raise KeyboardInterrupt

        monkeypatch.setattr(kind, "acquire", interrupted)
        with pytest.raises(InterruptedRunError):
            toy.upgrade(attributes={"connection": connection})
        assert not dialect_of(other).lock(other).taken()
        assert not connection.in_transaction()


def test_who_cannot_read_yet_can_be_interrupted(sqlite_toy: Toy) -> None:
    with the_file_to_itself(sqlite_toy):
        waiter, _ = second_run(sqlite_toy)
        waiter.send_signal(signal.SIGTERM)
        out, _ = waiter.communicate(timeout=20)  # it would wait for a minute
    assert waiter.returncode == 255
    assert "FAILED: interrupted by SIGTERM" in out


def test_a_lost_connection_commits_nothing(mariadb_toy: Toy, mariadb: MariaDB) -> None:
    """C-12: the connection is the lock, so it cannot go on without it."""
    holder = slow_run(mariadb_toy)
    database = sa.make_url(mariadb_toy.url).database
    for row in mariadb.execute("SHOW PROCESSLIST"):
        if row[3] == database:
            mariadb.execute(f"KILL {row[0]}")
    go(mariadb_toy)
    out, error = holder.communicate(timeout=30)
    assert holder.returncode == 255
    assert "FAILED: " in out
    assert "the connection to the server is gone" in out
    assert "Traceback" not in out + error
    assert mariadb_toy.version() == HEAD
    assert mariadb_toy.value("SELECT COUNT(*) FROM labels WHERE code = 'SLOW'") == 0
    assert mariadb_toy.audit()[-1] == ("failed", None)
    mariadb_toy.upgrade()
    assert mariadb_toy.version() == "0004_slow"


def test_a_lock_lost_before_the_commit_commits_nothing(mariadb_toy: Toy) -> None:
    """C-12: a proxy may give the lock back and keep the connection, unseen by the SQL guard."""
    mariadb_toy.revision(
        "0004_careless",
        """
        op.seed_rows("labels", [{"code": "CARELESS"}], key=["code"])
        if not op.get_context().as_sql:
            unseen = {"terp_seed": True}
            op.get_bind().exec_driver_sql("SELECT RELEASE_ALL_LOCKS()", execution_options=unseen)
        """,
    )
    with pytest.raises(LockError, match="the lock was lost before the commit"):
        mariadb_toy.upgrade()
    assert mariadb_toy.version() == HEAD
    assert mariadb_toy.value("SELECT COUNT(*) FROM labels WHERE code = 'CARELESS'") == 0


def test_a_server_that_goes_away_is_one_clear_line(
    start_server: Callable[..., MariaDB], new_toy: Callable[..., Toy]
) -> None:
    """C-4."""
    server = start_server()
    toy = new_toy(server.create("gone"))
    holder = slow_run(toy)
    server.restart(graceful=False)
    go(toy)
    out, error = holder.communicate(timeout=30)
    assert holder.returncode == 255
    assert "the connection to the server is gone" in out
    assert "Traceback" not in out + error
    toy.upgrade()
    assert toy.version() == "0004_slow"


def test_in_memory_nobody_else_can_be_there() -> None:
    """Its database is gone with its connection, which the caller holds."""
    with sa.create_engine("sqlite://", poolclass=sa.NullPool).connect() as connection:
        ours = dialect_named("sqlite").lock(connection)
        assert not ours.taken()
        assert ours.acquire(0)
        assert ours.owned()
        ours.release()
        assert not ours.taken()


def test_looking_whether_a_lock_is_taken_takes_none(toy: Toy) -> None:
    """Where nobody ever locked, beside a holder, and after it."""
    with toy.db.connect() as connection:
        other = dialect_named(toy.db.dialect.name).lock(connection)
        assert not other.taken()
        assert not list(toy.path.parent.glob("*.lock"))
        with held(toy):
            assert other.taken()
        assert not other.taken()


# -- where a lock excludes nobody: tests/clusters/run has whole clusters


def test_a_node_that_is_in_no_cluster_yet_is_refused(
    start_server: Callable[..., MariaDB], new_toy: Callable[..., Toy]
) -> None:
    if server_engine() != "mariadb":
        pytest.skip("only MariaDB has Galera clusters")
    toy = new_toy(start_server("--wsrep-on=ON").create("cluster"))
    with pytest.raises(LockError, match=r"^this node of a Galera cluster is not in sync"):
        toy.upgrade()
    assert toy.counts() == {}


def test_a_node_in_sync_takes_turns(new_toy: Callable[..., Toy]) -> None:
    if server_engine() != "mariadb":
        pytest.skip("only MariaDB has Galera clusters")
    with Galera(1) as cluster:
        toy = new_toy(cluster.create("cluster")[0])
        toy.upgrade()
        assert toy.counts() == FULL
        said = toy.terp_seed("lock", "status").output
        assert said.startswith("free, on this node: it is one of a Galera cluster")
        toy.revision("0004_wrong", 'op.seed_rows("nowhere", [{"code": "A"}], key=["code"])')
        with pytest.raises(PlanError, match="table nowhere: does not exist"):
            toy.upgrade()
        with toy.db.connect() as connection:
            alone = lock.advisory_lock(session_that_waits(connection, 0))
            with pytest.raises(LockError, match="this command writes more than revisions"), alone:
                pass
        toy.downgrade()
        assert toy.counts() == {}


def test_a_group_of_several_primaries_takes_turns(
    start_server: Callable[..., MariaDB], new_toy: Callable[..., Toy]
) -> None:
    """What is written outside of the turns is refused: kept rows, and all but revisions."""
    if server_engine() != "mysql":
        pytest.skip("only MySQL has such groups")
    options = (
        "--plugin-load-add=group_replication.so",
        "--group-replication-group-name=5e9b4b5c-0000-4000-8000-000000000000",
        "--group-replication-single-primary-mode=OFF",
    )
    toy = new_toy(start_server(*options).create("cluster"))
    toy.upgrade()
    assert toy.counts() == FULL
    said = toy.terp_seed("lock", "status").output
    assert said.startswith("free, on this node: it is one of a multi-primary group")
    kept = 'op.update_rows("labels", [{"code": "A", "title": "x"}], key=["code"])'
    toy.revision("0004_update", kept)
    with pytest.raises(LockError, match=r"a multi-primary group: .* updates or deletes rows"):
        toy.upgrade()
    with toy.db.connect() as connection:
        alone = lock.advisory_lock(session_that_waits(connection, 0))
        with pytest.raises(LockError, match="this command writes more than revisions"), alone:
            pass


def test_a_run_that_another_one_has_overtaken_plans_again(mariadb_toy: Toy) -> None:
    """On a cluster the other run is on another node, where it gets a lock of the same name."""
    mariadb_toy.upgrade("0002_depots")
    turn = mariadb_toy.value("SELECT turn FROM terp_seed_lock")
    assert turn == 2
    real = Turns.begin

    def beginning(self: Turns) -> None:
        real(self)
        if not met:
            met.append(True)
            mariadb_toy.execute("UPDATE terp_seed_lock SET turn = turn + 1, holder = 'other:1/1'")

    met: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Turns, "begin", beginning)
        mariadb_toy.upgrade()
    assert met
    assert "another run was first; looking again where the chain is" in mariadb_toy.said
    assert mariadb_toy.counts() == FULL
    assert mariadb_toy.value("SELECT turn FROM terp_seed_lock") == turn + 2
    assert mariadb_toy.audit().count(("applied", HEAD)) == 1


def test_a_row_that_another_connection_wrote_is_seen_before_the_commit(mariadb_toy: Toy) -> None:
    """So a proxy is found that spreads the statements of a run over its servers."""
    mariadb_toy.revision(
        "0004_spread",
        """
        op.seed_rows("labels", [{"code": "SPREAD"}], key=["code"])
        if not op.get_context().as_sql:
            spread = "UPDATE terp_seed_lock SET holder = 'elsewhere:3306/7'"
            op.get_bind().exec_driver_sql(spread, execution_options={"terp_seed": True})
        """,
    )
    with pytest.raises(LockError, match="went through different connections"):
        mariadb_toy.upgrade()
    assert mariadb_toy.version() == HEAD
    assert mariadb_toy.value("SELECT COUNT(*) FROM labels WHERE code = 'SPREAD'") == 0


def test_a_script_stops_before_the_commit_if_the_row_is_not_its_own(
    mariadb_toy: Toy, client: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    script = mariadb_toy.upgrade("head", sql=True)
    assert script.count("INSERT INTO `terp_seed_lock`") == script.count("COMMIT;") == 3
    foreign = script.replace("\nCOMMIT;", "\nUPDATE terp_seed_lock SET holder = 'x';\nCOMMIT;")
    foreign = re.sub(
        r"(SET @terp_seed_guard[^\n]*holder[^\n]*;\n)(UPDATE[^\n]*\n)", r"\2\1", foreign
    )
    assert client(mariadb_toy.url, foreign, check=False).returncode == 1
    assert mariadb_toy.counts() == {}
    client(mariadb_toy.url, script)
    assert mariadb_toy.counts() == FULL


# -- elsewhere


def test_two_databases_on_one_server_do_not_wait_for_each_other(
    toy: Toy, second_database_url: str, new_toy: Callable[..., Toy]
) -> None:
    """C-11."""
    other = new_toy(second_database_url)
    holder = slow_run(toy)
    other.upgrade("head", "lock-timeout=0")
    assert other.version() == HEAD
    go(toy)
    holder.communicate(timeout=30)


def test_long_names_that_begin_alike_do_not_wait_for_each_other(
    mariadb: MariaDB, new_toy: Callable[..., Toy]
) -> None:
    """C-11: a lock's name has 64 characters, and so has a database's."""
    names = [f"{'x' * 63}{last}" for last in "ab"]
    one, other = (new_toy(mariadb.create(name)) for name in names)
    try:
        with held(one):
            other.upgrade("head", "lock-timeout=0")
            with pytest.raises(LockError):
                one.upgrade("head", "lock-timeout=0")
    finally:
        for name in names:
            mariadb.drop(name)


def test_a_link_to_the_database_is_the_same_lock(sqlite_toy: Toy) -> None:
    database = sa.make_url(sqlite_toy.url).database
    assert database
    link = sqlite_toy.path / "link.db"
    link.symlink_to(database)
    with held(sqlite_toy), pytest.raises(LockError):
        sqlite_toy.upgrade("head", f"url=sqlite:///{link}", "lock-timeout=0")


def test_a_folder_where_no_lock_can_be_made_is_named(sqlite_toy: Toy) -> None:
    database = sa.make_url(sqlite_toy.url).database
    assert database
    Path(f"{database}.terp_seed.lock").mkdir()
    with pytest.raises(LockError, match=r"cannot lock .*: .*its folder must be writable"):
        sqlite_toy.upgrade()


@contextmanager
def held(toy: Toy) -> Iterator[None]:
    """Hold the lock of the toy's database, as another run would."""
    with toy.db.connect() as connection:
        ours = dialect_named(toy.db.dialect.name).lock(connection)
        assert ours.acquire(5)
        connection.rollback()
        try:
            yield
        finally:
            ours.release()


def test_who_has_not_ended_is_named_by_the_audit() -> None:
    tables = books()

    def note(event: str, run_id: str, **who: object) -> None:
        at = datetime(2026, 6, 30, 18)
        values = {"event": event, "run_id": run_id, "at": at, **who}
        connection.execute(sa.insert(tables.audit).values(**values))

    with sa.create_engine("sqlite://", poolclass=sa.NullPool).connect() as connection:
        assert lock.last_open_run(connection, tables) == ""  # no audit yet
        tables.audit.create(connection)
        assert lock.last_open_run(connection, tables) == ""  # nothing has started
        note("started", "r1", os_user="ann", host="web1", pid=42)
        said = "ann on web1, process 42, since 2026-06-30 18:00:00 UTC"
        assert lock.last_open_run(connection, tables) == said
        note("finished", "r1")
        assert lock.last_open_run(connection, tables) == ""
        note("started", "r2")
        script = "a script, since 2026-06-30 18:00:00 UTC"
        assert lock.last_open_run(connection, tables) == script


def test_without_fcntl_the_lock_of_a_file_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows: what is asked is answered, and no file is left where there was none."""
    assert filelock.FileLock is not filelock.SoftFileLock  # imported while there is one
    monkeypatch.setitem(sys.modules, "fcntl", None)
    spec = importlib.util.find_spec("terp_seed.database.dialects.sqlite_locks")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    held, other = module.FileLock(tmp_path / "a.db"), module.FileLock(tmp_path / "a.db")
    assert not other.taken()
    assert [*tmp_path.iterdir()] == []
    assert held.acquire(1)
    assert other.taken()
    held.release()
    assert not other.taken()
    assert held.acquire(1)
    held.release()
