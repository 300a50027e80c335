"""Preflight."""

from __future__ import annotations

from terp_seed.plan import Plan
from terp_seed.session import Session


def preflight(session: Session, plan: Plan, environment: str) -> None:
    """Hold the plan against the live schema."""
