"""Samples: who asked for them, who got them, and where they are."""

from alembic import op

revision = "0010_samples"
down_revision = "0009_purchasing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("samples")


def downgrade() -> None:
    op.unseed()
