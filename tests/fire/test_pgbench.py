"""PostgreSQL's own load generator at work on the tables that are seeded."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from projects import Project
from servers import PostgreSQL, clean_environment

CLIENTS = 4

#: Keys come from the sequences, codes from a range that no seed uses.
SCRIPT = """
\\set n random(1, 1000000000000)
BEGIN;
INSERT INTO clients (teri_code, name) VALUES ('PB-' || :n, 'Own');
INSERT INTO orders (order_number, "orderType", client_id, items, subtotal, total, "paymentTerms",
    created_by)
SELECT 'PB-' || :n, 'SALE', c.id, '[]', 1, 1, 'COD', u.id
FROM clients c, users u WHERE c.teri_code = 'PB-' || :n AND u."openId" = 'app';
UPDATE clients SET total_owed = total_owed + 1 WHERE teri_code = 'PB-' || :n;
END;
"""


def size() -> str:
    """What is seeded: the size that was asked for, or a small one."""
    named = os.environ.get("TERP_SEED_TEST_FIRE_SIZE")
    return f"size={named}" if named else "rows=clients:2000,batches:200,orders:400"


@contextlib.contextmanager
def pgbench(url: sa.URL, folder: Path) -> Iterator[Callable[[], str]]:
    """Let pgbench work; give what it has complained of so far."""
    script, said = folder / "work.sql", folder / "said"
    script.write_text(SCRIPT)
    program = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))[-1]
    where = [f"--host={url.host}", f"--port={url.port}", f"--username={url.username}"]
    work = ["--no-vacuum", f"--client={CLIENTS}", "--rate=100", "--time=86400", f"--file={script}"]
    with said.open("w") as file:
        process = subprocess.Popen(
            [program, *where, *work, str(url.database)],
            stdout=file,
            stderr=file,
            env={**clean_environment(), "PGPASSWORD": str(url.password)},
        )
    try:
        yield lambda: f"{said.read_text()}{'' if process.poll() is None else 'it ended'}"
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.slow
def test_pgbench_and_a_seed_write_the_same_tables_without_an_error(
    project: Project, postgresql: PostgreSQL, tmp_path: Path, tally: Callable[..., None]
) -> None:
    """C-15, C-25: neither gets an error, and the rollback takes no row of the other's."""
    url = postgresql.create("test_pgbench")
    x = ("-x", f"url={url}")
    project.run("alembic", *x, "upgrade", "head")
    engine = sa.create_engine(url, poolclass=sa.NullPool)

    def value(sql: str) -> int:
        with engine.connect() as connection:
            return int(connection.exec_driver_sql(sql).scalar_one())

    with engine.begin() as connection:
        # As `plan --rollback` advises: without them a rollback of many orders takes hours.
        connection.exec_driver_sql("CREATE INDEX ON orders (converted_from_order_id)")
        connection.exec_driver_sql("CREATE INDEX ON orders (referred_by_client_id)")
        connection.exec_driver_sql(
            "INSERT INTO users (\"openId\", name) VALUES ('app', 'Application')"
        )
    project.run("terp-seed", *x, "env", "stamp", "dev")
    own = "SELECT COUNT(*) FROM orders WHERE order_number LIKE 'PB-%%'"
    with pgbench(sa.make_url(url), tmp_path) as complaints:
        for what, *command in (
            ("seeding", "-x", size(), "upgrade", "head"),
            ("unseeding", "downgrade", "base"),
        ):
            before = value(own)
            project.run("alembic", "-n", "seed", *x, *command, timeout=7200)
            assert complaints().count("\n") <= 1, complaints()  # its version, and nothing else
            assert "ended" not in complaints()
            tally(**{f"pgbench transactions while {what}": value(own) - before})
            assert value(own) > before
    assert value("SELECT COUNT(*) FROM clients WHERE teri_code NOT LIKE 'PB-%%'") == 0
    assert value("SELECT COUNT(*) FROM clients") == value("SELECT COUNT(*) FROM orders")
    assert value("SELECT COUNT(*) FROM terp_seed_ledger") == 0
    postgresql.drop("test_pgbench")
