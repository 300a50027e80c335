"""Payables: what suppliers are owed, their bills, and what they were paid."""

from alembic import op

revision = "0006_payables"
down_revision = "0005_orders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("payables")


def downgrade() -> None:
    op.unseed()
