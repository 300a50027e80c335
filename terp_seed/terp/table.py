"""How a table of TERP is described: its columns, and where the value of each comes from.

The simulation (`terp_seed.terp.simulation`) holds the facts by row number; a `table` turns them
into rows.  Returned orders, as an example::

    >>> from terp_seed.rows.columns import code, pick
    >>> def returned_orders(sim: Simulation) -> list[int]:
    ...     return [order for order, second in enumerate(sim.orders.returned) if second]
    >>> @table(
    ...     "returns",
    ...     rows=lambda sim: len(returned_orders(sim)),
    ...     key=("return_number",),
    ...     references={"order_id": "orders"},
    ... )
    ... def returns(sim: Simulation) -> Columns:
    ...     order = returned_orders(sim)
    ...     return {
    ...         "return_number": code("SEED-RET-"),
    ...         "order_id": row_of("orders", order),
    ...         "client_id": row_of("clients", at(sim.orders.client, order)),
    ...         "refund": hundredths(at(sim.orders.total, order)),
    ...         "reason": pick(["Wrong grade", "Damaged on the way"], [2, 1]),
    ...         "state": choice(each(lambda row: row % 2, ROWS), ["RECEIVED", "RESTOCKED"]),
    ...         "processed_by": seed_user(),
    ...         "created_at": moment(sim.clock, at(sim.orders.returned, order)),
    ...     }

``register("returns", returns, after=("orders",))`` makes it a seeder, and a revision seeds it
with ``op.seed("returns")``.  The engine asks for its rows block by block::

    >>> from datetime import date
    >>> from terp_seed.rows.seeders import SeedContext
    >>> counts = {"clients": 10, "batches": 30, "orders": 50}
    >>> context = SeedContext("returns", 1, date(2026, 6, 30), counts)
    >>> rows = returns.build(context, simulation_of(context))
    >>> rows.values("return_number")[0], rows.values("order_id")
    ('SEED-RET-000001', [10, 12, 14])
    >>> rows.values("state"), rows.values("refund")
    (['RECEIVED', 'RESTOCKED', 'RECEIVED'], [427500, 1953750, 1006875])

A *source* gives the values of some consecutive rows.  It is a sequence with one entry for each
row, or a function of a `Span`.  `ROWS` and `WORDS` are sources (the row numbers; a random word
for each row, which depends on the table and column); `at`, `each` and `once` make sources of
sources.  The other words make columns of sources.  Constants, codes and picks come from
`terp_seed.rows.columns`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from terp_seed.rows.columns import computed
from terp_seed.rows.model import Bounds, Column, Span, TableRows, Value
from terp_seed.rows.seeders import Check, Derived, SeedContext, refers, seeder
from terp_seed.terp.checks.rules import check_reference
from terp_seed.terp.extremes import with_extremes
from terp_seed.terp.simulation.arrays import Spool
from terp_seed.terp.simulation.clock import Clock
from terp_seed.terp.simulation.simulation import Simulation, simulation_of

Make = Callable[[Span], Sequence[Value]]
Source = Make | Sequence[Value] | Spool
Columns = dict[str, Column]


@dataclass(frozen=True)
class Table:
    """What one seeder writes into one table; see `table`."""

    name: str
    rows: Callable[[Simulation], int]
    columns: Callable[[Simulation], Columns]
    key: tuple[str, ...]
    references: Mapping[str, str]
    derived: tuple[str, ...]

    def build(self, context: SeedContext, simulation: Simulation) -> TableRows:
        rows, columns = self.rows(simulation), self.columns(simulation)
        if simulation.scenario.extreme:
            columns = with_extremes(self.name, rows, columns, simulation)
        only = simulation.scenario.only
        if only is not None and self.name not in only:
            rows = 0
        return context.table(
            self.name, rows=rows, columns=columns, key=self.key, derived=self.derived
        )


def table(
    name: str,
    *,
    rows: Callable[[Simulation], int],
    key: tuple[str, ...] = (),
    references: Mapping[str, str] | None = None,
    derived: tuple[str, ...] = (),
) -> Callable[[Callable[[Simulation], Columns]], Table]:
    """Make a `Table` of the function that lists its columns.

    ``rows`` counts its rows.  ``key`` names the columns of the natural key,
    ``derived`` those that a later revision recomputes.  ``references`` are the
    columns that refer to another table's ``id`` without a constraint: the
    engine checks them before rows go in and follows them before rows come out.
    """
    return lambda columns: Table(name, rows, columns, key, references or {}, derived)


def register(
    name: str,
    *tables: Table,
    after: Sequence[str] = (),
    derives: Sequence[Derived] = (),
    checks: Sequence[Check] = (),
) -> None:
    """Register the tables, parents first, as the seeder that ``op.seed(name)`` runs.

    A run is refused with `UsageError` where no earlier revision seeds the
    tables named in ``after``.
    """
    references = []
    for table in tables:
        for column, target in table.references.items():
            refers(f"{table.name}.{column}", f"{target}.id")
            references.append(check_reference(table.name, column, target))

    @seeder(name, derives=derives, checks=[*references, *checks])
    def build(context: SeedContext) -> list[TableRows]:
        for earlier in after:
            context.seeded(earlier)
        simulation = simulation_of(context)
        return [table.build(context, simulation) for table in tables]


# -- sources

ROWS: Make = Span.rows
"""The row numbers, counted from 0."""
WORDS: Make = Span.words
"""A random word for each row, from 0 to 2**32 - 1."""


def _read(source: Source) -> Make:
    if isinstance(source, Spool):
        return lambda span: source.part(span.start, span.stop).tolist()
    if callable(source):
        return source
    return lambda span: list(source[span.start : span.stop])


def at(values: Sequence[Value] | Spool, rows: Source) -> Make:
    """The entries of ``values`` at row numbers, such as the client of each invoice's order.

    From a `Spool` the row numbers have to ascend and be close together.
    """
    make = _read(rows)
    if isinstance(values, Spool):
        return lambda span: values.gather(make(span))
    return lambda span: [values[row] for row in make(span)]


def each(function: Callable[..., Value], *sources: Source) -> Make:
    """A function of the values of sources, row by row; of the row number, if none is given."""
    makes = [_read(source) for source in sources or (ROWS,)]
    return lambda span: list(map(function, *(make(span) for make in makes)))


def once(source: Source) -> Make:
    """The same values, made once for all columns that use them; not for `WORDS`."""
    make = _read(source)
    last = lru_cache(maxsize=1)(lambda start, stop: make(Span(b"", start, stop)))
    return lambda span: last(span.start, span.stop)


# -- columns


def plain(source: Source) -> Column:
    """The values as they are: whole numbers, booleans, JSON."""
    return Column(_read(source))


def hundredths(source: Source, *, nullable: bool = False) -> Column:
    """Amounts in cents, or quantities in hundredths of a unit."""
    return Column(_read(source), Bounds(nullable=nullable), scale=2)


def dollars(source: Source, *, nullable: bool = False) -> Column:
    """Amounts in whole dollars."""
    make = _read(source)
    if nullable:
        cents = each(lambda amount: None if amount is None else amount * 100, make)
        return hundredths(cents, nullable=True)
    return hundredths(lambda span: [amount * 100 for amount in make(span)])


def row_of(table: str, source: Source, *, nullable: bool = False) -> Column:
    """References to rows of a seeded table by row number; None for none."""
    return Column(_read(source), Bounds(nullable=nullable), ref=table)


def seed_user(source: Source | None = None) -> Column:
    """The user that all seeded rows name; with a source, where that is true."""
    if source is None:
        return row_of("users", lambda span: [0] * len(span))
    return row_of("users", each(lambda named: 0 if named else None, source), nullable=True)


def text(
    source: Source,
    length: int,
    *,
    nullable: bool = False,
    choices: Sequence[str] | None = None,
    ascii_only: bool = True,
) -> Column:
    """Texts of at most ``length`` characters."""
    return computed(
        _read(source), length=length, nullable=nullable, choices=choices, ascii_only=ascii_only
    )


def names(values: type[Enum]) -> tuple[str, ...]:
    """The names of an enumeration, for `choice`."""
    return tuple(value.name for value in values)


def choice(source: Source, texts: Sequence[str | None]) -> Column:
    """One of some texts, by its place among them; None for NULL."""
    make = _read(source)
    present = [text for text in texts if text is not None]
    return computed(
        lambda span: [texts[place] for place in make(span)],
        length=max(map(len, present)),
        choices=present,
        nullable=None in texts,
        ascii_only=all(map(str.isascii, present)),
    )


def moment(clock: Clock, source: Source, *, nullable: bool = False) -> Column:
    """Points in time from second numbers of the simulation; 0 for NULL."""
    make = _read(source)
    return Column(lambda span: clock.moments(make(span)), Bounds(nullable=nullable))


def day(clock: Clock, source: Source, *, nullable: bool = False) -> Column:
    """Dates from day numbers of the simulation; 0 for NULL."""
    make = _read(source)
    return Column(lambda span: clock.dates(make(span)), Bounds(nullable=nullable))
