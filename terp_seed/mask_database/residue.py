"""The copies of the originals that masking in place leaves behind, for each engine.

An UPDATE does not overwrite: a server keeps the old values in files of its
own until something is done about it.  The server is asked where it can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from terp_seed.database.session import Session

__all__ = ["copies"]

_Copy = tuple[str, str, str]


def copies(session: Session, tables: Sequence[str]) -> list[dict[str, str]]:
    """Where the originals of these tables may still be, what is known of it, and what to do."""
    sqlite = session.dialect.names == ("sqlite",)
    found = [*(_sqlite(session) if sqlite else _mysql(session, tables)), *_ELSEWHERE]
    return [dict(zip(("where", "now", "duty"), copy, strict=True)) for copy in found]


_UNKNOWN = "not known here"
_ELSEWHERE: tuple[_Copy, ...] = (
    (
        "the dump or backup that this copy was restored from",
        _UNKNOWN,
        "delete it, or keep it where production's own data may be kept",
    ),
    (
        "snapshots of the disk or virtual machine, and file-system copies",
        _UNKNOWN,
        "delete those made between the restore and now",
    ),
)


def _sqlite(session: Session) -> Iterator[_Copy]:
    journal = session.scalar("PRAGMA journal_mode")
    secure = session.scalar("PRAGMA secure_delete")
    yield (
        "free pages of the database file",
        f"secure_delete is {secure} (1: freed pages are overwritten)",
        "run VACUUM, which writes the file anew",
    )
    if journal == "wal":
        duty = "run PRAGMA wal_checkpoint(TRUNCATE), then close all connections"
        yield "the -wal file", "journal_mode is wal", duty
    else:
        duty = "none where journal_mode is delete; else delete the -journal file when all is closed"
        yield "the rollback journal", f"journal_mode is {journal}", duty


def _mysql(session: Session, tables: Sequence[str]) -> Iterator[_Copy]:
    names = ("log_bin", "general_log", "slow_query_log")
    on = {name: bool(session.scalar(f"SELECT @@{name}")) for name in names}
    states = [f"{name} is {'ON' if on[name] else 'OFF'}" for name in names]
    listed = ", ".join(map(session.dialect.quote, tables)) or "each masked table"
    yield (
        "table files: old row versions, pages not reused yet",
        f"{len(tables)} tables were masked",
        f"run OPTIMIZE TABLE {listed}, which writes them anew",
    )
    yield (
        "undo and redo log",
        "always present",
        "overwritten as the server runs; before the disk leaves your hands stop the server with "
        "innodb_fast_shutdown = 0 and delete its log files",
    )
    yield (
        "binary log: every row as it was and as it is",
        states[0],
        "once replicas have read it: PURGE BINARY LOGS BEFORE NOW()"
        if on["log_bin"]
        else "none, unless it was on while the copy was restored",
    )
    yield (
        "replicas and change-data-capture consumers",
        _UNKNOWN,
        "let them catch up, then do the same there",
    )
    yield (
        "general and slow query log: the statements of the restore",
        ", ".join(states[1:]),
        "truncate them if they were on while the copy was restored; masking itself writes masked "
        "values only",
    )
