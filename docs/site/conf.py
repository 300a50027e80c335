"""The pages as a site: the same files that GitHub shows, README first.

::

    sphinx-build -W -c docs/site . SITE
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from sphinx.application import Sphinx

HOME = Path(__file__).resolve().parents[2]
PAGES = [
    each.relative_to(HOME).as_posix()
    for each in [HOME / "docs" / "index.md", *sorted(HOME.glob("docs/*.md"))]
]

project = "terp_seed"
version = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
author = "the contributors of terp_seed"
project_copyright = author

extensions = ["myst_parser"]
root_doc = "README"
include_patterns = ["README.md", "docs/*.md"]
myst_heading_anchors = 4  # links to headings, as GitHub makes them
suppress_warnings = ["misc.highlighting_failure"]  # the second word of a block names its file

html_theme = "furo"
html_title = f"terp_seed {version}"
html_copy_source = False
html_show_sphinx = False


def _with_contents(app: Sphinx, name: str, source: list[str]) -> None:
    """Give the first page the list of the others, which the files themselves do not need."""
    if name == root_doc:
        pages = "\n".join(dict.fromkeys(page.removesuffix(".md") for page in PAGES))
        source[0] += f"\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("source-read", _with_contents)
