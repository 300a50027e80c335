"""Seeders: they produce the rows of one subject, and declare invariants.

A seeder is a function of a `SeedContext` that returns the tables it fills,
parents before children::

    @seeder("departments")
    def departments(context: SeedContext) -> list[TableRows]:
        return [
            context.table(
                "departments",
                rows=context.rows["departments"],
                key=("code",),
                columns={
                    "code": code("SEED-D-"),
                    "name": pick(["Sales", "Quality", "Logistics"]),
                },
            )
        ]
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

from terp_seed.errors import SeedError, UsageError
from terp_seed.rows.model import Bounds, Column, Lookup, TableRows, seed_key

__all__ = [
    "TYPICAL",
    "Check",
    "Derived",
    "SeedContext",
    "Seeder",
    "derived_columns",
    "load_seeders",
    "logical_references",
    "refers",
    "refuse_unknown_scenario",
    "scenarios",
    "seeder",
    "seeder_named",
]

_FIRST_ROWS = 100
TYPICAL = "typical"
"""The scenario of a run that asks for none; every project has it."""


@dataclass(frozen=True)
class Check:
    """An invariant: ``sql`` selects, as ``id``, the rows of ``table`` that break it.

    The text is plain SQL that every supported engine runs.  Names in braces, ``{brandId}`` or
    ``{r.brandId}``, are quoted for the engine, which some need for capitals.  A run counts only the
    rows that it seeded; ``terp-seed verify --all`` counts all rows.
    """

    name: str
    table: str
    sql: str


@dataclass(frozen=True)
class Derived:
    """Columns that follow from other rows, recomputed by one UPDATE.

    ``assignments`` maps a column of ``table`` to an SQL expression over that row, whose table has
    no alias, with names in braces as in a `Check`.  Only seeded rows are updated.  ``still`` names
    columns that must keep their values during the update, such as a MySQL
    ``ON UPDATE CURRENT_TIMESTAMP``.  ``emptied`` names those that refer to rows of the same
    revision: a rollback sets them to NULL before those rows go.
    """

    table: str
    assignments: Mapping[str, str]
    still: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeedContext:
    """Everything that a seeder may depend on: the same context gives the same rows."""

    seeder: str
    root_seed: int
    as_of: date
    rows: Mapping[str, int]
    """How many rows each subject gets: ``rows["clients"]``."""
    earlier: Mapping[str, TableRows] = field(default_factory=dict)
    """The tables that earlier revisions and seeders filled, by name."""
    scenario: str = TYPICAL
    """Which story the rows tell: a name that `scenarios` declared."""

    def table(
        self,
        table: str,
        *,
        rows: int,
        columns: Mapping[str, Column],
        key: tuple[str, ...] = (),
        derived: tuple[str, ...] = (),
        id: str | None = "id",  # noqa: A002 - the column is called so
    ) -> TableRows:
        """Describe the rows of one table; see `TableRows`.

        Only the database knows which row a `ref` finds, so columns of them count as derived.
        """
        made = TableRows(
            table, rows, columns, seed_key(self.root_seed, self.seeder), key, id, derived
        )
        looked_up = tuple(name for name in columns if _is_looked_up(made, name))
        both = tuple(dict.fromkeys((*derived, *looked_up)))
        return replace(made, derived=both, looked_up=looked_up)

    def seeded(self, table: str) -> TableRows:
        """The rows of an earlier seeder for ``table``; `UsageError` if it seeded none."""
        try:
            return self.earlier[table]
        except KeyError:
            raise UsageError(
                f"seeder {self.seeder!r} builds on table {table!r}, which no earlier "
                "revision seeds; put the revision that does before this one"
            ) from None


def _is_looked_up(rows: TableRows, name: str) -> bool:
    """Whether the first rows of a column hold a `ref`; a column with other bounds holds none."""
    column = rows.columns[name]
    bounds = replace(column.bounds, nullable=False, plane="full")
    if bounds != Bounds() or column.scale is not None or column.ref is not None:
        return False
    first = rows.values(name, 0, min(rows.count, _FIRST_ROWS))
    return any(isinstance(value, Lookup) for value in first)


Build = Callable[[SeedContext], Sequence[TableRows]]


@dataclass(frozen=True)
class Seeder:
    """A named seeder with the columns it derives and the checks it must pass."""

    name: str
    build: Build
    derives: tuple[Derived, ...] = ()
    checks: tuple[Check, ...] = ()


_SEEDERS: dict[str, Seeder] = {}


def seeder(
    name: str, *, derives: Sequence[Derived] = (), checks: Sequence[Check] = ()
) -> Callable[[Build], Build]:
    """Register a function as the seeder that ``op.seed(name)`` runs."""

    def register(build: Build) -> Build:
        _SEEDERS[name] = Seeder(name, build, tuple(derives), tuple(checks))
        return build

    return register


def derived_columns(table: str) -> frozenset[str]:
    """The columns of a table that seeders recompute."""
    derives = [derived for registered in _SEEDERS.values() for derived in registered.derives]
    return frozenset(
        name for derived in derives if derived.table == table for name in derived.assignments
    )


_SCENARIOS: dict[str, None] = {TYPICAL: None}


def scenarios(*names: str) -> None:
    """Declare what ``-x scenario=...`` may be, besides ``typical``.

    A seeder reads ``context.scenario``; what a name means is its own matter.
    """
    _SCENARIOS.update(dict.fromkeys(names))


def refuse_unknown_scenario(name: str) -> None:
    """Raise `UsageError` if no seeder has declared the scenario."""
    if name in _SCENARIOS:
        return
    close = get_close_matches(name, _SCENARIOS, n=1)
    near = f"did you mean {close[0]!r}? " if close else ""
    raise UsageError(f"scenario: {name!r} is not a scenario; {near}known: {', '.join(_SCENARIOS)}")


_REFERENCES: dict[tuple[str, str, str, str], None] = {}


def refers(column: str, target: str) -> None:
    """Declare a reference that has no constraint in the schema.

    ``refers("products.brandId", "brands.id")``: checked before rows are inserted, searched before
    rows are deleted.
    """
    table, _, name = column.rpartition(".")
    target_table, _, key = target.rpartition(".")
    if not (table and name and target_table and key):
        raise UsageError(f"refers({column!r}, {target!r}): write both as table.column")
    _REFERENCES[table, name, target_table, key] = None


def logical_references() -> list[tuple[str, str, str, str]]:
    """All declared references, as (table, column, target table, target column)."""
    return list(_REFERENCES)


def load_seeders(modules: Sequence[str]) -> None:
    """Import the modules that register a project's seeders; what they raise is one clear line."""
    for module in modules:
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module and not module.startswith(f"{error.name}."):
                raise _failed(module, error) from error
            raise UsageError(
                f"seeders = {module}: the module was not found; correct the "
                "'seeders' line of the seed section in alembic.ini"
            ) from None
        except SeedError:
            raise
        except Exception as error:
            raise _failed(module, error) from error


def _failed(module: str, error: Exception) -> UsageError:
    """Where a module failed; what it says may hold a value."""
    if isinstance(error, SyntaxError):
        place = f"{Path(error.filename or '').name}, line {error.lineno}"
    else:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}, line {frame.lineno}"
    return UsageError(
        f"seeders = {module}: importing the module failed with {type(error).__name__} at {place}"
    )


def seeder_named(name: str) -> Seeder:
    """The registered seeder of that name."""
    try:
        return _SEEDERS[name]
    except KeyError:
        known = ", ".join(sorted(_SEEDERS)) or "none"
        raise UsageError(f"unknown seeder {name!r}; registered seeders: {known}") from None
