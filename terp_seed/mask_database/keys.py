"""Foreign keys between personal columns: after masking they must still join.

An enforced key can only be masked on both sides at once, which the database
does itself where the key says ON UPDATE CASCADE.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from terp_seed.database.session import Session
from terp_seed.mask_database.progress import Pass

__all__ = ["cascades", "columns_of", "unfit_keys"]


def columns_of(of: Pass) -> frozenset[str]:
    """The columns that a pass masks."""
    return frozenset(of.columns)


def cascades(session: Session) -> dict[tuple[str, str], str]:
    """The columns that follow another one by ON UPDATE CASCADE, and which one."""
    return {
        (table, column): f"{key['referred_table']}.{target}"
        for table, key in _keys(session)
        if _cascades(key)
        for column, target in zip(key["constrained_columns"], key["referred_columns"], strict=True)
    }


def unfit_keys(
    session: Session, masked: Mapping[str, frozenset[str]], names: Sequence[str]
) -> Iterator[str]:
    """The enforced keys that masking one side would break."""
    for table, key in _keys(session):
        target = key["referred_table"]
        pairs = zip(key["constrained_columns"], key["referred_columns"], strict=True)
        for column, other in pairs:
            here = column in masked.get(table, frozenset())
            there = other in masked.get(target, frozenset())
            if (here or there) and not (there and _cascades(key)):
                yield (
                    f"{table}.{column} refers to {target}.{other} by a foreign key without ON "
                    "UPDATE CASCADE, so the two cannot be masked together; make it cascade for the "
                    "time of masking, or keep both"
                )


def _cascades(key: Mapping[str, Any]) -> bool:
    return str(key.get("options", {}).get("onupdate", "")).upper() == "CASCADE"


def _keys(session: Session) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = sa.inspect(session.connection).get_multi_foreign_keys()
    for (_, table), keys in found.items():
        for key in keys:
            if key["referred_columns"]:
                yield table, key
