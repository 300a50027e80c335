"""Faker, and one bulk insert of SQLAlchemy Core."""

import sqlalchemy as sa
from table import ROWS, URL, clients
from with_faker import client

rows = [client(number) for number in range(ROWS)]
with sa.create_engine(URL).begin() as connection:
    connection.execute(sa.insert(clients), rows)
