"""The calendar: intakes, photographs, visits and deliveries, past and to come."""

from alembic import op

revision = "0014_calendar"
down_revision = "0013_people"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("calendar")


def downgrade() -> None:
    op.unseed()
