"""Samples.

Revision ID: 0006_samples
Revises: 0005_purchasing
"""

from alembic import op

from terp_seed.terp.schema import build

revision = "0006_samples"
down_revision = "0005_purchasing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``0006_samples.json``; refused where one of them exists."""
    build.create(op.get_context(), revision)


def downgrade() -> None:
    """Drop the tables that the sandbox created."""
    build.drop(op.get_context(), revision)
