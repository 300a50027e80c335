"""Places, categories and grades, tags, prices and pictures."""

from alembic import op

revision = "0018_places"
down_revision = "0017_portal"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("places")
    # TERP's own and those of the products; what TERP has made already is left alone.
    op.seed_file(
        "categories",
        "categories.csv",
        key=["name"],
        on_conflict="skip",
        sha256="7a497e02fd37bf26e54fc41c07e0ca9eb82f0922c10d503cbdfb3ba270f7f557",
    )
    op.seed_file(
        "subcategories",
        "subcategories.csv",
        key=["categoryId", "name"],
        refs={"categoryId": "categories.name"},
        on_conflict="skip",
        sha256="a56542733b01cdeccd3fa010e8b05328251d0c32560ba8a961d9eb7a021dfeef",
    )
    op.seed_file(
        "grades",
        "grades.csv",
        key=["name"],
        on_conflict="skip",
        sha256="ce649c0cca4902060e3fce30b598c956c93e11671a35ff50ea3f8c2afc0a9cd8",
    )


def downgrade() -> None:
    op.unseed()
