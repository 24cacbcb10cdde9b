"""The words of the code: plain English, without those that made readers stop."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("go_to_wheel", "datasette_scan", "sqlite_scanner", "bench", "scripts", "tests", "docs")
ENDINGS = {".py", ".go", ".c", ".md", ".html", ".js", ".css", ".toml", ".yml", ".yaml", ".txt"}
ENDINGS |= {".json", ".sh", ""}
TOP = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "Makefile", "pyproject.toml")
SKIPPED = {"__pycache__", "_launcher", "build", "dist", "fuzz"}
#: Third-party texts, and this file.
EXEMPT = ("go_to_wheel/data/go-license.txt", "tests/unit/test_words.py")

WORDS = "tell tells told lend lends lent kept carried mended rests workshop surroundings".split()
#: A line break, with the sign of a comment on the next line, counts as a blank.
BLANK = r"(?:\s|\n\s*(?:#|//|\*))+"
PHRASES = {
    "is there already": rf"\b(?:is|are){BLANK}there{BLANK}already\b",
    "by itself": rf"\bby{BLANK}(?:it|them)sel(?:f|ves)\b",
    "one as a loop variable": r"\bfor (?:\w+, )*one(?:, \w+)* in\b|\bfor (?:\w+, )?one := range\b",
}


def files() -> list[str]:
    """Our own texts, as paths below the repository."""
    found = [*TOP]
    for folder in FOLDERS:
        found += [path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*")]
    return [
        name
        for name in sorted(found)
        if Path(name).suffix in ENDINGS
        and not any(part in SKIPPED or part[0] == "." for part in Path(name).parts)
        and not name.startswith(EXEMPT)
        and (ROOT / name).is_file()
    ]


def banned_in(text: str) -> list[str]:
    """Each banned word or phrase as «line: word», parts of longer names included."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        lower = line.lower()
        if not any(word in lower for word in WORDS):  # almost always, and quick
            continue
        line = re.sub(r"(?:\.|\bdef )tell\b", "", line)  # a method of Python's streams
        parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", line)
        found += [f"{number}: {part}" for part in parts if part.lower() in WORDS]
    for phrase, pattern in PHRASES.items():
        for match in re.finditer(pattern, text):
            found.append(f"{text.count(chr(10), 0, match.start()) + 1}: {phrase}")
    return found


@pytest.mark.parametrize("name", files())
def test_words(name: str) -> None:
    assert banned_in(name) == []
    assert banned_in((ROOT / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def read_kept_names(): ...", ["1: kept"]),
        ("class KeptPrograms: ...\nTOLD = 1", ["1: Kept", "2: TOLD"]),
        ("func tellAll() {}", ["1: tell"]),
        ("# which a program does by\n    # itself", ["1: by itself"]),
        ("for path, one in found:", ["1: one as a loop variable"]),
        ("[x for one in y]", ["1: one as a loop variable"]),
        ("it is there\nalready", ["1: is there already"]),
        ("intelligent, one, for someone in x, retold, itself", []),
    ],
)
def test_what_counts(text: str, found: list[str]) -> None:
    assert banned_in(text) == found


def test_names_of_tests_are_short() -> None:
    """Under eight words, and each says a behaviour."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    names = [name for text in texts for name in re.findall(r"\bdef test_(\w+)", text)]
    assert len(names) > 1000
    assert [name for name in names if len(name.split("_")) > 7] == []
