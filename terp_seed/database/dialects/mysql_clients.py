"""The command-line clients of MySQL and MariaDB."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from terp_seed.database.dialects.clients import (
    Clients,
    apply_with,
    dump_with,
    program,
    tail,
    tool_version,
)
from terp_seed.database.dialects.model import Loaded
from terp_seed.database.dialects.mysql_errors import explain_number

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["MySQLClients"]

_CLIENTS = ("mariadb", "mysql")
_DUMPS = ("mariadb-dump", "mysqldump")
_READ = {True: "UNHEX(SUBSTRING(@c{}, 3))", False: "@c{} + 0"}
_OPTIONS = ("--single-transaction", "--skip-lock-tables", "--no-tablespaces", "--hex-blob")
_END = b"Dump completed"
_ERROR = re.compile(r"ERROR (\d+) \(\w+\) at line (\d+)")
# What a URL's query may say of a connection, and the clients' option for it.  A client skips
# what it does not know behind "loose".
_QUERY = {
    "unix_socket": "socket",
    "connect_timeout": "connect-timeout",
    "ssl_ca": "ssl-ca",
    "ssl_capath": "ssl-capath",
    "ssl_cert": "ssl-cert",
    "ssl_cipher": "ssl-cipher",
    "ssl_key": "ssl-key",
    "ssl_mode": "loose-ssl-mode",
    "ssl_check_hostname": "loose-ssl-verify-server-cert",
}


class MySQLClients(Clients):
    """``mariadb`` and ``mariadb-dump``, or ``mysql`` and ``mysqldump``."""

    def apply(self, url: URL, script: Path) -> str:
        with _option_file(url) as option:
            command = [program(*_CLIENTS), option, "--binary-mode", str(url.database)]
            complaint = apply_with(command, script)
        found = _ERROR.match(complaint)  # whose text may hold a value
        if found is None:
            return complaint
        return f"line {found[2]}: {explain_number(int(found[1]))} (error {found[1]})"

    def load_csv(self, file: str, table: str, columns: Sequence[Loaded]) -> list[str]:
        named = [
            f"@c{at}" if column.is_binary or column.is_boolean else column.name
            for at, column in enumerate(columns)
        ]
        # A text is no number to a BIT column, and no bytes to any.
        sets = ", ".join(
            f"{column.name} = {_READ[column.is_binary].format(at)}"
            for at, column in enumerate(columns)
            if named[at] != column.name
        )
        return [
            f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE {table} CHARACTER SET utf8mb4",
            "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY ''",
            r"LINES TERMINATED BY '\n' IGNORE 1 LINES",
            f"({', '.join(named)}){' SET ' if sets else ''}{sets};",
        ]

    def dump(self, source: URL, path: Path) -> None:
        with _option_file(source) as option:
            dump_with([program(*_DUMPS), option, *_OPTIONS, str(source.database)], source, path)

    def missing(self, path: Path, tables: Collection[str]) -> list[str] | None:
        if not tail(path).rpartition(b"\n-- ")[2].startswith(_END):
            return None
        left = {f"CREATE TABLE `{name.replace('`', '``')}` (".encode(): name for name in tables}
        with path.open("rb") as file:
            for line in file:
                if line.startswith(b"CREATE TABLE"):
                    left.pop(line.rstrip(), None)
        return sorted(left.values())

    def restoring(self, target: URL, path: Path) -> str:
        options = [f"--{name}={value}" for name, value in _where(target).items()]
        options += ["--password"] if target.password else []
        client = Path(program(*_CLIENTS)).name
        command = shlex.join([client, *options, str(target.database)])
        return f"{command} < {shlex.quote(str(path))}"

    def dumper(self) -> dict[str, str]:
        return tool_version(*_DUMPS)


def _where(url: URL) -> dict[str, object]:
    """The clients' options for where the database is and how to connect, but for the password."""
    given: dict[str, object] = {"host": url.host, "port": url.port, "user": url.username}
    given |= {option: url.query.get(name) for name, option in _QUERY.items()}
    return {name: value for name, value in given.items() if value}


@contextmanager
def _option_file(url: URL) -> Iterator[str]:
    """The option that names a file with user and password, gone at the end."""
    values = _where(url) | ({"password": url.password} if url.password else {})
    with TemporaryDirectory() as folder:
        path = Path(folder) / "client.cnf"
        lines = [f'{key}="{_escaped(str(value))}"' for key, value in values.items()]
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("[client]\n" + "\n".join(lines) + "\n")
        yield f"--defaults-extra-file={path}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
