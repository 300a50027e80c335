"""The Alembic environment of the seeds."""

from terp_seed.environment import run

run()
