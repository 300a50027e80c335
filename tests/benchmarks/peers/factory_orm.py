"""factory_boy: `create_batch` over the ORM, one commit at the end."""

import factory
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Session
from table import KINDS, ROWS, URL, clients, day

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
    is_buyer = True
    is_seller = False
    payment_terms = factory.Iterator([0, 7, 15, 30])
    credit_limit = factory.Faker("random_int", min=20_000, max=150_000)
    created_at = factory.Sequence(day)


ClientFactory.create_batch(ROWS)
session.commit()
