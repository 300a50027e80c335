"""Squash: the first revisions of a chain become one, with the rows that they add up to.

The new revision has the id of the last one, so that what follows it stays as it is, and names the
others in ``replaces``.  A database that has them all continues: the ledger keeps its entries under
their names, and they count as the new revision's.  One in the middle is told what to run first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent
from typing import Any

from alembic.operations import MigrateOperation
from alembic.script import Script, ScriptDirectory
from alembic.util import to_tuple

from terp_seed.errors import UsageError
from terp_seed.plan.chain import ancestors, read_attributes
from terp_seed.plan.fold import FoldedTable, apply_operation, key_of, rows_given
from terp_seed.plan.operations import GivenRows, RenameOp, SeedRowsOp
from terp_seed.plan.renaming import read_operations
from terp_seed.project.operation_text import (
    call,
    can_freeze,
    name_frozen,
    needed_imports,
    python_literal,
    write_frozen,
)
from terp_seed.project.project import Project
from terp_seed.rows.model import Lookup, Value
from terp_seed.settings.options import Settings

__all__ = ["Squashed", "squash"]

_FEW = 50
"""Rows that a revision lists itself; more of them go to a file."""


@dataclass
class Squashed:
    """What a squash wrote and deleted."""

    revision: str
    replaces: tuple[str, ...]
    rows: dict[str, int]
    written: list[Path] = field(default_factory=list)
    deleted: list[Path] = field(default_factory=list)


def squash(project: Project, to: str) -> Squashed:
    """Write the revision, and delete the files that it replaces; `UsageError` if that cannot be.

    Opens no database.  The data files of the replaced revisions stay.
    """
    settings, directory = project.settings(), project.directory()
    last = directory.get_revision(to)
    assert isinstance(last, Script)
    scripts = ancestors(directory, [last.revision])
    _refuse_unsuitable(directory, scripts)
    chain = _Chain(scripts, settings)
    engine = settings.url.get_dialect()().name
    for script in scripts:
        operations = read_operations(script, engine)
        if operations and not read_operations(script, engine, upgrade=False):
            raise UsageError(
                f"revision {script.revision}: declares no rollback, which cannot be squashed"
            )
        for operation in operations:
            chain.add(script.revision, operation)
    return chain.write(last)


def _refuse_unsuitable(directory: ScriptDirectory, scripts: Sequence[Script]) -> None:
    """Refuse revisions that are more than rows of files and lists, in one line."""
    inside = {script.revision for script in scripts}
    if len(scripts) < 2:
        raise UsageError(f"{scripts[-1].revision}: there is nothing before it to squash")
    environments = {read_attributes(script).environments for script in scripts}
    if len(environments) > 1:
        raise UsageError("the revisions run in different environments; squash up to where they do")
    for script in directory.walk_revisions():
        below = {*to_tuple(script.down_revision, ())} & inside
        if len(to_tuple(script.down_revision, ())) > 1 and script.revision in inside:
            raise UsageError(f"revision {script.revision} merges branches; squash up to before it")
        if script.revision not in inside and below - {scripts[-1].revision}:
            raise UsageError(
                f"revision {script.revision} branches off {', '.join(below)}; squash up to there"
            )
    for script in scripts:
        attributes = read_attributes(script)
        if attributes.raw_sql or attributes.online_only:
            raise UsageError(
                f"revision {script.revision}: runs SQL of its author or reads the database, which "
                "cannot be squashed; squash up to the revision before it"
            )


@dataclass
class _Chain:
    """The revisions that are squashed, and what they add up to so far."""

    scripts: Sequence[Script]
    settings: Settings
    tables: dict[str, FoldedTable] = field(default_factory=dict)
    skips: dict[str, bool] = field(default_factory=dict)
    renamings: list[RenameOp] = field(default_factory=list)

    def add(self, revision: str, operation: MigrateOperation) -> None:
        """Fold one operation in; `UsageError` for one that is not about the chain's own rows."""
        if isinstance(operation, RenameOp):
            self.renamings.append(operation)
            self._move(operation)
        elif isinstance(operation, GivenRows):
            self._refuse_unfoldable(revision, operation)
        else:
            raise UsageError(
                f"revision {revision}: op.seed makes rows, which cannot be squashed; squash up to "
                "the revision before it"
            )
        apply_operation(self.tables, operation, self.settings.data)

    def _move(self, operation: RenameOp) -> None:
        if operation.old in self.skips:
            skips = self.skips.pop(operation.old)
            if operation.new is not None:
                self.skips[operation.new] = skips

    def _refuse_unfoldable(self, revision: str, operation: GivenRows) -> None:
        where, table = f"revision {revision}, table {operation.table}", operation.table
        if not operation.key:
            raise UsageError(f"{where}: rows without a natural key cannot be squashed")
        if isinstance(operation, SeedRowsOp):
            if operation.later or operation.updates_taken:
                raise UsageError(f'{where}: later= and on_conflict="update" cannot be squashed')
            if self.skips.setdefault(table, operation.skip_taken) != operation.skip_taken:
                raise UsageError(f"{where}: seeds of it differ in on_conflict")
            return
        folded = self.tables.get(table)
        for row in rows_given(operation, self.settings.data):
            if folded is None or key_of(row, folded.key) not in folded.rows:
                raise UsageError(
                    f"{where}: changes a row that these revisions did not seed, which cannot be "
                    "squashed; squash up to the revision before it"
                )

    def write(self, last: Script) -> Squashed:
        """Write the revision in place of the last one, and delete the others."""
        tables = [table for table in _in_order(self.tables) if table.rows]
        older = [one for script in self.scripts for one in read_attributes(script).replaces]
        replaces = (*older, *(script.revision for script in self.scripts[:-1]))
        made = Squashed(last.revision, replaces, {t.table: len(t.rows) for t in tables})
        calls = [*map(_rename_call, self.renamings)]
        for table in tables:
            for number, rows in enumerate(_alike(table), start=1):
                stem = f"{last.revision}.{table.table}.{number}"
                calls.append(self._seed_call(table, rows, stem, made))
        every = (row for table in tables for row in table.rows.values())
        imports = [*sorted(needed_imports(every)), "from alembic import op"]
        text = _text(last, self.scripts, replaces, calls, imports)
        path = Path(last.path)
        path.write_text(text, encoding="utf-8")
        made.written.append(path)
        for script in self.scripts[:-1]:
            Path(script.path).unlink()
            made.deleted.append(Path(script.path))
        return made

    def _seed_call(
        self, table: FoldedTable, rows: Sequence[Mapping[str, Value]], stem: str, made: Squashed
    ) -> str:
        refs = {column: target for column, target in table.refs.items() if column in rows[0]}
        options: dict[str, Any] = {"key": table.key}
        options |= {} if table.id == "id" else {"id": table.id}
        options |= {"refs": refs} if refs else {}
        options |= {"on_conflict": "skip"} if self.skips.get(table.table) else {}
        if len(rows) <= _FEW or not all(map(can_freeze, rows)):
            return call("seed_rows", table.table, map(python_literal, rows), options)
        name = name_frozen(stem, rows)
        made.written.append(write_frozen(self.settings.data, name, rows))
        return call("seed_file", table.table, None, {"path": name, **options})


def _in_order(tables: Mapping[str, FoldedTable]) -> Iterator[FoldedTable]:
    """The tables, each after those that its rows refer to."""
    done: set[str] = set()
    while len(done) < len(tables):
        ready = [
            table
            for name, table in tables.items()
            if name not in done and _targets(table) & tables.keys() <= {*done, name}
        ]
        if not ready:
            left = ", ".join(sorted(tables.keys() - done))
            raise UsageError(f"{left}: refer to each other, which one revision cannot say")
        done.add(ready[0].table)
        yield ready[0]


def _targets(table: FoldedTable) -> set[str]:
    refs = {target.rpartition(".")[0] for target in table.refs.values()}
    held = (value for row in table.rows.values() for value in row.values())
    return refs | {value.table for value in held if isinstance(value, Lookup)}


def _alike(table: FoldedTable) -> Iterator[list[Mapping[str, Value]]]:
    """The rows, those with the same columns together."""
    found: dict[tuple[str, ...], list[Mapping[str, Value]]] = {}
    for row in table.rows.values():
        found.setdefault(tuple(sorted(row)), []).append(row)
    yield from found.values()


def _rename_call(operation: RenameOp) -> str:
    if operation.new is None:
        return f"op.seed_gone({operation.old!r})"
    return f"op.seed_moved({operation.old!r}, to={operation.new!r})"


def _text(
    last: Script,
    scripts: Sequence[Script],
    replaces: Sequence[str],
    calls: Sequence[str],
    imports: Sequence[str],
) -> str:
    """The text of the revision's file."""
    attributes = [read_attributes(script) for script in scripts]
    body = indent("\n".join(calls) or "pass", "    ")
    lines = [f"revision = {last.revision!r}", "down_revision = None"]
    lines.append(f"replaces = {tuple(replaces)!r}")
    said = {name: value for script in scripts for name, value in vars(script.module).items()}
    if "environments" in said:
        lines.append(f"environments = {attributes[-1].environments!r}")
    as_of = next((a.as_of for a in attributes if a.as_of), None)
    lines += [f'as_of = "{as_of}"'] if as_of else []
    needed = next((a.requires_schema for a in reversed(attributes) if a.requires_schema), None)
    lines += [f"requires_schema = {needed!r}"] if needed else []
    head = f'"""{len(replaces) + 1} revisions in one, up to {last.revision}."""\n\n'
    return (
        f"{head}{chr(10).join(imports)}\n\n{chr(10).join(lines)}\n\n\n"
        f"def upgrade() -> None:\n{body}\n\n\n"
        "def downgrade() -> None:\n    op.unseed()\n"
    )
