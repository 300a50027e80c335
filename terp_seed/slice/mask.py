"""Masking a slice on its way: the project's policy, under a key, before a row is written anywhere.

A column without a decision stops the run, and so does a block whose values look personal in a
column that is said not to be.  Columns that refer to each other are masked alike, or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from terp_seed.database.schema import TableFacts
from terp_seed.errors import MaskingError, UsageError
from terp_seed.mask_database.blocks import opened_document
from terp_seed.mask_database.referred import ForeignKey, referred_names
from terp_seed.masking.boundary import Boundary, Masker, boundary
from terp_seed.masking.gaps import PolicyGap, describe_gaps, find_gaps, profile_of_column
from terp_seed.masking.policy import Policy
from terp_seed.rows.model import Block, Cells, Value
from terp_seed.settings.options import Settings
from terp_seed.slice.closure import Closure
from terp_seed.slice.references import SliceReference

__all__ = ["MASKED_AS", "MaskedTable", "masked_tables", "slice_boundary"]

MASKED_AS = "staging"
"""The environment whose strategies hold: production has none, and dev needs no key."""

_TEXTS = {"redact", "substitute", "pseudonymise", "tokenise", "hash", "partial", "scrub_text"}
"""The strategies that make texts."""
_PLAIN = (
    *(sa.String, sa.Enum, sa.JSON, sa.LargeBinary, sa.Numeric, sa.Integer, sa.Boolean),
    *(sa.Date, sa.DateTime, sa.Time, sa.Interval),
)

Columns = Mapping[str, Sequence[Value]]


def slice_boundary(settings: Settings) -> Boundary:
    """The project's policy with the key of the shell; `UsageError` without a key."""
    border = boundary(settings, MASKED_AS)
    if border.key is None:
        raise UsageError(
            "a slice is masked under a key, so that slices join: set TERP_SEED_MASK_KEY or "
            "TERP_SEED_MASK_KEY_FILE"
        )
    return border


@dataclass(frozen=True)
class MaskedTable:
    """How the rows of one table are read and masked."""

    facts: TableFacts
    policy: Policy
    columns: tuple[str, ...]
    """Those that are read and written, in order."""
    masked: frozenset[str]
    raw: frozenset[str]
    """Those that are read as the driver gives them, because masks look at the values."""
    referred: Mapping[str, str]
    """Names of other rows that texts lose, with the subqueries that read them."""
    documents: frozenset[str]
    masker: Masker | None
    beside: Mapping[str, str] = field(default_factory=dict)
    """Expressions whose values are written in the place of columns."""

    def apply(self, columns: Columns, start: int) -> Columns:
        """The columns to write; raises `MaskingError` with table and column, never a value."""
        self._refuse_personal(columns)
        if self.masker is None:
            return columns
        opened = {
            name: [*map(opened_document, values)] if name in self.documents else values
            for name, values in columns.items()
        }
        count = len(next(iter(columns.values())))
        cells = {name: Cells(values) for name, values in opened.items()}
        done = self.masker.apply(Block(self.facts.name, start, start + count, cells)).columns
        return {
            name: self._written(name, done[name].values) if name in self.masked else columns[name]
            for name in self.columns
        }

    def _written(self, name: str, values: Sequence[Value]) -> Sequence[Value]:
        if name not in self.documents:
            return values
        # What is not a document has become a text, which a column of documents does not take.
        return ["{}" if isinstance(value, str) else value for value in values]

    def gaps(self, columns: Columns) -> list[PolicyGap]:
        """The columns that need a decision, judged by these values too."""
        profiles = [profile_of_column(self.facts, name, columns[name]) for name in self.columns]
        return find_gaps(self.policy, self.facts.name, profiles)

    def _refuse_personal(self, columns: Columns) -> None:
        gaps = self.gaps(columns)
        if gaps:
            raise MaskingError(
                "a value that looks personal came up, nothing was written: "
                + "; ".join(describe_gaps(gaps))
            )


def masked_tables(
    closure: Closure, references: Sequence[SliceReference], samples: Mapping[str, Columns]
) -> dict[str, MaskedTable]:
    """How each taken table is masked; `MaskingError` with everything that prevents it.

    ``samples`` are values of each table.
    """
    border, found = closure.border, dict[str, MaskedTable]()
    problems = [*_parted(border, closure, references)]
    gaps: list[PolicyGap] = []
    for table in closure.tables:
        addresses = closure.source.session.dialect.address_types
        problems += _refused(border, closure.facts(table), addresses)
        made = found[table] = table_mask(closure, references, table)
        if table in samples:
            gaps += made.gaps(samples[table])
        if made.masker is not None:
            profiles = [profile_of_column(made.facts, name) for name in made.masked]
            problems += made.masker.check(profiles, closure.keys.count(table))
    problems += describe_gaps(gaps)
    if problems:
        raise MaskingError("nothing was written: " + "\n  ".join(problems))
    return found


def table_mask(closure: Closure, references: Sequence[SliceReference], table: str) -> MaskedTable:
    """How one table is masked; `MaskingError` where the policy cannot be met."""
    border, facts = closure.border, closure.facts(table)
    columns = tuple(name for name, column in facts.columns.items() if not column.computed)
    choices = {name: border.strategy(table, name) for name in columns}
    masked = [n for n, choice in choices.items() if choice and choice.strategy != "keep"]
    names = {}
    if border.scrubs_texts(table, masked):
        keys = [
            ForeignKey(each.table, each.columns, each.target, each.targets, cascades=False)
            for each in references
            if each.enforced
        ]
        names = dict(referred_names(closure.source.session, border, keys, table))
    masks = {name: found.mask for name, found in names.items()}
    masker = border.masker(table, columns, referred=masks)
    known_by = masker.known_by if masker else frozenset()
    rules = {name: border.policy.rule(table, name) for name in masked}
    return MaskedTable(
        facts=facts,
        policy=border.policy,
        columns=columns,
        masked=frozenset(masked),
        raw=frozenset([*masked, *(n for n in columns if n.casefold() in known_by)]),
        referred={name: found.sql for name, found in names.items()},
        documents=frozenset(n for n, rule in rules.items() if rule and rule.kind == "json"),
        masker=masker,
    )


def _refused(border: Boundary, facts: TableFacts, addresses: Collection[str]) -> Iterator[str]:
    """Entries of the policy that a slice cannot follow."""
    policy = border.policy
    for name in policy.stale(facts.name, facts.columns):
        rule = policy.rule(facts.name, name)
        if rule is not None and rule.kind is not None:
            yield (
                f"{facts.name}.{name} is personal by the policy, and the table has no such "
                "column; if it was renamed, rename its entry, else remove it"
            )
    for name, column in facts.columns.items():
        choice = border.strategy(facts.name, name)
        if column.unwritable and choice and choice.strategy not in ("keep", "nullify"):
            yield (
                f"{facts.name}.{name} is of type {column.unwritable}, which no mask makes: use "
                "nullify, or say why it is not personal"
            )
        elif (
            choice
            and choice.strategy in _TEXTS
            and not _takes_text(column.type, choice.strategy, addresses)
        ):
            yield (
                f"{facts.name}.{name} is of type {column.type!r}, which {choice.strategy} does not "
                "make: use nullify, or say why it is not personal"
            )
        if choice is not None and choice.strategy == "shuffle":
            yield (
                f"{facts.name}.{name}: shuffle exchanges values of a whole table, and a slice is "
                f"a part of one; give the column another strategy under {MASKED_AS}"
            )


def _takes_text(kind: sa.types.TypeEngine[Any], strategy: str, addresses: Collection[str]) -> bool:
    """Whether a column takes what a strategy makes; mismatched plain types are found elsewhere."""
    kind = getattr(kind, "data_type", kind)  # of a domain
    if isinstance(kind, sa.ARRAY):
        return False
    if strategy == "tokenise" and type(kind).__name__ in addresses:
        return True
    return isinstance(kind, _PLAIN) or (strategy == "pseudonymise" and isinstance(kind, sa.Uuid))


def _parted(
    border: Boundary, closure: Closure, references: Sequence[SliceReference]
) -> Iterator[str]:
    """References whose two sides would be masked apart."""
    taken = {*closure.tables}
    for reference in references:
        if reference.path or closure.is_cut(reference) or reference.table not in taken:
            continue
        for column, target in zip(reference.columns, reference.targets, strict=True):
            if not border.joins(reference.table, column, reference.target, target):
                yield (
                    f"{reference.table}.{column} refers to {reference.target}.{target}, and would "
                    "no longer once it is masked: give both the same class, domain and a strategy "
                    "that keeps values apart (pseudonymise, tokenise), or keep both"
                )
