"""The bill of materials: its exact bytes, and what another project's validator says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from go_to_wheel.binary.facts import GoBuildInfo, GoModule
from go_to_wheel.wheel import sbom
from go_to_wheel.wheel.sbom import format_sbom

H1 = "h1:4EBh2KAYBwaONj6b2Ye1GiHfwjqyROoF4RwYO+vPwFk="
INFO = GoBuildInfo(
    version="go1.26.8",
    path="example.com/tool/cmd/tool",
    main=GoModule("example.com/tool", "v1.2.3"),
    deps=(
        GoModule("github.com/spf13/pflag", "v1.0.10", H1),
        GoModule("github.com/BurntSushi/toml", "v1.4.0", H1),
        GoModule("example.com/old", "v1.0.0", replace=GoModule("example.com/new", "v2.0.0", H1)),
        GoModule("example.com/near", "v0.0.0", replace=GoModule("../near")),
    ),
    settings={
        "GOOS": "linux",
        "GOARCH": "amd64",
        "GOAMD64": "v1",
        "CGO_ENABLED": "0",
        "-ldflags": "-s -w",
        "vcs": "git",
        "vcs.revision": "0123456789abcdef0123456789abcdef01234567",
        "vcs.modified": "false",
    },
)
LETTERS = GoBuildInfo(
    "go1.26.8",
    "example.com/t",
    GoModule("example.com/t", "(devel)"),
    (GoModule("github.com/Some/thing", "v1.0.0"), GoModule("github.com/some/thing", "v1.0.0")),
)
LICENSES = {
    "std": "BSD-3-Clause",
    "example.com/tool": "MIT OR Apache-2.0",
    "github.com/spf13/pflag": "BSD-3-Clause",
    "github.com/BurntSushi/toml": "MIT",
    "example.com/old": "Apache-2.0 AND MIT",
}
ROOT = {
    "type": "application",
    "bom-ref": "pkg:pypi/my-tool@1.2.3",
    "name": "my-tool",
    "version": "1.2.3",
    "licenses": [{"expression": "MIT OR Apache-2.0"}],
    "purl": "pkg:pypi/my-tool@1.2.3",
    "properties": [{"name": "go-to-wheel:ldflags", "value": "-s -w"}],
}


def document(*infos: GoBuildInfo) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(format_sbom(ROOT, infos or [INFO], LICENSES, ()))
    return data


def test_exact_bytes(golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sbom, "__version__", "9.9")
    golden("sbom.cyclonedx.json", format_sbom(ROOT, [INFO], LICENSES, ()).decode())


def is_valid(text: str) -> bool:
    """What CycloneDX's own validator says; its import alone takes seconds."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


@pytest.mark.slow
@pytest.mark.parametrize("info", [INFO, LETTERS], ids=["usual", "letters' case"])
def test_it_is_valid_by_the_schema(info: GoBuildInfo) -> None:
    licenses = {**LICENSES, "github.com/BurntSushi/toml": "Apache-2.0+", "example.com/old": "(MIT)"}
    assert is_valid(format_sbom(ROOT, [info], licenses, ()).decode())


@pytest.mark.slow
def test_the_schema_rejects_a_wrong_type() -> None:
    text = format_sbom(ROOT, [INFO], LICENSES, ()).decode()
    assert not is_valid(text.replace('"library"', '"libary"'))


def test_same_input_gives_the_same_bytes() -> None:
    assert format_sbom(ROOT, [INFO], LICENSES, ()) == format_sbom(ROOT, [INFO], LICENSES, ())
    other = GoBuildInfo("go1.26.9", INFO.path, INFO.main, INFO.deps, INFO.settings)
    assert document()["serialNumber"] != document(other)["serialNumber"]


def test_module_paths_are_case_sensitive() -> None:
    names = [component["name"] for component in document(LETTERS)["components"]]
    assert names == ["example.com/t", "github.com/Some/thing", "github.com/some/thing", "std"]


def test_two_programs_in_one_wheel() -> None:
    second = GoBuildInfo(
        "go1.26.8",
        "example.com/other",
        GoModule("example.com/other", "v0.1.0"),
        (GoModule("github.com/spf13/pflag", "v1.0.10", H1),),
    )
    data = document(INFO, second)
    refs = [component["bom-ref"] for component in data["components"]]
    assert len(refs) == len(set(refs)) == 7
    graph = {row["ref"]: row.get("dependsOn") for row in data["dependencies"]}
    assert graph["pkg:pypi/my-tool@1.2.3"] == [
        "example.com/other@v0.1.0",
        "example.com/tool@v1.2.3",
    ]
    assert graph["example.com/other@v0.1.0"] == ["github.com/spf13/pflag@v1.0.10", "std@1.26.8"]


def test_a_program_outside_any_module() -> None:
    data = document(GoBuildInfo("go1.26.8", "command-line-arguments"))
    assert [part["name"] for part in data["components"]] == ["command-line-arguments", "std"]


def test_a_broken_hash_is_left_out() -> None:
    info = GoBuildInfo(
        "go1.26.8", "x", GoModule("x"), (GoModule("y.example/y", "v1.0.0", "h1:@@"),)
    )
    part = next(c for c in document(info)["components"] if c["name"] == "y.example/y")
    assert "hashes" not in part
