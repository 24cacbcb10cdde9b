"""Everything that can be found out about a source, before anything is compiled."""

from __future__ import annotations

import os
import platform
import posixpath
import re
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from packaging.metadata import parse_email
from packaging.utils import canonicalize_name

from go_to_wheel.builder.version_var import find_version_variable, judge_variables
from go_to_wheel.config.options import Detected, Fault, Identity, Value
from go_to_wheel.config.pyproject import FILE_NAME, Project
from go_to_wheel.config.request import AUTO, MergedRequest
from go_to_wheel.errors import GoToWheelError, InvalidOptionsError, SourceError
from go_to_wheel.golang.cgo import use_c
from go_to_wheel.golang.command import Go, open_go
from go_to_wheel.golang.packages import Package, list_mains, list_package
from go_to_wheel.licenses import Notice, recognise_files
from go_to_wheel.naming import name_from_path
from go_to_wheel.platforms import Target, default_targets, native_target, parse_selection
from go_to_wheel.process import Runner, wait_for
from go_to_wheel.sources.files import TEXT_LIMIT, read_file, read_readme, refuse_odd_name
from go_to_wheel.sources.git import ARCHIVAL, Git, TagRules, guard_git, read_archival, read_checkout
from go_to_wheel.sources.listing import (
    find_data_files,
    find_secrets,
    is_secret,
    read_python_files,
    secret_note,
)
from go_to_wheel.sources.module import ModuleSource, find_above, read_files
from go_to_wheel.sources.prebuilt import BinarySource
from go_to_wheel.sources.readme import (
    NO_FILES,
    ProjectFiles,
    Readme,
    absolute_links,
    forge_url,
    summary_of_doc,
    summary_of_readme,
)
from go_to_wheel.wheel.archive import parse_epoch

PKG_INFO = "PKG-INFO"
VARIABLE = "GO_TO_WHEEL_VERSION"


@dataclass(frozen=True)
class Machine:
    """The environment of the build and the runner of its child processes."""

    environ: Mapping[str, str]
    runner: Runner


@dataclass(frozen=True)
class Findings:
    """The programs' packages, and what Go, or prebuilt binaries, say about them.

    `error` is Go's refusal, raised once every value is valid. For prebuilt binaries there is
    no `go`; `notices` are the licence texts of their modules, all of them if `complete`.
    """

    go: Go | None = None
    packages: tuple[Package, ...] = ()
    version_variable: str = ""
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    error: GoToWheelError | None = None
    notices: tuple[Notice, ...] = ()
    complete: bool = True


@dataclass(frozen=True)
class Located:
    """What to build: the source, its pyproject.toml, and what is known of it already.

    `go` is the Go that fetched the module. Without `stamp` Go records no commit, because it
    can't ask the version control system in use. Prebuilt `binaries` have `findings`; their
    project's folder counts where it is their `home`.
    """

    request: MergedRequest
    source: ModuleSource
    project: Project
    machine: Machine
    go: Go | None = None
    identity: Identity | None = None
    stamp: bool = True
    binaries: BinarySource | None = None
    findings: Findings | None = None


def detect(located: Located) -> tuple[Detected, Findings]:
    """Query Go and git, read the project's texts.

    Threads: three tasks in a pool that ends before this returns or raises; an error stops
    their child processes first.
    """
    request, source, project = located.request, located.source, located.project
    settings, machine = project.settings, located.machine
    with ThreadPoolExecutor(max_workers=3) as pool:
        try:
            go = pool.submit(_query_go, located)
            identity = pool.submit(_identify, located)
            files = _read_files(located)
            license_ = pool.submit(_recognise, request, project, files)
            python_files, secret = _read_python(located)
            data_files = find_data_files(project.folder, settings.data_files)
            epoch = parse_epoch(machine.environ.get("SOURCE_DATE_EPOCH"))
            wait_for([go, identity, license_])
        except BaseException:
            machine.runner.stop()
            raise
    found, known, (license_value, unknown) = go.result(), identity.result(), license_.result()
    if request.readme is None and settings.readme_links:
        files = _with_links(source.home or source.root, files, known)
    detected = Detected(
        source=source,
        project=project,
        files=files,
        epoch=epoch,
        native=this_machine(),
        identity=known,
        summary=known.summary or _summary(request, project, files, found.packages),
        license=license_value,
        unknown_license=unknown,
        python_files=python_files,
        secret=secret,
        data_files=tuple((name, read_file(p, project.folder)) for name, p in data_files.items()),
        binaries=located.binaries,
        version_variable=found.version_variable,
        faults=found.faults,
        notes=(*found.notes, *_workspace_note(located), *filter(None, [secret_note(secret)])),
    )
    return detected, found


def this_machine() -> Target | None:
    """The target of this machine, if there is one."""
    narrow = sys.maxsize <= 2**32
    return native_target(sys.platform, platform.machine(), sysconfig.get_platform(), narrow)


def asked_targets(request: MergedRequest, default: Sequence[Target]) -> tuple[Target, ...]:
    """The targets that are asked for; raises InvalidOptionsError for an invalid selection."""
    names = request.platforms
    return parse_selection(names, this_machine()) if names else tuple(default)


def _workspace_note(located: Located) -> tuple[str, ...]:
    """What is only found through go.work can't be built elsewhere."""
    path = find_above(located.source.root, "go.work")
    if located.go or located.findings or path is None:
        return ()
    if located.machine.environ.get("GOWORK") == "off":
        return (f"{path} is not used: what only it names must be in go.mod, too",)
    return (f"{path} is used here, but neither by the build backend nor in source archives",)


def _read_files(located: Located) -> ProjectFiles:
    """The README and licences that are named or stated, else those that are found."""
    project, binaries, named = located.project, located.binaries, located.request.readme
    if binaries is None or binaries.home is not None:
        files = read_files(located.source, named)
    else:
        files = ProjectFiles(read_readme(Path(named)) if named else None)
    spare = binaries.files if binaries else NO_FILES
    if files.readme is None:
        files = replace(files, readme=spare.readme, readme_name=spare.readme_name)
    if named is None and project.readme:
        folder = str(project.readme_file.parent) if project.readme_file else None
        files = ProjectFiles(project.readme, files.licenses, f"{FILE_NAME}, project.readme", folder)
    stated = project.license_files
    licenses = (files.licenses or spare.licenses) if stated is None else stated
    for name, _ in licenses:
        refuse_odd_name(name)
    return replace(files, licenses=licenses)


def _identify(located: Located) -> Identity:
    """What a packager states of a module's version; the rest is its source's."""
    source, name, environ = located.source, located.request.name, located.machine.environ
    paths = source.package_paths if len(source.package_paths) == 1 else (source.module_path,)
    stated = stated_version([name] if name else map(name_from_path, paths), environ)
    known = located.identity or _identify_module(located)
    return replace(known, version=stated, development="") if stated else known


def _read_python(located: Located) -> tuple[tuple[tuple[str, bytes], ...], tuple[str, ...]]:
    """The files of `python-source`; those of the project that are left out as secret.

    A source archive has no others than its project wanted.
    """
    folder, settings = located.project.folder, located.project.settings
    named = settings.python_source
    files = read_python_files(folder, named) if named else ()
    paths = {posixpath.normpath(f"{named}/{name}"): (name, data) for name, data in files}
    if os.path.lexists(folder / PKG_INFO) or not any(map(is_secret, paths)):
        return files, ()
    runner = located.machine.runner  # git is guarded here, too, where binaries are prebuilt
    git = Git(folder, runner, guard_git(folder, runner, located.machine.environ))
    secret = find_secrets(paths, git, settings.sdist_include)
    return tuple(file for path, file in paths.items() if path not in secret), secret


def _recognise(
    request: MergedRequest, project: Project, files: ProjectFiles
) -> tuple[Value | None, str]:
    """The licence in the project's own files, unless it is stated anyway; why it is unknown."""
    if request.license is not None or project.closed("license"):
        return None, ""
    seen = recognise_files(files.licenses)
    if seen is None or seen.expression is None:
        return None, seen.reason if seen else ""
    return Value(seen.expression, f"recognised in {seen.reason}"), ""


def _summary(
    request: MergedRequest, project: Project, files: ProjectFiles, packages: Sequence[Package]
) -> Value | None:
    """The doc comment's first sentence, else the README's."""
    if request.description is not None or project.closed("description"):
        return None
    if summary := summary_of_doc(packages[0].doc) if packages else None:
        return Value(summary, "doc comment")
    paths = [path for package in packages for path in (package.import_path, package.module_path)]
    names = dict.fromkeys(filter(None, [request.name, *map(name_from_path, paths)]))
    sentence = summary_of_readme(files.readme, names) if files.readme else None
    return Value(sentence, "README") if sentence else None


def _with_links(home: Path, files: ProjectFiles, known: Identity) -> ProjectFiles:
    """The README with absolute links; a source archive's PKG-INFO has it already."""
    if files.readme is None or files.readme_folder is None:
        return files
    source = next((value.text for label, value in known.urls if label == "Source"), "")
    below = Path(os.path.relpath(files.readme_folder, home)).as_posix()
    place, commit = posixpath.join(known.place, below), known.stamps.get("commit", "")
    readme = known.readme or absolute_links(files.readme, source, commit, place)
    return replace(files, readme=readme)


def _query_go(located: Located) -> Findings:
    """What Go says of the packages to build; its refusal is among the findings."""
    if located.findings:
        return located.findings
    request, source, machine = located.request, located.source, located.machine
    try:
        targets = asked_targets(request, default_targets())
    except InvalidOptionsError:  # which `resolve` names, with all others
        targets = default_targets()
    go = located.go
    try:
        go = go or open_go(request.go_binary, machine.runner, source.root, machine.environ)
        go = go if request.stamp and located.stamp else go.with_flag("-buildvcs=false")
        go = go.with_tags(request.tags or ())
        go = go.with_cgo() if request.cgo else go
        packages = tuple(_find_main(go, source, package, targets) for package in source.packages)
        said: list[str] = []
        if request.cgo and request.compiles:
            go, said = use_c(go, source, request, targets, machine.environ)
        variable, missing = "", None
        if AUTO in (request.set_version_var or ()):
            variable, missing = find_version_variable(go, source, packages, targets[0])
        faults = judge_variables(
            {k: option for k, (option, _) in request.variables(variable).items() if "." in k},
            lambda path: (
                packages if path == "main" else [list_package(go, source.root, path, targets[0])]
            ),
        )
    except GoToWheelError as error:
        return Findings(go, error=error)
    faults = [missing, *faults] if missing else faults
    return Findings(go, packages, variable, tuple(faults), tuple(said))


def _find_main(go: Go, source: ModuleSource, asked: str, targets: Sequence[Target]) -> Package:
    """A package to build, listed for the first target that has files for it.

    A program may be for some systems only; the compiler refuses the others. Anything but a
    program would compile to an archive, exit 0. Raises SourceError.
    """
    systems: dict[str, Target] = {}
    for target in targets:
        systems.setdefault(target.goos, target)
    refused: list[SourceError] = []
    for target in systems.values():
        try:
            package = list_package(go, source.root, asked, target)
            if package.name == "main":
                return package
            kind = f"is a library (package {package.name}), not a program"
            raise SourceError(f"package {package.import_path} {kind}")
        except SourceError as error:
            refused.append(error)
            if "build constraints exclude" not in refused[0].message:
                break
    first = refused[0]
    if "no Go files in" not in first.message and "is a library" not in first.message:
        raise first
    pattern = "./..." if source.home is None else f"{source.module_path}/..."
    found = list_mains(go, source.root, targets[0], pattern)
    below = [path.removeprefix(source.module_path).strip("/") for path in found]
    packages = ", ".join(f"--package {f'./{path}' if path else '.'}" for path in below)
    none = "the module has no main package: name another one, or add a `package main`"
    raise SourceError(first.message, f"build one of: {packages}" if below else none) from None


def stated_version(names: Iterable[str], environ: Mapping[str, str]) -> Value | None:
    """The version that a packager states: for one of these distributions, or for all.

    GO_TO_WHEEL_VERSION_MY_TOOL, as with setuptools-scm, counts more than GO_TO_WHEEL_VERSION.
    """
    own = [re.sub(r"[-_.]+", "_", name).upper() for name in names]
    for variable in (*(f"{VARIABLE}_{name}" for name in own), VARIABLE):
        if text := environ.get(variable, "").strip():
            return Value(text, variable)
    return None


def _identify_module(located: Located) -> Identity:
    """What PKG-INFO, else git, knows of a module."""
    source, project, machine = located.source, located.project, located.machine
    name = located.request.name
    packed = read_pkg_info(project.folder)
    own = packed.name.text if packed and packed.name else ""
    if packed and (not name or canonicalize_name(name) == canonicalize_name(own)):
        return packed
    derived = [name_from_path(path) for path in (source.module_path, *source.package_paths)]
    names = dict.fromkeys(filter(None, [name, *derived]))
    rules = TagRules(names=tuple(names), prefix=project.settings.tag_prefix)
    nearby = Path(os.path.relpath(project.folder, source.root)).as_posix()
    git = Git(source.root, machine.runner, machine.environ)
    off = "-buildvcs=false" in machine.environ.get("GOFLAGS", "").split()
    stamped = located.request.stamp and located.stamp and not off  # Go records the commit
    checkout = read_checkout(git, rules, [nearby], stamped)
    whose = "git"
    for folder in () if checkout else (project.folder, source.root):
        checkout, whose = checkout or read_archival(folder, rules), ARCHIVAL
    if checkout is None:
        return Identity(urls=find_urls(source.module_path))
    stamps = {"tag": checkout.release} if checkout.commit and checkout.release else {}
    if checkout.commit:  # the date is the commit's, in UTC (RFC 3339)
        moment = datetime.fromtimestamp(checkout.seconds, UTC)
        stamps |= {"commit": checkout.commit, "short-commit": checkout.commit[:7]}
        stamps["date"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    urls = find_urls(source.module_path, checkout.remote, "git remote")
    known = Identity(urls=urls, stamps=stamps, place=checkout.prefix)
    if checkout.release:
        return replace(known, version=Value(checkout.release, f"{whose} tag {checkout.release}"))
    if checkout.development is None:
        return known
    text, why = checkout.development
    version = Value(text, f"{whose} commit {checkout.commit[:12] or 'unknown'}")
    return replace(known, version=version, development=why)


def find_urls(
    module_path: str, address: str | None = None, whose: str = ""
) -> tuple[tuple[str, Value], ...]:
    """The source's address: from the module path, else from the address that `whose` knows."""
    if module_path and (url := forge_url(module_path)):
        return (("Source", Value(url, "module path")),)
    other = forge_url(address, module_path) if address else None
    return (("Source", Value(other, whose)),) if other else ()


def read_pkg_info(folder: Path) -> Identity | None:
    """The values in an sdist's PKG-INFO: they were settled when the sdist was made."""
    if not os.path.lexists(folder / PKG_INFO):
        return None
    raw, _ = parse_email(read_file(folder / PKG_INFO, folder, TEXT_LIMIT))
    if not raw.get("name") or not raw.get("version"):
        return None
    packed = {name: Value(str(text), PKG_INFO) for name, text in raw.items() if text}
    text, kind = raw.get("description"), raw.get("description_content_type", "text/plain")
    return Identity(
        name=packed["name"],
        version=packed["version"],
        summary=packed.get("summary"),
        license=packed.get("license_expression"),
        readme=Readme(text, kind) if text else None,
        settled=True,
        urls=tuple(
            (label, Value(url, PKG_INFO)) for label, url in raw.get("project_urls", {}).items()
        ),
    )
