"""The advisory lock of MySQL and MariaDB."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

from terp_seed.database.dialects.sessions import Lock
from terp_seed.errors import LockError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["LOCK_NAME", "NODES_SHARE_LOCKS", "NamedLock"]

# At most 64 characters, and never another database's name cut short.  MySQL 9.6 has no MD5().
LOCK_NAME = (
    "CONCAT('terp_seed:', IF(CHAR_LENGTH(DATABASE()) <= 54, DATABASE(), "
    "LEFT(SHA2(DATABASE(), 256), 54)))"
)
NODES_SHARE_LOCKS = (
    "(/*M!100000 SELECT COUNT(*) FROM information_schema.SESSION_VARIABLES WHERE VARIABLE_NAME = "
    "'WSREP_ON' AND VARIABLE_VALUE = 'ON' */ "
    "/*!80000 SELECT COUNT(*) FROM performance_schema.global_variables n JOIN "
    "performance_schema.global_variables m ON m.VARIABLE_NAME = "
    "'group_replication_single_primary_mode' AND m.VARIABLE_VALUE = 'OFF' WHERE n.VARIABLE_NAME = "
    "'group_replication_group_name' AND n.VARIABLE_VALUE <> '' */) = 0"
)
"""What a script asks before it relies on the lock, each server what it knows of."""
_SLICE_SECONDS = 1.0  # a wait that Ctrl-C can interrupt between two of these


# A named lock lives on one node: on a multi-primary cluster two runs both get it.
_EXCLUDES_NOBODY: tuple[tuple[Callable[[Mapping[str, str]], bool], str], ...] = (
    (
        lambda found: found.get("wsrep_on") == "ON",
        "this is a Galera cluster: its nodes do not share locks; seed one of them while it is out "
        "of the cluster",
    ),
    (
        lambda found: (
            found.get("group_replication_group_name", "") != ""
            and found["group_replication_single_primary_mode"] == "OFF"
        ),
        "this is a multi-primary group: its members do not share locks",
    ),
)


def _refuse_where_it_excludes_nobody(connection: Connection) -> None:
    rows = connection.exec_driver_sql(
        "SHOW VARIABLES WHERE Variable_name IN "
        "('wsrep_on', 'group_replication_single_primary_mode', 'group_replication_group_name')"
    )
    found = {name.lower(): value for name, value in rows}
    for is_so, why in _EXCLUDES_NOBODY:
        if is_so(found):
            raise LockError(why)


class NamedLock(Lock):
    """``GET_LOCK`` on the run's own connection: gone when the connection is."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def acquire(self, seconds: float) -> bool:
        _refuse_where_it_excludes_nobody(self._connection)
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
        _refuse_where_it_excludes_nobody(self._connection)
        return bool(self._ask(f"SELECT IS_USED_LOCK({LOCK_NAME}) IS NOT NULL"))

    def _ask(self, sql: str) -> Any:
        return self._connection.exec_driver_sql(sql).scalar()
