"""One row of a client from Faker, as a first seed script has it."""

from __future__ import annotations

import random

from faker import Faker
from table import KINDS, rest

fake = Faker()
Faker.seed(1)


def client(number: int) -> dict[str, object]:
    """The values of one client."""
    return {
        "teri_code": f"PEER-{number:07d}",
        "name": fake.company(),
        "email": fake.company_email(),
        "phone": fake.phone_number(),
        "address": fake.address(),
        "businessType": random.choice(KINDS),
        **rest(number),
    }
