"""Backups on disk: their folder, their list, and their expiry."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from typing import IO

from terp_seed.database.compare import is_bookkeeping
from terp_seed.database.dialects import split_table
from terp_seed.database.environment_stamp import who
from terp_seed.errors import GuardError, UsageError
from terp_seed.settings.options import Settings

__all__ = [
    "LEDGER",
    "MOMENT",
    "Backup",
    "File",
    "Manifest",
    "StoredInsert",
    "backups_folder",
    "checksum",
    "expire",
    "find_unfinished",
    "list_backups",
    "new_backup",
    "private_file",
]

MANIFEST = "manifest.json"
MOMENT = "%Y-%m-%dT%H:%M:%SZ"
"""How a manifest writes when it was made."""

LEDGER = "ledger"
"""What the file of the ledger's rows is called."""

_CHOOSE = "Choose another: terp-seed backup list"

_FOLDER = re.compile(r"\d{8}T\d{6}-.+-[0-9a-f]{6}")
_VERSION = 1
_CHUNK = 1 << 20


@dataclass(frozen=True)
class StoredInsert:
    """One INSERT in a file of rows: its place in the file, and its rows."""

    table: str
    key: list[str]
    columns: list[str]
    masked: bool
    """Whether the rows were masked, and each column is stored twice: before and after masking.
    Otherwise the rows were deleted."""
    rows: int
    offset: int
    """Bytes from the beginning of the file to the list of values."""
    size: int


@dataclass(frozen=True)
class File:
    """One file of a backup; ``statements`` for a file of rows."""

    name: str
    size: int
    sha256: str
    tables: dict[str, int]
    """Rows by table."""
    revision: str | None = None
    statements: list[StoredInsert] = field(default_factory=list)

    @property
    def is_ledger(self) -> bool:
        """Whether it holds the ledger's rows."""
        return self.name == f"{LEDGER}.sql"


@dataclass
class Manifest:
    """The description of a backup."""

    made_at: str
    made_by: str
    host: str
    reason: str
    """``rollback``, ``mask`` or ``asked``."""
    engine: str
    database: str
    environment: str
    chain: str
    heads: list[str]
    """The heads of the chain when it was made."""
    tools: dict[str, str]
    files: list[File] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read a backup's manifest; `UsageError` if the folder is not a backup."""
        try:
            fields = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(
                f"backup {folder}: cannot be read: {MANIFEST}: {error.strerror}; terp-seed backup "
                "list prints the existing ones"
            ) from None
        except ValueError:
            fields = None
        if not isinstance(fields, dict) or fields.pop("document", "") != "backup":
            raise UsageError(f"backup {folder}: {MANIFEST} is not the manifest of a backup")
        if fields.pop("version", None) != _VERSION:
            raise UsageError(f"backup {folder}: was made by another version of terp_seed")
        try:
            files = [
                File(**{**file, "statements": [StoredInsert(**one) for one in file["statements"]]})
                for file in fields.pop("files")
            ]
            datetime.strptime(fields["made_at"], MOMENT).replace(tzinfo=UTC)
            return cls(files=files, **fields)
        except (KeyError, TypeError, ValueError):
            raise UsageError(
                f"backup {folder}: {MANIFEST} has changed since the backup was made. {_CHOOSE}"
            ) from None

    def write(self, folder: Path) -> None:
        """Replace the manifest on disk in one step."""
        fields = {"document": "backup", "version": _VERSION, **asdict(self)}
        unfinished = folder / f"{MANIFEST}.new"
        with private_file(unfinished) as file:
            file.write(json.dumps(fields, indent=2, ensure_ascii=False).encode())
        unfinished.replace(folder / MANIFEST)

    def add(self, file: File) -> None:
        """Add a file; it replaces one of the same name."""
        self.files = [*(known for known in self.files if known.name != file.name), file]

    @property
    def kinds(self) -> list[str]:
        """``rows`` for files of statements, ``dump`` for the whole database, or both."""
        return sorted({"rows" if file.statements else "dump" for file in self.files})

    @property
    def rows(self) -> Mapping[str, int]:
        """How many rows of the application's tables the files of statements hold, by table."""
        counts: Counter[str] = Counter()
        for file in self.files:
            counts.update(file.tables if file.statements and not file.is_ledger else {})
        return {name: n for name, n in counts.items() if not is_bookkeeping(split_table(name)[1])}

    def check(self, folder: Path) -> None:
        """Raise `GuardError` unless every file is there and unchanged."""
        for file in self.files:
            path = folder / file.name
            if not path.is_file():
                raise GuardError(
                    f"backup {folder}: {file.name} is missing; nothing was done. {_CHOOSE}"
                )
            if path.stat().st_size != file.size or checksum(path) != file.sha256:
                raise GuardError(
                    f"backup {folder}: {file.name} has changed since the backup was made (size or "
                    f"checksum); nothing was done. {_CHOOSE}"
                )


@contextmanager
def private_file(path: Path) -> Iterator[IO[bytes]]:
    """A new file that only its owner can read, synchronised to disk at the end."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w+b") as file:
        yield file
        file.flush()
        os.fsync(handle)


def checksum(path: Path) -> str:
    """SHA-256 of a file's content."""
    total = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()


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
            "folder with -x backup-folder=..."
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


def list_backups(settings: Settings) -> list[Backup]:
    """All backups of all databases, newest first; ignores folders that are not backups."""
    found: list[Backup] = []
    root = backups_folder(settings)
    for folder in root.iterdir() if root.is_dir() else ():
        try:
            found.append(Backup(folder, Manifest.read(folder)))
        except UsageError:
            continue
    return sorted(found, key=lambda backup: backup.folder.name, reverse=True)


def find_unfinished(settings: Settings) -> list[Path]:
    """Folders of backups without a manifest: a run is writing them, or was killed meanwhile."""
    root = backups_folder(settings)
    return sorted(
        folder
        for folder in (root.iterdir() if root.is_dir() else ())
        if _FOLDER.fullmatch(folder.name) and not (folder / MANIFEST).exists()
    )


def expire(settings: Settings, now: datetime | None = None) -> None:
    """Delete each database's backups that are older than 30 days, and those beyond its newest 20.

    The newest backup of a database is never deleted.
    """
    oldest = (now or datetime.now(UTC)) - _KEPT_FOR
    seen: Counter[str] = Counter()
    for backup in list_backups(settings):
        database = backup.manifest.database
        seen[database] += 1
        if seen[database] > 1 and (backup.made < oldest or seen[database] > _KEPT):
            shutil.rmtree(backup.folder)
