"""The seeders of the toy project."""

from __future__ import annotations

from datetime import timedelta

from terp_seed import (
    Check,
    Derived,
    SeedContext,
    TableRows,
    code,
    computed,
    constant,
    pick,
    reference,
    refers,
    seeder,
    whole,
)

refers("scans.crate_id", "crates.id")
refers("labels.parent_id", "labels.id")


@seeder("depots")
def depots(context: SeedContext) -> list[TableRows]:
    """Depots: every kind of column that depends on the row number alone."""
    return [
        context.table(
            "depots",
            rows=context.rows["depots"],
            key=("code",),
            derived=("crate_count",),
            columns={
                "code": code("SEED-D-"),
                "kind": pick(["main", "branch"], weights=[1, 3]),
                "capacity": whole(100, 900, step=50),
                "price": whole(1_00, 99_99, scale=2),
                "crate_count": constant(0),
                "opened": computed(
                    lambda span: [context.as_of - timedelta(row) for row in span.rows()]
                ),
            },
        )
    ]


@seeder(
    "crates",
    derives=[
        Derived(
            "depots",
            {"crate_count": "(SELECT COUNT(*) FROM crates WHERE crates.depot_id = depots.id)"},
        )
    ],
    checks=[Check("a crate weighs something", "crates", "SELECT id FROM crates WHERE weight <= 0")],
)
def crates(context: SeedContext) -> list[TableRows]:
    """Crates in depots of an earlier revision, and scans of them, which have no constraint."""
    number = context.rows["crates"]
    return [
        context.table(
            "crates",
            rows=number,
            key=("code",),
            columns={
                "code": code("SEED-C-"),
                "depot_id": reference("depots", context.seeded("depots").count),
                "weight": whole(1, 500),
            },
        ),
        context.table(
            "scans",
            rows=number,
            columns={"crate_id": computed(lambda span: list(span.rows()), ref="crates")},
        ),
    ]
