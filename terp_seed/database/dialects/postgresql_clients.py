"""``psql`` and ``pg_dump``."""

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
from terp_seed.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["PostgreSQLClients"]

_PSQL = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1")
_END = b"-- PostgreSQL database dump complete"
_TABLE = re.compile(
    r'^CREATE (?:UNLOGGED |FOREIGN )?TABLE (?:(?:"(?:[^"]|"")+"|\w+)\.)?("(?:[^"]|"")+"|\w+) \('
)


class PostgreSQLClients(Clients):
    """The tools that come with the server; the password goes through a file."""

    def apply(self, url: URL, script: Path) -> str:
        with _password_file(url) as environment:
            return apply_with([program("psql"), *_PSQL, *_where(url)], script, environment)

    def dump(self, source: URL, path: Path) -> None:
        self._dump(source, path, "--clean", "--if-exists")

    def copy(self, source: URL, target: URL) -> None:
        with TemporaryDirectory() as folder:
            dump = Path(folder) / self.dump_name
            self._dump(source, dump, "--no-owner", "--no-privileges")
            complaint = self.apply(target, dump)
        if complaint:
            raise UsageError(f"the copy into {target.database!r} failed: {complaint}")

    def _dump(self, source: URL, path: Path, *options: str) -> None:
        with _password_file(source) as environment:
            dump_with([program("pg_dump"), *options, *_where(source)], source, path, environment)

    def missing(self, path: Path, tables: Collection[str]) -> list[str] | None:
        if _END not in tail(path):
            return None
        left = set(tables)
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                found = _TABLE.match(line)
                if found:
                    left.discard(found[1].strip('"').replace('""', '"'))
        return sorted(left)

    def restoring(self, target: URL, path: Path) -> str:
        options = ["psql", "--single-transaction", "--set=ON_ERROR_STOP=1", *_where(target)]
        return f"{shlex.join(options)} < {shlex.quote(str(path))}"

    def dumper(self) -> dict[str, str]:
        return tool_version("pg_dump")


def _where(url: URL) -> Sequence[str]:
    given = {
        "host": url.host or url.query.get("host"),
        "port": url.port,
        "username": url.username,
        "dbname": url.database,
    }
    return [f"--{name}={value}" for name, value in given.items() if value]


@contextmanager
def _password_file(url: URL) -> Iterator[dict[str, str]]:
    """The environment that names a file with the password, gone at the end."""
    environment = dict(os.environ)
    options = url.query.get("options")
    if options:
        environment["PGOPTIONS"] = str(options)
    if not url.password:
        yield environment
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pgpass"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            escaped = str(url.password).replace("\\", "\\\\").replace(":", "\\:")
            file.write(f"*:*:*:*:{escaped}\n")
        yield environment | {"PGPASSFILE": str(path)}
