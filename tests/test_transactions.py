"""One transaction for each revision, whoever owns the connection, and however often."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import op
from servers import server_engine
from toys import HEAD, Toy

from terp_seed.database.compare import database_digests
from terp_seed.database.session import opened
from terp_seed.errors import LockError, PlanError, SeedError, UsageError
from terp_seed.project.project import Project
from terp_seed.run import live

pytestmark = pytest.mark.every_engine

HALF_WAY = """
op.seed_rows("labels", [{"code": "HALF"}], key=["code"])
if not op.get_context().as_sql:  # in the run, and not while it is planned
    raise RuntimeError("secret")
op.seed_rows("labels", [{"code": "OTHER HALF"}], key=["code"])
"""

# Ends the connection that the revision is running on, by another.
CUT = """
if not op.get_context().as_sql:
    import sqlalchemy as sa

    bind = op.get_bind()
    postgresql = bind.dialect.name == "postgresql"
    own = "SELECT pg_backend_pid()" if postgresql else "SELECT CONNECTION_ID()"
    number = bind.exec_driver_sql(own).scalar()
    with sa.create_engine(bind.engine.url, poolclass=sa.NullPool).begin() as other:
        kill = f"SELECT pg_terminate_backend({number})" if postgresql else f"KILL {number}"
        other.exec_driver_sql(kill)
op.seed_rows("labels", [{"code": "CUT"}], key=["code"])
"""

FULL = {"labels": 3, "pairs": 2, "depots": 4, "crates": 12, "scans": 12}

# -- all or nothing


def test_a_revision_that_fails_half_way_leaves_nothing_and_keeps_the_others(toy: Toy) -> None:
    """C-33: the same on both engines, whose own rules differ."""
    toy.revision("0004_broken", HALF_WAY)
    failed = toy.alembic("upgrade", "head", check=False)
    assert failed.returncode == 255
    assert failed.stdout.splitlines()[-1].startswith(
        "FAILED: revision 0004_broken: upgrade() failed with RuntimeError at 0004_broken.py, line "
    )
    assert "secret" not in failed.stdout + failed.stderr
    assert "Traceback" not in failed.stdout + failed.stderr
    assert toy.counts() == FULL
    assert toy.version() == HEAD
    assert "0004_broken" not in toy.states()
    assert toy.value("SELECT COUNT(*) FROM terp_seed_ledger WHERE revision = '0004_broken'") == 0
    assert toy.audit()[-1] == ("failed", None)
    assert ("applied", "0004_broken") not in toy.audit()


def test_a_revision_that_fails_while_it_is_planned_keeps_all_pending_ones_out(toy: Toy) -> None:
    toy.revision("0004_broken", 'op.seed("depots" if 1 / 0 else "")')
    with pytest.raises(PlanError, match=r"ZeroDivisionError at 0004_broken.py, line 10$"):
        toy.upgrade()
    assert toy.counts() == {}
    assert toy.version() is None


def test_a_broken_invariant_takes_its_revision_back(toy: Toy) -> None:
    text = (toy.path / "toy_seeders.py").read_text().replace("weight <= 0", "weight > 0")
    (toy.path / "toy_seeders.py").write_text(text)
    failed = toy.alembic("upgrade", "head", check=False)
    assert "12 seeded rows of crates break a crate weighs something" in failed.stdout
    assert toy.version() == "0002_depots"
    assert toy.counts() == {"labels": 3, "pairs": 2, "depots": 4}


def test_an_error_of_the_database_shows_no_value(mariadb_toy: Toy) -> None:
    """The row is refused by a trigger, which nobody can know beforehand."""
    mariadb_toy.execute(
        "CREATE TRIGGER no_cold BEFORE INSERT ON labels FOR EACH ROW BEGIN IF NEW.code = 'COLD' "
        "THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no COLD'; END IF; END"
    )
    failed = mariadb_toy.alembic("upgrade", "head", check=False)
    assert failed.returncode == 255
    assert "revision 0001_labels, table labels" in failed.stdout
    assert "COLD" not in failed.stdout + failed.stderr
    assert mariadb_toy.counts() == {}


def test_a_trigger_that_swallows_a_row_is_noticed(sqlite_toy: Toy) -> None:
    sqlite_toy.execute(
        "CREATE TRIGGER no_cold BEFORE INSERT ON labels WHEN NEW.code = 'COLD' "
        "BEGIN SELECT RAISE(IGNORE); END"
    )
    with pytest.raises(PlanError, match="took 1 of 2 rows and said nothing"):
        sqlite_toy.upgrade()
    assert sqlite_toy.counts() == {}


def test_a_statement_before_configure_does_not_swallow_the_commit(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alembic takes an open transaction for the caller's, and commits nothing, without a word."""
    configure: Callable[..., None] = live._LiveRun._migrate

    def careless(run: live._LiveRun, *arguments: object) -> None:
        run.session.connection.exec_driver_sql("SELECT 1")
        configure(run, *arguments)

    monkeypatch.setattr(live._LiveRun, "_migrate", careless)
    with pytest.raises(SeedError, match="transaction"):
        toy.upgrade()
    assert toy.counts() == {}
    monkeypatch.undo()
    toy.upgrade()
    assert toy.counts() == FULL


# -- twice in a process


def test_it_works_twice_in_one_process_and_after_a_failure(toy: Toy) -> None:
    for _ in range(2):
        toy.upgrade()
        assert toy.counts() == FULL
        toy.downgrade()
        assert toy.counts() == {}
    path = toy.revision("0004_broken", "1 / 0")
    with pytest.raises(PlanError):
        toy.upgrade()
    path.unlink()
    toy.upgrade()
    assert toy.counts() == FULL


def test_op_speaks_to_nobody_after_a_failure(sqlite_toy: Toy) -> None:
    """Alembic leaves its proxy behind after an error: a stray op.execute would still run."""
    for body in ("raise RuntimeError", HALF_WAY):
        sqlite_toy.only("0004_broken", body)
        with pytest.raises(PlanError, match="RuntimeError"):
            sqlite_toy.upgrade()
        with pytest.raises((NameError, AttributeError)):
            op.execute("DELETE FROM depots")


# -- a connection of the caller's


def handed(toy: Toy, connection: Any, name: str, target: str) -> None:
    toy.call(name, target, attributes={"connection": connection})


def test_the_callers_rollback_takes_rows_and_version_back(toy: Toy) -> None:
    toy.upgrade("0001_labels")
    before = toy.everything()
    with toy.connect() as connection:
        transaction = connection.begin()
        handed(toy, connection, "upgrade", "head")
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM crates").scalar() == 12
        assert transaction.is_active
        transaction.rollback()
    assert toy.everything() == before
    assert toy.version() == "0001_labels"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_engine_of_the_caller_will_do(toy: Toy, asynchronous: bool) -> None:
    """As pytest-alembic hands one over; an asynchronous one only says where the database is."""
    engine: Any = toy.db
    if asynchronous:
        driver = {"sqlite": "aiosqlite", "mysql": "aiomysql", "postgresql": "asyncpg"}
        name = toy.db.dialect.name
        url = toy.db.url.set(drivername=f"{name}+{driver[name]}")
        engine = SimpleNamespace(url=url, sync_engine=toy.db, begin=None)
    handed(toy, engine, "upgrade", "head")
    assert toy.counts() == FULL
    handed(toy, engine, "downgrade", "base")
    assert toy.counts() == {}


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"url": sa.make_url("sqlite+aiosqlite://"), "begin": None}, "of a database in memory"),
        ({"sync_connection": None, "begin": None}, "an asynchronous connection was handed over"),
    ],
)
def test_what_no_seed_can_go_through_is_refused(
    sqlite_toy: Toy, given: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        handed(sqlite_toy, SimpleNamespace(sync_engine=None, **given), "upgrade", "head")


def test_the_callers_commit_keeps_them(toy: Toy) -> None:
    toy.upgrade("0001_labels")
    with toy.connect() as connection, connection.begin():
        handed(toy, connection, "upgrade", "head")
    assert toy.counts() == FULL
    with toy.connect() as connection, connection.begin():
        handed(toy, connection, "downgrade", "base")
    assert toy.counts() == {}
    assert toy.version() is None


def test_a_failure_leaves_the_callers_transaction_to_the_caller(toy: Toy) -> None:
    toy.upgrade("0001_labels")
    toy.revision("0004_broken", "1 / 0")
    with toy.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("UPDATE labels SET wording = 'mine'")
        with pytest.raises(PlanError):
            handed(toy, connection, "upgrade", "head")
        assert transaction.is_active
    assert toy.value("SELECT COUNT(*) FROM labels WHERE wording = 'mine'") == 3
    assert toy.version() == "0001_labels"


def test_a_statement_that_fails_is_the_error_that_the_caller_sees(postgresql_toy: Toy) -> None:
    """PostgreSQL takes no more statements of the transaction then: no unlocking, no restoring."""
    toy = postgresql_toy
    toy.upgrade("0001_labels")
    toy.execute("ALTER TABLE crates ADD CHECK (weight < 0)")
    with toy.db.connect() as connection:
        transaction = connection.begin()
        with pytest.raises(PlanError, match=r"table crates.*: a CHECK does not hold"):
            handed(toy, connection, "upgrade", "head")
        assert not connection.invalidated
        transaction.rollback()
        assert connection.exec_driver_sql("SELECT count(*) FROM labels").scalar() == 3
    toy.execute("ALTER TABLE crates DROP CONSTRAINT crates_weight_check")
    toy.upgrade("head", "lock-timeout=0")
    assert toy.counts() == FULL


@pytest.mark.parametrize("engine", [server_engine(), "postgresql"])
def test_a_lost_connection_is_the_error_that_the_caller_sees(toy: Toy) -> None:
    toy.upgrade("0001_labels")
    toy.revision("0004_broken", CUT)
    with toy.db.connect() as connection:
        transaction = connection.begin()
        with pytest.raises(LockError, match="the connection to the server is gone"):
            handed(toy, connection, "upgrade", "head")
        transaction.rollback()
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM labels").scalar() == 3
    assert toy.version() == "0001_labels"


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_the_lock_is_held_until_the_callers_transaction_ends(postgresql_toy: Toy, end: str) -> None:
    """What another run reads meanwhile is not what there will be."""
    toy = postgresql_toy
    toy.upgrade("0001_labels")
    with toy.connect() as connection:
        transaction = connection.begin()
        handed(toy, connection, "upgrade", "0002_depots")
        assert toy.terp_seed("lock", "status").output.startswith("held by connection ")
        with pytest.raises(LockError, match=r"held the lock for 0\.1 s"):
            toy.upgrade("head", "lock-timeout=0.1")
        getattr(transaction, end)()
        toy.upgrade("head", "lock-timeout=0")
        connection.exec_driver_sql("SELECT 1")
        assert toy.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
    assert toy.counts() == FULL


@pytest.mark.parametrize("begun", [False, True], ids=["idle", "in a transaction"])
@pytest.mark.parametrize("where", ["engine", "connection"])
def test_a_connection_that_commits_each_statement_is_refused(
    toy: Toy, where: str, begun: bool
) -> None:
    """Half of a revision that fails would stay, the ledger's half included."""
    toy.upgrade("0001_labels")
    before = toy.everything()
    level = {"isolation_level": "AUTOCOMMIT"}
    engine = sa.create_engine(
        toy.url, poolclass=sa.NullPool, **(level if where == "engine" else {})
    )
    with engine.connect() as connection:
        if where == "connection":
            connection.execution_options(**level)
        if begun:
            connection.exec_driver_sql("SELECT 1")
        with pytest.raises(UsageError, match="handed over is in AUTOCOMMIT mode"):
            handed(toy, connection, "upgrade", "head")
        assert connection.in_transaction() == begun
    assert toy.everything() == before


def test_a_transaction_that_the_caller_begins_by_hand_is_one(postgresql_toy: Toy) -> None:
    """SQLAlchemy calls it AUTOCOMMIT, and PostgreSQL a transaction."""
    toy = postgresql_toy
    toy.upgrade("0001_labels")
    with toy.db.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql("BEGIN")
        handed(toy, connection, "upgrade", "head")
        connection.exec_driver_sql("ROLLBACK")
    assert toy.counts() == {"labels": 3, "pairs": 2}


@pytest.mark.parametrize("begin", ["BEGIN", "BEGIN IMMEDIATE"])
def test_an_engine_that_begins_by_itself_on_sqlite(sqlite_toy: Toy, begin: str) -> None:
    """As SQLAlchemy's pages say it: the driver begins nothing, an event of the engine does."""
    sqlite_toy.revision("0004_broken", HALF_WAY)
    sa.event.listen(
        sqlite_toy.db, "connect", lambda driver, _: setattr(driver, "isolation_level", None)
    )
    sa.event.listen(sqlite_toy.db, "begin", lambda connection: connection.exec_driver_sql(begin))
    with sqlite_toy.db.connect() as connection:
        with pytest.raises(PlanError, match="RuntimeError"):
            handed(sqlite_toy, connection, "upgrade", "head")
        assert not connection.in_transaction()
        with connection.begin(), pytest.raises(PlanError, match="RuntimeError"):
            handed(sqlite_toy, connection, "upgrade", "head")
    assert sqlite_toy.version() == HEAD


def test_a_connection_that_is_in_no_transaction_is_committed(toy: Toy) -> None:
    with toy.connect() as connection:
        handed(toy, connection, "upgrade", "head")
        assert not connection.in_transaction()
        assert not connection.closed
    assert toy.counts() == FULL


def test_a_handed_over_session_is_given_back_as_it_was(mariadb_toy: Toy) -> None:
    """Its clock, mode and time zone are the caller's; the literals' mode is ours."""
    mariadb_toy.upgrade("0001_labels")
    look = (
        "SELECT @@session.time_zone, @@session.sql_mode, @@session.transaction_isolation, "
        "@@session.timestamp = (SELECT @@session.timestamp FROM DUAL WHERE SLEEP(0.01) = 0), "
        "ABS(TIMESTAMPDIFF(DAY, NOW(), SYSDATE()))"
    )
    if server_engine() == "mariadb":  # 10.6 knows the old name only
        look = look.replace("@@session.transaction_isolation", "@@session.tx_isolation")
    with mariadb_toy.db.connect() as connection:
        connection.exec_driver_sql("SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'")
        connection.exec_driver_sql("SET SESSION time_zone = '+05:00'")
        connection.rollback()
        before = connection.exec_driver_sql(look).one()
        connection.rollback()
        mariadb_toy.only(
            "0001_labels", 'op.seed_rows("labels", [{"code": "a\\\\b\\nc"}], key=["code"])'
        )
        handed(mariadb_toy, connection, "downgrade", "base")
        handed(mariadb_toy, connection, "upgrade", "head")
        after = connection.exec_driver_sql(look).one()
    assert tuple(after) == tuple(before)
    assert mariadb_toy.rows("SELECT code FROM labels") == [("a\\b\nc",)]


def test_missing_books_do_not_commit_the_callers_transaction(mariadb_toy: Toy) -> None:
    """CREATE TABLE commits on MySQL, so it must not happen on a connection of the caller's."""
    with mariadb_toy.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("INSERT INTO labels (code) VALUES ('mine')")
        with pytest.raises(PlanError, match="bookkeeping tables are missing"):
            handed(mariadb_toy, connection, "upgrade", "head")
        transaction.rollback()
    assert mariadb_toy.counts() == {}


def test_a_database_in_memory(sqlite_toy: Toy) -> None:
    from toy_schema import metadata

    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        metadata.create_all(connection)
        connection.commit()
        handed(sqlite_toy, connection, "upgrade", "head")
        found = database_digests(connection)
        connection.rollback()
        assert {name: each.rows for name, each in found.items()} == FULL
        handed(sqlite_toy, connection, "downgrade", "base")
        assert not any(each.rows for each in database_digests(connection).values())
        connection.rollback()
        with connection.begin() as transaction:
            handed(sqlite_toy, connection, "upgrade", "head")
            transaction.rollback()
        assert not any(each.rows for each in database_digests(connection).values())
    engine.dispose()


def test_a_database_in_memory_needs_a_handed_over_connection(sqlite_toy: Toy) -> None:
    for url in ("sqlite://", "sqlite:///:memory:"):
        with pytest.raises(SeedError, match=r"Config.attributes\['connection'\]"):
            sqlite_toy.upgrade("head", f"url={url}")


def test_another_engine_than_ours_is_refused(sqlite_toy: Toy) -> None:
    with pytest.raises(SeedError, match="no such engine here; terp_seed seeds mariadb"):
        sqlite_toy.upgrade("head", "url=oracle://u@127.0.0.1/x")


def test_a_session_of_ours_enforces_foreign_keys(sqlite_toy: Toy) -> None:
    """In a transaction SQLite takes the PRAGMA and does nothing, so it comes before."""
    url = f"url={sqlite_toy.url}"
    with opened(Project(sqlite_toy.path / "alembic.ini", x=(url,)).settings()) as session:
        assert session.scalar("PRAGMA foreign_keys") == 1


def test_a_digest_leaves_the_connection_as_it_was(toy: Toy) -> None:
    """A connection that streams every answer gets out of step with MySQL."""
    with toy.connect() as connection:
        database_digests(connection)
        assert not connection.get_execution_options().get("stream_results")
