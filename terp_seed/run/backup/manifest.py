"""The manifest of a backup: its files, where they come from, and their checksums."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import IO

from terp_seed.errors import GuardError, UsageError

__all__ = ["MANIFEST", "MOMENT", "File", "Manifest", "StoredInsert", "checksum", "private_file"]

MANIFEST = "manifest.json"
MOMENT = "%Y-%m-%dT%H:%M:%SZ"
"""How a manifest writes when it was made."""

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
            raise UsageError(f"backup {folder}: {MANIFEST} is not as it was written") from None

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
        """How many rows the files of statements hold, by table."""
        counts: Counter[str] = Counter()
        for file in self.files:
            counts.update(file.tables if file.statements else {})
        return counts

    def check(self, folder: Path) -> None:
        """Raise `GuardError` unless every file is there and unchanged."""
        for file in self.files:
            path = folder / file.name
            if not path.is_file():
                raise GuardError(f"backup {folder}: {file.name} is missing; nothing was done")
            if path.stat().st_size != file.size or checksum(path) != file.sha256:
                raise GuardError(
                    f"backup {folder}: {file.name} is not as it was written; nothing was done"
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
