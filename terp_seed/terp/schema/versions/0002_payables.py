"""What is owed to suppliers.

Revision ID: 0002_payables
Revises: 0001_terp
"""

from alembic import op

from terp_seed.terp.schema import build

revision = "0002_payables"
down_revision = "0001_terp"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``0002_payables.json``; refused where one of them exists."""
    build.create(op.get_context(), revision)


def downgrade() -> None:
    """Drop the tables that the sandbox created."""
    build.drop(op.get_context(), revision)
