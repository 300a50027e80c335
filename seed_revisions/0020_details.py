"""Disputed invoices, what was asked for each batch, where there is room, pictures of products."""

from alembic import op

revision = "0020_details"
down_revision = "0019_books"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("details")


def downgrade() -> None:
    op.unseed()
