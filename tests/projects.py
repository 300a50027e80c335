"""A working copy of the project, and commands run in it as a person would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from forked import Command, run_forked
from servers import clean_environment

#: The revisions of TERP's chain, oldest first.
CHAIN = sorted(
    path.stem for path in (Path(__file__).resolve().parent.parent / "seed_revisions").glob("*.py")
)


class Project:
    """A copy of the project's files in a folder of its own, and commands run there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        #: What every command gets on top of the clean environment.
        self.env: dict[str, str] = {}
        self._started: list[subprocess.Popen[str]] = []

    def command(self, program: str, *args: str) -> list[str]:
        """Return the command line of a program of this interpreter's environment."""
        if program == "python":
            return [sys.executable, *args]
        return [str(Path(sys.executable).parent / program), *args]

    def environment(self, env: dict[str, str] | None = None) -> dict[str, str]:
        """Return the environment a command runs in."""
        clean = clean_environment()
        clean["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{clean.get('PATH', os.defpath)}"
        return {**clean, **self.env, **(env or {})}

    def run(
        self,
        program: str,
        *args: str,
        env: dict[str, str] | None = None,
        check: bool = True,
        timeout: float = 120,
        input: str | None = None,  # noqa: A002 - subprocess's own word
    ) -> subprocess.CompletedProcess[str]:
        """Run `alembic`, `terp-seed` or `python` in the project's folder, to its end.

        Without `input` its standard input is empty. With `check` a code other than 0 fails the test
        and shows what was printed.
        """
        environment = self.environment(env)
        result = run_forked(Command(program, args, environment, self.path), input, timeout)
        if result is None:
            result = subprocess.run(
                self.command(program, *args),
                check=False,
                cwd=self.path,
                env=environment,
                capture_output=True,
                encoding="utf-8",
                timeout=timeout,
                **({"stdin": subprocess.DEVNULL} if input is None else {"input": input}),
            )
        if check and result.returncode:
            pytest.fail(
                f"{program} {' '.join(args)} ended with {result.returncode}\n"
                f"--- stdout\n{result.stdout}\n--- stderr\n{result.stderr}"
            )
        return result

    def start(
        self, program: str, *args: str, env: dict[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a command in the project's folder and return it, for races and kills.

        It leads a process group of its own, and what still runs when the test ends is killed.
        """
        process = subprocess.Popen(
            self.command(program, *args),
            cwd=self.path,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def close(self) -> None:
        """Kill what `start` started and nobody waited for."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()
