"""Crates and scans."""

from alembic import op

revision = "0003_crates"
down_revision = "0002_depots"


def upgrade() -> None:
    op.seed("crates")


def downgrade() -> None:
    op.unseed()
