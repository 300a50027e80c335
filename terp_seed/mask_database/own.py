"""The seeds' own rows in a table: masking in place leaves them alone.

Rows that generators made up belong to nobody.  Rows that were imported passed
the masking boundary, unless it was in production that they were.  Masking
either again would only make them look edited to a rollback.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from terp_seed.database.schema import TableFacts
from terp_seed.database.session import Session
from terp_seed.database.tables import table_exists
from terp_seed.ledger.ledger import Ledger, SeededRange

__all__ = ["Own", "own_ranges", "own_rows"]


@dataclass(frozen=True)
class Own:
    """Which rows of a table are the seeds' own: by id, or by the literals of a key."""

    spans: tuple[tuple[str, int, int], ...] = ()
    """Column, first and last id."""
    key: tuple[str, ...] = ()
    rows: frozenset[tuple[str, ...]] = field(default_factory=frozenset)

    def __bool__(self) -> bool:
        return bool(self.spans or self.rows)


def own_rows(session: Session, facts: TableFacts) -> Own:
    """The seeds' own rows in one table, of all chains."""
    found = Own()
    for of, ledger in own_ranges(session):
        if of.table != facts.name:
            continue
        if of.id is not None and of.first_key is not None:
            span = (of.id, of.first_key, of.first_key + of.count - 1)
            found = replace(found, spans=(*found.spans, span))
        else:
            keys = {
                tuple(key)
                for block in ledger.blocks(session.connection, of)
                for key in block.row_keys or ()
            }
            found = replace(found, key=tuple(of.shape.key), rows=found.rows | keys)
    return found


def own_ranges(session: Session) -> Iterator[tuple[SeededRange, Ledger]]:
    """The ranges whose rows are the seeds' own, of all chains."""
    books = session.books
    if not table_exists(session.connection, books.ledger):
        return
    chains = sa.select(books.ledger.c.chain).distinct()
    for (chain,) in session.connection.execute(chains).all():
        ledger = Ledger(session.dialect, books, chain)
        kept = ledger.retained(session.connection)  # what a rollback kept is somebody's by now
        for of in ledger.ranges(session.connection):
            made_up = of.shape.provenance == "synthetic"
            if (of.revision, of.number) not in kept and (made_up or _masked(session, chain, of)):
                yield of, ledger


def _masked(session: Session, chain: str, of: SeededRange) -> bool:
    """Whether imported rows went in where the boundary masks them."""
    audit = session.books.audit
    where = sa.select(audit.c.environment).where(
        audit.c.chain == chain, audit.c.revision == of.revision, audit.c.event == "applied"
    )
    last = session.connection.execute(where.order_by(audit.c.id.desc()).limit(1)).scalar()
    return last is not None and last != "production"
