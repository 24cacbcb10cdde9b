"""The C compiler of a build with cgo: zig, from PyPI's ziglang package.

It is clang, a linker and the C libraries of every system. Linux programs are linked
statically against musl, so that one wheel fits every distribution. For macOS, whose SDK only
Apple may give away, the few libraries that Go's own packages use are named to the linker in
text-based stubs (format: LLVM's TextAPI, version 4).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from go_to_wheel.config.request import MergedRequest
from go_to_wheel.errors import InvalidOptionsError, ToolchainError
from go_to_wheel.licenses import Notice
from go_to_wheel.platforms import Target, macos_floor

#: What to install, as pyproject.toml says for the extra.
ZIGLANG = "ziglang>=0.17.1,<0.18"
INSTALL_HINT = (
    'install it: pip install "go-to-wheel[cgo]"\nor for one run: uvx --with ziglang go-to-wheel …'
)
#: Our target -> zig's and more flags; macOS's has the minimum system behind it.
_TRIPLES = {
    "linux-amd64": "x86_64-linux-musl",
    "linux-arm64": "aarch64-linux-musl",
    "darwin-amd64": "x86_64-macos",
    "darwin-arm64": "aarch64-macos",
    "windows-amd64": "x86_64-windows-gnu",
    "windows-arm64": "aarch64-windows-gnu",
    "linux-386": "x86-linux-musl",
    "linux-armv7": "arm-linux-musleabihf",
    "linux-armv6": "arm-linux-musleabihf -mcpu=arm1176jzf_s",
    "linux-ppc64le": "powerpc64le-linux-musl",
    "linux-s390x": "s390x-linux-musl",
    "linux-riscv64": "riscv64-linux-musl",
    "windows-386": "x86-windows-gnu",
    "linux-amd64-musl": "x86_64-linux-musl",
    "linux-arm64-musl": "aarch64-linux-musl",
}
#: Without zig's glibc: musl alone, no old enough version, or no tag for it.
_MUSL_ALONE = ("linux-amd64-musl", "linux-arm64-musl", "linux-armv6", "linux-ppc64le",
               "linux-riscv64")  # fmt: skip
#: What may be linked in: name -> its licence, and the text's place in the package.
_PARTS = {
    "compiler-rt": ("MIT", "LICENSE"),
    "musl": ("MIT", "lib/libc/musl/COPYRIGHT"),
    "glibc": ("LGPL-2.1-or-later", "lib/libc/glibc/LICENSES"),  # of its start-up code
    "mingw-w64": ("ZPL-2.1", "lib/libc/mingw/COPYING"),
    "libc++": ("Apache-2.0 WITH LLVM-exception", "lib/libcxx/LICENSE.TXT"),
    "libc++abi": ("Apache-2.0 WITH LLVM-exception", "lib/libcxxabi/LICENSE.TXT"),
    "libunwind": ("Apache-2.0 WITH LLVM-exception", "lib/libunwind/LICENSE.TXT"),
}
#: Variables that make clang or zig look elsewhere for headers, libraries and tools.
LEAKS = re.compile(
    r"CPATH|(C|CPLUS|OBJC)_INCLUDE_PATH|(LD_)?LIBRARY_PATH|SDKROOT|MACOSX_DEPLOYMENT_TARGET"
    r"|PKG_CONFIG.*|NIX_.*|ZIG_(?!GLOBAL_CACHE_DIR$|LOCAL_CACHE_DIR$).*|CCC_OVERRIDE_OPTIONS"
    r"|(CPP|C|CXX|LD)FLAGS|AR|LD",
    re.DOTALL,
)
#: Where frameworks are in Apple's SDK.
FRAMEWORKS = "System/Library/Frameworks"
#: Go's packages that use macOS's libraries, and how they say so.
_USERS = ("crypto/x509/internal/macos", "internal/syscall/unix")
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
class OwnCompiler:
    """A compiler that the user names: the commands for C and C++.

    Linux programs are linked statically unless `glibc` is asked for.
    """

    cc: str
    cxx: str = ""
    glibc: str = ""
    sdk: Path | None = None

    def environment(self, target: Target, go_version: str) -> dict[str, str]:
        """The variables that make Go compile C for a target."""
        sdk = _quote(f"-isysroot{self.sdk}") if self.sdk and target.goos == "darwin" else ""
        text = f"-O2 {sdk}".strip()
        flags = dict.fromkeys(("CGO_CFLAGS", "CGO_CXXFLAGS", "CGO_LDFLAGS"), text)
        return {**flags, "CGO_ENABLED": "1", "CC": self.cc} | (
            {"CXX": self.cxx} if self.cxx else {}
        )

    def linker_flags(self, target: Target, ldflags: str, stubs: Path) -> str:
        """The linker's flags with those for C."""
        static = "-static -s -Wl,-z,stack-size=8388608"  # musl's threads have as much
        extra = {"linux": "-s" if self.glibc else static, "windows": "-s"}
        own = f" -extldflags '{extra[target.goos]}'" if target.goos in extra else ""
        return f"-buildid= -linkmode=external{own} {ldflags}"

    def notices(self, target: Target, cxx: bool) -> list[Notice]:
        """Its C library is linked in, with a licence that nobody states."""
        return [Notice("c-library", Path(self.cc.split()[0]).name, (), "LicenseRef-Unknown")]


@dataclass(frozen=True)
class Zig:
    """The installed ziglang: its version, and the folder with the program and its libraries.

    `glibc` is the oldest version that Linux programs need; empty for static ones, with musl.
    `sdk` is Apple's, for programs that need more of macOS than libSystem.
    """

    version: str
    folder: Path
    glibc: str = ""
    sdk: Path | None = None

    def environment(self, target: Target, go_version: str) -> dict[str, str]:
        """The variables that make Go compile C for a target."""
        triple = _TRIPLES[target.name]
        if self.glibc:
            triple = f"{triple.replace('-musl', '-gnu')}.{self.glibc}"
        if target.goos == "darwin":
            triple += ".{}.{}".format(*macos_floor(target, go_version, None))
        program = next(path for path in _programs(self.folder) if path.is_file())
        hidden = [f"-ffile-prefix-map={self.folder}=/zig"]
        headers, libraries = [], []
        if self.sdk and target.goos == "darwin":
            frameworks, below = self.sdk / FRAMEWORKS, self.sdk / "usr"
            hidden += [f"-ffile-prefix-map={self.sdk}=/sdk"]
            headers = ["-iframework", str(frameworks), "-idirafter", str(below / "include")]
            libraries = [f"-F{frameworks}", f"-L{below / 'lib'}"]
        # UBSan, zig's default, would stop programs that work elsewhere.
        words = ["-O2", "-g0", "-fno-sanitize=undefined", *hidden, *headers]
        flags = " ".join(map(_quote, words))
        return {
            "CGO_ENABLED": "1",
            "CC": f"{_quote(str(program))} cc -target {triple}",
            "CXX": f"{_quote(str(program))} c++ -target {triple}",
            "CGO_CFLAGS": flags,
            "CGO_CXXFLAGS": flags,
            "CGO_LDFLAGS": " ".join(map(_quote, ["-O2", *libraries])),
            "PKG_CONFIG": "pkg-config-of-this-machine-is-not-used",
        }

    def linker_flags(self, target: Target, ldflags: str, stubs: Path) -> str:
        """The linker's flags with those for C; `stubs` has those of macOS's libraries.

        Go's -s strips no C object, and its build ID would have the compiler's path in it.
        """
        static = {"linux": "-s" if self.glibc else "-static -s", "windows": "-s"}
        extra = static.get(target.goos) or f'"-L{stubs}" "-F{stubs}"'
        flags = f"-buildid= -linkmode=external -extldflags '{extra}' {ldflags}"
        # Without symbols, the indirect symbol table of arm64 would have stale entries.
        return f"{flags} -s=false" if target.name == "darwin-arm64" else flags

    def notices(self, target: Target, cxx: bool) -> list[Notice]:
        """The licences of what zig links into a target's programs; `cxx` is for C++."""
        library = {"linux": "glibc" if self.glibc else "musl", "windows": "mingw-w64"}
        names = ["compiler-rt", *filter(None, [library.get(target.goos)])]
        if cxx:  # macOS has one, but zig links its own
            names += ["libc++", "libc++abi", "libunwind"]
        found = []
        for name in names:
            licence, place = _PARTS[name]
            files = ((place.rpartition("/")[2], (self.folder / place).read_bytes()),)
            version = self.glibc if name == "glibc" else f"zig-{self.version}"
            found.append(Notice(name, version, files, licence))
        return found


def find_zig(glibc: str = "", sdk: Path | None = None) -> Zig:
    """The ziglang package beside this one. Raises ToolchainError when it is missing."""
    spec = find_spec("ziglang")
    for place in (spec.submodule_search_locations or []) if spec else []:
        if any(path.is_file() for path in _programs(Path(place))):
            try:
                return Zig(version("ziglang"), Path(place), glibc, sdk)
            except PackageNotFoundError:
                break
    raise ToolchainError("--cgo needs a C compiler, and ziglang is not installed", INSTALL_HINT)


def find_own(
    target: Target, request: MergedRequest, sdk: Path | None, environ: Mapping[str, str]
) -> OwnCompiler | None:
    """The compiler named for a target: CC_linux_arm64 and CXX_linux_arm64, else `--cc`."""
    system = f"{target.goos}_{target.goarch}"
    named, cxx = (environ.get(f"{name}_{system}", "") for name in ("CC", "CXX"))
    cc = named or request.cc
    return OwnCompiler(cc, cxx, request.oldest_glibc, sdk) if cc else None


def check_sdk(folder: Path) -> None:
    """Raise InvalidOptionsError for a folder that is no SDK of Apple's."""
    if not (folder / FRAMEWORKS).is_dir():
        raise InvalidOptionsError(
            [f"sdk {str(folder)!r} is not a folder with Apple's SDK: it has no {FRAMEWORKS}"],
            "name one such as MacOSX.sdk; on a Mac it is what this prints: xcrun --show-sdk-path",
        )


def _programs(folder: Path) -> tuple[Path, Path]:
    return folder / "zig", folder / "zig.exe"


def _quote(word: str) -> str:
    """A word for Go's own splitting, which knows quotes but no backslashes."""
    return f'"{word}"' if " " in word else word


def check_targets(targets: Iterable[Target], glibc: str = "") -> None:
    """Refuse the targets that C can't be compiled for; raises InvalidOptionsError."""
    plain = [name for name in _TRIPLES if not name.endswith("-musl")]
    fitting = [name for name in plain if not (glibc and name in _MUSL_ALONE)]
    known = fitting if glibc else _TRIPLES
    if others := [target.name for target in targets if target.name not in known]:
        how = "with cgo and glibc" if glibc else "with cgo"
        raise InvalidOptionsError(
            [f"platform {name!r} can't be built {how}" for name in others],
            f"build those that can: --platforms {','.join(fitting)}",
        )


def read_macos_imports(sources: Path) -> dict[str, set[str]]:
    """The libraries of macOS that Go's own packages use (GOROOT/src): path -> symbols."""
    found: dict[str, set[str]] = {}
    for folder in _USERS:
        for path in sorted((sources / folder).glob("*.go")):
            for symbol, library in _IMPORT.findall(path.read_text(encoding="utf-8")):
                found.setdefault(library, set()).add(f"_{symbol}")
    return {path: symbols for path, symbols in found.items() if "libSystem" not in path}


def write_stubs(imports: Mapping[str, set[str]], folder: Path) -> None:
    """A stub for each library, where the linker's -L and -F find it."""
    for path, symbols in imports.items():
        name = path.rpartition("/")[2]
        framework = ".framework/" in path
        place = f"{name}.framework/{name}.tbd" if framework else f"{name.split('.')[0]}.tbd"
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        text = _STUB.format(path=path, symbols=", ".join(sorted(symbols)))
        (folder / place).write_text(text, encoding="utf-8")
