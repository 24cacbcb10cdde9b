"""What Go says about a plan's packages before anything is compiled, all systems at once.

For each target: what the packages are, what is linked in, and which programs kept from earlier
builds are what a build would make. To find that out, they are put where `go install` puts
programs, in a folder that is named as GOPATH for this one question; `go list` then compares
build IDs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

from go_to_wheel.builder.dependencies import LINKED_FORM, Linked, parse_linked
from go_to_wheel.builder.kept import Kept, make_key
from go_to_wheel.builder.workshop import workshop
from go_to_wheel.platforms import Target, default_targets
from go_to_wheel.sources import ModuleSource
from go_to_wheel.toolchain import Go, Installed, Package, installed_name

#: A tab begins no import path: these lines are about the packages to build themselves.
_PACKAGE_FORM = (
    r'{{if not .DepOnly}}{{"\t"}}{{.ImportPath}}{{"\t"}}{{.Name}}{{"\t"}}{{.Dir}}{{"\t"}}'
    r'{{with .Module}}{{.Path}}{{"\t"}}{{.Version}}{{"\t"}}{{.Dir}}{{else}}{{"\t\t"}}{{end}}'
    r'{{"\t"}}{{join .GoFiles "/"}}{{"\t"}}{{if .Error}}broken{{end}}%s{{"\t"}}{{.Doc}}{{"\n"}}'
    r"{{end}}"
)
_FRESH_FORM = "{{if not (or .Error .Incomplete .Stale)}}fresh{{end}}"
_FIELDS = 9


@dataclass(frozen=True)
class Question:
    """What is to be built, from where, and how it is linked."""

    go: Go
    source: ModuleSource
    ldflags: str
    kept: Kept

    def keys(self, target: Target) -> list[str]:
        """What the packages' programs for a target are kept under: not yet the same bytes."""
        source = self.source
        place = f"{source.module_path}@{source.version}" if source.version else str(source.root)
        about = (str(target.compile_key), self.ldflags, self.go.version)
        return [make_key("program", place, package, *about) for package in source.packages]


@dataclass(frozen=True)
class Answers:
    """What is linked in for any target, for the `first`, and the programs that are up to date.

    `packages` are those to build, in the question's order, as the first target sees them; empty
    where Go has something to say against one. `fresh` maps what programs are kept under to
    their bytes' SHA-256.
    """

    packages: tuple[Package, ...] = ()
    linked: frozenset[Linked] = frozenset()
    first: frozenset[Linked] = frozenset()
    fresh: Mapping[str, str] = field(default_factory=dict)


def ask_all(pool: Executor, question: Question, targets: Sequence[Target]) -> list[Future[Answers]]:
    """Ask about the targets and all default systems, about the first target first.

    METADATA is one text for a whole release, so all default systems count even when only one
    is built now. The first question fills the index of sources in Go's cache, which the others
    share; and where its program is no longer up to date, comparing theirs would be in vain.
    An answer about a target that is to be built raises SourceError when Go can't tell.
    """
    first, *others = {one.compile_key: one for one in (*targets, *default_targets())}.values()
    wanted = {target.compile_key for target in targets}
    before = pool.submit(_ask, question, first, strict=True)

    def ask(target: Target) -> Answers:
        wait([before])
        changed = before.exception() or not before.result().fresh
        asked = replace(question, kept=Kept()) if changed else question
        return _ask(asked, target, strict=target.compile_key in wanted)

    return [before, *(pool.submit(ask, target) for target in others)]


def join_answers(coming: Sequence[Future[Answers]]) -> Answers:
    """Wait for all; raises what they raise."""
    answers = [future.result() for future in coming]
    return Answers(
        packages=answers[0].packages if answers else (),
        linked=frozenset().union(*(one.linked for one in answers)),
        first=answers[0].linked if answers else frozenset(),
        fresh={key: digest for one in answers for key, digest in one.fresh.items()},
    )


def _ask(question: Question, target: Target, strict: bool) -> Answers:
    go, source = question.go, question.source
    with workshop(source.root) as folder:
        lent = _lend(question, target, folder) if _may_lend(go, folder) else {}
        installed = Installed(folder, question.ldflags) if lent else None
        form = _PACKAGE_FORM % (_FRESH_FORM if lent else "") + LINKED_FORM
        text = go.list_linked(
            source.root, source.packages, target, form, strict=strict, installed=installed
        )
    told = dict(parse_packages(text))
    found = [told.get(path) for path in source.package_paths]
    packages = tuple(one[0] for one in found if one and one[1] != "broken")
    fresh = [lent[path] for path, (_, state) in told.items() if state == "fresh" and path in lent]
    return Answers(
        packages=packages if len(packages) == len(found) else (),
        linked=frozenset(parse_linked(text)),
        fresh=dict(fresh),
    )


def _may_lend(go: Go, folder: Path) -> bool:
    """Whether a folder can stand for GOPATH, which is a list, and is the module cache's home."""
    return "GOMODCACHE" in go.environment and os.pathsep not in str(folder)


def _lend(question: Question, target: Target, folder: Path) -> dict[str, tuple[str, str]]:
    """Put the kept programs where Go looks: import path -> key and SHA-256."""
    lent: dict[str, tuple[str, str]] = {}
    paths = question.source.package_paths
    for path, key in zip(paths, question.keys(target), strict=True):
        place = question.go.installed_path(folder, target, installed_name(path))
        digest = question.kept.lend(key, place)
        if digest:
            lent[path] = (key, digest)
    return lent


def parse_packages(text: str) -> list[tuple[str, tuple[Package, str]]]:
    """Go's lines about the packages to build -> import path, package, "fresh", "broken" or ""."""
    found = []
    for line in text.split("\n"):
        fields = line.split("\t")[1:]
        if not line.startswith("\t") or len(fields) != _FIELDS:
            continue  # or a name has a tab or a line's end: it will be asked about by itself
        path, name, folder, module, version, module_folder, files, state, doc = fields
        package = Package(
            import_path=path,
            name=name,
            folder=folder,
            module_path=module,
            go_files=tuple(files.split("/")) if files else (),
            doc=doc,
            module_version=version,
            module_folder=module_folder,
        )
        found.append((path, (package, state)))
    return found
