"""``terp-seed plan``: the dry run, with true counts. Writes nothing and takes no lock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from terp_seed.cli.interface import as_json, document, examples, run_options, table
from terp_seed.errors import MaskingError, PlanError, RollbackError, UsageError
from terp_seed.project.project import Project

if TYPE_CHECKING:
    from terp_seed.run.dry_run import Forecast

__all__ = ["plan", "show_forecast"]

_COUNTS = (
    *("inserted", "updated", "skipped", "deleted", "restored", "retained"),
    *("edited", "replaced", "missing"),
)


@click.command(
    epilog=examples(
        "terp-seed plan",
        "terp-seed plan --size=medium --json",
        "terp-seed plan --rollback base",
        "terp-seed plan --out plan.json",
    )
)
@click.argument("target", required=False)
@click.option("--rollback", "back", is_flag=True, help="Plan a rollback, by default of one step.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Also write the plan to a file, for seed --plan."
)
@run_options(
    "url", "env", "size", "rows", "scenario", "seed", "as-of", "on-dependents", "on-edited"
)
@as_json
def plan(
    project: Project,
    target: str | None,
    back: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Print what seeding up to TARGET would do.

    TARGET is by default the head.  Writes nothing to the database.  Exits with the code of the run:
    4 or 7 if the plan does not fit the database, 6 if a rollback is blocked.
    """
    command = project.downgrade if back else project.upgrade
    if back and out is not None:
        raise UsageError(
            "--out: a plan file is of an upgrade; a rollback is approved by its digest"
        )
    if out is not None:
        from terp_seed.run.plan_file import write_plan_file

        command(target or ("-1" if back else "head"), act=write_plan_file(out))
        click.echo(f"written to {out}", err=True)
    show_forecast(command, target or ("-1" if back else "head"), as_json=as_json)


def show_forecast(command: Callable[..., None], target: str, *, as_json: bool) -> None:
    """Print what a command would do, and raise what the run would raise."""
    from terp_seed.run.dry_run import forecast

    made: list[Forecast] = []
    command(target, act=lambda session, request: made.append(forecast(session, request)))
    predicted = made[0]
    if as_json:
        document("plan", **predicted.to_json())
    else:
        _print(predicted)
    if predicted.findings.schema:
        raise PlanError(_listed(predicted.findings), where=predicted.findings.place)
    if predicted.findings.masking:
        raise MaskingError(_listed(predicted.findings), where=predicted.findings.place)
    if refusals := predicted.refusals:
        raise RollbackError(
            "\n  ".join(refusals.values()), where={"revision": next(iter(refusals))}
        )


def _listed(findings: Any) -> str:
    return "the plan does not fit this database:\n  " + "\n  ".join(findings)


def _print(forecast: Forecast) -> None:
    if not forecast.revisions:
        click.echo(f"nothing to do: the chain is at {', '.join(forecast.heads) or 'base'}")
        return
    _table(forecast)
    for revision in forecast.revisions:
        for text in revision.dependents:
            click.echo(f"{revision.revision}: depended on by {text}")
        for line in revision.differences:
            click.echo(f"{revision.revision}: {line}")
        for line in revision.uncompared:
            click.echo(f"not compared: {line}")
        if revision.raw_sql:
            click.echo(f"{revision.revision}: raw SQL: {revision.raw_sql}")
    for warning in forecast.warnings:
        click.echo(f"warning: {warning}")
    click.echo(
        f"{forecast.rows:,} rows, about {forecast.seconds:.1f} s; "
        f"environment {forecast.environment}, {_told(forecast.settings)}; nothing was written"
    )
    click.echo(f"digest {forecast.consent[:16]}")


def _told(settings: Mapping[str, object]) -> str:
    """The size, and the scenario where it is not the usual one."""
    scenario = f", scenario {settings['scenario']}" if "scenario" in settings else ""
    return f"size {settings['size']}{scenario}"


def _table(forecast: Forecast) -> None:
    """Print one line for each table, without the columns in which every count is 0."""
    lines: list[list[object]] = []
    for revision in forecast.revisions:
        if not revision.tables:
            lines.append([revision.revision, f"({revision.state})", *[0] * len(_COUNTS), ""])
        for at, (name, counts) in enumerate(revision.tables.items()):
            ids = f"{counts.ids[0]}-{counts.ids[1]}" if counts.ids else ""
            numbers = [getattr(counts, column) for column in _COUNTS]
            lines.append(["" if at else revision.revision, name, *numbers, ids])
    head = ["revision", "table", *_COUNTS, "ids"]
    used = [
        at for at, name in enumerate(head) if name not in _COUNTS or any(row[at] for row in lines)
    ]
    table([head[at] for at in used], [[line[at] for at in used] for line in lines])
