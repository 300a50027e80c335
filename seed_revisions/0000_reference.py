"""Reference data that TERP needs everywhere: the default margin of each category."""

from alembic import op

revision = "0000_reference"
down_revision = None
branch_labels = None
depends_on = None

as_of = "2026-06-30"  # what "today" is to the rows of this chain
environments = ("dev", "test", "staging", "production")


def upgrade() -> None:
    # An order cannot be finalised without the defaults for OTHER and DEFAULT.
    op.seed_file(
        "pricing_defaults",
        "pricing_defaults.csv",
        key=["product_category"],
        on_conflict="skip",
        sha256="79391b0d47cf33de840b930bf437e3b7a16a8e9596799eca02013deece53a4ed",
    )


def downgrade() -> None:
    op.unseed()
