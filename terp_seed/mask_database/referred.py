"""Names of the rows that a row refers to: an order's client, the client of an invoice's line.

Texts that are scrubbed lose them, as they lose the names of their own row.  They are read along
foreign keys, so a table with such texts is masked before those that it refers to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from terp_seed.database.session import Session
from terp_seed.masking.boundary import Boundary
from terp_seed.masking.site import Mask

__all__ = ["ForeignKey", "ReferredName", "referred_names"]

_FARTHEST = 2  # foreign keys on the way


@dataclass(frozen=True)
class ForeignKey:
    """An enforced reference, and whether an UPDATE of its target takes it along."""

    table: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]
    cascades: bool


@dataclass(frozen=True)
class ReferredName:
    """A name of a row that a row refers to."""

    table: str
    """The table of that row."""
    sql: str
    """The subquery that reads it, beside the columns of the row that refers to it."""
    mask: Mask


def referred_names(
    session: Session, border: Boundary, keys: Sequence[ForeignKey], table: str
) -> Mapping[str, ReferredName]:
    """The names of the rows that a table's rows refer to, each under a name that no column has."""
    return {
        f"{path}\0{name.table}": name
        for path, name in _along(session, border, keys, (table, session.dialect.quote(table)), 1)
    }


def _along(
    session: Session,
    border: Boundary,
    keys: Sequence[ForeignKey],
    place: tuple[str, str],
    far: int,
) -> Iterator[tuple[str, ReferredName]]:
    """What is found from a table, whose alias in the query is the second of ``place``."""
    quote, alias = session.dialect.quote, f"terp_seed_r{far}"
    for key in keys:
        if key.table != place[0] or len(key.columns) > 1:
            continue
        (column,), (target,) = key.columns, key.target_columns
        where = (
            f"FROM {quote(key.target)} {alias} "
            f"WHERE {alias}.{quote(target)} = {place[1]}.{quote(column)}"
        )
        for name, mask in border.names_of(key.target).items():
            sql = f"(SELECT {alias}.{quote(name)} {where})"
            yield f"{column}.{name}", ReferredName(key.target, sql, mask)
        if far < _FARTHEST:
            for path, found in _along(session, border, keys, (key.target, alias), far + 1):
                yield (
                    f"{column}.{path}",
                    ReferredName(found.table, f"(SELECT {found.sql} {where})", found.mask),
                )
