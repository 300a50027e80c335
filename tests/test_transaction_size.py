"""A revision that a server would refuse at its end is refused before its first row."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from servers import MariaDB, server_engine
from toys import HEAD, Toy

from terp_seed.database.dialects import TransactionLimit, dialect_named
from terp_seed.errors import PlanError
from terp_seed.plan.transaction_size import estimated_bytes
from terp_seed.rows.model import Column, Span, TableRows

LOGGED = ("--log-bin=binlog", "--server-id=1", "--binlog-format=ROW")
MANY = (
    'op.seed_rows("labels", [{"code": f"L{n:06}", "body": "ünï" * (n % 300), "place": n} '
    'for n in range(4000)], key=["code"])'
)


def written(server: MariaDB) -> int:
    """How many bytes the binary log has."""
    where = "MASTER" if server_engine() == "mariadb" else "BINARY LOG"
    ((_, position, *_),) = server.execute(f"SHOW {where} STATUS")
    return int(position)


@pytest.fixture
def large(new_toy: Callable[..., Toy]) -> Callable[[MariaDB], Toy]:
    """A toy whose next revision inserts two megabytes of texts."""

    def make(server: MariaDB) -> Toy:
        toy = new_toy(server.create("transactions"))
        toy.upgrade()
        toy.revision("0004_many", MANY)
        return toy

    return make


@pytest.mark.parametrize("texts", [True, False])
def test_the_estimate_is_what_the_log_grows_by(
    start_server: Callable[..., MariaDB], large: Callable[[MariaDB], Toy], texts: bool
) -> None:
    name = "annotate-row-events" if server_engine() == "mariadb" else "rows-query-log-events"
    server = start_server(*LOGGED, f"--binlog-{name}={int(texts)}", "--max-binlog-cache-size=8M")
    toy = large(server)
    with toy.db.connect() as connection:
        limit = dialect_named(server_engine()).transaction_limit(connection)
    assert limit is not None
    assert (limit.bytes, limit.name) == (8 * 2**20, "max_binlog_cache_size")
    assert (limit.texts, limit.images) == (texts, True)
    before = written(server)
    toy.upgrade()
    grown = written(server) - before
    toy.downgrade("-1")
    server.execute("SET GLOBAL max_binlog_cache_size = 65536")
    with pytest.raises(PlanError) as caught:
        toy.upgrade()
    assert toy.version() == HEAD
    message = str(caught.value)
    assert "revision 0004_many: its transaction takes about" in message
    assert "for 4,000 rows, and the server takes 65,536 bytes (max_binlog_cache_size)" in message
    said = float(message.partition("about ")[2].partition(" MB")[0]) * 1e6
    assert said == pytest.approx(grown, rel=0.2)
    server.execute(f"SET GLOBAL max_binlog_cache_size = {4096 * int(said // 4096 * 1.25)}")
    toy.upgrade()
    server.execute("SET GLOBAL max_binlog_cache_size = 65536")
    with pytest.raises(PlanError, match=r"larger than .*max_binlog_cache_size"):
        toy.downgrade("-1")
    assert toy.version() == "0004_many"


def test_a_server_without_a_limit_takes_any_size(
    start_server: Callable[..., MariaDB], large: Callable[[MariaDB], Toy]
) -> None:
    toy = large(start_server(*LOGGED))
    with toy.db.connect() as connection:
        assert dialect_named(server_engine()).transaction_limit(connection) is None
    toy.upgrade()


def test_both_ends_of_a_table_count() -> None:
    """Rows that grow with their number, NULL, bytes, and references."""
    dialect = dialect_named("mariadb")
    count = 1000

    def texts(span: Span) -> list[str]:
        return ["x" * n for n in range(span.start, span.stop)]

    rows = TableRows("t", count, {"body": Column(texts)}, b"")
    limit = TransactionLimit(1, "", texts=False, images=True)
    assert estimated_bytes(rows, dialect, limit) == pytest.approx(count * count / 2, rel=0.02)
    assert estimated_bytes(TableRows("t", 0, {}, b""), dialect, limit) == 0
