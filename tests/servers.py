"""Private database servers for the tests, and the engines' own command-line clients.

A server lives in a temporary folder, listens on a free port of the loopback address only, and is
gone when the tests are: stopped by them, or killed by its watchdog when they die. The machine's own
servers, services and settings are neither used nor touched.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

import MySQLdb
import psycopg
from sqlalchemy.engine import URL, make_url

HOST: Final = "127.0.0.1"
USER: Final = "seeder"
START_SECONDS: Final = 60
STOP_SECONDS: Final = 60

#: Speed for data nobody keeps; everything else stays as the server ships.
FAST: Final = (
    "--skip-log-bin",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-buffer-pool-size=64M",
)

#: A server started by root wants to hear that this is meant.
AS_ROOT: Final = ("--user=root",) if os.geteuid() == 0 else ()

#: Told the server's process id line by line (an empty line: none), it kills the last one and
#: removes the folder when its standard input ends, which it does however the tests end.
WATCHDOG: Final = """
trap '' HUP INT TERM
server=
while read -r line; do server=$line; done
[ -z "$server" ] || kill -9 "$server" 2>/dev/null
rm -rf -- "$1"
"""


#: What a driver raises while its server does not answer yet.
NOT_YET: Final = (MySQLdb.OperationalError, psycopg.OperationalError)


class ServerError(Exception):
    """A private server could not be started."""


def find_program(*names: str) -> str:
    """Return the path of the first of these programs that is installed, `/usr/sbin` included."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    raise ServerError(f"{names[0]} is not installed; tests/run installs what the tests need")


def mysql_base() -> Path | None:
    """Return the folder whose `bin/mysqld` is to be tested in MariaDB's place, if one is named."""
    base = os.environ.get("TERP_SEED_TEST_MYSQL")
    return Path(base) if base else None


def server_engine() -> str:
    """Return which server the tests run on, `mariadb` (the default) or `mysql`."""
    engine = os.environ.get("TERP_SEED_TEST_ENGINE", "mariadb")
    if engine not in {"mariadb", "mysql"}:
        raise ServerError(f"TERP_SEED_TEST_ENGINE is {engine!r}: mariadb or mysql")
    if engine == "mysql" and mysql_base() is None:
        raise ServerError(
            "TERP_SEED_TEST_ENGINE=mysql needs TERP_SEED_TEST_MYSQL; see tests/mysql9"
        )
    return engine


def clean_environment() -> dict[str, str]:
    """Return this process's environment without anything that steers seeding or a client."""
    prefixes = ("TERP_SEED_", "MYSQL_", "MARIADB_", "PG", "PYTEST_", "ALEMBIC_")
    python = {"PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONWARNINGS"}
    names = {"DATABASE_URL", "SQLALCHEMY_WARN_20", *python}
    return {
        name: value
        for name, value in os.environ.items()
        if name not in names and not name.startswith(prefixes)
    }


def client_command(url: str) -> list[str]:
    """Return the command line of the engine's own client for this database."""
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite":
        return [find_program("sqlite3"), parts.database or ":memory:"]
    if parts.get_backend_name() == "postgresql":
        where = f"postgresql://{parts.username}@{parts.host}:{parts.port}/{parts.database or ''}"
        return [find_program("psql"), "--no-psqlrc", where]
    if server_engine() == "mysql":
        program = str(Path(mysql_base() or "/") / "bin" / "mysql")
    else:
        program = find_program("mariadb")
    command = [
        program,
        "--no-defaults",
        "--protocol=tcp",
        f"--host={parts.host}",
        f"--port={parts.port}",
        f"--user={parts.username}",
        f"--password={parts.password}",
    ]
    return [*command, parts.database] if parts.database else command


def client_environment(url: str) -> dict[str, str]:
    """Return what the engine's own client finds in its environment."""
    return {**clean_environment(), "PGPASSWORD": make_url(url).password or ""}


def run_client(
    url: str, script: Path | str, *, check: bool = True, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Apply a script with the engine's own client, as `mariadb ... < script` in a shell would.

    A `Path` is a file, a `str` is the SQL itself. Nothing is added to the script or the command:
    not the character set, not `-bail`; what a script needs, it has to say itself.
    """
    with contextlib.ExitStack() as stack:
        if isinstance(script, Path):
            source: IO[bytes] = stack.enter_context(script.open("rb"))
        else:
            source = stack.enter_context(tempfile.TemporaryFile())
            source.write(script.encode())
            source.seek(0)
        result = subprocess.run(
            client_command(url),
            check=False,
            stdin=source,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=client_environment(url),
            timeout=timeout,
        )
    if check and result.returncode:
        raise AssertionError(f"the client ended with {result.returncode}: {result.stderr}")
    return result


def free_port() -> int:
    """Return a loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A private server, from its empty folder to its end."""

    engine: str

    def __init__(self, *options: str) -> None:
        self.options = options
        self.port = free_port()
        # A password as people have them: every one of these characters means something in a URL.
        self.password = f"pw%40@/:{secrets.token_hex(8)}"
        self.root_password = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="terp-seed-"))
        self._watchdog = subprocess.Popen(
            ["/bin/sh", "-c", WATCHDOG, "watchdog", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._initialise()
            self._start_on_a_free_port()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def client_args(self, database: str) -> list[str]:
        """Return the command line of the server's own client, as the ordinary user."""
        return client_command(self.url(database))

    # -- life

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None:
            raise ServerError("the server is not running")
        return self._process.pid

    def restart(self, *, graceful: bool = True) -> None:
        """Stop the server, in order or by `kill -9`, and start it on the same data and port."""
        self.halt(graceful=graceful)
        self.resume()

    def halt(self, *, graceful: bool = True) -> None:
        """Stop the server, in order or by `kill -9`, keeping its data."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM if graceful else signal.SIGKILL)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._tell_watchdog("")

    def resume(self) -> None:
        """Start the server again after `halt`, on the same data and port."""
        self._start()

    def stop(self) -> None:
        """End the server and remove its folder; harmless when that has been done."""
        self.halt(graceful=False)
        if self._watchdog.stdin is not None and not self._watchdog.stdin.closed:
            self._watchdog.stdin.close()
            self._watchdog.wait()

    # -- how, for each engine

    def url(self, database: str = "") -> str:
        """Return the SQLAlchemy URL of a database, for the ordinary user."""
        raise NotImplementedError

    def create(self, database: str) -> str:
        """Make an empty database that the ordinary user owns, and return its URL."""
        raise NotImplementedError

    def drop(self, database: str) -> None:
        """Remove a database, ending the connections that still use it."""
        raise NotImplementedError

    def _initialise(self) -> None:
        """Make the data folder."""
        raise NotImplementedError

    def _start_on_a_free_port(self) -> None:
        """Start for the first time, and make the accounts."""
        raise NotImplementedError

    def _command(self) -> list[str]:
        """The command line of the server."""
        raise NotImplementedError

    def _connect(self) -> Any:
        """Connect as root; `NOT_YET` while the server does not answer."""
        raise NotImplementedError

    # -- how

    def _tell_watchdog(self, line: str) -> None:
        stdin = self._watchdog.stdin
        if stdin is not None and not stdin.closed:
            stdin.write(f"{line}\n".encode())
            stdin.flush()

    def _run_once(self, command: list[str], **more: Any) -> None:
        """Run a program that makes the data folder."""
        made = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            # a server that starts clears its temporary folder of other servers' tables
            env={**clean_environment(), "TMPDIR": str(self.folder)},
            timeout=START_SECONDS,
            **more,
        )
        if made.returncode:
            raise ServerError(f"{command[0]} could not make a data folder:\n{made.stdout[-4000:]}")

    def _start(self, *options: str, **more: Any) -> None:
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*self._command(), *self.options, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=clean_environment(),
                start_new_session=True,
                **more,
            )
        self._tell_watchdog(str(self._process.pid))
        self._await_answer(self._process)

    def _await_answer(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            if process.poll() is not None:
                self._process = None
                self._tell_watchdog("")
                raise ServerError(f"the server ended while starting:\n{self.log()}")
            try:
                self._connect().close()
            except NOT_YET as error:
                if time.monotonic() > deadline:
                    self.halt(graceful=False)
                    raise ServerError(f"no answer from the server:\n{self.log()}") from error
                time.sleep(0.02)
            else:
                return

    def log(self) -> str:
        """Return the end of what the server has printed since it was started last."""
        return (self.folder / "log").read_text(errors="replace")[-4000:]


class MariaDB(Server):
    """MariaDB, or the MySQL that `TERP_SEED_TEST_MYSQL` points to.

    It has two accounts: root, for what the tests arrange, and an ordinary user, whom `url` names
    and who has every right on the databases made by `create` and none elsewhere. Options are added
    to the server's command line, as in `MariaDB("--max-allowed-packet=1M")`.
    """

    def __init__(self, *options: str, engine: str | None = None) -> None:
        self.engine = engine or server_engine()
        super().__init__(*options)

    # -- databases

    def url(self, database: str = "", *, user: str = USER, password: str | None = None) -> str:
        """Return the SQLAlchemy URL of a database, for the ordinary user unless told otherwise."""
        return URL.create(
            "mysql+mysqldb",
            username=user,
            password=self.password if password is None else password,
            host=HOST,
            port=self.port,
            database=database or None,
            query={"charset": "utf8mb4"},
        ).render_as_string(hide_password=False)

    def root_url(self, database: str = "") -> str:
        """Return the URL of a database for root."""
        return self.url(database, user="root", password=self.root_password)

    def create(self, database: str, charset: str = "utf8mb4") -> str:
        """Make an empty database that the ordinary user owns, and return its URL."""
        pattern = database.replace("_", r"\_")
        self.execute(
            f"CREATE DATABASE `{database}` CHARACTER SET {charset}",
            f"GRANT ALL ON `{pattern}`.* TO '{USER}'@'{HOST}'",
        )
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database, ending the connections that still use it."""
        for row in self.execute("SHOW PROCESSLIST"):
            if row[3] == database:
                with contextlib.suppress(MySQLdb.OperationalError):  # it has just gone by itself
                    self.execute(f"KILL {row[0]}")
        self.execute("SET lock_wait_timeout = 30", f"DROP DATABASE IF EXISTS `{database}`")

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements as root on one connection, and return the rows of the last."""
        rows: list[tuple[Any, ...]] = []
        with contextlib.closing(self._connect()) as connection:
            for statement in statements:
                connection.query(statement)
                result = connection.store_result()
                rows = list(result.fetch_row(maxrows=0)) if result is not None else []
            connection.commit()
        return rows

    @property
    def version(self) -> str:
        """The version the server gives, as in `10.11.19-MariaDB-0+deb12u1`."""
        return str(self.execute("SELECT VERSION()")[0][0])

    # -- how

    def _program(self) -> str:
        if self.engine == "mysql":
            return str(Path(mysql_base() or "/") / "bin" / "mysqld")
        return find_program("mariadbd")

    def _initialise(self) -> None:
        if self.engine == "mysql":
            command = [self._program(), "--no-defaults", "--initialize-insecure"]
        else:
            command = [
                find_program("mariadb-install-db"),
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--force",  # a machine need not know its own name
            ]
        self._run_once(
            [
                *command,
                f"--datadir={self.folder / 'data'}",
                *AS_ROOT,
                # the one setting a data folder is made for and cannot change later
                *[option for option in self.options if "lower-case-table-names" in option],
            ]
        )

    def _start_on_a_free_port(self) -> None:
        accounts = self.folder / "accounts.sql"
        accounts.write_text("".join(f"{line};\n" for line in self._accounts()))
        accounts.chmod(0o600)
        for attempt in range(5):
            try:
                self._start(f"--init-file={accounts}")
                break
            except ServerError:
                if attempt == 4 or "in use" not in self.log():
                    raise
                self.port = free_port()  # somebody took the one that was free a moment ago
        accounts.unlink()

    def _accounts(self) -> Iterator[str]:
        for host in ("localhost", HOST):
            yield f"CREATE USER IF NOT EXISTS 'root'@'{host}'"
            yield f"ALTER USER 'root'@'{host}' IDENTIFIED BY '{self.root_password}'"
            yield f"GRANT ALL ON *.* TO 'root'@'{host}' WITH GRANT OPTION"
        yield f"CREATE USER '{USER}'@'{HOST}' IDENTIFIED BY '{self.password}'"

    def _command(self) -> list[str]:
        mysql = ["--mysqlx=OFF", "--secure-file-priv=", "--local-infile=ON"]
        only_mysql = mysql if self.engine == "mysql" else []
        return [
            self._program(),
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            f"--socket={self.folder / 'socket'}",
            f"--pid-file={self.folder / 'pid'}",
            f"--tmpdir={self.folder}",
            f"--bind-address={HOST}",
            f"--port={self.port}",
            "--skip-name-resolve",
            *FAST,
            *only_mysql,
            *AS_ROOT,
        ]

    def _connect(self) -> Any:
        return MySQLdb.connect(
            host=HOST, port=self.port, user="root", passwd=self.root_password, connect_timeout=10
        )


class PostgreSQL(Server):
    """PostgreSQL, with a superuser `root` and an ordinary user like `MariaDB`'s.

    Options are added to the server's command line, as in `PostgreSQL("-c", "max_connections=5")`.
    """

    engine = "postgresql"

    def url(self, database: str = "", *, user: str = USER, password: str | None = None) -> str:
        """Return the SQLAlchemy URL of a database, for the ordinary user unless told otherwise."""
        return URL.create(
            "postgresql+psycopg",
            username=user,
            password=self.password if password is None else password,
            host=HOST,
            port=self.port,
            database=database or None,
        ).render_as_string(hide_password=False)

    def root_url(self, database: str = "") -> str:
        """Return the URL of a database for root."""
        return self.url(database, user="root", password=self.root_password)

    def create(self, database: str) -> str:
        self.execute(f'CREATE DATABASE "{database}" OWNER {USER}')
        return self.url(database)

    def drop(self, database: str) -> None:
        self.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def execute(self, *statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run statements as root on one connection, and return the rows of the last."""
        rows: list[tuple[Any, ...]] = []
        with contextlib.closing(self._connect(database)) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
                rows = cursor.fetchall() if cursor.description else []
        return rows

    @property
    def version(self) -> str:
        """The version the server gives, as in `15.18`."""
        return str(self.execute("SHOW server_version")[0][0])

    def _program(self, name: str) -> str:
        other = os.environ.get("TERP_SEED_TEST_POSTGRESQL")  # see tests/postgresql
        if other:
            return str(Path(other) / name)
        found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        return str(found[-1]) if found else find_program(name)

    def _initialise(self) -> None:
        secret = self.folder / "secret"
        secret.write_text(self.root_password)
        for path in (self.folder, secret):
            self._hand_over(path)
        self._run_once(
            [
                self._program("initdb"),
                f"--pgdata={self.folder / 'data'}",
                "--username=root",
                f"--pwfile={secret}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
            **self._as_another(),
        )
        secret.unlink()

    def _start_on_a_free_port(self) -> None:
        self._start()
        self.execute(f"CREATE USER {USER} PASSWORD '{self.password}' CREATEDB")
        if int(self.version.partition(".")[0]) >= 15:  # rows without triggers
            self.execute(f"GRANT SET ON PARAMETER session_replication_role TO {USER}")

    def _start(self, *options: str, **more: Any) -> None:
        for attempt in range(50):
            try:
                super()._start(*options, **self._as_another(), **more)
            except ServerError:  # the last one's processes have not all noticed that it is gone
                if attempt == 49 or "is still in use" not in self.log():
                    raise
                time.sleep(0.1)
            else:
                return

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": HOST,
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
            "shared_buffers": "64MB",
            "max_connections": 60,
        }
        listed = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self._program("postgres"), "-D", str(self.folder / "data"), *listed]

    def _connect(self, database: str = "postgres") -> Any:
        return psycopg.connect(
            host=HOST,
            port=self.port,
            user="root",
            password=self.root_password,
            dbname=database,
            autocommit=True,
            connect_timeout=10,
        )

    def _as_another(self) -> dict[str, Any]:
        """PostgreSQL refuses to run as root."""
        if os.geteuid():
            return {}
        user = next(name for name in ("postgres", "nobody") if _exists(name))
        return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}

    def _hand_over(self, path: Path) -> None:
        who = self._as_another()
        if who:
            shutil.chown(path, who["user"], who["group"])


def _exists(user: str) -> bool:
    try:
        return bool(pwd.getpwnam(user))
    except KeyError:
        return False
