"""The backup before masking in place: the values as they were, and what becomes of them.

It is made whole before the first row is changed, so that ``terp-seed restore``
can write everything back.  It holds the originals: the evidence names it for
as long as it is there.
"""

from __future__ import annotations

from collections.abc import Sequence

from terp_seed.database.session import Session
from terp_seed.errors import GuardError
from terp_seed.mask_database.blocks import Taken, blocks, masked
from terp_seed.mask_database.scope import Target
from terp_seed.masking.boundary import Boundary
from terp_seed.plan.chain import current_heads
from terp_seed.rows.model import Value
from terp_seed.run.backup import RowsBackup, RunBackup, StoredRows, wanted

__all__ = ["backup_for", "keep"]


def backup_for(session: Session, border: Boundary, targets: Sequence[Target]) -> RunBackup:
    """The backup that this environment, or ``-x backup=...``, wants; makes nothing yet.

    Raises `GuardError` where rows could not be told by their key afterwards.
    """
    backup = RunBackup(session, border.environment, wanted(session.settings, border.environment))
    keyed = [target.table for target in targets if target.key_is_masked and target.rows]
    if keyed and backup.kind in ("rows", "both"):
        raise GuardError(
            f"backup: the primary key of {', '.join(keyed)} is masked as well, so its rows could "
            "not be found again; say -x backup=dump, or -x backup=none"
        )
    return backup


def keep(backup: RunBackup, targets: Sequence[Target]) -> None:
    """Make it: a dump, the rows that are going to be masked, or both.

    Raises `GuardError` if it cannot be made whole; nothing is masked then.
    """
    session = backup.session
    backup.begin("mask", current_heads(session), ())
    if backup.made is None or backup.kind == "dump":
        return
    with RowsBackup(session, backup.made, "masked") as file:
        for target in targets:
            rows = target.of.rows
            for taken in blocks(session, target, target.of.last_key) if target.rows else ():
                before, after = masked(target, taken, rows)
                _keep(file, target, taken, before, after)
                rows += len(taken)
    session.settle()


def _keep(file: RowsBackup, target: Target, taken: Taken, before: Taken, after: Taken) -> None:
    """Keep the rows of a block that change, as they were read and as they will be."""
    names = target.columns
    old: list[list[Value]] = []
    new: list[list[Value]] = []
    for at in range(len(taken)):
        masks = [after.columns[name][at] for name in names]
        if masks != [before.columns[name][at] for name in names]:
            old.append([*taken.values[at], *(taken.columns[name][at] for name in names)])
            new.append(masks)
    if old:
        file.add_masked(StoredRows(target.table, target.key, names, old), new)
