"""The run itself, against a database (``online``) or as a script (``offline``).

``executor`` performs one revision, ``writer`` inserts its rows, ``rollback`` removes them,
``dry_run`` counts what would happen, ``backup`` keeps what a rollback removes.
"""
