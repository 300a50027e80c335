"""A slice from the request to its target.

Everything is refused that can be before the source is read; nothing is kept unless the whole slice
was written and proven.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from terp_seed.database.interrupts import interruptible
from terp_seed.errors import GuardError, MaskingError, UsageError
from terp_seed.mask_database.risk import TableRisk, below
from terp_seed.masking.boundary import Boundary
from terp_seed.masking.policy import Policy
from terp_seed.settings.log import progress_of_run
from terp_seed.settings.options import Settings
from terp_seed.slice.closure import Closure
from terp_seed.slice.keys import KeyStore
from terp_seed.slice.mask import MaskedTable, masked_tables, slice_boundary, table_mask
from terp_seed.slice.plan import SlicePlan, plan_slice
from terp_seed.slice.references import find_references, known_table
from terp_seed.slice.request import SliceRequest
from terp_seed.slice.risk import SliceRisk
from terp_seed.slice.rows import SlicedRows
from terp_seed.slice.snapshot import Snapshot, open_snapshot
from terp_seed.slice.targets.target import Content, SliceTarget

__all__ = ["SliceReport", "plan_only", "slice_into"]

_SAMPLE = 100

Announce = Callable[[SlicePlan], None]

_LEFT = "nothing of the slice was kept; run the command again"


@dataclass(frozen=True)
class SliceReport:
    """What a slice took and what was proven of it."""

    plan: SlicePlan
    proven: Mapping[str, int]
    """By reference, how many values lead to rows of the slice."""
    risk: list[TableRisk]


def plan_only(settings: Settings, request: SliceRequest) -> SlicePlan:
    """The plan of a slice; writes nothing.

    Raises what `slice_into` would raise before its first row, but for orphans of which nothing was
    said: the plan reports them.
    """
    border = slice_boundary(settings)
    with interruptible(_LEFT), _taken(settings, request, border) as closure:
        plan = plan_slice(closure, reports_orphans=True)
        _masks(closure)
        return plan


def slice_into(
    settings: Settings, request: SliceRequest, target: SliceTarget, announce: Announce
) -> SliceReport:
    """Write a slice into its target, after ``announce`` was told its plan.

    Raises a `SeedError`, and the target is as it was, for whatever cannot be taken, masked, written
    or proven, and for SIGINT, SIGTERM and SIGHUP.
    """
    border = slice_boundary(settings)
    with interruptible(_LEFT), _told(target), target, ExitStack() as open_:
        target.check()
        closure = open_.enter_context(_taken(settings, request, border))
        plan = plan_slice(closure)
        masks = _masks(closure)
        announce(plan)
        exact = target.takes_exactly(closure.source.session.dialect)
        rows = SlicedRows(closure, exact)
        columns = {table: mask.columns for table, mask in masks.items()}
        order = target.begin(Content(closure, plan, columns))
        risk = open_.enter_context(SliceRisk(border.policy))
        counts = {table.table: table.rows for table in plan.tables}
        progress = progress_of_run()
        for table in order.tables:
            beside = target.read_beside(table)
            mask = replace(masks[table], beside=beside)
            done = 0
            for block in rows.blocks(mask):
                risk.add(table, block)
                target.write(table, block)
                done += len(next(iter(block.values())))
                progress(table, done, counts[table])
        _hold_to_k(risk, border.policy)
        target.finish()
        proven = {str(reference): count for reference, count in rows.checked.items()}
        return SliceReport(plan, proven, risk.tables())


def _hold_to_k(risk: SliceRisk, policy: Policy) -> None:
    """Raise `MaskingError` if fewer rows are alike than the policy's ``min_k`` asks for."""
    if small := below(risk.tables(), policy.min_k):
        raise MaskingError(
            f"persons can be singled out in {', '.join(each.table for each in small)}: groups of "
            f"fewer than {policy.min_k} rows (min_k in masking.toml); nothing was kept. Take more "
            "rows, or generalise columns that quasi names"
        )


@contextmanager
def _told(target: SliceTarget) -> Iterator[None]:
    """A disk that takes no more is a `GuardError` of one line."""
    try:
        yield
    except OSError as error:
        raise GuardError(
            f"--to: {target.title}: {error.strerror or 'cannot be written'}; nothing was kept. "
            "Make room, or name a target elsewhere"
        ) from None


@contextmanager
def _taken(settings: Settings, request: SliceRequest, border: Boundary) -> Iterator[Closure]:
    """The closed set of rows that was asked for, in one state of the source."""
    with open_snapshot(settings, request.rate) as source, KeyStore() as keys:
        found = _known_names(source, request)
        references = find_references(source, found.references)
        closure = Closure(source, border, found, references, keys)
        closure.take()
        yield closure


def _known_names(source: Snapshot, request: SliceRequest) -> SliceRequest:
    """The request with the tables as the source spells them; `UsageError` for an unknown one."""
    names = source.tables
    roots = [replace(root, table=known_table(names, root.table, "roots")) for root in request.roots]
    limits = {known_table(names, table, "limits"): limit for table, limit in request.limits.items()}
    never = frozenset(known_table(names, table, "never") for table in request.never)
    if both := sorted(never & {root.table for root in roots}):
        raise UsageError(
            f"table {', '.join(both)}: is to begin with, and is listed under never; take it out "
            "of one of the two"
        )
    return replace(request, roots=tuple(roots), limits=limits, never=never)


def _masks(closure: Closure) -> Mapping[str, MaskedTable]:
    """How each table is masked, judged by some of the values that are taken."""
    rows = SlicedRows(closure, exact=False)
    samples = {}
    for table in closure.tables:
        mask = table_mask(closure, closure.references, table)
        samples[table] = rows.sample(mask, _SAMPLE)
    return masked_tables(closure, closure.references, samples)
