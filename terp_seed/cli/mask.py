"""``terp-seed mask``: mask personal data in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from terp_seed.cli.interface import as_json, document, examples, run_options, short_path, table
from terp_seed.cli.interface import yes as with_yes
from terp_seed.errors import MaskingError, UsageError, VerificationError
from terp_seed.project.project import Project

if TYPE_CHECKING:
    from terp_seed.mask_database.risk import TableRisk
    from terp_seed.mask_database.run import MaskOptions

__all__ = ["mask"]


@click.command(
    epilog=examples(
        "terp-seed mask --init               write the entries that seeds/masking.toml lacks",
        "terp-seed mask --init --table brands",
        "terp-seed mask --review",
        "terp-seed mask --dry-run",
        "terp-seed -x yes=terp_staging mask",
        "terp-seed mask --verify",
        "terp-seed mask --report > evidence.md",
    )
)
@click.option("--init", "init", is_flag=True, help="Write a proposed entry for unlisted columns.")
@click.option("--review", "reviewing", is_flag=True, help="Show undecided and proposed columns.")
@click.option("--dry-run", "dry", is_flag=True, help="Count what would be masked; write nothing.")
@click.option("--verify", "verifying", is_flag=True, help="Look for personal data that is left.")
@click.option("--report", "reporting", is_flag=True, help="Print the evidence of the masking.")
@click.option("--forget", "forgetting", is_flag=True, help="Delete the digests of the originals.")
@click.option("--table", "tables", multiple=True, metavar="NAME", help="Only this table.")
@click.option("--again", is_flag=True, help="Start from the first row: the database is a new copy.")
@with_yes
@run_options("url", "lock-timeout", "backup")
@as_json
def mask(
    project: Project,
    init: bool,
    reviewing: bool,
    dry: bool,
    verifying: bool,
    reporting: bool,
    forgetting: bool,
    tables: tuple[str, ...],
    again: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Mask a copy of production in place, block by block.

    Refused in production, but for --init and --review, which write nothing to the database.  An
    interrupted run continues where it stopped.
    """
    if sum((init, reviewing, dry, verifying, reporting, forgetting)) > 1:
        raise UsageError("give one of the options that say what to do, not several")
    if init:
        _init(project, tables, as_json)
    elif reviewing:
        _review(project, tables, as_json)
    elif verifying:
        _verify(project, tables, as_json)
    elif reporting:
        _report(project, as_json)
    elif forgetting:
        _forget(project, as_json)
    else:
        from terp_seed.mask_database.run import MaskOptions

        _mask(project, MaskOptions(tables, again, yes), dry=dry, as_json=as_json)


def _init(project: Project, tables: tuple[str, ...], as_json: bool) -> None:
    from terp_seed.mask_database.proposals import propose_policy
    from terp_seed.masking.policy_lines import add_decisions, add_steps

    settings = project.settings()
    path = settings.home / "masking.toml"
    proposals, steps = propose_policy(settings, tables)
    columns = add_decisions(path, proposals)
    add_steps(path, steps)
    rows: list[dict[str, Any]] = [
        {"table": found.table, "column": decision.column, **decision.entry()}
        for found in proposals
        for decision in found.decisions
    ]
    if as_json:
        document("mask", did="init", file=short_path(path), columns=rows)
    elif columns:
        click.echo(
            f"wrote {columns:,} proposed entries for {len(proposals):,} tables to "
            f"{short_path(path)}; check them, and delete the word proposed from each that is right",
            err=True,
        )
        for step in steps:
            click.echo(f"proposed under [neutralise]: {step}", err=True)
    else:
        click.echo("every column has its entry", err=True)


def _review(project: Project, tables: tuple[str, ...], as_json: bool) -> None:
    from terp_seed.mask_database.proposals import review_policy

    found = review_policy(project.settings(), tables)
    rows = [
        *(["undecided", *place, ""] for place in found.undecided),
        *(["proposed", *place] for place in found.proposed),
        *(["stale", *place, "no such column"] for place in found.stale),
    ]
    if as_json:
        document("mask", did="review", review=asdict(found))
    elif rows:
        table(["state", "table", "column", "reason"], rows)
    click.echo(
        f"{len(found.undecided)} columns undecided, {len(found.proposed)} only proposed, "
        f"{len(found.stale)} entries without a column",
        err=True,
    )
    if found.undecided:
        raise MaskingError(
            "columns have no decision in the masking policy; propose one for each: "
            "terp-seed mask --init"
        )


def _mask(project: Project, options: MaskOptions, *, dry: bool, as_json: bool) -> None:
    from terp_seed.mask_database.run import mask_in_place, rehearse, rehearse_steps

    steps = rehearse_steps(project.settings(), options) if dry else []
    plans = (rehearse if dry else mask_in_place)(project.settings(), options)
    rows: list[dict[str, Any]] = [
        {
            "table": plan.table,
            "column": name,
            "class": kind,
            "strategy": plan.strategies[name],
            "rows": plan.rows,
            "values": plan.values[name],
        }
        for plan in plans
        for name, kind in plan.kinds.items()
    ]
    merged: list[dict[str, Any]] = [
        {"table": plan.table, "column": name, "distinct": before, "distinct_masked": after}
        for plan in plans
        for name, (before, after) in plan.merged.items()
    ]
    if as_json:
        planned = [{"step": str(step.step), "rows": step.rows} for step in steps]
        more = {"neutralise": planned} if dry else {}
        document("mask", did="dry run" if dry else "mask", columns=rows, merged=merged, **more)
        return
    for step in steps:
        click.echo(f"{step}")
    if rows:
        table(list(rows[0]), [list(row.values()) for row in rows])
    for row in merged:
        click.echo(
            f"{row['table']}.{row['column']}: about {row['distinct_masked']:,} of "
            f"{row['distinct']:,} values stay distinct",
            err=True,
        )


def _verify(project: Project, tables: tuple[str, ...], as_json: bool) -> None:
    from terp_seed.mask_database.leaks import find_leaks
    from terp_seed.mask_database.risk import below

    found = find_leaks(project.settings(), tables)
    rows = [
        [leak.table, leak.column, leak.found, leak.rows, ", ".join(leak.first_keys)]
        for leak in found.leaks
    ]
    if as_json:
        document("mask", did="verify", scan=asdict(found))
    elif rows:
        table(["table", "column", "found", "rows", "first keys"], rows)
    click.echo(found.summary(), err=True)
    _show_risk(found.risk, as_json=as_json)
    if rows:
        raise VerificationError(
            f"personal data is left in {len(rows)} places; give those columns or paths a class in "
            "the masking policy and mask again, which masks what changed, or correct the rows"
        )
    if small := below(found.risk, found.min_k):
        raise VerificationError(
            f"persons can be singled out in {', '.join(risk.table for risk in small)}: groups of "
            f"fewer than {found.min_k} rows (min_k); generalise columns that quasi names"
        )


def _show_risk(risks: Sequence[TableRisk], *, as_json: bool) -> None:
    lines = [
        [
            risk.table,
            ", ".join(risk.quasi),
            risk.rows,
            risk.k or "-",
            risk.share(risk.alone),
            risk.share(risk.small),
            ", ".join(f"{name} {fewest}" for name, fewest in risk.l.items()) or "-",
        ]
        for risk in risks
    ]
    if lines and not as_json:
        table(["table", "quasi", "rows", "k", "k = 1", "k < 5", "l"], lines)
        for risk in risks:
            for advice in risk.advice:
                click.echo(f"{risk.table}.{advice}", err=True)


def _report(project: Project, as_json: bool) -> None:
    from terp_seed.mask_database.evidence import evidence, evidence_page

    found = evidence(project.settings())
    if as_json:
        document("mask", did="report", evidence=found)
    else:
        click.echo(evidence_page(found), nl=False)


def _forget(project: Project, as_json: bool) -> None:
    from terp_seed.mask_database.run import forget

    blocks = forget(project.settings())
    if as_json:
        document("mask", did="forget", blocks=blocks)
    else:
        click.echo(f"deleted the digests of {blocks} blocks", err=True)
