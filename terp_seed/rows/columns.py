"""The usual columns: constants, codes, picks, numbers, times, references; pools to pick from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from itertools import accumulate
from typing import TYPE_CHECKING

from terp_seed.rows.model import Bounds, Column, Span, Value, measured
from terp_seed.rows.pools import add_words

if TYPE_CHECKING:
    from faker import Faker

__all__ = ["code", "computed", "constant", "faker_pool", "pick", "reference", "whole"]


def constant(value: Value, *, scale: int | None = None) -> Column:
    """The same value in every row."""
    return Column(lambda span: [value] * len(span), measured([value]), scale)


def code(pattern: str, digits: int = 6) -> Column:
    """A text that is unique by construction: ``pattern`` + row number from 1.

    ``code("SEED-C-")`` gives ``SEED-C-000001`` and so on.  More rows than
    ``digits`` can number only make longer codes.
    """
    length = len(pattern) + max(digits, 9)
    return Column(
        lambda span: [f"{pattern}{row + 1:0{digits}d}" for row in span.rows()],
        Bounds(length=length, plane="ascii" if pattern.isascii() else "full"),
    )


def pick(pool: Sequence[Value], weights: Sequence[int] | None = None) -> Column:
    """One of ``pool`` for each row, with whole-number ``weights`` if given."""
    values = tuple(pool)
    bounds = measured(values)
    if weights is None:
        size = len(values)
        return Column(lambda span: [values[word * size >> 32] for word in span.words()], bounds)
    steps = list(accumulate(weights))
    total = steps[-1]

    def make(span: Span) -> list[Value]:
        return [values[bisect_right(steps, word * total >> 32)] for word in span.words()]

    return Column(make, bounds)


def whole(low: int, high: int, *, step: int = 1, scale: int | None = None) -> Column:
    """A whole number from ``low`` to ``high``, both included."""
    size = (high - low) // step + 1
    return Column(
        lambda span: [low + (word * size >> 32) * step for word in span.words()],
        Bounds(low=low, high=high),
        scale,
    )


def reference(table: str, rows: int) -> Column:
    """A row of ``table``, which has ``rows`` seeded rows, any as likely."""
    return Column(lambda span: [word * rows >> 32 for word in span.words()], ref=table)


def computed(
    make: Callable[[Span], Sequence[Value]],
    *,
    length: int | None = None,
    choices: Sequence[str] | None = None,
    nullable: bool = False,
    ascii_only: bool = False,
    scale: int | None = None,
    ref: str | None = None,
) -> Column:
    """Any function of the row numbers, with the bounds that it promises."""
    bounds = Bounds(
        length=length,
        choices=None if choices is None else frozenset(choices),
        nullable=nullable,
        plane="ascii" if ascii_only else "full",
    )
    return Column(make, bounds, scale, ref)


@cache
def faker_pool(
    provider: str, size: int, *, locale: str = "en_US", salt: str = ""
) -> tuple[str, ...]:
    """``size`` different values of a Faker provider, the same on every call, to `pick` from.

    Generated names and addresses may be made of their words.

    Drawn once: no row depends on the order of Faker calls, and a pool costs the same for a hundred
    rows as for a million.

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
            return add_words(values)
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
