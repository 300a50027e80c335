"""Backups on disk: their folder, their list, and their expiry."""

from __future__ import annotations

import os
import shutil
import socket
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex

from terp_seed.database.environment_stamp import who
from terp_seed.errors import GuardError, UsageError
from terp_seed.run.backup.manifest import MOMENT, Manifest
from terp_seed.settings.options import Settings

__all__ = ["Backup", "backups_folder", "expire", "listing", "new_backup"]

_KEPT = 20
_KEPT_FOR = timedelta(days=30)


@dataclass
class Backup:
    """One backup: its folder and its manifest."""

    folder: Path
    manifest: Manifest

    def save(self) -> None:
        """Write the manifest, after reading back every file that it names."""
        self.manifest.check(self.folder)
        try:
            self.manifest.write(self.folder)
        except OSError as error:
            raise GuardError(
                f"backup: {self.folder} cannot be written: {error.strerror}; nothing was done"
            ) from None

    @property
    def made(self) -> datetime:
        """When it was made."""
        return datetime.strptime(self.manifest.made_at, MOMENT).replace(tzinfo=UTC)


def backups_folder(settings: Settings, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of all backups: ``backup-folder``, else one in the user's state folder."""
    if settings.backup_folder:
        return Path(settings.backup_folder).expanduser()
    state = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "terp_seed" / "backups"


def new_backup(settings: Settings, environment: str, reason: str, heads: tuple[str, ...]) -> Backup:
    """Make a new backup's folder, which only its owner can read; `GuardError` if that fails."""
    moment = datetime.now(UTC)
    name = Path(str(settings.url.database)).stem
    folder = backups_folder(settings) / f"{moment:%Y%m%dT%H%M%S}-{name}-{token_hex(3)}"
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise GuardError(
            f"backup: {folder} cannot be made: {error.strerror}; nothing was done. Name another "
            "folder with -x backup-folder=..., or use -x backup=none"
        ) from None
    manifest = Manifest(
        made_at=moment.strftime(MOMENT),
        made_by=who(),
        host=socket.gethostname(),
        reason=reason,
        engine=settings.url.get_backend_name(),
        database=str(settings.url.database),
        environment=environment,
        chain=settings.chain,
        heads=list(heads),
        tools={"terp_seed": version("terp_seed")},
    )
    return Backup(folder, manifest)


def listing(settings: Settings) -> list[Backup]:
    """All backups of all databases, newest first; ignores folders that are not backups."""
    found: list[Backup] = []
    root = backups_folder(settings)
    for folder in root.iterdir() if root.is_dir() else ():
        try:
            found.append(Backup(folder, Manifest.read(folder)))
        except UsageError:
            continue
    return sorted(found, key=lambda backup: backup.folder.name, reverse=True)


def expire(settings: Settings, now: datetime | None = None) -> None:
    """Delete each database's backups that are older than 30 days, and those beyond its newest 20.

    The newest backup of a database is never deleted.
    """
    oldest = (now or datetime.now(UTC)) - _KEPT_FOR
    seen: Counter[str] = Counter()
    for backup in listing(settings):
        database = backup.manifest.database
        seen[database] += 1
        if seen[database] > 1 and (backup.made < oldest or seen[database] > _KEPT):
            shutil.rmtree(backup.folder)
