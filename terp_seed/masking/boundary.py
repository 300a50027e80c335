"""The masking boundary of a run: what every row passes before anything else sees it.

Imported rows are masked while the plan is made, so preflight, script, ledger
and database only ever get to see masked values.  Synthetic rows are held to
the reserved ranges, block by block, on their way out.

A `Masker` is built once for each table.  It remembers no value; a block that
comes in is never changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import Any

import sqlalchemy as sa

from terp_seed.database.schema import TableFacts
from terp_seed.errors import MaskingError, UsageError, Where
from terp_seed.masking.column_masks import Place, column_mask
from terp_seed.masking.documents import Other, mask_document
from terp_seed.masking.gaps import (
    ColumnProfile,
    PolicyGap,
    describe_gaps,
    find_gaps,
    misfits,
    profile_of_column,
    profile_of_rows,
)
from terp_seed.masking.identities import Spelling, spelling_of
from terp_seed.masking.keys import Key
from terp_seed.masking.normal import UnmaskableError, is_blank
from terp_seed.masking.persons import follows_person, mask_of_person
from terp_seed.masking.policy import DATA_CLASSES, Choice, Policy, Rule, TableRules, same_name
from terp_seed.masking.policy_file import load_policy, merge_models
from terp_seed.masking.proof import Prover, RangeCheck
from terp_seed.masking.row_names import NAMES, RowNames
from terp_seed.masking.site import Mask, Site
from terp_seed.masking.strategies import build, list_strategies
from terp_seed.rows.imported import BATCH_ROWS, RowStore
from terp_seed.rows.model import Block, Cells, Lookup, TableRows, Value
from terp_seed.settings.options import Settings, environment_name

__all__ = ["Boundary", "MakeProver", "Masker", "boundary"]

_UNPROVEN = frozenset({"date", "amount"})  # every day and every sum may be made up


MakeProver = Callable[[TableRows], Prover | None]
"""The prover for a table's rows; None where the policy asks for no proof."""


@dataclass
class Boundary:
    """The policy of a project in one environment, with the run's key."""

    policy: Policy
    environment: str
    key: Key | None
    _imported: dict[str, int] = field(default_factory=dict)
    _by_person: dict[tuple[str, tuple[str, ...]], bool] = field(default_factory=dict)
    """Whether rows of a table that are known by these columns are known by a personal value."""
    _key_masks: dict[tuple[str, str], Callable[[Value], Value]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = environment_name(self.environment)

    @property
    def key_id(self) -> str | None:
        """The name of the run's masking key, which reveals nothing of the key."""
        return None if self.key is None else self.key.id

    def masker(
        self,
        table: str,
        columns: Sequence[str],
        first_row: int = 0,
        referred: Mapping[str, Mask] | None = None,
    ) -> Masker | None:
        """What a table's imported rows pass; None if none of these columns is masked.

        ``first_row`` is the number of rows that earlier imports gave the same
        table, ``referred`` are columns beside them with names of the rows that its rows refer to,
        which their texts lose as well.

        Raises `MaskingError` where the policy cannot be met: no key outside dev and test, a
        personal column in production.
        """
        rules = self.policy.table(table)
        masks = {
            name: mask
            for name, rule in self._personal(table, columns)
            if (mask := self._mask(f"{table}.{name}", rule, rules)) is not None
        }
        if not masks:
            return None
        known_by = {mask.known_by for mask in masks.values() if mask.known_by and self.key}
        spellings = {name: spelling_of(self._identity(rules, name)) for name in known_by}
        row_names = self._row_names(table, masks, referred or {})
        return Masker(table, masks | {**(referred or {})}, spellings, first_row, row_names)

    def names_of(self, table: str) -> dict[str, Mask]:
        """The columns of a table that hold names, with what another table's texts get for them.

        That is the masked name where it follows from the name alone, else NULL.
        """
        rules, found = self.policy.table(table), {}
        for name, rule in self._personal(table, list(rules.columns)):
            if rule.kind in NAMES:
                mask = self._mask(f"{table}.{name}", rule, rules)
                by_value = mask.by_value if mask is not None else None
                if mask is not None:
                    found[name] = Mask(by_value=by_value or (lambda value: None))
        return found

    def scrubs_texts(self, table: str, columns: Iterable[str]) -> bool:
        """Whether some of these columns lose the names of their rows."""
        return bool(self._row_names(table, columns, {}).texts)

    def _row_names(
        self, table: str, columns: Iterable[str], referred: Mapping[str, Mask]
    ) -> RowNames:
        """The columns whose values are names, and those whose texts lose them."""
        rules = {name: self.policy.rule(table, name) for name in columns}
        kinds = {name: rule.kind for name, rule in rules.items() if rule is not None}
        scrubbed = [
            name
            for name, rule in rules.items()
            if rule is not None
            and any(
                choice is not None and choice.strategy == "scrub_text"
                for choice in (
                    self.strategy(table, name),
                    rule.other,
                    *(self._choice(inner) for _, inner in rule.paths),
                )
            )
        ]
        own = [name for name, kind in kinds.items() if kind in NAMES]
        return RowNames([*referred, *own], scrubbed)

    def prover(self, table: str, columns: Sequence[str]) -> Prover | None:
        """What a table's generated rows are held to; None if they have no column.

        Texts of a column without a class are searched too: who made them may have read them.
        """
        personal = {name: rule.kind or "" for name, rule in self._personal(table, columns)}
        if personal and self.environment == "production":
            names = ", ".join(personal)
            raise MaskingError(f"{table}: production takes no generated personal data ({names})")
        checks = {n: RangeCheck(kind) for n, kind in personal.items() if kind not in _UNPROVEN}
        for name in columns:
            if name not in personal:
                rule = self.policy.rule(table, name)
                checks[name] = RangeCheck("", () if rule is None else rule.false_alarms)
        return Prover(table, checks) if checks else None

    def _personal(self, table: str, columns: Sequence[str]) -> Iterator[tuple[str, Rule]]:
        for name in columns:
            rule = self.policy.rule(table, name)
            if rule is not None and rule.kind is not None:
                yield name, rule

    def _mask(self, place: str, rule: Rule, rules: TableRules | None = None) -> Mask | None:
        """The mask of a personal column or path; None if its values are kept.

        ``rules`` are those of the column's table; a path has none.
        Raises `MaskingError` if production has no strategy for it, if the
        strategy needs a key and there is none outside dev and test, or if it
        needs a subject.
        """
        choice = self._choice(rule)
        if choice is None:
            raise MaskingError(
                f"{place} is personal ({rule.kind}) and is not written in production; leave the "
                "column out, or give it a strategy under production"
            )
        site = self._site(place, rule, choice)
        if rule.kind == "json" and choice.strategy in ("redact", "scrub_text"):
            return self._document_mask(site, rule)
        if choice.strategy == "date_shift":
            return self._date_mask(site, rule, rules)
        if rules is not None and self._follows_person(rules, rule, choice):
            return self._person_mask(site, rules, rule)
        return build(site)

    def _choice(self, rule: Rule) -> Choice | None:
        return rule.choice(self.environment, self.policy.classes(self.environment))

    def _date_mask(self, site: Site, rule: Rule, rules: TableRules | None) -> Mask | None:
        table, subject = site.place.rpartition(".")[0], rules.subject if rules else None
        if subject is None:
            raise MaskingError(
                f"{site.place}: date_shift needs the column that names a row's subject; add "
                f'subject = "<column>" under [tables.{table}]'
            )
        # All dates of a row move alike, so the place is the table.
        mask = build(replace(site, place=table, domain=rule.domain or "subject"))
        return None if mask is None else replace(mask, known_by=subject)

    def _follows_person(self, rules: TableRules, rule: Rule, choice: Choice) -> bool:
        return bool(rules.person_of(rule)) and follows_person(rule.kind, choice.strategy)

    def _person_mask(self, site: Site, rules: TableRules, rule: Rule) -> Mask:
        name = rules.person_of(rule)
        domain = f"person\0{rules.person_domain(rule)}"
        # All of a row is one person, so without a key the place is the table.
        persona = replace(site, place=f"{rules.name}\0{name}", domain=domain).digest()
        itself = site.place.casefold() == f"{rules.name}.{name}".casefold()
        return mask_of_person(site, persona, name, by_itself=itself)

    def unlike(self, table: str, column: str, target: str, other: str) -> bool:
        """Whether a column names subjects or persons, spelt unlike the column that it follows."""
        rules = self.policy.table(table)
        named = {rules.subject, rules.person, *(rule.person for rule in rules.columns.values())}
        if column.casefold() not in {name.casefold() for name in named if name}:
            return False
        sites = [self._identity(rules, column), self._identity(self.policy.table(target), other)]
        first, second = (site and replace(site, place="", unique=False) for site in sites)
        return first != second

    def joins(self, table: str, column: str, target: str, other: str) -> bool:
        """Whether a column still refers to another once both are masked in another place."""
        rules = [self.policy.table(table), self.policy.table(target)]
        sites = [self._identity(r, n) for r, n in zip(rules, (column, other), strict=True)]
        if all(site is None or site.choice.strategy == "keep" for site in sites):
            return True
        first, second = (site and replace(site, place="", unique=False) for site in sites)
        rule = self.policy.rule(target, other)
        mask = self._mask(f"{target}.{other}", rule, rules[1]) if second and rule else None
        return first == second and (mask is None or (mask.by_value is not None and mask.distinct))

    def _identity(self, rules: TableRules, name: str) -> Site | None:
        """The site of a column that names subjects or persons; None if it is not masked."""
        rule = same_name(rules.columns, name)
        choice = self._choice(rule) if rule and rule.kind else None
        if rule is None or choice is None:
            return None
        return self._site(f"{rules.name}.{name}", rule, choice)

    def _site(self, place: str, rule: Rule, choice: Choice) -> Site:
        assert rule.kind is not None
        keyed = list_strategies()[choice.strategy].keyed
        if keyed and self.key is None and self.environment not in ("dev", "test"):
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
        return mask_document(paths, _other(site, rule.rest(site.choice)))

    def strategy(self, table: str, column: str) -> Choice | None:
        """The strategy of a column; None for one that is not masked."""
        return self.policy.strategy(table, column, self.environment)

    def mask(self, rows: TableRows) -> TableRows:
        """Imported rows with every personal value masked; others as they are."""
        if rows.provenance != "imported":
            return rows
        before = self._imported.get(rows.table, 0)
        self._imported[rows.table] = before + rows.count
        self._refuse_shuffle(rows)
        masker = self.masker(rows.table, list(rows.columns), before)
        found = rows if masker is None else _masked(rows, masker.apply)
        if not any(self._names_person(v) for name in rows.derived for v in rows.each(name)):
            return found
        return _masked(found, partial(self._mask_lookups, rows))

    def _refuse_shuffle(self, rows: TableRows) -> None:
        for name in rows.columns:
            choice = self.strategy(rows.table, name)
            if choice is not None and choice.strategy == "shuffle":
                raise MaskingError(
                    f"{rows.table}.{name}: shuffle exchanges values of a table that is masked in "
                    "place; rows that are imported need another strategy"
                )

    def _names_person(self, value: Value) -> bool:
        if not isinstance(value, Lookup):
            return False
        place = value.table, tuple([name for name, _ in value.where])
        if place not in self._by_person:
            self._by_person[place] = any(self.is_personal(value.table, n) for n in place[1])
        return self._by_person[place]

    def _mask_lookups(self, rows: TableRows, block: Block) -> Block:
        """A block whose references by natural key name their rows as these are masked."""
        masked: dict[str, Cells] = {}
        for name in rows.derived:
            place = f"{rows.table}.{name}"
            cells = block.columns[name]
            masked[name] = replace(cells, values=[self._looked_up(v, place) for v in cells.values])
        return replace(block, columns={**block.columns, **masked})

    def _looked_up(self, value: Value, place: str) -> Value:
        if not isinstance(value, Lookup) or not self._names_person(value):
            return value
        where = ((n, self._key_mask(value.table, n, place)(v)) for n, v in value.where)
        return value._replace(where=tuple(where))

    def _key_mask(self, table: str, column: str, place: str) -> Callable[[Value], Value]:
        """What a column's values become wherever they are, so that a row can be known by them."""
        if (table, column) in self._key_masks:
            return self._key_masks[table, column]
        found: Callable[[Value], Value] = _as_it_is
        rule = self.policy.rule(table, column)
        rules = self.policy.table(table)
        mask = self._mask(f"{table}.{column}", rule, rules) if rule and rule.kind else None
        if mask is not None:
            if mask.by_value is None or not mask.distinct:
                raise MaskingError(
                    f"{place} looks up {table}.{column}, which is masked so that a row cannot be "
                    "known by it; set TERP_SEED_MASK_KEY for a strategy that keeps values apart "
                    "(pseudonymise, tokenise), or look the row up by another column"
                )
            found = mask.by_value
        self._key_masks[table, column] = found
        return found

    def is_personal(self, table: str, column: str) -> bool:
        """Whether the policy gives a column a class."""
        rule = self.policy.rule(table, column)
        return rule is not None and rule.kind is not None

    def numbers_rows(self, table: str) -> bool:
        """Whether the table's imported rows may be masked by their number in the whole chain."""
        return self.policy.has_personal_columns(table)

    def prover_of(self, rows: TableRows) -> Prover | None:
        """The prover of these rows; None if they are imported, or if nothing is personal."""
        if rows.provenance != "synthetic":
            return None
        return self.prover(rows.table, list(rows.columns))

    def findings(self, rows: TableRows, facts: TableFacts | None) -> list[str]:
        """Columns that need a decision, and masks that cannot fit."""
        found = describe_gaps(self.unclassified(rows, facts))
        if rows.provenance == "imported" and facts is not None:  # a script knows no lengths
            masker = self.masker(rows.table, list(rows.columns))
            columns = [profile_of_rows(rows, name, facts) for name in rows.columns]
            found += [] if masker is None else masker.check(columns, rows.count)
        return found

    def unclassified(self, rows: TableRows, facts: TableFacts | None) -> list[PolicyGap]:
        """Columns of these rows that need a decision, and new columns of a table that has some."""
        columns = [
            profile_of_rows(
                rows, name, facts, listed=self.policy.rule(rows.table, name) is not None
            )
            for name in rows.columns
        ]
        found = find_gaps(self.policy, rows.table, columns)
        return found if facts is None else [*found, *self.undecided(facts, rows.columns)]

    def undecided(self, facts: TableFacts, besides: Container[str] = ()) -> list[PolicyGap]:
        """Columns without an entry in a table for which the policy was made.

        The entries are the lock: a column that came later has none.
        """
        if not self.policy.unlisted or not self.policy.table(facts.name).columns:
            return []
        decided: list[ColumnProfile] = []
        for column in (profile_of_column(facts, n) for n in facts.columns if n not in besides):
            rule = self.policy.rule(facts.name, column.name)
            if column.needs_entry if rule is None else rule.type_kind:
                decided.append(column)
        return find_gaps(self.policy, facts.name, decided)


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
            f"models = {place}: no such metadata exists; write it as module:name in the seed "
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


def _as_it_is(value: Value) -> Value:
    return value


def _masked(rows: TableRows, mask: Callable[[Block], Block]) -> TableRows:
    store = RowStore()
    for block in rows.blocks(BATCH_ROWS):
        masked = mask(block)
        store.add({name: cells.values for name, cells in masked.columns.items()})
    return replace(rows, columns=store.columns)


class Masker:
    """Masks the columns of one table's imported rows.

    ``spellings`` spell what a row's subject or person is known by, under the column's name;
    ``first_row`` is the number of rows that earlier imports gave the same table, so that what
    follows the row number continues from there.  Two maskers of the same
    policy and key give the same results, whatever came before.
    """

    def __init__(
        self,
        table: str,
        masks: Mapping[str, Mask],
        spellings: Mapping[str, Spelling],
        first_row: int = 0,
        row_names: RowNames | None = None,
    ) -> None:
        self.table = table
        self._masks = masks
        self._columns = {name: column_mask(mask) for name, mask in masks.items()}
        self._spellings = spellings
        self._first_row = first_row
        self._row_names = row_names

    @property
    def known_by(self) -> frozenset[str]:
        """The columns, in lower case, that name the rows' subjects and persons."""
        return frozenset(name.casefold() for name in self._spellings)

    def apply(self, block: Block) -> Block:
        """The block to write.  Raises `MaskingError` with column and row, never a value."""
        spelt: dict[str, list[bytes]] = {}
        masked = {
            name: self._masked(block, name, spelt)
            for name in self._columns
            if name in block.columns
        }
        if self._row_names:
            masked = self._row_names.take_out(block, masked)
        return replace(block, columns={**block.columns, **masked})

    def check(self, columns: Sequence[ColumnProfile], rows: int) -> list[str]:
        """What cannot work, known before the first row; see the messages."""
        by_name = {column.name.casefold(): column for column in columns}
        return [
            f"{self.table}.{name}: {problem}"
            for name, mask in self._masks.items()
            if (column := by_name.get(name.casefold())) is not None
            for problem in misfits(mask, column, rows)
        ]

    def capacity(self, column: str) -> int | None:
        """How many rows the column's strategy can keep unique; None if unlimited."""
        return self._masks[column].capacity

    def room(self, column: str) -> int | None:
        """How many results a column's different values share; None if they stay different."""
        return self._masks[column].room

    def _masked(self, block: Block, name: str, spelt: dict[str, list[bytes]]) -> Cells:
        """A masked column; what its mask raises is reported without the value."""
        cells = block.columns[name]
        if cells.ref is not None:
            raise MaskingError(
                f"{self.table}.{name} is a reference, which cannot be masked; remove its class "
                "from masking.toml"
            )
        at = Place()
        try:
            if (by_block := self._masks[name].by_block) is not None:
                return replace(cells, values=by_block(cells.values, block.start))
            with_values = self._companions(name, block, spelt)
            return replace(cells, values=self._columns[name](cells.values, with_values, at))
        except UnmaskableError as error:
            reason = str(error)
        except Exception as error:  # a project's own strategy may quote its input
            reason = f"the strategy failed ({type(error).__name__})"
        # Outside the handlers: an error raised inside would carry the first one along.
        row = block.start + at.place + 1
        place: Where = {"table": self.table, "column": name, "row": row}
        raise MaskingError(f"{self.table}.{name}, row {row}: {reason}", where=place)

    def _companions(self, name: str, block: Block, spelt: dict[str, list[bytes]]) -> Sequence[Any]:
        """What a mask gets beside each value: the row's number, or the bytes of its subject.

        Without a key or a subject, those bytes are of the row's number.  ``spelt`` keeps them for
        other columns of the same block.
        """
        numbers = range(block.start + self._first_row, block.stop + self._first_row)
        mask = self._masks[name]
        if mask.by_subject is None:
            return numbers
        if not self._spellings:
            return [b"row\0%d" % number for number in numbers]
        if mask.known_by not in spelt:
            cells = same_name(block.columns, mask.known_by)
            if cells is None:
                raise UnmaskableError(
                    f"its rows come without the column {mask.known_by} that it needs"
                )
            spell, table = self._spellings[mask.known_by], self.table.encode()
            spelt[mask.known_by] = [
                b"row\0%s\0%d" % (table, number) if is_blank(value) else spell(value)
                for value, number in zip(cells.values, numbers, strict=True)
            ]
        return spelt[mask.known_by]
