"""Backups before rows are deleted or masked: of those rows, or of the whole database.

A backup is a folder with a manifest (``folder``).  It holds unmasked rows: only its owner can read
it, it is outside the working tree, and it expires.  ``run`` makes one, ``rows`` writes rows as
INSERT statements, and ``restore`` reads them back.
"""
