"""The portal: logins, tiers, lists of goods, price alerts."""

from alembic import op

revision = "0017_portal"
down_revision = "0016_matching"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("portal")


def downgrade() -> None:
    op.unseed()
