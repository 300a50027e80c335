"""Depots."""

from alembic import op

revision = "0002_depots"
down_revision = "0001_labels"


def upgrade() -> None:
    op.seed("depots")


def downgrade() -> None:
    op.unseed()
