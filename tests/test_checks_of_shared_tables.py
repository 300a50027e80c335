"""An invariant holds for all seeded rows of a table, whichever seeder wrote them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from toys import Toy

from terp_seed.errors import VerificationError
from terp_seed.rows import seeders
from terp_seed.rows.seeders import Check, seeder_named


@pytest.fixture
def twice(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """Two revisions that seed the same table; the first of them is applied."""
    check = Check("no code is bad", "depots", "SELECT id FROM depots WHERE code LIKE 'BAD%'")
    toy.only("0001_depots", 'op.seed("depots")')
    toy.revision("0002_again", 'op.seed("depots")', after="0001_depots")
    toy.upgrade("0001_depots")
    depots = replace(seeder_named("depots"), checks=(check,))
    monkeypatch.setitem(seeders._SEEDERS, "depots", depots)
    return toy


def broken(toy: Toy, code: int) -> dict[str, int]:
    checks = toy.document("verify", code=code)["checks"]
    return {check["name"]: check["broken"] for check in checks if check["broken"]}


def test_verify_counts_rows_of_the_first_seeder_too(twice: Toy) -> None:
    twice.execute("UPDATE depots SET code = 'OTHER-' || id" if not twice.mysql else
                  "UPDATE depots SET code = CONCAT('OTHER-', id)")  # fmt: skip
    twice.upgrade("0002_again")
    assert broken(twice, 0) == {}
    twice.execute("UPDATE depots SET code = 'BAD' WHERE code LIKE 'OTHER-1'")
    assert broken(twice, 8) == {"no code is bad": 1}


def test_a_run_does_not_overlook_what_an_earlier_revision_seeded(twice: Toy) -> None:
    """A revision that fills a table again is held to the invariant for the rows before as well."""
    twice.execute("UPDATE depots SET code = 'BAD-' || id" if not twice.mysql else
                  "UPDATE depots SET code = CONCAT('BAD-', id)")  # fmt: skip
    before = twice.counts()
    with pytest.raises(VerificationError, match="no code is bad"):
        twice.upgrade("0002_again")
    assert twice.counts() == before
