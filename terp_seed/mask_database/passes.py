"""The passes of a run, block by block; each block commits with its progress."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from terp_seed.database.lock import Held
from terp_seed.database.session import Session
from terp_seed.ledger.audit import AuditLog
from terp_seed.mask_database.blocks import Taken, blocks, masked, unmark, write
from terp_seed.mask_database.originals import Originals
from terp_seed.mask_database.progress import Pass, Progress
from terp_seed.mask_database.scope import Target
from terp_seed.masking import Key

__all__ = ["Passes"]

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Passes:
    """What the passes of one run share."""

    session: Session
    progress: Progress
    log: AuditLog
    key: Key | None
    ours: Held

    def perform(self, targets: Sequence[Target], tell: Tell) -> None:
        """Make the passes in which something is left to be done."""
        for target in targets:
            if target.left:
                self._one(target, tell)

    def _one(self, target: Target, tell: Tell) -> None:
        of = target.of
        if not of.begun:
            self.progress.begin(of)
            self._commit()
        if target.rows:
            of = self._mask(target, tell)
        while target.parked and unmark(self.session, target):
            self._commit()
        rows = of.rows - target.of.rows
        of = self.progress.advance(replace(of, state="done"), b"")
        event = self.log.audit.event(
            "masked",
            rows={target.table: rows},
            plan_digest=of.policy,
            key_id=of.key_id,
            columns=list(target.columns),
        )
        self.session.stream.run(event, what="audit")
        self._commit()
        self.log.log()

    def _mask(self, target: Target, tell: Tell) -> Pass:
        """Mask the rows that are left; afterwards only marks are."""
        originals = None if self.key is None else Originals(self.key)
        of = target.of
        for taken in blocks(self.session, target, of.last_key, lock=True):
            before, after = masked(target, taken, of.rows)
            write(self.session, target, before, after)
            last = None if target.key_is_masked else taken.last
            of = replace(of, state="running", rows=of.rows + len(taken), last_key=last)
            of = self.progress.advance(of, _digests(target, originals, before, after))
            self._commit()
            tell(target.table, of.rows - target.of.rows, target.rows)
        if target.parked:
            of = self.progress.advance(replace(of, state="parked"), b"")
            self._commit()
        return of

    def _commit(self) -> None:
        self.ours.confirm()
        self.session.commit()


def _digests(target: Target, originals: Originals | None, before: Taken, after: Taken) -> bytes:
    """The packed digests of what one block held before."""
    if originals is None:
        return b""
    numbers: set[int] = set()
    for name, kind in target.kinds.items():
        numbers |= originals.of(kind, before.columns[name], after.columns[name])
    return array("Q", sorted(numbers)).tobytes()
