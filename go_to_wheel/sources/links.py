"""What a project's files may be: from its checkout, never from elsewhere on this machine, and
with names that archives can carry.
"""

from __future__ import annotations

from pathlib import Path

from go_to_wheel.errors import SourceError
from go_to_wheel.sources.module import repository_root


def refuse_stray_link(path: Path, project: Path) -> None:
    """Raise SourceError for a path that leads out of the project's checkout, or into .git.

    A monorepo's `LICENSE -> ../LICENSE` stays inside; a link to a home folder's keys would
    publish them.
    """
    real = path.resolve()
    home = (repository_root(project) or project).resolve()
    if real.is_relative_to(home) and ".git" not in real.relative_to(home).parts:
        return
    raise SourceError(
        f"{str(path)!r} is a link to {str(real)!r}, which is no part of the project",
        "put the file itself there, or remove the link",
    )


def refuse_odd_name(path: str) -> None:
    """Raise SourceError for a file name that is no UTF-8, or has control characters."""
    if not path.isprintable():
        raise SourceError(
            f"the file name {path!r} has characters that wheels and source archives can't carry",
            "rename the file",
        )
