"""Servers that refuse: deadlocks, read-only, odd settings, users who may do little."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from children import Child, until
from servers import MariaDB
from toys import HEAD, Toy

from terp_seed.errors import PlanError

FULL = {"labels": 3, "pairs": 2, "depots": 4, "crates": 12, "scans": 12}


def _waiting(toy: Toy) -> bool:
    """Whether anybody on the server waits for a row."""
    ((_, waits),) = toy.rows("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'")
    return int(waits) > 0


@pytest.mark.parametrize("lost", [1, 3])
def test_a_deadlock_is_tried_again_as_a_whole_revision(
    mariadb_toy: Toy, start: Callable[..., Child], lost: int
) -> None:
    """C-19: the server undoes the smaller transaction, which is ours; three times at most."""
    toy = mariadb_toy
    toy.upgrade("0002_depots")
    rows = ", ".join(f"('big{n}')" for n in range(3000))
    toy.execute(f"INSERT INTO labels (code) VALUES {rows}")
    before = toy.digests()
    with toy.db.connect().execution_options(isolation_level="READ COMMITTED") as other:
        other.exec_driver_sql("UPDATE labels SET place = 1 WHERE code LIKE 'big%%'")
        other.exec_driver_sql(
            "INSERT INTO crates (code, depot_id, weight) "
            "SELECT 'SEED-C-000012', MIN(id), 1 FROM depots"
        )
        child = start(toy, "upgrade", "head")
        for attempt in range(1, lost + 1):
            said = f"(error 1213); attempt {attempt + 1} of 3" if attempt < 3 else "FAILED: "

            until(lambda: _waiting(toy))
            # We want what it wrote before it waited for us.
            other.exec_driver_sql("SELECT * FROM terp_seed_ledger FOR UPDATE").all()

            def told(said: str = said) -> bool:
                return said in child.said

            until(told)
        other.rollback()
    if lost < 3:
        assert child.wait() == 0, child.said
        assert toy.value("SELECT COUNT(*) FROM crates") == 12
    else:
        assert child.wait() == 255
        assert "(error 1213)" in child.said.rpartition("FAILED: ")[2]
        assert toy.digests() == before
    assert child.said.count("; attempt ") == min(lost, 2)
    assert toy.audit().count(("applied", HEAD)) == (lost < 3)


def test_an_id_of_zero_stays_what_it_is(mariadb_toy: Toy) -> None:
    """C-24: with NO_AUTO_VALUE_ON_ZERO an application may own a row 0."""
    toy = mariadb_toy
    toy.execute("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
    with toy.db.begin() as connection:
        connection.exec_driver_sql("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
        connection.exec_driver_sql("INSERT INTO labels (id, code) VALUES (0, 'ZERO')")
    toy.upgrade()
    assert toy.rows("SELECT id FROM labels ORDER BY id") == [(0,), (1,), (2,), (3,)]
    toy.downgrade()
    assert toy.rows("SELECT id, code FROM labels") == [(0, "ZERO")]


def test_a_database_of_three_byte_text(mariadb: MariaDB, new_toy: Callable[..., Toy]) -> None:
    """C-27: refused before the first row where it does not fit, and right where it does."""
    toy = new_toy(mariadb.create("utf8mb3_database", charset="utf8mb3"))
    try:
        toy.execute("ALTER TABLE labels CONVERT TO CHARACTER SET utf8mb3")
        toy.only("0001_a", 'op.seed_rows("labels", [{"code": "Zürich €"}], key=["code"])')
        toy.upgrade()
        assert toy.value("SELECT HEX(code) FROM labels") == "Zürich €".encode().hex().upper()
        toy.downgrade()
        toy.only("0001_a", 'op.seed_rows("labels", [{"code": "\\U0001F600"}], key=["code"])')
        with pytest.raises(PlanError, match=r"labels\.code|column code"):
            toy.upgrade()
        assert toy.counts() == {}
    finally:
        mariadb.drop("utf8mb3_database")


def test_the_tables_made_once_need_no_create_after(mariadb_toy: Toy, mariadb: MariaDB) -> None:
    """C-39: without CREATE, PROCESS, FILE, LOCK TABLES and local_infile."""
    database = sa.make_url(mariadb_toy.url).database or ""
    mariadb_toy.upgrade("0001_labels")
    mariadb.execute(
        "DROP USER IF EXISTS 'least'@'127.0.0.1'",
        "CREATE USER 'least'@'127.0.0.1' IDENTIFIED BY 'l'",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON `{database}`.* TO 'least'@'127.0.0.1'",
        "SET GLOBAL local_infile = 0",
    )
    x = f"url={mariadb.url(database, user='least', password='l')}"
    mariadb_toy.upgrade("head", x)
    assert mariadb_toy.counts() == FULL
    mariadb_toy.downgrade("base", x)
    assert mariadb_toy.counts() == {}
