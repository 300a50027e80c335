"""What people may do: a role and its rights for each kind of work."""

from alembic import op

revision = "0013_people"
down_revision = "0012_house"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.seed("people")
    # TERP completes these at each start; those that it has already are left alone.
    op.seed_file(
        "permissions",
        "permissions.csv",
        key=["name"],
        on_conflict="skip",
        sha256="255bdba57be86e96e4fa9f41acd3df5d4637ad22bba5df46edf568052daa96d7",
    )
    op.seed_file(
        "role_permissions",
        "role_permissions.csv",
        refs={"role_id": "roles.name", "permission_id": "permissions.name"},
        sha256="4db01fb5b9328327c01ba8b854aa38e04d0627c606bf2092b0056a0ec4c38c3b",
    )


def downgrade() -> None:
    op.unseed()
