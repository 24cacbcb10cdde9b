"""What Go says about a plan's packages before anything is compiled, all systems at once.

For each target: which packages are linked in, and which programs kept from earlier builds are
what a build would make. To find out, they are put where `go install` puts programs, in a
folder that is named as GOPATH for this one question; `go list` then compares build IDs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from go_to_wheel.build.dependencies import LINKED_FORM, Linked, parse_linked
from go_to_wheel.build.kept import KeptPrograms, make_key
from go_to_wheel.licenses import load_license_list
from go_to_wheel.platforms import Target, default_targets
from go_to_wheel.source import ModuleSource
from go_to_wheel.toolchain import Go, Installed, Package

#: Marks, after a tab that begins no import path, a program that a build would not change.
_FRESH_FORM = (
    r'{{if not .DepOnly}}{{if not (or .Stale .Incomplete .Error)}}{{"\t"}}{{.ImportPath}}{{"\n"}}'
    r"{{end}}{{end}}"
)


@dataclass(frozen=True)
class Question:
    """The packages to build, from where, and how they are linked."""

    go: Go
    source: ModuleSource
    packages: Sequence[Package]
    ldflags: str
    kept: KeptPrograms

    def key(self, index: int, target: Target) -> str:
        """What a package's program for a target is kept under."""
        return program_key(self.source, self.source.packages[index], target, self.ldflags, self.go)


@dataclass(frozen=True)
class Answers:
    """What is linked in for any target, and the kept programs that are up to date.

    `fresh` maps what they are kept under to their bytes' SHA-256.
    """

    linked: frozenset[Linked] = frozenset()
    fresh: Mapping[str, str] = field(default_factory=dict)


def program_key(source: ModuleSource, package: str, target: Target, ldflags: str, go: Go) -> str:
    """What the program of these is kept under: same key, same place, not yet same bytes."""
    place = f"{source.module_path}@{source.version}" if source.version else str(source.root)
    return make_key(place, package, str(target.compile_key), ldflags, go.version)


def ask_all(question: Question, targets: Sequence[Target]) -> Answers:
    """Ask about the default systems and whatever else is to be built.

    METADATA is one text for a whole release, so all default systems count even when only one
    of them is built now. Raises SourceError when one of `targets` can't be asked about.
    """
    asked = {target.compile_key: target for target in (*default_targets(), *targets)}
    wanted = {target.compile_key for target in targets}

    def ask(target: Target) -> Answers:
        return _ask(question, target, strict=target.compile_key in wanted)

    with ThreadPoolExecutor() as pool:  # ends with this statement
        coming = pool.map(ask, asked.values())
        if not question.kept.has(question.key(0, targets[0])):
            load_license_list()  # while Go looks; it will be needed
        answers = list(coming)
    return Answers(
        linked=frozenset().union(*(one.linked for one in answers)),
        fresh={key: digest for one in answers for key, digest in one.fresh.items()},
    )


def _ask(question: Question, target: Target, strict: bool) -> Answers:
    go, source = question.go, question.source
    with tempfile.TemporaryDirectory(prefix="go-to-wheel-") as folder:
        lent = _lend(question, target, Path(folder))
        installed = Installed(Path(folder), question.ldflags) if lent else None
        form = (_FRESH_FORM if lent else "") + LINKED_FORM
        text = go.list_linked(
            source.root, source.packages, target, form, strict=strict, installed=installed
        )
    fresh = {lent[path] for path in _fresh_paths(text) if path in lent}
    return Answers(frozenset(parse_linked(text)), dict(fresh))


def _lend(question: Question, target: Target, folder: Path) -> dict[str, tuple[str, str]]:
    """Put the kept programs where Go looks: import path -> key and SHA-256."""
    lent: dict[str, tuple[str, str]] = {}
    for index, package in enumerate(question.packages):
        if not package.command:
            continue
        key = question.key(index, target)
        place = question.go.installed_path(folder, target, package.command)
        digest = question.kept.lend(key, place)
        if digest:
            lent[package.import_path] = (key, digest)
    return lent


def _fresh_paths(text: str) -> list[str]:
    return [line[1:] for line in text.splitlines() if line.startswith("\t")]
