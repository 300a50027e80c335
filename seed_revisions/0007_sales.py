"""Sales: what was sold of each batch, and to whom."""

from alembic import op

revision = "0007_sales"
down_revision = "0006_payables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("sales")


def downgrade() -> None:
    op.unseed()
