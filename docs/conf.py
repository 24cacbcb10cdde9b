"""The documentation site, built by `make docs` into build/docs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from go_to_wheel import __version__

project = "go-to-wheel"
release = __version__
language = "en"
smartquotes = False  # what is copied from a page has straight quotes

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
myst_heading_anchors = 4
exclude_patterns = ["README.md"]
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!go_to_wheel|sqlite_scanner\.[a-zA-Z]).*")
]  # no inventory is fetched
default_role = "code"  # docstrings mark code with single backticks
maximum_signature_line_length = 80
autodoc_member_order = "bysource"
copybutton_exclude = ".linenos, .gp, .go"  # prompts and output are not copied

html_theme = "furo"
html_title = "go-to-wheel"
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["site.css"]


class CommandHelp(SphinxDirective):
    """What a command prints with `--help`, read while the site is built."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        command = self.arguments[0].split()
        program = Path(sys.executable).parent / command[0]
        result = subprocess.run(
            [program, *command[1:], "--help"],
            env={**os.environ, "COLUMNS": "90", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise self.error(f"{self.arguments[0]} --help failed: {result.stderr}")
        shown = f"$ {self.arguments[0]} --help\n{result.stdout.rstrip()}"
        block = nodes.literal_block(shown, shown, language="console")
        self.set_source_info(block)
        return [block]


def setup(app: Sphinx) -> None:
    app.add_directive("command-help", CommandHelp)
