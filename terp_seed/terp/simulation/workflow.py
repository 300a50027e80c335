"""The way of each batch through the house: from the intake queue to where it is now."""

from __future__ import annotations

from terp_seed.rows.model import Span
from terp_seed.terp.simulation.arrays import Groups
from terp_seed.terp.simulation.batches import Batches
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.recall import FOUND
from terp_seed.terp.simulation.sizes import BatchStatus

# The stations that a batch of each status has been at, and hours since it came to the first.
_INTAKE, _QUALITY, _LAB, _PACKAGING, _READY, _HOLD = range(6)
_WAYS: dict[int, tuple[int, ...]] = {
    BatchStatus.AWAITING_INTAKE: (_INTAKE,),
    BatchStatus.LIVE: (_INTAKE, _QUALITY, _LAB, _PACKAGING, _READY),
    BatchStatus.SOLD_OUT: (_INTAKE, _QUALITY, _LAB, _PACKAGING, _READY),
    BatchStatus.ON_HOLD: (_INTAKE, _QUALITY, _HOLD),
    BatchStatus.QUARANTINED: (_INTAKE, _QUALITY, _LAB, _HOLD),
    BatchStatus.CLOSED: (_INTAKE, _QUALITY, _LAB, _HOLD),
}
_HOURS = (0, 2, 6, 22, 30)


class Workflow:
    """All steps of a run, batch by batch; none where the queue is left alone."""

    def __init__(self, batches: Batches, recalled: frozenset[int] = frozenset()) -> None:
        self.batches = batches
        self.stations = batches.sizes.stations
        self._recalled = recalled
        ways = (len(self._way(n)) if self.stations else 0 for n in range(len(batches.status)))
        self._groups = Groups.from_counts(ways)

    def __len__(self) -> int:
        return len(self._groups)

    def batch(self, span: Span) -> list[int]:
        """The batch of each step."""
        return self._groups.parents(span)

    def station(self, span: Span) -> list[int]:
        """Where each step led."""
        return [way[place] for way, place in self._steps(span)]

    def before(self, span: Span) -> list[int | None]:
        """Where each step came from; None for the first."""
        return [way[place - 1] if place else None for way, place in self._steps(span)]

    def second(self, span: Span) -> list[int]:
        """When each step was."""
        places = self._groups.positions(span)
        last = TODAY * DAY + 17 * HOUR
        return [
            min(self.batches.received_at(batch) + _HOURS[place] * HOUR, last)
            if place < len(_HOURS)
            else FOUND
            for batch, place in zip(self.batch(span), places, strict=True)
        ]

    def _way(self, batch: int) -> tuple[int, ...]:
        """The stations of a batch; one that was recalled was ready before that."""
        status = self.batches.status[batch]
        if batch in self._recalled and status == BatchStatus.QUARANTINED:
            return (*_WAYS[BatchStatus.LIVE], _HOLD)
        return _WAYS[status]

    def _steps(self, span: Span) -> list[tuple[tuple[int, ...], int]]:
        places = self._groups.positions(span)
        return [
            (self._way(batch), place) for batch, place in zip(self.batch(span), places, strict=True)
        ]
