"""Purchasing: orders to suppliers, and how their goods were taken in."""

from alembic import op

revision = "0009_purchasing"
down_revision = "0008_returns"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("purchasing")


def downgrade() -> None:
    op.unseed()
