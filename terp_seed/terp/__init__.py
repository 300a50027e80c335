"""All that is TERP's: its tables, a simulated business, its seeders and checks.

``schema`` creates the tables, ``simulation`` makes up the business, ``seeders`` describe its rows
by means of ``table``, ``checks`` declare what must hold.

The rest of the package imports nothing of it; to take TERP out, delete this folder, the revisions
in ``seed_revisions/`` and the two lines of ``alembic.ini`` that name it, then ``init --terp`` and
what ``pyproject.toml`` packs for it.
"""
