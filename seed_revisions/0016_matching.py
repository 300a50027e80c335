"""What clients look for, what suppliers offer, and what fits together."""

from alembic import op

revision = "0016_matching"
down_revision = "0015_talk"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("matching")


def downgrade() -> None:
    op.unseed()
