"""Which target ``--to`` names: a database URL, a script or a folder of a revision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from terp_seed.database.dialects import dialect_named
from terp_seed.errors import GuardError, UsageError
from terp_seed.project.project import Project
from terp_seed.settings.options import Settings
from terp_seed.slice.targets.database import DatabaseTarget
from terp_seed.slice.targets.revision import RevisionTarget
from terp_seed.slice.targets.script import ScriptTarget
from terp_seed.slice.targets.target import SliceTarget

__all__ = ["choose_target"]


def choose_target(project: Project, settings: Settings, to: str) -> SliceTarget:
    """The target that is meant; `UsageError` for anything else."""
    if "://" in to:
        return DatabaseTarget(_settings_of(settings, to))
    if to.endswith(".sql"):
        return ScriptTarget(Path(to))
    if to.endswith("/"):
        return RevisionTarget(project, settings, Path(to))
    raise UsageError(
        "--to: is neither a database URL, nor a file that ends in .sql, nor a folder that ends "
        "in /; give one of them"
    )


def _settings_of(settings: Settings, to: str) -> Settings:
    """The settings for another database; nothing that was said of the source holds there."""
    try:
        url = make_url(to)
    except (ArgumentError, ValueError):
        raise UsageError("--to: is not a database URL; write engine://user@host/database") from None
    if _place(url) == _place(settings.url):
        raise GuardError("--to: is the source itself; a slice goes into another database")
    return replace(settings, url=url, env=None, explicit=frozenset({"url"}))


_THIS_MACHINE = {None, "", "localhost", "127.0.0.1", "::1"}


def _place(url: URL) -> tuple[object, ...]:
    """What is the same for two URLs of one database; of a file, its path without links."""
    engine = dialect_named(url.get_backend_name())
    if engine.embedded:
        path = (url.database or "").removeprefix("file:").partition("?")[0]
        return type(engine), Path(path).resolve()
    host = "localhost" if url.host in _THIS_MACHINE else url.host
    return type(engine), host, url.port or engine.port, url.database
