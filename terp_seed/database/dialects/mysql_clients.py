"""The command-line clients of MySQL and MariaDB."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Iterator
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

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["MySQLClients"]

_CLIENTS = ("mariadb", "mysql")
_DUMPS = ("mariadb-dump", "mysqldump")
_OPTIONS = ("--single-transaction", "--skip-lock-tables", "--no-tablespaces", "--hex-blob")
_END = b"Dump completed"


class MySQLClients(Clients):
    """``mariadb`` and ``mariadb-dump``, or ``mysql`` and ``mysqldump``."""

    def apply(self, url: URL, script: Path) -> str:
        with _option_file(url) as option:
            command = [program(*_CLIENTS), option, "--binary-mode", str(url.database)]
            return apply_with(command, script)

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
        given = {
            "host": target.host,
            "port": target.port,
            "socket": target.query.get("unix_socket"),
            "user": target.username,
        }
        options = [f"--{name}={value}" for name, value in given.items() if value]
        options += ["--password"] if target.password else []
        client = Path(program(*_CLIENTS)).name
        command = shlex.join([client, *options, str(target.database)])
        return f"{command} < {shlex.quote(str(path))}"

    def dumper(self) -> dict[str, str]:
        return tool_version(*_DUMPS)


@contextmanager
def _option_file(url: URL) -> Iterator[str]:
    """The option that names a file with user and password, gone at the end."""
    values = {
        "host": url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "socket": url.query.get("unix_socket"),
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / "client.cnf"
        lines = [f'{key}="{_escaped(str(value))}"' for key, value in values.items() if value]
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("[client]\n" + "\n".join(lines) + "\n")
        yield f"--defaults-extra-file={path}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
