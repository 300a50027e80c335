"""The clients' portal.

Revision ID: 0012_portal
Revises: 0011_matching
"""

from alembic import op

from terp_seed.terp.schema import build

revision = "0012_portal"
down_revision = "0011_matching"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``0012_portal.json``; refused where one of them exists."""
    build.create(op.get_context(), revision)


def downgrade() -> None:
    """Drop the tables that the sandbox created."""
    build.drop(op.get_context(), revision)
