"""The calendar.

Revision ID: 0009_calendar
Revises: 0008_people
"""

from alembic import op

from terp_seed.terp.schema import build

revision = "0009_calendar"
down_revision = "0008_people"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``0009_calendar.json``; refused where one of them exists."""
    build.create(op.get_context(), revision)


def downgrade() -> None:
    """Drop the tables that the sandbox created."""
    build.drop(op.get_context(), revision)
