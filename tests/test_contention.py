"""Other programs and stricter servers: rows they hold, rows they add, what they do not allow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from servers import MariaDB, server_engine
from toys import HEAD, Toy

from terp_seed.database.dialects import sqlite
from terp_seed.database.failures import RetryableError
from terp_seed.errors import PlanError, RollbackError
from terp_seed.run.rollback import Rollback

FULL = {"labels": 3, "pairs": 2, "depots": 4, "crates": 12, "scans": 12}
BLOCK = "INSERT INTO crates (code, depot_id, weight) SELECT 'SEED-C-000005', MIN(id), 1 FROM depots"


@pytest.fixture
def impatient(
    engine: str,
    start_server: Callable[..., MariaDB],
    sqlite_url: str,
    new_toy: Callable[..., Toy],
    monkeypatch: pytest.MonkeyPatch,
) -> Toy:
    """A toy whose database gives up waiting for rows after a second, seeded up to the depots."""
    if engine == "sqlite":
        monkeypatch.setattr(sqlite, "_BUSY_SECONDS", 1)
        toy = new_toy(sqlite_url)
    else:
        server = start_server("--innodb-lock-wait-timeout=1")
        toy = new_toy(server.create("impatient"))
    toy.upgrade("0002_depots")
    return toy


@contextmanager
def holding(toy: Toy, waits: int = 0) -> Iterator[None]:
    """Hold a crate's key in a transaction that nobody can see yet, until so many waits for it."""
    done = threading.Event()

    def let_go() -> None:
        while not done.wait(0.02):
            ((_, begun),) = toy.rows("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_waits'")
            if int(begun) >= waits:
                connection.rollback()
                return

    watcher = threading.Thread(target=let_go if waits else done.wait)
    with toy.db.connect() as connection:
        if toy.sqlite:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.exec_driver_sql(BLOCK)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
            connection.rollback()


@pytest.mark.parametrize("engine", [server_engine()])
def test_a_revision_that_waited_in_vain_is_tried_again(impatient: Toy) -> None:
    """C-19: a whole revision again, because the server undid no more than a statement."""
    with holding(impatient, waits=2):
        impatient.upgrade()
    assert "attempt 2 of 3" in impatient.said
    assert impatient.counts() == FULL
    assert impatient.audit().count(("applied", HEAD)) == 1


def test_a_revision_that_waits_in_vain_for_ever_leaves_nothing(impatient: Toy) -> None:
    """C-19, C-40."""
    before = impatient.digests()
    with holding(impatient), pytest.raises(RetryableError, match=r"holds the database file|held"):
        impatient.upgrade()
    assert impatient.digests() == before
    assert impatient.version() == "0002_depots"
    impatient.upgrade()
    assert impatient.counts() == FULL


def test_an_application_that_inserts_meanwhile_gets_keys_above_ours(mariadb_toy: Toy) -> None:
    """The last row goes in first, which moves the server's counter at once."""
    mariadb_toy.revision(
        "0004_slow",
        """
        rows = [{"code": f"S{n}"} for n in range(1200)]
        op.seed_rows("labels", rows, key=["code"])
        if not op.get_context().as_sql:
            with sa.create_engine(URL, poolclass=sa.NullPool).begin() as other:
                other.exec_driver_sql("INSERT INTO labels (code) VALUES ('application')")
        op.seed_rows("labels", [{"code": "LAST"}], key=["code"])
        """,
        head=f"import sqlalchemy as sa\nURL = {mariadb_toy.url!r}",
    )
    mariadb_toy.upgrade()
    assert mariadb_toy.value("SELECT COUNT(*) FROM labels") == 3 + 1200 + 1 + 1
    mariadb_toy.downgrade("-1")
    assert mariadb_toy.rows("SELECT code FROM labels WHERE id > 3") == [("application",)]


def test_the_counter_of_the_table_goes_on_behind_the_seeds(toy: Toy) -> None:
    """C-23, C-25."""
    toy.upgrade()
    toy.execute("INSERT INTO labels (code) VALUES ('mine')")
    assert toy.value("SELECT id FROM labels WHERE code = 'mine'") == 4
    toy.downgrade("base")
    assert toy.rows("SELECT code FROM labels") == [("mine",)]
    toy.upgrade()
    assert toy.counts() == {**FULL, "labels": 4}


def test_a_user_who_may_not_make_tables_is_told(mariadb_toy: Toy, mariadb: MariaDB) -> None:
    """C-39."""
    database = sa.make_url(mariadb_toy.url).database
    mariadb.execute(
        "DROP USER IF EXISTS 'reader'@'127.0.0.1'",
        "CREATE USER 'reader'@'127.0.0.1' IDENTIFIED BY 'r'",
        f"GRANT SELECT ON `{database}`.* TO 'reader'@'127.0.0.1'",
    )
    url = mariadb.url(database or "", user="reader", password="r")
    with pytest.raises(
        PlanError,
        match=r"^bookkeeping tables: .* may not CREATE on table \S+; GRANT CREATE ON \S+ TO it, or "
        r"let a user who may run this once: the bookkeeping tables are made only once "
        r"\(error 1142\)$",
    ):
        mariadb_toy.upgrade("head", f"url={url}")
    mariadb_toy.upgrade("0001_labels")
    denied = r"may not INSERT on table (\S+); GRANT INSERT ON \1 TO it \(error 1142\)$"
    with pytest.raises(PlanError, match=denied):
        mariadb_toy.upgrade("head", f"url={url}")
    assert mariadb_toy.version() == "0001_labels"


def test_the_fewest_privileges_suffice(mariadb_toy: Toy, mariadb: MariaDB) -> None:
    """C-39: no LOCK TABLES, no PROCESS, no FILE, no ALTER, no TRIGGER, no TEMPORARY TABLES."""
    database = sa.make_url(mariadb_toy.url).database
    mariadb.execute(
        "DROP USER IF EXISTS 'few'@'127.0.0.1'",
        "CREATE USER 'few'@'127.0.0.1' IDENTIFIED BY 'f'",
        f"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON `{database}`.* TO 'few'@'127.0.0.1'",
    )
    x = f"url={mariadb.url(database or '', user='few', password='f')}"
    mariadb_toy.upgrade("head", x)
    assert mariadb_toy.counts() == FULL
    mariadb_toy.downgrade("base", x)
    assert mariadb_toy.counts() == {}


def test_a_read_only_server_is_one_clear_line(
    start_server: Callable[..., MariaDB], new_toy: Callable[..., Toy]
) -> None:
    """C-14."""
    server = start_server()
    toy = new_toy(server.create("primary"))
    toy.upgrade("0001_labels")
    server.execute("SET GLOBAL read_only = 1")
    with pytest.raises(PlanError, match=r"the server is read-only .*; use its primary"):
        toy.upgrade()
    assert toy.version() == "0001_labels"
    server.execute("SET GLOBAL read_only = 0")
    toy.upgrade()
    assert toy.counts() == FULL


def test_small_packets_are_enough_for_many_rows_and_one_large_row_is_refused(
    start_server: Callable[..., MariaDB], new_toy: Callable[..., Toy]
) -> None:
    """C-16."""
    server = start_server("--max-allowed-packet=1M")
    toy = new_toy(server.create("packets"))
    toy.upgrade("head", "size=large")
    assert toy.counts()["crates"] == 6000
    toy.revision(
        "0004_large",
        'op.seed_rows("labels", [{"code": f"L{n}", "body": "x" * 300_000} for n in range(9)], '
        'key=["code"])',
    )
    toy.upgrade()
    toy.revision(
        "0005_larger",
        'op.seed_rows("labels", [{"code": "XXL", "body": "x" * 1_100_000}], key=["code"])',
        after="0004_large",
    )
    before = toy.audit()
    with pytest.raises(PlanError, match=r"table labels, row 1: is 1,100,\d+ bytes .*max_allowed_p"):
        toy.upgrade()
    assert toy.audit() == before  # it did not even start
    assert toy.version() == "0004_large"
    toy.downgrade()
    assert toy.counts() == {}


@pytest.mark.parametrize(
    "mode", ["", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,PIPES_AS_CONCAT", "TRADITIONAL"]
)
def test_the_servers_own_mode_changes_nothing(
    start_server: Callable[..., MariaDB], new_toy: Callable[..., Toy], mode: str
) -> None:
    """C-26: the session's mode is pinned."""
    server = start_server(f"--sql-mode={mode}")
    toy = new_toy(server.create("modes"))
    text = "a\\b'c\"d\n||%s"
    toy.only("0001_a", f'op.seed_rows("labels", [{{"code": "A", "wording": {text!r}}}])')
    toy.upgrade()
    assert toy.value("SELECT wording FROM labels") == text
    toy.downgrade()
    assert toy.counts() == {}


@pytest.mark.parametrize("retained", [False, True])
def test_a_row_put_in_the_place_of_a_missing_one_while_we_delete_is_not_taken(
    mariadb_toy: Toy, monkeypatch: pytest.MonkeyPatch, retained: bool
) -> None:
    """Nothing locks a place where no row is; so the rows that went are counted.

    A row that stays by the policy is none that goes.
    """
    toy = mariadb_toy
    rows = '[{"code": name, "wording": "w"} for name in ("ours", "gone", "edited")]'
    toy.only("0001_labels", f'op.seed_rows("labels", {rows}, key=["code"])')
    toy.upgrade()
    gone = toy.value("SELECT id FROM labels WHERE code = 'gone'")
    toy.execute("DELETE FROM labels WHERE code = 'gone'")
    keep = ("on-edited=keep",) if retained else ()
    if retained:
        toy.execute("UPDATE labels SET wording = 'mine' WHERE code = 'edited'")
    delete = Rollback._delete

    def beside_another(rollback: Rollback, *args: Any) -> int:
        toy.execute(f"INSERT INTO labels (id, code) VALUES ({gone}, 'theirs')")
        return delete(rollback, *args)

    with monkeypatch.context() as patched:
        patched.setattr(Rollback, "_delete", beside_another)
        with pytest.raises(RollbackError, match="rows in their place, so nothing was deleted"):
            toy.downgrade("base", *keep)
    assert toy.counts()["labels"] == 3
    toy.downgrade("base", *keep)
    stay = [("edited",)] if retained else []
    assert toy.rows("SELECT code FROM labels ORDER BY code") == [*stay, ("theirs",)]
