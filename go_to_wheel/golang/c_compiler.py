"""The C compiler of a build with cgo: zig, from PyPI's ziglang package.

zig includes clang, a linker and the C libraries of every system. Linux programs are linked
statically against musl, so that one wheel runs on every distribution. Apple's SDK may not be
redistributed, so the few macOS libraries that Go's own packages use are given to the linker as
text-based stubs (LLVM's TextAPI, version 4).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from go_to_wheel.errors import InvalidOptionsError, ToolchainError
from go_to_wheel.licenses import Notice
from go_to_wheel.platforms import TARGETS, Target, macos_floor

#: The requirement, as pyproject.toml has it for the extra.
ZIGLANG_REQUIREMENT = "ziglang>=0.17.1,<0.18"
INSTALL_HINT = (
    'install it: pip install "go-to-wheel[cgo]"\nor for one run: uvx --with ziglang go-to-wheel …'
)
#: Go's processors and systems as zig spells them, where it spells them otherwise.
_PROCESSORS = {"amd64": "x86_64", "arm64": "aarch64", "386": "x86", "ppc64le": "powerpc64le"}
_SYSTEMS = {"linux": "linux-musl", "darwin": "macos", "windows": "windows-gnu"}
#: Processors for which zig has no old glibc, or wheels no tag.
_WITHOUT_GLIBC = ("armv6l", "ppc64le", "riscv64")
#: Libraries that zig links: name -> licence, and the path of its text in the package.
_LIBRARY_LICENSES = {
    "compiler-rt": ("MIT", "LICENSE"),
    "musl": ("MIT", "lib/libc/musl/COPYRIGHT"),
    "glibc": ("LGPL-2.1-or-later", "lib/libc/glibc/LICENSES"),  # of its start-up code
    "mingw-w64": ("ZPL-2.1", "lib/libc/mingw/COPYING"),
    "libc++": ("Apache-2.0 WITH LLVM-exception", "lib/libcxx/LICENSE.TXT"),
    "libc++abi": ("Apache-2.0 WITH LLVM-exception", "lib/libcxxabi/LICENSE.TXT"),
    "libunwind": ("Apache-2.0 WITH LLVM-exception", "lib/libunwind/LICENSE.TXT"),
}
#: Variables that make clang or zig look elsewhere for headers, libraries and tools.
C_VARIABLES = re.compile(
    r"CPATH|(C|CPLUS|OBJC)_INCLUDE_PATH|(LD_)?LIBRARY_PATH|SDKROOT|MACOSX_DEPLOYMENT_TARGET"
    r"|PKG_CONFIG.*|NIX_.*|ZIG_(?!GLOBAL_CACHE_DIR$|LOCAL_CACHE_DIR$).*|CCC_OVERRIDE_OPTIONS"
    r"|(CPP|C|CXX|LD)FLAGS|AR|LD",
    re.DOTALL,
)
#: Where frameworks are in Apple's SDK.
FRAMEWORKS = "System/Library/Frameworks"
#: Go's packages that use macOS's libraries, and the directive for it.
_PACKAGES_USING_MACOS = ("crypto/x509/internal/macos", "internal/syscall/unix")
_IMPORT = re.compile(r'^//go:cgo_import_dynamic \S+ (\S+) "(/[^"]+)"', re.MULTILINE)
_STUB = """--- !tapi-tbd
tbd-version: 4
targets: [ x86_64-macos, arm64-macos ]
install-name: '{path}'
exports:
  - targets: [ x86_64-macos, arm64-macos ]
    symbols: [ {symbols} ]
...
"""


@dataclass(frozen=True)
class Compiler:
    """The commands for C and C++: zig, from its package's `zig_folder`, or the user's.

    `glibc` is the oldest version that Linux programs must run with, "" for static ones with
    musl. `sdk` is the folder of Apple's SDK.
    """

    cc: str
    cxx: str = ""
    glibc: str = ""
    sdk: Path | None = None
    zig_folder: Path | None = None
    zig_version: str = ""

    def environment(self, target: Target, go_version: str) -> dict[str, str]:
        """The variables that make Go compile C for a target."""
        sdk = self.sdk if target.goos == "darwin" else None
        compile_flags, link_flags, triple, more = ["-O2"], ["-O2"], "", {}
        if self.zig_folder:
            processor = _PROCESSORS.get(target.goarch, target.goarch)
            triple = f" -target {processor}-{_SYSTEMS[target.goos]}"
            triple += "eabihf" if target.goarch == "arm" else ""
            triple += " -mcpu=arm1176jzf_s" if target.arch == "armv6l" else ""
            if self.glibc:
                triple = f"{triple.replace('-musl', '-gnu')}.{self.glibc}"
            if target.goos == "darwin":
                triple += ".{}.{}".format(*macos_floor(target, go_version, None))
            # UBSan, zig's default, would stop programs that work elsewhere.
            compile_flags += ["-g0", "-fno-sanitize=undefined"]
            compile_flags += [f"-ffile-prefix-map={self.zig_folder}=/zig"]
            more = {"PKG_CONFIG": "pkg-config-of-this-machine-is-not-used"}
        if self.zig_folder and sdk:
            frameworks, usr = sdk / FRAMEWORKS, sdk / "usr"
            compile_flags += [f"-ffile-prefix-map={sdk}=/sdk"]
            compile_flags += ["-iframework", f"{frameworks}", "-idirafter", f"{usr / 'include'}"]
            link_flags += [f"-F{frameworks}", f"-L{usr / 'lib'}"]
        elif sdk:
            compile_flags = link_flags = ["-O2", f"-isysroot{sdk}"]
        flags = " ".join(map(_quote, compile_flags))
        return {
            "CGO_ENABLED": "1",
            "CC": self.cc + triple,
            **({"CXX": self.cxx + triple} if self.cxx else {}),
            "CGO_CFLAGS": flags,
            "CGO_CXXFLAGS": flags,
            "CGO_LDFLAGS": " ".join(map(_quote, link_flags)),
            **more,
        }

    def linker_flags(self, target: Target, ldflags: str, stubs: Path) -> str:
        """The linker's flags with those for C; `stubs` is the folder of macOS's stubs.

        Go's -s doesn't strip C objects, and its build ID would contain the compiler's path.
        """
        extra = "-s" if self.glibc or target.goos == "windows" else "-static -s"
        if target.goos == "darwin":
            extra = f'"-L{stubs}" "-F{stubs}"' if self.zig_folder else ""
        elif extra != "-s" and not self.zig_folder:
            extra += " -Wl,-z,stack-size=8388608"  # musl's threads have less
        external = f" -extldflags '{extra}'" if extra else ""
        # Without symbols, the indirect symbol table of arm64 would have stale entries.
        symbols = " -s=false" if self.zig_folder and target.name == "darwin-arm64" else ""
        return f"-buildid= -linkmode=external{external} {ldflags}{symbols}"

    def notices(self, target: Target, cxx: bool) -> list[Notice]:
        """The licences of the C libraries, with `cxx` the C++ ones too, in a target's programs."""
        if not self.zig_folder:  # a C library of unknown licence
            return [Notice("c-library", Path(self.cc.split()[0]).name, (), "LicenseRef-Unknown")]
        library = {"linux": "glibc" if self.glibc else "musl", "windows": "mingw-w64"}
        names = ["compiler-rt", *filter(None, [library.get(target.goos)])]
        if cxx:  # macOS has one, but zig links its own
            names += ["libc++", "libc++abi", "libunwind"]
        notices = []
        for name in names:
            licence, path = _LIBRARY_LICENSES[name]
            files = ((path.rpartition("/")[2], (self.zig_folder / path).read_bytes()),)
            version = self.glibc if name == "glibc" else f"zig-{self.zig_version}"
            notices.append(Notice(name, version, files, licence))
        return notices


def find_zig(glibc: str, sdk: Path | None) -> Compiler:
    """Find the compiler of the ziglang package. Raises ToolchainError when it is missing."""
    try:
        package = distribution("ziglang")
        folder = Path(str(package.locate_file("ziglang")))
        program = next(path for path in (folder / "zig", folder / "zig.exe") if path.is_file())
    except (PackageNotFoundError, StopIteration):
        problem = "--cgo needs a C compiler, and ziglang is not installed"
        raise ToolchainError(problem, INSTALL_HINT) from None
    zig = _quote(str(program))
    return Compiler(f"{zig} cc", f"{zig} c++", glibc, sdk, folder, package.version)


def _quote(word: str) -> str:
    """Quote a word as Go parses commands: split at blanks, without escapes."""
    return f'"{word}"' if " " in word else word


def require_supported_targets(targets: Iterable[Target], glibc: str) -> None:
    """Raise InvalidOptionsError for targets that C can't be compiled for."""
    usable = [target for target in TARGETS if target.goos in _SYSTEMS and target.goarch != "all"]
    if glibc:
        usable = [t for t in usable if not t.libc and t.arch not in _WITHOUT_GLIBC]
    if others := [target.name for target in targets if target not in usable]:
        how = "with cgo and glibc" if glibc else "with cgo"
        raise InvalidOptionsError(
            [f"platform {name!r} can't be built {how}" for name in others],
            f"build those that can: --platforms {','.join(t.name for t in usable if not t.libc)}",
        )


def read_macos_imports(sources: Path) -> dict[str, set[str]]:
    """The libraries of macOS that Go's own packages use (GOROOT/src): path -> symbols."""
    imports: dict[str, set[str]] = {}
    for folder in _PACKAGES_USING_MACOS:
        for path in sorted((sources / folder).glob("*.go")):
            for symbol, library in _IMPORT.findall(path.read_text(encoding="utf-8")):
                imports.setdefault(library, set()).add(f"_{symbol}")
    return {path: symbols for path, symbols in imports.items() if "libSystem" not in path}


def write_stubs(imports: Mapping[str, set[str]], folder: Path) -> None:
    """Write a stub for each library, where the linker's -L and -F find it."""
    for path, symbols in imports.items():
        name = path.rpartition("/")[2]
        framework = ".framework/" in path
        file = f"{name}.framework/{name}.tbd" if framework else f"{name.split('.')[0]}.tbd"
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        text = _STUB.format(path=path, symbols=", ".join(sorted(symbols)))
        (folder / file).write_text(text, encoding="utf-8")
