"""What a rollback says that it would do is what it does, whatever was edited, on every engine."""

from __future__ import annotations

from typing import Any

import pytest
from toys import Toy

ROWS = '[{"code": "a", "word": "A"}, {"code": "b", "word": "B"}, {"code": "c", "word": "C"}]'
UPDATES = (
    'op.update_rows("t", [{"code": "b", "word": "B2"}, {"code": "a", "word": "A2"}], key=["code"])',
    'op.update_rows("t", [{"code": "b", "word": "B3"}], key=["code"])',
)
EDITS = {
    "none": "word = word",
    "key": "code = 'x'",
    "word": "word = 'w'",
    "both": "code = 'x', word = 'w'",
}
COMPARED = ("deleted", "restored", "retained")


def counts(toy: Toy, *words: str, x: tuple[str, ...]) -> list[dict[str, Any]]:
    steps = toy.document("rollback", "base", *words, x=x)["revisions"]
    return [
        {name: table[name] for name in COMPARED if table.get(name)}
        for step in steps
        for table in step["tables"]
    ]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("policy", ["delete", "keep"])
@pytest.mark.parametrize("updates", [0, 1, 2])
def test_the_plan_of_a_rollback_is_the_rollback(
    toy: Toy, edit: str, policy: str, updates: int
) -> None:
    toy.execute(f"CREATE TABLE t (id {toy.counted_key}, code VARCHAR(9) UNIQUE, word VARCHAR(9))")
    toy.publish("t", ["code", "word"])
    toy.only("0001_a", f'op.seed_rows("t", {ROWS}, key=["code"])')
    for number, update in enumerate(UPDATES[:updates], start=2):
        toy.revision(f"000{number}_b", update, after=f"000{number - 1}_{'ab'[number > 2]}")
    toy.upgrade()
    toy.execute(f"UPDATE t SET {EDITS[edit]} WHERE code = 'b'")
    x = (f"on-edited={policy}",)
    planned = counts(toy, "--dry-run", x=x)
    assert planned == counts(toy, "--yes", x=x)
    assert len(planned) == updates + 1
