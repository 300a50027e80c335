"""Tools around a project, found from its alembic.ini.

``project`` finds the seed section and calls Alembic's commands on it, ``init`` and ``new_revision``
write files, ``check`` and ``prove`` test the seeds before a run, ``round_trip`` seeds in a
transaction that is rolled back, ``status`` reads a database, ``pytest_plugin`` has fixtures.
"""
