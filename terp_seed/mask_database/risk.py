"""How easily a person is singled out by what masking leaves: k-anonymity and l-diversity.

A table's ``quasi`` columns are those that others may know of a person.  Rows that are alike in all
of them form a group; whoever is in a group of one is singled out, and where all of a group have one
sensitive value, that is known of each.  The database counts, over all rows that were not seeded,
and NULL is a value like any other.

Dates of one subject move alike, so the time between two of them stays: whoever knows both dates of
a person finds the row by it.  So pairs of dates are counted too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import sqlalchemy as sa

from terp_seed.database.schema import TableFacts
from terp_seed.database.session import Session
from terp_seed.errors import MaskingError
from terp_seed.mask_database.seeded import seeded_rows
from terp_seed.masking.gaps import profile_of_column
from terp_seed.masking.policy import Policy, TableRules, same_name

__all__ = ["USUAL_K", "TableRisk", "below", "measure_risk"]

_MOST_DATES = 6  # of a table: fifteen pairs
USUAL_K = 5
"""Groups of fewer rows count as small, unless the policy says otherwise."""


@dataclass
class TableRisk:
    """What the quasi-identifiers of one table give away."""

    table: str
    quasi: list[str]
    rows: int = 0
    groups: int = 0
    k: int = 0
    """The rows of the smallest group; 0 without rows."""
    alone: int = 0
    """Rows in groups of one."""
    small: int = 0
    """Rows in groups of fewer than five."""
    l: dict[str, int] = field(default_factory=dict)  # noqa: E741 - the field calls it so
    """By sensitive column: its fewest different values in a group."""
    intervals: dict[str, int] = field(default_factory=dict)
    """By pair of dates: the rows whose time between the two no other row has."""
    advice: list[str] = field(default_factory=list)

    def share(self, rows: int) -> str:
        """A part of the rows, in percent."""
        return f"{100 * rows / self.rows:.1f} %" if self.rows else "-"


def below(risks: Iterable[TableRisk], min_k: int | None) -> list[TableRisk]:
    """The tables whose smallest group is smaller than the policy allows."""
    return [risk for risk in risks if min_k and 0 < risk.k < min_k]


def measure_risk(
    session: Session, policy: Policy, tables: Sequence[TableFacts]
) -> Iterator[TableRisk]:
    """The risk of each table with quasi-identifiers in the policy, or two dates of a person.

    Raises `MaskingError` for a column that the table does not have, or that cannot be compared.
    """
    for facts in tables:
        measure = _Measure(session, facts, policy.table(facts.name), policy.min_k or USUAL_K)
        if measure.rules.quasi or len(measure.dates) > 1:
            yield measure.risk()


@dataclass(frozen=True)
class _Measure:
    """The counting of one table."""

    session: Session
    facts: TableFacts
    rules: TableRules
    bar: int

    @property
    def dates(self) -> list[str]:
        """The dates of persons: columns of class date, and those that quasi names."""
        quasi = {name.casefold() for name in self.rules.quasi}
        found = []
        for name, column in self.facts.columns.items():
            rule = same_name(self.rules.columns, name)
            of_person = name.casefold() in quasi or (rule is not None and rule.kind == "date")
            if of_person and isinstance(column.type, sa.Date | sa.DateTime):
                found.append(name)
        return found[:_MOST_DATES]

    def risk(self) -> TableRisk:
        if not self.rules.quasi:
            return self._with_intervals(TableRisk(self.facts.name, [], self._rows()))
        quasi, sensitive = self._columns(self.rules.quasi), self._columns(self.rules.sensitive)
        numbers = self._counted(quasi, sensitive)
        rows, groups, k, alone, small, *fewest = numbers
        found = dict(zip(sensitive, fewest, strict=True))
        risk = TableRisk(self.facts.name, quasi, rows, groups, k, alone, small, found)
        if 0 < k < self.bar:
            risk.advice = self._advice(quasi, risk)
        return self._with_intervals(risk)

    def _with_intervals(self, risk: TableRisk) -> TableRisk:
        """The same, with the pairs of dates."""
        for one, other in combinations(self.dates, 2):
            alone = self._alone(one, other)
            risk.intervals[f"{one} to {other}"] = alone
            if alone * USUAL_K > risk.rows:
                risk.advice.append(
                    f"{one}: the time from it to {other} is of one row alone in "
                    f"{risk.share(alone)} of the rows; generalise one of the two, or nullify"
                )
        return risk

    def _rows(self) -> int:
        return int(self.session.scalar(f"SELECT COUNT(*) FROM {self._table}"))

    def _alone(self, one: str, other: str) -> int:
        """The rows whose time between two dates no other row has."""
        apart = self.session.dialect.interval(self._quoted(one), self._quoted(other))
        groups = (
            f"SELECT COUNT(*) AS terp_seed_n FROM (SELECT {apart} AS terp_seed_apart "
            f"FROM {self._table}) AS i WHERE terp_seed_apart IS NOT NULL GROUP BY terp_seed_apart"
        )
        return int(
            self.session.scalar(f"SELECT COUNT(*) FROM ({groups}) AS g WHERE terp_seed_n = 1")
        )

    @property
    def _table(self) -> str:
        """The table, without its seeded rows."""
        return f"{self._quoted(self.facts.name)}{self._where()}"

    def _columns(self, names: Sequence[str]) -> list[str]:
        known = {name.casefold(): name for name in self.facts.columns}
        missing = [name for name in names if name.casefold() not in known]
        if missing:
            raise MaskingError(
                f"{self.facts.name} has no column {missing[0]}, which quasi or sensitive names in "
                "masking.toml; correct the policy"
            )
        found = [known[name.casefold()] for name in names]
        for name in found:
            if profile_of_column(self.facts, name).type_kind in ("json", "binary"):
                raise MaskingError(
                    f"{self.facts.name}.{name} is a document or bytes, which form no groups; "
                    "name other columns in quasi and sensitive"
                )
        return found

    def _counted(self, quasi: Sequence[str], sensitive: Sequence[str]) -> list[int]:
        """Rows, groups, smallest group, rows alone, rows in small groups; then l by column."""
        different = [
            f"COUNT(DISTINCT {self._spelt(name)}) + MAX(CASE WHEN {self._quoted(name)} IS NULL "
            f"THEN 1 ELSE 0 END) AS terp_seed_l{number}"
            for number, name in enumerate(sensitive)
        ]
        group_by = ", ".join(map(self._spelt, quasi))
        groups = (
            f"SELECT {', '.join(['COUNT(*) AS terp_seed_n', *different])} "
            f"FROM {self._table} GROUP BY {group_by}"
        )
        counts = [
            "SUM(terp_seed_n)",
            "COUNT(*)",
            "MIN(terp_seed_n)",
            "SUM(CASE WHEN terp_seed_n = 1 THEN 1 ELSE 0 END)",
            f"SUM(CASE WHEN terp_seed_n < {USUAL_K} THEN terp_seed_n ELSE 0 END)",
            *(f"MIN(terp_seed_l{number})" for number in range(len(sensitive))),
        ]
        ((*numbers,),) = self.session.rows(f"SELECT {', '.join(counts)} FROM ({groups}) AS g")
        return [int(number or 0) for number in numbers]

    def _advice(self, quasi: Sequence[str], risk: TableRisk) -> list[str]:
        """What to generalise: first the column that puts the most rows into small groups."""
        without = []
        for name in quasi:
            others = [other for other in quasi if other != name]
            small = self._counted(others, ())[4] if others else 0
            without.append((small, name))
        return [
            f"{name}: without it {risk.share(small)} of the rows were in groups of fewer than "
            f"{USUAL_K}, not {risk.share(risk.small)}; {self._coarser(name)}"
            for small, name in sorted(without)
            if small < risk.small
        ]

    def _coarser(self, name: str) -> str:
        kind = self.facts.columns[name].type
        if isinstance(kind, sa.Date | sa.DateTime):
            how = 'to = "year"'
        elif isinstance(kind, sa.Integer):
            how = 'to = "band", band = 10'
        elif isinstance(kind, sa.Numeric | sa.Float):
            how = 'to = "decimals", decimals = 1'
        else:
            how = 'to = "prefix", first = 3'
        return f'strategy = "generalise", {how}, or nullify'

    def _quoted(self, name: str) -> str:
        return self.session.dialect.quote(name)

    def _spelt(self, name: str) -> str:
        kind = self.facts.columns[name].type
        is_text = isinstance(kind, sa.String) and not isinstance(kind, sa.Enum)
        quoted = self._quoted(name)
        return self.session.dialect.as_spelt(quoted) if is_text else quoted

    def _where(self) -> str:
        """The condition for rows that were not seeded."""
        condition = seeded_rows(self.session, self.facts).left_out(self._quoted)
        return f" WHERE {condition}" if condition else ""
