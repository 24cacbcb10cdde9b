"""zig for each target: its flags, macOS's stubs, and what it can't do."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from go_to_wheel.binary.facts import BinaryFacts
from go_to_wheel.binary.match import check_target, platform_tags_for
from go_to_wheel.config.merge import MergedRequest
from go_to_wheel.errors import InvalidOptionsError, ToolchainError
from go_to_wheel.golang import c_compiler, cgo
from go_to_wheel.golang.c_compiler import (
    C_VARIABLES,
    Compiler,
    find_zig,
    read_macos_imports,
    require_supported_targets,
    write_stubs,
)
from go_to_wheel.golang.cgo import find_missing_libraries
from go_to_wheel.golang.command import Go
from go_to_wheel.golang.packages import Package
from go_to_wheel.platforms import ALL_TARGETS, TARGETS, Target
from go_to_wheel.process import Runner
from go_to_wheel.sources.module import ModuleSource

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
    return Compiler(f"{program} cc", f"{program} c++", zig_folder=folder, zig_version="0.17.1")


def test_zig_compiles_every_target_but_android() -> None:
    require_supported_targets([target for target in ALL_TARGETS if target.goos != "android"], "")


def test_refusal_lists_supported_targets() -> None:
    with pytest.raises(InvalidOptionsError) as caught:
        require_supported_targets([target("linux-amd64"), target("android-arm64")], "")
    assert caught.value.message == "platform 'android-arm64' can't be built with cgo"
    assert "--platforms linux-amd64,linux-arm64," in caught.value.hint


def test_the_environment_names_target_and_minimum_system(zig: Compiler) -> None:
    env = zig.environment(target("darwin-arm64"), "go1.26.8")
    assert env["CC"] == f'"{zig.zig_folder / "zig"}" cc -target aarch64-macos.12.0'
    assert env["CXX"] == f'"{zig.zig_folder / "zig"}" c++ -target aarch64-macos.12.0'
    assert f'"-ffile-prefix-map={zig.zig_folder}=/zig"' in env["CGO_CFLAGS"]
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
def test_linker_flags_of_each_target(zig: Compiler, name: str, flags: str) -> None:
    stubs = Path("/a b")
    assert zig.linker_flags(target(name), "-s -w", stubs) == flags.replace("/a b", str(stubs))


def test_linked_libraries_have_licences(zig: Compiler) -> None:
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
    assert bool(C_VARIABLES.fullmatch(name)) == leaks


def test_missing_ziglang_shows_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(c_compiler, "distribution", missing)
    with pytest.raises(ToolchainError) as caught:
        find_zig("", None)
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


def test_macos_imports_of_this_go() -> None:
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
def test_missing_libraries_are_named(
    tmp_path: Path, name: str, package: dict[str, tuple[str, ...]], words: list[str]
) -> None:
    folder = tmp_path / "crypto/x509/internal/macos"
    folder.mkdir(parents=True)
    (folder / "a.go").write_text('//go:cgo_import_dynamic x A "/L/CoreFoundation"\n')
    problems = find_missing_libraries(
        Package("x/y", "y", "", "x", **package), target(name), tmp_path, None
    )  # type: ignore[arg-type]
    assert len(problems) == len(words)
    assert all(word in problem for word, problem in zip(words, problems, strict=True))


@pytest.mark.parametrize(
    ("glibc", "libraries", "problems"),
    [(True, ("libc.so.6", "libm.so.6"), 0), (False, ("libc.so.6",), 1), (False, (), 0)],
)
def test_libraries_allowed_with_and_without_glibc(
    glibc: bool, libraries: tuple[str, ...], problems: int
) -> None:
    facts = BinaryFacts("elf", "linux", "x86_64", libraries=libraries)
    assert len(check_target(facts, target("linux-amd64"), glibc)) == problems


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
    facts = BinaryFacts("elf", "linux", "x86_64", libraries=("libc.so.6",), minimum_glibc=floor)
    assert platform_tags_for([facts], target("linux-amd64")) == tags


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
        require_supported_targets([target("linux-amd64-musl")], "2.28")
    with pytest.raises(InvalidOptionsError, match="linux-armv6"):
        require_supported_targets([target("linux-armv6")], "2.17")
    with pytest.raises(InvalidOptionsError, match="linux-ppc64le"):
        require_supported_targets([target("linux-ppc64le")], "2.17")


@pytest.mark.parametrize("names", [["linux-amd64-musl"], ["linux-amd64", "linux-amd64-musl"]])
@pytest.mark.parametrize("own", [True, False])
def test_no_glibc_in_a_musl_wheel(
    names: list[str], own: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Package("x/y", "main", "", "x", uses_c=True)
    monkeypatch.setattr(cgo, "list_linked", lambda *_: [package])
    monkeypatch.setattr(cgo, "find_missing_libraries", lambda *_: [])
    go = Go("go", "go1.26.8", {}, Runner())
    request = MergedRequest(source=".", cgo=True, cc="gcc" if own else None, libc="glibc")
    source = ModuleSource(tmp_path, ("x/y",), "x")
    with pytest.raises(InvalidOptionsError) as caught:
        cgo.configure_cgo(go, source, request, [target(name) for name in names], {})
    assert caught.value.message == "platform 'linux-amd64-musl' can't be built with cgo and glibc"
    static = replace(request, cc="gcc", libc=None)
    configured, _ = cgo.configure_cgo(go, source, static, [target(name) for name in names], {})
    assert configured.c_compiler(target("linux-amd64-musl")) == Compiler("gcc")
