"""Accounts, months, the ledger, the bank and expenses.

Revision ID: 0014_books
Revises: 0013_places
"""

from alembic import op

from terp_seed.terp.schema import build

revision = "0014_books"
down_revision = "0013_places"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``0014_books.json``; refused where one of them exists."""
    build.create(op.get_context(), revision)


def downgrade() -> None:
    """Drop the tables that the sandbox created."""
    build.drop(op.get_context(), revision)
