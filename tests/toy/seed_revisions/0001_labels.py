"""Labels, read from files."""

from alembic import op

revision = "0001_labels"
down_revision = None

as_of = "2026-06-30"


def upgrade() -> None:
    op.seed_file("labels", "labels.csv", key=["code"])
    op.seed_file("pairs", "pairs.json", key=["left_code", "right_code"], id=None)


def downgrade() -> None:
    op.unseed()
