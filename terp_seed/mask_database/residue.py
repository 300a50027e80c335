"""The copies of the originals that masking in place leaves behind, for each engine.

An UPDATE does not overwrite: a server keeps the old values in files of its
own until something is done about it.  The server is asked where it can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from terp_seed.database.dialects import Copy
from terp_seed.database.session import Session

__all__ = ["copies"]

_UNKNOWN = "not known here"
_ELSEWHERE = (
    Copy(
        "the dump or backup that this copy was restored from",
        _UNKNOWN,
        "delete it, or keep it where production's own data may be kept",
    ),
    Copy(
        "snapshots of the disk or virtual machine, and file-system copies",
        _UNKNOWN,
        "delete those made between the restore and now",
    ),
)


def copies(session: Session, tables: Sequence[str]) -> list[dict[str, str]]:
    """Where the originals of these tables may still be, what is known of it, and what to do."""
    found = [*session.dialect.copies(session.connection, tables), *_ELSEWHERE]
    return [asdict(copy) for copy in found]
