"""README.md as PyPI shows it, where links and pictures need whole addresses.

In a workflow on GitHub they lead to the commit that is built. Elsewhere the repository's
address is not known: links become their text, and pictures are left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_PICTURE = re.compile(r"!\[([^\]]*)\]\((?!\w+:)([^)#]+)\)\n*")
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!\w+:|#)([^)]+)\)")


class ReadmeHook(MetadataHookInterface):
    """Sets `readme`, which pyproject.toml declares dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = with_addresses(text, os.environ)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def with_addresses(text: str, environ: Mapping[str, str]) -> str:
    """The text with no relative link or picture in it."""
    repository, commit = environ.get("GITHUB_REPOSITORY"), environ.get("GITHUB_SHA")
    if not repository or not commit:
        return _LINK.sub(r"\1", _PICTURE.sub("", text))
    raw = f"https://raw.githubusercontent.com/{repository}/{commit}"
    text = _PICTURE.sub(rf"![\1]({raw}/\2)\n\n", text)
    return _LINK.sub(rf"[\1](https://github.com/{repository}/blob/{commit}/\2)", text)
