"""Which rows the seeds have inserted: masking in place leaves those alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import sqlalchemy as sa

from terp_seed.database.schema import TableFacts
from terp_seed.database.session import Session
from terp_seed.ledger.ledger import Ledger, SeededRange, chains_of

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

    def not_by_id(self, quote: Callable[[str], str]) -> list[str]:
        """Conditions that leave out the rows that are known by id."""
        return [
            f"NOT ({quote(column)} BETWEEN {first} AND {last})"
            for column, first, last in self.spans
        ]

    def left_out(self, quote: Callable[[str], str]) -> str:
        """One condition that leaves all of them out; empty if there are none."""
        return _all([*self.not_by_id(quote), *self._not_by_key([*map(quote, self.key)])])

    def _not_by_key(self, names: Sequence[str]) -> Iterator[str]:
        if len(names) == 1 and self.keys:
            yield f"{names[0]} NOT IN ({', '.join(key for (key,) in sorted(self.keys))})"
            return
        for key in sorted(self.keys):
            pairs = zip(names, key, strict=True)
            yield f"NOT ({' AND '.join(f'{name} = {value}' for name, value in pairs)})"


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
    for chain in chains_of(session):
        ledger = Ledger(session.dialect, session.books, chain)
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


def _all(parts: Sequence[str]) -> str:
    """The parts joined by AND, as a flat tree: an engine limits how deep one may be."""
    level = list(parts)
    while len(level) > 1:
        joined = [f"({one} AND {other})" for one, other in list(pairwise(level))[::2]]
        level = joined + level[len(joined) * 2 :]
    return "".join(level)
