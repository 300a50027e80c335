"""What the rehearsal has masked is what is written, and a masked key finds its children."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from copies import Copy, add_people
from production import CANARY
from sqlalchemy.engine import Connection

from terp_seed.errors import MaskingError
from terp_seed.mask_database import run as mask_run
from terp_seed.mask_database import spool
from terp_seed.mask_database.spool import MaskedBlocks

ALL = "SELECT * FROM people ORDER BY id"


@pytest.fixture
def masked(people: Copy) -> list[tuple[Any, ...]]:
    """What masking makes of the seven people, who are as before."""
    before = people.all(ALL)
    people.mask()
    rows = people.all(ALL)
    for number, name, mail in before:
        people.run(f"UPDATE people SET name = '{name}', mail = '{mail}' WHERE id = {number}")
    return rows


def _count_masking(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The first row of every block that is masked after the rehearsal."""
    masked_again: list[int] = []
    mask_block = spool.mask_block

    def counted(plan: Any, block: Any, start: int) -> Any:
        masked_again.append(start)
        return mask_block(plan, block, start)

    monkeypatch.setattr(spool, "mask_block", counted)
    return masked_again


def _before_writing(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Act after the rehearsal, while the person is asked."""
    require = mask_run.require_consent

    def ask(*args: Any) -> Any:
        act()
        return require(*args)

    monkeypatch.setattr(mask_run, "require_consent", ask)


def test_a_block_is_masked_once(
    people: Copy, masked: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    again = _count_masking(monkeypatch)
    people.mask(again=True)
    assert again == []
    assert people.all(ALL) == masked
    assert people.leaks() == set()


def test_a_block_that_changed_since_the_rehearsal_is_masked_again(
    people: Copy, masked: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    people.run("UPDATE people SET mail = 'canary-5@real-corp.com' WHERE id = 1")
    again = _count_masking(monkeypatch)

    def edit() -> None:
        people.run("UPDATE people SET mail = 'canary-1@real-corp.com' WHERE id = 1")

    _before_writing(monkeypatch, edit)
    people.mask(again=True)
    assert again[:1] == [0]
    assert people.all(ALL) == masked


def test_rows_that_were_added_since_are_masked_too(
    people: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    _before_writing(monkeypatch, lambda: add_people(people, range(8, 10)))
    people.mask()
    assert len(people.all(ALL)) == 9
    assert CANARY.search(str(people.all(ALL))) is None


def test_without_room_for_them_blocks_are_masked_twice(
    people: Copy, masked: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    again = _count_masking(monkeypatch)
    monkeypatch.setattr(mask_run, "MaskedBlocks", lambda key: MaskedBlocks(key, most_bytes=0))
    people.mask(again=True)
    assert again
    assert people.all(ALL) == masked


def test_a_system_without_temporary_files_masks_all_the_same(
    people: Copy, masked: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool, "TemporaryFile", refuse)
    people.mask(again=True)
    assert people.all(ALL) == masked


def test_originals_that_a_shuffle_moves_are_kept_in_no_file(
    new_copy: Callable[..., Copy], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = new_copy(t="id INTEGER PRIMARY KEY, wage INTEGER, mail VARCHAR(80)")
    copy.policy(
        "[tables.t]",
        'wage = { class = "amount", strategy = "shuffle" }',
        'mail = { class = "email" }',
    )
    rows = ", ".join(f"({n}, {n}000, 'canary-{n}@real-corp.com')" for n in range(1, 21))
    copy.run(f"INSERT INTO t VALUES {rows}")
    monkeypatch.setattr(MaskedBlocks, "_write", lambda *args: pytest.fail("kept"))
    copy.mask()
    assert CANARY.search(str(copy.all("SELECT * FROM t"))) is None


# -- a key that is masked, and foreign keys without an index


@pytest.fixture
def accounts(new_copy: Callable[..., Copy]) -> Copy:
    copy = new_copy(
        accounts="login VARCHAR(80) PRIMARY KEY",
        posts="id INTEGER PRIMARY KEY, login VARCHAR(80), "
        "FOREIGN KEY (login) REFERENCES accounts (login) ON UPDATE CASCADE",
    )
    lines = ("[tables.accounts]", 'login = { class = "email" }')
    copy.policy(*lines, "[tables.posts]", 'login = { class = "email" }')
    for first in range(0, 300, 100):
        numbers = range(first, first + 100)
        logins = ", ".join(f"('canary-{n}@real-corp.com')" for n in numbers)
        copy.run(f"INSERT INTO accounts VALUES {logins}")
        posts = ", ".join(f"({n + 1}, 'canary-{n}@real-corp.com')" for n in numbers)
        copy.run(f"INSERT INTO posts VALUES {posts}")
    copy.settings = replace(copy.settings, backup="none")  # one of rows needs their key
    return copy


def _indexes(place: Connection | sa.Engine) -> list[str]:
    found = sa.inspect(place).get_indexes("posts")
    return [str(index["name"]) for index in found if str(index["name"]).startswith("terp_seed")]


def test_a_child_key_has_an_index_while_its_parents_are_masked(
    accounts: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    write = mask_run.write_block

    def look(*args: Any) -> None:
        seen.append(_indexes(args[0].connection))
        write(*args)

    monkeypatch.setattr(mask_run, "write_block", look)
    accounts.mask()
    needed = accounts.name in ("sqlite", "postgresql")  # InnoDB makes its own
    assert {len(names) for names in seen} == {1 if needed else 0}
    assert _indexes(accounts.db) == []
    lost = "SELECT COUNT(*) FROM posts p LEFT JOIN accounts a ON a.login = p.login"
    assert accounts.all(f"{lost} WHERE a.login IS NULL") == [(0,)]
    assert CANARY.search(str(accounts.all("SELECT * FROM posts"))) is None


def test_an_index_goes_when_masking_fails_or_goes_on(
    accounts: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:

        def fail(*args: Any) -> None:
            raise MaskingError("stopped")

        patched.setattr(mask_run, "write_block", fail)
        with pytest.raises(MaskingError, match="stopped"):
            accounts.mask()
    assert _indexes(accounts.db) == []
    accounts.mask()
    assert _indexes(accounts.db) == []
