"""What the tests under fire share: counted results, runs in processes of their own, a proxy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import children
import pytest
from proxy import Proxy
from servers import MariaDB
from toys import Toy

Tally = Callable[..., None]


@pytest.fixture
def tally(record_property: Callable[[str, object], None]) -> Tally:
    """Count what a test did, for the table of results: `tally(kills=12)`."""

    def add(**counts: object) -> None:
        for name, number in counts.items():
            record_property(f"fire {name}", number)

    return add


@pytest.fixture
def start_alembic() -> Iterator[Callable[..., children.Child]]:
    """Start `alembic ARGS` in a folder, in a process of its own."""
    started: list[children.Child] = []

    def begin(folder: Path, *args: str, **more: Any) -> children.Child:
        started.append(children.start(folder, *args, **more))
        return started[-1]

    yield begin
    for child in started:
        if child.process.is_alive():
            child.process.kill()
        child.process.join()


@pytest.fixture
def start(start_alembic: Callable[..., children.Child]) -> Callable[..., children.Child]:
    """Start `alembic -n seed -x url=... ARGS` for a toy in a process of its own."""

    def begin(toy: Toy, *args: str, url: str = "", **more: Any) -> children.Child:
        return start_alembic(toy.path, "-n", "seed", "-x", f"url={url or toy.url}", *args, **more)

    return begin


@pytest.fixture
def points(tmp_path: Path, start: Callable[..., children.Child]) -> Callable[..., list[str]]:
    """List the points that a run passes: "before ledger", "after ledger", and so on."""

    def listed(toy: Toy, *args: str) -> list[str]:
        path = tmp_path / "points"
        path.unlink(missing_ok=True)
        child = start(toy, *args, points=path)
        assert child.wait() == 0, child.said
        return path.read_text().splitlines()

    return listed


@pytest.fixture
def proxy(mariadb: MariaDB) -> Iterator[Proxy]:
    """A proxy before the server of this test process."""
    with ExitStack() as stack:
        yield stack.enter_context(Proxy(mariadb.port))
