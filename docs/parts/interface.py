"""What the command line, the operations and the modules say of themselves."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

import terp_seed
from parts.markdown import cell_of, names_of, rows_of
from terp_seed.cli import main as main_command
from terp_seed.database.tables import books
from terp_seed.plan import operations as operation_source
from terp_seed.plan.operations import SeedOp, SeedRowsOp, UnseedOp

_SCHEMAS = json.loads((files("terp_seed.cli") / "schemas.json").read_text(encoding="utf-8"))


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
    return rows_of(
        ["table", "holds", "columns"],
        *([f"`{each.name}`", text, names_of(each.columns.keys())] for each, text in said.items()),
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


def options() -> str:
    """Every option of every command, once for each meaning."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, option in _options(main_command, click.Context(main_command), "terp-seed"):
        spelt = ", ".join(f"`{each}`" for each in [*option.opts, *option.secondary_opts])
        value = "" if option.is_flag else f" `{option.make_metavar(click.Context(main_command))}`"
        found.setdefault((spelt + value, option.help or ""), []).append(name)
    lines = [[spelt, names_of(names), text] for (spelt, text), names in sorted(found.items())]
    return rows_of(["option", "of", "does"], *([cell_of(each) for each in line] for line in lines))


def _options(
    command: click.Command, context: click.Context, name: str
) -> Iterator[tuple[str, click.Option]]:
    for each in command.params:
        if isinstance(each, click.Option):
            yield name, each
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None:
                yield from _options(found, context, f"{name} {below}")


def documents() -> str:
    """The JSON documents of the commands, from their schemas."""
    return "\n\n".join(_document(_whole(schema)) for schema in _SCHEMAS["oneOf"])


def _whole(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with what it refers to."""
    if "anyOf" in schema:
        one, _ = schema["anyOf"]
        schema = {**schema, **_whole(one), "type": ["object", "null"]}
    if "$ref" not in schema:
        return schema
    shared = _whole(_SCHEMAS["$defs"][schema["$ref"].rpartition("/")[2]])
    fields = {**shared.get("properties", {}), **schema.get("properties", {})}
    return {**shared, **schema, **({"properties": fields} if fields else {})}


def _document(schema: dict[str, Any]) -> str:
    name = schema["properties"]["document"]["const"]
    rows = (row for row in _fields(schema, "") if row[0] != "`document`")
    fields = rows_of(["field", "type", "meaning"], *rows)
    return f"### {name}\n\n{schema['description']}\n\n{fields}"


def _fields(schema: dict[str, Any], before: str) -> Iterator[Sequence[object]]:
    for name, part in schema["properties"].items():
        each = _whole(part)
        kind = each.get("type") or ("value" if "const" in each else "one of")
        kinds = " or ".join(kind) if isinstance(kind, list) else kind
        allowed = [each["const"]] if "const" in each else each.get("enum", [])
        values = ", ".join(f"`{json.dumps(value)}`" for value in allowed)
        yield [f"`{before}{name}`", f"{kinds} {values}".strip(), each.get("description", "")]
        inner = _whole(each.get("items", each))
        if "properties" in inner:
            yield from _fields(inner, f"{before}{name}{'[]' if 'items' in each else ''}.")


# What a project's own files import; everything else may change without notice.
_API = {
    "terp_seed": tuple(terp_seed.__all__),
    "terp_seed.environment": ("run",),
    "terp_seed.database.compare": ("database_digests", "differing"),
}


def api() -> str:
    """The public names, by the modules that they are imported from."""
    lines = []
    for module, names in _API.items():
        for name in names:
            found = getattr(import_module(module), name)
            text = (inspect.getdoc(found) or "").partition("\n\n")[0].replace("\n", " ")
            call = "" if inspect.isclass(found) else _called(found)
            lines.append([f"`{module}`", f"`{name}{call}`", cell_of(text.replace("``", "`"))])
    return rows_of(["from", "name", "is"], *lines)


def _called(function: Callable[..., Any]) -> str:
    return f"({', '.join(inspect.signature(function).parameters)})"
