"""The command ``terp-seed``: the friendly face of the engine that ``alembic -n seed`` drives.

One module for each command or family of commands.  Click is imported here and
nowhere else in the package; the engine is imported by a command when it runs,
so that ``--help`` and completion are quick.
"""

from terp_seed.cli.group import main, run

__all__ = ["main", "run"]
