"""Workflow: the stations of the house, and the way of each batch through them."""

from alembic import op

revision = "0011_workflow"
down_revision = "0010_samples"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("workflow")


def downgrade() -> None:
    op.unseed()
