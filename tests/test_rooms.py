"""The rooms of the package: each module has one, and imports between rooms point down."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import terp_seed

PACKAGE = Path(terp_seed.__file__).parent
# What `terp-seed init` writes is no module; a wheel has more of it.
_WRITTEN = {*PACKAGE.glob("project/files/*.py"), *PACKAGE.glob("own/**/*.py")}
FILES = sorted({*PACKAGE.rglob("*.py")} - _WRITTEN)
NAMES = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in FILES]
TREES = {
    name.removesuffix(".__init__"): ast.parse(path.read_text(encoding="utf-8"))
    for name, path in zip(NAMES, FILES, strict=True)
}

#: Which rooms each room may import from, from the ground up.
MAY_USE = {
    "errors": "",
    "settings": "errors",
    "rows": "errors",
    "database": "errors settings rows",
    "masking": "errors settings rows database",
    "ledger": "errors settings rows database",
    "plan": "errors settings rows database masking ledger",
    "run": "errors settings rows database masking ledger plan",
    "mask_database": "errors settings rows database masking ledger plan run",
    "project": "errors settings rows database masking ledger plan run",
    "slice": "errors settings rows database masking ledger plan run mask_database project",
    "testing": "errors settings rows database masking ledger plan run project",
    "environment": "errors settings rows database masking ledger plan run project",
    "cli": "errors settings rows database masking ledger plan run mask_database project slice",
    "terp": "errors settings rows database",
}


def room(module: str) -> str:
    """The room of a module: the folder or file at the top of the package."""
    return module.split(".")[1]


def imports(name: str, *, lazy: bool = True) -> Iterator[str]:
    """Every name that a module imports, in full; `lazy` ones in functions included."""
    body = ast.walk(TREES[name]) if lazy else _at_import(TREES[name])
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _at_import(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in tree.body:
        if isinstance(node, ast.Try):
            yield from node.body
        elif not isinstance(node, ast.If):  # if TYPE_CHECKING
            yield node


def modules(name: str, *, lazy: bool = True) -> set[str]:
    """The package's own modules that a module imports."""
    return {module for module in imports(name, lazy=lazy) if module in TREES and module != name}


def test_the_top_holds_the_rooms_and_nothing_else() -> None:
    top = {path.stem for path in PACKAGE.glob("*.py")}
    top |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert top == {"__init__", *MAY_USE}


@pytest.mark.parametrize("name", sorted(TREES.keys() - {"terp_seed"}))
def test_imports_between_rooms_point_down(name: str) -> None:
    """Lazy imports and those for the type checker count like any other."""
    allowed = {room(name), *MAY_USE[room(name)].split()}
    used = {room(module) for module in modules(name) - {"terp_seed"}}
    assert used <= allowed, f"{name} imports from {sorted(used - allowed)}"


def test_the_table_of_rooms_has_no_cycle() -> None:
    seen: set[str] = set()
    for name, below in MAY_USE.items():
        if name != "terp":
            assert set(below.split()) <= seen, name
        seen.add(name)


@pytest.mark.parametrize("name", sorted(TREES.keys() - {"terp_seed"}))
def test_other_rooms_use_only_public_names(name: str) -> None:
    """What a module imports from another room is in that module's ``__all__``."""
    for node in ast.walk(TREES[name]):
        if not (isinstance(node, ast.ImportFrom) and node.module in TREES):
            continue
        if node.module == "terp_seed" or room(node.module) == room(name):
            continue
        public = _public(node.module)
        for alias in node.names:
            if f"{node.module}.{alias.name}" not in TREES:
                assert alias.name in public, f"{name} imports {node.module}.{alias.name}"


def _public(module: str) -> set[str]:
    for node in TREES[module].body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


@pytest.mark.parametrize("name", sorted(MAY_USE))
def test_each_room_says_what_it_is_for(name: str) -> None:
    assert ast.get_docstring(TREES[f"terp_seed.{name}"])


@pytest.mark.parametrize("name", sorted(MAY_USE.keys() - {"errors", "environment", "cli"}))
def test_each_room_names_its_modules(name: str) -> None:
    """A command has a module each, so the command line need not list them."""
    named = re.findall(r"``([a-z_]+)``", ast.get_docstring(TREES[f"terp_seed.{name}"]) or "")
    paths = (PACKAGE / name).glob("[a-z]*")
    there = {path.stem for path in paths if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert set(named) == there


def test_modules_import_each_other_without_a_cycle() -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for module in sorted(modules(name, lazy=False) - {"terp_seed"}):
                visit(module, (*path, name))
            done.add(name)

    for name in TREES:
        visit(name, ())


@pytest.mark.parametrize(
    ("what", "where"),
    [
        ("alembic.context", {"terp_seed.environment", "terp_seed.terp.schema.run"}),
        ("alembic.op", {"terp_seed.plan.recorder", "terp_seed.terp.schema.versions"}),
        ("alembic.command", {"terp_seed.project.project"}),
        ("faker", {"terp_seed.rows.columns", "terp_seed.terp", "terp_seed.masking"}),
        ("MySQLdb", set()),
        ("pytest", {"terp_seed.testing"}),
        ("click", {"terp_seed.cli"}),
        ("mcp", {"terp_seed.cli.mcp_server"}),
        ("mcp_types", {"terp_seed.cli.mcp_server"}),
        ("anyio", {"terp_seed.cli.mcp_server"}),
    ],
)
def test_what_is_touched_in_few_places(what: str, where: set[str]) -> None:
    for name in TREES:
        if any(name == place or name.startswith(f"{place}.") for place in where):
            continue
        touched = {
            found for found in imports(name) if found == what or found.startswith(f"{what}.")
        }
        assert not touched, f"{name} imports {touched}"


def test_modules_and_functions_are_short() -> None:
    for path in FILES:
        lines = path.read_text(encoding="utf-8").count("\n")
        assert lines <= 600, f"{path.name} has {lines} lines"
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                length = _length(node)
                most = 60 if name.startswith("terp_seed.terp.") else 40  # lists of columns
                assert length <= most, f"{name}.{node.name} has {length} lines"


def _length(node: ast.FunctionDef) -> int:
    """The lines of a function from its first statement on, without its docstring."""
    first, *rest = node.body
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    start = (rest[0] if documented and rest else first).lineno
    return (node.end_lineno or start) - start + 1


def test_no_module_is_a_drawer_for_anything() -> None:
    for name in TREES:
        assert name.rpartition(".")[2] not in {"utils", "helpers", "common", "misc"}


def test_every_public_name_of_all_exists() -> None:
    import importlib

    for name in TREES:
        if name.endswith((".env", "__main__")):
            continue  # it runs when it is imported
        module = importlib.import_module(name)
        for each in getattr(module, "__all__", ()):
            assert hasattr(module, each), f"{name}.{each}"


#: Where an engine's name stands outside of its module, and how often: these numbers only go down.
ENGINE_NAMES = {
    "terp_seed.database.copy_structure": 1,  # makes a SQLite file
    "terp_seed.environment": 1,  # any engine would do
    "terp_seed.project.check": 4,  # works on a SQLite file
    "terp_seed.testing.pytest_plugin": 1,
    "terp_seed.terp.schema.run": 1,
    "terp_seed.terp.schema.tables": 4,  # TERP's own schema, on MySQL and elsewhere
}
ENGINES = ("sqlite", "mysql", "mariadb", "postgresql")


def test_an_engine_is_known_by_name_in_its_own_module_only() -> None:
    """Adding an engine is adding a file."""
    found = {
        name: count
        for name, tree in TREES.items()
        if not name.startswith("terp_seed.database.dialects.") and (count := _engine_names(tree))
    }
    assert found == ENGINE_NAMES


def _engine_names(tree: ast.Module) -> int:
    """How often a module names an engine: in a name or URL, or by importing what is an engine's."""
    count = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            count += node.value.startswith(ENGINES) and len(node.value.split()) == 1
        elif isinstance(node, ast.ImportFrom):
            parts = {*(node.module or "").split("."), *(alias.name for alias in node.names)}
            count += "sqlalchemy" in parts and not parts.isdisjoint(ENGINES)
    return count


#: Public names that are defined more than once: this set only shrinks.  A command in
#: ``terp_seed.cli`` may have the name of what it calls.
DEFINED_TWICE = {
    "Clients",
    "Kind",
    "Staged",
    "movements",
    "plain",
    "problem",
    "run",
    "table",
}


COMMANDS_AND_REVISIONS = ("terp_seed.cli.", "terp_seed.terp.schema.versions.")


def test_a_public_name_is_defined_once() -> None:
    places: dict[str, list[str]] = {}
    for name, tree in TREES.items():
        for node in tree.body if not name.startswith(COMMANDS_AND_REVISIONS) else ():
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(name)
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert twice.keys() == DEFINED_TWICE, twice


#: Functions with more than five parameters, commands among them: this set only shrinks.
MANY_PARAMETERS = {
    "terp_seed.cli.init.init",
    "terp_seed.cli.mask.mask",
    "terp_seed.cli.revision.revision",
    "terp_seed.cli.seed.rollback",
    "terp_seed.cli.seed.seed",
    "terp_seed.plan.operations.delete_rows",
    "terp_seed.plan.operations.seed_file",
    "terp_seed.plan.operations.seed_rows",
    "terp_seed.plan.operations.update_rows",
    "terp_seed.rows.columns.computed",
    "terp_seed.rows.imported.imported",
    "terp_seed.rows.seeders.table",
}


def test_a_function_has_at_most_five_parameters() -> None:
    many = {
        f"{name}.{node.name}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and _parameters(node) > 5
    }
    assert many == MANY_PARAMETERS


def _parameters(node: ast.FunctionDef) -> int:
    """How many parameters a function has besides ``self`` or ``cls``."""
    arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
    return sum(argument.arg not in ("self", "cls") for argument in arguments)
