"""Faker, and the ORM's `add`, one row after the other."""

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Session
from table import ROWS, URL, clients
from with_faker import client


class Base(DeclarativeBase):
    pass


class Client(Base):
    __table__ = clients


with Session(sa.create_engine(URL)) as session:
    for number in range(ROWS):
        session.add(Client(**client(number)))
    session.commit()
