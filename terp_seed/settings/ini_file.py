"""The project's ``alembic.ini``: its sections, its URL, and a section added to its end."""

from __future__ import annotations

import re
from configparser import Error, RawConfigParser
from pathlib import Path

from terp_seed.errors import UsageError

__all__ = ["add_section", "application_url", "has_section"]

_PLACEHOLDER = "driver://user:pass@localhost/dbname"  # what `alembic init` writes
_DRIVER = re.compile(r"^(\w+)\+\w+:")


def has_section(ini: Path, name: str) -> bool:
    """Whether the file exists and has the section."""
    return _parsed(ini).has_section(name)


def application_url(ini: Path) -> str | None:
    """The URL in ``[alembic]``, unexpanded, with the driver of terp_seed.

    None if there is none, or if it refers to other keys of its section.
    """
    text = _parsed(ini).get("alembic", "sqlalchemy.url", fallback="").strip()
    if not text or text == _PLACEHOLDER or "%(" in text.replace("%(here)s", ""):
        return None
    return _DRIVER.sub(r"\1:", text)


def add_section(ini: Path, text: str) -> None:
    """Append text to the file, with its line endings; changes nothing before it."""
    before = ini.read_bytes() if ini.exists() else b""
    newline = b"\r\n" if b"\r\n" in before else b"\n"
    gap = b"" if not before else newline if before.endswith(b"\n") else newline * 2
    ini.write_bytes(before + gap + text.encode().replace(b"\n", newline))


def _parsed(ini: Path) -> RawConfigParser:
    parser = RawConfigParser()
    if ini.exists():
        try:
            parser.read_string(ini.read_text(encoding="utf-8"))
        except (Error, UnicodeDecodeError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"{ini.name}: cannot be read: {reason}") from None
    return parser
