"""The shape of the package, read from its own files: which way imports point, and how long."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import terp_seed

PACKAGE = Path(terp_seed.__file__).parent
# A wheel also holds what `terp-seed init` writes, which is no module.
FILES = sorted(set(PACKAGE.rglob("*.py")) - set(PACKAGE.glob("own/**/*.py")))
NAMES = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in FILES]
TREES = {
    name.removesuffix(".__init__"): ast.parse(path.read_text(encoding="utf-8"))
    for name, path in zip(NAMES, FILES, strict=True)
}


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
    return {each for each in imports(name, lazy=lazy) if each in TREES and each != name}


def engine() -> list[str]:
    apart = ("terp_seed.terp", "terp_seed.sandbox")
    return [name for name in TREES if not name.startswith(apart)]


def test_imports_go_round_in_no_circle() -> None:
    """Nothing that a module imports leads back to it, at import or later."""
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for each in sorted(modules(name, lazy=False) - {"terp_seed"}):
                visit(each, (*path, name))
            done.add(name)

    for name in TREES:
        visit(name, ())


def test_the_engine_knows_nothing_of_terp() -> None:
    for name in engine():
        known = {each for each in imports(name) if each.startswith("terp_seed.terp")}
        assert not known, f"{name} imports {known}"


def test_terp_and_the_sandbox_do_not_know_what_runs_them() -> None:
    above = {"environment", "online", "offline", "cli", "performer", "running"}
    for name in TREES.keys() - set(engine()):
        known = {each.removeprefix("terp_seed.") for each in modules(name)} & above
        assert not known, f"{name} imports {known}"


@pytest.mark.parametrize(
    ("what", "where"),
    [
        ("alembic.context", {"terp_seed.environment", "terp_seed.sandbox.run"}),
        ("alembic.op", {"terp_seed.sandbox.versions"}),
        ("faker", {"terp_seed.pools", "terp_seed.terp", "terp_seed.masking"}),
        ("MySQLdb", set()),
        ("pytest", {"terp_seed.pytest_plugin"}),
    ],
)
def test_what_is_touched_in_few_places(what: str, where: set[str]) -> None:
    for name in TREES:
        if any(name == each or name.startswith(f"{each}.") for each in where):
            continue
        touched = {each for each in imports(name) if each == what or each.startswith(f"{what}.")}
        assert not touched, f"{name} imports {touched}"


def test_click_is_imported_by_the_command_line_alone() -> None:
    users = {name for name in TREES if "click" in imports(name)}
    assert all(name.startswith("terp_seed.cli") for name in users), users


def test_modules_and_functions_are_short() -> None:
    for path in FILES:
        lines = path.read_text(encoding="utf-8").count("\n")
        assert lines < 400, f"{path.name} has {lines} lines"
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
