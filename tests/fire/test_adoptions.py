"""Exports and adoptions that die: no part of one is taken for the whole."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from children import Child, Strike, until
from exports import export, load
from test_deaths import chosen, place, whole
from toys import HEAD, Toy

Start = Callable[..., Child]
LARGE = ("-x", "rows=depots:4,crates:200000")


@pytest.mark.slow
def test_an_adoption_that_dies_puts_nothing_on_record(
    toy: Toy,
    start: Start,
    points: Callable[..., list[str]],
    tally: Callable[..., None],
    tmp_path: Path,
) -> None:
    """C-4: before and after lock, ledger, derived columns, version, audit and commit."""
    toy.upgrade()
    undisturbed = {HEAD: place(toy)}
    toy.downgrade()
    undisturbed[None] = place(toy)
    files = tmp_path / "files"
    export(toy, files)
    load(toy.url, files)
    passed = points(toy, "ledger", "adopt", str(files))
    strikes = chosen(passed, up=True)
    for at, number in strikes:
        if toy.version() is not None:
            whole(toy, undisturbed)
            toy.downgrade()
            load(toy.url, files)
        before = len(toy.audit())
        child = start(toy, "ledger", "adopt", str(files), strike=Strike(at, number))
        code = child.wait()
        assert (code == -signal.SIGKILL) == (number == signal.SIGKILL), (at, number, child.said)
        if toy.version() is None:
            assert toy.rows("SELECT * FROM terp_seed_ledger") == []
            assert len(toy.audit()) == before
        else:
            assert [event for event, _ in toy.audit()][-1] == "finished"
        if code > 0:
            assert "Traceback" not in child.said
    toy.terp_seed("ledger", "adopt", str(files))
    assert toy.version() == HEAD
    whole(toy, undisturbed)
    tally(kills=len(strikes))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_export_that_dies_is_not_taken_for_whole(
    sqlite_toy: Toy, start: Start, tmp_path: Path, number: int
) -> None:
    """C-4: no manifest; a signal takes the files along, and a kill leaves a folder to look at."""
    toy, files = sqlite_toy, tmp_path / "files"
    child = start(toy, *LARGE, "export", "--format=csv", "--to", str(files))
    until(lambda: [*files.glob("*crates*")])
    child.send(number)
    assert child.wait()
    assert not [*files.glob("manifest*")]
    if number != signal.SIGKILL:
        assert "interrupted by" in child.said
        assert not files.exists()
        return
    said = toy.terp_seed("ledger", "adopt", str(files), code=2).stderr
    assert "the export was not completed" in said
    assert "is not an empty folder" in export(toy, files, code=2)
    export(toy, tmp_path / "again")
