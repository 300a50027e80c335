"""Makers, and links that look their ends up."""

from alembic import op

from terp_seed import ref

revision = "0002_makers"
down_revision = "0001_values"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("makers")
    op.seed_rows(
        "links",
        [
            {
                "label": f"link {number}",
                "maker_id": None if number == 3 else f"TORTURE'M%-{number * 7 + 1:06d}",
                "thing_id": ref("things", label=f"thing {number:03d} it's 100% \\ ; --"),
            }
            for number in range(6)
        ],
        key=["label"],
        refs={"maker_id": "makers.code"},
    )


def downgrade() -> None:
    op.unseed()
