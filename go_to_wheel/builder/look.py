"""What the program and its surroundings tell: name, version, summary, licence, addresses."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from packaging.metadata import RawMetadata, parse_email
from packaging.utils import canonicalize_name

from go_to_wheel.builder.carried import judge_own
from go_to_wheel.builder.kept import Kept, digest_of, make_key
from go_to_wheel.config import BuildRequest, Project, Said, Surroundings, Told, read_project
from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.platforms import native_target
from go_to_wheel.process import Runner
from go_to_wheel.sources import (
    TEXT_LIMIT,
    Git,
    ModuleSource,
    first_sentence,
    forge_url,
    module_root,
    read_checkout,
    read_file,
    read_files,
    read_python_files,
    refuse_odd_name,
    summary_of_doc,
)
from go_to_wheel.sources.readme import Readme
from go_to_wheel.toolchain import usable_cpus
from go_to_wheel.wheel.archive import parse_epoch

PKG_INFO = "PKG-INFO"


@dataclass(frozen=True)
class Machine:
    """What of this machine matters: its environment, and what runs git."""

    environ: Mapping[str, str]
    runner: Runner


def find_project(folder: Path) -> Project | None:
    """The pyproject.toml that governs a source folder: its own, else its module's."""
    if not folder.is_dir():
        return None
    folder = folder.resolve()
    project = read_project(folder)
    root = module_root(folder)
    if project is None and root is not None and root != folder:
        project = read_project(root)
        if project:  # its choice of packages is about the whole module
            bare = replace(project.settings, packages=(), commands={}, entry_point=None)
            project = replace(project, settings=bare)
    return project


def look_around(
    request: BuildRequest, source: ModuleSource, project: Project | None, machine: Machine
) -> Surroundings:
    """Everything that can be known before Go is asked."""
    files = read_files(source, request.readme)
    for name, _ in files.licenses:
        refuse_odd_name(name)
    commands = project.settings.commands if project else {}
    configured = tuple(commands) if request.packages == tuple(commands.values()) else ()
    return Surroundings(
        package_paths=source.package_paths,
        module_path=source.module_path,
        files=files,
        native=native_target(sys.platform, platform.machine()),
        cpus=usable_cpus(),
        epoch=read_epoch(machine.environ),
        command_names=configured,
        project=project,
        told=_tell(request, source, project, machine),
        python_files=python_files_of(project),
    )


def look_closer(request: BuildRequest, around: Surroundings, kept: Kept) -> Surroundings:
    """The same, with what takes long to find out: the licence, and the README's first sentence."""
    project, told = around.project, around.told
    stated = request.license is not None or (project is not None and project.closed("license"))
    if not stated:
        files = project.license_files if project else None
        texts = around.files.licenses if files is None else files
        told = replace(told, license=judge_own(texts, kept))
    if told.summary is None:
        readme = (project.readme if project else None) or around.files.readme
        sentence = _sentence(readme, kept) if readme else None
        told = replace(told, summary=Said(sentence, "README") if sentence else None)
    return replace(around, told=told)


def _sentence(readme: Readme, kept: Kept) -> str | None:
    made_by = (digest_of("go_to_wheel.sources.texts"), version("markdown-it-py"))
    about = (*made_by, readme.content_type, readme.text)
    found: str | None = kept.recall(make_key("sentence", *about), lambda: first_sentence(readme))
    return found


def with_doc(around: Surroundings, doc: str) -> Surroundings:
    """The same, with the summary that the package's doc comment gives."""
    summary = summary_of_doc(doc)
    said = around.told.summary
    if summary is None or (said and said.origin == PKG_INFO):
        return around
    return replace(around, told=replace(around.told, summary=Said(summary, "doc comment")))


def python_files_of(project: Project | None) -> tuple[tuple[str, bytes], ...]:
    """The Python files of a mixed project; empty for others."""
    folder = project.settings.python_source if project else None
    return read_python_files(project.folder, folder) if project and folder else ()


def _tell(
    request: BuildRequest,
    source: ModuleSource,
    project: Project | None,
    machine: Machine,
) -> Told:
    packed = read_pkg_info(project.folder if project else source.root)
    stated = (project.values or {}).get("name") if project else None
    name = request.name or stated
    if packed and (not name or _same_name(name, packed.name)):
        return packed
    if source.version is not None:
        version = Said(source.version, f"module version {source.version}")
        return Told(version=version, urls=_module_urls(source.module_path, None))
    return _tell_checkout(source, machine)


def _tell_checkout(source: ModuleSource, machine: Machine) -> Told:
    """The version and address that git knows."""
    checkout = read_checkout(Git(source.root, machine.runner, machine.environ))
    if checkout is None:
        return Told(urls=_module_urls(source.module_path, None))
    told = Told(urls=_module_urls(source.module_path, checkout.remote))
    if checkout.release:
        return replace(told, version=Said(checkout.release, f"git tag {checkout.release}"))
    pseudo = checkout.pseudo_version
    if pseudo is None:
        return told
    short = checkout.commit[:12]
    if checkout.tag:
        why = f"files differ from the commit that {checkout.tag} names"
    else:
        why = f"no version tag names the commit {short}"
    return replace(told, version=Said(pseudo, f"git commit {short}"), development=why)


def _module_urls(module_path: str, remote: str | None) -> tuple[tuple[str, Said], ...]:
    by_path = forge_url(module_path)
    by_remote = forge_url(remote, module_path) if remote else None
    if by_path:
        return (("Source", Said(by_path, "module path")),)
    return (("Source", Said(by_remote, "git remote")),) if by_remote else ()


def read_pkg_info(folder: Path) -> Told | None:
    """What an sdist's PKG-INFO states; it was all decided when the sdist was made."""
    if not os.path.lexists(folder / PKG_INFO):
        return None
    raw, _ = parse_email(read_file(folder / PKG_INFO, folder, TEXT_LIMIT))
    if not raw.get("name") or not raw.get("version"):
        return None
    return Told(
        name=Said(raw["name"], PKG_INFO),
        version=Said(raw["version"], PKG_INFO),
        summary=_said(raw, "summary"),
        license_said=_said(raw, "license_expression"),
        urls=tuple(
            (label, Said(url, PKG_INFO)) for label, url in raw.get("project_urls", {}).items()
        ),
    )


def _said(raw: RawMetadata, name: str) -> Said | None:
    value = raw.get(name)
    return Said(str(value), PKG_INFO) if value else None


def _same_name(one: str, other: Said | None) -> bool:
    return other is not None and canonicalize_name(one) == canonicalize_name(other.value)


def read_epoch(environ: Mapping[str, str]) -> int:
    """The date of the wheels' files; raises InvalidOptionsError for what is none."""
    try:
        return parse_epoch(environ.get("SOURCE_DATE_EPOCH"))
    except ValueError as error:
        raise InvalidOptionsError([str(error)]) from None
