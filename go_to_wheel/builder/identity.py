"""The version, the address and the name that git, a proxy or an sdist know of a program."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from packaging.metadata import parse_email
from packaging.utils import canonicalize_name

from go_to_wheel.config.options import Identity, Value
from go_to_wheel.config.pyproject import Project
from go_to_wheel.naming import name_from_path
from go_to_wheel.process import Runner
from go_to_wheel.sources.files import TEXT_LIMIT, read_file
from go_to_wheel.sources.git import ARCHIVAL, Git, TagRules, read_archival, read_checkout
from go_to_wheel.sources.module import ModuleSource
from go_to_wheel.sources.readme import Readme, forge_url

PKG_INFO = "PKG-INFO"
VARIABLE = "GO_TO_WHEEL_VERSION"


@dataclass(frozen=True)
class Machine:
    """The environment of the build and the runner of its child processes."""

    environ: Mapping[str, str]
    runner: Runner


def stated_version(names: Iterable[str], environ: Mapping[str, str]) -> Value | None:
    """The version that a packager states: for one of these distributions, or for all.

    GO_TO_WHEEL_VERSION_MY_TOOL, as with setuptools-scm, counts more than GO_TO_WHEEL_VERSION.
    """
    own = [re.sub(r"[-_.]+", "_", name).upper() for name in names]
    for variable in (*(f"{VARIABLE}_{name}" for name in own), VARIABLE):
        if text := environ.get(variable, "").strip():
            return Value(text, variable)
    return None


def identify(
    source: ModuleSource, project: Project, name: str | None, machine: Machine, stamped: bool
) -> Identity:
    """What PKG-INFO, else git, knows of a module; `name` is the one that is asked for.

    `stamped` says that Go records the commit in the program.
    """
    packed = read_pkg_info(project.folder)
    own = packed.name.text if packed and packed.name else ""
    if packed and (not name or canonicalize_name(name) == canonicalize_name(own)):
        return packed
    derived = [name_from_path(path) for path in (source.module_path, *source.package_paths)]
    names = dict.fromkeys(filter(None, [name, *derived]))
    rules = TagRules(names=tuple(names), prefix=project.settings.tag_prefix)
    nearby = Path(os.path.relpath(project.folder, source.root)).as_posix()
    git = Git(source.root, machine.runner, machine.environ)
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
