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
        sha256="bff6ff4543db856041cde1dafe8041b7ff395d7d43b563d73b1c2ef11f915d7d",
    )
    op.seed_file(
        "role_permissions",
        "role_permissions.csv",
        refs={"role_id": "roles.name", "permission_id": "permissions.name"},
        sha256="26d1744032d5952091c0c57b5dc4ee8a3fd27f0af6a49301d13c3c045a9e0c8b",
    )


def downgrade() -> None:
    op.unseed()
