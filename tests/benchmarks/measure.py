"""What a whole process costs: wall time, processor time and peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


class BenchmarkError(Exception):
    """A measured command failed."""


@dataclass(frozen=True)
class Cost:
    """Seconds, seconds of all cores, and megabytes."""

    wall: float
    cpu: float
    peak: float

    def as_dict(self) -> dict[str, float]:
        """The three figures by name."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def measured(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], output: Path | None = None
) -> Cost:
    """Run a command to its end; `BenchmarkError` with what it said if it fails.

    The peak is the kernel's; it is never less than this process's own, which
    is why nothing here may hold rows.
    """
    with tempfile.TemporaryFile() as said, Path(output or os.devnull).open("wb") as out:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=out if output else said,
            stderr=said,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            text = said.read().decode(errors="replace")[-4000:]
            raise BenchmarkError(f"{' '.join(command)} ended with {process.returncode}:\n{text}")
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Cost(wall, usage.ru_utime + usage.ru_stime, kilobytes / 1024)
