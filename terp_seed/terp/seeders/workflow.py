"""Seeder ``workflow``: the stations of the house, and the way of each batch through them.

The stations are columns of TERP's work queue.  Where people use that queue already, the row
count ``workflow_statuses:0`` leaves both tables alone.
"""

from __future__ import annotations

from terp_seed.rows.columns import constant
from terp_seed.terp.checks.derived import QUEUE
from terp_seed.terp.checks.workflow import WORKFLOW as INVARIANTS
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    ROWS,
    Columns,
    choice,
    each,
    moment,
    plain,
    register,
    row_of,
    seed_user,
    table,
)

# TERP's own stations, under slugs of ours: TERP's script may have made the others.
_STATIONS = (
    ("Intake Queue", "seed-intake-queue", "#3B82F6"),
    ("Quality Check", "seed-quality-check", "#F59E0B"),
    ("Lab Testing", "seed-lab-testing", "#8B5CF6"),
    ("Packaging", "seed-packaging", "#10B981"),
    ("Ready for Sale", "seed-ready-for-sale", "#059669"),
    ("On Hold", "seed-on-hold", "#EF4444"),
)


@table("workflow_statuses", rows=lambda sim: sim.workflow.stations, key=("slug",))
def stations(sim: Simulation) -> Columns:
    """The columns of the queue."""
    (since,) = sim.clock.moments([(TODAY - 1700) * DAY + 9 * HOUR])
    names, slugs, colours = zip(*_STATIONS, strict=True)
    return {
        "name": choice(ROWS, names),
        "slug": choice(ROWS, slugs),
        "color": choice(ROWS, colours),
        "order": plain(each(lambda row: row + 1)),
        "isActive": constant(1),
        "createdAt": constant(since),
        "updatedAt": constant(since),
    }


@table("batch_status_history", rows=lambda sim: len(sim.workflow))
def steps(sim: Simulation) -> Columns:
    """One row for each station that a batch came to."""
    workflow = sim.workflow
    return {
        "batchId": row_of("batches", workflow.batch),
        "fromStatusId": row_of("workflow_statuses", workflow.before, nullable=True),
        "toStatusId": row_of("workflow_statuses", workflow.station),
        "changedBy": seed_user(),
        "createdAt": moment(sim.clock, workflow.second),
    }


register("workflow", stations, steps, after=("batches",), derives=QUEUE, checks=INVARIANTS)
