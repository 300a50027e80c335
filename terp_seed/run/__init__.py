"""The run itself, against a database (``live``) or as a script (``script``).

``executor`` performs one revision, ``writer`` inserts its rows, ``rollback`` removes them,
``dry_run`` counts what would happen, ``backup`` keeps what a rollback removes.
"""
