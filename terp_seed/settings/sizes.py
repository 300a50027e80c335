"""Volume presets: how many rows each subject gets."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from terp_seed.errors import UsageError

__all__ = ["default_size", "preset", "presets"]


def default_size(environment: str) -> str:
    """The default size of a run: ``medium`` in staging, else ``small``."""
    return "medium" if environment == "staging" else "small"


def presets(home: Path) -> list[str]:
    """The names of all presets in ``sizes.toml``, in their order."""
    return list(_read(home / "sizes.toml"))


def preset(home: Path, size: str, rows: Mapping[str, int]) -> dict[str, int]:
    """The row counts of a preset in ``sizes.toml``, with ``rows`` on top.

    A project adds a preset by adding a table to the file.  Raises `UsageError` for a size or a name
    in ``rows`` that is not in the file.
    """
    known = _read(home / "sizes.toml")
    if size not in known:
        raise UsageError(
            f"size: {size!r} is not a preset of {home.name}/sizes.toml; it has {', '.join(known)}"
        )
    counts = dict(known[size])
    for name, number in rows.items():
        if name not in counts:
            raise UsageError(
                f"rows: preset {size!r} has no entry {name!r}; it has {', '.join(counts)}"
            )
        counts[name] = number
    return counts


def _read(path: Path) -> dict[str, dict[str, int]]:
    try:
        with path.open("rb") as file:
            presets = tomllib.load(file)
    except FileNotFoundError:
        return {"small": {}, "medium": {}, "large": {}}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path.name}: cannot be read: {error}") from None
    for size, counts in presets.items():
        if not isinstance(counts, dict):
            raise UsageError(f"{path.name}: {size!r} must be a table, as [{size}]")
        for name, number in counts.items():
            if not isinstance(number, int) or isinstance(number, bool) or number < 0:
                raise UsageError(f"{path.name}: [{size}] {name} must be a whole number from 0")
    return presets
