"""Parts."""

from alembic import op

revision = "0003_parts"
down_revision = "0002_makers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("parts")


def downgrade() -> None:
    op.unseed()
