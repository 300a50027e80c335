"""The copies of the originals that masking in place leaves behind, for each engine.

An UPDATE does not overwrite: a server keeps what was there in files of its
own until something is done about it.  Asked of the server is what can be.
"""

from __future__ import annotations

from collections.abc import Sequence

from terp_seed.database.dialects import Copy
from terp_seed.database.session import Session

__all__ = ["copies"]


def copies(session: Session, tables: Sequence[str]) -> list[Copy]:
    """Where the originals of these tables may still be."""
    return [
        *session.dialect.copies(session.connection, tables),
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
