"""The run itself, against a database (``live``) or printed (``script``).

``executor`` executes one revision, ``writer`` inserts its rows, ``rollback`` removes them,
``dry_run`` counts what would happen, ``backup`` keeps what a rollback removes.
"""
