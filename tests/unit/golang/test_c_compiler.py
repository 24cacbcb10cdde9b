"""zig for each target: its flags, macOS's stubs, and what it can't do."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo
from go_to_wheel.binary.match import Linkage, check_target, tags_for
from go_to_wheel.errors import InvalidOptionsError, ToolchainError
from go_to_wheel.golang import c_compiler
from go_to_wheel.golang.c_compiler import (
    LEAKS,
    Compiler,
    check_targets,
    find_zig,
    read_macos_imports,
    write_stubs,
)
from go_to_wheel.golang.cgo import missing_parts
from go_to_wheel.golang.packages import Package
from go_to_wheel.platforms import TARGETS, Target, all_targets

IMPORTS = {
    "/usr/lib/libresolv.9.dylib": {"_res_9_nclose", "_res_9_ninit"},
    "/System/Library/Frameworks/Security.framework/Versions/A/Security": {"_SecTrustEvaluate"},
}


def target(name: str) -> Target:
    return next(target for target in TARGETS if target.name == name)


@pytest.fixture
def zig(tmp_path: Path) -> Compiler:
    folder = tmp_path / "site packages" / "ziglang"
    for name in ("LICENSE", "lib/libc/musl/COPYRIGHT", "lib/libc/mingw/COPYING", "zig"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    program = f'"{folder / "zig"}"'
    return Compiler(f"{program} cc", f"{program} c++", folder=folder, version="0.17.1")


def test_every_target_but_android_has_a_compiler() -> None:
    check_targets([target for target in all_targets() if target.goos != "android"])


def test_other_targets_are_refused_with_those_that_work() -> None:
    with pytest.raises(InvalidOptionsError) as caught:
        check_targets([target("linux-amd64"), target("android-arm64")])
    assert caught.value.message == "platform 'android-arm64' can't be built with cgo"
    assert "--platforms linux-amd64,linux-arm64," in caught.value.hint


def test_the_environment_names_target_and_minimum_system(zig: Compiler) -> None:
    env = zig.environment(target("darwin-arm64"), "go1.26.8")
    assert env["CC"] == f'"{zig.folder / "zig"}" cc -target aarch64-macos.12.0'
    assert env["CXX"] == f'"{zig.folder / "zig"}" c++ -target aarch64-macos.12.0'
    assert f'"-ffile-prefix-map={zig.folder}=/zig"' in env["CGO_CFLAGS"]
    assert env["CGO_ENABLED"] == "1"


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("linux-amd64", "-buildid= -linkmode=external -extldflags '-static -s' -s -w"),
        ("windows-amd64", "-buildid= -linkmode=external -extldflags '-s' -s -w"),
        (
            "darwin-amd64",
            '-buildid= -linkmode=external -extldflags \'"-L/a b" "-F/a b"\' -s -w',
        ),
        (
            "darwin-arm64",
            '-buildid= -linkmode=external -extldflags \'"-L/a b" "-F/a b"\' -s -w -s=false',
        ),
    ],
)
def test_linker_flags(zig: Compiler, name: str, flags: str) -> None:
    stubs = Path("/a b")
    assert zig.linker_flags(target(name), "-s -w", stubs) == flags.replace("/a b", str(stubs))


def test_what_is_linked_in_has_licences(zig: Compiler) -> None:
    notices = zig.notices(target("linux-amd64"), cxx=False)
    assert [(notice.module, notice.version, notice.expression) for notice in notices] == [
        ("compiler-rt", "zig-0.17.1", "MIT"),
        ("musl", "zig-0.17.1", "MIT"),
    ]
    assert notices[1].files == (("COPYRIGHT", b"lib/libc/musl/COPYRIGHT"),)


@pytest.mark.parametrize(
    ("name", "leaks"),
    [
        *((name, True) for name in ("CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "CFLAGS")),
        *((name, True) for name in ("PKG_CONFIG_PATH", "SDKROOT", "ZIG_LIB_DIR", "LDFLAGS")),
        *((name, False) for name in ("ZIG_GLOBAL_CACHE_DIR", "PATH", "HOME", "GOCACHE", "LANG")),
    ],
)
def test_variables_that_change_what_is_compiled(name: str, leaks: bool) -> None:
    assert bool(LEAKS.fullmatch(name)) == leaks


def test_without_ziglang_the_command_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(c_compiler, "distribution", missing)
    with pytest.raises(ToolchainError) as caught:
        find_zig()
    assert 'pip install "go-to-wheel[cgo]"' in caught.value.hint


def test_stubs_are_where_the_linker_looks(tmp_path: Path) -> None:
    write_stubs(IMPORTS, tmp_path)
    assert (tmp_path / "libresolv.tbd").read_text() == (
        "--- !tapi-tbd\n"
        "tbd-version: 4\n"
        "targets: [ x86_64-macos, arm64-macos ]\n"
        "install-name: '/usr/lib/libresolv.9.dylib'\n"
        "exports:\n"
        "  - targets: [ x86_64-macos, arm64-macos ]\n"
        "    symbols: [ _res_9_nclose, _res_9_ninit ]\n"
        "...\n"
    )
    assert "SecTrustEvaluate" in (tmp_path / "Security.framework/Security.tbd").read_text()


def test_imports_of_this_go() -> None:
    go = shutil.which("go")
    if go is None:
        pytest.fail("Go is missing")
    root = subprocess.run([go, "env", "GOROOT"], capture_output=True, text=True, check=True)
    found = read_macos_imports(Path(root.stdout.strip()) / "src")
    names = {path.rpartition("/")[2] for path in found}
    assert names == {"CoreFoundation", "Security", "libresolv.9.dylib"}
    assert "_res_9_ninit" in found["/usr/lib/libresolv.9.dylib"]


@pytest.mark.parametrize(
    ("name", "package", "words"),
    [
        ("linux-amd64", {"c_libraries": ("vips",)}, ["needs the C library 'vips'"]),
        ("darwin-arm64", {"c_flags": ("-framework", "Cocoa")}, ["Apple's framework Cocoa"]),
        ("darwin-arm64", {"c_flags": ("-framework", "CoreFoundation")}, []),
        ("linux-amd64", {"c_flags": ("-framework", "Cocoa")}, []),
        ("linux-amd64", {"c_flags": ("-lm",)}, []),
    ],
)
def test_what_zig_does_not_have(
    tmp_path: Path, name: str, package: dict[str, tuple[str, ...]], words: list[str]
) -> None:
    folder = tmp_path / "crypto/x509/internal/macos"
    folder.mkdir(parents=True)
    (folder / "a.go").write_text('//go:cgo_import_dynamic x A "/L/CoreFoundation"\n')
    faults = missing_parts(Package("x/y", "y", "", "x", **package), target(name), tmp_path)  # type: ignore[arg-type]
    assert len(faults) == len(words)
    assert all(word in fault for word, fault in zip(words, faults, strict=True))


@pytest.mark.parametrize(
    ("name", "libraries", "faults"),
    [
        ("windows-amd64", ("KERNEL32.dll", "api-ms-win-crt-heap-l1-1-0.dll"), []),
        ("windows-amd64", ("zlib1.dll",), ["it needs zlib1.dll, which not every Windows has"]),
        ("darwin-arm64", ("/usr/lib/libSystem.B.dylib",), []),
        (
            "darwin-arm64",
            ("/opt/homebrew/lib/libz.dylib",),
            ["it needs /opt/homebrew/lib/libz.dylib, which not every macOS has"],
        ),
    ],
)
def test_libraries_of_the_system_alone(
    name: str, libraries: tuple[str, ...], faults: list[str]
) -> None:
    wanted = target(name)
    form = "pe" if wanted.goos == "windows" else "macho"
    facts = BinaryFacts(form, wanted.goos, wanted.arch, libraries=libraries)
    assert check_target(facts, wanted, c="static") == faults


@pytest.mark.parametrize(
    ("c", "libraries", "faults"),
    [
        ("glibc", ("libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"), 0),
        ("glibc", ("libc.so.6", "libssl.so.3"), 1),
        ("static", ("libc.so.6",), 1),
        ("static", (), 0),
    ],
)
def test_how_linux_programs_are_linked(c: Linkage, libraries: tuple[str, ...], faults: int) -> None:
    facts = BinaryFacts("elf", "linux", "x86_64", libraries=libraries)
    assert len(check_target(facts, target("linux-amd64"), c=c)) == faults


def test_each_image_of_a_universal_file_may_have_c() -> None:
    go = GoBuildInfo("go1.26", settings={"CGO_ENABLED": "1"})
    parts = tuple(BinaryFacts("macho", "darwin", arch, go=go) for arch in ("x86_64", "arm64"))
    facts = BinaryFacts("macho", "darwin", "universal2", slices=parts)
    wanted = target("darwin-universal2")
    assert check_target(facts, wanted, c="static") == []
    assert len(check_target(facts, wanted)) == 2


@pytest.mark.parametrize(
    ("floor", "tags"),
    [
        ((2, 3), ("manylinux2014_x86_64", "manylinux_2_17_x86_64")),
        ((2, 17), ("manylinux2014_x86_64", "manylinux_2_17_x86_64")),
        ((2, 28), ("manylinux_2_28_x86_64",)),
        (None, ("manylinux2014_x86_64", "manylinux_2_17_x86_64")),
    ],
)
def test_the_tag_is_from_the_symbol_versions(
    floor: tuple[int, int] | None, tags: tuple[str, ...]
) -> None:
    facts = BinaryFacts("elf", "linux", "x86_64", libraries=("libc.so.6",), glibc_floor=floor)
    assert tags_for([facts], target("linux-amd64")) == tags


def test_with_glibc(zig: Compiler) -> None:
    with_glibc = replace(zig, glibc="2.28")
    assert with_glibc.environment(target("linux-arm64"), "go1.26")["CC"].endswith(
        "cc -target aarch64-linux-gnu.2.28"
    )
    assert with_glibc.environment(target("linux-armv7"), "go1.26")["CC"].endswith(
        "cc -target arm-linux-gnueabihf.2.28"
    )
    flags = with_glibc.linker_flags(target("linux-amd64"), "-s -w", Path("/x"))
    assert flags == "-buildid= -linkmode=external -extldflags '-s' -s -w"
    with pytest.raises(InvalidOptionsError, match="can't be built with cgo and glibc"):
        check_targets([target("linux-amd64-musl")], "2.28")
    with pytest.raises(InvalidOptionsError, match="linux-armv6"):
        check_targets([target("linux-armv6")], "2.17")
    with pytest.raises(InvalidOptionsError, match="linux-ppc64le"):
        check_targets([target("linux-ppc64le")], "2.17")
