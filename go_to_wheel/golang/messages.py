"""Go's error messages, and hints for the most frequent ones."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files

from go_to_wheel.process import Result

#: The hint for programs that need more than their own C sources.
OTHER_MACHINE_HINT = (
    "build that platform where it has the library, and wrap the binary: --binary PLATFORM=PATH\n"
    "or leave the platform out: --platforms LIST"
)
#: The same for programs that need Apple's SDK.
APPLE_SDK_HINT = (
    "name a folder with Apple's SDK: --sdk MacOSX.sdk (on a Mac: xcrun --show-sdk-path)\n"
    "or build that platform on a Mac, and wrap the binary: --binary darwin-arm64=PATH\n"
    "or leave the platform out: --platforms LIST"
)
#: Output around an error: progress, the linker's command line, the usage.
_NOISE = re.compile(
    r"^(go: (downloading|finding|found|added|upgraded|extracting) "
    r"|.*\bzig(\.exe)?\"? c(c|\+\+) -target ).*\n"
    r"|^usage: (go build|link) [\s\S]*",
    re.MULTILINE,
)


def _parse_panic(stderr: str) -> str:
    """One line for the long output of a Go that runs out of memory or threads, or ""."""
    match = re.search(
        r"^\s*fatal error: (.+)$(?=[\s\S]*^\s*(runtime stack:|goroutine ))", stderr, re.MULTILINE
    )
    return f"Go stopped: {match[1]}" if match else ""


def hint_for(stderr: str, version: str) -> str:
    """The hint for an error of Go; "" when there is none."""
    stopped = _parse_panic(stderr)
    table = files("go_to_wheel").joinpath("data", "go-errors.toml").read_text(encoding="utf-8")
    for entry in tomllib.loads(table)["error"]:
        if match := re.search(entry["pattern"], stopped or stderr):
            name = next(filter(None, reversed(match.groupdict().values())), "")
            hints = {"apple": APPLE_SDK_HINT, "elsewhere": OTHER_MACHINE_HINT}
            return str(entry["hint"].format(version=version, name=name, **hints))
    return ""


def error_text(result: Result) -> str:
    """Go's message, or its exit code when it printed nothing."""
    text = _parse_panic(result.stderr) or result.stderr.strip() or result.stdout.strip()
    text = _NOISE.sub("", text).strip() or text
    return text or f"Go ended with exit code {result.returncode} and no message"
