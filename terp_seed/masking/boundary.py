"""The masking boundary of a run: what every row passes before anything else sees it.

Imported rows are masked while the plan is made, so preflight, script, ledger
and database only ever get to see masked values.  Synthetic rows are held to
the reserved ranges, block by block, on their way out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Protocol

import sqlalchemy as sa

from terp_seed.database.schema import TableFacts
from terp_seed.errors import MaskingError, UsageError
from terp_seed.masking.classes import DATA_CLASSES
from terp_seed.masking.detect import PolicyGap, find_gaps
from terp_seed.masking.documents import Other, mask_document
from terp_seed.masking.keys import Key
from terp_seed.masking.masker import Masker
from terp_seed.masking.policy import Choice, Policy, Rule
from terp_seed.masking.policy_file import load_policy, merge_models
from terp_seed.masking.profiles import profile_of_rows
from terp_seed.masking.proof import Prover, RangeCheck
from terp_seed.masking.site import Mask, Site
from terp_seed.masking.strategies import build, known
from terp_seed.rows.batches import BATCH_ROWS
from terp_seed.rows.model import Block, TableRows
from terp_seed.rows.row_store import RowStore
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
        """The name of the run's masking key, which reveals nothing of the key."""
        return None if self.key is None else self.key.id

    def masker(self, table: str, columns: Sequence[str], first_row: int = 0) -> Masker | None:
        """What a table's imported rows pass; None if none of these columns is masked.

        ``first_row`` is the number of rows that earlier imports gave the same
        table.  Raises `MaskingError` where the policy cannot be met: no key
        outside dev and test, a personal column in production.
        """
        subject = self.policy.table(table).subject
        masks = {
            name: mask
            for name, rule in self._personal(table, columns)
            if (mask := self._mask(f"{table}.{name}", rule, subject)) is not None
        }
        return Masker(table, masks, subject, first_row, self.key is not None) if masks else None

    def prover(self, table: str, columns: Sequence[str]) -> Prover | None:
        """What a table's made-up rows are held to; None if nothing in them is personal."""
        personal = {name: rule.kind or "" for name, rule in self._personal(table, columns)}
        if personal and self.environment == "production":
            names = ", ".join(personal)
            raise MaskingError(f"{table}: production takes no made-up personal data ({names})")
        checks = {n: RangeCheck(kind) for n, kind in personal.items() if kind not in _UNPROVEN}
        return Prover(table, checks) if checks else None

    def _personal(self, table: str, columns: Sequence[str]) -> Iterator[tuple[str, Rule]]:
        for name in columns:
            rule = self.policy.rule(table, name)
            if rule is not None and rule.kind is not None:
                yield name, rule

    def _mask(self, place: str, rule: Rule, subject: str | None = None) -> Mask | None:
        """The mask of a personal column or path; None if its values are kept.

        Raises `MaskingError` if production has no strategy for it, if the
        strategy needs a key and there is none outside dev and test, or if it
        needs a subject.
        """
        choice = rule.choice(self.environment, self.policy.classes(self.environment))
        if choice is None:
            raise MaskingError(
                f"{place} is personal ({rule.kind}) and is not written in production; leave the "
                "column out, or give it a strategy of its own under production"
            )
        site = self._site(place, rule, choice)
        if rule.kind == "json" and choice.strategy in ("redact", "scrub_text"):
            return self._document_mask(site, rule)
        if choice.strategy == "date_shift":
            if subject is None:
                raise MaskingError(
                    f"{place}: date_shift needs the column that names a row's subject"
                )
            # All dates of a row move alike, so the place is the table.
            table = place.rpartition(".")[0]
            site = replace(site, place=table, domain=rule.domain or "subject")
        return build(site)

    def _site(self, place: str, rule: Rule, choice: Choice) -> Site:
        assert rule.kind is not None
        keyed, optional = known()[choice.strategy].keyed, self.environment in ("dev", "test")
        if keyed and self.key is None and not optional:
            raise MaskingError(
                f"{place}: {choice.strategy} needs a key in {self.environment}; "
                "set TERP_SEED_MASK_KEY or TERP_SEED_MASK_KEY_FILE"
            )
        return Site(
            place=place,
            kind=DATA_CLASSES[rule.kind],
            choice=choice,
            key=self.key,
            domain=rule.domain or rule.kind,
            unique=rule.unique,
            mail_domain=self.policy.mail_domain,
        )

    def _document_mask(self, site: Site, rule: Rule) -> Mask | None:
        if site.choice.strategy == "redact" and not rule.paths and rule.other is None:
            return build(site)
        paths = [
            (path, None if inner.kind is None else self._mask(f"{site.place} {path}", inner))
            for path, inner in rule.paths
        ]
        return mask_document(paths, _other(site, rule.other or site.choice))

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
    """What ``module:name`` names: SQLAlchemy metadata, or a model base that has some."""
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


def _other(site: Site, choice: Choice) -> Other:
    """What happens to the parts of a document that no path names."""
    if choice.strategy == "keep":
        return "keep"
    if choice.strategy == "redact":
        return "remove"
    texts = build(replace(site, kind=DATA_CLASSES["free_text"], choice=Choice("scrub_text")))
    assert texts is not None
    assert texts.by_value is not None
    return texts.by_value


def _masked(rows: TableRows, masker: BlockMasker) -> TableRows:
    store = RowStore()
    for block in rows.blocks(BATCH_ROWS):
        masked = masker.apply(block)
        store.add({name: cells.values for name, cells in masked.columns.items()})
    return replace(rows, columns=store.columns)
