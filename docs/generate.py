"""Write the parts of the documentation that follow from the code.

::

    python docs/generate.py           # between <!-- generated: NAME --> and <!-- end -->
    python docs/generate.py --check   # write nothing; name the pages that are out of date, and fail
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stderr
from dataclasses import replace
from functools import cache
from importlib.resources import files
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from terp_seed import operations as operation_source
from terp_seed.bookkeeping import books
from terp_seed.cli import main as main_command
from terp_seed.operations import SeedOp, SeedRowsOp, UnseedOp
from terp_seed.planner import generation_of, make_plan
from terp_seed.project import Project
from terp_seed.recorder import Recorder
from terp_seed.request import ancestors
from terp_seed.rows import TableRows
from terp_seed.terp.measure import measured, table

DOCS = Path(__file__).resolve().parent
HOME = DOCS.parent
_SCHEMAS = Path(str(files("terp_seed.cli") / "schemas"))
SIZES = ("small", "medium", "large")
_BETWEEN = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def written(page: str) -> str:
    """A page's text with its generated parts as they should be."""
    return _BETWEEN.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]()}\n\n{found[3]}", page)


def _rows(*lines: Sequence[object]) -> str:
    """A Markdown table whose first line is its head."""
    texts = [f"| {' | '.join(map(str, line))} |" for line in lines]
    head = lines[0]
    numeric = [all(isinstance(line[at], int) for line in lines[1:]) for at in range(len(head))]
    rule = f"| {' | '.join('---:' if each else '---' for each in numeric)} |"
    return "\n".join([texts[0], rule, *texts[1:]])


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "-"


# -- the reference


def sizes() -> str:
    """The presets of ``seeds/sizes.toml``."""
    presets = tomllib.loads((HOME / "seeds" / "sizes.toml").read_text(encoding="utf-8"))
    names = list(next(iter(presets.values())))
    return _rows(
        ["preset", *names],
        *([f"`{name}`", *(preset[each] for each in names)] for name, preset in presets.items()),
    )


def operations() -> str:
    """The operations, by their signatures and docstrings."""
    functions = (SeedOp.seed, SeedRowsOp.seed_rows, SeedRowsOp.seed_file, UnseedOp.unseed)
    return "\n\n".join(_operation(function) for function in functions)


def _operation(function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    given = [
        each.replace(annotation=inspect.Parameter.empty)
        for each in signature.parameters.values()
        if each.name != "operations"
    ]
    plain = signature.replace(parameters=given, return_annotation=inspect.Signature.empty)
    text = _docstring(function.__name__)
    return f"### op.{function.__name__}\n\n`op.{function.__name__}{plain}`\n\n" + text.replace(
        "``", "`"
    )


def _docstring(name: str) -> str:
    """As it is in the source: Alembic puts its own in the place of an operation's."""
    for node in ast.walk(ast.parse(Path(operation_source.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return ast.get_docstring(node) or ""
    raise LookupError(name)


def bookkeeping() -> str:
    """The bookkeeping tables and their columns."""
    tables = books()
    said = {
        tables.version: "Alembic's own: where the chain stands.",
        tables.ledger: "What each applied revision inserted: a header (`range_no` 0), a range for "
        "each table (`block_no` 0), blocks with the digests of the rows.",
        tables.audit: "What happened, when, by whom. Rows are only ever added.",
        tables.environment: "Which environment this database is.",
        tables.masking: "How far masking in place has come: a pass for some columns of a table "
        "(`block_no` 0), blocks with keyed digests of what was there. `terp-seed mask` makes it.",
    }
    return _rows(
        ["table", "holds", "columns"],
        *([f"`{each.name}`", text, _names(each.columns.keys())] for each, text in said.items()),
    )


def commands() -> str:
    """What each command says when it is asked for help."""
    top = click.Context(
        main_command,
        info_name="terp-seed",
        max_content_width=100,
        terminal_width=100,
        **main_command.context_settings,
    )
    return "\n\n".join(_helps(top))


def _helps(context: click.Context) -> Iterator[str]:
    command = context.command
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context).rstrip()}\n```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _helps(click.Context(inner, parent=context, info_name=name))


def documents() -> str:
    """The JSON documents of the commands, from their schemas."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(_SCHEMAS.iterdir())]
    return "\n\n".join(_document(schema) for schema in found)


def _document(schema: dict[str, Any]) -> str:
    name = schema["properties"]["document"]["const"]
    fields = _rows(["field", "type", "meaning"], *_fields(schema, ""))
    return f"### {name}\n\n{schema['description']}\n\n{fields}"


def _fields(schema: dict[str, Any], before: str) -> Iterator[Sequence[object]]:
    for name, each in schema["properties"].items():
        kind = each.get("type") or ("value" if "const" in each else "one of")
        kinds = " or ".join(kind) if isinstance(kind, list) else kind
        allowed = [each["const"]] if "const" in each else each.get("enum", [])
        values = ", ".join(f"`{json.dumps(value)}`" for value in allowed)
        yield [f"`{before}{name}`", f"{kinds} {values}".strip(), each.get("description", "")]
        inner = each.get("items", each)
        if "properties" in inner:
            yield from _fields(inner, f"{before}{name}{'[]' if 'items' in each else ''}.")


# -- the data


@cache
def _described(size: str, **rows: int) -> dict[tuple[str, str], TableRows]:
    """Every table that the chain fills, by revision."""
    project = Project(HOME / "alembic.ini")
    directory = project.directory()
    settings = replace(project.settings(), size=size, rows=rows)
    scripts = ancestors(directory, directory.get_heads())
    generation = generation_of(settings, "dev", scripts, {})
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
    return _rows(["revision", "table", *SIZES], *lines, ["total", "", *totals])


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
        lines.append([f"`{name}` ({revision[:4]})", _names(kept), _names(not_kept)])
    return _rows(["table", "kept", "depends on the counts"], *lines)


def _begins_alike(one: TableRows, other: TableRows, column: str) -> bool:
    common = min(one.count, other.count)
    return list(one.values(column, 0, common)) == list(other.values(column, 0, common))


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


def states() -> str:
    """The states that rows are in."""
    small, medium = (_seeded(size)[1] for size in SIZES[:2])
    lines = [[what, text, medium[what]] for what, text in small.items()]
    return _rows(["what", "`small`", "`medium`"], *lines)


def measures() -> str:
    """What the measuring command prints for ``medium``."""
    return f"```text\n{_seeded('medium')[0]}\n```"


PARTS = {
    "commands": commands,
    "documents": documents,
    "sizes": sizes,
    "operations": operations,
    "books": bookkeeping,
    "counts": counts,
    "prefix": prefix,
    "states": states,
    "measures": measures,
}


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with ``--check`` name those that are out of date."""
    os.chdir(HOME)
    stale = []
    for path in sorted(DOCS.glob("*.md")):
        before = path.read_text(encoding="utf-8")
        after = written(before)
        if before != after:
            stale.append(path.name)
            if "--check" not in arguments:
                path.write_text(after, encoding="utf-8")
    if stale:
        what = "out of date" if "--check" in arguments else "written"
        print(f"{what}: {', '.join(stale)}")
    return int(bool(stale) and "--check" in arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
