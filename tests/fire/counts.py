"""How often: few in the README's suite, many where `tests/fire/run` asks for them."""

from __future__ import annotations

import os

_FEW = {
    "kills": 3,  # at random moments, on each engine
    "points": 0,  # 0: one strike for each kind of point; 1: at every point with every signal
    "racers": 8,  # processes that start at once
    "cases": 60,  # for each of the fuzzed inputs
    "rounds": 10,  # up and down on one database
    "seconds": 2,  # of an application's traffic, before and while we seed
}


def count(name: str) -> int:
    """Return how many were asked for, as in TERP_SEED_TEST_FIRE_KILLS=300."""
    return int(os.environ.get(f"TERP_SEED_TEST_FIRE_{name.upper()}", _FEW[name]))
