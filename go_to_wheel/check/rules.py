"""The catalogue of findings: each code with its severity and meaning.

Codes are stable: scripts match on them. docs/reference/check.md has the same list; a test
compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Rule:
    """`severity` is "error" or "warning"; `title` completes "found when …"."""

    severity: str
    title: str


RULES: dict[str, Rule] = {
    "check-failed": Rule(ERROR, "an unexpected exception ended a check of the wheel"),
    # The archive
    "zip-broken": Rule(ERROR, "the file is not a zip archive, is cut short, or can't be read"),
    "zip-too-large": Rule(ERROR, "the file is over 100 MiB, PyPI's limit for one file"),
    "zip-bomb": Rule(ERROR, "the archive unpacks to over 64 MiB and over 50 times its size"),
    "zip-unsafe-name": Rule(
        ERROR, "a path is absolute, leads out of the folder, or has characters that are refused"
    ),
    "zip-windows-name": Rule(ERROR, "a path can't be stored on Windows, or on any system"),
    "zip-link": Rule(ERROR, "an entry is a link or a device instead of a file or folder"),
    "zip-duplicate-name": Rule(ERROR, "two entries have one path, or one is a file and a folder"),
    "zip-name-clash": Rule(ERROR, "two paths are one file on Windows or macOS"),
    "zip-comment": Rule(ERROR, "the archive or an entry has a comment"),
    "zip-data-descriptor": Rule(ERROR, "an entry's size follows its data"),
    "zip-compression": Rule(ERROR, "an entry is neither stored nor deflated"),
    "zip-encrypted": Rule(ERROR, "an entry is encrypted"),
    "zip-date": Rule(WARNING, "an entry's date doesn't exist"),
    "zip-mismatch": Rule(
        ERROR, "the entries and the central directory disagree, or other data lies between them"
    ),
    # What is installed where
    "data-scheme": Rule(ERROR, "installers refuse a file in .data, or install it elsewhere"),
    "data-outside": Rule(WARNING, "a file is installed among the environment's own"),
    "command-name": Rule(WARNING, "a command's name ends in .exe twice"),
    "startup-code": Rule(WARNING, "a file makes code run at every start of Python"),
    # The file name
    "filename-invalid": Rule(ERROR, "the file name is not one of a wheel"),
    "filename-normalized": Rule(ERROR, "the file name doesn't start with the normalised name"),
    "filename-metadata": Rule(ERROR, "METADATA has another name or version than the file name"),
    "platform-tag": Rule(ERROR, "PyPI doesn't take the platform tag"),
    "local-version": Rule(ERROR, "the version has a local part, which PyPI refuses"),
    # .dist-info
    "dist-info": Rule(ERROR, "there is not exactly one .dist-info folder, named as the file is"),
    "metadata-missing": Rule(ERROR, "METADATA is missing"),
    "metadata-invalid": Rule(ERROR, "METADATA breaks the core metadata specification"),
    "metadata-version": Rule(ERROR, "PyPI doesn't take the metadata version"),
    "summary": Rule(ERROR, "Summary is over 512 characters or over several lines"),
    "license-expression": Rule(ERROR, "License-Expression is not a valid SPDX expression"),
    "license-twice": Rule(ERROR, "License stands beside License-Expression"),
    "license-missing": Rule(WARNING, "the wheel has no licence text"),
    "metadata-newer": Rule(WARNING, "a field is newer than the stated metadata version"),
    "license-file": Rule(ERROR, "a License-File is not in the wheel at licenses/"),
    "classifier": Rule(ERROR, "a classifier is unknown or deprecated"),
    "url": Rule(ERROR, "a URL is not one, or its label is missing or over 32 characters"),
    "email": Rule(ERROR, "an e-mail address is not one"),
    "direct-dependency": Rule(ERROR, "a requirement names a URL, which PyPI refuses"),
    "metadata-hidden": Rule(WARNING, "a header of METADATA has characters that don't show"),
    "wheel-missing": Rule(ERROR, "WHEEL is missing"),
    "wheel-invalid": Rule(ERROR, "WHEEL can't be read or has an unknown version"),
    "wheel-tags": Rule(ERROR, "the tags in WHEEL are not those of the file name"),
    "wheel-purelib": Rule(WARNING, "WHEEL says pure Python, but there is native code"),
    "record-missing": Rule(ERROR, "RECORD is missing"),
    "record-invalid": Rule(ERROR, "RECORD can't be read, or a line of it"),
    "record-hash": Rule(ERROR, "a hash or size in RECORD is not the file's"),
    "record-unlisted": Rule(ERROR, "a file in the wheel is not in RECORD"),
    "record-absent": Rule(ERROR, "a file in RECORD is not in the wheel"),
    "entry-points": Rule(ERROR, "entry_points.txt can't be read or has a name PyPI refuses"),
    # The program
    "binary-broken": Rule(ERROR, "what should be a program can't be read as one"),
    "binary-target": Rule(ERROR, "the program is for another system or architecture than the tag"),
    "binary-any": Rule(WARNING, "there is a native library, but the tag is 'any'"),
    "binary-version": Rule(WARNING, "Go recorded another version than the wheel's"),
    "binary-kind": Rule(ERROR, "what is installed as a command is not an executable"),
    "binary-mode": Rule(ERROR, "the program will not be executable after pip installed it"),
    "binary-stored": Rule(WARNING, "the program is stored without compression"),
    "binary-macos": Rule(ERROR, "the program needs a newer macOS than the tag says"),
    "binary-glibc": Rule(ERROR, "the program needs a newer glibc than the tag says"),
    "binary-libc": Rule(ERROR, "the program needs another C library than the tag promises"),
    "binary-library": Rule(ERROR, "the program needs a library that the tag doesn't promise"),
    "binary-rpath": Rule(WARNING, "the program looks for libraries in folders outside the wheel"),
    "binary-cpu": Rule(ERROR, "the program needs a newer CPU than the tag says"),
    "binary-build": Rule(WARNING, "the program was built with an instrumented or experimental Go"),
    "binary-dirty": Rule(WARNING, "the program was built from a source tree with local changes"),
    "binary-paths": Rule(WARNING, "the program contains paths of the machine that built it"),
    # The set
    "set-version": Rule(ERROR, "wheels of one project have different versions"),
    "set-metadata": Rule(ERROR, "wheels of one release differ in metadata that pip compares"),
    "set-description": Rule(WARNING, "wheels of one release differ in their other METADATA"),
    "set-duplicate": Rule(ERROR, "two wheels serve the same platform"),
    "set-missing": Rule(ERROR, "a platform that is expected has no wheel"),
    # Running it
    "run-install": Rule(ERROR, "pip or uv can't install the wheel on a machine that its tag fits"),
    "run-failed": Rule(
        ERROR,
        "the program can't be started, crashes, does not end within a minute, or fails the "
        "command asked for",
    ),
    "run-exit": Rule(WARNING, "the program ends with an error when asked for its version"),
    "run-version": Rule(WARNING, "the program prints another version than the wheel, or none"),
    # Twine
    "twine": Rule(ERROR, "`twine check` refuses it"),
    "twine-strict": Rule(WARNING, "`twine check --strict` refuses it, plain `twine check` doesn't"),
}
