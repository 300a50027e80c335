"""Tools around a project: ``init``, new revisions, ``check``, ``prove`` and the pytest plugin.

``project`` finds the seed section from its alembic.ini and calls Alembic's commands on it.
"""
