"""Inventory: where batches lie, and the movements that brought them in."""

from alembic import op

revision = "0004_inventory"
down_revision = "0003_batches"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("inventory")


def downgrade() -> None:
    op.unseed()
