"""The engines' own command-line clients: apply a script, dump a database.

A password goes through a file that only its owner can read, never through the
command line, where every user of the machine could see it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar

from terp_seed.database.dialects.model import Loaded
from terp_seed.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["Clients", "apply_with", "dump_with", "program", "tail", "tool_version"]

_TAIL = 200
_COMPLAINT = re.compile(r"(?:\S+:\s+)*(?:\w+ )?(?:error|fatal|panic)\b", re.IGNORECASE)


class Clients(ABC):
    """What an engine's own tools do with a database."""

    dump_name: ClassVar[str] = "dump.sql"
    """What the file of a dump is called."""

    @abstractmethod
    def apply(self, url: URL, script: Path) -> str:
        """Hand a script to the client; return what it complained of, or nothing."""

    @abstractmethod
    def dump(self, source: URL, path: Path) -> None:
        """Write a database as of one moment; `UsageError` if that fails.

        Locks nobody out.
        """

    csv_tells_null: ClassVar[bool] = True
    """Whether it tells a bare NULL in a CSV file from one in quotes, and reads bytes from it."""

    @abstractmethod
    def load_csv(self, file: str, table: str, columns: Sequence[Loaded]) -> list[str]:
        """What the client loads a CSV file by, as `terp_seed.rows.fields` writes one, with a head.

        ``file`` is a plain name in the client's folder, ``table`` a quoted one.
        """

    def copy(self, source: URL, target: URL) -> None:
        """Copy all tables and rows into an empty database; `UsageError` if that fails."""
        with TemporaryDirectory() as folder:
            dump = Path(folder) / self.dump_name
            self.dump_to_copy(source, dump)
            complaint = self.apply(target, dump)
        if complaint:
            raise UsageError(f"the copy into {target.database!r} failed: {complaint}")

    def dump_to_copy(self, source: URL, path: Path) -> None:
        """Write a database as another one of the same user's can take it."""
        self.dump(source, path)

    @abstractmethod
    def missing(self, path: Path, tables: Collection[str]) -> list[str] | None:
        """The tables that a dump lacks; None for a dump that was cut short."""

    @abstractmethod
    def restoring(self, target: URL, path: Path) -> str:
        """The command that puts a dump back; it asks for the password by itself."""

    @abstractmethod
    def dumper(self) -> dict[str, str]:
        """The tool that dumps, and its version."""


def program(*names: str) -> str:
    """The path of the first of these programs that is installed; `UsageError` if none is."""
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    raise UsageError(f"the client {' or '.join(names)} is needed and is not installed")


def apply_with(
    command: Sequence[str], script: Path, environment: dict[str, str] | None = None
) -> str:
    """Run a client with a script as its input; return its complaint, if any."""
    with script.open("rb") as file:
        done = subprocess.run(  # noqa: S603 - our own command, no shell
            command,
            stdin=file,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            env=environment,
        )
    return _complaint(done.stderr) or f"exit code {done.returncode}" if done.returncode else ""


def dump_with(
    command: Sequence[str], source: URL, path: Path, environment: dict[str, str] | None = None
) -> None:
    """Run a dump tool with a file as its output; `UsageError` with its complaint if it fails."""
    with path.open("wb") as file:
        done = subprocess.run(  # noqa: S603 - our own command, no shell
            command, stdout=file, stderr=subprocess.PIPE, check=False, env=environment
        )
    if done.returncode:
        name = Path(command[0]).name
        raise UsageError(f"{name} failed on {source.database!r}: {_complaint(done.stderr)}")


def tool_version(*names: str) -> dict[str, str]:
    """The first of these tools that is installed, and what it says of its version."""
    tool = program(*names)
    done = subprocess.run([tool, "--version"], capture_output=True, check=False)  # noqa: S603
    return {Path(tool).name: done.stdout.decode(errors="replace").strip()}


def _complaint(output: bytes) -> str:
    """The line that says what is wrong; those behind it show the statement and its values."""
    lines = output.decode(errors="replace").strip().splitlines()
    complaints = [line for line in lines if _COMPLAINT.match(line)]
    return (complaints or lines or [""])[-1]


def tail(path: Path) -> bytes:
    """The end of a file."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read()
