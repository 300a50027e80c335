"""The test infrastructure itself: private servers, ordinary users, clients."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from projects import Project
from servers import MariaDB, run_client, server_engine
from toys import Toy


def test_database_is_empty_and_writable(database_url: str) -> None:
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        assert sa.inspect(connection).get_table_names() == []
        connection.execute(sa.text("CREATE TABLE t (name VARCHAR(20))"))
        connection.execute(
            sa.text("INSERT INTO t VALUES (:name)"), {"name": "caf\u00e9 \U0001f33f"}
        )
        assert connection.scalar(sa.text("SELECT name FROM t")) == "caf\u00e9 \U0001f33f"
    engine.dispose()


def test_two_databases_of_one_engine(
    engine: str, database_url: str, second_database_url: str
) -> None:
    assert database_url != second_database_url
    assert sa.make_url(database_url).drivername == sa.make_url(second_database_url).drivername
    assert ("sqlite" in database_url) == (engine == "sqlite")


def test_server_tells_its_version(mariadb: MariaDB) -> None:
    assert ("MariaDB" in mariadb.version) == (mariadb.engine == "mariadb")


def test_server_listens_on_the_loopback_address_only(mariadb: MariaDB) -> None:
    assert mariadb.execute("SELECT @@bind_address, @@port") == [("127.0.0.1", mariadb.port)]


def test_ordinary_user_sees_only_granted_databases(mariadb: MariaDB, mariadb_url: str) -> None:
    mariadb.execute("CREATE DATABASE elsewhere")
    engine = sa.create_engine(mariadb_url)
    try:
        with engine.connect() as connection:
            names = set(connection.scalars(sa.text("SHOW DATABASES")))
            assert sa.make_url(mariadb_url).database in names
            assert names.isdisjoint({"mysql", "elsewhere"})
            with pytest.raises(sa.exc.OperationalError, match="denied"):
                connection.execute(sa.text("CREATE TABLE elsewhere.t (id INT)"))
    finally:
        engine.dispose()
        mariadb.drop("elsewhere")


def test_drop_ends_the_connections_that_hold_a_database(mariadb: MariaDB) -> None:
    engine = sa.create_engine(mariadb.create("held"))
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TABLE t (id INT)"))
        connection.execute(sa.text("INSERT INTO t VALUES (1)"))
        mariadb.drop("held")
        connection.invalidate()
    engine.dispose()
    assert mariadb.execute("SHOW DATABASES LIKE 'held'") == []


def test_client_applies_a_script(
    database_url: str, client: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    script = tmp_path / "script.sql"
    script.write_text("CREATE TABLE t (id INT);\nINSERT INTO t VALUES (7);\nSELECT id FROM t;\n")
    assert "7" in client(database_url, script).stdout.split()


def test_client_stops_at_the_first_error(
    engine: str, database_url: str, client: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    bail = {"sqlite": ".bail on\n", "postgresql": "\\set ON_ERROR_STOP on\n"}.get(engine, "")
    script = f"{bail}CREATE TABLE before_it (id INT);\nNONSENSE;\nCREATE TABLE after_it (id INT);\n"
    result = client(database_url, script, check=False)
    assert result.returncode == (3 if engine == "postgresql" else 1)
    assert "syntax error" in result.stderr or "error in your SQL syntax" in result.stderr
    reader = sa.create_engine(database_url)
    assert sa.inspect(reader).get_table_names() == ["before_it"]
    reader.dispose()


def test_servers_of_one_machine_do_not_collide(
    mariadb: MariaDB, start_server: Callable[..., MariaDB]
) -> None:
    other = start_server("--max-allowed-packet=2M")
    assert (other.port, other.folder) != (mariadb.port, mariadb.folder)
    run_client(other.create("only_here"), "CREATE TABLE t (id INT)")
    assert mariadb.execute("SHOW DATABASES LIKE 'only_here'") == []
    assert other.execute("SELECT @@max_allowed_packet") == [(2 * 1024 * 1024,)]


@pytest.mark.parametrize("graceful", [True, False])
def test_restart_keeps_data_port_and_accounts(
    start_server: Callable[..., MariaDB], *, graceful: bool
) -> None:
    server = start_server("--innodb-flush-log-at-trx-commit=1")
    url = server.create("kept")
    run_client(url, "CREATE TABLE t (id INT); INSERT INTO t VALUES (1)")
    before = server.pid
    server.restart(graceful=graceful)
    assert server.pid != before
    assert run_client(url, "SELECT id FROM t").stdout.split() == ["id", "1"]


def test_server_that_cannot_start_says_why(start_server: Callable[..., MariaDB]) -> None:
    with pytest.raises(pytest.fail.Exception, match="no-such-option"):
        start_server("--no-such-option")


def test_command_sees_no_setting_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERP_SEED_DATABASE_URL", "sqlite:///elsewhere.db")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///elsewhere.db")
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    project = Project(tmp_path)
    project.env["TERP_SEED_SIZE"] = "small"
    steers = "name.startswith('TERP_SEED_') or 'DATABASE' in name or name == 'PYTHONUNBUFFERED'"
    code = f"import os; print(*sorted(name for name in os.environ if {steers}))"
    result = project.run("python", "-c", code, env={"TERP_SEED_ENV": "test"})
    assert result.stdout.split() == ["TERP_SEED_ENV", "TERP_SEED_SIZE"]
    assert result.stderr == ""


def test_command_that_fails_shows_what_it_printed(tmp_path: Path) -> None:
    project = Project(tmp_path)
    args = ("-c", "import sys; print(sys.stdin.read()); sys.exit('because')")
    assert project.run("python", *args, check=False, input="typed").stdout == "typed\n"
    with pytest.raises(pytest.fail.Exception, match="because"):
        project.run("python", *args)


def test_started_command_does_not_outlive_the_test(tmp_path: Path) -> None:
    project = Project(tmp_path)
    process = project.start("python", "-c", "import time; time.sleep(600)")
    project.close()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_server_dies_with_the_process_that_started_it(end: signal.Signals) -> None:
    code = (
        "import time; from servers import MariaDB; server = MariaDB();"
        "print(server.port, server.folder, flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as parent:
        assert parent.stdout is not None
        port, folder = parent.stdout.readline().split()
        assert _listens(int(port))
        parent.send_signal(end)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and (Path(folder).exists() or _listens(int(port))):
        time.sleep(0.05)
    assert not Path(folder).exists()
    assert not _listens(int(port))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(
    ("engine", "driver", "title"),
    [
        ("sqlite", "aiosqlite", "sqlite3"),
        (server_engine(), "aiomysql", "mysqlclient"),
        (server_engine(), "asyncmy", "mysqlclient"),
        (server_engine(), "pymysql", "mysqlclient"),
        (server_engine(), "mysqlconnector", "mysqlclient"),
        ("postgresql", "asyncpg", "psycopg 3"),
        ("postgresql", "psycopg2", "psycopg 3"),
    ],
)
def test_another_driver_of_an_engine_is_replaced_and_it_is_said(
    toy: Toy, driver: str, title: str
) -> None:
    """The project's own ini file may name the driver of its application, often an async one."""
    backend = toy.url.partition(":")[0].partition("+")[0]
    url = f"{backend}+{driver}:{toy.url.partition(':')[2]}"
    done = toy.run("alembic", "-n", "seed", "-x", f"url={url}", "upgrade", "head")
    assert f"names {driver}; seeds go through {title} to the same database" in done.stderr
    assert toy.counts()["depots"] == 4
