"""Returns: what came back, what went on to suppliers, and the credits of clients."""

from alembic import op

revision = "0008_returns"
down_revision = "0007_sales"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("returns")


def downgrade() -> None:
    op.unseed()
