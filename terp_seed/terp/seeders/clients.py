"""Seeder ``clients``: buyers, suppliers and what TERP needs beside them.

TERP deprecated ``vendors``, but ``lots.vendorId`` still needs a row there, so each supplier has
one; ``supplier_profiles.legacy_vendor_id`` is the bridge.  Tax numbers begin with 00, which is
never given out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import lcm

from terp_seed.rows.columns import constant, pick
from terp_seed.rows.model import Span, Value
from terp_seed.terp.checks.invariants import CLIENTS as INVARIANTS
from terp_seed.terp.simulation.clients import (
    CLASSES,
    CYCLE,
    REGULAR,
    SUPPLIER,
    WHALE,
    class_of,
    classes,
    ordinal_of,
    repeat_pattern,
)
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.names import KINDS, domain
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    ROWS,
    WORDS,
    Columns,
    Make,
    Source,
    at,
    choice,
    each,
    hundredths,
    moment,
    once,
    plain,
    register,
    row_of,
    table,
    text,
)

_DERIVED = ("total_spent", "total_profit", "avg_profit_margin", "total_owed", "oldest_debt_days")
_CONTACTS = ("EMAIL", "PHONE", "TEXT", "ANY")
_TAGS: tuple[tuple[list[str], ...], ...] = (
    (["whale", "priority"], ["whale", "volume pricing"], ["whale"]),
    (["regular"], ["regular", "net terms"], ["regular", "local"], ["regular", "indoor only"]),
    (["supplier"], ["supplier", "consignment"], ["supplier", "indoor"]),
)
_CREDIT_LIMITS = ((250_000, 900_000, 25_000), (20_000, 150_000, 5_000), (0, 0, 1))  # dollars
_WISHES = (
    "More indoor AAA in the fall", "Larger outdoor lots at a discount", "Consistent greenhouse AA",
    "New strains first", "Infused pre-rolls when they are back",
)  # fmt: skip
_TYPES = sorted({type_ for kinds in KINDS for _, type_ in kinds})
_LIMIT_REASON = "Raised after a year of timely payments"


def _by_class(function: Callable[[int, int], Value], steps: int = 1) -> Make:
    """Values by class and ordinal, where an ordinal counts only modulo ``steps``."""
    rows = range(len(CYCLE) * steps)
    pattern = [function(class_of(row), ordinal_of(row)) for row in rows]
    return partial(repeat_pattern, pattern)


def _name_and_email(sim: Simulation) -> Columns:
    names = once(each(sim.clients.name))
    return {
        "name": text(names, 60),
        "email": text(each(lambda name: f"orders@{domain(name)}", names), 80),
    }


def _business_type(class_: int, ordinal: int) -> int:
    """The type that a business's name suggests."""
    return _TYPES.index(KINDS[class_][ordinal % len(KINDS[class_])][1])


def _preferred_contact(row: int, word: int) -> int:
    """The first rows have one each."""
    return row if row < len(_CONTACTS) else word % len(_CONTACTS)


def _credit_limit(class_: int, word: int) -> int:
    low, high, step = _CREDIT_LIMITS[class_]
    return (low + (word * ((high - low) // step + 1) >> 32) * step) * 100


def _credit_reviewed(day: int, class_: int, word: int) -> int:
    if class_ == SUPPLIER:
        return 0
    return min(day + 90 + word % 300, TODAY - 1) * DAY + 15 * HOUR + word % 7200


def _enters_portal(class_: int, ordinal: int) -> bool:
    return class_ == WHALE and ordinal % 2 == 0


def _last_login(row: int, word: int) -> int:
    if not _enters_portal(class_of(row), ordinal_of(row)):
        return 0
    return (TODAY - 1 - word % 20) * DAY + 9 * HOUR + word % 28_800


def _wish(class_: int, word: int) -> int:
    return 1 + word % len(_WISHES) if class_ == WHALE else 0


def _roles() -> Columns:
    return {
        "is_buyer": plain(_by_class(lambda class_, _: class_ != SUPPLIER)),
        "is_seller": plain(_by_class(lambda class_, _: class_ == SUPPLIER)),
        "is_brand": plain(_by_class(lambda class_, n: class_ == SUPPLIER and n % 3 == 0, 3)),
        "is_referee": plain(_by_class(lambda class_, _: class_ == WHALE)),
        "is_contractor": plain(_by_class(lambda class_, n: class_ == REGULAR and n % 25 == 4, 25)),
    }


def _credit(sim: Simulation) -> Columns:
    """Credit for buyers alone; a limit set by hand has a reason."""
    by_hand = _by_class(lambda class_, n: class_ == WHALE and n % 3 == 1, 3)
    return {
        "credit_limit": hundredths(each(_credit_limit, classes, WORDS)),
        "credit_limit_updated_at": moment(
            sim.clock, each(_credit_reviewed, sim.clients.joined, classes, WORDS), nullable=True
        ),
        "creditLimitSource": choice(by_hand, ("CALCULATED", "MANUAL")),
        "credit_limit_override_reason": choice(by_hand, (None, _LIMIT_REASON)),
    }


def _portal(sim: Simulation) -> Columns:
    return {
        "vip_portal_enabled": plain(_by_class(_enters_portal, 2)),
        "vip_portal_last_login": moment(sim.clock, each(_last_login, ROWS, WORDS), nullable=True),
        "wishlist": choice(each(_wish, classes, WORDS), (None, *_WISHES)),
    }


def _referrer(sim: Simulation) -> Callable[[int, int], int | None]:
    """A tenth of the newer regulars came through a whale that was there before."""
    clients = sim.clients

    def referrer(row: int, word: int) -> int | None:
        if class_of(row) == REGULAR and clients.joined[row] > TODAY - 1000 and word % 10 == 0:
            return clients.row(WHALE, word * (1 + row // 10) >> 32)
        return None

    return referrer


def _since_joining(sim: Simulation, clients: Source, *names: str) -> Columns:
    """When some clients joined, the same in some columns."""
    clock, days = sim.clock, at(sim.clients.joined, clients)
    seconds = each(lambda row, day: day * DAY + 10 * HOUR + row * 97 % 21_600, ROWS, days)
    column = plain(once(lambda span: clock.moments(seconds(span))))
    return dict.fromkeys(names, column)


@table(
    "clients",
    rows=lambda sim: sim.sizes.clients,
    key=("teri_code",),
    derived=_DERIVED,
    references={"referred_by_client_id": "clients"},
)
def clients(sim: Simulation) -> Columns:
    """Whales, regulars and suppliers."""
    return {
        "teri_code": text(each(lambda row: f"SEED-{CLASSES[class_of(row)]}-{row + 1:06d}"), 24),
        **_name_and_email(sim),
        "phone": text(each(sim.clients.phone), 14),
        "address": text(each(sim.clients.address), 80),
        "businessType": choice(_by_class(_business_type, lcm(*map(len, KINDS))), _TYPES),
        "preferredContact": choice(each(_preferred_contact, ROWS, WORDS), _CONTACTS),
        "payment_terms": plain(sim.clients.terms),
        **_roles(),
        "tags": plain(
            each(lambda class_, word: _TAGS[class_][word % len(_TAGS[class_])], classes, WORDS)
        ),
        **_credit(sim),
        **_portal(sim),
        "referred_by_client_id": row_of(
            "clients", each(_referrer(sim), ROWS, WORDS), nullable=True
        ),
        **_since_joining(sim, ROWS, "created_at", "updated_at"),
        **{name: constant(0) for name in _DERIVED},
    }


def _supplier(sim: Simulation, names: Sequence[str]) -> Columns:
    """Whom to ask at a supplier, how, and how it is paid: mostly like its goods, by consignment."""
    clients = sim.clients
    person, email, phone, terms = names
    client = _supplier_client(sim)
    sales = each(lambda row: f"sales@{domain(clients.name(row))}", client)
    return {
        person: text(each(clients.contact), 60, ascii_only=False),
        email: text(sales, 80),
        phone: text(each(clients.phone, client), 14),
        terms: text(each(lambda row: "Net 30" if row % 8 == 5 else "Consignment"), 20),
    }


def _supplier_client(sim: Simulation) -> Callable[[Span], Sequence[int]]:
    """The client that each supplier is."""
    return each(partial(sim.clients.row, SUPPLIER))


@table("vendors", rows=lambda sim: sim.clients.number(SUPPLIER), key=("name",))
def vendors(sim: Simulation) -> Columns:
    """One for each supplier."""
    return {
        "name": text(each(sim.clients.name, _supplier_client(sim)), 60),
        **_supplier(sim, ("contactName", "contactEmail", "contactPhone", "paymentTerms")),
        **_since_joining(sim, _supplier_client(sim), "createdAt", "updatedAt"),
    }


@table(
    "supplier_profiles",
    rows=lambda sim: sim.clients.number(SUPPLIER),
    key=("client_id",),
    references={"legacy_vendor_id": "vendors"},
)
def supplier_profiles(sim: Simulation) -> Columns:
    """One for each supplier; says what its vendor says."""
    return {
        "client_id": row_of("clients", _supplier_client(sim)),
        **_supplier(sim, ("contact_name", "contact_email", "contact_phone", "payment_terms")),
        "legacy_vendor_id": row_of("vendors", ROWS),
        "preferred_payment_method": pick(["CHECK", "ACH", "WIRE", "CASH"], [4, 3, 2, 1]),
        "tax_id": text(each(lambda row: f"00-{row + 1:07d}"), 20),
        "license_number": text(each(lambda row: f"SEED-LIC-{row + 1:06d}"), 24),
        **_since_joining(sim, _supplier_client(sim), "created_at", "updated_at"),
    }


register("clients", clients, vendors, supplier_profiles, after=("users",), checks=INVARIANTS)
