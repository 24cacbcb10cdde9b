"""Everything that can be found out about a source, before anything is compiled."""

from __future__ import annotations

import os
import platform
import posixpath
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from packaging.metadata import RawMetadata, parse_email
from packaging.utils import canonicalize_name

from go_to_wheel.builder.mains import find_main
from go_to_wheel.builder.version_var import check_variable, find_version_variable
from go_to_wheel.config.detected import Detected, Fault, Identity, Value
from go_to_wheel.config.pyproject import Project, Settings
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.config.stamping import AUTO, asked_variables, version_variables
from go_to_wheel.errors import GoToWheelError, InvalidOptionsError
from go_to_wheel.golang.command import Go, open_go
from go_to_wheel.golang.environment import usable_cpus
from go_to_wheel.golang.packages import Package
from go_to_wheel.licenses.notices import Notice
from go_to_wheel.licenses.recognise import Recognised, recognise_files
from go_to_wheel.naming import name_from_path
from go_to_wheel.platforms import Target, default_targets, native_target, parse_selection
from go_to_wheel.process import Runner, wait_for
from go_to_wheel.sources.files import TEXT_LIMIT, read_file, refuse_odd_name
from go_to_wheel.sources.git import Checkout, Git, read_checkout
from go_to_wheel.sources.links import absolute_links
from go_to_wheel.sources.module import ModuleSource, read_files
from go_to_wheel.sources.python_files import read_python_files
from go_to_wheel.sources.readme import ProjectFiles, Readme
from go_to_wheel.sources.texts import first_sentence, forge_url, summary_of_doc
from go_to_wheel.sources.versions import TagRules
from go_to_wheel.wheel.archive import parse_epoch

PKG_INFO = "PKG-INFO"


@dataclass(frozen=True)
class Machine:
    """The environment of the build and the runner of its child processes."""

    environ: Mapping[str, str]
    runner: Runner


@dataclass(frozen=True)
class Located:
    """A module to build: its source, its pyproject.toml, and the Go that fetched it, if any.

    `identity` is what the module proxy knows; None for folders. Without `stamp` Go records no
    commit, because it can't ask the version control system in use.
    """

    source: ModuleSource
    project: Project | None
    go: Go | None = None
    identity: Identity | None = None
    stamp: bool = True


@dataclass(frozen=True)
class GoFindings:
    """The Go in use, the packages to build and the version variable, or why there are none."""

    go: Go | None = None
    packages: tuple[Package, ...] = ()
    version_variable: str = ""
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    error: GoToWheelError | None = None


@dataclass(frozen=True)
class Detection:
    """All findings.

    `error` is Go's refusal, raised once every value is valid. For prebuilt binaries there is
    no `go`; `notices` are the licence texts of their modules, all of them if `complete`.
    """

    detected: Detected
    packages: tuple[Package, ...]
    go: Go | None = None
    error: GoToWheelError | None = None
    notices: tuple[Notice, ...] = ()
    complete: bool = True


def detect_module(request: BuildRequest, located: Located, machine: Machine) -> Detection:
    """Query Go and git, read the project's texts.

    Threads: three tasks in a pool that ends before this returns or raises; an error stops
    their child processes first.
    """
    source, project = located.source, located.project
    with ThreadPoolExecutor(max_workers=3) as pool:
        try:
            go = pool.submit(_query_go, request, located, machine)
            identity = pool.submit(_identify, request, located, machine)
            files = read_files(source, request.readme)
            for name, _ in files.licenses:
                refuse_odd_name(name)
            license_ = pool.submit(_recognise, request, project, files)
            python_files = python_files_of(project)
            epoch = read_epoch(machine.environ)
            wait_for([go, identity, license_])
            found, known, recognised = go.result(), identity.result(), license_.result()
        except BaseException:
            machine.runner.stop()
            raise
    if request.readme is None:
        files, project = _with_links(source.home or source.root, files, project, known)
    commands = project.settings.commands if project else {}
    detected = Detected(
        package_paths=source.package_paths,
        module_path=source.module_path,
        files=files,
        native=native_target(sys.platform, platform.machine()),
        cpus=usable_cpus(),
        epoch=epoch,
        identity=known,
        summary=known.summary or _summary(request, project, files, found.packages),
        license=license_value(recognised),
        unknown_license=recognised.reason if recognised and not recognised.expression else "",
        command_names=() if request.packages else tuple(commands),
        project=project,
        python_files=python_files,
        version_variable=found.version_variable,
        faults=found.faults,
        notes=found.notes,
    )
    return Detection(detected, found.packages, found.go, found.error)


def _with_links(
    home: Path, files: ProjectFiles, project: Project | None, known: Identity
) -> tuple[ProjectFiles, Project | None]:
    """The READMEs with absolute links; a source archive's PKG-INFO has them already."""
    source = next((value.text for label, value in known.urls if label == "Source"), "")
    commit = known.stamps.get("commit", "")
    if project and not project.settings.readme_links:
        return files, project

    def linked(readme: Readme, folder: Path) -> Readme:
        below = Path(os.path.relpath(folder, home)).as_posix()
        return known.readme or absolute_links(
            readme, source, commit, posixpath.join(known.place, below)
        )

    if files.readme and files.readme_folder:
        files = replace(files, readme=linked(files.readme, Path(files.readme_folder)))
    if project and project.readme and project.readme_file:
        project = replace(project, readme=linked(project.readme, project.readme_file.parent))
    return files, project


def _query_go(request: BuildRequest, located: Located, machine: Machine) -> GoFindings:
    source = located.source
    settings = located.project.settings if located.project else Settings()
    targets = probe_targets(request, located.project)
    go = located.go
    try:
        if go is None:
            go = open_go(request.go_binary, machine.runner, source.root, machine.environ)
        go = go if request.stamp and located.stamp else go.without_stamp()
        go = go.with_tags(settings.tags or () if request.tags is None else request.tags)
        packages = tuple(find_main(go, source, package, targets) for package in source.packages)
        variable, missing = "", None
        if AUTO in version_variables(request, settings):
            variable, missing = find_version_variable(go, source, packages, targets[0])
        asked = asked_variables(request, settings, variable)
        judged = [
            check_variable(go, source, packages, name, option, targets[0])
            for name, option in asked.items()
            if "." in name
        ]
    except GoToWheelError as error:
        return GoFindings(go, error=error)
    faults = tuple(filter(None, [missing, *(fault for fault, _ in judged)]))
    return GoFindings(go, packages, variable, faults, tuple(note for _, note in judged if note))


def probe_targets(request: BuildRequest, project: Project | None) -> tuple[Target, ...]:
    """The targets to build; the default ones where the selection is invalid."""
    names = request.platforms or (project.settings.platforms if project else None)
    try:
        native = native_target(sys.platform, platform.machine())
        return parse_selection(names, native) if names else default_targets()
    except InvalidOptionsError:
        return default_targets()


def _recognise(
    request: BuildRequest, project: Project | None, files: ProjectFiles
) -> Recognised | None:
    """The licence in the project's own files, unless it is stated anyway."""
    if request.license is not None or (project and project.closed("license")):
        return None
    stated = project.license_files if project else None
    return recognise_files(files.licenses if stated is None else stated)


def license_value(seen: Recognised | None) -> Value | None:
    """A recognised licence as a detected value."""
    if seen is None or seen.expression is None:
        return None
    return Value(seen.expression, f"recognised in {seen.reason}")


def _summary(
    request: BuildRequest, project: Project | None, files: ProjectFiles,
    packages: tuple[Package, ...],
) -> Value | None:  # fmt: skip
    """The doc comment's first sentence, else the README's."""
    if request.description is not None or (project and project.closed("description")):
        return None
    if summary := summary_of_doc(packages[0].doc) if packages else None:
        return Value(summary, "doc comment")
    readme = (project.readme if project else None) or files.readme
    sentence = first_sentence(readme) if readme else None
    return Value(sentence, "README") if sentence else None


def python_files_of(project: Project | None) -> tuple[tuple[str, bytes], ...]:
    """The Python files of a mixed project; empty for others."""
    folder = project.settings.python_source if project else None
    return read_python_files(project.folder, folder) if project and folder else ()


def _identify(request: BuildRequest, located: Located, machine: Machine) -> Identity:
    source, project = located.source, located.project
    packed = read_pkg_info(project.folder if project else source.root)
    name = request.name or ((project.values or {}).get("name") if project else None)
    own = packed.name.text if packed and packed.name else ""
    if packed and (not name or canonicalize_name(name) == canonicalize_name(own)):
        return packed
    return located.identity or _identify_checkout(source, project, name, machine)


def _identify_checkout(
    source: ModuleSource, project: Project | None, name: str | None, machine: Machine
) -> Identity:
    """The version and address that git knows."""
    names = [name or "", name_from_path(source.module_path)]
    names += [name_from_path(path) for path in source.package_paths]
    prefix, nearby = None, []
    if project:
        prefix = project.settings.tag_prefix
        nearby = [Path(os.path.relpath(project.folder, source.root)).as_posix()]
    rules = TagRules(names=tuple(dict.fromkeys(filter(None, names))), prefix=prefix)
    git = Git(source.root, machine.runner, machine.environ)
    checkout = read_checkout(git, rules, nearby)
    urls = module_urls(source.module_path, checkout.remote if checkout else None)
    if checkout and checkout.release:
        version = Value(checkout.release, f"git tag {checkout.release}")
        return Identity(version=version, urls=urls, stamps=_stamps(checkout), place=checkout.prefix)
    if checkout is None:
        return Identity(urls=urls)
    known = Identity(urls=urls, stamps=_stamps(checkout), place=checkout.prefix)
    if checkout.development is None:
        return known
    text, why = checkout.development
    version = Value(text, f"git commit {checkout.commit[:12] or 'unknown'}")
    return replace(known, version=version, development=why)


def _stamps(checkout: Checkout) -> dict[str, str]:
    """The values of --set's placeholders; the date is the commit's, in UTC (RFC 3339)."""
    if not checkout.commit:
        return {}
    moment = datetime.fromtimestamp(checkout.seconds, UTC)
    stamps = {
        "commit": checkout.commit,
        "short-commit": checkout.commit[:7],
        "date": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return stamps | ({"tag": checkout.release} if checkout.release else {})


def module_urls(module_path: str, remote: str | None) -> tuple[tuple[str, Value], ...]:
    """The source's address, from the module path or a git remote."""
    by_path = forge_url(module_path)
    by_remote = forge_url(remote, module_path) if remote else None
    if by_path:
        return (("Source", Value(by_path, "module path")),)
    return (("Source", Value(by_remote, "git remote")),) if by_remote else ()


def read_pkg_info(folder: Path) -> Identity | None:
    """The values in an sdist's PKG-INFO: they were settled when the sdist was made."""
    if not os.path.lexists(folder / PKG_INFO):
        return None
    raw, _ = parse_email(read_file(folder / PKG_INFO, folder, TEXT_LIMIT))
    if not raw.get("name") or not raw.get("version"):
        return None
    return Identity(
        name=_packed(raw, "name"),
        version=_packed(raw, "version"),
        summary=_packed(raw, "summary"),
        license=_packed(raw, "license_expression"),
        readme=_packed_readme(raw),
        settled=True,
        urls=tuple(
            (label, Value(url, PKG_INFO)) for label, url in raw.get("project_urls", {}).items()
        ),
    )


def _packed_readme(raw: RawMetadata) -> Readme | None:
    text = raw.get("description")
    return Readme(text, raw.get("description_content_type", "text/plain")) if text else None


def _packed(raw: RawMetadata, name: str) -> Value | None:
    value = raw.get(name)
    return Value(str(value), PKG_INFO) if value else None


def read_epoch(environ: Mapping[str, str]) -> int:
    """The date of the wheels' files; raises InvalidOptionsError for an invalid one."""
    try:
        return parse_epoch(environ.get("SOURCE_DATE_EPOCH"))
    except ValueError as error:
        raise InvalidOptionsError([str(error)]) from None
