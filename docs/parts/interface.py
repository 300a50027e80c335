"""Commands, operations, names and documents, from the code."""

from __future__ import annotations

import ast
import inspect
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

import terp_seed
from parts.markdown import rows_of
from terp_seed.cli import main as main_command
from terp_seed.database.bookkeeping import books
from terp_seed.plan import operations as operation_source
from terp_seed.plan.operations import (
    DeleteRowsOp,
    RenameOp,
    SeedOp,
    SeedRowsOp,
    UnseedOp,
    UpdateRowsOp,
)

_SCHEMAS = json.loads((files("terp_seed.cli") / "schemas.json").read_text(encoding="utf-8"))


def operations() -> str:
    """The operations, by their signatures and docstrings."""
    functions = (
        *(SeedOp.seed, SeedRowsOp.seed_rows, SeedRowsOp.seed_file),
        *(UpdateRowsOp.update_rows, DeleteRowsOp.delete_rows, UnseedOp.unseed),
        *(RenameOp.seed_moved, RenameOp.seed_gone),
    )
    return "\n\n".join(_operation(function) for function in functions)


def _operation(function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    given = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
        if parameter.name != "operations"
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
    """The bookkeeping tables."""
    tables = books()
    meanings = {
        tables.version: "Alembic's version table: the revision that the chain is at.",
        tables.ledger: "The rows of each applied revision: a header (`range_no` 0), a range for "
        "each table (`block_no` 0), blocks with the digests of the rows.",
        tables.audit: "What was done, when, by whom. Rows are only added.",
        tables.environment: "The environment of this database.",
        tables.lock: "On MySQL and MariaDB, one row that the transaction of each revision writes "
        "first: how often, and by which connection last.",
        tables.masking: "The progress of `terp-seed mask`, which creates it: a pass for some "
        "columns of a table (`block_no` 0), blocks with keyed digests of the originals.",
    }
    return rows_of(
        ["table", "holds"], *([f"`{table.name}`", text] for table, text in meanings.items())
    )


# What more than this many commands take is described once; what all but this many take, with
# the exceptions.
_FEW = 2

Described = tuple[str, str]


def commands() -> str:
    """Each command: what it does, its options."""
    shared = _shared()
    return "\n\n".join(
        _command(name, command, shared) for name, command in _commands(main_command, "terp-seed")
    )


def _command(name: str, command: click.Command, shared: Sequence[Described]) -> str:
    arguments = [
        argument.make_metavar(click.Context(command))
        for argument in command.params
        if isinstance(argument, click.Argument)
    ]
    taken = f" Takes `{' '.join(arguments)}`." if arguments else ""
    text = inspect.cleandoc(command.help or "").replace("``", "`") + taken
    described = _described(command)
    own = [f"* {': '.join(option)}" for option in described if option not in shared]
    named = [opt for opt in described if opt in shared and len(_without(opt)) > _FEW]
    also = ", ".join(spelling.split()[0] for spelling, _ in named)
    lines = [*own, *([f"* shared: {also}"] if also else [])]
    return "\n\n".join(part for part in (f"### {name}", text, "\n".join(lines)) if part)


def options() -> str:
    """The options that many commands take; of what nearly all take, the exceptions."""
    return "\n".join(f"* {': '.join(option)}{_exceptions(option)}" for option in sorted(_shared()))


def _exceptions(option: Described) -> str:
    without = _without(option)
    if len(without) > _FEW:
        return ""
    return f" All commands but {', '.join(without)}." if without else " All commands."


def _without(option: Described) -> list[str]:
    """The commands that do not take an option."""
    return [f"`{name}`" for name, options_of in _options().items() if option not in options_of]


def _shared() -> list[Described]:
    number = Counter(option for options_of in _options().values() for option in options_of)
    return [option for option, times in number.items() if times > _FEW]


@cache
def _options() -> dict[str, list[Described]]:
    """The options of every command."""
    return {name: _described(command) for name, command in _commands(main_command, "terp-seed")}


def _described(command: click.Command) -> list[Described]:
    """The options of a command, each as it is spelt and what it does."""
    found = (option for option in command.params if isinstance(option, click.Option))
    return [(_spelling(option), option.help or "") for option in found]


def _spelling(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    value = option.make_metavar(click.Context(main_command))
    return names if option.is_flag else f"{names} `{value}`"


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its full name."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    for below in command.list_commands(click.Context(command)):
        inner = command.get_command(click.Context(command), below)
        assert inner is not None
        yield from _commands(inner, f"{name} {below}")


def documents() -> str:
    """The JSON documents of the commands and their fields, from their schemas."""
    found = [_whole(schema) for schema in _SCHEMAS["oneOf"]]
    return rows_of(
        ["document", "fields"],
        *(
            [f"`{schema['properties']['document']['const']}`", f"`{_fields(schema)}`"]
            for schema in found
        ),
    )


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


def _fields(schema: dict[str, Any]) -> str:
    """The names of an object's fields; those of an inner object follow it in braces."""
    fields = schema["properties"].items()
    return ", ".join(_field(name, field) for name, field in fields if name != "document")


def _field(name: str, schema: dict[str, Any]) -> str:
    if schema.get("$ref", "").endswith("/failure"):
        return name  # the page says once what it holds
    schema = _whole(schema)
    inner = _whole(schema.get("items", schema))
    fields = f" {{{_fields(inner)}}}" if "properties" in inner else ""
    return f"{name}{'[]' if 'items' in schema else ''}{fields}"


# What a project's own files import; everything else may change without notice.
_API = {
    "terp_seed": tuple(terp_seed.__all__),
    "terp_seed.environment": ("run",),
    "terp_seed.database.compare": ("database_digests", "differing"),
}


def api() -> str:
    """The public names, by the modules that they are imported from."""
    return "\n\n".join(
        f"From `{module}`:\n\n" + "\n".join(_name(module, name) for name in names)
        for module, names in _API.items()
    )


def _name(module: str, name: str) -> str:
    found = getattr(import_module(module), name)
    text = (inspect.getdoc(found) or "").partition("\n\n")[0].replace("\n", " ")
    call = "" if inspect.isclass(found) else _called(found)
    return f"* `{name}{call}`: {text.replace('``', '`')}"


def _called(function: Callable[..., Any]) -> str:
    return f"({', '.join(inspect.signature(function).parameters)})"
