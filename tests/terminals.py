"""Commands on a pseudo-terminal, answered as a person would."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import threading
from typing import NamedTuple

from projects import Project
from toys import Toy

from terp_seed.cli import main


class Said(NamedTuple):
    """What a command printed, and how it ended."""

    code: int
    text: str


def typed(project: Project, *command: str, after: str, answer: str) -> Said:
    """Run a command on a terminal; when it has printed `after`, type `answer` and Enter."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        project.command(*command),
        cwd=project.path,
        env=project.environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said, answered = b"", False
    while True:
        try:
            said += os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not answered and after.encode() in said:
            os.write(ours, f"{answer}\n".encode())
            answered = True
    os.close(ours)
    return Said(process.wait(timeout=30), said.decode(errors="replace"))


def shown(toy: Toy, *args: str) -> str:
    """Run `terp-seed ARGS` in this process, on a terminal; what it printed, escapes and all."""
    ours, theirs = pty.openpty()
    said: list[bytes] = []

    def read() -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while chunk := os.read(ours, 4096):
                said.append(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    path = list(sys.path)
    with (
        os.fdopen(theirs, "w", encoding="utf-8") as screen,
        contextlib.redirect_stdout(screen),
        contextlib.redirect_stderr(screen),
        contextlib.suppress(SystemExit),
    ):
        main(toy.words(*args), prog_name="terp-seed")
    sys.path[:] = path
    reader.join()
    os.close(ours)
    return b"".join(said).decode().replace("\r\n", "\n")
