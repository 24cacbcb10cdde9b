"""Licence texts are recognised by the SPDX rules, or said to be unknown."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from identify.vendor.licenses import LICENSES

from go_to_wheel import licenses
from go_to_wheel.licenses import MIN_COLLECTION_COVERAGE, recognise, recognise_files

ROOT = Path(__file__).parents[3]
APACHE = (ROOT / "LICENSE").read_text()


def standard(name: str) -> str:
    """A licence's standard text."""
    return dict(LICENSES)[name]


@pytest.mark.parametrize(
    "name",
    ["MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "MPL-2.0", "Unlicense", "Apache-2.0"]
    + ["0BSD", "BSL-1.0", "CC0-1.0", "EPL-2.0", "Zlib", "OFL-1.1", "Artistic-2.0"],
)
def test_usual_licences(name: str) -> None:
    expression, _ = recognise(standard(name))
    assert expression == name


def test_copyright_lines_and_wrapping_do_not_matter() -> None:
    text = "Copyright (c) 2024 Jane Doe. All rights reserved.\n\n" + standard("MIT")
    wrapped = "\n".join(word for word in text.split(" "))
    assert recognise(wrapped)[0] == "MIT"


def test_own_repository() -> None:
    expression, reason = recognise_files([("LICENSE", APACHE.encode()), ("NOTICE", b"Made by us.")])
    assert expression == "Apache-2.0"
    assert reason == "LICENSE: Apache-2.0, 100% of the text"


def test_an_added_condition_makes_it_unknown() -> None:
    text = standard("MIT") + "\n\nBut only on Sundays, and only for customers of ACME; others pay."
    expression, reason = recognise(text)
    assert expression is None
    assert reason == "it contains MIT and other text"


@pytest.mark.parametrize("name", ["AGPL-3.0", "GPL-2.0", "GPL-3.0", "LGPL-2.1"])
def test_the_gnu_texts_leave_or_later_open(name: str) -> None:
    expression, reason = recognise(standard(name))
    choices = f"{name}-only or {name}-or-later"
    assert expression is None
    assert reason == f"{choices}: the text is the same for both"


def test_two_licences_in_one_file() -> None:
    expression, _ = recognise(standard("MIT") + "\n\n" + standard("BSD-3-Clause"))
    assert expression == "BSD-3-Clause AND MIT"


def test_licences_of_others_are_not_the_projects() -> None:
    texts = {"LICENSE": "MIT", "LICENSE-THIRD-PARTY": "Zlib", "LICENSE.docs": "CC0-1.0"}
    expression, _ = recognise_files(
        [(name, standard(text).encode()) for name, text in texts.items()]
    )
    assert expression == "MIT"


def test_files_that_differ() -> None:
    files = [("LICENSE-APACHE", APACHE.encode()), ("LICENSE-MIT", standard("MIT").encode())]
    expression, reason = recognise_files(files)
    assert expression is None
    assert reason == "the files differ: LICENSE-APACHE is Apache-2.0, LICENSE-MIT is MIT"


def test_files_that_agree() -> None:
    files = [("LICENSE", APACHE.encode()), ("COPYING", APACHE.encode())]
    expression, _ = recognise_files(files)
    assert expression == "Apache-2.0"


@pytest.mark.parametrize("text", ["", "All rights reserved. Do not copy.", "\0\xff" * 50])
def test_unknown_texts_are_unknown(text: str) -> None:
    expression, reason = recognise(text)
    assert expression is None
    assert reason == "no licence on the SPDX list"


def test_text_that_is_longer_than_any_licence() -> None:
    seen = recognise(standard("MIT") + " and so on" * 200_000)
    assert seen[0] is None
    assert seen[1].endswith(" characters, longer than any licence")
    assert recognise(standard("MIT") + " and so on" * 200_000) == seen


def test_no_licence_file() -> None:
    assert recognise_files([]) == (None, "")
    assert recognise_files([("NOTICE", b"MIT")])[0] is None


def test_many_blank_lines_are_fast() -> None:
    """Each of them once began a search through all the others."""
    assert recognise("\n" * 90_000 + "> * " * 2000)[0] is None


@pytest.mark.parametrize(
    "rider",
    [
        "Commons Clause License Condition v1.0: the grant does not include the right to Sell.",
        "For noncommercial use.",
        "You may not use it in weapons.",
        "Free for teams of five only.",
        "A licence fee is due.",
    ],
)
@pytest.mark.parametrize("name", ["MIT", "Apache-2.0"])
def test_a_short_added_condition_makes_it_unknown(name: str, rider: str) -> None:
    """However long the licence is that it changes."""
    for text in (f"{rider}\n\n{standard(name)}", f"{standard(name)}\n\n{rider}\n"):
        assert recognise(text)[0] is None
        assert recognise(text, MIN_COLLECTION_COVERAGE)[0] is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# MIT License\n\n", ""),
        (
            "The MIT License (MIT)\n\nCopyright (c) 2020 A\nCopyright (c) 2021-2024 B <b@c.d>\n\n",
            "",
        ),
        ("/*\n", "*/\n"),
        ("> ", "\n"),
    ],
)
def test_titles_and_quotes_do_not_matter(before: str, after: str) -> None:
    body = standard("MIT").split("\n", 2)[2].replace("\n", "\n > ")
    assert recognise(f"{before}{body}{after}")[0] == "MIT"


def list_frequent_texts() -> list[tuple[str, str]]:
    """The texts of the table in `licenses`, with their licences."""
    owner = "Copyright (c) 2015-2024, Jane Doe <jane@example.com>. All rights reserved.\n"
    bodies = {name: standard(name).partition("\n")[2] for name in ("MIT", "BSD-2-Clause")}
    bodies["BSD-3-Clause"] = standard("BSD-3-Clause").partition("\n")[2]
    go = (ROOT / "go_to_wheel/data/go-license.txt").read_text()
    return [
        ("Apache-2.0", standard("Apache-2.0")),
        ("MPL-2.0", standard("MPL-2.0")),
        ("BSD-3-Clause", go),
        ("BSD-3-Clause", go.replace("Google LLC", "Google Inc.")),
        *((name, standard(name)) for name in bodies),
        *((name, owner + body) for name, body in bodies.items()),
        ("MIT", f"The MIT License\n\n{owner}{bodies['MIT']}"),
        ("MIT", f"# The MIT License (MIT)\n\n{bodies['MIT']}"),
    ]


def test_frequent_texts_need_no_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = list_frequent_texts()
    assert len(texts) == sum(map(len, licenses._FREQUENT_TEXTS.values()))
    found = [recognise(text, MIN_COLLECTION_COVERAGE)[0] for _, text in texts]
    monkeypatch.setattr(licenses, "_FREQUENT_TEXTS", {})
    classified = [recognise(text, MIN_COLLECTION_COVERAGE)[0] for _, text in texts]
    assert found == classified == [name for name, _ in texts]
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "licenseclassifier", None)
    assert [recognise(text) for _, text in texts] == [
        (name, f"{name}, 100% of the text") for name, _ in texts
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("in the Software without restriction", "in the Software with restrictions"),
        ("copyright license to reproduce, prepare", "copyright license to look at, not prepare"),
        ("Copyright (c) [year]", "Copyright (c) [year] and only for teams of five, by"),
        ("Copyright [yyyy]", "Copyright [yyyy] (it must not be sold):"),
    ],
)
def test_changed_frequent_texts_are_classified(
    monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    monkeypatch.setitem(sys.modules, "licenseclassifier", None)
    text = standard("MIT") if before in standard("MIT") else standard("Apache-2.0")
    assert before in text
    with pytest.raises(ImportError):
        recognise(text.replace(before, after))
