"""Roles and permissions.

Revision ID: 0008_people
Revises: 0007_house
"""

from alembic import op

from terp_seed.terp.schema import build

revision = "0008_people"
down_revision = "0007_house"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``0008_people.json``; refused where one of them exists."""
    build.create(op.get_context(), revision)


def downgrade() -> None:
    """Drop the tables that the sandbox created."""
    build.drop(op.get_context(), revision)
