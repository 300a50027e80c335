"""The Alembic environment of the seeds; all of it is in the package."""

from terp_seed.environment import run

run()
