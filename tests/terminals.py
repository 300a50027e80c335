"""Commands on a pseudo-terminal, answered as a person would."""

from __future__ import annotations

import os
import pty
import subprocess
from typing import NamedTuple

from projects import Project


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
