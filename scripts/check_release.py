"""Check that a tag and the files of a release have the version in sqlite_scanner/pyproject.toml.

python scripts/check_release.py v1.2.3 dist      exits 1, and names what differs
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
HOME = ROOT / "sqlite_scanner" / "pyproject.toml"
DISTRIBUTIONS = ("go_to_wheel", "sqlite_scanner", "datasette_scan")


def read_version() -> str:
    """The version of the three distributions."""
    version: str = tomllib.loads(HOME.read_text(encoding="utf-8"))["project"]["version"]
    return version


def find_faults(version: str, tag: str, files: list[str]) -> list[str]:
    """What keeps these files from being the release that the tag names."""
    faults = []
    if tag != f"v{version}":
        faults.append(
            f"the tag is {tag!r}, and {HOME.relative_to(ROOT).as_posix()} says {version!r}"
        )
    prefixes = [f"{name}-{version}" for name in DISTRIBUTIONS]
    for prefix in prefixes:
        faults += [
            f"there is no {prefix}{end}"
            for end in (".tar.gz", "-*.whl")
            if not any(Path(file).match(prefix + end) for file in files)
        ]
    expected = tuple(f"{prefix}{end}" for prefix in prefixes for end in ("-", ".tar.gz"))
    strange = [file for file in files if not file.startswith(expected)]
    faults += [f"{file} is not of version {version}" for file in strange]
    return faults


def main(tag: str, folder: str) -> int:
    files = sorted(path.name for path in Path(folder).iterdir() if path.is_file())
    faults = find_faults(read_version(), tag, files)
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    if faults:
        print(
            "hint: set the version, tag that commit, run make dist in a clean checkout",
            file=sys.stderr,
        )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
