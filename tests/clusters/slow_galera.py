"""Runs and scripts on three nodes of Galera, which share no lock: `tests/clusters/run`."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest
import sqlalchemy as sa
from galera import Galera, Node
from servers import client_command, client_environment, run_client
from toys import HEAD, Toy

from terp_seed.errors import LockError

FULL = {"labels": 3, "pairs": 2, "depots": 4, "crates": 12, "scans": 12}
RUNNERS = int(os.environ.get("TERP_SEED_TEST_CLUSTER_RUNNERS", "32"))
ROUNDS = int(os.environ.get("TERP_SEED_TEST_CLUSTER_ROUNDS", "10"))
LONG_ENOUGH = "lock-timeout=300"
CHAIN = ["0001_labels", "0002_depots", HEAD]

_numbers = count(1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Galera]:
    with Galera(3) as nodes:
        yield nodes


class Nodes:
    """The toy project on each node of a cluster."""

    def __init__(self, cluster: Galera, new_toy: Callable[..., Toy]) -> None:
        self.cluster = cluster
        urls = cluster.create(f"cluster_{next(_numbers)}")
        self.urls = urls
        self.toy: Toy = new_toy(urls[0])

    def start(self, node: int, *args: str) -> subprocess.Popen[str]:
        """Start an upgrade on a node."""
        url = f"url={self.urls[node]}"
        return self.toy.start(
            "alembic", "-n", "seed", "-x", url, "-x", LONG_ENOUGH, *(args or ("upgrade", "head"))
        )

    def at(self, node: int, sql: str) -> list[tuple[object, ...]]:
        """The rows of a SELECT on a node that has all that the cluster has committed."""
        engine = sa.create_engine(self.urls[node], poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql("SET SESSION wsrep_sync_wait = 15")
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    def held(self, node: int) -> dict[str, list[tuple[object, ...]]]:
        """Every row of every table of a node, the moments of the books apart."""
        skipped = {"terp_seed_audit": "event, revision", "terp_seed_environment": "id, name"}
        tables = [str(name) for (name,) in self.at(node, "SHOW TABLES")]
        return {
            name: sorted(self.at(node, f"SELECT {skipped.get(name, '*')} FROM `{name}`"), key=repr)
            for name in tables
        }

    def is_seeded_once(self, nodes: tuple[int, ...] = (0, 1, 2)) -> None:
        """Rows exactly once, the ledger whole, and each node holds the same."""
        first = self.held(nodes[0])
        for node in nodes[1:]:
            assert self.held(node) == first
        assert {name: len(first[name]) for name in FULL} == FULL
        assert [row[0] for row in first["terp_seed_version"]] == [HEAD]
        applied = [row[1] for row in first["terp_seed_audit"] if row[0] == "applied"]
        assert sorted(map(str, applied)) == CHAIN
        headers = self.at(
            nodes[0], "SELECT revision, state FROM terp_seed_ledger WHERE range_no = 0 ORDER BY 1"
        )
        assert headers == [(name, "applied") for name in CHAIN]
        url = f"url={self.urls[nodes[0]]}"
        said = self.toy.run("terp-seed", "-x", url, "status", "--drift").stdout
        found = re.findall(r"^\d{4}_\w+ +\w+ +(\d+) +(\d+) +(\d+) +(\d+)$", said, re.MULTILINE)
        assert [row[1:] for row in found] == [("0", "0", "0")] * len(FULL), said

    def digests(self, node: int) -> dict[str, list[tuple[object, ...]]]:
        held = self.held(node)
        return {name: rows for name, rows in held.items() if not name.startswith("terp_seed_")}


@pytest.fixture
def nodes(cluster: Galera, new_toy: Callable[..., Toy]) -> Nodes:
    return Nodes(cluster, new_toy)


def ended(runs: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    said = [run.communicate(timeout=600) for run in runs]
    return [(run.returncode, "".join(both)) for run, both in zip(runs, said, strict=True)]


def alone(nodes: Nodes, new_toy: Callable[..., Toy]) -> dict[str, list[tuple[object, ...]]]:
    """What one run by itself leaves in another database of the cluster."""
    other = Nodes(nodes.cluster, new_toy)
    assert ended([other.start(0)])[0][0] == 0
    return other.digests(0)


def test_runners_on_all_nodes_seed_exactly_once(nodes: Nodes, new_toy: Callable[..., Toy]) -> None:
    runs = [nodes.start(number % 3) for number in range(RUNNERS)]
    results = ended(runs)
    assert [code for code, _ in results] == [0] * RUNNERS, [r for r in results if r[0]]
    nodes.is_seeded_once()
    assert nodes.digests(0) == alone(nodes, new_toy)
    assert any("another run was first" in said or "1213" in said for _, said in results)


def test_a_rollback_on_all_nodes_takes_out_once(nodes: Nodes) -> None:
    assert ended([nodes.start(0)])[0][0] == 0
    results = ended([nodes.start(number % 3, "downgrade", "base") for number in range(6)])
    assert [code for code, _ in results] == [0] * 6, results
    held = nodes.held(0)
    assert {name: len(held[name]) for name in FULL} == dict.fromkeys(FULL, 0)
    assert held["terp_seed_ledger"] == held["terp_seed_version"] == []
    reverted = [row[1] for row in held["terp_seed_audit"] if row[0] == "reverted"]
    assert sorted(map(str, reverted)) == CHAIN


def test_a_script_against_a_run(cluster: Galera, new_toy: Callable[..., Toy]) -> None:
    """Whoever is first: each revision is there once, and a script that lost says so."""
    for number in range(ROUNDS):
        nodes = Nodes(cluster, new_toy)
        script = nodes.toy.upgrade("head", sql=True)
        client = subprocess.Popen(
            client_command(nodes.urls[1]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=client_environment(nodes.urls[1]),
        )
        run = nodes.start(0)
        time.sleep(0.9 + 0.05 * number)  # the time that a run takes to start
        _, error = client.communicate(script, timeout=120)
        assert client.returncode in (0, 1)
        assert (client.returncode == 0) == (error == ""), error
        assert ended([run])[0][0] == 0
        nodes.is_seeded_once()


def test_two_scripts_seed_once(nodes: Nodes) -> None:
    script = nodes.toy.upgrade("head", sql=True)
    codes: list[int] = []

    def apply(url: str) -> None:
        codes.append(run_client(url, script, check=False).returncode)

    threads = [threading.Thread(target=apply, args=(url,)) for url in nodes.urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended([nodes.start(2)])  # what a script began and another one stopped
    nodes.is_seeded_once()


def test_what_is_written_outside_the_turns_is_refused(nodes: Nodes) -> None:
    toy = nodes.toy
    toy.upgrade()
    toy.revision(
        "0004_update", 'op.update_rows("labels", [{"code": "A", "name": "x"}], key=["code"])'
    )
    with pytest.raises(LockError, match=r"this is a Galera cluster: .* updates or deletes rows"):
        toy.upgrade()
    assert run_client(toy.url, toy.upgrade(f"{HEAD}:head", sql=True), check=False).returncode == 1
    assert (
        "free, on this node: it is one of a Galera cluster"
        in toy.terp_seed("lock", "status").output
    )
    assert toy.version() == HEAD


def test_a_node_that_is_not_in_sync_is_refused(nodes: Nodes) -> None:
    first: Node = nodes.cluster.nodes[0]
    first.execute("SET GLOBAL wsrep_desync = ON")
    try:
        with pytest.raises(LockError, match=r"not in sync \(Donor/Desynced\); connect to one"):
            nodes.toy.upgrade()
    finally:
        first.execute("SET GLOBAL wsrep_desync = OFF")
    first.await_synced()
    nodes.toy.upgrade()
    nodes.is_seeded_once()


def test_nodes_killed_in_the_middle(new_toy: Callable[..., Toy]) -> None:
    """The two that are left go on, and the row that the dead one wrote needs no hand."""
    with Galera(3) as cluster:
        nodes = Nodes(cluster, new_toy)
        runs = [nodes.start(number % 3) for number in range(max(6, RUNNERS // 2))]
        time.sleep(1.5)
        cluster.nodes[2].halt(graceful=False)
        results = ended(runs)
        lost = [said for number, (code, said) in enumerate(results) if code and number % 3 != 2]
        assert all("Traceback" not in said for _, said in results)
        assert all(re.search(r"1047|in sync|reach|gone", said) for said in lost), lost
        nodes.cluster.nodes[0].await_synced()
        assert ended([nodes.start(1)])[0][0] == 0
        nodes.is_seeded_once((0, 1))
