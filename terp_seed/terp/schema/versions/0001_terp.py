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
    """Create the tables, where none of them is somebody else's."""
    build.create(op.get_context())


def downgrade() -> None:
    """Drop the tables that the sandbox created."""
    build.drop(op.get_context())
