"""Go's build information -> a CycloneDX document, the same for the same binary.

Sources: CycloneDX 1.6 (JSON), PEP 770 (its place in a wheel), the package URL
specification for Go. Written by hand: cyclonedx-python-lib has five dependencies and
adds a random serial number and the time; it validates ours in the tests.
"""

from __future__ import annotations

import json
import re
import uuid
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from packageurl import PackageURL

from go_to_wheel.binary.facts import GoBuildInfo, GoModule
from go_to_wheel.licenses import Notice
from go_to_wheel.naming import STANDARD_LIBRARY

SPEC_VERSION = "1.6"
#: Build settings that are listed: the machine code's target, and the source's commit.
_SETTINGS = ("CGO_ENABLED", "GOARCH", "GOOS", "GOAMD64", "GOARM", "GOARM64", "GO386", "GOPPC64")
_VCS = ("vcs", "vcs.revision", "vcs.time", "vcs.modified")


@dataclass(frozen=True)
class Product:
    """The distribution that is described; `tool_version` is go-to-wheel's.

    `settings` are those of the build, for a rebuild.
    """

    name: str
    version: str
    tool_version: str
    license: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


def format_sbom(
    product: Product,
    infos: Sequence[GoBuildInfo],
    licenses: Mapping[str, str],
    c_parts: Sequence[Notice] = (),
) -> bytes:
    """The document for a wheel whose programs record `infos`; `licenses` is by module path.
    `c_parts` are what a C compiler links in besides.

    It has no time of its own, and its serial number is a hash of the rest.
    """
    purl = str(PackageURL("pypi", None, product.name, product.version))
    root = _component(
        "application",
        product.name,
        product.version,
        purl,
        licenses=_licenses(product.license),
        purl=purl,
        properties=_properties({f"go-to-wheel:{k}": text for k, text in product.settings.items()}),
    )
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
    tool = {"type": "application", "name": "go-to-wheel", "version": product.tool_version}
    document: dict[str, Any] = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": "",
        "version": 1,
        "metadata": {"tools": {"components": [tool]}, "component": root},
        "components": [components[ref] for ref in sorted(components)],
        "dependencies": [*graph, *({"ref": ref} for ref in sorted(components.keys() - below))],
    }
    plain = json.dumps(document, sort_keys=True, ensure_ascii=False)
    document["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, plain).urn
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


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
