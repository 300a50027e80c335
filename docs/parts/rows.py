"""What the seeds of TERP hold, counted and measured."""

from __future__ import annotations

import tomllib
from contextlib import redirect_stderr
from dataclasses import replace
from datetime import date
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, make_url

from parts.markdown import names_of, rows_of
from terp_seed.database.session import opened
from terp_seed.ledger.ledger import ledger_of
from terp_seed.plan.chain import ancestors
from terp_seed.plan.generation import choose_generation
from terp_seed.plan.plan import make_plan
from terp_seed.plan.recorder import Recorder
from terp_seed.project.project import Project
from terp_seed.rows.model import TableRows
from terp_seed.settings.options import Settings
from terp_seed.terp.checks.measure import Measure, measure, table

HOME = Path(__file__).resolve().parents[2]


SIZES = ("small", "medium", "large")


def sizes() -> str:
    """The presets of ``seeds/sizes.toml``."""
    presets = tomllib.loads((HOME / "seeds" / "sizes.toml").read_text(encoding="utf-8"))
    names = list(next(iter(presets.values())))
    return rows_of(
        ["preset", *names],
        *([f"`{name}`", *(preset[each] for each in names)] for name, preset in presets.items()),
    )


@cache
def _described(size: str, **rows: int) -> dict[tuple[str, str], TableRows]:
    """Every table that the chain fills, by revision."""
    project = Project(HOME / "alembic.ini")
    directory = project.directory()
    settings = replace(project.settings(), size=size, rows=rows)
    scripts = ancestors(directory, directory.get_heads())
    generation = choose_generation(settings, "dev", scripts, {})
    plan = make_plan(scripts, [], Recorder(generation, "dev", settings.data, "sqlite"))
    return {
        (name, planned.rows.table): planned.rows
        for name, step in plan.history.items()
        for planned in step.tables
    }


def counts() -> str:
    """Rows of each table in each size."""
    found = [_described(size) for size in SIZES]
    lines = [
        [f"`{revision}`", f"`{name}`", *(each[revision, name].count for each in found)]
        for revision, name in found[0]
    ]
    totals = [sum(rows.count for rows in each.values()) for each in found]
    return rows_of(["revision", "table", *SIZES], *lines, ["total", "", *totals])


def prefix() -> str:
    """Which columns of a larger size begin with those of a smaller one."""
    small = _described("small")
    others = [
        *(_described(size) for size in SIZES[1:]),
        _described("small", clients=40),
        _described("small", batches=90),
        _described("small", orders=160),
    ]
    lines = []
    for (revision, name), rows in small.items():
        if rows.provenance != "synthetic":
            continue
        kept, not_kept = [], []
        for column in rows.columns:
            alike = column not in rows.derived and all(
                _begins_alike(rows, each[revision, name], column) for each in others
            )
            (kept if alike else not_kept).append(column)
        lines.append([f"`{name}` ({revision[:4]})", names_of(kept), names_of(not_kept)])
    return rows_of(["table", "kept", "depends on the counts"], *lines)


def _begins_alike(one: TableRows, other: TableRows, column: str) -> bool:
    common = min(one.count, other.count)
    return list(one.values(column, 0, common)) == list(other.values(column, 0, common))


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
    "`payments`": _state("payments", "paymentMethod"),
    "`inventoryMovements`": _state("inventoryMovements", "inventoryMovementType"),
}


@cache
def _seeded(size: str) -> tuple[str, dict[str, str]]:
    """The measures of a database of that size, and its states."""
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
        return table(measured(url)), found


def states() -> str:
    """The states that rows are in."""
    small, medium = (_seeded(size)[1] for size in SIZES[:2])
    lines = [[what, text, medium[what]] for what, text in small.items()]
    return rows_of(["what", "`small`", "`medium`"], *lines)


def measures() -> str:
    """What the measuring command prints for ``medium``."""
    return f"```text\n{_seeded('medium')[0]}\n```"


def measured(url: str) -> list[Measure]:
    """Take all measures of the database at a URL, as of the day it was seeded for."""
    with opened(Settings(chain="seed", url=make_url(url), home=Path())) as session:
        header = ledger_of(session).headers(session.connection)["0005_orders"]
        return measure(session.rows, date.fromisoformat(header.detail["as_of"]))
