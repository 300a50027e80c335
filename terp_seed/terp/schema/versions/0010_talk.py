"""Tasks, comments, notifications and notes.

Revision ID: 0010_talk
Revises: 0009_calendar
"""

from alembic import op

from terp_seed.terp.schema import build

revision = "0010_talk"
down_revision = "0009_calendar"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``0010_talk.json``; refused where one of them exists."""
    build.create(op.get_context(), revision)


def downgrade() -> None:
    """Drop the tables that the sandbox created."""
    build.drop(op.get_context(), revision)
