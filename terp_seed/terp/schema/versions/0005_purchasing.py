"""Purchase orders, and intake.

Revision ID: 0005_purchasing
Revises: 0004_returns
"""

from alembic import op

from terp_seed.terp.schema import build

revision = "0005_purchasing"
down_revision = "0004_returns"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``0005_purchasing.json``; refused where one of them exists."""
    build.create(op.get_context(), revision)


def downgrade() -> None:
    """Drop the tables that the sandbox created."""
    build.drop(op.get_context(), revision)
