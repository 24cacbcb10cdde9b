"""Entries -> a deterministic source archive (PEP 517's .tar.gz, PEP 625's name)."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from go_to_wheel.errors import WheelError
from go_to_wheel.naming import distribution_name

_LEVEL = 9


def sdist_name(name: str, version: str) -> str:
    """The archive's name without its suffix; also the folder that everything is in."""
    return f"{distribution_name(name)}-{version}"


def write_sdist(
    path: Path, stem: str, entries: Iterable[tuple[str, bytes, bool]], epoch: int
) -> None:
    """Write (path, bytes, whether executable) entries below the folder `stem`.

    Sorted, owned by nobody, all dated `epoch`, modes 0755 and 0644: the same entries give
    the same bytes. Raises WheelError for paths that leave the folder.
    """
    packed = io.BytesIO()
    with (
        gzip.GzipFile(
            filename="", mode="wb", compresslevel=_LEVEL, fileobj=packed, mtime=0
        ) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, data, executable in sorted(entries):
            archive.addfile(_member(stem, name, data, executable, epoch), io.BytesIO(data))
    path.write_bytes(packed.getvalue())


def _member(stem: str, name: str, data: bytes, executable: bool, epoch: int) -> tarfile.TarInfo:
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts:
        raise WheelError(f"{name!r} would lie outside the source archive's folder")
    info = tarfile.TarInfo(f"{stem}/{name}")
    info.size = len(data)
    info.mtime = epoch
    info.mode = 0o755 if executable else 0o644
    return info
