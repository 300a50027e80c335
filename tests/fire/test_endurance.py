"""Up and down on one database, over and over: nothing grows but the audit."""

from __future__ import annotations

import gc
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from counts import count
from toys import Toy

MARGIN = 20_000_000  # bytes; a leak of a few hundred rows a round is more than that


def memory() -> int:
    """How many bytes of this process are in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") if pages else resource.RUSAGE_SELF


@pytest.mark.slow
def test_up_and_down_again_and_again(toy: Toy, tally: Callable[..., None]) -> None:
    """U-6: ids, digests and ledger are those of the first time; the file does not grow."""
    rows = "rows=depots:40,crates:600"

    def ledger() -> list[tuple[object, ...]]:
        return toy.rows(
            "SELECT revision, range_no, block_no, state, row_count, detail"
            f"{'' if toy.postgresql else ', first_key'} "
            "FROM terp_seed_ledger ORDER BY revision, range_no, block_no"
        )

    toy.upgrade("head", rows)
    whole, books = toy.numbered_digests(), ledger()
    toy.downgrade()
    empty, start = toy.numbered_digests(), len(toy.audit())
    rounds, warm = count("rounds"), 0
    for turn in range(rounds):
        toy.upgrade("head", rows)
        assert toy.numbered_digests() == whole
        assert ledger() == books
        toy.downgrade()
        assert toy.numbered_digests() == empty
        assert ledger() == []
        if turn == rounds // 2:
            gc.collect()
            warm = memory()
    gc.collect()
    assert memory() - warm < MARGIN
    assert len(toy.audit()) == start + rounds * 10
    assert toy.value("SELECT COUNT(*) FROM terp_seed_ledger") == 0
    if toy.sqlite:
        toy.execute("DELETE FROM terp_seed_audit")
        with toy.db.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("VACUUM")
        path = Path(str(sa.make_url(toy.url).database))
        assert path.stat().st_size < 300_000
    tally(rounds=rounds, bytes_grown=max(0, memory() - warm))
