"""Values of every type and kind, by hand and from files."""

from alembic import op
from torture_values import TEXTS, things

revision = "0001_values"
down_revision = None
branch_labels = None
depends_on = None

as_of = "2026-06-30"


def upgrade() -> None:
    op.seed_rows("things", things(), key=["label"])
    op.seed_file("notes", "notes.json", key=["label"])
    op.seed_file("tags", "tags.csv", key=["label"], keep_empty=["empty_too"])
    op.seed_file("words", "words.json", key=["lang", "word"], id=None)
    op.seed_file("options", "options.csv", key=["label"], on_conflict="skip")
    op.seed_rows(
        "order",
        [{"group": f"g{n}", "from to": text, "50%": text} for n, text in enumerate(TEXTS)],
        key=["group"],
        id="key",
    )


def downgrade() -> None:
    op.unseed()
