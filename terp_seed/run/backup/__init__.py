"""Backups before rows are deleted or masked: of those rows, or of the whole database.

A backup is a folder with a manifest.  It holds unmasked rows: only its owner can read it, it is
outside the working tree, and it expires.
"""

from terp_seed.run.backup.folder import Backup, expire, listing, new_backup
from terp_seed.run.backup.rows import StoredRows, rows_file
from terp_seed.run.backup.run import RunBackup, create_backup, wanted

__all__ = [
    "Backup",
    "RunBackup",
    "StoredRows",
    "create_backup",
    "expire",
    "listing",
    "new_backup",
    "rows_file",
    "wanted",
]
