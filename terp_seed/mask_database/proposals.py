"""A policy for the columns of a database that none lists yet, and what still needs a person.

Reads the schema and a sample of every table's rows; writes nothing to the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from terp_seed.database.schema import Schema, TableFacts
from terp_seed.database.session import Session, opened
from terp_seed.mask_database.neutralise import propose_step
from terp_seed.mask_database.plan import (
    ForeignKey,
    foreign_keys,
    sample_values,
    tables_to_read,
)
from terp_seed.masking.boundary import boundary
from terp_seed.masking.decisions import Context, decide_columns
from terp_seed.masking.gaps import find_gaps, profile_of_column
from terp_seed.masking.neutralisation import Neutralisation
from terp_seed.masking.policy import Policy
from terp_seed.masking.policy_lines import TableDecisions
from terp_seed.settings.options import Settings

__all__ = ["Review", "propose_policy", "review_policy"]


def propose_policy(
    settings: Settings, only: Sequence[str] = ()
) -> tuple[list[TableDecisions], list[Neutralisation]]:
    """An entry for each column that has none, of these tables or of all; and for tables that get
    one, the steps that would keep a copy from sending and sharing.

    Raises `UsageError` for a table that does not exist.
    """
    with opened(settings) as session:
        policy = boundary(settings, "dev", {}).policy
        keys = list(foreign_keys(session))
        tables = tables_to_read(Schema(session), only)
        found = [_propose(session, policy, facts, keys) for facts in tables]
        new = [facts for facts, table in zip(tables, found, strict=True) if table.decisions]
        known = {step.table.casefold() for step in policy.neutralise}
        steps = [propose_step(session, f) for f in new if f.name.casefold() not in known]
        session.end_transaction()
    return [table for table in found if table.decisions], list(filter(None, steps))


def _propose(
    session: Session, policy: Policy, facts: TableFacts, keys: Sequence[ForeignKey]
) -> TableDecisions:
    missing = [n for n in _candidates(facts) if policy.rule(facts.name, n) is None]
    if not missing:
        return TableDecisions(facts.name, [])
    rows, samples = sample_values(session, facts, missing)
    return decide_columns(policy, facts, samples, Context(rows, _joined(facts.name, keys)))


def _candidates(facts: TableFacts) -> list[str]:
    return [name for name, column in facts.columns.items() if not column.computed]


def _joined(table: str, keys: Sequence[ForeignKey]) -> frozenset[str]:
    kept = [key for key in keys if not key.cascades]
    own = {name for key in kept if key.table == table for name in key.columns}
    targets = {name for key in kept if key.target == table for name in key.target_columns}
    return frozenset(own | targets)


@dataclass(frozen=True)
class Review:
    """What a person has to look at."""

    undecided: list[tuple[str, str]]
    """Table and column without an entry, or with one that was made for another type."""
    proposed: list[tuple[str, str, str]]
    """Table, column and reason of entries that a command wrote."""
    stale: list[tuple[str, str]]
    """Entries for columns that the database does not have."""


def review_policy(settings: Settings, only: Sequence[str] = ()) -> Review:
    """Compare the policy with the schema; reads no row."""
    review = Review([], [], [])
    with opened(settings) as session:
        policy = boundary(settings, "dev", {}).policy
        for facts in tables_to_read(Schema(session), only):
            columns = [profile_of_column(facts, name) for name in _candidates(facts)]
            gaps = find_gaps(policy, facts.name, columns)
            review.undecided.extend((gap.table, gap.column) for gap in gaps)
            review.stale.extend((facts.name, n) for n in policy.stale(facts.name, facts.columns))
            review.proposed.extend(
                (facts.name, name, rule.reason or "")
                for name in facts.columns
                if (rule := policy.rule(facts.name, name)) is not None and rule.proposed
            )
        session.end_transaction()
    return review
