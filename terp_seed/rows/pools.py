"""Pools: the values that Faker gives a column, drawn once.

Rows pick from a pool by row number, so no row depends on the order of Faker calls, and a pool costs
the same for a hundred rows as for a million.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faker import Faker

__all__ = ["faker_pool"]


@cache
def faker_pool(
    provider: str, size: int, *, locale: str = "en_US", salt: str = ""
) -> tuple[str, ...]:
    """``size`` different values of a Faker provider, the same on every call.

    The order depends only on the arguments and the Faker release, not on the root seed: with
    another root seed, rows pick other values.
    Raises `ValueError` if the provider does not have that many values.
    """
    fake = _faker_with(provider, locale)
    fake.seed_instance(int.from_bytes(sha256(f"{provider}\0{salt}".encode()).digest()[:8]))
    draw = getattr(fake, provider)
    values: dict[str, None] = {}
    for _ in range(size * 40):
        values[str(draw())] = None
        if len(values) == size:
            return tuple(values)
    raise ValueError(f"Faker's {provider} has fewer than {size} values")


def _faker_with(provider: str, locale: str) -> Faker:
    """A Faker with this provider; one with persons alone takes a fifth of the time to make."""
    persons = _faker(locale, ("faker.providers.person",))
    return persons if hasattr(persons, provider) else _faker(locale)


@cache
def _faker(locale: str, providers: tuple[str, ...] | None = None) -> Faker:
    """One Faker for all pools, because each pool seeds it anew."""
    from faker import Faker

    named = None if providers is None else list(providers)
    return Faker(locale, providers=named, use_weighting=False)
