"""Rows that an earlier rollback kept: they hold their ids, and the seed grows around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from terp_seed.database.session import Session
from terp_seed.errors import PlanError
from terp_seed.ledger.ledger import SeededRange, ledger_of
from terp_seed.ledger.selection import Selection, numbered
from terp_seed.plan.plan import Plan

__all__ = ["KeptRows", "refuse_crowded", "still_there"]

KeptRows = Mapping[tuple[str, int], tuple[SeededRange, frozenset[int]]]
"""By revision and range: the range, and the numbers of the rows that were kept."""


def still_there(session: Session) -> KeptRows:
    """The kept rows that nobody has removed since; does not write."""
    found: dict[tuple[str, int], tuple[SeededRange, frozenset[int]]] = {}
    for place, (of, numbers) in ledger_of(session).kept(session.connection).items():
        ids = _ids(session, of, numbers) if of.id is not None else numbers
        found[place] = (of, ids)
    return found


def refuse_crowded(session: Session, plan: Plan, kept: KeptRows) -> None:
    """Raise `PlanError` if rows to seed do not fit around the kept ones."""
    quote = session.dialect.quote
    for planned in (table for step in plan.steps if step.upgrade for table in step.tables):
        of, numbers = kept.get((planned.range.revision, planned.range.number), (None, None))
        if of is None or not numbers or of.id is None or of.first_key is None:
            continue
        wanted = Selection(replace(of, count=planned.rows.count), numbers)
        others = sum(
            session.scalar(f"SELECT COUNT(*) FROM {quote(of.table)} WHERE {each}")
            for each in wanted.ids(quote(of.id))
        )
        if others or of.table != planned.rows.table or max(numbers) >= planned.rows.count:
            raise PlanError(
                f"revision {of.revision}: an earlier rollback kept {len(numbers)} rows of "
                f"{of.table}, and the rows to seed do not fit around them; seed with the size of "
                "that time, or remove the kept rows first"
            )


def _ids(session: Session, of: SeededRange, numbers: frozenset[int]) -> frozenset[int]:
    quote = session.dialect.quote
    key, first = quote(str(of.id)), of.first
    whole = len(numbers) == of.count
    chosen = Selection(of).ids(key) if whole else numbered(of, numbers, key)
    return frozenset(
        row[0] - first
        for each in chosen
        for row in session.rows(f"SELECT {key} FROM {quote(of.table)} WHERE {each}")
    )
