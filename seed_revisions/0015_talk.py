"""Tasks, remarks, notices, and what was said to clients."""

from alembic import op

revision = "0015_talk"
down_revision = "0014_calendar"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("talk")


def downgrade() -> None:
    op.unseed()
