"""Batches: lots and the batches taken in."""

from alembic import op

revision = "0003_batches"
down_revision = "0002_clients"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("batches")


def downgrade() -> None:
    op.unseed()
