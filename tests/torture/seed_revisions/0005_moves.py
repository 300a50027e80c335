"""Moves."""

from alembic import op

revision = "0005_moves"
down_revision = "0004_elsewhere"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("moves")


def downgrade() -> None:
    op.unseed()
