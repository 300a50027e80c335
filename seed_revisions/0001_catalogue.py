"""Catalogue: users, brands, strains and products."""

from alembic import op

revision = "0001_catalogue"
down_revision = "0000_reference"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("catalogue")


def downgrade() -> None:
    op.unseed()
