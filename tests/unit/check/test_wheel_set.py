"""Sets of wheels, the report, and the part that opens files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from packaging.utils import parse_wheel_filename
from wheel_factory import META, PLATFORMS, good

from go_to_wheel.check.filename import ACCEPTED, PlatformTag, parse_platform_tag
from go_to_wheel.check.wheel_set import check_wheels
from go_to_wheel.errors import InvalidOptionsError, MissingPathError
from go_to_wheel.platforms import TARGETS, platform_tags


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A folder with a complete set of good wheels."""
    for target in PLATFORMS:
        recipe = good(target)
        (tmp_path / recipe.file).write_bytes(recipe.build())
    return tmp_path


def codes(report) -> list[str]:
    return [finding.code for finding in report.findings]


def test_native_is_this_machine(dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert check_wheels([dist], expect=["native"]).ok(strict=True)
    for wheel in dist.glob("*linux*aarch64*"):
        wheel.unlink()
    (finding,) = check_wheels([dist], expect=["native"]).findings
    assert (finding.code, "linux-arm64" in finding.message) == ("set-missing", True)


def test_a_single_path(dist: Path) -> None:
    assert (
        check_wheels(dist).wheels == check_wheels(str(dist)).wheels == check_wheels([dist]).wheels
    )


def test_a_complete_set(dist: Path) -> None:
    report = check_wheels([dist])
    assert report.findings == ()
    assert report.not_run == ()
    assert report.ok()
    assert report.ok(strict=True)
    assert [wheel.file for wheel in report.wheels] == sorted(
        path.name for path in dist.glob("*.whl")
    )


def test_the_report_as_json(dist: Path) -> None:
    linux = good()
    report = check_wheels([dist / linux.file], expect=["linux-amd64"])
    (wheel,) = report.wheels
    assert json.loads(json.dumps(report.to_json())) == {
        "wheels": [
            {
                "file": linux.file,
                "size": (dist / linux.file).stat().st_size,
                "name": "hello",
                "version": "1.0",
                "tags": [f"py3-none-{tag}" for tag in linux.tags.split("-")[2].split(".")],
                "programs": [
                    "hello-1.0.data/scripts/hello: a statically linked Linux x86_64 executable"
                ],
            }
        ],
        "findings": [],
        "not_run": [],
        "runs": [],
        "errors": 0,
        "warnings": 0,
    }
    assert wheel.size > 1000


def test_a_missing_platform(dist: Path) -> None:
    (dist / good("windows-arm64").file).unlink()
    (dist / good("linux-arm64").file).unlink()
    (finding,) = check_wheels([dist]).findings
    assert finding.code == "set-missing"
    assert finding.wheel == ""
    assert finding.message == "hello: no wheel for linux-arm64, windows-arm64"
    assert check_wheels([dist], expect=["linux-amd64", "darwin-arm64"]).ok(strict=True)
    assert check_wheels([dist], expect=[]).ok(strict=True)
    assert codes(check_wheels([dist], expect=["all"])) == ["set-missing"]


def test_musl_alone_is_asked_for_by_name(dist: Path) -> None:
    assert check_wheels([dist], expect=["linux-amd64-musl"]).ok()
    linux = good()
    (dist / linux.file).unlink()
    assert not check_wheels([dist], expect=["linux-amd64-musl"]).ok()


def test_another_version(dist: Path) -> None:
    recipe = good()
    recipe.stem = "hello-1.1"
    recipe.edit(META, "Version: 1.0\n", "Version: 1.1\n")
    recipe.files = {p.replace("o-1.0.", "o-1.1."): data for p, data in recipe.files.items()}
    recipe.modes = {p.replace("o-1.0.", "o-1.1."): mode for p, mode in recipe.modes.items()}
    record = recipe.good_record().replace(b"hello-1.0.dist-info", b"hello-1.1.dist-info")
    recipe.files["hello-1.1.dist-info/RECORD"] = record
    recipe.record = b""
    (dist / recipe.file).write_bytes(recipe.build())
    (finding,) = check_wheels([dist]).findings
    assert finding.code == "set-version"
    assert finding.message == "hello: wheels of 1.0, 1.1"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("Says hello\n", "Says good-bye\n", "set-description"),
        ("Python: >=3.9", "Python: >=3.10", "set-metadata"),
    ],
)
def test_other_metadata(dist: Path, old: str, new: str, code: str) -> None:
    recipe = good("windows-amd64")
    recipe.edit(META, old, new)
    (dist / recipe.file).write_bytes(recipe.build())
    (finding,) = check_wheels([dist]).findings
    assert (finding.code, finding.wheel) == (code, recipe.file)


@pytest.mark.parametrize(
    ("old", "new", "codes"),
    [
        ("Requires-Dist: Cf.fi >=1.0.0", "Requires-Dist: cf-fi>=1.0.0", []),
        ("Requires-Dist: a <2,>=1 ; python_version<'3.12'",
         'Requires-Dist: a>=1,<2; python_version < "3.12"', []),
        ("Requires-Dist: a\nRequires-Dist: b", "Requires-Dist: b\nRequires-Dist: a", []),
        ("Requires-Python: >=3.9, !=3.9.1", "Requires-Python: !=3.9.1,>=3.9", []),
        ("Provides-Extra: a_b", "Provides-Extra: a-b", []),
        ("Metadata-Version: 2.4", "Metadata-Version: 2.2\nDynamic: summary", []),
        ("Requires-Dist: a>=1", "Requires-Dist: a>=2", ["set-metadata"]),
        ("Requires-Dist: a[x]", "Requires-Dist: a", ["set-metadata"]),
        ("Requires-Dist: a", "Requires-Dist: b", ["set-metadata"]),
        ("Provides-Extra: a", "Provides-Extra: b", ["set-metadata"]),
        ("Requires-Dist: (", "Requires-Dist: a", ["set-metadata"]),
        ("Keywords: a", "Keywords: b", ["set-description"]),
    ],
)  # fmt: skip
def test_only_the_meaning_of_metadata_is_compared(
    dist: Path, old: str, new: str, codes: list[str]
) -> None:
    """tdewolff-minify 2.24.12 has 'cffi >=1.0.0' in some wheels, 'cffi>=1.0.0' in others."""
    for target, line in (("linux-amd64", old), ("windows-amd64", new)):
        recipe = good(target)
        name = line.split(":")[0]
        stated = [row for row in recipe.files[META].decode().split("\n") if row.startswith(name)]
        recipe.edit(
            META, stated[0] if stated else "Name: hello", line if stated else f"Name: hello\n{line}"
        )
        (dist / recipe.file).write_bytes(recipe.build())
    paths = [dist / good(target).file for target in ("linux-amd64", "windows-amd64")]
    found = check_wheels(paths, expect=[], twine=False).findings
    assert [finding.code for finding in found if finding.code.startswith("set")] == codes


def test_other_line_ends_are_the_same_metadata(dist: Path) -> None:
    recipe = good("windows-amd64")
    recipe.edit(META, "\n\n# hello\n", "\n\n# hello\r\n")
    (dist / recipe.file).write_bytes(recipe.build())
    assert check_wheels([dist]).findings == ()


def test_two_wheels_for_one_platform(dist: Path) -> None:
    recipe = good()
    before = recipe.file
    tag = "musllinux_1_2_x86_64"
    recipe.tags = f"py3-none-{tag}"
    recipe.files["hello-1.0.dist-info/WHEEL"] = (
        f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-{tag}\n".encode()
    )
    (dist / recipe.file).write_bytes(recipe.build())
    (finding,) = check_wheels([dist]).findings
    assert finding.code == "set-duplicate"
    assert {before, recipe.file} == {finding.wheel, finding.message.split()[0]}
    assert finding.message.endswith(f"has the tag {tag} too")


def test_build_number_decides_between_two_wheels(dist: Path) -> None:
    """The specification: a tie-breaker where all else is the same."""
    recipe = good()
    recipe.stem = "hello-1.0-1"
    (dist / recipe.file).write_bytes(recipe.build())
    _, _, build, tags = parse_wheel_filename(recipe.file)
    assert (build, tags) == ((1, ""), parse_wheel_filename(good().file)[3])
    assert check_wheels([dist]).findings == ()
    recipe.tags = "py3-none-musllinux_1_2_x86_64"
    recipe.files["hello-1.0.dist-info/WHEEL"] = (
        b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-musllinux_1_2_x86_64\n"
    )
    (dist / recipe.file).write_bytes(recipe.build())
    assert codes(check_wheels([dist])) == ["set-duplicate"]


def test_twine_warns(dist: Path) -> None:
    recipe = good()
    recipe.files[META] = recipe.files[META].split(b"Description-Content-Type")[0]
    (dist / recipe.file).write_bytes(recipe.build())
    report = check_wheels([dist / recipe.file], expect=[])
    (finding,) = report.findings
    assert (finding.code, finding.severity) == ("twine-strict", "warning")
    assert "`long_description` missing" in finding.message
    assert report.ok()
    assert not report.ok(strict=True)


def test_twine_refuses(dist: Path) -> None:
    recipe = good()
    recipe.edit(META, "text/markdown", "text/x-rst")
    recipe.edit(META, "# hello", "hello\n=====\n\n.. nonsense::")
    (dist / recipe.file).write_bytes(recipe.build())
    (finding,) = check_wheels([dist / recipe.file], expect=[]).findings
    assert (finding.code, finding.severity) == ("twine", "error")
    assert 'Unknown directive type "nonsense"' in finding.message


def test_without_twine_its_check_is_not_run(dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "twine", None)
    report = check_wheels([dist])
    assert report.findings == ()
    hint = "pip install 'go-to-wheel[check]'"
    assert report.not_run == (f"twine's check: twine is not installed; {hint}",)


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingPathError) as caught:
        check_wheels([tmp_path / "gone.whl"])
    assert caught.value.message == f"there is no file or folder {str(tmp_path / 'gone.whl')!r}"


def test_an_empty_path_names_no_folder(dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(dist)
    for paths in ("", [""], [".", ""]):
        with pytest.raises(MissingPathError, match="there is no file or folder ''"):
            check_wheels(paths)


def test_nothing_to_check(tmp_path: Path) -> None:
    with pytest.raises(InvalidOptionsError, match="there is no wheel to check"):
        check_wheels([tmp_path])


def test_an_unknown_platform(dist: Path) -> None:
    with pytest.raises(InvalidOptionsError, match="did you mean 'linux-amd64'"):
        check_wheels([dist], expect=["linux-amd"])


def test_the_same_file_twice_is_one_wheel(dist: Path) -> None:
    assert len(check_wheels([dist, dist / good().file, dist]).wheels) == len(PLATFORMS)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("version", ["go1.21.0", "go1.24.3", "go1.26.8"])
def test_our_tags_are_accepted_and_understood(target, version: str) -> None:
    for tag in platform_tags(target, version, None):
        assert ACCEPTED.fullmatch(tag)
        parsed = parse_platform_tag(tag)
        assert parsed is not None
        assert (parsed.goos, parsed.arches) == (
            target.goos,
            tuple(part.arch for part in target.slices),
        )


@pytest.mark.parametrize(
    "tag",
    [
        *("any", "win32", "win_amd64", "win_arm64", "win_ia64", "linux_armv6l", "linux_armv7l"),
        *("manylinux1_i686", "manylinux2010_x86_64", "manylinux2014_s390x"),
        *("manylinux_2_39_riscv64", "manylinux_2_17_ppc64", "musllinux_1_2_riscv64"),
        *("macosx_10_9_x86_64", "macosx_10_13_universal2", "macosx_26_0_arm64"),
        *("ios_13_0_arm64_iphoneos", "android_21_arm64_v8a", "pyemscripten_2025_0_wasm32"),
    ],
)
def test_accepted_platform_tags(tag: str) -> None:
    assert ACCEPTED.fullmatch(tag)


@pytest.mark.parametrize(
    "tag",
    [
        "linux_x86_64",  # never: it says nothing of the C library
        "linux_riscv64",
        "manylinux_2_36_loongarch64",  # no such list entry
        "manylinux2014_riscv64",  # 2014 knew no RISC-V
        "musllinux_1_2_ppc64",  # big-endian is for glibc alone
        "macosx_11_1_arm64",  # from 11 on the minor version is 0
        "macosx_16_0_arm64",  # after 15 came 26
        "macosx_9_0_ppc",
        "win_arm32",
        "freebsd_14_amd64",
        "",
        "manylinux_2_17_x86_64\n",
    ],
)
def test_refused_platform_tags(tag: str) -> None:
    assert not ACCEPTED.fullmatch(tag)


@pytest.mark.parametrize(
    ("tag", "parsed"),
    [
        ("any", None),
        (
            "ios_13_0_arm64_iphoneos",
            PlatformTag("ios_13_0_arm64_iphoneos", "ios", ("arm64",), "", (13, 0)),
        ),
        ("pyemscripten_4_0_wasm32", None),
        ("win32", PlatformTag("win32", "windows", ("32",))),
        ("linux_armv6l", PlatformTag("linux_armv6l", "linux", ("armv6l",))),
        (
            "manylinux2014_x86_64",
            PlatformTag("manylinux2014_x86_64", "linux", ("x86_64",), "glibc", (2, 17)),
        ),
        (
            "macosx_11_0_universal2",
            PlatformTag("macosx_11_0_universal2", "darwin", ("x86_64", "arm64"), "", (11, 0)),
        ),
    ],
)
def test_parsed_platform_tags(tag: str, parsed: PlatformTag | None) -> None:
    assert parse_platform_tag(tag) == parsed
