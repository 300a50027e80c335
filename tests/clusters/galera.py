"""A Galera cluster on the loopback address, each node a private MariaDB server."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from servers import HOST, MariaDB, ServerError, free_port

SYNCED: Final = 4
"""The state in which a node is a full member."""
JOIN_SECONDS: Final = 60


def provider() -> str:
    """The library that makes a server a node."""
    return os.environ.get("TERP_SEED_TEST_GALERA_PROVIDER", "/usr/lib/galera/libgalera_smm.so")


class Node(MariaDB):
    """A server of the cluster; all but the first get their data from another one."""

    def __init__(self, number: int, first: Node | None, address: str, *options: str) -> None:
        self.first, self.group_port = first, _port_of(address, number)
        addresses = "" if first is None else address
        super().__init__(
            "--wsrep-on=ON",
            f"--wsrep-provider={provider()}",
            f"--wsrep-cluster-address=gcomm://{addresses}",
            f"--wsrep-node-address={HOST}:{self.group_port}",
            f"--wsrep-node-name=node{number}",
            f"--wsrep-sst-receive-address={HOST}:{free_port()}",
            "--wsrep-sst-method=rsync",
            "--wsrep-provider-options="
            f"gmcast.listen_addr=tcp://{HOST}:{self.group_port};ist.recv_addr={HOST}:{free_port()};"
            # a node that was killed is given up soon
            "evs.keepalive_period=PT0.5S;evs.suspect_timeout=PT2S;evs.inactive_timeout=PT4S;"
            "gcache.size=64M",
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
            *options,
        )

    def resume(self) -> None:
        """Start the server again, as a node that finds the others."""
        self.options = tuple(
            option.replace("gcomm://", f"gcomm://{HOST}:{self.peer}")
            if option.endswith("=gcomm://")
            else option
            for option in self.options
        )
        super().resume()
        self.await_synced()

    peer: int = 0
    """The port of another node, for the first one when it comes back."""

    def await_synced(self) -> None:
        """Wait until the node takes part."""
        until = time.monotonic() + JOIN_SECONDS
        while self.status("wsrep_local_state") != str(SYNCED):
            if time.monotonic() > until:
                raise ServerError(f"the node did not join:\n{self.log()}")
            time.sleep(0.1)

    def status(self, name: str) -> str:
        """What the server says of itself."""
        return str(self.execute(f"SHOW STATUS LIKE '{name}'")[0][1])

    def _start_on_a_free_port(self) -> None:
        if self.first is None:
            super()._start_on_a_free_port()
        else:
            self.password, self.root_password = self.first.password, self.first.root_password
            self._start()
        self.await_synced()


def _port_of(address: str, number: int) -> int:
    return int(address.split(",")[number].rpartition(":")[2])


class Galera:
    """A cluster of so many nodes; gone when it is left."""

    def __init__(self, count: int = 3, *options: str) -> None:
        self._stack = ExitStack()
        address = ",".join(f"{HOST}:{free_port()}" for _ in range(count))
        self.nodes: list[Node] = []
        try:
            for number in range(count):
                first = self.nodes[0] if self.nodes else None
                node = Node(number, first, address, *options)
                self.nodes.append(self._stack.enter_context(node))
        except BaseException:
            self._stack.close()
            raise
        self.nodes[0].peer = self.nodes[-1].group_port

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def create(self, database: str) -> list[str]:
        """Make an empty database, and return its URL on each node."""
        self.nodes[0].create(database)
        time.sleep(0.2)
        return [node.url(database) for node in self.nodes]
