"""The advisory lock of MySQL and MariaDB, and the lock row for their clusters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

from terp_seed.database.dialects.scripts import Scripts
from terp_seed.database.dialects.sessions import Lock
from terp_seed.errors import LockError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["LOCK_NAME", "LockRow", "NamedLock"]

# At most 64 characters, and never another database's name cut short.  MySQL 9.6 has no MD5().
LOCK_NAME = (
    "CONCAT('terp_seed:', IF(CHAR_LENGTH(DATABASE()) <= 54, DATABASE(), "
    "LEFT(SHA2(DATABASE(), 256), 54)))"
)
_NODES_SHARE_LOCKS = (
    "(/*M!100000 SELECT COUNT(*) FROM information_schema.SESSION_VARIABLES WHERE VARIABLE_NAME = "
    "'WSREP_ON' AND VARIABLE_VALUE = 'ON' */ "
    "/*!80000 SELECT COUNT(*) FROM performance_schema.global_variables n JOIN "
    "performance_schema.global_variables m ON m.VARIABLE_NAME = "
    "'group_replication_single_primary_mode' AND m.VARIABLE_VALUE = 'OFF' WHERE n.VARIABLE_NAME = "
    "'group_replication_group_name' AND n.VARIABLE_VALUE <> '' */) = 0"
)
"""What a script asks before it relies on the lock alone, each server what it knows of."""
_SLICE_SECONDS = 1.0  # a wait that Ctrl-C can interrupt between two of these


# A named lock lives on one node: on a multi-primary cluster two runs both get it.
_CLUSTERS: tuple[tuple[Callable[[Mapping[str, str]], bool], str], ...] = (
    (lambda found: found.get("wsrep_on") == "ON", "a Galera cluster"),
    (
        lambda found: (
            found.get("group_replication_group_name", "") != ""
            and found["group_replication_single_primary_mode"] == "OFF"
        ),
        "a multi-primary group",
    ),
)
_SYNCED = "4"

# Who writes the row: a connection of a server.  Asked again before the commit, by another
# connection or another server it is answered differently.
_HOLDER = "CONCAT(@@hostname, ':', @@port, '/', CONNECTION_ID())"


class LockRow(Scripts):
    """The scripts' lock, and the row that excludes another run where no lock does.

    No run holds the row: each transaction that writes a revision counts it up.  The nodes of a
    cluster let one of two such transactions commit, and undo the other at its COMMIT or before.
    (``SELECT ... FOR UPDATE`` without a write does not exclude another run there.)
    """

    takes_turns = True

    def take_lock(self, seconds: float) -> list[str]:
        return [self.guard(f"COALESCE(GET_LOCK({LOCK_NAME}, {seconds:g}), 0) = 1")]

    def drop_lock(self) -> list[str]:
        return [f"DO RELEASE_LOCK({LOCK_NAME})"]

    def nodes_share_locks(self) -> list[str]:
        return [self.guard(_NODES_SHARE_LOCKS)]

    def take_turn(self, table: str) -> list[str]:
        return [
            f"INSERT INTO {table} (id, turn, holder) VALUES (1, 1, {_HOLDER}) "
            f"ON DUPLICATE KEY UPDATE turn = turn + 1, holder = {_HOLDER}"
        ]

    def has_turn(self, table: str) -> str:
        return f"(SELECT holder FROM {table} WHERE id = 1) = {_HOLDER}"


def _cluster(connection: Connection) -> str:
    """What kind of cluster this is, if its nodes do not share locks; else empty."""
    rows = connection.exec_driver_sql(
        "SHOW VARIABLES WHERE Variable_name IN "
        "('wsrep_on', 'group_replication_single_primary_mode', 'group_replication_group_name')"
    )
    found = {name.lower(): value for name, value in rows}
    return next((name for is_so, name in _CLUSTERS if is_so(found)), "")


def _refuse_out_of_sync(connection: Connection) -> None:
    """A node that lags or is apart takes a run's work, and undoes it at the end."""
    rows = connection.exec_driver_sql(
        "SHOW STATUS WHERE Variable_name IN "
        "('wsrep_ready', 'wsrep_local_state', 'wsrep_local_state_comment')"
    )
    found = {name.lower(): value for name, value in rows}
    if found.get("wsrep_ready") != "ON" or found.get("wsrep_local_state") != _SYNCED:
        state = found.get("wsrep_local_state_comment") or "not ready"
        raise LockError(
            f"this node of a Galera cluster is not in sync ({state}); connect to one that is, or "
            "wait until it is Synced"
        )


class NamedLock(Lock):
    """``GET_LOCK`` on the run's own connection: gone when the connection is."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def acquire(self, seconds: float) -> bool:
        if self.apart() == _CLUSTERS[0][1]:
            _refuse_out_of_sync(self._connection)
        until = monotonic() + seconds
        while True:
            left = max(0.0, until - monotonic())
            answer = self._ask(f"SELECT GET_LOCK({LOCK_NAME}, {min(left, _SLICE_SECONDS):.2f})")
            if answer is None:
                raise LockError("the server could not say whether the lock is free; try again")
            if answer or not left:
                return bool(answer)

    def owned(self) -> bool:
        return bool(self._ask(f"SELECT IS_USED_LOCK({LOCK_NAME}) = CONNECTION_ID()"))

    def release(self) -> None:
        self._ask(f"SELECT RELEASE_LOCK({LOCK_NAME})")

    def taken(self) -> bool:
        return bool(self._ask(f"SELECT IS_USED_LOCK({LOCK_NAME}) IS NOT NULL"))

    def apart(self) -> str:
        return _cluster(self._connection)

    def _ask(self, sql: str) -> Any:
        return self._connection.exec_driver_sql(sql).scalar()
