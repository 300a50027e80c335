"""Alembic runs this file for the ``[alembic]`` section; the work is in the package."""

from __future__ import annotations

from terp_seed.terp.schema.run import run

run()
