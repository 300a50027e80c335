"""Needs, supply and what matches.

Revision ID: 0011_matching
Revises: 0010_talk
"""

from alembic import op

from terp_seed.terp.schema import build

revision = "0011_matching"
down_revision = "0010_talk"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``0011_matching.json``; refused where one of them exists."""
    build.create(op.get_context(), revision)


def downgrade() -> None:
    """Drop the tables that the sandbox created."""
    build.drop(op.get_context(), revision)
