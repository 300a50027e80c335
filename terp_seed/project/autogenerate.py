"""Autogenerate for datasets: a comparator, renderers and a hook for Alembic's own autogenerate.

The comparator finds what differs between the datasets and the chain, the hook makes one revision of
it for each set of environments, and the renderer writes the operations.  No database is opened.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import sqlalchemy as sa
from alembic import util as alembic_util
from alembic.autogenerate import comparators, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation
from alembic.operations.ops import DowngradeOps, MigrationScript, UpgradeOps
from alembic.script import Script, ScriptDirectory
from alembic.util import rev_id

from terp_seed.errors import MaskingError, UsageError
from terp_seed.masking.boundary import boundary
from terp_seed.plan.chain import ancestors, choose_generation, read_attributes
from terp_seed.plan.fold import FoldedTable, fold
from terp_seed.plan.operations import UnseedOp
from terp_seed.plan.recorder import Recorder
from terp_seed.project.dataset_changes import (
    DatasetChanges,
    EnvironmentChanges,
    Personal,
    compare_datasets,
)
from terp_seed.project.datasets import REGISTER, Dataset, Row, read_datasets
from terp_seed.project.new_revision import revision_id
from terp_seed.project.operation_text import (
    call,
    listed,
    name_frozen,
    needed_imports,
    python_literal,
    write_frozen,
)
from terp_seed.settings.log import logger
from terp_seed.settings.options import ENVIRONMENTS, Settings

__all__ = ["DatasetOp", "Generator", "find_differences", "fold_chain"]

OPTION = "terp_seed_generator"
"""The option of a migration context that holds its `Generator`."""

_LITERAL_ROWS = 100  # more go into a frozen file
_DEFAULT = tuple(name for name in ENVIRONMENTS if name != "production")

Hook = Callable[[Any, Any, list[MigrationScript]], None]


def _compare_with_chain(
    settings: Settings, scripts: Sequence[Script], *, allow_delete: bool = False
) -> list[EnvironmentChanges]:
    """Compare the project's datasets with what these revisions add up to, oldest first."""
    datasets = read_datasets(settings.home)
    if not datasets:
        return []
    border, fold = boundary(settings, "dev", {}), partial(_fold, settings, scripts)
    found = compare_datasets(datasets, fold, border.is_personal, allow_delete=allow_delete)
    for change in (change for comparison in found for change in comparison.changes):
        table = change.dataset.table
        if change.deletes and border.numbers_rows(table):
            raise MaskingError(
                f"dataset {change.dataset.name}: {len(change.deletes):,} rows are not in "
                f"{change.dataset.place}, and rows of {table} cannot be deleted by a seed: the "
                "masking policy classifies columns of it, and a rollback has to keep the rows; set "
                f'vanished = "leave" in {REGISTER}'
            )
    return found


def _personal(settings: Settings) -> Personal:
    """Whether the project's masking policy gives a column a class."""
    return boundary(settings, "dev", {}).is_personal


def fold_chain(
    settings: Settings, directory: ScriptDirectory, environment: str
) -> Mapping[str, FoldedTable]:
    """The tables that the chain adds up to in an environment."""
    return _fold(settings, ancestors(directory, directory.get_heads()), [environment])


def _fold(
    settings: Settings, scripts: Sequence[Script], environments: Sequence[str]
) -> Mapping[str, FoldedTable]:
    """What the revisions add up to that run in all of these environments.

    A revision that reads the database while it runs is left out.
    """
    running = []
    for script in scripts:
        attributes = read_attributes(script)
        if {*environments} <= {*attributes.environments} and not attributes.online_only:
            running.append(script)
    environment = environments[0]
    recorder = Recorder(
        choose_generation(settings, environment, running, {}),
        environment,
        settings.data,
        settings.url.get_backend_name(),
        build=False,
        load_files=False,
    )
    return fold([recorder.upgrade(script) for script in running], settings.data)


@dataclass
class DatasetOp(MigrateOperation):
    """An operation of a revision that is about to be written, with rows of one dataset."""

    operation: str
    """``seed_rows``, ``update_rows`` or ``delete_rows``."""
    changes: DatasetChanges
    environments: tuple[str, ...]
    differences: Sequence[str] = ()
    file: str | None = None
    """The file below ``seeds/data/`` that takes the rows, if they are many."""

    @property
    def dataset(self) -> Dataset:
        return self.changes.dataset

    @property
    def rows(self) -> Sequence[Row]:
        """The rows as the revision has them; rows of a file all have the same columns."""
        if self.operation == "seed_rows":
            return self.changes.inserts
        if self.operation == "delete_rows":
            return self.changes.deletes
        key, updates = self.dataset.key, self.changes.updates
        every = dict.fromkeys(name for update in updates for name in update.columns)
        whole = self.file is None
        return [
            {name: update.row[name] for name in (*key, *(update.columns if whole else every))}
            for update in updates
        ]

    def reverse(self) -> MigrateOperation:
        """One ``op.unseed()`` undoes all operations of a revision."""
        return UnseedOp(())

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """What ``alembic check`` prints: dataset, keys and columns."""
        return (self.operation, self.dataset.name, *self.differences)

    def text(self) -> str:
        """The call of the operation."""
        if self.file is not None:
            name = "seed_file" if self.operation == "seed_rows" else self.operation
            table = self.dataset.table
            if name == "seed_file":
                return call(name, table, None, {"path": self.file, **self._options()})
            return call(name, table, None, {**self._options(), "path": self.file})
        rows = self.rows
        key = self.dataset.key
        plain = self.operation == "delete_rows" and len(key) == 1
        texts = [python_literal(row[key[0]] if plain else row) for row in rows]
        return call(self.operation, self.dataset.table, texts, self._options())

    def _options(self) -> dict[str, Any]:
        dataset = self.dataset
        written = {name for row in self.rows for name in row}
        options: dict[str, Any] = {"key": dataset.key}
        if dataset.id != "id":
            options["id"] = dataset.id
        refs = {name: target for name, target in dataset.refs.items() if name in written}
        if refs:
            options["refs"] = refs
        if self.operation == "seed_rows":
            options |= {"on_conflict": dataset.on_conflict} if dataset.on_conflict != "stop" else {}
            options |= {"later": dataset.later} if dataset.later else {}
            merge = [name for name in dataset.merge if name in written]
            options |= {"merge": merge} if merge and dataset.on_conflict == "update" else {}
        elif self.operation == "update_rows":
            options |= {"strict": dataset.strict} if dataset.strict else {}
            merge = [name for name in dataset.merge if name in written]
            options |= {"merge": merge} if merge else {}
        elif self.changes.large_share:
            options["allow_delete"] = True
        return options

    def name_file(self, revision: str) -> None:
        """Let a frozen file take the rows."""
        self.file = ""  # from here on all rows have the same columns
        what = self.operation.removesuffix("_rows")
        self.file = name_frozen(f"{revision}.{self.dataset.name}.{what}", self.rows)

    def freeze(self) -> None:
        """Write the file that takes the rows."""
        if self.file is not None:
            write_frozen(self.dataset.home / "data", self.file, self.rows)


def find_differences(settings: Settings, scripts: Sequence[Script]) -> list[str]:
    """A line for each row in which datasets and chain differ, with dataset, key and columns."""
    comparisons = _compare_with_chain(settings, scripts, allow_delete=True)
    operations = _operations(comparisons, _personal(settings))
    return [line for operation in operations for line in operation.differences]


def _operations(
    comparisons: Iterable[EnvironmentChanges], personal: Personal
) -> Iterator[DatasetOp]:
    """Parents go in before children, and out after them."""
    for comparison in comparisons:
        changes, environments = comparison.changes, comparison.environments
        make = partial(_operation, environments=environments, personal=personal)
        yield from (make("seed_rows", change) for change in changes if change.inserts)
        yield from (make("update_rows", change) for change in changes if change.updates)
        yield from (make("delete_rows", change) for change in reversed(changes) if change.deletes)


def _operation(
    operation: str,
    changes: DatasetChanges,
    environments: tuple[str, ...],
    personal: Personal,
) -> DatasetOp:
    lines = changes.differences(operation, personal)
    return DatasetOp(operation, changes, environments, lines)


@dataclass
class Generator:
    """What autogenerate needs to know of the project; one for each command."""

    settings: Settings
    directory: ScriptDirectory
    head: str
    """Where the new revision goes, as Alembic's option says it."""
    named: bool = False
    """Whether the command says the new revision's id."""
    writes: bool = True
    """Whether a revision is to be written; otherwise the differences are only listed."""
    allow_delete: bool = False
    hook: Hook | None = None
    """The project's own ``process_revision_directives``."""

    @contextmanager
    def options(self, embedded: str) -> Iterator[dict[str, Any]]:
        """The options of Alembic's ``context.configure``, to be used while it is open.

        ``embedded`` is SQLAlchemy's name of an engine that needs no server.
        """
        _register_renderers()
        options = {
            "target_metadata": sa.MetaData(),
            "process_revision_directives": self.process,
            OPTION: self,
        }
        if find_spec(_PLUGINS):
            yield {**options, "autogenerate_plugins": [_register_plugin()]}
            return
        _register_comparator()
        # Before plugins Alembic compares a schema in any case: let it be an empty one.
        with sa.create_engine(f"{embedded}://").connect() as nothing:
            yield {**options, "connection": nothing}

    def compare(self) -> list[DatasetOp]:
        """What a revision would have to do; logs what whoever reviews it should know."""
        scripts = ancestors(self.directory, [s.revision for s in self._heads()])
        comparisons = _compare_with_chain(self.settings, scripts, allow_delete=self.allow_delete)
        personal = _personal(self.settings)
        for change in (change for comparison in comparisons for change in comparison.changes):
            for note in change.notes(personal):
                logger.info(note)
            if change and self.writes:
                logger.info(str(change))
        return [*_operations(comparisons, personal)]

    def process(self, context: Any, revision: Any, directives: list[MigrationScript]) -> None:
        """Alembic's ``process_revision_directives``; the project's own comes after it."""
        if self.writes:
            directives[:] = self._revisions(directives[0])
            if not directives:
                logger.info("no dataset differs from the chain; no revision was written")
                return
        if self.hook is not None:
            self.hook(context, revision, directives)

    def _heads(self) -> Sequence[Script]:
        found = self.directory.get_revisions(self.head)
        return [script for script in found if isinstance(script, Script)]

    def _revisions(self, first: MigrationScript) -> list[MigrationScript]:
        """One revision for each set of environments, each after the one before."""
        groups: dict[tuple[str, ...], list[MigrateOperation]] = {}
        assert first.upgrade_ops is not None
        for operation in first.upgrade_ops.ops:
            environments = operation.environments if isinstance(operation, DatasetOp) else ()
            groups.setdefault(environments, []).append(operation)
        scripts: list[MigrationScript] = []
        taken = [script.revision for script in self.directory.walk_revisions()]
        for environments, operations in groups.items():
            script = _script(first, scripts[-1] if scripts else None, operations)
            script.rev_id = self._name(script, [*taken, *(str(s.rev_id) for s in scripts)])
            script.imports = {_head(operations, environments)} - {""}
            _place_files(str(script.rev_id), operations)
            scripts.append(script)
        return scripts

    def _name(self, script: MigrationScript, taken: Sequence[str]) -> str | None:
        """The id: Alembic's or the caller's, unless the chain's own way to name has one."""
        keeps = self.named and script.rev_id not in taken
        for message in (script.message, f"{script.message} {len(taken)}"):
            if message and script.message and not keeps:
                with suppress(UsageError):
                    return revision_id(taken, message)
        return rev_id() if script.rev_id in taken else script.rev_id


def _script(
    first: MigrationScript, before: MigrationScript | None, operations: list[MigrateOperation]
) -> MigrationScript:
    """The script that was asked for, or another one like it, after the one before."""
    upgrade, downgrade = UpgradeOps(operations), DowngradeOps([UnseedOp(())])
    if before is None:
        first.upgrade_ops, first.downgrade_ops = upgrade, downgrade
        return first
    return MigrationScript(
        first.rev_id,
        upgrade,
        downgrade,
        message=first.message,
        head=before.rev_id,
        splice=first.splice,
        version_path=first.version_path,
    )


def _head(operations: Sequence[MigrateOperation], environments: tuple[str, ...]) -> str:
    """What a revision needs above its functions: imports, and where it runs."""
    lines: set[str] = set()
    for operation in operations:
        if isinstance(operation, DatasetOp) and len(operation.rows) <= _LITERAL_ROWS:
            lines |= needed_imports(operation.rows)
    given = []
    if environments not in ((), _DEFAULT):
        comma = "," if len(environments) == 1 else ""
        given = [f"environments = ({listed(environments)[1:-1]}{comma})"]
    return "\n".join([*sorted(lines), "", *given]) if lines or given else ""


def _place_files(revision: str, operations: Iterable[MigrateOperation]) -> None:
    """Name the files that take many rows."""
    for operation in operations:
        if isinstance(operation, DatasetOp) and len(operation.rows) > _LITERAL_ROWS:
            operation.name_file(revision)


_PLUGIN = "terp_seed.datasets"
_PLUGINS = "alembic.runtime.plugins"  # since Alembic 1.18


@cache
def _register_renderers() -> None:
    renderers.dispatch_for(DatasetOp)(_render)
    renderers.dispatch_for(UnseedOp)(_render_unseed)


@cache
def _register_plugin() -> str:
    """Register the comparator as a plugin, which takes the place of those that read a schema."""
    logging.getLogger(_PLUGINS).setLevel(logging.WARNING)  # how it is done is no news
    plugin = import_module(_PLUGINS).Plugin(_PLUGIN)
    plugin.add_autogenerate_comparator(_compare, "autogenerate")
    return _PLUGIN


@cache
def _register_comparator() -> None:
    """Register the comparator among those that read a schema."""
    comparators.dispatch_for("schema")(_compare)


def _compare(context: AutogenContext, upgrade: UpgradeOps, schemas: object = None) -> Any:
    generator: Generator | None = context.opts.get(OPTION)
    if generator is not None:
        upgrade.ops += generator.compare()
    # What a plugin's comparator has to return.
    return getattr(alembic_util, "PriorityDispatchResult", _Continue).CONTINUE


class _Continue:
    CONTINUE = None


def _render(context: AutogenContext, operation: DatasetOp) -> str:
    operation.freeze()
    return operation.text()


def _render_unseed(context: AutogenContext, operation: UnseedOp) -> str:
    return f"op.unseed({', '.join(map(python_literal, operation.tables))})"
