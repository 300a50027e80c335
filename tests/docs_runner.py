"""Reads the documentation as a person does: writes its files, runs its commands.

A block's first word is its language; a second one is the file it stands for.
``sh`` blocks are run in order, each in a new shell.  A ``text`` block
right after one is what the command prints, perhaps among other lines; times
do not count, ``...`` stands for anything, and a line that begins with FAILED
or Error says that the command fails.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from servers import clean_environment, client_command

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
#: The database on the pages, and the options of its client.
URL = "mysql://terp:secret@db.example/terp"
CLIENT = "-h db.example -u terp -p terp"

_BLOCK = re.compile(r"^```(\w*)(?: +(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    language: str
    file: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(found[1], found[2] or "", found[3], text.count("\n", 0, found.start()) + 1)
        for found in _BLOCK.finditer(text)
    ]


class Reader:
    """A reader who follows a page in a new folder.

    With ``fresh`` nothing is installed but Python, and the page installs the
    rest in the folder's own ``.venv``; else this interpreter's programs are there.
    """

    def __init__(
        self,
        folder: Path,
        *,
        url: str = "",
        replace: Mapping[str, str] | None = None,
        fresh: bool = False,
    ):
        self.folder = folder
        self.replace = {**({URL: url} if url else {}), **(replace or {})}
        self._shims = folder.parent / f"{folder.name}-programs"
        self._shims.mkdir()
        self.asked = self._shims / "asked"
        self._fresh = fresh
        self._make_shims(url)

    def _make_shims(self, url: str) -> None:
        """Programs that would change the machine only note what they were asked for."""
        programs = {
            "apt-get": f'echo "apt-get $*" >>"{self.asked}"',
            "sudo": 'exec "$@"',
            "python3": f'exec "{sys.executable}" "$@"',
        }
        if url:
            command = client_command(url)
            client = " ".join(f"'{word}'" for word in command)
            words = len(CLIENT.split())
            programs["mariadb"] = (
                f'case "$*" in "{CLIENT}"*) shift {words}; exec {client} "$@" ;; esac\n'
                f'exec {command[0]} "$@"'
            )
        for name, line in programs.items():
            path = self._shims / name
            path.write_text(f"#!/bin/sh\n{line}\n")
            path.chmod(0o755)

    def environment(self) -> dict[str, str]:
        """Return the environment of a command."""
        clean = clean_environment()
        installed = Path(sys.executable).parent
        path = [
            folder
            for folder in clean.get("PATH", os.defpath).split(os.pathsep)
            if folder != str(installed)
        ]
        programs = self.folder / ".venv" / "bin" if self._fresh else installed
        path = [str(self._shims), str(programs), *path]
        return {**clean, "PATH": os.pathsep.join(path)}

    def read(self, page: Path) -> None:
        """Follow a page from its first block to its last."""
        found = blocks(page)
        for block, after in zip_longest(found, found[1:]):
            if block.file:
                self.write(block)
            elif block.language == "sh":
                shown = after.text if after is not None and after.language == "text" else ""
                self.follow(block, shown, page)

    def write(self, block: Block) -> None:
        """Write the file that a block stands for."""
        path = self.folder / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        text = self._replaced(block.text, escape=path.suffix == ".ini")
        path.write_text(text, encoding="utf-8")

    def follow(self, block: Block, shown: str, page: Path) -> None:
        """Run a block, and compare what it prints with what the page shows."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._replaced(block.text)],
            check=False,
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=600,
        )
        fails = re.search(r"^(FAILED|Error|Runtime error)", shown, re.MULTILINE) is not None
        where = (
            f"{page.name}, line {block.line}:\n{block.text}\n"
            f"ended with {done.returncode} and printed\n{done.stdout}"
        )
        assert (done.returncode != 0) == fails, where
        missing = not_shown(shown, done.stdout)
        assert missing is None, f"{where}\nwhich lacks, in its place: {missing}"

    def _replaced(self, text: str, *, escape: bool = False) -> str:
        for old, new in self.replace.items():
            text = text.replace(old, new.replace("%", "%%") if escape else new)
        return text


def not_shown(shown: str, printed: str) -> str | None:
    """Return the first line of a ``text`` block that a command did not print in its turn."""
    lines = iter([_plain(line) for line in printed.splitlines()])
    for line in filter(str.strip, shown.splitlines()):
        pattern = ".*".join(map(re.escape, _plain(line).split("...")))
        if not any(re.fullmatch(pattern, each) for each in lines):
            return line
    return None


def _plain(line: str) -> str:
    """A line without clock times, durations and the widths of columns."""
    text = re.sub(r"\d\d:\d\d:\d\d", "HH:MM:SS", line.strip())
    text = re.sub(r"\b\d+\.\d\d$", "S.SS", text)
    return re.sub(r"-{4,}", "----", re.sub(r"\s+", " ", text))


def copy_project(folder: Path, *more: str) -> Path:
    """Copy what a person has after cloning, but the tests, which pass at once."""
    folder.mkdir()
    for name in ("alembic.ini", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, folder)
    for name in ("seeds", "seed_revisions", "docs", *more):
        shutil.copytree(
            REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.db")
        )
    (folder / "tests").mkdir()
    stub = folder / "tests" / "run"
    stub.write_text("#!/bin/sh\n")
    stub.chmod(0o755)
    return folder
