"""``terp-seed history`` and ``terp-seed lock``: past runs, and the one that holds the lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from terp_seed.cli.interface import as_json, document, examples, run_options, state, table
from terp_seed.project.project import Project

if TYPE_CHECKING:
    from terp_seed.ledger.audit import Event, PastRun

__all__ = ["history", "lock"]

_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"])
_OUTCOMES = ("finished", "failed", "interrupted", "crashed", "running")


@click.command(
    epilog=examples(
        "terp-seed history",
        "terp-seed history --outcome=failed --since=2026-06-30",
        "terp-seed history --events --limit=1",
    )
)
@click.option("--events", "single", is_flag=True, help="Show single events instead of runs.")
@click.option("--since", type=_MOMENT, metavar="MOMENT", help="Runs that began then or later, UTC.")
@click.option("--until", type=_MOMENT, metavar="MOMENT", help="Runs that began before it, UTC.")
@click.option("--revision", metavar="REVISION", help="Runs that touched this revision.")
@click.option("--outcome", type=click.Choice(_OUTCOMES), help="Runs with this outcome.")
@click.option("--user", metavar="NAME", help="Runs of this operating-system or database user.")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="0: all.")
@run_options("url")
@as_json
def history(
    project: Project,
    single: bool,
    limit: int,
    as_json: bool,
    **filters: Any,
) -> None:
    """Print what was run on the database, newest first.

    Reads only.
    """
    from terp_seed.database.session import opened
    from terp_seed.ledger.audit import past_runs

    matches = _Filter(**filters).matches
    with opened(project.settings()) as session:
        found = [run for run in past_runs(session) if matches(run)]
    runs = found[:limit] if limit else found
    if as_json:
        document("history", runs=[_fields(run, events=single) for run in runs])
    elif not runs:
        click.echo("no run matches" if any(filters.values()) else "no runs yet", err=True)
    elif single:
        _print_events(runs)
    else:
        _print_runs(runs)


@dataclass(frozen=True)
class _Filter:
    """Which runs to print; None lets every run pass."""

    since: datetime | None
    until: datetime | None
    revision: str | None
    outcome: str | None
    user: str | None

    def matches(self, run: PastRun) -> bool:
        at = datetime.fromisoformat(run.first["at"])
        db_user = run.first["db_user"]
        users = {run.first["os_user"], db_user, str(db_user).partition("@")[0]}
        return (
            (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
            and (self.revision is None or self.revision in run.revisions)
            and (self.outcome is None or self.outcome == run.outcome)
            and (self.user is None or self.user in users)
        )


def _fields(run: PastRun, *, events: bool = False) -> dict[str, Any]:
    """A run as a part of a JSON document."""
    first = run.first
    names = ("run_id", "at", "os_user", "host", "pid", "db_user", "chain", "environment")
    return {
        **{name: first[name] for name in names},
        "database": first["database_name"],
        "direction": first["direction"],
        "command": run.command,
        "script": run.script,
        "revisions": run.revisions,
        "rows": run.rows,
        "seconds": run.seconds,
        "lock_wait": run.detail("lock_wait"),
        "plan_digest": first["plan_digest"],
        "backup": run.detail("backup"),
        "outcome": run.outcome,
        "error": run.error,
        **({"events": run.events} if events else {}),
    }


def _print_runs(runs: list[PastRun]) -> None:
    table(
        ["when (UTC)", "who", "environment", "command", "revisions", "rows", "seconds", "outcome"],
        [
            [
                run.first["at"][:19],
                run.who,
                run.first["environment"],
                run.command,
                _span(run.revisions),
                sum(run.rows.values()),
                "" if run.seconds is None else f"{run.seconds:.1f}",
                state(f"{run.outcome}: {run.error}" if run.error else run.outcome),
            ]
            for run in runs
        ],
    )


def _span(revisions: list[str]) -> str:
    if len(revisions) < 2:
        return "".join(revisions)
    return f"{revisions[0]} to {revisions[-1]}"


def _print_events(runs: list[PastRun]) -> None:
    table(
        ["when (UTC)", "run", "who", "event", "revision", "rows", "detail"],
        [
            [
                event["at"],
                event["run_id"][:8],
                run.who,
                event["event"],
                event["revision"],
                sum((event["table_rows"] or {}).values()),
                _listed(event),
            ]
            for run in runs
            for event in reversed(run.events)
        ],
    )


def _listed(event: Event) -> str:
    details = event["detail"].items()
    return ", ".join(f"{key} {value}" for key, value in details if key != "command")


@click.group()
def lock() -> None:
    """The lock that allows one run at a time per database."""


@lock.command("status", epilog=examples("terp-seed lock status"))
@run_options("url")
@as_json
def status(project: Project, as_json: bool) -> None:
    """Print whether the lock is free, or who holds it and since when.

    Does not take the lock.
    """
    from terp_seed.database.session import opened
    from terp_seed.ledger.audit import lock_status

    with opened(project.settings(), patient=False) as session:
        found = lock_status(session)
    if as_json:
        run = None if found.run is None else _fields(found.run)
        fields = {"taken": found.taken, "holder": found.holder, "seconds": found.seconds}
        document("lock status", run=run, **fields)
    else:
        click.echo(str(found))
