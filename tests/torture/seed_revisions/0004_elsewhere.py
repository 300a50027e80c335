"""Rows for another environment: recorded as skipped in this one."""

from alembic import op

revision = "0004_elsewhere"
down_revision = "0003_parts"
branch_labels = None
depends_on = None

environments = ("staging",)


def upgrade() -> None:
    op.seed_rows("options", [{"label": "elsewhere", "content": "x"}], key=["label"])


def downgrade() -> None:
    op.unseed()
