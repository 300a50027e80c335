"""The masking boundary of a run: what every row passes before anything else sees it.

Imported rows are masked while the plan is made, so preflight, script, ledger
and database only ever get to see masked values.  Synthetic rows are held to
the reserved ranges, block by block, on their way out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol

import sqlalchemy as sa

from terp_seed.database.schema import ColumnFacts as LiveColumn
from terp_seed.database.schema import TableFacts
from terp_seed.errors import UsageError
from terp_seed.masking import ColumnFacts, Key, Policy
from terp_seed.rows.columns import measured
from terp_seed.rows.model import Block, Cells, Column, Lookup, TableRows, Value
from terp_seed.settings.options import Settings

if TYPE_CHECKING:
    from terp_seed.masking.detect import Finding
    from terp_seed.masking.names import TypeKind

__all__ = ["BlockMasker", "Boundary", "Masks", "boundary", "column_facts"]

_FEW = 50
_NUMBER = re.compile(r"[-+]?\d{1,12}(\.\d{1,6})?", re.ASCII)  # longer ones may be somebody's
_KINDS: tuple[tuple[type[sa.types.TypeEngine[Any]], TypeKind], ...]


class BlockMasker(Protocol):
    """What the masking boundary does to a block."""

    def apply(self, block: Block) -> Block:
        """Return the block to write; raise `MaskingError` rather than pass a doubt."""


Masks = Callable[[TableRows], BlockMasker | None]
"""The masker for a table's rows; None where the policy has nothing to do."""


@dataclass
class Boundary:
    """The policy of a project in one environment, with the run's key."""

    policy: Policy
    environment: str
    key: Key | None
    _imported: dict[str, int] = field(default_factory=dict)

    @property
    def key_id(self) -> str | None:
        """The name of the run's masking key, which says nothing of the key."""
        return None if self.key is None else self.key.id

    def mask(self, rows: TableRows) -> TableRows:
        """Imported rows with every personal value masked; others as they are."""
        if rows.provenance != "imported":
            return rows
        before = self._imported.get(rows.table, 0)
        self._imported[rows.table] = before + rows.count
        masker = self.policy.masker(
            rows.table,
            list(rows.columns),
            environment=self.environment,
            key=self.key,
            provenance="imported",
            first_row=before,
        )
        return rows if masker is None else _masked(rows, masker)

    def numbers_rows(self, table: str) -> bool:
        """Whether the table's imported rows may be masked by their number in the whole chain."""
        return self.policy.has_personal_columns(table)

    def prove(self, rows: TableRows) -> BlockMasker | None:
        """What holds synthetic rows to the reserved ranges; None if nothing is personal."""
        if rows.provenance != "synthetic":
            return None
        return self.policy.masker(
            rows.table,
            list(rows.columns),
            environment=self.environment,
            key=self.key,
            provenance="synthetic",
        )

    def findings(self, rows: TableRows, facts: TableFacts | None) -> list[str]:
        """Columns that look personal and have no policy, and masks that cannot fit."""
        columns = [_facts(rows, name, facts) for name in rows.columns]
        found = [str(each) for each in self.unclassified(rows, facts)]
        if rows.provenance == "imported" and facts is not None:  # a script knows no lengths
            masker = self.policy.masker(
                rows.table,
                list(rows.columns),
                environment=self.environment,
                key=self.key,
                provenance="imported",
            )
            found += [] if masker is None else masker.check(columns, rows.count)
        return found

    def unclassified(self, rows: TableRows, facts: TableFacts | None) -> list[Finding]:
        """Columns that look personal and have no policy."""
        columns = [_facts(rows, name, facts) for name in rows.columns]
        return self.policy.unclassified(rows.table, columns)


def boundary(
    settings: Settings, environment: str, environ: Mapping[str, str] = os.environ
) -> Boundary:
    """Read the policy, what the models add to it, and the key.

    Raises `UsageError` if one of them is not usable, or if they contradict each other.
    """
    path = settings.home / "masking.toml"
    policy = Policy.load(path) if path.exists() else Policy()
    for place in settings.models:
        policy = policy.merged(_metadata(place))
    return Boundary(policy, environment, Key.from_environment(environ))


def _metadata(place: str) -> Any:
    """What ``module:name`` stands for: SQLAlchemy metadata, or a model base that has some."""
    module, _, name = place.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        found = None
    found = getattr(found, "metadata", found)
    if not isinstance(found, sa.MetaData):
        raise UsageError(
            f"models = {place}: there is no such metadata; write it as module:name in the seed "
            "section of alembic.ini"
        )
    return found


def _masked(rows: TableRows, masker: BlockMasker) -> TableRows:
    cells = {name: Cells(rows.values(name)) for name in rows.columns}
    block = masker.apply(Block(rows.table, 0, rows.count, cells))
    return replace(rows, columns={name: _fixed(cells) for name, cells in block.columns.items()})


def _fixed(cells: Cells) -> Column:
    values = cells.values
    return Column(lambda span: values[span.start : span.stop], measured(values))


def _facts(rows: TableRows, name: str, facts: TableFacts | None) -> ColumnFacts:
    live = facts.columns.get(name) if facts else None
    samples = None
    if rows.provenance == "imported":
        samples = [value for value in rows.values(name) if not isinstance(value, Lookup)]
    if rows.columns[name].ref is not None or (samples == [] and rows.count):
        return ColumnFacts(name, "number")
    if live is None:
        few = rows.values(name, 0, min(rows.count, _FEW))
        length = rows.columns[name].bounds.length
        return ColumnFacts(name, _kind_of_values(few), length, samples)
    return ColumnFacts(
        name,
        _kind(live),
        live.length,
        samples,
        live.nullable,
        bool(facts and (name,) in facts.uniques),
    )


def column_facts(
    facts: TableFacts, name: str, samples: Sequence[Value] | None = None
) -> ColumnFacts:
    """What masking must know of a column that holds rows already.

    A part of a key counts as unique; a text column full of documents is one of
    documents, whatever the engine calls its type.
    """
    live = facts.columns[name]
    kind = _kind(live)
    if kind == "text" and samples and _are_documents(samples):
        kind = "json"
    unique = name in facts.key or any(name in columns for columns in facts.uniques)
    plane: Literal["ascii", "full"] = "ascii" if live.charset == "ascii" else "full"
    return ColumnFacts(name, kind, live.length, samples, live.nullable, unique, plane)


def _are_documents(samples: Sequence[Value]) -> bool:
    texts = [value for value in samples if value is not None]
    return bool(texts) and all(
        isinstance(text, str) and text[:1] in ("{", "[") and text[-1:] in ("}", "]")
        for text in texts
    )


def _kind_of_values(values: Sequence[Value]) -> TypeKind:
    """What a column holds, where only its values can tell."""
    there = [value for value in values if value is not None]
    if any(isinstance(value, dict | list) for value in there):
        return "json"
    texts = [value for value in there if isinstance(value, str)]
    if not there or not all(map(_NUMBER.fullmatch, texts)):
        return "text"
    return "number"  # a CSV's numbers are texts, too


def _kind(live: LiveColumn) -> TypeKind:
    if live.choices is not None:
        return "enum"
    for kind, name in _KINDS:
        if isinstance(live.type, kind):
            return name
    return "text"


_KINDS = (
    (sa.Enum, "enum"),
    (sa.JSON, "json"),
    (sa.Boolean, "boolean"),
    (sa.DateTime, "datetime"),
    (sa.Date, "date"),
    (sa.Time, "datetime"),
    (sa.Integer, "number"),
    (sa.Numeric, "number"),
    (sa.LargeBinary, "binary"),
    (sa.String, "text"),
)
