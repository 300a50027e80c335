"""How large a transaction may be on MySQL and MariaDB: what the binary log or the cluster takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from terp_seed.database.dialects.model import TransactionLimit

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["transaction_limit"]

_UNLIMITED = 2**62
_NAMES = (
    *("wsrep_on", "wsrep_max_ws_size"),
    *("group_replication_group_name", "group_replication_transaction_size_limit"),
    *("log_bin", "max_binlog_cache_size", "binlog_format"),
    *("binlog_annotate_row_events", "binlog_rows_query_log_events"),
)


def transaction_limit(connection: Connection) -> TransactionLimit | None:
    """The least of the server's limits, and what of a statement counts; None without one."""
    names = ", ".join(f"'{name}'" for name in _NAMES)
    rows = connection.exec_driver_sql(f"SHOW VARIABLES WHERE Variable_name IN ({names})")
    found = {name.lower(): value for name, value in rows}
    bytes_and_names = sorted(_limits(found))
    if not bytes_and_names:
        return None
    as_text = found.get("binlog_format") == "STATEMENT"
    annotated = ("binlog_annotate_row_events", "binlog_rows_query_log_events")
    return TransactionLimit(
        *bytes_and_names[0],
        texts=as_text or any(found.get(name) == "ON" for name in annotated),
        images=not as_text,
    )


def _limits(found: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    for applies, name in (
        (found.get("wsrep_on") == "ON", "wsrep_max_ws_size"),
        (
            bool(found.get("group_replication_group_name")),
            "group_replication_transaction_size_limit",
        ),
        (found.get("log_bin") == "ON", "max_binlog_cache_size"),
    ):
        most = int(found.get(name, 0)) if applies else 0
        if 0 < most < _UNLIMITED:
            yield most, name
