"""mimesis, and one bulk insert of SQLAlchemy Core."""

import random

import sqlalchemy as sa
from mimesis import Address, Finance, Person
from mimesis.locales import Locale
from table import KINDS, ROWS, URL, clients, rest

finance, person, address = (kind(Locale.EN, seed=1) for kind in (Finance, Person, Address))

rows = [
    {
        "teri_code": f"PEER-{number:07d}",
        "name": finance.company(),
        "email": person.email(domains=["example.com"]),
        "phone": person.phone_number(mask="(###) 555-01##"),
        "address": address.address(),
        "businessType": random.choice(KINDS),
        **rest(number),
    }
    for number in range(ROWS)
]
with sa.create_engine(URL).begin() as connection:
    connection.execute(sa.insert(clients), rows)
