"""``terp-seed plan``: the dry run, with true counts; nothing is written and no lock is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from terp_seed.cli.options import run_options, with_options
from terp_seed.cli.output import as_json, document, examples, table
from terp_seed.errors import MaskingError, PlanError, RollbackError
from terp_seed.project.project import Project

if TYPE_CHECKING:
    from terp_seed.plan.result import Counts
    from terp_seed.run.dry_run import Forecast

__all__ = ["plan", "show_forecast"]

_COUNTS = ("insert", "skip", "delete", "keep", "edited", "foreign", "missing")


@click.command(
    epilog=examples(
        "terp-seed plan",
        "terp-seed plan --size=medium --json",
        "terp-seed plan --rollback base",
        "terp-seed plan --out plan.json",
    )
)
@click.argument("target", required=False)
@click.option("--rollback", "back", is_flag=True, help="A rollback, by default of one step.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Also write it to a file, for seed --plan."
)
@run_options("url", "env", "size", "rows", "seed", "as-of", "on-dependents", "on-edited")
@as_json
@click.pass_obj
def plan(
    project: Project,
    /,
    target: str | None,
    back: bool,
    out: Path | None,
    as_json: bool,
    **x: str | None,
) -> None:
    """Say what seeding up to TARGET would do, by default to the head.

    Writes nothing to the database.  Exits with the code that the run would end with: 4 or 7 if the
    plan does not fit the database, 6 if a rollback is blocked.
    """
    project = with_options(project, x)
    command = project.downgrade if back else project.upgrade
    if out is not None:
        from terp_seed.run.plan_file import write_plan_file

        command(target or ("-1" if back else "head"), act=write_plan_file(out))
        click.echo(f"written to {out}", err=True)
    show_forecast(command, target or ("-1" if back else "head"), as_json=as_json)


def show_forecast(command: Callable[..., None], target: str, *, as_json: bool) -> None:
    """Print what a command would do; raise what the run would raise."""
    from terp_seed.run.dry_run import forecast

    made: list[Forecast] = []
    command(target, act=lambda session, request: made.append(forecast(session, request)))
    told = made[0]
    if as_json:
        document("plan", **_plain(told))
    else:
        _print(told)
    if told.findings.schema:
        raise PlanError(_listed(told.findings))
    if told.findings.masking:
        raise MaskingError(_listed(told.findings))
    if told.refusals:
        raise RollbackError("\n  ".join(told.refusals))


def _listed(findings: Any) -> str:
    return "the plan does not fit this database:\n  " + "\n  ".join(findings)


def _plain(told: Forecast) -> dict[str, Any]:
    fields = {field.name: getattr(told, field.name) for field in dataclass_fields(told)}
    fields |= {"findings": list(told.findings), "rows": told.rows}
    fields["seconds"] = round(told.seconds, 3)
    fields["revisions"] = [
        {
            "revision": each.revision,
            "direction": each.direction,
            "state": "kept" if each.state == "retained" else each.state,
            "tables": [
                {"table": table, **_counts(counts), "ids": counts.ids}
                for table, counts in each.tables.items()
            ],
            "dependents": each.dependents,
            "refusal": each.refusal,
            "raw_sql": each.raw_sql,
        }
        for each in told.revisions
    ]
    return fields


def _counts(counts: Counts) -> dict[str, int]:
    names = dict(
        zip(
            _COUNTS,
            ("inserted", "skipped", "deleted", "retained", "edited", "replaced", "missing"),
            strict=True,
        )
    )
    return {short: getattr(counts, name) for short, name in names.items()}


def _print(told: Forecast) -> None:
    if not told.revisions:
        click.echo(f"nothing to do: the chain is at {', '.join(told.heads) or 'base'}")
        return
    _table(told)
    for revision in told.revisions:
        for text in revision.dependents:
            click.echo(f"{revision.revision}: depended on by {text}")
        if revision.raw_sql:
            click.echo(f"{revision.revision}: SQL of its own: {revision.raw_sql}")
    click.echo(
        f"{told.rows:,} rows, about {told.seconds:.1f} s; environment {told.environment}, "
        f"size {told.settings['size']}; nothing was written"
    )


def _table(told: Forecast) -> None:
    """One line a table; columns in which nothing is counted are left out."""
    lines: list[list[object]] = []
    for revision in told.revisions:
        if not revision.tables:
            lines.append([revision.revision, f"({revision.state})", *[0] * len(_COUNTS), ""])
        for at, (name, counts) in enumerate(revision.tables.items()):
            ids = f"{counts.ids[0]}-{counts.ids[1]}" if counts.ids else ""
            numbers = _counts(counts).values()
            lines.append(["" if at else revision.revision, name, *numbers, ids])
    head = ["revision", "table", *_COUNTS, "ids"]
    used = [
        at for at, name in enumerate(head) if name not in _COUNTS or any(row[at] for row in lines)
    ]
    table([head[at] for at in used], [[line[at] for at in used] for line in lines])
