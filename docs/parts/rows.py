"""What the seeds of TERP hold, counted."""

from __future__ import annotations

import tomllib
from collections import Counter
from contextlib import redirect_stderr
from dataclasses import replace
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from parts.markdown import rows_of
from parts.screens import SCREENS
from terp_seed.plan.chain import ancestors, choose_generation
from terp_seed.plan.recorder import Recorder, make_plan
from terp_seed.project.project import Project
from terp_seed.terp.simulation.scenarios import SCENARIOS

HOME = Path(__file__).resolve().parents[2]


SIZES = ("small", "medium", "large")


def sizes() -> str:
    """The presets of ``seeds/sizes.toml``."""
    presets = tomllib.loads((HOME / "seeds" / "sizes.toml").read_text(encoding="utf-8"))
    names = list(next(iter(presets.values())))
    return rows_of(
        ["preset", *names],
        *([f"`{name}`", *(preset[table] for table in names)] for name, preset in presets.items()),
    )


@cache
def _described(size: str) -> Counter[tuple[str, str]]:
    """How many rows the chain writes, by revision and table."""
    project = Project(HOME / "alembic.ini")
    directory = project.directory()
    settings = replace(project.settings(), size=size)
    scripts = ancestors(directory, directory.get_heads())
    generation = choose_generation(settings, "dev", scripts, {})
    plan = make_plan(scripts, [], Recorder(generation, "dev", settings.data, "sqlite"))
    found = Counter[tuple[str, str]]()
    for name, step in plan.history.items():
        for planned in step.tables:
            found[name, planned.rows.table] += planned.rows.count
    return found


def counts() -> str:
    """Rows of each table by revision, in each size, and what of TERP reads them."""
    found = [_described(size) for size in SIZES]
    lines = [
        [f"`{revision}`", f"`{name}`", *(tables[revision, name] for tables in found)]
        for revision, name in found[0]
    ]
    read = [SCREENS[name] for _, name in found[0]]
    totals = [tables.total() for tables in found]
    return rows_of(
        ["revision", "table", *SIZES, "read by TERP's"],
        *([*line, screens] for line, screens in zip(lines, read, strict=True)),
        ["total", "", *totals, ""],
    )


def scenarios() -> str:
    """The scenarios, and what a tester looks at in each."""
    told = ([f"`{name}`", scenario.look_at] for name, scenario in SCENARIOS.items())
    return rows_of(["scenario", "a tester looks at"], *told)


def _state(source: str, column: str, where: str = "1 = 1") -> str:
    return (
        f"SELECT {column}, COUNT(*) AS number FROM {source} WHERE {where} GROUP BY {column}"
        f" ORDER BY number DESC, {column}"
    )


_STATES = {
    "`batches`": _state("batches", "batchStatus"),
    "quotes in `orders`": _state("orders", "quoteStatus", "orderType = 'QUOTE'"),
    "sales in `orders`": _state(
        "orders", "fulfillmentStatus", "orderType = 'SALE' AND is_draft = 0"
    ),
    "payment of sales": _state("orders", "saleStatus", "orderType = 'SALE' AND is_draft = 0"),
    "drafts in `orders`": _state("orders", "orderType", "is_draft = 1"),
    "`invoices`": _state("invoices", "status"),
    "received `payments`": _state("payments", "paymentMethod", "paymentType = 'RECEIVED'"),
    "`vendor_payables`": _state("vendor_payables", "status"),
    "`bills`": _state("bills", "status"),
    "`purchaseOrders`": _state("purchaseOrders", "purchaseOrderStatus"),
    "`returns`": _state("returns", "status"),
    "`inventoryMovements`": _state("inventoryMovements", "inventoryMovementType"),
}


@cache
def _seeded(size: str) -> dict[str, str]:
    """The states of the rows in a database of that size."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/{size}.db"
        project = Project(HOME / "alembic.ini", x=(f"url={url}", f"size={size}"))
        with redirect_stderr(StringIO()):
            command.upgrade(
                Config(HOME / "alembic.ini", cmd_opts=project.config().cmd_opts), "head"
            )
            project.upgrade("head")
        engine = create_engine(url)
        with engine.connect() as connection:
            found = {
                what: ", ".join(
                    f"{state} {number}" for state, number in connection.exec_driver_sql(query)
                )
                for what, query in _STATES.items()
            }
        engine.dispose()
        return found


def states() -> str:
    """The states that rows are in, with the number of rows in ``small``."""
    return "\n".join(f"* {what}: {text}" for what, text in _seeded("small").items())
