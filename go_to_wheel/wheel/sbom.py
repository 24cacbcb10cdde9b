"""The software bill of materials of a wheel. Pure.

Sources: CycloneDX 1.6 (JSON), PEP 770 (its place in a wheel), the package URL specification for Go.
Not by cyclonedx-python-lib, which has five dependencies and adds a random serial number and the
time; it validates these documents in the tests.
"""

from __future__ import annotations

import json
import re
import uuid
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

from packageurl import PackageURL

from go_to_wheel import __version__
from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo, GoModule
from go_to_wheel.config.options import BuildOptions
from go_to_wheel.licenses import BundledLicenses, Notice
from go_to_wheel.naming import STANDARD_LIBRARY
from go_to_wheel.platforms import Target
from go_to_wheel.wheel.archive import Entry

SBOM_VERSION = "1.6"
#: Build settings that are listed: the target of the machine code, and the commit.
_SETTINGS = ("CGO_ENABLED", "GOARCH", "GOOS", "GOAMD64", "GOARM", "GOARM64", "GO386", "GOPPC64")
_COMMIT_SETTINGS = ("vcs", "vcs.revision", "vcs.time", "vcs.modified")


def sbom_entries(
    options: BuildOptions,
    licenses: BundledLicenses,
    facts: Sequence[BinaryFacts],
    target: Target,
    provenance: Mapping[str, str],
) -> list[Entry]:
    """The SBOM of a wheel, unless Go built none of its programs; `provenance` adds properties."""
    infos = [program.go for program in facts if program.go]
    if not infos:
        return []
    settings = {
        "ldflags": options.ldflags_for(target),
        "launcher": options.launcher,
        **provenance,
        "tags": ",".join(options.request.build_tags_for(target)),
    }
    if parts := {part.module: part.version for part in licenses.c_parts}:
        compiler = next(text for name, text in parts.items() if name != "glibc")
        settings["c-compiler"] = compiler.replace("zig-", "zig ")
        settings["c-libraries"] = ", ".join(sorted(parts))
        settings["glibc"] = parts.get("glibc", "")
        settings["cgo-flags"] = options.format_cgo_flags(target)
    name, version = options.metadata["name"], options.metadata["version"]
    purl = str(PackageURL("pypi", None, name, version))
    root = _component(
        "application",
        name,
        version,
        purl,
        licenses=_license_choices(licenses.expression),
        purl=purl,
        properties={f"go-to-wheel:{key}": text for key, text in settings.items()},
    )
    path = f"{options.stem}.dist-info/sboms/{options.package}.cyclonedx.json"
    return [Entry(path, format_sbom(root, infos, licenses.by_module, licenses.c_parts))]


def format_sbom(
    root: dict[str, Any],
    infos: Sequence[GoBuildInfo],
    licenses: Mapping[str, str],
    c_parts: Sequence[Notice],
) -> bytes:
    """The document for a wheel whose programs record `infos`; `licenses` is by module path.

    `root` is the distribution's component, `c_parts` are linked C libraries. There is no
    timestamp, and the serial number is a hash of the rest.
    """
    components: dict[str, dict[str, Any]] = {}
    # Go records no graph of modules
    dependencies: dict[str, set[str]] = {root["bom-ref"]: set()}
    for info in infos:
        module = info.main or GoModule(info.path or "command-line-arguments")
        main = _module_component(module, licenses, info)
        std = GoModule(STANDARD_LIBRARY, info.version.removeprefix("go").split()[0])
        parts = [_module_component(part, licenses) for part in (std, *info.deps)]
        for part in c_parts if info.settings.get("CGO_ENABLED") == "1" else ():
            choices = _license_choices(part.expression)
            parts.append(_component("library", part.module, part.version, licenses=choices))
        components |= {part["bom-ref"]: part for part in (main, *parts)}
        dependencies[root["bom-ref"]].add(main["bom-ref"])
        dependencies.setdefault(main["bom-ref"], set()).update(part["bom-ref"] for part in parts)
    graph = [{"ref": ref, "dependsOn": sorted(refs)} for ref, refs in sorted(dependencies.items())]
    leaves = [{"ref": ref} for ref in sorted(components.keys() - dependencies)]
    tool = {"type": "application", "name": "go-to-wheel", "version": __version__}
    document: dict[str, Any] = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SBOM_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SBOM_VERSION,
        "serialNumber": "",
        "version": 1,
        "metadata": {"tools": {"components": [tool]}, "component": root},
        "components": [components[ref] for ref in sorted(components)],
        "dependencies": [*graph, *leaves],
    }
    plain = json.dumps(document, sort_keys=True, ensure_ascii=False)
    document["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, plain).urn
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _component(kind: str, name: str, version: str, ref: str = "", **more: Any) -> dict[str, Any]:
    """A component without its empty values; `properties` is a mapping."""
    values = {"type": kind, "bom-ref": ref or f"{name}@{version}", "name": name, "version": version}
    pairs = more.get("properties", {}).items()
    more["properties"] = [{"name": key, "value": value} for key, value in pairs if value]
    return {key: value for key, value in {**values, **more}.items() if value}


def _module_component(
    module: GoModule, licenses: Mapping[str, str], info: GoBuildInfo | None = None
) -> dict[str, Any]:
    """The component of a linked module, by its replacement's name; `info` is for the main one."""
    used = module.replace or module
    values = {}
    if info:
        values = {"go-to-wheel:package": info.path}
        values |= {f"cdx:gomod:build:env:{name}": info.settings.get(name, "") for name in _SETTINGS}
        values |= {f"go-to-wheel:{name}": info.settings.get(name, "") for name in _COMMIT_SETTINGS}
    values["go-to-wheel:h1"] = used.sum
    values["go-to-wheel:replaces"] = f"{module.path}@{module.version}" if module.replace else ""
    h1 = re.fullmatch("h1:([A-Za-z0-9+/]{43}=)", used.sum)  # SHA-256 of the files' list
    namespace, _, name = used.path.rpartition("/")
    version = None if used.version in ("", "(devel)") else used.version
    is_local = used.path.startswith((".", "/"))
    return _component(
        "application" if info else "library",
        used.path,
        used.version,
        used.path if not used.version else "",  # case matters in it
        hashes=[{"alg": "SHA-256", "content": b64decode(h1[1]).hex()}] if h1 else [],
        licenses=_license_choices(licenses.get(module.path)),
        purl="" if is_local else str(PackageURL("golang", namespace or None, name, version)),
        properties=values,
    )


def _license_choices(expression: str | None) -> list[dict[str, Any]]:
    if not expression:
        return []
    is_id = not re.search(r"[ (+]|^LicenseRef-", expression)
    return [{"license": {"id": expression}} if is_id else {"expression": expression}]
