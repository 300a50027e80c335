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
from terp_seed.database.dialects.model import Loaded
from terp_seed.database.dialects.postgresql_errors import explain_sqlstate
from terp_seed.database.dialects.postgresql_urls import connection_options

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["PostgreSQLClients"]

_PSQL = (
    "--no-psqlrc",
    "--quiet",
    "--set=ON_ERROR_STOP=1",
    "--set=VERBOSITY=sqlstate",  # the text of an error may hold a value
    "--file=-",  # with the number of the line
)
_ERROR = re.compile(r":(\d+): \w+:\s+([0-9A-Z]{5})$")
_SECRETS = {"password", "sslpassword"}  # each user of the machine sees a command line
_END = b"-- PostgreSQL database dump complete"
_TABLE = re.compile(
    r'^CREATE (?:UNLOGGED |FOREIGN )?TABLE (?:(?:"(?:[^"]|"")+"|\w+)\.)?("(?:[^"]|"")+"|\w+) \('
)


class PostgreSQLClients(Clients):
    """The tools that come with the server; the password goes through a file."""

    def apply(self, url: URL, script: Path) -> str:
        with _password_file(url) as environment:
            complaint = apply_with([program("psql"), *_PSQL, _where(url)], script, environment)
        found = _ERROR.search(complaint)
        return (
            f"line {found[1]}: {explain_sqlstate(found[2])} (error {found[2]})"
            if found
            else complaint
        )

    def load_csv(self, file: str, table: str, columns: Sequence[Loaded]) -> list[str]:
        named = ", ".join(column.name for column in columns)
        return [
            "SET client_encoding = 'UTF8';",
            "SET TIME ZONE 'UTC';",
            f"\\copy {table} ({named}) FROM '{file}' WITH (FORMAT csv, HEADER true, NULL 'NULL')",
        ]

    def dump(self, source: URL, path: Path) -> None:
        self._dump(source, path, "--clean", "--if-exists")

    def dump_to_copy(self, source: URL, path: Path) -> None:
        self._dump(source, path, "--no-owner", "--no-privileges")

    def _dump(self, source: URL, path: Path, *options: str) -> None:
        with _password_file(source) as environment:
            dump_with([program("pg_dump"), *options, _where(source)], source, path, environment)

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
        options = ["psql", "--single-transaction", "--set=ON_ERROR_STOP=1", _where(target)]
        return f"{shlex.join(options)} < {shlex.quote(str(path))}"

    def dumper(self) -> dict[str, str]:
        return tool_version("pg_dump")


def _where(url: URL) -> str:
    """The option that says where the database is, and all that the URL says of the connection."""
    from psycopg.conninfo import make_conninfo
    from psycopg.pq import Conninfo

    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    given = connection_options(url)
    hidden = _SECRETS | ({"passfile"} if "password" in given else set())  # it has a file already
    shown = {name: value for name, value in given.items() if name in known - hidden}
    return f"--dbname={make_conninfo(**shown)}"


@contextmanager
def _password_file(url: URL) -> Iterator[dict[str, str]]:
    """The environment that names a file with the password, gone at the end."""
    environment = os.environ | {"LC_ALL": "C"}  # so that a complaint is known for one
    password = connection_options(url).get("password")
    if not password:
        yield environment
        return
    environment.pop("PGPASSWORD", None)  # it comes before the file
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pgpass"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            escaped = str(password).replace("\\", "\\\\").replace(":", "\\:")
            file.write(f"*:*:*:*:{escaped}\n")
        yield environment | {"PGPASSFILE": str(path)}
