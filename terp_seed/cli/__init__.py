"""The command ``terp-seed``, over the engine that ``alembic -n seed`` also runs.

Each command or family of commands has a module; ``group`` lists them, ``interface`` has what they
share.  Click is imported here only; the engine is imported by a command when it runs,
so that ``--help`` and completion are quick.
"""

from terp_seed.cli.group import main, run

__all__ = ["main", "run"]
