"""`.git_archival.txt`: what `git archive` writes of the commit, where there is no `.git`.

The file and its fields are setuptools-scm's; `export-subst` in .gitattributes fills them in.
"""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path

from go_to_wheel.sources.files import TEXT_LIMIT, read_file
from go_to_wheel.sources.git import Checkout
from go_to_wheel.sources.versions import TagRules, find_version, format_development

FILE_NAME = ".git_archival.txt"

_FIELD = re.compile(r"^(?P<name>[\w-]+):[ \t]*(?P<value>.*?)[ \t\r]*$", re.MULTILINE)
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_DESCRIBED = re.compile(r"(?P<tag>.+?)(-\d+-g[0-9a-f]+)?")


def read_archival(folder: Path, rules: TagRules) -> Checkout | None:
    """The commit that the folder's file names; None without one that git has filled in.

    Raises SourceError for a file that can't be read.
    """
    if not os.path.lexists(folder / FILE_NAME):
        return None
    text = read_file(folder / FILE_NAME, folder, TEXT_LIMIT).decode("utf-8", "replace")
    fields = {found["name"]: found["value"] for found in _FIELD.finditer(text)}
    commit = fields.get("node", "")
    if not _COMMIT.fullmatch(commit):
        return None
    try:
        seconds = int(datetime.fromisoformat(fields.get("node-date", "")).timestamp())
    except ValueError:
        seconds = 0
    tags = re.findall(r"tag: ([^,\s]+)", fields.get("ref-names", ""))
    described = _DESCRIBED.fullmatch(fields.get("describe-name", ""))
    if described and described[0] == described["tag"]:
        tags.append(described["tag"])
    release = find_version(tags, rules)
    if release:
        return Checkout(commit, seconds, release)
    base = find_version([described["tag"]], rules) if described else None
    why = f"{FILE_NAME} names no version tag on the commit {commit[:12]}"
    return Checkout(
        commit, seconds, None, (format_development(base or "v0.0.0", seconds, commit), why)
    )
