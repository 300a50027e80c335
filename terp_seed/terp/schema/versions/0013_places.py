"""Places, catalogue, prices and pictures.

Revision ID: 0013_places
Revises: 0012_portal
"""

from alembic import op

from terp_seed.terp.schema import build

revision = "0013_places"
down_revision = "0012_portal"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``0013_places.json``; refused where one of them exists."""
    build.create(op.get_context(), revision)


def downgrade() -> None:
    """Drop the tables that the sandbox created."""
    build.drop(op.get_context(), revision)
