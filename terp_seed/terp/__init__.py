"""All that is TERP's: its tables (``schema``), a simulated business, its seeders and checks.

The rest of the package knows nothing of it; to take TERP out, delete this folder, ``seeds/``,
``seed_revisions/`` and the two names in ``alembic.ini``.
"""
