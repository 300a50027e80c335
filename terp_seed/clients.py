"""The engines' own command-line clients: apply a script, copy a database.

A password goes through an option file that only its owner can read, never
through the command line, where every user of the machine could see it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.engine import URL

from terp_seed.errors import UsageError

__all__ = ["apply_script", "copy_database"]


def apply_script(url: URL, script: Path) -> str:
    """Hand a script to the engine's client; return what it complained of, or nothing."""
    if url.get_backend_name() == "sqlite":
        command = [_found("sqlite3"), str(url.database)]
        return _run(command, script)
    with _option_file(url) as option:
        return _run(
            [_found("mariadb", "mysql"), option, "--binary-mode", str(url.database)], script
        )


def copy_database(source: URL, target: URL) -> None:
    """Copy all tables and rows into an empty database; `UsageError` if that fails."""
    if source.get_backend_name() == "sqlite":
        with (
            closing(sqlite3.connect(f"file:{source.database}?mode=ro", uri=True)) as original,
            closing(sqlite3.connect(str(target.database))) as copy,
        ):
            original.backup(copy)
        return
    with TemporaryDirectory() as folder:
        dump = Path(folder) / "dump.sql"
        with _option_file(source) as option, dump.open("wb") as file:
            tool = _found("mariadb-dump", "mysqldump")
            command = [
                tool,
                option,
                "--single-transaction",
                "--skip-lock-tables",
                "--no-tablespaces",
                str(source.database),
            ]
            done = subprocess.run(  # noqa: S603 - our own command, no shell
                command, stdout=file, stderr=subprocess.PIPE, check=False
            )
        if done.returncode:
            raise UsageError(
                f"{Path(tool).name} failed on {source.database!r}: {_last(done.stderr)}"
            )
        complaint = apply_script(target, dump)
    if complaint:
        raise UsageError(f"the copy into {target.database!r} failed: {complaint}")


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
