"""Files of a slice, which only their owner can read: pseudonyms are personal data for him."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

from terp_seed.errors import GuardError

__all__ = ["begin_file"]


def begin_file(path: Path) -> TextIO:
    """Make a file for writing, in the place of what was left of an earlier try."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise GuardError(f"--to: {path} cannot be written: {error.strerror}") from None
    return os.fdopen(handle, "w", encoding="utf-8", newline="\n")
