"""Pages and messages are written in plain English: a list of phrases that neither may use.

`python tests/test_words.py` prints the waivers as they would be now.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PHRASES = (
    "nobody",
    "somebody",
    "anybody",
    "is no",
    "say it again",
    "stands",
    "goes on",
    "of its own",
    "rows that are ours",
    "not so,",
)
_PHRASE = re.compile(
    r"(?<!\w)(?:" + "|".join(re.escape(phrase) for phrase in PHRASES) + r")(?!\w)", re.IGNORECASE
)
# Code, and what a program prints.
_QUOTED = re.compile(r'^```.*?^```$|`[^`]*`|"[^"\n]*"', re.MULTILINE | re.DOTALL)

# How many a source file has left; pages have none.  A number may only go down.
WAIVERS: dict[str, int] = {
    "terp_seed/database/autogenerate.py": 1,
    "terp_seed/database/bookkeeping.py": 1,
    "terp_seed/database/consent.py": 5,
    "terp_seed/database/dialects/clients.py": 1,
    "terp_seed/database/dialects/mysql.py": 1,
    "terp_seed/database/dialects/postgresql_errors.py": 1,
    "terp_seed/database/dialects/sqlite.py": 2,
    "terp_seed/database/dialects/sqlite_locks.py": 2,
    "terp_seed/database/dialects/writes.py": 1,
    "terp_seed/database/failures.py": 2,
    "terp_seed/database/interrupts.py": 1,
    "terp_seed/database/schema.py": 1,
    "terp_seed/database/session.py": 2,
    "terp_seed/terp/schema/tables.py": 1,
}


def pages() -> list[Path]:
    return [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("**/*.md"))]


def sources() -> list[Path]:
    return sorted((REPOSITORY / "terp_seed").rglob("*.py"))


def phrases_in(text: str) -> list[str]:
    """The phrases in a text, wherever its lines break."""
    return _PHRASE.findall(re.sub(r"\s+", " ", text))


def phrases_of_page(page: Path) -> list[str]:
    return phrases_in(_QUOTED.sub(" ", page.read_text(encoding="utf-8")))


def phrases_of_source(source: Path) -> list[str]:
    """The phrases in string literals, docstrings and messages among them."""
    nodes = ast.walk(ast.parse(source.read_text(encoding="utf-8")))
    texts = (
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return [phrase for text in texts for phrase in phrases_in(text)]


def found() -> dict[str, list[str]]:
    """The files that use a phrase, and which ones."""
    texts = {page: phrases_of_page(page) for page in pages()}
    texts |= {source: phrases_of_source(source) for source in sources()}
    return {
        path.relative_to(REPOSITORY).as_posix(): phrases
        for path, phrases in texts.items()
        if phrases
    }


def test_no_file_uses_more_of_the_phrases_than_it_did() -> None:
    more = {
        name: phrases for name, phrases in found().items() if len(phrases) > WAIVERS.get(name, 0)
    }
    assert not more, f"reword these: {more}"


def test_every_waiver_names_a_file() -> None:
    gone = [name for name in WAIVERS if not (REPOSITORY / name).exists()]
    assert not gone, f"delete these waivers: {gone}"


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("Nobody waits, and there is no\nlock.", ["Nobody", "is no"]),
        ("It is not so, but it understands.", ["not so,"]),
        ("A table of its own goes on.", ["of its own", "goes on"]),
        ("There is none, is now, is not.", []),
    ],
)
def test_a_phrase_is_found(text: str, phrases: list[str]) -> None:
    assert phrases_in(text) == phrases


def test_code_and_messages_on_a_page_may_use_any_word(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('`nobody` and "somebody"\n\n```text\nthere is no such file\n```\nAnybody\n')
    assert phrases_of_page(page) == ["Anybody"]


if __name__ == "__main__":
    for _name, _phrases in found().items():
        print(f'    "{_name}": {len(_phrases)},')
