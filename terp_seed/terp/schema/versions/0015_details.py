"""Disputed invoices, places with their racks, pictures of products.

Revision ID: 0015_details
Revises: 0014_books
"""

from alembic import op

from terp_seed.terp.schema import build

revision = "0015_details"
down_revision = "0014_books"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``0015_details.json``; refused where one of them exists."""
    build.create(op.get_context(), revision)


def downgrade() -> None:
    """Drop the tables that the sandbox created."""
    build.drop(op.get_context(), revision)
