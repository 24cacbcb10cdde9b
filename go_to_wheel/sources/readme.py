"""A project's README and licence files as values."""

from __future__ import annotations

from dataclasses import dataclass

#: A README's file suffix -> its Description-Content-Type, the best first.
CONTENT_TYPES = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".mkd": "text/markdown",
    ".mdown": "text/markdown",
    ".rst": "text/x-rst",
    ".txt": "text/plain",
    "": "text/plain",
}
#: In lower case, the best first.
README_NAMES = tuple(f"readme{suffix}" for suffix in CONTENT_TYPES)


def media_type(content_type: str) -> str:
    """A content type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


@dataclass(frozen=True)
class Readme:
    """A long description and its content type ("text/markdown" …)."""

    text: str
    content_type: str


@dataclass(frozen=True)
class ProjectFiles:
    """Texts of the project: its README with that file's name and folder, and its licence files
    as (name, bytes)."""

    readme: Readme | None = None
    licenses: tuple[tuple[str, bytes], ...] = ()
    readme_name: str = ""
    readme_folder: str | None = None
