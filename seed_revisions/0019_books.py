"""The books: accounts, months, the ledger, the bank account and expenses."""

from alembic import op

revision = "0019_books"
down_revision = "0018_places"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # TERP's own; what TERP has made already is left alone, and looked up by number and name.
    op.seed_file(
        "accounts",
        "accounts.csv",
        key=["accountNumber"],
        on_conflict="skip",
        sha256="56ae896f7594ec3c826032e210fae77871b3c8d0b01a220cb938f3bf54a93329",
    )
    op.seed_file(
        "expenseCategories",
        "expense_categories.csv",
        key=["categoryName"],
        refs={"parentCategoryId": "expenseCategories.categoryName"},
        on_conflict="skip",
        sha256="9ea30dafb4aeb771f76f2fb78609b466d7d286d69286bffc95a562782f179524",
    )
    op.seed("books")


def downgrade() -> None:
    op.unseed()
