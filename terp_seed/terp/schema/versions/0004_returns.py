"""What came back, and credits.

Revision ID: 0004_returns
Revises: 0003_sales
"""

from alembic import op

from terp_seed.terp.schema import build

revision = "0004_returns"
down_revision = "0003_sales"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``0004_returns.json``; refused where one of them exists."""
    build.create(op.get_context(), revision)


def downgrade() -> None:
    """Drop the tables that the sandbox created."""
    build.drop(op.get_context(), revision)
