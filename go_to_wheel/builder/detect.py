"""Detection: values from git, Go and the project's files, before anything is compiled."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from packaging.metadata import parse_email
from packaging.utils import canonicalize_name

from go_to_wheel.builder.version_var import check_variables, find_version_variable
from go_to_wheel.config.merge import MergedRequest
from go_to_wheel.config.options import Detected, Identity, Problem, Value, find_urls
from go_to_wheel.config.pyproject import FILE_NAME, Project
from go_to_wheel.config.request import AUTO
from go_to_wheel.errors import GoToWheelError, InvalidOptionsError, SourceError
from go_to_wheel.golang.cgo import configure_cgo
from go_to_wheel.golang.command import Go, open_go
from go_to_wheel.golang.packages import Package, list_mains, list_package
from go_to_wheel.licenses import Notice, recognise_files
from go_to_wheel.naming import name_from_path
from go_to_wheel.platforms import DEFAULT_TARGETS, Target, parse_selection, this_machine
from go_to_wheel.process import Host, wait_for
from go_to_wheel.sources import listing
from go_to_wheel.sources.files import TEXT_LIMIT, read_file, read_readme, require_printable_name
from go_to_wheel.sources.git import Checkout, Git, TagRules, guard_git, read_archival, read_checkout
from go_to_wheel.sources.links import resolve_links
from go_to_wheel.sources.module import ModuleSource, find_above, read_project_files
from go_to_wheel.sources.prebuilt import BinarySource, PrebuiltBinary
from go_to_wheel.sources.readme import ProjectFiles, Readme
from go_to_wheel.sources.summary import summary_of_doc, summary_of_readme
from go_to_wheel.wheel.archive import parse_epoch

PKG_INFO = "PKG-INFO"
VERSION_VARIABLE = "GO_TO_WHEEL_VERSION"
#: Target name -> its prebuilt binaries, one for each command.
InspectedBinaries = Mapping[str, Sequence[PrebuiltBinary]]


@dataclass(frozen=True)
class BuildInputs:
    """The packages to compile, or the prebuilt binaries to pack.

    `error` is the error of a go command, raised after those about invalid values. For prebuilt
    binaries `go` is None, `packages` are those that the binaries record, and `notices` have the
    licence texts of their modules, of every module if `complete`.
    """

    go: Go | None = None
    packages: tuple[Package, ...] = ()
    version_variable: str = ""
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    error: GoToWheelError | None = None
    binaries: InspectedBinaries = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    complete: bool = True


@dataclass(frozen=True)
class LocatedSource:
    """A located source: the module, its pyproject.toml, and what locating it has detected.

    `go` is the Go that fetched a module. `binaries` and `inputs` are for prebuilt binaries.
    """

    request: MergedRequest
    source: ModuleSource
    project: Project
    host: Host
    go: Go | None = None
    identity: Identity | None = None
    binaries: BinarySource | None = None
    inputs: BuildInputs | None = None


def detect(located: LocatedSource) -> tuple[Detected, BuildInputs]:
    """Run Go and git and read the project's files, in parallel.

    Threads: a pool of three, which ends before this returns or raises; an error in this thread
    stops the child processes first.
    """
    request, source, project = located.request, located.source, located.project
    settings, host = project.settings, located.host
    with ThreadPoolExecutor(max_workers=3) as pool:
        try:
            go_job = pool.submit(_query_go, located)
            identity_job = pool.submit(_identify_source, located)
            files = _read_files(located)
            is_stated = request.license is not None or project.is_static("license")
            license_job = pool.submit(recognise_files, () if is_stated else files.licenses)
            python_files, secret = _read_python_files(located)
            data_files = listing.find_data_files(project.folder, settings.data_files)
            epoch = parse_epoch(host.environ.get("SOURCE_DATE_EPOCH"))
            wait_for([go_job, identity_job, license_job])
        except BaseException:
            host.runner.stop()
            raise
    inputs, identity = go_job.result(), identity_job.result()
    expression, reason = license_job.result()
    if request.readme is None and settings.readme_links:
        files = _with_absolute_links(source.module_folder or source.root, files, identity)
    secret_notes = [listing.format_secret_note(secret)] if secret else []
    detected = Detected(
        source=source,
        project=project,
        files=files,
        epoch=epoch,
        native=this_machine(),
        identity=identity,
        summary=identity.summary or _find_summary(request, project, files, inputs.packages),
        license=Value(expression, f"recognised in {reason}") if expression else None,
        why_no_license="" if expression else reason,
        python_files=python_files,
        secret_files=secret,
        data_files=tuple((name, read_file(p, project.folder)) for name, p in data_files.items()),
        binaries=located.binaries,
        version_variable=inputs.version_variable,
        problems=inputs.problems,
        notes=(*inputs.notes, *_workspace_note(located), *secret_notes),
    )
    return detected, inputs


def requested_targets(request: MergedRequest, default: Sequence[Target]) -> tuple[Target, ...]:
    """The requested targets; raises InvalidOptionsError for an invalid selection."""
    names = request.platforms
    return parse_selection(names, this_machine()) if names else tuple(default)


def _workspace_note(located: LocatedSource) -> tuple[str, ...]:
    """A note about a go.work file, which the build backend ignores."""
    path = find_above(located.source.root, "go.work")
    if located.go or located.inputs or path is None:
        return ()
    if located.host.environ.get("GOWORK") == "off":
        return (f"{path} is not used: the modules that it names must be in go.mod, too",)
    return (f"{path} is used here, but not by the build backend or in source archives",)


def _read_files(located: LocatedSource) -> ProjectFiles:
    """The README and licence files: --readme, [project], then those found in the project."""
    project, binaries, named = located.project, located.binaries, located.request.readme
    if binaries is None or binaries.project_folder is not None:
        files = read_project_files(located.source, named)
    else:
        files = ProjectFiles(read_readme(Path(named)) if named else None)
    archived = binaries.files if binaries else ProjectFiles()
    if files.readme is None:
        files = replace(files, readme=archived.readme, readme_name=archived.readme_name)
    text, content_type = map(project.metadata.get, ("description", "description_content_type"))
    if named is None and text:
        folder = str(project.readme_file.parent) if project.readme_file else None
        readme = Readme(str(text), str(content_type or ""))
        files = ProjectFiles(readme, files.licenses, f"{FILE_NAME}, project.readme", folder)
    licenses = project.license_files
    if licenses is None:
        licenses = files.licenses or archived.licenses
    for name, _ in licenses:
        require_printable_name(name)
    return replace(files, licenses=licenses)


def _identify_source(located: LocatedSource) -> Identity:
    """The source's identity; GO_TO_WHEEL_VERSION overrides its version."""
    source, name, environ = located.source, located.request.name, located.host.environ
    paths = source.package_paths if len(source.package_paths) == 1 else (source.module_path,)
    version = find_version_override([name] if name else map(name_from_path, paths), environ)
    identity = located.identity or _read_identity(located)
    return replace(identity, version=version, why_unreleased="") if version else identity


def _read_python_files(
    located: LocatedSource,
) -> tuple[tuple[tuple[str, bytes], ...], tuple[str, ...]]:
    """The files of `python-source`, and the paths of those that are left out as secret.

    In a source archive none is: it was built without them.
    """
    folder, settings = located.project.folder, located.project.settings
    named = settings.python_source
    files = listing.read_python_files(folder, named) if named else ()
    paths = {posixpath.normpath(f"{named}/{name}"): (name, data) for name, data in files}
    if os.path.lexists(folder / PKG_INFO) or not any(map(listing.is_secret, paths)):
        return files, ()
    # for prebuilt binaries git is not guarded yet
    git = Git(folder, guard_git(folder, located.host))
    secret = listing.find_secrets(paths, git, settings.sdist_include)
    return tuple(file for path, file in paths.items() if path not in secret), secret


def _find_summary(
    request: MergedRequest, project: Project, files: ProjectFiles, packages: Sequence[Package]
) -> Value | None:
    """The doc comment's first sentence, else the README's."""
    if request.description is not None or project.is_static("description"):
        return None
    if summary := summary_of_doc(packages[0].doc) if packages else None:
        return Value(summary, "doc comment")
    paths = [path for package in packages for path in (package.import_path, package.module_path)]
    names = dict.fromkeys(filter(None, [request.name, *map(name_from_path, paths)]))
    sentence = summary_of_readme(files.readme, names) if files.readme else None
    return Value(sentence, "README") if sentence else None


def _with_absolute_links(root: Path, files: ProjectFiles, identity: Identity) -> ProjectFiles:
    """The README with absolute links; a source archive's PKG-INFO has it already."""
    if files.readme is None or files.readme_folder is None:
        return files
    source = next((value.text for label, value in identity.urls if label == "Source"), "")
    relative = Path(os.path.relpath(files.readme_folder, root)).as_posix()
    folder = posixpath.join(identity.subfolder, relative)
    commit = identity.placeholders.get("commit", "")
    linked = identity.readme or resolve_links(files.readme, source, commit, folder)
    return replace(files, readme=linked)


def _query_go(located: LocatedSource) -> BuildInputs:
    """Run `go list` for the packages to build."""
    if located.inputs:
        return located.inputs
    request, source, host = located.request, located.source, located.host
    try:
        targets = requested_targets(request, DEFAULT_TARGETS)
    except InvalidOptionsError:  # reported by `resolve`, with all other problems
        targets = DEFAULT_TARGETS
    go = located.go
    try:
        go = go or open_go(request.go_binary, source.root, host)
        go = go if request.stamp else go.with_flag("-buildvcs=false")
        go = go.with_tags(request.tags or ())
        go = go.with_cgo() if request.cgo else go
        packages = tuple(_list_main(go, source, name, targets) for name in source.packages)
        notes: list[str] = []
        if request.cgo and request.compiles:
            go, notes = configure_cgo(go, source, request, targets, host.environ)
        variable, missing = "", None
        if AUTO in (request.set_version_var or ()):
            variable, missing = find_version_variable(go, source, packages, targets[0])
        problems = check_variables(
            {k: option for k, (option, _) in request.variables(variable).items() if "." in k},
            lambda path: (
                packages if path == "main" else [list_package(go, source.root, path, targets[0])]
            ),
        )
    except GoToWheelError as error:
        return BuildInputs(go, error=error)
    problems = [missing, *problems] if missing else problems
    return BuildInputs(go, packages, variable, tuple(problems), tuple(notes))


def _list_main(go: Go, source: ModuleSource, name: str, targets: Sequence[Target]) -> Package:
    """A main package, listed for the first target that it has files for.

    Raises SourceError for other packages, which `go build` would compile to an archive.
    """
    systems: dict[str, Target] = {}
    for target in targets:
        systems.setdefault(target.goos, target)
    errors: list[SourceError] = []
    for target in systems.values():
        try:
            package = list_package(go, source.root, name, target)
            if package.name == "main":
                return package
            kind = f"is a library (package {package.name}), not a program"
            raise SourceError(f"package {package.import_path} {kind}")
        except SourceError as error:
            errors.append(error)
            if "build constraints exclude" not in errors[0].message:
                break
    first = errors[0]
    if "no Go files in" not in first.message and "is a library" not in first.message:
        raise first
    pattern = "./..." if source.module_folder is None else f"{source.module_path}/..."
    mains = list_mains(go, source.root, targets[0], pattern)
    choices = [f"go-to-wheel {path}@{source.version}" for path in mains]
    if source.version is None:
        paths = [f"{source.root}{path.removeprefix(source.module_path)}" for path in mains]
        folders = [Path(os.path.relpath(path, source.folder)).as_posix() for path in paths]
        choices = [f"--package {f if f[0] == '.' else f'./{f}'}" for f in folders]
    none = "the module has no main package: name another one, or add a `package main`"
    hint = f"build one of: {', '.join(choices)}" if choices else none
    raise SourceError(first.message, hint) from None


def find_version_override(names: Iterable[str], environ: Mapping[str, str]) -> Value | None:
    """The value of GO_TO_WHEEL_VERSION_MY_TOOL or GO_TO_WHEEL_VERSION, as in setuptools-scm."""
    suffixes = [re.sub(r"[-_.]+", "_", name).upper() for name in names]
    for variable in (*(f"{VERSION_VARIABLE}_{name}" for name in suffixes), VERSION_VARIABLE):
        if text := environ.get(variable, "").strip():
            return Value(text, variable)
    return None


def _read_identity(located: LocatedSource) -> Identity:
    """A module's identity from PKG-INFO, else from git."""
    source, project, host = located.source, located.project, located.host
    name = located.request.name
    recorded = read_pkg_info(project.folder)
    recorded_name = recorded.name.text if recorded and recorded.name else ""
    if recorded and (not name or canonicalize_name(name) == canonicalize_name(recorded_name)):
        return recorded
    derived = [name_from_path(path) for path in (source.module_path, *source.package_paths)]
    names = dict.fromkeys(filter(None, [name, *derived]))
    rules = TagRules(names=tuple(names), prefix=project.settings.tag_prefix)
    project_folder = Path(os.path.relpath(project.folder, source.root)).as_posix()
    off = "-buildvcs=false" in host.environ.get("GOFLAGS", "").split()
    stamped = located.request.stamp and not off  # Go records the commit
    archived = (read_archival(folder, rules) for folder in (project.folder, source.root))
    checkout = read_checkout(Git(source.root, host), rules, [project_folder], stamped)
    checkout = checkout or next(filter(None, archived), Checkout())
    placeholders = {}
    if checkout.commit and checkout.version and not checkout.why_unreleased:
        placeholders["tag"] = checkout.version
    if checkout.commit:  # the date is the commit's, in UTC (RFC 3339)
        moment = datetime.fromtimestamp(checkout.timestamp, UTC)
        placeholders |= {"commit": checkout.commit, "short-commit": checkout.commit[:7]}
        placeholders["date"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    urls = find_urls(source.module_path, checkout.remote, "git remote")
    identity = Identity(urls=urls, placeholders=placeholders, subfolder=checkout.prefix)
    if checkout.version is None:
        return identity
    where = f"commit {checkout.commit[:12] or 'unknown'}"
    where = f"tag {checkout.tag}" if checkout.tag else where
    version = Value(checkout.version, f"{checkout.source} {where}")
    return replace(identity, version=version, why_unreleased=checkout.why_unreleased)


def read_pkg_info(folder: Path) -> Identity | None:
    """The identity that a source archive's PKG-INFO records; None without one."""
    if not os.path.lexists(folder / PKG_INFO):
        return None
    raw, _ = parse_email(read_file(folder / PKG_INFO, folder, TEXT_LIMIT))
    if not raw.get("name") or not raw.get("version"):
        return None
    values = {name: Value(str(text), PKG_INFO) for name, text in raw.items() if text}
    text, content_type = raw.get("description"), raw.get("description_content_type", "text/plain")
    return Identity(
        name=values["name"],
        version=values["version"],
        summary=values.get("summary"),
        license=values.get("license_expression"),
        readme=Readme(text, content_type) if text else None,
        from_archive=True,
        urls=tuple((key, Value(url, PKG_INFO)) for key, url in raw.get("project_urls", {}).items()),
    )
