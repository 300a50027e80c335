"""Catalogue: the seed user, brands, strains, products and default margins."""

from alembic import op

revision = "0001_catalogue"
down_revision = None
branch_labels = None
depends_on = None

as_of = "2026-06-30"  # what "today" is to the rows of this chain


def upgrade() -> None:
    op.seed("catalogue")
    op.seed_file(
        "pricing_defaults",
        "pricing_defaults.csv",
        key=["product_category"],
        on_conflict="skip",
        sha256="79391b0d47cf33de840b930bf437e3b7a16a8e9596799eca02013deece53a4ed",
    )


def downgrade() -> None:
    op.unseed()
