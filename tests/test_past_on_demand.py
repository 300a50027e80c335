"""What earlier revisions seeded is known in a later run as it was in one run with them."""

from __future__ import annotations

import pytest
from toys import Toy

from terp_seed.errors import PlanError


def test_masks_that_count_rows_go_on_where_an_earlier_run_ended(sqlite_toy: Toy) -> None:
    """Without a key a masked value follows the row's number among all imports of its table."""
    toy = sqlite_toy
    policy = toy.path / "seeds" / "masking.toml"
    policy.write_text(
        'version = 1\n\n[tables.labels]\nwording = { class = "email" }\n'
        'not_personal = [{ columns = ["code"], reason = "a label" }]\n',
        encoding="utf-8",
    )
    rows = (
        '[{{"code": "{0}-1", "wording": "a@real.de"}}, {{"code": "{0}-2", "wording": "b@real.de"}}]'
    )
    toy.only("0001_one", f'op.seed_rows("labels", {rows.format("ONE")}, key=["code"])')
    more = f'op.seed_rows("labels", {rows.format("TWO")}, key=["code"])'
    toy.revision("0002_two", more, after="0001_one")
    select = "SELECT code, wording FROM labels ORDER BY code"

    toy.upgrade("0002_two")
    at_once = toy.rows(select)
    toy.downgrade("base")
    toy.upgrade("0001_one")
    toy.upgrade("0002_two")
    assert toy.rows(select) == at_once
    assert not {wording for _, wording in at_once} & {"a@real.de", "b@real.de"}


@pytest.mark.parametrize("applied", [[], ["0001_depots"], ["0001_depots", "0002_again"]])
def test_rows_of_a_table_that_two_seeders_fill_are_not_referred_to_by_number(
    sqlite_toy: Toy, applied: list[str]
) -> None:
    """Whether both are pending, or one or both were applied by an earlier run."""
    toy = sqlite_toy
    toy.only("0001_depots", 'op.seed("depots")')
    toy.revision("0002_again", 'op.seed("depots")', after="0001_depots")
    toy.revision("0003_crates", 'op.seed("crates")', after="0002_again")
    for revision in applied:
        toy.upgrade(revision)
        toy.execute("UPDATE depots SET code = 'OTHER-' || id")  # free for the next to take
    before = toy.counts()
    with pytest.raises(PlanError, match="several seeders fill that table"):
        toy.upgrade("0003_crates")
    assert toy.counts() == before
