"""Orders in the house: bags, the audit log, credit limits, corrected ledgers."""

from alembic import op

revision = "0012_house"
down_revision = "0011_workflow"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("house")


def downgrade() -> None:
    op.unseed()
