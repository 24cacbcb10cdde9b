"""Go's error messages, and what to do about the most frequent."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files

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
#: What comes before the cause: Go's progress, and two thousand characters of object files.
_NOISE = re.compile(
    r"^(go: (downloading|finding|found|added|upgraded|extracting) "
    r"|.*\bzig(\.exe)?\"? c(c|\+\+) -target ).*\n",
    re.MULTILINE,
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
    table = files("go_to_wheel").joinpath("data", "go-errors.toml").read_text(encoding="utf-8")
    for entry in tomllib.loads(table)["error"]:
        if found := re.search(entry["pattern"], stopped or stderr):
            name = next(filter(None, reversed(found.groupdict().values())), "")
            values = {"version": version, "name": name, "apple": APPLE, "elsewhere": ELSEWHERE}
            return str(entry["hint"].format_map(values))
    return ""


def needed_go(message: str) -> str | None:
    """The Go release that an error of Go says a module needs."""
    found = re.search(r"requires go >= ?(\d[\d.]*\d)", message)
    return found[1] if found else None


def first_words(result: Result) -> str:
    """Go's own message, or its exit code when it printed nothing."""
    text = _panic(result.stderr) or result.stderr.strip() or result.stdout.strip()
    text = _NOISE.sub("", text).strip() or text
    return text or f"Go ended with exit code {result.returncode} and no message"
