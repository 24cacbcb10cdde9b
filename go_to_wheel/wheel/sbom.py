"""Go's build information -> a CycloneDX document, the same for the same binary.

Sources: CycloneDX 1.6 (JSON), PEP 770 (its place in a wheel), the package URL
specification for Go. Written by hand: cyclonedx-python-lib has five dependencies and
adds a random serial number and the time; it validates ours in the tests.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from packageurl import PackageURL

from go_to_wheel.binary.facts import GoBuildInfo, GoModule
from go_to_wheel.licenses.notices import Notice
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
    root = _distribution(product)
    components: dict[str, dict[str, Any]] = {}
    below: dict[str, set[str]] = {root["bom-ref"]: set()}  # Go records no more than that
    for info in infos:
        main = _main(info, licenses)
        parts = [_standard(info.version, licenses), *(_module(m, licenses) for m in info.deps)]
        parts += map(_c_part, c_parts) if info.settings.get("CGO_ENABLED") == "1" else ()
        components |= {part["bom-ref"]: part for part in (main, *parts)}
        below[root["bom-ref"]].add(main["bom-ref"])
        below.setdefault(main["bom-ref"], set()).update(part["bom-ref"] for part in parts)
    tool = {"type": "application", "name": "go-to-wheel", "version": product.tool_version}
    document: dict[str, Any] = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": "",
        "version": 1,
        "metadata": {"tools": {"components": [tool]}, "component": root},
        "components": [components[ref] for ref in sorted(components)],
        "dependencies": _dependencies(below),
    }
    plain = json.dumps(document, sort_keys=True, ensure_ascii=False)
    document["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, plain).urn
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _distribution(product: Product) -> dict[str, Any]:
    purl = str(PackageURL("pypi", None, product.name, product.version))
    settings = _properties({f"go-to-wheel:{key}": text for key, text in product.settings.items()})
    return {
        "type": "application",
        "bom-ref": purl,
        "name": product.name,
        "version": product.version,
        **_licenses(product.license),
        "purl": purl,
        **({"properties": settings} if settings else {}),
    }


def _main(info: GoBuildInfo, licenses: Mapping[str, str]) -> dict[str, Any]:
    module = info.main or GoModule(info.path or "command-line-arguments")
    component = _module(module, licenses)
    values = {"go-to-wheel:package": info.path}
    values |= {f"cdx:gomod:build:env:{name}": info.settings.get(name, "") for name in _SETTINGS}
    values |= {f"go-to-wheel:{name}": info.settings.get(name, "") for name in _VCS}
    component["type"] = "application"
    component["properties"] = [*_properties(values), *component.get("properties", [])]
    return component


def _standard(go_version: str, licenses: Mapping[str, str]) -> dict[str, Any]:
    version = go_version.removeprefix("go").split()[0]
    purl = str(PackageURL("golang", None, STANDARD_LIBRARY, version))
    return {
        "type": "library",
        "bom-ref": f"{STANDARD_LIBRARY}@{version}",
        "name": STANDARD_LIBRARY,
        "version": version,
        "description": "Go's standard library and run time",
        **_licenses(licenses.get(STANDARD_LIBRARY)),
        "purl": purl,
    }


def _c_part(part: Notice) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": f"{part.module}@{part.version}",
        "name": part.module,
        "version": part.version,
        **_licenses(part.expression),
    }


def _module(module: GoModule, licenses: Mapping[str, str]) -> dict[str, Any]:
    """A module as it was linked; a replacement has its own name."""
    used = module.replace or module
    ref = f"{used.path}@{used.version}" if used.version else used.path  # case matters in it
    component: dict[str, Any] = {"type": "library", "bom-ref": ref, "name": used.path}
    if used.version:
        component["version"] = used.version
    if digest := _digest(used.sum):
        component["hashes"] = [{"alg": "SHA-256", "content": digest}]
    component |= _licenses(licenses.get(module.path))
    if not used.path.startswith((".", "/")):
        component["purl"] = _purl(used)
    replaced = f"{module.path}@{module.version}" if module.replace else ""
    values = {"go-to-wheel:h1": used.sum, "go-to-wheel:replaces": replaced}
    if properties := _properties(values):
        component["properties"] = properties
    return component


def _properties(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items() if value]


def _purl(module: GoModule) -> str:
    """`pkg:golang/…`; "(devel)" is no version."""
    namespace, _, name = module.path.rpartition("/")
    version = None if module.version in ("", "(devel)") else module.version
    return str(PackageURL("golang", namespace or None, name, version))


def _digest(total: str) -> str | None:
    """An "h1:" hash (SHA-256 over the module's file list, base64) in hexadecimal."""
    if not total.startswith("h1:"):
        return None
    try:
        return base64.b64decode(total[3:], validate=True).hex()
    except binascii.Error:
        return None


def _licenses(expression: str | None) -> dict[str, Any]:
    if not expression:
        return {}
    if " " in expression or expression.startswith("LicenseRef-"):
        return {"licenses": [{"expression": expression}]}
    return {"licenses": [{"license": {"id": expression}}]}


def _dependencies(below: Mapping[str, set[str]]) -> list[dict[str, Any]]:
    """The distribution contains the main modules, they contain the rest."""
    leaves = set().union(*below.values()) - set(below)
    graph = [{"ref": ref, "dependsOn": sorted(parts)} for ref, parts in sorted(below.items())]
    return graph + [{"ref": ref} for ref in sorted(leaves)]
