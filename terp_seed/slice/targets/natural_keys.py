"""How the rows of a revision are known: by natural keys where tables have one, else by their ids.

A row that others refer to by its id can be named by a natural key of one column, which is not
personal, never NULL and no reference; its id is then the run's to give, and it fits into a database
that holds rows.  Any other such row keeps the id that it has in the source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from terp_seed.database.dialects import Dialect
from terp_seed.database.schema import TableFacts
from terp_seed.errors import PlanError
from terp_seed.masking.boundary import Boundary
from terp_seed.project.dataset_import import natural_keys
from terp_seed.slice.order import TableOrder
from terp_seed.slice.references import SliceReference
from terp_seed.slice.targets.target import Content

__all__ = ["RowNaming", "name_rows"]

_LOOKED_UP = "id"
"""The one name of a key that `refs` of an operation can look up."""


@dataclass(frozen=True)
class RowNaming:
    """How the rows of one table are written into a revision."""

    facts: TableFacts
    key: tuple[str, ...]
    """The natural key of the operation; empty if it needs none."""
    gives_id: bool
    """Whether the run fills the integer key."""
    refs: Mapping[str, str] = field(default_factory=dict)
    later: tuple[str, ...] = ()
    beside: Mapping[str, str] = field(default_factory=dict)
    """Subqueries of the natural keys that stand in the place of ids."""

    @property
    def options(self) -> dict[str, object]:
        """What the operation is told besides its table and file."""
        integer_key = self.facts.integer_key
        found: dict[str, object] = {"key": list(self.key)} if self.key else {}
        found |= {} if integer_key == _LOOKED_UP else {"id": integer_key}
        found |= {"refs": dict(self.refs)} if self.refs else {}
        return found | ({"later": list(self.later)} if self.later else {})


def name_rows(content: Content, order: TableOrder, dialect: Dialect) -> dict[str, RowNaming]:
    """How the rows of each table are known; `PlanError` for a table whose rows cannot be."""
    border, references = content.closure.border, content.references
    held = {  # by values that no lookup replaces
        each.target
        for each in references
        if each.path or content.allowed_orphans(each) or len(each.columns) > 1
    }
    names = {
        table: _natural(facts, references, border)
        for table, facts in content.facts.items()
        if table not in held and facts.integer_key == _LOOKED_UP
    }
    natural = {table: name for table, name in names.items() if name is not None}
    for table, facts in content.facts.items():
        if facts.integer_key is None and not _told(content, table, natural):
            for each in references:
                if each.table == table:
                    natural.pop(each.target, None)
    return {table: _named(content, order, dialect, table, natural) for table in content.facts}


def _told(content: Content, table: str, natural: Mapping[str, str]) -> bool:
    """Whether a row has a value besides its id and what is looked up.

    The ledger tells an edited row from a seeded one by such values alone.
    """
    looked_up = {
        name
        for each in content.references
        if each.table == table and each.target in natural
        for name in each.columns
    }
    own = content.facts[table].integer_key
    return any(name not in looked_up and name != own for name in content.columns[table])


def _natural(
    facts: TableFacts, references: Sequence[SliceReference], border: Boundary
) -> str | None:
    """The one column that names a table's rows instead of their id; None if none can."""
    for columns in _plain_keys(facts, border):
        refers = any(each.table == facts.name and columns[0] in each.columns for each in references)
        if len(columns) == 1 and not refers:
            return columns[0]
    return None


def _plain_keys(facts: TableFacts, border: Boundary) -> list[tuple[str, ...]]:
    """The natural keys that are not masked, since a run masks rows once more."""
    return [
        columns
        for columns in natural_keys(facts)
        if not any(border.is_personal(facts.name, name) for name in columns)
    ]


def _named(
    content: Content,
    order: TableOrder,
    dialect: Dialect,
    table: str,
    natural: Mapping[str, str],
) -> RowNaming:
    facts, border = content.closure.facts(table), content.closure.border
    keys = _plain_keys(facts, border)
    is_referred = any(
        each.target == table and each.targets == (facts.integer_key,) for each in content.references
    )
    gives_id = facts.integer_key is not None and (table in natural or not is_referred)
    if not keys and not gives_id and facts.integer_key is None:
        raise PlanError(
            f"table {table}: every key of it is masked, and a revision masks its rows once more, "
            "so that they could not be known by it; use a database or a script as the target"
        )
    if not _told(content, table, natural):
        gives_id = False
    key = (natural[table],) if table in natural else keys[0] if keys else ()
    if not key and not gives_id:
        key = facts.key
    refs, beside = dict[str, str](), dict[str, str]()
    later = order.later.get(table, ())
    for each in content.references:
        if each.table != table or each.path or len(each.columns) > 1:
            continue
        by_id = each.targets == (content.closure.facts(each.target).integer_key,)
        if by_id and each.target in natural:
            name = natural[each.target]
            refs[each.column] = f"{each.target}.{name}"
            beside[each.column] = _subquery(dialect, each, name)
        elif each.column in later or each.target == table:
            refs[each.column] = f"{each.target}.{each.targets[0]}"
            _refuse_lookup(each, later)
    return RowNaming(facts, tuple(key), gives_id, refs, tuple(later), beside)


def _refuse_lookup(reference: SliceReference, later: Sequence[str]) -> None:
    if reference.column in later and reference.targets != (_LOOKED_UP,):
        raise PlanError(
            f"{reference.place} refers to {reference.target} in a circle, which a revision can "
            f"write only by a key called {_LOOKED_UP}; use a database or a script as the target"
        )


def _subquery(dialect: Dialect, reference: SliceReference, name: str) -> str:
    quote = dialect.quote
    own = f"{dialect.quote_table(reference.table)}.{quote(reference.column)}"
    return (
        f"(SELECT named.{quote(name)} FROM {dialect.quote_table(reference.target)} named "
        f"WHERE named.{quote(reference.targets[0])} = {own})"
    )
