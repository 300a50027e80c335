"""The copies of the originals that masking in place leaves behind, for each engine.

An UPDATE does not overwrite: a server keeps what was there in files of its
own until something is done about it.  Asked of the server is what can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from terp_seed.database.session import Session

__all__ = ["Copy", "copies"]


@dataclass(frozen=True)
class Copy:
    """One place that may still hold originals, and what to do about it."""

    where: str
    now: str
    """What the database says of it."""
    duty: str


def copies(session: Session, tables: Sequence[str]) -> list[Copy]:
    """Where the originals of these tables may still be."""
    made = _sqlite(session) if session.dialect.names == ("sqlite",) else _mysql(session, tables)
    return [
        *made,
        Copy(
            "the dump or backup that this copy was restored from",
            "not known here",
            "delete it, or keep it where production's own data may be kept",
        ),
        Copy(
            "snapshots of the disk or virtual machine, and file-system copies",
            "not known here",
            "delete those made between the restore and now",
        ),
    ]


def _sqlite(session: Session) -> list[Copy]:
    journal = session.scalar("PRAGMA journal_mode")
    secure = session.scalar("PRAGMA secure_delete")
    made = [
        Copy(
            "free pages of the database file",
            f"secure_delete is {secure} (1: freed pages are overwritten)",
            "run VACUUM, which writes the file anew",
        )
    ]
    if journal == "wal":
        duty = "run PRAGMA wal_checkpoint(TRUNCATE), then close all connections"
        return [*made, Copy("the -wal file", "journal_mode is wal", duty)]
    duty = (
        "none where journal_mode is delete; otherwise delete the -journal file when all is closed"
    )
    return [*made, Copy("the rollback journal", f"journal_mode is {journal}", duty)]


def _mysql(session: Session, tables: Sequence[str]) -> list[Copy]:
    names = ("log_bin", "general_log", "slow_query_log")
    on = {name: bool(session.scalar(f"SELECT @@{name}")) for name in names}
    listed = ", ".join(map(session.dialect.quote, tables)) or "each masked table"
    return [
        Copy(
            "table files: old row versions, pages not reused yet",
            f"{len(tables)} tables were masked",
            f"run OPTIMIZE TABLE {listed}, which writes them anew",
        ),
        Copy(
            "undo and redo log",
            "always there",
            "written over as the server goes on; before the disk leaves your hands stop the server "
            "with innodb_fast_shutdown = 0 and delete its log files",
        ),
        Copy(
            "binary log: every row as it was and as it is",
            "log_bin is ON" if on["log_bin"] else "log_bin is OFF",
            "once replicas have read it: PURGE BINARY LOGS BEFORE NOW()"
            if on["log_bin"]
            else "none, unless it was on while the copy was restored",
        ),
        Copy(
            "replicas and change-data-capture consumers",
            "not known here",
            "let them catch up, then do the same there",
        ),
        Copy(
            "general and slow query log: the statements of the restore",
            ", ".join(f"{name} is {'ON' if on[name] else 'OFF'}" for name in names[1:]),
            "truncate them if they were on while the copy was restored; masking itself writes "
            "masked values only",
        ),
    ]
