"""The pages as a site: the same files that GitHub shows, README first.

::

    sphinx-build -W -c docs/site . SITE
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

HOME = Path(__file__).resolve().parents[2]
# The groups of docs/index.md; a page that is in none of them is an error.
GROUPS = {
    "Tutorial": "index first-minutes agents",
    "How-to": "howto-csv howto-datasets howto-seeder howto-project howto-several howto-test "
    "howto-test-frameworks howto-schema howto-push howto-preview howto-pipeline howto-rollback "
    "howto-audit howto-mask howto-export howto-slice runbook troubleshooting contributing",
    "Reference": "commands reference json types backends data policy pii-inventory changelog",
    "Explanation": "concepts compliance architecture",
    "Proof": "initiative under-fire staging-validation speed",
}

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
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False


def _with_contents(app: Sphinx, name: str, source: list[str]) -> None:
    """Give the first page the list of the others, which the files themselves do not need."""
    if name != root_doc:
        return
    for caption, names in GROUPS.items():
        pages = "\n".join(f"docs/{name}" for name in names.split())
        source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{pages}\n```\n"


def _short_names_stay_whole(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """A browser would break `--option` behind its first hyphen."""
    for literal in doctree.findall(nodes.literal):
        if len(literal.astext()) < 24:
            literal["classes"].append("short")


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("source-read", _with_contents)
    app.connect("doctree-resolved", _short_names_stay_whole)
