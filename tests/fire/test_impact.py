"""An application at work on the tables that we seed: no error of its own, and how long it waits.

Every statement of its is timed, in a process that does nothing else, without us and beside us.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
import sqlalchemy as sa
from children import Child
from counts import count
from projects import Project
from servers import server_engine

CONNECTIONS = 4
PAUSE = CONNECTIONS / 200  # 200 transactions a second together
PATIENCE = 3600  # seconds; a load takes minutes beside an application on two cores

OWN = (  # what the application has before
    "INSERT INTO users (openId, name) VALUES ('app', 'Application')",
    "INSERT INTO workflow_statuses (name, slug) VALUES ('App', 'app')",
    "INSERT INTO lots (code, vendorId, date) VALUES ('APP-LOT', 2000000, NOW())",
    "INSERT INTO clients (teri_code, name) SELECT CONCAT('APP-', seq), 'Own' FROM {numbers}",
    "INSERT INTO batches (code, sku, productId, lotId, cogsMode, paymentTerms) "
    "SELECT CONCAT('APP-B-', seq), CONCAT('APP-S-', seq), 2000000, 1, 'FIXED', 'COD' "
    "FROM {numbers}",
)
NUMBERS = "(SELECT 1 AS seq UNION SELECT 2 UNION SELECT 3 UNION SELECT 4) AS numbers"
WORK = (  # one of these is a transaction; {n} is the connection's own number, {i} a running one
    "UPDATE clients SET total_owed = total_owed + 1, version = version + 1 "
    "WHERE teri_code = 'APP-{n}'",
    "INSERT INTO orders (order_number, orderType, client_id, items, subtotal, total, paymentTerms, "
    "created_by) SELECT 'APP-{n}-{i}', 'SALE', c.id, '[]', 1, 1, 'COD', u.id FROM clients c, "
    "users u WHERE c.teri_code = 'APP-{n}' AND u.openId = 'app'",
    "UPDATE orders SET notes = 'seen' WHERE order_number = 'APP-{n}-{before}'",
    "INSERT INTO inventoryMovements (batchId, inventoryMovementType, quantityChange, "
    "quantityBefore, quantityAfter, performedBy) SELECT b.id, 'SALE', -1, 1, 0, u.id "
    "FROM batches b, users u WHERE b.code = 'APP-B-{n}' AND u.openId = 'app'",
    "UPDATE batches SET onHandQty = onHandQty + 1 WHERE code = 'APP-B-{n}'",
    "INSERT INTO clients (teri_code, name) VALUES ('APP-{n}-{i}', 'Own')",
    "SELECT COUNT(*) FROM orders o JOIN clients c ON c.id = o.client_id "
    "WHERE c.teri_code = 'APP-{n}'",
    "DELETE FROM orders WHERE order_number = 'APP-{n}-{before}'",
)


def spelled(statement: str, engine: sa.Engine) -> str:
    """The statement with its names quoted, where the engine would fold them."""
    if engine.dialect.name != "postgresql":
        return statement
    quoted = re.split("('[^']*')", statement)
    quoted[::2] = [re.sub(r"\b[a-z]+[A-Z]\w*", r'"\g<0>"', part) for part in quoted[::2]]
    return "".join(quoted)


def work(url: str, number: int, begin: Barrier, done: Event, results: Any) -> None:
    """One connection of the application: transaction after transaction, timed, until done."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    dbapi = engine.dialect.dbapi
    assert dbapi is not None
    connection = engine.raw_connection()
    cursor = connection.cursor()
    if engine.dialect.name != "postgresql":
        cursor.execute("SET SESSION innodb_lock_wait_timeout = 50")
    statements = [spelled(statement, engine) for statement in WORK]
    waits: list[tuple[float, int]] = []
    errors: list[str] = []
    begin.wait(90)
    turn = len(WORK) * round(time.time() * 100)  # its codes are new whenever it begins
    while not done.is_set():
        which = turn % len(WORK)
        before = f"{turn - which + 1}"
        statement = statements[which].format(n=number, i=turn, before=before)
        began = time.monotonic()
        try:
            cursor.execute(statement)
            connection.commit()
        except dbapi.Error as error:
            errors.append(f"{error.args[0]} in {WORK[which][:40]}")
            connection.rollback()
        waits.append((time.monotonic() - began, which))
        turn += 1
        time.sleep(max(0.0, PAUSE - (time.monotonic() - began)))
    results.put((waits, errors))


class Application:
    """The application: its connections, and what became of its transactions."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._forks = multiprocessing.get_context("forkserver")

    def beside(self, what: Callable[[], None]) -> tuple[list[tuple[float, int]], list[str]]:
        """Let it work while something is done; return its waits, sorted, and its errors."""
        done, results = self._forks.Event(), self._forks.Queue()
        begin = self._forks.Barrier(CONNECTIONS + 1)
        workers = [
            self._forks.Process(target=work, args=(self._url, number, begin, done, results))
            for number in range(1, CONNECTIONS + 1)
        ]
        for worker in workers:
            worker.start()
        begin.wait(90)
        try:
            what()
        finally:
            done.set()
        waits: list[tuple[float, int]] = []
        errors: list[str] = []
        for _ in workers:
            try:
                some, wrong = results.get(timeout=90)
            except Empty:
                pytest.fail("a connection of the application never came back")
            waits += some
            errors += wrong
        for worker in workers:
            worker.join()
        return sorted(waits), errors


def size() -> str:
    """What is seeded beside it: the size that was asked for, or a small one by the seconds."""
    if named := os.environ.get("TERP_SEED_TEST_FIRE_SIZE"):
        return f"size={named}"
    factor = count("seconds")
    return f"rows=clients:{60 * factor},batches:{40 * factor},orders:{100 * factor}"


def percentiles(waits: list[tuple[float, int]]) -> str:
    """The median, the 95th and 99th percentile and the longest, in milliseconds."""
    picked = [waits[int((len(waits) - 1) * part)][0] for part in (0.5, 0.95, 0.99, 1)]
    return "/".join(f"{1000 * each:.3g}" for each in picked)


@pytest.mark.slow
@pytest.mark.parametrize("server", [server_engine(), "postgresql"])
def test_an_application_at_work_gets_no_error(
    project: Project,
    new_database: Callable[[str], str],
    server: str,
    start_alembic: Callable[..., Child],
    tally: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """C-15, C-19: 200 transactions a second on its own rows while we seed and unseed."""
    url = new_database(server)
    x = ("-x", f"url={url}")
    assert start_alembic(project.path, *x, "upgrade", "head").wait() == 0
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in OWN:
            connection.exec_driver_sql(spelled(statement.format(numbers=NUMBERS), engine))
    application = Application(url)
    alone, errors = application.beside(lambda: time.sleep(count("seconds")))
    assert errors == []
    found = {"alone": alone}
    for what, arguments in (
        ("while seeding", ("-x", size(), "upgrade", "head")),
        ("while unseeding", ("downgrade", "base")),
    ):
        said: list[str] = []

        def run(arguments: tuple[str, ...] = arguments, said: list[str] = said) -> None:
            child = start_alembic(project.path, "-n", "seed", *x, *arguments)
            code = child.wait(PATIENCE)
            said.append(child.said)
            assert code == 0, child.said

        waits, errors = application.beside(run)
        assert errors == [], (what, errors)
        found[what] = waits
    for name, waits in found.items():
        slow = sorted({WORK[which][:60] for wait, which in waits[-5:]})
        with capsys.disabled():
            print(f"\n{name}: {len(waits)} transactions, {percentiles(waits)} ms; slowest {slow}")
    tally(**{f"ms {name} (p50/p95/p99/max)": percentiles(waits) for name, waits in found.items()})
    tally(application_errors=0, transactions=sum(map(len, found.values())))
    with engine.connect() as connection:
        others = "SELECT COUNT(*) FROM clients WHERE teri_code NOT LIKE 'APP-%'"
        assert connection.scalar(sa.text(others)) == 0
        mine = "SELECT COUNT(*) FROM clients WHERE teri_code LIKE 'APP-%'"
        assert connection.scalar(sa.text(mine)) > CONNECTIONS
    assert isinstance(project.path, Path)
