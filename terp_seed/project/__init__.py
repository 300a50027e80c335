"""Tools around a project, found from its alembic.ini.

``project`` finds the seed section and calls Alembic's commands on it, ``init`` and ``new_revision``
write files, ``operation_text`` the text of operations.  ``datasets`` reads the rows there shall be,
``dataset_changes`` compares them with the chain, ``autogenerate`` makes a revision of what differs,
``dataset_import`` makes a dataset of rows that exist.  ``schema_env`` reads the schema's env.py,
``check`` and ``prove`` test the seeds before a run (``causes`` name why they differ),
``round_trip`` seeds in a transaction that is rolled back, ``reseed`` rolls back and seeds again,
``reset`` puts rows back, ``squash`` makes one revision of several, ``status`` reads a database,
``restamp`` makes it another environment.
"""
