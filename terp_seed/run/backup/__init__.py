"""Backups before something is destroyed: the very rows, or the whole database.

A backup is a folder with a manifest.  It holds rows as they were, unmasked:
only its owner can read it, it stands outside the working tree, and it expires.
"""

from terp_seed.run.backup.folder import Backup, expire, listing, new_backup, place
from terp_seed.run.backup.rows import RowsBackup, rows_of, rows_where
from terp_seed.run.backup.run import RunBackup, wanted

__all__ = [
    "Backup",
    "RowsBackup",
    "RunBackup",
    "expire",
    "listing",
    "new_backup",
    "place",
    "rows_of",
    "rows_where",
    "wanted",
]
