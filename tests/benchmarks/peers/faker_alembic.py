"""Faker, and `op.bulk_insert` as in an Alembic migration."""

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from table import ROWS, URL, clients
from with_faker import client

with sa.create_engine(URL).begin() as connection:
    op = Operations(MigrationContext.configure(connection))
    op.bulk_insert(clients, [client(number) for number in range(ROWS)])
