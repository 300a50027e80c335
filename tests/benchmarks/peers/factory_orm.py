"""factory_boy: `create_batch` over the ORM, one commit at the end."""

import factory
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Session
from table import KINDS, ROWS, URL, clients, rest

session = Session(sa.create_engine(URL))


class Base(DeclarativeBase):
    pass


class Client(Base):
    __table__ = clients


class ClientFactory(factory.alchemy.SQLAlchemyModelFactory):
    class Meta:
        model = Client
        sqlalchemy_session = session

    teri_code = factory.Sequence(lambda n: f"PEER-{n:07d}")
    name = factory.Faker("company")
    email = factory.Faker("company_email")
    phone = factory.Faker("phone_number")
    address = factory.Faker("address")
    businessType = factory.Iterator(KINDS)
    row = factory.Sequence(rest)

    @classmethod
    def _create(cls, model_class, *args, row, **values):
        return super()._create(model_class, *args, **values, **row)


ClientFactory.create_batch(ROWS)
session.commit()
