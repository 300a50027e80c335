"""Orders in the house: bags, audit log, credit and ledger adjustments.

Revision ID: 0007_house
Revises: 0006_samples
"""

from alembic import op

from terp_seed.terp.schema import build

revision = "0007_house"
down_revision = "0006_samples"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``0007_house.json``; refused where one of them exists."""
    build.create(op.get_context(), revision)


def downgrade() -> None:
    """Drop the tables that the sandbox created."""
    build.drop(op.get_context(), revision)
