"""Clients: buyers, and suppliers with their profiles."""

from alembic import op

revision = "0002_clients"
down_revision = "0001_catalogue"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("clients")


def downgrade() -> None:
    op.unseed()
