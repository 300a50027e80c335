"""What was sold of each batch.

Revision ID: 0003_sales
Revises: 0002_payables
"""

from alembic import op

from terp_seed.terp.schema import build

revision = "0003_sales"
down_revision = "0002_payables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``0003_sales.json``; refused where one of them exists."""
    build.create(op.get_context(), revision)


def downgrade() -> None:
    """Drop the tables that the sandbox created."""
    build.drop(op.get_context(), revision)
