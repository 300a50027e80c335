"""Each sentence of the pages on masking names the tests that show it, or promises nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs_runner import REPOSITORY

TESTS = Path(__file__).resolve().parent
PROMISES = (TESTS / "data" / "masking_promises.txt").read_text(encoding="utf-8")
_APART = re.compile(r"(?<=[.:])\s+(?=[A-Z`*\[])")
_LEFT_OUT = re.compile(r"```.*?```|<!-- generated.*?<!-- end -->", re.DOTALL)


def listed(page: str) -> dict[str, str]:
    """How each sentence of a page begins, with its tests."""
    (part,) = re.findall(
        rf"^\[{re.escape(page)}\]\n(.*?)(?=^\[[\w-]+\.md\]|\Z)", PROMISES, re.M | re.S
    )
    lines = [line for line in part.splitlines() if line.strip()]
    return dict(zip(lines[::2], map(str.strip, lines[1::2]), strict=True))


def sentences(page: str) -> Iterator[str]:
    """The sentences of a page and the rows of its tables; not its code and headings."""
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    paragraph: list[str] = []
    for line in [*_LEFT_OUT.sub("\n", text).splitlines(), ""]:
        code, row = line.startswith("    "), line.startswith("|")
        if code or row or not line.strip() or line.startswith(("#", "* ")):
            yield from filter(None, map(str.strip, _APART.split(" ".join(paragraph))))
            paragraph = []
        if row and not re.fullmatch(r"\|[ |-]+", line):
            yield line
        elif not (code or row or line.startswith("#")) and line.strip():
            paragraph.append(line.strip())


@pytest.mark.parametrize("page", ["howto-mask.md", "compliance.md"])
def test_each_sentence_names_its_tests_or_promises_nothing(page: str) -> None:
    known = listed(page)
    unknown = [text for text in sentences(page) if not text.startswith(tuple(known))]
    assert not unknown, f"add these to tests/data/masking_promises.txt, with tests or -: {unknown}"
    texts = list(sentences(page))
    stale = [start for start in known if not any(text.startswith(start) for text in texts)]
    assert not stale, f"gone from {page}: remove from tests/data/masking_promises.txt: {stale}"
    assert sum(tests != "-" for tests in known.values()) > len(known) / 2


def test_each_test_that_a_sentence_names_exists() -> None:
    named = re.findall(r"(test_\w+\.py)::(test_\w+)", PROMISES)
    assert len(named) > 150
    for file, name in named:
        assert f"\ndef {name}(" in (TESTS / file).read_text(encoding="utf-8"), f"{file}::{name}"
