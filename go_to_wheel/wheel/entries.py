"""Options and programs -> every file of a wheel but RECORD.

Sources: the core metadata specification (version 2.4), PEP 427 and PEP 491 (WHEEL); for the
bill of materials CycloneDX 1.6 (JSON), PEP 770 (its place in a wheel) and the package URL
specification for Go. That is written by hand: cyclonedx-python-lib has five dependencies and
adds a random serial number and the time; it validates ours in the tests. Pure.
"""

from __future__ import annotations

import json
import re
import uuid
from base64 import b64decode
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, cast

from packageurl import PackageURL
from packaging.metadata import Metadata, RawMetadata, RFC822Message

from go_to_wheel import __version__
from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo, GoModule
from go_to_wheel.config.options import BuildOptions
from go_to_wheel.errors import WheelError
from go_to_wheel.licenses import BundledLicenses, Notice
from go_to_wheel.naming import STANDARD_LIBRARY
from go_to_wheel.platforms import Target
from go_to_wheel.sources.listing import LAUNCHER_FOLDER
from go_to_wheel.wheel.archive import Entry

GENERATOR = f"go-to-wheel {__version__}"
#: Header names as the specification writes them; packaging's writer lowers them.
_SPELLING = {"project-url": "Project-URL", "author-email": "Author-email"}
CONSTANTS = "_constants.py"
#: The launcher's modules; what varies between two wheels is in one of them.
LAUNCHER = ("__init__.py", "__main__.py", CONSTANTS, "_find.py", "py.typed")
SBOM_VERSION = "1.6"
#: Build settings that are listed: the machine code's target, and the source's commit.
_SETTINGS = ("CGO_ENABLED", "GOARCH", "GOOS", "GOAMD64", "GOARM", "GOARM64", "GO386", "GOPPC64")
_VCS = ("vcs", "vcs.revision", "vcs.time", "vcs.modified")


def launcher_entries(constants: Mapping[str, object]) -> dict[str, bytes]:
    """The launcher's files: path inside the import package -> content.

    `constants` are values for the template's names; they are only ever written with `repr`.
    """
    template = files("go_to_wheel.wheel.launcher") / "template"
    # A checkout on Windows may have CRLF; wheels have the same bytes everywhere.
    entries = {name: (template / name).read_bytes().replace(b"\r\n", b"\n") for name in LAUNCHER}

    def fill(line: re.Match[str]) -> str:
        return f"{line[1]}{line[2]} = {constants[line[1]]!r}" if line[1] in constants else line[0]

    text = entries[CONSTANTS].decode()
    entries[CONSTANTS] = re.sub(r"^([A-Z_]+)(:.*) = .*$", fill, text, flags=re.MULTILINE).encode()
    return entries


def wheel_entries(
    options: BuildOptions,
    licenses: BundledLicenses,
    target: Target,
    tags: Sequence[str],
    programs: Mapping[str, bytes],
) -> list[Entry]:
    """Every file of one wheel but RECORD and SBOM; `programs` are by their command's name."""
    inside = f"{options.package}/bin"
    native = options.layout == "native"
    folders = dict.fromkeys(programs, f"{stem(options)}.data/scripts" if native else inside)
    folders |= dict.fromkeys(options.request.private, inside)
    return [
        *launcher_files(options, target),
        *(Entry(path, data) for path, data in options.detected.python_files),
        *(
            Entry(f"{folders[command]}/{command}{target.exe_suffix}", data, executable=True)
            for command, data in programs.items()
        ),
        *data_entries(options),
        *info_entries(options, licenses, tags, scripts=not native),
    ]


def data_entries(options: BuildOptions) -> list[Entry]:
    """What installers put below the environment's root: man pages, shell completions."""
    return [
        Entry(f"{stem(options)}.data/data/{path}", data)
        for path, data in options.detected.data_files
    ]


def launcher_files(
    options: BuildOptions, target: Target, editable: Mapping[str, str] | None = None
) -> list[Entry]:
    """The launcher: a package of its own, or a folder of the project's package.

    `editable` (command -> absolute path) is for editable installs: a command named there is
    looked for there and nowhere else.
    """
    constants = {
        "DISTRIBUTION": options.project["name"],
        "VERSION": options.project["version"],
        "COMMANDS": tuple(options.commands),
        "LAYOUT": options.layout,
        "EXECUTABLE_SUFFIX": target.exe_suffix,
        "EDITABLE_BINARIES": dict(editable or {}),
        "NESTED": options.nested_launcher,
        "PRIVATE": tuple(options.request.private),
    }
    folder = launcher_folder(options)
    return [Entry(f"{folder}/{name}", data) for name, data in launcher_entries(constants).items()]


def launcher_folder(options: BuildOptions) -> str:
    """Where the launcher is in the wheel."""
    package = options.package
    if any(path == f"{package}.py" for path, _ in options.detected.python_files):
        raise WheelError(
            f"python-source has the module {package}.py, which is the launcher's name",
            f"make it a package: {package}/__init__.py",
        )
    return f"{package}/{LAUNCHER_FOLDER}" if options.nested_launcher else package


def info_entries(
    options: BuildOptions, licenses: BundledLicenses, tags: Sequence[str], scripts: bool
) -> list[Entry]:
    """The dist-info folder; `scripts` makes each command a console script."""
    info = info_folder(options)
    project = options.project.copy()
    project["license_files"] = [path for path, _ in licenses.files]
    project["license_expression"] = licenses.expression or ""
    entries = [
        Entry(f"{info}/METADATA", format_metadata(project)),
        Entry(f"{info}/WHEEL", format_wheel(GENERATOR, tags)),
        *(Entry(f"{info}/licenses/{name}", data) for name, data in licenses.files),
    ]
    main = f"{launcher_folder(options).replace('/', '.')}:main"
    public = [command for command in options.commands if command not in options.request.private]
    groups = {"console_scripts": dict.fromkeys(public, main) if scripts else {}}
    for group, references in options.detected.project.entry_points.items():
        groups[group] = {**groups.get(group, {}), **references}
    if text := format_entry_points(groups):
        entries.append(Entry(f"{info}/entry_points.txt", text))
    return entries


def sbom_entries(
    options: BuildOptions,
    licenses: BundledLicenses,
    facts: Sequence[BinaryFacts],
    target: Target,
    provenance: Mapping[str, str] | None = None,
) -> list[Entry]:
    """The wheel's software bill of materials (PEP 770); none for programs Go didn't build.

    `provenance` has more properties for it.
    """
    infos = [program.go for program in facts if program.go]
    if not infos:
        return []
    settings = {
        "ldflags": options.ldflags_for(target),
        "launcher": options.layout,
        **(provenance or {}),
        "tags": ",".join(options.request.tags_for(target)),
    }
    if parts := {part.module: part.version for part in licenses.c_parts}:
        compiler = next(text for name, text in parts.items() if name != "glibc")
        settings["c-compiler"] = compiler.replace("zig-", "zig ")
        settings["c-libraries"] = ", ".join(sorted(parts))
        settings["glibc"] = parts.get("glibc", "")
        settings["cgo-flags"] = options.cgo_flags_for(target)
    root = distribution_component(options.project, licenses.expression, settings)
    path = f"{info_folder(options)}/sboms/{options.package}.cyclonedx.json"
    return [Entry(path, format_sbom(root, infos, licenses.by_module, licenses.c_parts))]


def info_folder(options: BuildOptions) -> str:
    """The name of the dist-info folder."""
    return f"{stem(options)}.dist-info"


def stem(options: BuildOptions) -> str:
    """How the names of the distribution's files and folders begin."""
    return f"{options.package}-{options.project['version']}"


def format_metadata(project: RawMetadata) -> bytes:
    """The METADATA file (core metadata 2.4), UTF-8 with LF line ends; empty values are left out.

    Raises packaging's InvalidMetadata group for values that were never checked.
    """
    stated = cast("RawMetadata", {name: value for name, value in project.items() if value})
    message = Metadata.from_raw(stated, validate=True).as_rfc822()
    result = RFC822Message()
    for name, value in message.items():
        spelling = "-".join(word.capitalize() for word in name.split("-"))
        result[_SPELLING.get(name, spelling)] = value
    result.set_payload(message.get_payload())
    return result.as_bytes()


def format_wheel(generator: str, tags: Sequence[str]) -> bytes:
    """The WHEEL file: format 1.0, not pure, one expanded `Tag:` line for each tag."""
    message = RFC822Message()
    message["Wheel-Version"] = "1.0"
    message["Generator"] = generator
    message["Root-Is-Purelib"] = "false"
    for tag in tags:
        message["Tag"] = f"py3-none-{tag}"
    return message.as_bytes()


def format_entry_points(groups: Mapping[str, Mapping[str, str]]) -> bytes:
    """entry_points.txt: group -> name -> object reference; groups without entries are left out."""
    blocks = [
        f"[{group}]\n" + "".join(f"{name} = {entries[name]}\n" for name in sorted(entries))
        for group, entries in groups.items()
        if entries
    ]
    return "\n".join(blocks).encode()


def format_sbom(
    root: dict[str, Any],
    infos: Sequence[GoBuildInfo],
    licenses: Mapping[str, str],
    c_parts: Sequence[Notice] = (),
) -> bytes:
    """The document for a wheel whose programs record `infos`; `licenses` is by module path.

    `root` is the distribution's component, `c_parts` are what a C compiler links in besides.
    The document has no time of its own, and its serial number is a hash of the rest.
    """
    components: dict[str, dict[str, Any]] = {}
    below: dict[str, set[str]] = {root["bom-ref"]: set()}  # Go records no more than that
    for info in infos:
        module = info.main or GoModule(info.path or "command-line-arguments")
        main = _module(module, licenses, info)
        own = GoModule(STANDARD_LIBRARY, info.version.removeprefix("go").split()[0])
        parts = [_module(part, licenses) for part in (own, *info.deps)]
        for part in c_parts if info.settings.get("CGO_ENABLED") == "1" else ():
            licence = _licenses(part.expression)
            parts.append(_component("library", part.module, part.version, licenses=licence))
        components |= {part["bom-ref"]: part for part in (main, *parts)}
        below[root["bom-ref"]].add(main["bom-ref"])
        below.setdefault(main["bom-ref"], set()).update(part["bom-ref"] for part in parts)
    graph = [{"ref": ref, "dependsOn": sorted(parts)} for ref, parts in sorted(below.items())]
    tool = {"type": "application", "name": "go-to-wheel", "version": __version__}
    document: dict[str, Any] = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SBOM_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SBOM_VERSION,
        "serialNumber": "",
        "version": 1,
        "metadata": {"tools": {"components": [tool]}, "component": root},
        "components": [components[ref] for ref in sorted(components)],
        "dependencies": [*graph, *({"ref": ref} for ref in sorted(components.keys() - below))],
    }
    plain = json.dumps(document, sort_keys=True, ensure_ascii=False)
    document["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, plain).urn
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def distribution_component(
    project: RawMetadata, license_: str | None, settings: Mapping[str, str]
) -> dict[str, Any]:
    """What the wheel is; `settings` are those of the build, for a rebuild."""
    name, version = project["name"], project["version"]
    purl = str(PackageURL("pypi", None, name, version))
    properties = _properties({f"go-to-wheel:{key}": text for key, text in settings.items()})
    more = {"licenses": _licenses(license_), "purl": purl, "properties": properties}
    return _component("application", name, version, purl, **more)


def _component(kind: str, name: str, version: str, ref: str = "", **more: Any) -> dict[str, Any]:
    """A component; what is empty is left out."""
    values = {"type": kind, "bom-ref": ref or f"{name}@{version}", "name": name, "version": version}
    return {key: value for key, value in {**values, **more}.items() if value}


def _module(
    module: GoModule, licenses: Mapping[str, str], info: GoBuildInfo | None = None
) -> dict[str, Any]:
    """A module as it was linked, with `info` as the main one; a replacement has its own name."""
    used = module.replace or module
    values = {}
    if info:
        values = {"go-to-wheel:package": info.path}
        values |= {f"cdx:gomod:build:env:{name}": info.settings.get(name, "") for name in _SETTINGS}
        values |= {f"go-to-wheel:{name}": info.settings.get(name, "") for name in _VCS}
    values["go-to-wheel:h1"] = used.sum
    values["go-to-wheel:replaces"] = f"{module.path}@{module.version}" if module.replace else ""
    total = re.fullmatch("h1:([A-Za-z0-9+/]{43}=)", used.sum)  # SHA-256 of the files' list
    namespace, _, name = used.path.rpartition("/")
    version = None if used.version in ("", "(devel)") else used.version
    local = used.path.startswith((".", "/"))
    return _component(
        "application" if info else "library",
        used.path,
        used.version,
        used.path if not used.version else "",  # case matters in it
        hashes=[{"alg": "SHA-256", "content": b64decode(total[1]).hex()}] if total else [],
        licenses=_licenses(licenses.get(module.path)),
        purl="" if local else str(PackageURL("golang", namespace or None, name, version)),
        properties=_properties(values),
    )


def _properties(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items() if value]


def _licenses(expression: str | None) -> list[dict[str, Any]]:
    if not expression:
        return []
    alone = " " not in expression and not expression.startswith("LicenseRef-")
    return [{"license": {"id": expression}} if alone else {"expression": expression}]
