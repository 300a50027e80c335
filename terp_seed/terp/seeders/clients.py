"""Seeder ``clients``: buyers, suppliers and what TERP needs beside them.

Names are those of businesses.  E-mail addresses end in ``.example``, which no
one can register; numbers are 555-0100 to 555-0199; streets are invented and
ZIP codes lie below 00501, the lowest that is in use; tax numbers begin with
00, which is never given out.

TERP deprecated ``vendors``, but ``lots.vendorId`` still needs a row there, so
each supplier has one; ``supplier_profiles.legacy_vendor_id`` is the bridge.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from math import lcm
from typing import Any

from terp_seed.rows.columns import computed, constant, pick
from terp_seed.rows.draw import Span
from terp_seed.rows.model import Bounds, Column, TableRows
from terp_seed.rows.pools import faker_pool
from terp_seed.rows.seeders import SeedContext, seeder
from terp_seed.terp.checks.rules import CLIENTS
from terp_seed.terp.seeders.cells import moments, numbered
from terp_seed.terp.simulation.clock import DAY, TODAY
from terp_seed.terp.simulation.parties import (
    CLASSES,
    CYCLE,
    REGULAR,
    SUPPLIER,
    WHALE,
    class_of,
    classes,
    ordinal_of,
    repeated,
)
from terp_seed.terp.simulation.vocabulary import (
    AREA_CODES,
    BUYER_KINDS,
    CITIES,
    SUPPLIER_KINDS,
    WHALE_KINDS,
    business_name,
    slug,
    street_names,
)
from terp_seed.terp.simulation.world import World, world_of

__all__ = ["DERIVED", "clients"]

DERIVED = ("total_spent", "total_profit", "avg_profit_margin", "total_owed", "oldest_debt_days")
"""What follows from invoices; the orders seeder recomputes them."""

_KINDS = (WHALE_KINDS, BUYER_KINDS, SUPPLIER_KINDS)
_CONTACTS = ("EMAIL", "PHONE", "TEXT", "ANY")
_TAGS: tuple[tuple[list[str], ...], ...] = (
    (["whale", "priority"], ["whale", "volume pricing"], ["whale"]),
    (["regular"], ["regular", "net terms"], ["regular", "local"], ["regular", "indoor only"]),
    (["supplier"], ["supplier", "consignment"], ["supplier", "indoor"]),
)
_LIMITS = ((250_000, 900_000, 25_000), (20_000, 150_000, 5_000), (0, 0, 1))  # dollars
_WISHES = (
    "More indoor AAA in the fall", "Larger outdoor lots at a discount", "Consistent greenhouse AA",
    "New strains first", "Infused pre-rolls when they are back",
)  # fmt: skip
_LIMIT_REASON = "Raised after a year of timely payments"
_POOL = 300


@dataclass(frozen=True)
class _Names:
    """Names and addresses by client row; vendors and profiles say the same."""

    world: World

    def name(self, row: int) -> str:
        """A client's business name, different from all others."""
        kind = class_of(row)
        return business_name(ordinal_of(row), _KINDS[kind], 1300 * kind)

    def columns(self) -> dict[str, Column]:
        """The clients' names, and the addresses that are made of them."""

        @lru_cache(maxsize=1)
        def called(start: int, stop: int) -> list[str]:
            return [self.name(row) for row in range(start, stop)]

        def addresses(span: Span) -> list[str]:
            names = called(span.start, span.stop)
            return [f"orders@{_domain(name)}" for name in names]

        return {
            "name": computed(
                lambda span: called(span.start, span.stop), length=60, ascii_only=True
            ),
            "email": computed(addresses, length=80, ascii_only=True),
        }

    @cached_property
    def _places(self) -> array[int]:
        return self.world.parties.words.packed("place", self.world.sizes.clients)

    def phone(self, row: int) -> str:
        """A number in the range that is reserved for fiction."""
        word = self._places[row]
        return f"({AREA_CODES[word % len(CITIES)]}) 555-01{(word >> 8) % 100:02d}"

    def address(self, row: int) -> str:
        """A street that does not exist in a town that does."""
        word = self._places[row]
        street = street_names.name((word >> 4) % len(street_names))
        city = CITIES[word % len(CITIES)]
        return f"{100 + (word >> 12) % 9800} {street}, {city}, CA 00{100 + (word >> 20) % 400}"

    @cached_property
    def _persons(self) -> array[int]:
        return self.world.parties.words.packed("person", self.world.parties.number(SUPPLIER))

    def person(self, supplier: int) -> str:
        """Whom to ask for at a supplier."""
        word = self._persons[supplier]
        first, last = faker_pool("first_name", _POOL), faker_pool("last_name", _POOL)
        return f"{first[word % _POOL]} {last[(word >> 16) % _POOL]}"


def _domain(name: str) -> str:
    """A business's domain, of a top level that is reserved for examples."""
    return f"{slug(name)}.example"


@seeder("clients", checks=CLIENTS)
def clients(context: SeedContext) -> list[TableRows]:
    """Describe the clients and, for suppliers, vendors and profiles."""
    context.seeded("users")
    world = world_of(context)
    names = _Names(world)
    return [
        _clients(context, world, names),
        _vendors(context, world, names),
        _profiles(context, world, names),
    ]


def _clients(context: SeedContext, world: World, names: _Names) -> TableRows:
    return context.table(
        "clients",
        rows=world.sizes.clients,
        key=("teri_code",),
        derived=DERIVED,
        columns={
            "teri_code": _each(lambda row: f"SEED-{CLASSES[class_of(row)]}-{row + 1:06d}", 24),
            **names.columns(),
            "phone": _each(names.phone, 14),
            "address": _each(names.address, 80),
            "businessType": _typed(),
            "preferredContact": _spread(_CONTACTS),
            "payment_terms": _listed(world.parties.terms),
            **_roles(),
            "tags": _by_class(_TAGS),
            **_credit(world),
            **_portal(world),
            "referred_by_client_id": _referred(world),
            **_joined(world, "created_at", "updated_at"),
            **{name: constant(0) for name in DERIVED},
        },
    )


def _roles() -> dict[str, Column]:
    return {
        "is_buyer": _flag(lambda kind, _: kind != SUPPLIER),
        "is_seller": _flag(lambda kind, _: kind == SUPPLIER),
        "is_brand": _flag(lambda kind, ordinal: kind == SUPPLIER and ordinal % 3 == 0, 3),
        "is_referee": _flag(lambda kind, _: kind == WHALE),
        "is_contractor": _flag(lambda kind, ordinal: kind == REGULAR and ordinal % 25 == 4, 25),
    }


def _credit(world: World) -> dict[str, Column]:
    """Credit for buyers alone; a limit set by hand says why."""
    days = world.parties.joined

    def limits(span: Span) -> list[int]:
        found = []
        for kind, word in zip(classes(span.start, span.stop), span.words(), strict=True):
            low, high, step = _LIMITS[kind]
            found.append((low + (word * ((high - low) // step + 1) >> 32) * step) * 100)
        return found

    def by_hand(kind: int, ordinal: int) -> bool:
        return kind == WHALE and ordinal % 3 == 1

    def reviewed(span: Span) -> list[int]:
        start, stop = span.start, span.stop
        return [
            min(day + 90 + word % 300, TODAY - 1) * DAY + 15 * 3600 + word % 7200
            if kind != SUPPLIER
            else 0
            for day, kind, word in zip(
                days[start:stop], classes(start, stop), span.words(), strict=True
            )
        ]

    return {
        "credit_limit": computed(limits, scale=2),
        "credit_limit_updated_at": moments(world.clock, reviewed),
        "creditLimitSource": _repeating(
            lambda kind, ordinal: "MANUAL" if by_hand(kind, ordinal) else "CALCULATED", 3, 10
        ),
        "credit_limit_override_reason": _repeating(
            lambda kind, ordinal: _LIMIT_REASON if by_hand(kind, ordinal) else None,
            3,
            len(_LIMIT_REASON),
            nullable=True,
        ),
    }


def _portal(world: World) -> dict[str, Column]:
    def enabled(kind: int, ordinal: int) -> bool:
        return kind == WHALE and ordinal % 2 == 0

    open_to = _flag(enabled, 2)

    def logins(span: Span) -> list[int]:
        return [
            (TODAY - 1 - word % 20) * DAY + 9 * 3600 + word % 28_800 if may else 0
            for may, word in zip(open_to.make(span), span.words(), strict=True)
        ]

    def wishes(span: Span) -> list[str | None]:
        return [
            _WISHES[word % len(_WISHES)] if kind == WHALE else None
            for kind, word in zip(classes(span.start, span.stop), span.words(), strict=True)
        ]

    return {
        "vip_portal_enabled": open_to,
        "vip_portal_last_login": moments(world.clock, logins),
        "wishlist": computed(wishes, length=60, nullable=True, ascii_only=True),
    }


def _referred(world: World) -> Column:
    """A tenth of the newer regulars came through a whale that was there before."""
    parties = world.parties
    days = parties.joined

    def make(span: Span) -> list[int | None]:
        return [
            parties.row(WHALE, word * (1 + row // 10) >> 32)
            if class_of(row) == REGULAR and days[row] > TODAY - 1000 and word % 10 == 0
            else None
            for row, word in zip(span.rows(), span.words(), strict=True)
        ]

    return numbered(make, "clients")


def _joined(world: World, *names: str, rows: Callable[[int], int] = int) -> dict[str, Column]:
    days = world.parties.joined

    @lru_cache(maxsize=1)
    def make(start: int, stop: int) -> list[datetime]:
        return world.clock.moments(
            [days[rows(row)] * DAY + 10 * 3600 + row * 97 % 21_600 for row in range(start, stop)]
        )

    column = Column(lambda span: make(span.start, span.stop))
    return dict.fromkeys(names, column)


def _vendors(context: SeedContext, world: World, names: _Names) -> TableRows:
    client = _suppliers(world)
    return context.table(
        "vendors",
        rows=world.parties.number(SUPPLIER),
        key=("name",),
        columns={
            "name": _each(lambda row: names.name(client(row)), 60),
            "contactName": _each(names.person, 60, ascii_only=False),
            "contactEmail": _each(lambda row: f"sales@{_domain(names.name(client(row)))}", 80),
            "contactPhone": _each(lambda row: names.phone(client(row)), 14),
            "paymentTerms": _each(_promise, 20),
            **_joined(world, "createdAt", "updatedAt", rows=client),
        },
    )


def _profiles(context: SeedContext, world: World, names: _Names) -> TableRows:
    client = _suppliers(world)
    return context.table(
        "supplier_profiles",
        rows=world.parties.number(SUPPLIER),
        key=("client_id",),
        columns={
            "client_id": Column(lambda span: [client(row) for row in span.rows()], ref="clients"),
            "contact_name": _each(names.person, 60, ascii_only=False),
            "contact_email": _each(lambda row: f"sales@{_domain(names.name(client(row)))}", 80),
            "contact_phone": _each(lambda row: names.phone(client(row)), 14),
            "payment_terms": _each(_promise, 20),
            "legacy_vendor_id": Column(lambda span: list(span.rows()), ref="vendors"),
            "preferred_payment_method": pick(["CHECK", "ACH", "WIRE", "CASH"], [4, 3, 2, 1]),
            "tax_id": _each(lambda row: f"00-{row + 1:07d}", 20),
            "license_number": _each(lambda row: f"SEED-LIC-{row + 1:06d}", 24),
            **_joined(world, "created_at", "updated_at", rows=client),
        },
    )


def _promise(supplier: int) -> str:
    """How a supplier is paid: like its goods, mostly on consignment."""
    return "Net 30" if supplier % 8 == 5 else "Consignment"


def _suppliers(world: World) -> Callable[[int], int]:
    return lambda supplier: world.parties.row(SUPPLIER, supplier)


def _each(
    value: Callable[[int], Any], length: int, *, nullable: bool = False, ascii_only: bool = True
) -> Column:
    return computed(
        lambda span: [value(row) for row in span.rows()],
        length=length,
        nullable=nullable,
        ascii_only=ascii_only,
    )


def _listed(values: Sequence[int]) -> Column:
    return Column(lambda span: list(values[span.start : span.stop]))


def _repeating(
    value: Callable[[int, int], Any], steps: int, length: int | None = None, **how: Any
) -> Column:
    """Values by class and ordinal, where an ordinal counts only modulo ``steps``."""
    rows = range(len(CYCLE) * steps)
    pattern = [value(class_of(row), ordinal_of(row)) for row in rows]
    return computed(
        lambda span: repeated(pattern, span.start, span.stop),
        length=length,
        ascii_only=length is not None,
        **how,
    )


def _flag(holds: Callable[[int, int], bool], steps: int = 1) -> Column:
    return _repeating(holds, steps)


def _typed() -> Column:
    """The type that a business's name speaks of."""
    types = sorted({type_ for kinds in _KINDS for _, type_ in kinds})
    return _repeating(
        lambda kind, ordinal: _KINDS[kind][ordinal % len(_KINDS[kind])][1],
        lcm(*map(len, _KINDS)),
        12,
        choices=types,
    )


def _spread(values: Sequence[str]) -> Column:
    """One of some values, of which the first rows have one each."""

    def make(span: Span) -> list[str]:
        return [
            values[row if row < len(values) else word % len(values)]
            for row, word in zip(span.rows(), span.words(), strict=True)
        ]

    return computed(make, length=max(map(len, values)), choices=values, ascii_only=True)


def _by_class(pools: Sequence[Sequence[Any]]) -> Column:
    def make(span: Span) -> list[Any]:
        return [
            pools[kind][word % len(pools[kind])]
            for kind, word in zip(classes(span.start, span.stop), span.words(), strict=True)
        ]

    return Column(make, Bounds())
