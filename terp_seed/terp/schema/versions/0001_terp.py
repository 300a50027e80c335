"""The TERP tables.

Revision ID: 0001_terp
Revises:
"""

from alembic import op

from terp_seed.terp.schema import build

revision = "0001_terp"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``0001_terp.json``; refused where one of them exists."""
    build.create(op.get_context(), revision)


def downgrade() -> None:
    """Drop the tables that the sandbox created."""
    build.drop(op.get_context(), revision)
