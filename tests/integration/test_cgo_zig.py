"""C compiled by zig: programs that run, the same bytes everywhere, and what is refused.

zig compiles a C library when it is first used: a minute of CPU time for each target.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from pathlib import Path

import pytest
from programs import program
from support import go_to_wheel, native, run

from go_to_wheel.binary.read import read_facts
from go_to_wheel.platforms import TARGETS, macos_floor

pytest.importorskip("ziglang")

MAIN = """package main

/*
#include <pthread.h>
#include <stdio.h>

static int descend(int left) {
	volatile char room[1024];
	room[0] = left;
	return left == 0 ? room[0] : 1 + descend(left - 1);
}
static void *in_thread(void *kilobytes) { return (void *)(long)descend((int)(long)kilobytes); }
static long descend_in_thread(long kilobytes) {
	pthread_t thread;
	void *depth = 0;
	pthread_create(&thread, 0, in_thread, (void *)kilobytes);
	pthread_join(thread, &depth);
	return (long)depth;
}
static const char *source(void) { return __FILE__; }
*/
import "C"

import "fmt"

func main() {
	fmt.Println("depth", C.descend_in_thread(7000), C.GoString(C.source()) != "")
}
"""
NO_C = "package main\n\nfunc main() { println(1) }\n"


def write(folder: Path, main: str = MAIN, more: str = "") -> Path:
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text(f"module example.com/withc\n\ngo 1.21\n{more}")
    (folder / "main.go").write_text(main)
    return folder


def build(source: Path, *options: object, **env: str) -> dict[str, object]:
    args = (source, "--cgo", "--version", "1", "--license", "MIT", "--json")
    output = ("--output-dir", source / "dist")
    result = go_to_wheel(*args, *output, *options, env=env)
    report: dict[str, object] = json.loads(result.stdout)
    return report


def wheel_in(source: Path) -> Path:
    (path,) = (source / "dist").glob("*.whl")
    return path


def unpack(wheel: Path, folder: Path) -> Path:
    """The program in a wheel, ready to run."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if ".data/scripts/" in name)
        path = Path(archive.extract(name, folder))
    path.chmod(0o755)
    return path


def test_program_with_c_runs_everywhere_on_linux(tmp_path: Path) -> None:
    source = write(tmp_path / "a")
    build(source, "--platforms", "linux-amd64")
    wheel = wheel_in(source)
    for tag in ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "musllinux_1_1_x86_64"):
        assert tag in wheel.name
    assert run(unpack(wheel, tmp_path)).stdout == "depth 7000 true\n"
    shown = go_to_wheel("inspect", wheel).stdout
    assert "a statically linked Linux x86_64 executable" in shown
    assert "zig 0.17" in shown
    assert "compiler-rt, musl" in shown
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (sbom,) = (json.loads(archive.read(name)) for name in names if "/sboms/" in name)
    info = "withc-1.dist-info/licenses"
    assert {f"{info}/musl/COPYRIGHT", f"{info}/compiler-rt/LICENSE"} <= set(names)
    parts = {part["name"]: part for part in sbom["components"]}
    assert parts["musl"]["licenses"] == [{"license": {"id": "MIT"}}]


def test_same_bytes_with_other_folder_and_caches(tmp_path: Path) -> None:
    hashes = []
    other = {"GOCACHE": str(tmp_path / "cache"), "CPATH": "/other", "CFLAGS": "-O0"}
    for place, env in (("one", {}), ("another/folder", other)):
        source = write(tmp_path / place)
        build(source, "--platforms", "linux-amd64", **env)
        hashes.append(hashlib.sha256(wheel_in(source).read_bytes()).hexdigest())
    assert hashes[0] == hashes[1]


def test_same_bytes_for_another_user_and_cache(tmp_path: Path) -> None:
    """glibc: zig compiles little of it, so that an empty cache is filled in seconds."""
    home = tmp_path / "home of another"
    caches = {"ZIG_GLOBAL_CACHE_DIR": home / "zig", "GOCACHE": home / "go", "HOME": home}
    other = {name: str(path) for name, path in caches.items()} | {"USER": "other"}
    hashes = set()
    for place, env in (("one", {}), ("two", other)):
        source = write(tmp_path / place)
        build(source, "--platforms", "linux-amd64", "--libc", "glibc", **env)
        hashes.add(hashlib.sha256(wheel_in(source).read_bytes()).hexdigest())
    assert len(hashes) == 1
    assert any((home / "zig").iterdir())


def test_verify_rebuilds_it(tmp_path: Path) -> None:
    source = write(tmp_path / "a")
    build(source, "--platforms", "linux-amd64")
    result = go_to_wheel("verify", wheel_in(source), "--source", source)
    assert result.stdout.startswith("identical: withc-1-py3-none-manylinux2014")


def test_glibc_gets_the_tag_that_it_needs(tmp_path: Path) -> None:
    source = write(tmp_path / "a")
    build(source, "--platforms", "linux-amd64", "--libc", "glibc")
    wheel = wheel_in(source)
    assert wheel.name == "withc-1-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"
    assert run(unpack(wheel, tmp_path)).stdout == "depth 7000 true\n"
    assert go_to_wheel("verify", wheel, "--source", source).stdout.startswith("identical: ")


def test_a_compiler_of_the_users_own(tmp_path: Path) -> None:
    musl = program("musl-gcc")
    source = write(tmp_path / "a")
    build(source, "--platforms", "linux-amd64", CC_linux_amd64=musl)
    wheel = wheel_in(source)
    assert "musllinux_1_2_x86_64" in wheel.name
    assert run(unpack(wheel, tmp_path)).stdout == "depth 7000 true\n"
    assert "musl-gcc, with c-library" in go_to_wheel("inspect", wheel).stdout
    plain = go_to_wheel("verify", wheel, "--source", source, check=False)
    assert "compiled by 'musl-gcc', the compiler here is 'zig" in plain.stderr
    named = go_to_wheel("verify", wheel, "--source", source, "--", "--cc", musl)
    assert named.stdout.startswith("identical: ")


def test_macos_without_its_sdk(tmp_path: Path) -> None:
    """The stubs are enough for net and TLS, and the signature fits the bytes."""
    main = MAIN.replace('import "fmt"', 'import (\n\t"fmt"\n\t"net/http"\n)')
    main = main.replace("func main() {\n", 'func main() {\n\thttp.Get("https://127.0.0.1:1")\n')
    source = write(tmp_path / "a", main)
    build(source, "--platforms", "darwin-arm64")
    data = unpack(wheel_in(source), tmp_path).read_bytes()
    facts = read_facts(io.BytesIO(data))
    names = [library.rpartition("/")[2] for library in facts.libraries]
    assert sorted(names) == ["CoreFoundation", "Security", "libSystem.B.dylib", "libresolv.9.dylib"]
    assert facts.go is not None
    arm = next(target for target in TARGETS if target.name == "darwin-arm64")
    least = macos_floor(arm, facts.go.version, None)
    assert facts.minimum_macos == least
    assert wheel_in(source).name.endswith(f"macosx_{least[0]}_0_arm64.whl")
    assert_signed(data)


def assert_signed(data: bytes) -> None:
    """Every page's hash in the ad-hoc signature is right, without which macOS stops a program."""
    (count,), place, signature = struct.unpack_from("<I", data, 16), 32, 0
    for _ in range(count):
        command, size = struct.unpack_from("<II", data, place)
        if command == 0x1D:  # LC_CODE_SIGNATURE
            (signature,) = struct.unpack_from("<I", data, place + 8)
        place += size
    assert signature
    kind, offset = struct.unpack_from(">II", data, signature + 12)
    assert kind == 0  # the code directory
    start = signature + offset
    hashes, slots, end = (struct.unpack_from(">I", data, start + at)[0] for at in (16, 28, 32))
    page = 1 << data[start + 39]
    for slot in range(slots):
        bytes_of_page = data[slot * page : min((slot + 1) * page, end)]
        stated = data[start + hashes + 32 * slot : start + hashes + 32 * (slot + 1)]
        assert hashlib.sha256(bytes_of_page).digest() == stated


def test_another_processor(tmp_path: Path) -> None:
    qemu = program("qemu-aarch64")
    source = write(tmp_path / "a")
    build(source, "--platforms", "linux-arm64")
    assert run(qemu, unpack(wheel_in(source), tmp_path)).stdout == "depth 7000 true\n"


def test_sqlite(tmp_path: Path) -> None:
    """Opens a database, resolves a name from /etc/hosts, reads a user's name."""
    main = (
        'package main\n\nimport (\n\t"database/sql"\n\t"fmt"\n\t"net"\n\t"os/user"\n\n'
        '\t_ "github.com/mattn/go-sqlite3"\n)\n\nfunc main() {\n\tdb, _ := sql.Open("sqlite3", '
        '":memory:")\n\tvar version string\n'
        '\terr := db.QueryRow("select sqlite_version()").Scan(&version)\n'
        '\taddresses, _ := net.LookupHost("localhost")\n\twho, _ := user.LookupId("0")\n'
        "\tfmt.Println(version, err, len(addresses) > 0, who.Username)\n}\n"
    )
    source = write(tmp_path / "a", main)
    run("go", "get", "github.com/mattn/go-sqlite3@v1.14.32", cwd=source)
    run("go", "mod", "tidy", cwd=source)
    build(source, "--platforms", "linux-amd64")
    words = run(unpack(wheel_in(source), tmp_path)).stdout.split()
    assert words[0].startswith("3.")
    assert words[1:] == ["<nil>", "true", "root"]


def test_program_without_c_is_built_as_usual(tmp_path: Path) -> None:
    source = write(tmp_path / "a", NO_C)
    report = build(source, "--platforms", native())
    assert "--cgo: the program has no C, so it is built without cgo" in str(report["notes"])
    assert "CGO_ENABLED=0" in go_to_wheel("inspect", wheel_in(source)).stdout


def test_pyproject_asks_for_it(tmp_path: Path) -> None:
    source = write(tmp_path / "a")
    (source / "pyproject.toml").write_text("[tool.go-to-wheel]\ncgo = true\n")
    result = go_to_wheel(source, "--version", "1", "--dry-run", "--platforms", "linux-amd64")
    assert "musl/COPYRIGHT" in result.stdout


@pytest.mark.parametrize(
    ("platform", "line", "words"),
    [
        ("android-arm64", "", "platform 'android-arm64' can't be built with cgo"),
        ("linux-amd64", "#cgo pkg-config: vips", "needs the C library 'vips'"),
        ("darwin-arm64", "#cgo LDFLAGS: -framework Cocoa", "Apple's framework Cocoa"),
    ],
)
def test_what_cannot_work_is_refused_before_work(
    tmp_path: Path, platform: str, line: str, words: str
) -> None:
    source = write(tmp_path / "a", MAIN.replace("/*\n", f"/*\n{line}\n", 1))
    args = (source, "--cgo", "--version", "1", "--platforms", platform)
    result = go_to_wheel(*args, "--output-dir", tmp_path / "dist", "--verbose", check=False)
    assert result.returncode == 1
    assert words in result.stderr
    assert "hint: " in result.stderr
    assert " build -trimpath" not in result.stderr
    assert not (tmp_path / "dist").exists()


def test_a_missing_header_names_it(tmp_path: Path) -> None:
    source = write(tmp_path / "a", MAIN.replace("<stdio.h>", "<no_such_library.h>"))
    args = (source, "--cgo", "--version", "1", "--platforms", "linux-amd64")
    result = go_to_wheel(*args, "--output-dir", tmp_path / "dist", check=False)
    assert result.returncode == 1
    assert "'no_such_library.h' file not found" in result.stderr
    assert "hint: no package contains the C header no_such_library.h" in result.stderr


def test_targets_without_c_are_built_without_cgo(tmp_path: Path) -> None:
    source = write(tmp_path / "a", "package main\n\nfunc main() { println(f()) }\n")
    with_c = (
        '// static int g(void) { return 7; }\nimport "C"\n\nfunc f() int { return int(C.g()) }\n'
    )
    (source / "c.go").write_text(f"//go:build withc\n\npackage main\n\n{with_c}")
    (source / "n.go").write_text("//go:build !withc\n\npackage main\n\nfunc f() int { return 1 }\n")
    table = "[tool.go-to-wheel.target.linux-amd64]\ntags = ['withc']\n"
    (source / "pyproject.toml").write_text(table)
    build(source, "--platforms", "linux-amd64,darwin-arm64")
    linux, mac = sorted((source / "dist").glob("*.whl"), key=lambda path: "macosx" in path.name)
    assert run(unpack(linux, tmp_path)).stderr == "7\n"
    assert "CGO_ENABLED=0" in go_to_wheel("inspect", mac).stdout
