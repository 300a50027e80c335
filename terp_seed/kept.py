"""Rows that an earlier rollback kept: they hold their ids, and the seed grows around them."""

from __future__ import annotations

from collections.abc import Mapping

from terp_seed.errors import PlanError
from terp_seed.ledger import Range
from terp_seed.plan import Plan
from terp_seed.session import Session

__all__ = ["KeptRows", "refuse_crowded", "still_there"]

KeptRows = Mapping[tuple[str, int], tuple[Range, frozenset[int]]]
"""By revision and range: the range, and the numbers of the rows that were kept."""


def still_there(session: Session) -> KeptRows:
    """The kept rows that nobody has removed since; does not write."""
    found: dict[tuple[str, int], tuple[Range, frozenset[int]]] = {}
    for place, (of, numbers) in session.ledger.kept(session.connection).items():
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
        last = of.first_key + planned.rows.count - 1
        others = session.scalar(
            f"SELECT COUNT(*) FROM {quote(of.table)} WHERE {quote(of.id)} BETWEEN {of.first_key} "
            f"AND {last} AND {quote(of.id)} NOT IN ({_listed(of, numbers)})"
        )
        if others or of.table != planned.rows.table or max(numbers) >= planned.rows.count:
            raise PlanError(
                f"revision {of.revision}: an earlier rollback kept {len(numbers)} rows of "
                f"{of.table}, and the rows to seed do not fit around them; seed with the size of "
                "that time, or remove the kept rows first"
            )


def _ids(session: Session, of: Range, numbers: frozenset[int]) -> frozenset[int]:
    quote = session.dialect.quote
    first = of.first_key or 0
    rows = session.rows(
        f"SELECT {quote(str(of.id))} FROM {quote(of.table)} "
        f"WHERE {quote(str(of.id))} IN ({_listed(of, numbers)})"
    )
    return frozenset(row[0] - first for row in rows)


def _listed(of: Range, numbers: frozenset[int]) -> str:
    return ", ".join(str((of.first_key or 0) + number) for number in sorted(numbers))
