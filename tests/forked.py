"""Commands in processes that are forked from one that has imported everything.

Each command is a process like any other, with its own arguments, environment, folder and streams;
what it spares is the second that imports take.  As a program, this module is the one that forks.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NoReturn

from servers import clean_environment

__all__ = ["Command", "run_forked"]

_PROGRAMS = ("alembic", "terp-seed")
_AT_START = ("PYTHON", "LC_", "LANG", "TZ", "LD_", "LOGURU", "COVERAGE", "FORCE_COLOR", "NO_COLOR")
"""What an interpreter or a library reads when it starts."""
_OTHER_PLACES = ("terp_seed.terp", "terp_seed.testing", "terp_seed.cli.mcp")
_LIBRARIES = (  # no drivers: a test may put another module in a driver's place
    "alembic.autogenerate",
    "alembic.config",
    "concurrent.futures.thread",
    "faker",
    "sqlalchemy.dialects.mysql",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
)


@dataclass(frozen=True)
class Command:
    """A command as a person types it, and where."""

    program: str
    args: Sequence[str]
    env: Mapping[str, str]
    folder: Path


def run_forked(
    command: Command, given: str | None, seconds: float
) -> subprocess.CompletedProcess[str] | None:
    """Run a command to its end; None if this one needs an interpreter that is new."""
    suits = command.program in _PROGRAMS and not _steers_the_start(command.env)
    if not suits or not _alone.acquire(blocking=False):
        return None
    try:
        return _forker().run(command, given, seconds)
    finally:
        _alone.release()


_alone = threading.Lock()
_running: list[_Forker] = []


def _steers_the_start(env: Mapping[str, str]) -> bool:
    """Whether something in a command's environment has to be there when Python starts."""
    usual = clean_environment()
    changed = {name for name in {*env, *usual} if env.get(name) != usual.get(name)}
    return any(name.startswith(_AT_START) for name in changed)


def _forker() -> _Forker:
    if not _running:
        _running.append(_Forker())
        atexit.register(_running[0].close)
    return _running[0]


class _Forker:
    """The process that forks; it ends when this one does."""

    def __init__(self) -> None:
        self._socket, other = socket.socketpair()
        with other:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(other.fileno())],
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[other.fileno()],
            )

    def run(
        self, command: Command, given: str | None, seconds: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; raises `TimeoutExpired` when it took longer, and kills it."""
        argv = [command.program, *command.args]
        with contextlib.ExitStack() as files:
            streams: list[IO[bytes]] = [files.enter_context(TemporaryFile()) for _ in range(3)]
            streams[0].write((given or "").encode())
            streams[0].seek(0)
            asked = json.dumps([argv, {**command.env}, str(command.folder)]).encode()
            numbers = [stream.fileno() for stream in streams]
            socket.send_fds(self._socket, [len(asked).to_bytes(8)], numbers)
            self._socket.sendall(asked)
            process = self._number()
            self._socket.settimeout(seconds)
            try:
                code = self._number()
            except TimeoutError:
                os.kill(process, signal.SIGKILL)
                self._socket.settimeout(None)
                self._number()
                raise subprocess.TimeoutExpired(argv, seconds) from None
            self._socket.settimeout(None)
            out, err = (_read(stream) for stream in streams[1:])
        return subprocess.CompletedProcess(argv, code, out, err)

    def _number(self) -> int:
        found = self._socket.recv(8, socket.MSG_WAITALL)
        if len(found) < 8:
            raise RuntimeError("the process that forks commands has ended")
        return int.from_bytes(found, signed=True)

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


def _read(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode().replace("\r\n", "\n")


# -- the process that forks


def _serve(asking: socket.socket) -> None:
    """Fork a process for each command, one after the other."""
    entries = _imported()
    gc.freeze()  # what all of them share is never copied for its reference counts
    while True:
        size, streams, _, _ = socket.recv_fds(asking, 8, 3)
        if len(size) < 8:
            return
        asked = json.loads(asking.recv(int.from_bytes(size), socket.MSG_WAITALL))
        process = os.fork()
        if not process:
            asking.close()
            _become(asked, streams, entries)
        asking.sendall(process.to_bytes(8, signed=True))
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(process, 0)
        asking.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, signed=True))


def _imported() -> dict[str, Callable[[], Any]]:
    """Import what commands import, and say where they begin."""
    import terp_seed

    for name in (*_LIBRARIES, *_modules(terp_seed.__path__)):
        importlib.import_module(name)
    from alembic.config import main

    from terp_seed.cli import run

    return {"alembic": main, "terp-seed": run}


def _modules(path: Any) -> Iterator[str]:
    for found in pkgutil.walk_packages(path, "terp_seed.", onerror=lambda name: None):
        if not found.name.startswith(_OTHER_PLACES):
            yield found.name


def _become(
    asked: Sequence[Any], streams: Sequence[int], entries: Mapping[str, Callable[[], Any]]
) -> NoReturn:
    """Be the command, to its end."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    (program, *args), env, folder = asked
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    scripts = Path(sys.executable).parent
    sys.argv, sys.path[0] = [str(scripts / program), *args], str(scripts)
    code = 1
    try:
        ended = entries[program]()
        code = ended if isinstance(ended, int) else 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else bool(end.code)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
