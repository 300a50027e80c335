"""How many of everything: what the presets say and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from terp_seed.errors import UsageError
from terp_seed.rows.seeders import SeedContext


class BatchStatus(IntEnum):
    """TERP's statuses of a batch."""

    AWAITING_INTAKE, LIVE, SOLD_OUT, ON_HOLD, QUARANTINED, CLOSED = range(6)


# Batches by status, in percent: TERP's data-completeness requirements.
_SHARES = dict(zip(BatchStatus, (15, 60, 15, 5, 3, 2), strict=True))

_LEAST = {"clients": 4, "batches": 10, "orders": 0}
_STATIONS = 6
_ORDERS_PER_SOLD_OUT = 5  # a batch sells out over several orders


@dataclass(frozen=True)
class Sizes:
    """The row counts that the seeders agree on."""

    clients: int
    batches: int
    orders: int
    products: int
    brands: int
    strains: int
    stations: int = 0  # of the work queue

    @cached_property
    def by_status(self) -> dict[BatchStatus, int]:
        """Batches by status at the end of the chain; every status occurs."""
        counts = {status: max(1, self.batches * share // 100) for status, share in _SHARES.items()}
        counts[BatchStatus.ON_HOLD] = max(1, -(-self.batches // 20))  # 5 to 10 percent
        most = self.orders // _ORDERS_PER_SOLD_OUT if self.orders >= 40 else 0
        sold_out = min(counts[BatchStatus.SOLD_OUT], most)
        counts[BatchStatus.SOLD_OUT] = sold_out
        counts[BatchStatus.LIVE] += self.batches - sum(counts.values())
        return counts


def read_sizes(context: SeedContext) -> Sizes:
    """Read the counts of a run; `UsageError` for too few to tell a story."""
    rows = context.rows
    for name, least in _LEAST.items():
        if rows.get(name, -1) < least:
            raise UsageError(
                f"rows: {name}: the TERP seeders need at least {least}; "
                f"raise it in seeds/sizes.toml or with -x rows={name}:{least}"
            )
    plain = Sizes(rows["clients"], rows["batches"], rows["orders"], 0, 0, 0)
    live = plain.by_status[BatchStatus.LIVE]
    products = rows.get("products", live * 5 // 4 + 8)
    if products < live:
        raise UsageError(
            f"rows: products: {live} live batches need as many products, since no product "
            f"may be on two of them; {products} are too few"
        )
    # Ten strains for every hundred products, of which ninety are flower.
    needed = max(10, -(-products // 100) * 10)
    strains = rows.get("strains", needed)
    if strains < needed:
        raise UsageError(
            f"rows: strains: {products} products need {needed} strains, or two products "
            f"would have one name; {strains} are too few"
        )
    brands = max(1, rows.get("brands", min(60, 4 + products // 20)))
    stations = _stations(rows.get("workflow_statuses", _STATIONS))
    return Sizes(plain.clients, plain.batches, plain.orders, products, brands, strains, stations)


def _stations(wanted: int) -> int:
    """All stations of the work queue, or none."""
    if wanted not in (0, _STATIONS):
        raise UsageError(
            f"rows: workflow_statuses: the work queue has {_STATIONS} stations or, with 0, is "
            f"left alone; {wanted} is neither"
        )
    return wanted
