"""Where backups are, which there are, and when they expire."""

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

__all__ = ["Backup", "expire", "listing", "new_backup", "place"]

_KEPT = 20
_KEPT_FOR = timedelta(days=30)


@dataclass
class Backup:
    """One backup: its folder, and what its manifest says."""

    folder: Path
    manifest: Manifest

    def keep(self) -> None:
        """Write the manifest, after every file it names has been read back whole."""
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


def place(settings: Settings, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of all backups: ``backup-folder``, else one for state in the user's home."""
    if settings.backup_folder:
        return Path(settings.backup_folder).expanduser()
    state = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "terp_seed" / "backups"


def new_backup(settings: Settings, environment: str, reason: str, heads: tuple[str, ...]) -> Backup:
    """Make the folder of a new backup, for its owner's eyes alone; `GuardError` if it cannot be."""
    moment = datetime.now(UTC)
    name = Path(str(settings.url.database)).stem
    folder = place(settings) / f"{moment:%Y%m%dT%H%M%S}-{name}-{token_hex(3)}"
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise GuardError(
            f"backup: {folder} cannot be made: {error.strerror}; nothing was done. Name another "
            "folder with -x backup-folder=..., or say -x backup=none"
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
    """All backups there are, of any database, newest first; what is none is passed over."""
    found: list[Backup] = []
    root = place(settings)
    for folder in root.iterdir() if root.is_dir() else ():
        try:
            found.append(Backup(folder, Manifest.read(folder)))
        except UsageError:
            continue
    return sorted(found, key=lambda each: each.folder.name, reverse=True)


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
