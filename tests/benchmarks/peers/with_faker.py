"""One row of a client from Faker, as a first seed script has it."""

from __future__ import annotations

import random

from faker import Faker
from table import KINDS, day

fake = Faker()
Faker.seed(1)
random.seed(1)


def client(number: int) -> dict[str, object]:
    """The values of one client."""
    return {
        "teri_code": f"PEER-{number:07d}",
        "name": fake.company(),
        "email": fake.company_email(),
        "phone": fake.phone_number(),
        "address": fake.address(),
        "businessType": random.choice(KINDS),
        "is_buyer": True,
        "is_seller": number % 7 == 0,
        "payment_terms": random.choice([0, 7, 15, 30]),
        "credit_limit": random.randrange(20_000, 150_000),
        "created_at": day(number),
    }
