"""All that is TERP's: its tables, a simulated business, its seeders and checks.

``schema`` creates the tables, ``simulation`` makes up the business, ``seeders`` describe its rows
by means of ``table``, ``checks`` declare what must hold; ``overlays`` put other values into some
rows, and ``extremes`` are those of the edge scenario.

The rest of the package imports nothing of it.  To take TERP out, delete

* ``terp_seed/terp/``, ``seed_revisions/``, ``seeds/`` and ``alembic.ini``, of which ``terp-seed
  init`` writes others, without TERP;
* the lines with ``terp_seed/own/`` in ``[tool.hatch.build.targets.wheel.force-include]`` of
  ``pyproject.toml``;
* ``tests/test_terp_*.py`` and the other tests that seed TERP's tables.

What is left then does no harm: ``terp-seed init --terp`` refuses, and two modules of
``terp_seed/database/`` know the sandbox's version table by its name.
"""
