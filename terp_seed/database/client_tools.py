"""The engines' own command-line clients: apply a script, copy a database.

A password goes through an option file that only its owner can read, never
through the command line, where every user of the machine could see it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.engine import URL

from terp_seed.errors import UsageError

__all__ = ["apply_script", "copy_database", "dump_database", "dumper", "restoring"]

_CLIENTS = ("mariadb", "mysql")
_DUMPS = ("mariadb-dump", "mysqldump")


def apply_script(url: URL, script: Path) -> str:
    """Hand a script to the engine's client; return what it complained of, or nothing."""
    if url.get_backend_name() == "sqlite":
        command = [_found("sqlite3"), str(url.database)]
        return _run(command, script)
    with _option_file(url) as option:
        return _run([_found(*_CLIENTS), option, "--binary-mode", str(url.database)], script)


def copy_database(source: URL, target: URL) -> None:
    """Copy all tables and rows into an empty database; `UsageError` if that fails."""
    if source.get_backend_name() == "sqlite":
        dump_database(source, Path(str(target.database)))
        return
    with TemporaryDirectory() as folder:
        dump = Path(folder) / "dump.sql"
        dump_database(source, dump)
        complaint = apply_script(target, dump)
    if complaint:
        raise UsageError(f"the copy into {target.database!r} failed: {complaint}")


def dump_database(source: URL, path: Path) -> None:
    """Write a database, as it is at one moment, into a file; `UsageError` if that fails.

    A script on a server, a database on SQLite.  Locks nobody out.
    """
    if source.get_backend_name() == "sqlite":
        try:
            with (
                closing(sqlite3.connect(_read_only(str(source.database)), uri=True)) as original,
                closing(sqlite3.connect(path)) as copy,
            ):
                original.backup(copy)
        except sqlite3.Error as error:
            raise UsageError(f"the copy of {source.database} failed: {error}") from None
        return
    tool = _found(*_DUMPS)
    options = ["--single-transaction", "--skip-lock-tables", "--no-tablespaces", "--hex-blob"]
    with _option_file(source) as option, path.open("wb") as file:
        done = subprocess.run(  # noqa: S603 - our own command, no shell
            [tool, option, *options, str(source.database)],
            stdout=file,
            stderr=subprocess.PIPE,
            check=False,
        )
    if done.returncode:
        raise UsageError(f"{Path(tool).name} failed on {source.database!r}: {_last(done.stderr)}")


def _read_only(database: str) -> str:
    """The URI of a SQLite database; the settings may have given one already."""
    return (
        database
        if database.startswith("file:")
        else f"{Path(database).absolute().as_uri()}?mode=ro"
    )


def restoring(target: URL, path: Path) -> str:
    """The command that puts such a file back; it asks for the password by itself."""
    if target.get_backend_name() == "sqlite":
        return shlex.join(["sqlite3", str(target.database), f".restore '{path}'"])
    given = {
        "host": target.host,
        "port": target.port,
        "socket": target.query.get("unix_socket"),
        "user": target.username,
    }
    options = [f"--{name}={value}" for name, value in given.items() if value]
    options += ["--password"] if target.password else []
    client = Path(_found(*_CLIENTS)).name
    return f"{shlex.join([client, *options, str(target.database)])} < {shlex.quote(str(path))}"


def dumper(source: URL) -> dict[str, str]:
    """The tool that dumps this database, and its version."""
    if source.get_backend_name() == "sqlite":
        return {"sqlite": sqlite3.sqlite_version}
    tool = _found(*_DUMPS)
    done = subprocess.run([tool, "--version"], capture_output=True, check=False)  # noqa: S603
    return {Path(tool).name: done.stdout.decode(errors="replace").strip()}


def _found(*names: str) -> str:
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    raise UsageError(f"the client {' or '.join(names)} is needed and is not installed")


def _run(command: Sequence[str], script: Path) -> str:
    with script.open("rb") as file:
        done = subprocess.run(  # noqa: S603 - our own command, no shell
            command, stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
        )
    return _last(done.stderr) or f"exit code {done.returncode}" if done.returncode else ""


def _last(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


@contextmanager
def _option_file(url: URL) -> Iterator[str]:
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
