"""What is in an exported folder: ``manifest.json``, written last, so that a part is never whole.

Each shard has one; `ExportSet` is all of them together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from terp_seed.errors import PlanError, UsageError
from terp_seed.ledger.ledger import Place
from terp_seed.plan.chain import Generation
from terp_seed.run.backup.folder import checksum, private_file
from terp_seed.run.export.shards import Shard

__all__ = ["ExportManifest", "ExportSet", "ManifestTable"]

_DOCUMENT, _VERSION = "terp_seed export", 1


@dataclass(frozen=True)
class ManifestTable:
    """One table of a shard: the rows of a revision, and the file that has them."""

    revision: str
    range: int
    """Its place among what the revision writes."""
    table: str
    columns: list[str]
    rows: int
    """How many all shards have together."""
    first_id: int | None
    """The id of the first of these."""
    first_row: int
    """Where the shard begins, from 0."""
    shard_rows: int
    file: str | None
    """None for a shard without a row."""
    sha256: str | None
    load: str | None = None
    """The script that loads it."""

    @property
    def place(self) -> Place:
        return self.revision, self.range


@dataclass(frozen=True)
class ExportManifest:
    """What one run of ``terp-seed export`` wrote."""

    chain: str
    environment: str
    engine: str
    revision: str
    """Where a chain is that has these rows."""
    plan: str
    """The plan's digest, as that of a run."""
    settings: Mapping[str, Any]
    """Size, rows, scenario, root seed and as-of, as the ledger keeps them."""
    format: str
    shard: int
    shards: int
    tables: list[ManifestTable] = field(default_factory=list)
    left: list[dict[str, str]] = field(default_factory=list)
    """The tables that are no files, which ``ledger adopt`` writes."""

    def write(self, folder: Path) -> Path:
        """Write the manifest whole or not at all; return its path."""
        path = folder / f"manifest{Shard(self.shard, self.shards).suffix}.json"
        half = path.with_suffix(".half")
        fields = {"document": _DOCUMENT, "version": _VERSION, **self.to_json()}
        with private_file(half) as file:
            file.write(f"{json.dumps(fields, indent=2)}\n".encode())
        half.rename(path)
        return path

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, path: Path) -> ExportManifest:
        """Read a manifest; `UsageError` if it is not one."""
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
        except ValueError:
            fields = None
        if not isinstance(fields, dict) or fields.pop("document", None) != _DOCUMENT:
            raise UsageError(f"{path}: is not the manifest of an export; look which file it is")
        if fields.pop("version", None) != _VERSION:
            raise UsageError(f"{path}: was made by another version of terp_seed; export again")
        try:
            tables = [ManifestTable(**each) for each in fields.pop("tables")]
            return cls(tables=tables, **fields)
        except (TypeError, KeyError):
            raise UsageError(f"{path}: is incomplete; export again") from None

    @property
    def whole(self) -> Mapping[str, Any]:
        """What all shards of an export have in common."""
        tables = [(each.place, each.table, each.rows, each.first_id) for each in self.tables]
        parts = (self.chain, self.environment, self.revision, self.plan, self.shards)
        return {"parts": parts, "settings": self.settings, "tables": tables}


@dataclass(frozen=True)
class ExportSet:
    """All shards of an export."""

    manifests: Sequence[ExportManifest]

    @classmethod
    def read(cls, folder: Path) -> ExportSet:
        """Read the manifests in a folder and its subfolders; hold the files there to them.

        A file that is not there counts as loaded and put away.  Raises `UsageError` for a folder
        without a manifest, and `PlanError` for a missing shard, shards of different exports, and
        files that have changed.
        """
        paths = sorted(folder.glob("**/manifest*.json"))
        if not paths:
            raise UsageError(
                f"{folder}: has no manifest, so the export was not completed; export again into "
                "another folder"
            )
        read = {path: ExportManifest.read(path) for path in paths}
        found = cls([*read.values()])
        found._refuse_incomplete(folder)
        for path, manifest in read.items():
            _refuse_changed_files(path, manifest)
        return found

    @property
    def first(self) -> ExportManifest:
        return self.manifests[0]

    @property
    def first_ids(self) -> dict[Place, int | None]:
        """The exported ranges, with their first ids."""
        return {table.place: table.first_id for table in self.first.tables}

    @property
    def options(self) -> dict[str, str | None]:
        """The settings as options of a run."""
        return Generation.from_settings(self.first.settings).options

    def _refuse_incomplete(self, folder: Path) -> None:
        if any(manifest.whole != self.first.whole for manifest in self.manifests):
            raise PlanError(
                f"{folder}: has shards of different exports; give each export a separate folder"
            )
        there = [manifest.shard for manifest in self.manifests]
        total = self.first.shards
        missing = [str(number) for number in range(1, total + 1) if number not in there]
        if missing:
            raise PlanError(
                f"{folder}: shard {', '.join(missing)} of {total} is missing; export it, load it "
                "and put its manifest beside the others"
            )
        if len(there) > total:
            raise PlanError(f"{folder}: has a shard twice; keep one manifest of each shard")


def _refuse_changed_files(path: Path, manifest: ExportManifest) -> None:
    for table in manifest.tables:
        file = path.parent / table.file if table.file else None
        if file is not None and file.is_file() and checksum(file) != table.sha256:
            raise PlanError(
                f"{file}: is not the file that was exported (SHA-256); export and load it again",
                where={"file": str(table.file)},
            )
