"""A package and a version, as Go's own commands write them: "example.com/tool/cmd/x@v1.2.3"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from go_to_wheel.errors import SourceError

_QUERY = re.compile(r"(?P<path>[^@\s]+)@(?P<version>[^@\s]+)")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True)
class ModuleQuery:
    """A package path and what Go should look for: a version, "latest", a commit, a branch."""

    path: str
    version: str

    def __str__(self) -> str:
        return f"{self.path}@{self.version}"

    @property
    def names_commit(self) -> bool:
        """Whether the user asked for one commit, tagged or not."""
        pseudo = re.search(r"\d{14}-[0-9a-f]{12}$", self.version)
        return bool(pseudo or _COMMIT.fullmatch(self.version))


def parse_query(source: str) -> ModuleQuery | None:
    """The query in a source argument; None when it isn't one.

    Raises SourceError for something with an @ that Go would not understand.
    """
    if "@" not in source or source.startswith((".", "/", "~")):
        return None
    found = _QUERY.fullmatch(source)
    first = source.split("/", 1)[0]
    if not found or "." not in first.split("@")[0]:
        raise SourceError(
            f"{source!r} is neither a folder nor a package with its version",
            "write it like github.com/owner/tool/cmd/x@v1.2.3, or …@latest",
        )
    return ModuleQuery(found["path"].rstrip("/"), found["version"])
