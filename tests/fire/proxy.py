"""A TCP proxy before a server, through which a test loses or stalls what it wants."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType

from servers import HOST

#: How a query begins: MySQL says so behind the packet's length and number, PostgreSQL at once. The
#: statement is the sixth byte on, of either.
_QUERY = 3
_POSTGRESQL_QUERY = ord("Q")


class Proxy:
    """Passes bytes on in both directions, until told otherwise.

    `cut_at(statement)` cuts the connection when the client sends a statement that begins so: before
    the server sees it, or, with `answered`, once the server has carried it out and its answer is
    on its way back. `stall()` keeps everything back.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._flowing = threading.Event()
        self._flowing.set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._cut: tuple[bytes, bool, int] | None = None
        #: How many connections were cut at their statement.
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.close()
        self._flowing.set()
        self.cut()

    def url(self, url: str) -> str:
        """Return the URL of the same database through the proxy."""
        return url.replace(f":{self._target}/", f":{self.port}/")

    def stall(self) -> None:
        """Keep back what comes from now on, from either side."""
        self._flowing.clear()

    def flow(self) -> None:
        """Let go what was kept back."""
        self._flowing.set()

    def cut(self) -> None:
        """Cut every connection."""
        for pair in self._pairs:
            _close(*pair)

    def cut_at(self, statement: str, *, answered: bool, after: int = 0) -> None:
        """Cut at the next statement that begins so, when `after` others have passed."""
        self._cut = (statement.encode(), answered, after)

    # -- how

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((HOST, self._target))
                self._pairs.append((client, server))
                state = _State()
                self._pump(client, server, lambda data, s=state: self._asked(data, s))
                self._pump(server, client, lambda data, s=state: not s.doomed)

    def _pump(
        self, source: socket.socket, target: socket.socket, passes: Callable[[bytes], bool]
    ) -> None:
        def pump() -> None:
            with contextlib.suppress(OSError):
                while data := source.recv(1 << 16):
                    self._flowing.wait()
                    if not passes(data):
                        self.cuts += 1
                        break
                    target.sendall(data)
            _close(source, target)

        threading.Thread(target=pump, daemon=True).start()

    def _asked(self, data: bytes, state: _State) -> bool:
        """Whether what the client sends may pass."""
        if self._cut is None or len(data) < 5:
            return True
        if data[4] != _QUERY and data[0] != _POSTGRESQL_QUERY:
            return True
        statement, answered, after = self._cut
        if not data[5:].startswith(statement):
            return True
        if after:
            self._cut = (statement, answered, after - 1)
            return True
        self._cut = None
        state.doomed = True
        return answered


class _State:
    """Whether the next answer of a connection is lost."""

    doomed = False


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
