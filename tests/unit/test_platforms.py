"""Targets, their tags, and the parsing of a selection."""

from __future__ import annotations

import re

import pytest
from packaging.tags import Tag, parse_tag

from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.platforms import (
    ALL_TARGETS,
    DEFAULT_TARGETS,
    TARGETS,
    go_minor,
    macos_floor,
    minimum_system,
    native_target,
    parse_selection,
    platform_tags,
)

BY_NAME = {target.name: target for target in TARGETS}

#: The platform tags PyPI takes, as its documentation and refusals state them.
PYPI_TAGS = re.compile(
    r"android_21_arm64_v8a|win32|win_amd64|win_arm64|linux_armv6l|linux_armv7l"
    r"|macosx_(10_\d+|1[1-5]_0|2[6-9]_0)_(x86_64|arm64|universal2)"
    r"|manylinux2014_(x86_64|i686|aarch64|armv7l|ppc64|ppc64le|s390x)"
    r"|(many|musl)linux_\d+_\d+_(x86_64|i686|aarch64|armv7l|ppc64le|s390x|riscv64)"
)


def test_the_default_set_has_six_targets() -> None:
    assert [target.name for target in DEFAULT_TARGETS] == [
        "linux-amd64",
        "linux-arm64",
        "darwin-amd64",
        "darwin-arm64",
        "windows-amd64",
        "windows-arm64",
    ]


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        (
            "linux-amd64",
            "manylinux2014_x86_64.manylinux_2_17_x86_64.musllinux_1_1_x86_64.musllinux_1_2_x86_64",
        ),
        (
            "linux-arm64",
            "manylinux2014_aarch64.manylinux_2_17_aarch64"
            ".musllinux_1_1_aarch64.musllinux_1_2_aarch64",
        ),
        (
            "linux-386",
            "manylinux2014_i686.manylinux_2_17_i686.musllinux_1_1_i686.musllinux_1_2_i686",
        ),
        (
            "linux-armv7",
            "manylinux2014_armv7l.manylinux_2_17_armv7l.musllinux_1_1_armv7l.musllinux_1_2_armv7l",
        ),
        ("linux-armv6", "linux_armv6l"),
        ("linux-riscv64", "manylinux_2_31_riscv64.musllinux_1_2_riscv64"),
        ("linux-amd64-musl", "musllinux_1_2_x86_64"),
        ("linux-arm64-musl", "musllinux_1_2_aarch64"),
        ("darwin-amd64", "macosx_12_0_x86_64"),
        ("darwin-arm64", "macosx_12_0_arm64"),
        ("windows-amd64", "win_amd64"),
        ("windows-arm64", "win_arm64"),
        ("windows-386", "win32"),
    ],
)
def test_tags_of_each_target(name: str, tags: str) -> None:
    assert ".".join(platform_tags(BY_NAME[name], "go1.26.8")) == tags


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_tags_are_sorted_and_accepted_by_pypi(target) -> None:
    tags = platform_tags(target, "go1.26.8")
    assert list(tags) == sorted(tags)
    for tag in tags:
        assert PYPI_TAGS.fullmatch(tag)
    assert parse_tag(f"py3-none-{'.'.join(tags)}") == {Tag("py3", "none", tag) for tag in tags}


@pytest.mark.parametrize(
    ("go", "minos", "arm", "intel"),
    [
        ("go1.21.13", (10, 13), "11_0", "10_15"),  # the binary understates
        ("go1.22.10", (10, 13), "11_0", "10_15"),
        ("go1.23.9", (11, 0), "11_0", "11_0"),
        ("go1.24.11", None, "11_0", "11_0"),
        ("go1.25.5", (12, 0), "12_0", "12_0"),
        ("go1.26.8", (12, 0), "12_0", "12_0"),
        ("go1.27rc1", (13, 0), "13_0", "13_0"),
        ("go1.40", (15, 0), "15_0", "15_0"),  # newer than the table: the binary decides
        ("go1.26.8", (14, 2), "15_0", "15_0"),  # pip knows no minor versions from 11 on
        ("go1.26.8", (15, 4), "26_0", "26_0"),  # after 15 came 26
        ("go1.26.8", (26, 1), "27_0", "27_0"),
        ("go1.21.13", (10, 16), "11_0", "10_16"),
    ],
)
def test_the_macos_tag_is_the_newest_floor(go, minos, arm, intel) -> None:
    assert platform_tags(BY_NAME["darwin-arm64"], go, minos) == (f"macosx_{arm}_arm64",)
    assert platform_tags(BY_NAME["darwin-amd64"], go, minos) == (f"macosx_{intel}_x86_64",)
    assert PYPI_TAGS.fullmatch(f"macosx_{arm}_arm64")


def test_go_version_with_thousands_of_digits() -> None:
    assert go_minor(f"go1.{'9' * 5000}") == 9999


def test_macos_minimum_of_an_old_go() -> None:
    assert macos_floor(BY_NAME["darwin-amd64"], "go1.16", None) == (10, 13)


@pytest.mark.parametrize("text", ["", "go2.0", "devel", "go1", "go1.x"])
def test_invalid_go_versions_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a Go version"):
        go_minor(text)


@pytest.mark.parametrize(
    ("name", "go", "words"),
    [
        ("darwin-amd64", "go1.21.0", "macOS 10.15"),
        ("darwin-arm64", "go1.21.0", "macOS 11"),
        ("darwin-arm64", "go1.27.0", "macOS 13"),
        ("windows-amd64", "go1.26.0", "Windows 10"),
        ("linux-amd64", "go1.24.0", "Linux 3.2"),
    ],
)
def test_minimum_system(name: str, go: str, words: str) -> None:
    assert minimum_system(BY_NAME[name], go) == words


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("linux", "x86_64", "linux-amd64"),
        ("linux", "aarch64", "linux-arm64"),
        ("linux", "armv7l", "linux-armv7"),
        ("linux", "armv6l", "linux-armv6"),
        ("linux", "i686", "linux-386"),
        ("darwin", "arm64", "darwin-arm64"),
        ("win32", "AMD64", "windows-amd64"),
        ("win32", "ARM64", "windows-arm64"),
        ("win32", "x86", "windows-386"),
    ],
)
def test_native_target(system: str, machine: str, name: str) -> None:
    assert native_target(system, machine) is BY_NAME[name]


@pytest.mark.parametrize(
    ("interpreter", "name"),
    [
        (("linux", "x86_64", "linux-x86_64", True), "linux-386"),
        (("linux", "aarch64", "linux-aarch64", True), "linux-armv7"),
        (("linux", "x86_64", "linux-x86_64", False), "linux-amd64"),
        (("win32", "AMD64", "win32", True), "windows-386"),
        (("win32", "ARM64", "win-amd64", False), "windows-amd64"),
        (("win32", "ARM64", "win-arm64", False), "windows-arm64"),
        (("darwin", "x86_64", "macosx-11.0-universal2", False), "darwin-amd64"),
        (("android", "aarch64", "android-24-arm64_v8a", False), "android-arm64"),
    ],
)
def test_native_target_follows_the_interpreter(interpreter, name: str) -> None:
    assert native_target(*interpreter) is BY_NAME[name]


@pytest.mark.parametrize(
    ("interpreter", "name", "arch", "tag"),
    [
        (("freebsd14", "amd64", "freebsd-14.1-RELEASE-amd64"), "freebsd-amd64", "x86_64",
         "freebsd_14_1_release_amd64"),
        (("openbsd7", "arm64", "openbsd-7.5-arm64"), "openbsd-arm64", "aarch64",
         "openbsd_7_5_arm64"),
        (("linux", "loongarch64", "linux-loongarch64"), "linux-loong64", "loongarch64",
         "linux_loongarch64"),
    ],
)  # fmt: skip
def test_local_targets(interpreter, name: str, arch: str, tag: str) -> None:
    target = native_target(*interpreter)
    assert target
    assert (target.name, target.arch) == (name, arch)
    assert platform_tags(target, "go1.26.8") == (tag,)


def test_systems_that_go_does_not_know() -> None:
    assert native_target("haiku1", "x86_64", "haiku-1-x86_64") is None
    assert native_target("freebsd14", "mips", "freebsd-14.1-RELEASE-mips") is None


@pytest.mark.parametrize("machine", ["", "loongarch64", "mips"])
def test_machines_without_a_target(machine: str) -> None:
    assert native_target("linux", machine) is None


def test_selection_keeps_the_order_asked_for() -> None:
    chosen = parse_selection([" windows-arm64", "linux-amd64-musl "])
    assert parse_selection("windows-arm64, linux-amd64-musl") == chosen
    assert [target.name for target in chosen] == ["windows-arm64", "linux-amd64-musl"]


def test_selection_of_sets() -> None:
    assert parse_selection(["all"]) == ALL_TARGETS
    assert parse_selection(["default"]) == DEFAULT_TARGETS
    native = BY_NAME["darwin-arm64"]
    assert parse_selection(["native"], native) == (native,)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["linux-amd46"], "unknown platform 'linux-amd46', did you mean 'linux-amd64'?"),
        (["linux/amd64"], "unknown platform 'linux/amd64', did you mean 'linux-amd64'?"),
        (["qqqq"], "unknown platform 'qqqq'"),
        ([""], "unknown platform ''"),
        (["native"], "platform 'native': this machine matches no known platform"),
        ([], "no platform was named"),
        *(
            ([name], f"platform '{name}': PyPI accepts no wheels for it")
            for name in (
                "linux-loong64",
                "linux-mips",
                "linux-mips64le",
                "linux-ppc64",
                "freebsd-amd64",
                "openbsd-arm64",
                "js-wasm",
                "wasip1-wasm",
                "aix-ppc64",
                "plan9-386",
                "solaris-amd64",
            )
        ),
    ],
)
def test_invalid_selections_are_refused(names: list[str], problem: str) -> None:
    with pytest.raises(InvalidOptionsError) as caught:
        parse_selection(names)
    assert caught.value.problems == (problem,)
    assert caught.value.hint.startswith("choose from: linux-amd64, linux-arm64, darwin-amd64")


@pytest.mark.parametrize("names", [["linux-amd64", "linux-amd64"], ["default", "linux-amd64"]])
def test_repeated_target_is_refused(names: list[str]) -> None:
    with pytest.raises(InvalidOptionsError) as caught:
        parse_selection(names)
    assert caught.value.problems == ("platform 'linux-amd64' is named more than once",)
    assert caught.value.hint.startswith("name each once: --platforms linux-amd64")


def test_every_selection_fault_is_reported() -> None:
    with pytest.raises(InvalidOptionsError) as caught:
        parse_selection(["nope", "freebsd-amd64", "linux-386"])
    assert str(caught.value).splitlines()[0] == "2 values can't be used:"
    assert len(caught.value.problems) == 2


def test_targets_that_share_a_binary() -> None:
    assert BY_NAME["linux-amd64"].compile_key == BY_NAME["linux-amd64-musl"].compile_key
    assert len({target.compile_key for target in ALL_TARGETS}) == len(ALL_TARGETS)
