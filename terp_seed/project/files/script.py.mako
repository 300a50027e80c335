"""${message}

Revision: ${up_revision}
After: ${down_revision | comma,n}
Written: ${create_date}
"""

from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}

as_of = ${repr(str(create_date.date()))}  # what "today" is to generated rows


def upgrade() -> None:
    # op.seed("clients")                                    a registered seeder
    # op.seed_file("brands", "brands.csv", key=["name"])    a file in seeds/data/
    # op.seed_rows("brands", [{"name": "Acme"}], key=["name"])
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "op.unseed()"}
