"""The masking boundary of a run: what every row passes before anything else sees it.

Imported rows are masked while the plan is made, so preflight, script, ledger
and database only ever get to see masked values.  Synthetic rows are held to
the reserved ranges, block by block, on their way out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Protocol

import sqlalchemy as sa

from terp_seed.database.schema import TableFacts
from terp_seed.errors import MaskingError, UsageError
from terp_seed.masking.detect import PolicyGap, find_gaps
from terp_seed.masking.keys import Key
from terp_seed.masking.mask_builder import MaskBuilder
from terp_seed.masking.masker import Masker
from terp_seed.masking.policy import Choice, Policy
from terp_seed.masking.policy_file import load_policy, merge_models
from terp_seed.masking.profiles import profile_of_rows
from terp_seed.masking.proof import Prover, RangeCheck
from terp_seed.rows.columns import measured
from terp_seed.rows.model import Block, Cells, Column, TableRows
from terp_seed.settings.options import Settings, environment_name

__all__ = ["BlockMasker", "Boundary", "Masks", "boundary"]

_UNPROVEN = frozenset({"date", "amount"})  # every day and every sum may be made up


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

    def __post_init__(self) -> None:
        self.environment = environment_name(self.environment)

    @property
    def key_id(self) -> str | None:
        """The name of the run's masking key, which says nothing of the key."""
        return None if self.key is None else self.key.id

    def masker(self, table: str, columns: Sequence[str], first_row: int = 0) -> Masker | None:
        """What a table's imported rows pass; None if none of these columns is masked.

        ``first_row`` is the number of rows that earlier imports gave the same
        table.  Raises `MaskingError` where the policy cannot be met: no key
        outside dev and test, a personal column in production.
        """
        builder = MaskBuilder(self.policy, self.environment, self.key)
        subject = self.policy.table(table).subject
        masks = {
            name: mask
            for name in columns
            if (rule := self.policy.rule(table, name)) is not None
            and rule.kind is not None
            and (mask := builder.mask(f"{table}.{name}", rule, subject)) is not None
        }
        return Masker(table, masks, subject, first_row, self.key is not None) if masks else None

    def prover(self, table: str, columns: Sequence[str]) -> Prover | None:
        """What a table's made-up rows are held to; None if nothing in them is personal."""
        kinds = {name: rule.kind for name in columns if (rule := self.policy.rule(table, name))}
        personal = {name: kind for name, kind in kinds.items() if kind is not None}
        if personal and self.environment == "production":
            names = ", ".join(personal)
            raise MaskingError(f"{table}: production takes no made-up personal data ({names})")
        checks = {n: RangeCheck(kind) for n, kind in personal.items() if kind not in _UNPROVEN}
        return Prover(table, checks) if checks else None

    def strategy(self, table: str, column: str) -> Choice | None:
        """The strategy of a column; None for one that is not masked."""
        return self.policy.strategy(table, column, self.environment)

    def mask(self, rows: TableRows) -> TableRows:
        """Imported rows with every personal value masked; others as they are."""
        if rows.provenance != "imported":
            return rows
        before = self._imported.get(rows.table, 0)
        self._imported[rows.table] = before + rows.count
        masker = self.masker(rows.table, list(rows.columns), before)
        return rows if masker is None else _masked(rows, masker)

    def numbers_rows(self, table: str) -> bool:
        """Whether the table's imported rows may be masked by their number in the whole chain."""
        return self.policy.has_personal_columns(table)

    def prove(self, rows: TableRows) -> BlockMasker | None:
        """What holds synthetic rows to the reserved ranges; None if nothing is personal."""
        if rows.provenance != "synthetic":
            return None
        return self.prover(rows.table, list(rows.columns))

    def findings(self, rows: TableRows, facts: TableFacts | None) -> list[str]:
        """Columns that look personal and have no policy, and masks that cannot fit."""
        found = [str(gap) for gap in self.unclassified(rows, facts)]
        if rows.provenance == "imported" and facts is not None:  # a script knows no lengths
            masker = self.masker(rows.table, list(rows.columns))
            columns = [profile_of_rows(rows, name, facts) for name in rows.columns]
            found += [] if masker is None else masker.check(columns, rows.count)
        return found

    def unclassified(self, rows: TableRows, facts: TableFacts | None) -> list[PolicyGap]:
        """Columns that look personal and have no policy."""
        columns = [profile_of_rows(rows, name, facts) for name in rows.columns]
        return find_gaps(self.policy, rows.table, columns)


def boundary(
    settings: Settings, environment: str, environ: Mapping[str, str] = os.environ
) -> Boundary:
    """Read the policy, what the models add to it, and the key.

    Raises `UsageError` if one of them is not usable, or if they contradict each other.
    """
    path = settings.home / "masking.toml"
    policy = load_policy(path) if path.exists() else Policy()
    for place in settings.models:
        policy = merge_models(policy, _metadata(place))
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
