"""All that is TERP's: its tables (``schema``), a simulated business, its seeders and checks.

The rest of the package knows nothing of it; to take TERP out, delete this folder, the revisions in
``seed_revisions/`` and the two lines of ``alembic.ini`` that name it, then ``init --terp`` and what
``pyproject.toml`` packs for it.
"""
