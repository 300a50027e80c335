from __future__ import annotations

import pytest
from terp_harness import AS_OF, seeded

from terp_seed.terp.checks.measure import measure


@pytest.mark.parametrize(("size", "root_seed"), [("medium", 1), ("medium", 12345), ("large", 1)])
def test_distributions_are_what_terp_asks_for(size, root_seed):
    with seeded(size, root_seed=root_seed, check=False) as database:
        missed = [each for each in measure(database.all, AS_OF) if not each.holds]
    assert missed == []


def test_measures_of_a_small_database_can_be_taken():
    with seeded("small", check=False) as database:
        measures = measure(database.all, AS_OF)
    assert len({each.name for each in measures}) == len(measures) > 40
