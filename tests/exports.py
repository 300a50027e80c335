"""Exports of a toy project, and the engines' own clients that load them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from servers import client_command, client_environment
from toys import Toy

__all__ = ["export", "load", "load_all"]


def export(toy: Toy, folder: Path, *args: str, x: tuple[str, ...] = (), code: int = 0) -> str:
    """Run `terp-seed export --format csv --to FOLDER`; what it said."""
    given = [] if any(each.startswith("--format") for each in args) else ["--format=csv"]
    return toy.terp_seed("export", *given, "--to", str(folder), *args, x=x, code=code).output


def load(url: str, folder: Path) -> None:
    """Hand the scripts in a folder to the engine's client, in the order of their names."""
    script = "".join(path.read_text() for path in sorted(folder.glob("*.sql")))
    command = client_command(url)
    if "mysql" in url.partition(":")[0] or "mariadb" in url.partition(":")[0]:
        command = [command[0], command[1], "--local-infile=1", *command[2:]]
    done = subprocess.run(
        command,
        input=script,
        cwd=folder,
        env=client_environment(url),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert not done.returncode, done.stderr
    assert "ERROR" not in done.stderr.upper(), done.stderr


def load_all(toy: Toy, whole: Path, shards: int, *args: str, x: tuple[str, ...] = ()) -> Path:
    """Export in shards, each into a folder, put the files into one, and load that."""
    whole.mkdir()
    for number in range(1, shards + 1):
        part = whole.parent / f"{whole.name}-{number}"
        export(toy, part, f"--shard={number}/{shards}", *args, x=x)
        for path in part.iterdir():
            shutil.move(path, whole)
    load(toy.url, whole)
    return whole
