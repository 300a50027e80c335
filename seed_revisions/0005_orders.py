"""Orders: quotes, sales and what follows from them, down to the payment."""

from alembic import op

revision = "0005_orders"
down_revision = "0004_inventory"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("orders")


def downgrade() -> None:
    op.unseed()
