"""``terp-seed export``: the rows of an upgrade as files, made without a database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TextIO

from alembic.util import to_tuple

from terp_seed.database.interrupts import interruptible
from terp_seed.errors import SeedError, UsageError, located
from terp_seed.plan.chain import Request
from terp_seed.plan.run import Run
from terp_seed.rows.model import Block
from terp_seed.run.backup.folder import checksum, private_file
from terp_seed.run.export.csv_files import load_script, write_csv
from terp_seed.run.export.manifest import ExportManifest, ManifestTable
from terp_seed.run.export.parquet_files import load_arrow, write_parquet
from terp_seed.run.export.selection import (
    ExportedTable,
    Selected,
    choose_tables,
    refuse_unloadable,
)
from terp_seed.run.export.shards import WHOLE, Shard, numbered_blocks
from terp_seed.run.script import plan_script
from terp_seed.settings.log import progress_of_run
from terp_seed.settings.options import Settings

__all__ = ["Export", "Format"]

Format = Literal["csv", "parquet"]

_LEFT = "no file of it is left"
_NO_NAME = re.compile(r"[^\w.-]", re.ASCII)  # what the names of files are spared


@dataclass
class Export:
    """What was asked for, and in the end what was written."""

    folder: Path
    format: Format
    shard: Shard = WHOLE
    first_ids: Mapping[str, int] = field(default_factory=dict)
    manifest: ExportManifest | None = None

    def act(
        self, settings: Settings, request: Request, start: tuple[str, ...], out: TextIO
    ) -> None:
        """Write the files of an upgrade from the base, the manifest last.

        Refuses before it writes: a folder that is not empty, a plan that no files can stand for.
        What fails on the way takes its files with it; a killed export leaves no manifest.
        """
        _refuse_occupied(self.folder)
        if self.format == "parquet":
            load_arrow()
        if start:
            raise UsageError("an export begins at the base; name the revision alone")
        run = plan_script(settings, request, start, out)
        refuse_unloadable(run)
        chosen = choose_tables(run.plan, self.first_ids)
        with interruptible(_LEFT), _cleaned(self.folder):
            tables = [self._write(run, table) for table in chosen.tables]
            self.manifest = _manifest(run, self, tables, chosen)
            self.manifest.write(self.folder)

    def _write(self, run: Run, table: ExportedTable) -> ManifestTable:
        """Write one table's file, with the script that loads it."""
        rows, range_ = table.rows, table.planned.range
        start, stop = self.shard.rows(rows.count)
        plain = _NO_NAME.sub("_", rows.table)
        stem = f"{table.number:03}.{plain}{self.shard.suffix}"
        name = f"{stem}.{self.format}" if stop > start else None
        load = f"{stem}.sql" if name and self.format == "csv" else None
        if name is not None:
            with located(revision=range_.revision, table=rows.table):
                self._write_file(run, table, name, load)
        return ManifestTable(
            range_.revision,
            range_.number,
            rows.table,
            table.columns,
            rows.count,
            table.first_id,
            start,
            stop - start,
            name,
            checksum(self.folder / name) if name else None,
            load,
        )

    def _write_file(self, run: Run, table: ExportedTable, name: str, load: str | None) -> None:
        dialect = run.ledger.dialect
        made = numbered_blocks(table, self.shard, run.ledger, run.prover_of)
        blocks = _reported(made, table.rows.table, *self.shard.rows(table.rows.count))
        with private_file(self.folder / name) as file:
            if load is None:
                write_parquet(file, table, blocks)
                return
            columns = write_csv(file, table, blocks, dialect)
        with private_file(self.folder / load) as file:
            script = load_script(dialect, table, name, columns, run.generation.clock)
            file.write(script.encode())


def _reported(blocks: Iterator[Block], table: str, start: int, stop: int) -> Iterator[Block]:
    """The same blocks; a terminal shows how many rows are done."""
    progress = progress_of_run()
    try:
        progress(table, 0, stop - start)
        for block in blocks:
            yield block
            progress(table, block.stop - start, stop - start)
    finally:
        progress.end()


def _manifest(
    run: Run, asked: Export, tables: list[ManifestTable], chosen: Selected
) -> ExportManifest:
    heads = _heads(run)
    return ExportManifest(
        chain=run.settings.chain,
        environment=run.environment,
        engine=run.settings.url.get_backend_name(),
        revision=heads[0] if len(heads) == 1 else "heads",
        plan=run.plan.digest(),
        settings=run.detail,
        format=asked.format,
        shard=asked.shard.number,
        shards=asked.shard.total,
        tables=tables,
        left=[asdict(table) for table in chosen.left],
    )


def _heads(run: Run) -> list[str]:
    """The revisions that no other of the run builds on."""
    below: set[str] = set()
    for step in run.move.steps:
        below |= {*to_tuple(step.script.down_revision, default=())}
    return [step.revision for step in run.plan.steps if step.revision not in below]


def _refuse_occupied(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(f"--to {folder}: is not an empty folder; name another one")


@contextmanager
def _cleaned(folder: Path) -> Iterator[None]:
    """Make the folder; if its files cannot be completed, take them away."""
    made = not folder.exists()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield
    except BaseException as error:
        for path in folder.iterdir() if folder.is_dir() else ():
            path.unlink()  # it was empty before
        if made and folder.is_dir():
            folder.rmdir()
        if isinstance(error, OSError):
            raise SeedError(f"--to {folder}: cannot be written: {error.strerror}") from None
        raise
