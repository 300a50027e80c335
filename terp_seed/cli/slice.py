"""``terp-seed slice``: a small, whole, masked piece of a large database."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from terp_seed.cli.interface import as_json as with_json
from terp_seed.cli.interface import document, dry_run, examples, run_options, table
from terp_seed.errors import UsageError
from terp_seed.project.project import Project
from terp_seed.settings.options import Settings

if TYPE_CHECKING:
    from terp_seed.mask_database.risk import TableRisk
    from terp_seed.slice.plan import SlicePlan
    from terp_seed.slice.request import SliceRequest
    from terp_seed.slice.run import SliceReport

__all__ = ["slice_rows"]


@click.command(
    "slice",
    epilog=examples(
        'terp-seed slice clients --where "is_buyer = 1" --limit 40 --to sqlite:///slice.db',
        "terp-seed slice orders --since created_at:2026-01-01 --to slice.sql",
        "terp-seed slice orders --sample 1% --to seeds/datasets/some_orders/",
        "terp-seed slice --plan slice.toml --dry-run",
    ),
)
@click.argument("root", metavar="[TABLE]", required=False)
@click.option("--where", metavar="SQL", help="Only rows of TABLE that meet this condition.")
@click.option("--limit", type=int, metavar="N", help="At most so many rows of TABLE.")
@click.option("--sample", metavar="PERCENT", help="The rows that the masking key draws: 1%.")
@click.option("--since", metavar="[COLUMN:]DATE", help="Only rows of TABLE from this day on.")
@click.option("--depth", type=int, metavar="N", help="How far to follow children.  [default: 1]")
@click.option(
    "--orphans",
    type=click.Choice(["report", "leave", "take"]),
    metavar="POLICY",
    help="report, leave or take.  [default: report]",
)
@click.option(
    "--rate", type=click.IntRange(min=1), metavar="N", help="Read at most so many rows a second."
)
@click.option("--plan", "plan_file", metavar="FILE", help="Another file than seeds/slice.toml.")
@click.option("--to", metavar="TARGET", help="A database URL, FILE.sql, or a revision's FOLDER/.")
@dry_run
@run_options("url")
@with_json
def slice_rows(project: Project, **given: Any) -> None:
    """Take some rows with all that they need, masked.

    The database is only read, and may be production.  The target has to be empty.
    """
    settings = project.settings()
    request = _request(settings, given)
    if given["dry_run"]:
        from terp_seed.slice.run import plan_only

        plan = plan_only(settings, request)
        if given["as_json"]:
            document("slice", did="dry run", **_fields(plan))
        else:
            _show(plan)
            if plan.stops:
                click.echo(
                    "a slice stops at orphans: leave their references empty by --orphans leave, or "
                    "take the rows as they are by --orphans take",
                    err=True,
                )
            click.echo(f'schema = "{plan.schema}"', err=True)
        return
    _slice(project, settings, request, given)


def _request(settings: Settings, given: dict[str, Any]) -> SliceRequest:
    from terp_seed.slice.request import SLICE_FILE, SliceRequest, read_slice_file

    named = given["plan_file"]
    path = Path(named) if named else settings.home / SLICE_FILE
    request = read_slice_file(path) if named or path.exists() else SliceRequest()
    if given["root"]:
        request = request.with_root(given["root"], given)
    elif any(given[name] is not None for name in ("where", "limit", "sample", "since")):
        raise UsageError("--where, --limit, --sample and --since need a TABLE")
    if not request.roots:
        raise UsageError(f"name the TABLE to begin with, or write [roots] in {path.name}")
    return request.with_options(given)


def _slice(
    project: Project, settings: Settings, request: SliceRequest, given: dict[str, Any]
) -> None:
    from terp_seed.slice.choice import choose_target
    from terp_seed.slice.run import slice_into

    if not given["to"]:
        raise UsageError("--to: name the target, or look at the plan alone with --dry-run")
    target = choose_target(project, settings, given["to"])
    as_json = given["as_json"]
    report = slice_into(settings, request, target, lambda plan: None if as_json else _show(plan))
    if as_json:
        fields = {"target": target.title, **_fields(report.plan), **_proof(report)}
        document("slice", did="slice", **fields)
        return
    _show_risk(report.risk)
    checked = sum(report.proven.values())
    click.echo(
        f"{report.plan.rows:,} rows are in {target.title}; {checked:,} references lead to rows "
        "among them",
        err=True,
    )


def _show(plan: SlicePlan) -> None:
    rows = [
        [each.table, each.roots, each.children, each.parents, each.rows] for each in plan.tables
    ]
    table(["table", "roots", "children", "parents", "rows"], rows)
    for reference in plan.cut:
        click.echo(f"left empty, since the table is never taken: {reference}", err=True)
    for reference, count in plan.orphans.items():
        click.echo(f"orphans in the source: {count:,} rows by {reference}", err=True)


def _show_risk(risks: list[TableRisk]) -> None:
    for risk in risks:
        click.echo(
            f"{risk.table}: k = {risk.k} by {', '.join(risk.quasi)}; {risk.share(risk.alone)} of "
            "the rows are alone in their group",
            err=True,
        )


def _fields(plan: SlicePlan) -> dict[str, Any]:
    return {
        "tables": [{**asdict(each), "rows": each.rows} for each in plan.tables],
        "schema": plan.schema,
        "orphans": plan.orphans,
        "cut": list(plan.cut),
    }


def _proof(report: SliceReport) -> dict[str, Any]:
    named = ("table", "quasi", "rows", "k", "alone")
    risk = [{name: getattr(each, name) for name in named} for each in report.risk]
    return {"proven": dict(report.proven), "risk": risk}
