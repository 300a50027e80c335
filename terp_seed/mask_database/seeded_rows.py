"""The seeded rows of a table: masking in place leaves them alone.

Generated rows describe no real person.  Imported rows passed the masking boundary,
unless that was in production.  Masking either again would only make them look
edited to a rollback.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from terp_seed.database.schema import TableFacts
from terp_seed.database.session import Session
from terp_seed.database.tables import table_exists
from terp_seed.ledger.ledger import Ledger, SeededRange

__all__ = ["SeededRows", "seeded_ranges", "seeded_rows"]


@dataclass(frozen=True)
class SeededRows:
    """Which rows of a table were seeded: by id, or by the literals of a key."""

    spans: tuple[tuple[str, int, int], ...] = ()
    """Column, first and last id."""
    key: tuple[str, ...] = ()
    keys: frozenset[tuple[str, ...]] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.spans or self.keys)


def seeded_rows(session: Session, facts: TableFacts) -> SeededRows:
    """The seeded rows of one table, of all chains."""
    spans: list[tuple[str, int, int]] = []
    key: tuple[str, ...] = ()
    keys: set[tuple[str, ...]] = set()
    for seeded, ledger in seeded_ranges(session):
        if seeded.table != facts.name:
            continue
        if seeded.id is not None and seeded.first_key is not None:
            spans.append((seeded.id, seeded.first_key, seeded.first_key + seeded.count - 1))
            continue
        key = tuple(seeded.shape.key)
        for block in ledger.blocks(session.connection, seeded):
            keys |= {tuple(row_key) for row_key in block.row_keys or ()}
    return SeededRows(tuple(spans), key, frozenset(keys))


def seeded_ranges(session: Session) -> Iterator[tuple[SeededRange, Ledger]]:
    """The ranges whose rows need no masking, of all chains."""
    books = session.books
    if not table_exists(session.connection, books.ledger):
        return
    chains = sa.select(books.ledger.c.chain).distinct()
    for (chain,) in session.connection.execute(chains).all():
        ledger = Ledger(session.dialect, books, chain)
        retained = ledger.retained(session.connection)  # rows that a rollback left to a person
        for seeded in ledger.ranges(session.connection):
            generated = seeded.shape.provenance == "synthetic"
            free = (seeded.revision, seeded.number) in retained
            if not free and (generated or _masked(session, chain, seeded)):
                yield seeded, ledger


def _masked(session: Session, chain: str, seeded: SeededRange) -> bool:
    """Whether imported rows went in where the boundary masks them."""
    audit = session.books.audit
    where = sa.select(audit.c.environment).where(
        audit.c.chain == chain, audit.c.revision == seeded.revision, audit.c.event == "applied"
    )
    last = session.connection.execute(where.order_by(audit.c.id.desc()).limit(1)).scalar()
    return last is not None and last != "production"
