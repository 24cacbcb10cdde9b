"""Others' licence texts: which files, under which names, in which expression."""

from __future__ import annotations

import pytest
from identify.vendor.licenses import LICENSES

from go_to_wheel.licenses import (
    MIN_COLLECTION_COVERAGE,
    UNKNOWN,
    Notice,
    bundle_licenses,
    go_notice,
    is_license_name,
    license_files,
    recognise,
    recognise_module,
)

TEXTS = dict(LICENSES)
MIT = TEXTS["MIT"].encode()
APACHE_NOTICE = """Copyright 2021 Some Authors

Licensed under the Apache License, Version 2.0 (the "License");
you may not use this file except in compliance with the License.
You may obtain a copy of the License at

    http://www.apache.org/licenses/LICENSE-2.0

Unless required by applicable law or agreed to in writing, software
distributed under the License is distributed on an "AS IS" BASIS,
WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
See the License for the specific language governing permissions and
limitations under the License.
"""


@pytest.mark.parametrize(
    "name", ["LICENSE", "license.md", "LICENCE.txt", "COPYING-MIT", "NOTICE", "UNLICENSE"]
)
def test_names_of_licence_files(name: str) -> None:
    assert is_license_name(name)


@pytest.mark.parametrize(
    "name", ["license.go", "licenses.json", "LICENSE.yml", "README", "mylicense"]
)
def test_names_of_other_files(name: str) -> None:
    assert not is_license_name(name)


def several(*names: str) -> str | None:
    return recognise("\n\n".join(TEXTS[name] for name in names), MIN_COLLECTION_COVERAGE)[0]


def test_several_licences_in_one_file() -> None:
    assert several("MIT", "ISC") == "ISC AND MIT"
    assert several("Apache-2.0", "BSD-3-Clause", "MIT") == "Apache-2.0 AND BSD-3-Clause AND MIT"
    assert several("MIT", "MIT") == "MIT"
    assert (
        recognise(TEXTS["MIT"] + "\n\n" + APACHE_NOTICE, MIN_COLLECTION_COVERAGE)[0]
        == "Apache-2.0 AND MIT"
    )


def test_a_notice_stands_for_its_licence() -> None:
    assert recognise(APACHE_NOTICE, MIN_COLLECTION_COVERAGE)[0] == "Apache-2.0"


@pytest.mark.parametrize("text", ["", "All rights reserved.\n", "Use it on Tuesdays.\n" * 30])
def test_unknown_texts_have_no_expression(text: str) -> None:
    assert recognise(text, MIN_COLLECTION_COVERAGE)[0] is None


def test_a_long_added_condition_makes_it_unknown() -> None:
    extra = "Moreover, the software must not be used by people who own a boat. " * 12
    assert recognise(TEXTS["MIT"] + "\n\n" + extra, MIN_COLLECTION_COVERAGE)[0] is None


def test_gos_licence_text_is_recognised() -> None:
    ours = go_notice("go1.26.8", None)
    assert ours.folder == "go"
    ((name, data),) = ours.files
    assert name == "LICENSE"
    assert data.startswith(b"Copyright 2009 The Go Authors.")
    assert recognise(data.decode())[0] == recognise_module(ours)[0] == "BSD-3-Clause"


def test_the_licence_of_go_in_use() -> None:
    assert go_notice("go1.30", b"other words").files == (("LICENSE", b"other words"),)


def test_module_is_judged_by_all_its_texts() -> None:
    notice = Notice(
        "m", "v1", (("LICENSE", MIT), ("zlib/COPYING", TEXTS["ISC"].encode()), ("NOTICE", b"Hi!"))
    )
    assert recognise_module(notice) == ("ISC AND MIT", "")


def test_licences_of_documents_do_not_count() -> None:
    texts = (("LICENSE", MIT), ("LICENSE.docs", TEXTS["GPL-3.0"].encode()))
    assert recognise_module(Notice("m", "v1", texts)) == ("MIT", "")


def test_a_module_with_an_unknown_text() -> None:
    """What was recognised stays in the expression."""
    verdict = recognise_module(Notice("m", "v1", (("LICENSE", MIT), ("x/LICENSE", b"Mine!"))))
    assert verdict == (f"MIT AND {UNKNOWN}", "x/LICENSE: no licence on the SPDX list")
    assert recognise_module(Notice("m", "v1", ())) == (UNKNOWN, "it has no licence file")
    assert (
        recognise_module(Notice("m", "v1", (("NOTICE", b"by me"),)))[1] == "it has no licence file"
    )


def test_stated_licence_settles_what_is_unknown_alone() -> None:
    odd = Notice("m", "v1", (("LICENSE", b"Mine!"),), declared="mit or apache-2.0")
    assert recognise_module(odd) == ("MIT OR Apache-2.0", "")
    assert recognise_module(Notice("m", "v1", (("LICENSE", MIT),), declared="Zlib")) == ("MIT", "")


def test_long_paths_are_shortened_and_stay_apart() -> None:
    module = "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
    paths = [f"internal/{'deep/' * 20}{name}/LICENSE.txt" for name in "aAb"]
    notice = Notice(module, "v1.0.0", tuple((path, b"") for path in paths))
    names = [name for name, _ in license_files([notice], 70)]
    assert max(map(len, names)) <= 70
    assert len({name.casefold() for name in names}) == 3
    for name in names:
        assert name.startswith("github.com/Azure/azure-sdk-for-go/sdk/")
        assert name.endswith("/LICENSE.txt")
    assert names == [name for name, _ in license_files([notice], 70)]


def test_files_are_sorted_and_differ_in_case() -> None:
    notices = [
        Notice("b.example/B", "v1.0.0", (("LICENSE", b"1"),)),
        Notice("b.example/b", "v1.0.0", (("LICENSE", b"2"),)),
        Notice("a.example/a", "", (("sub/NOTICE", b"3"),)),
    ]
    assert license_files(notices, 120) == (
        ("a.example/a/sub/NOTICE", b"3"),
        ("b.example/B/LICENSE", b"1"),
        ("b.example/b/LICENSE_", b"2"),
    )
    assert license_files(reversed(notices), 120) == license_files(notices, 120)


@pytest.mark.parametrize(
    ("own", "others", "whole"),
    [
        ("MIT", [], "MIT"),
        ("MIT", ["MIT"], "MIT"),
        ("MIT", ["BSD-3-Clause", "Apache-2.0"], "MIT AND Apache-2.0 AND BSD-3-Clause"),
        ("MIT OR Apache-2.0", ["MIT"], "(MIT OR Apache-2.0) AND MIT"),
        ("MIT OR Apache-2.0", [], "MIT OR Apache-2.0"),
        ("MIT AND ISC", ["Apache-2.0 AND MIT"], "MIT AND ISC AND Apache-2.0"),
        ("(MIT AND ISC)", ["(MIT AND Zlib)"], "MIT AND ISC AND Zlib"),
        ("MIT AND (ISC OR Zlib)", ["MIT"], "(MIT AND (ISC OR Zlib)) AND MIT"),
        (
            "GPL-2.0-only WITH Classpath-exception-2.0",
            ["MIT"],
            "GPL-2.0-only WITH Classpath-exception-2.0 AND MIT",
        ),
        ("LicenseRef-Ours", ["MIT"], "LicenseRef-Ours AND MIT"),
        ("MIT", ["Zlib", UNKNOWN, f"ISC AND {UNKNOWN}"], f"MIT AND ISC AND {UNKNOWN} AND Zlib"),
        (None, ["MIT"], None),
    ],
)
def test_combined_expression(own: str | None, others: list[str], whole: str | None) -> None:
    linked = [Notice(f"m{i}", "v1", (), text) for i, text in enumerate(others)]
    assert bundle_licenses("m", own, (), linked, True, 120).expression == whole


def test_a_short_notice_among_long_licences() -> None:
    """The matcher passes over a reworded notice; most of the text is the others all the same."""
    notice = "Licensed under the conditions of the Apache License, version 2.0 or later."
    text = f"{TEXTS['MIT']}\n\n{TEXTS['MPL-2.0']}\n\nTables from a script, which is\n\n{notice}"
    assert recognise(text, MIN_COLLECTION_COVERAGE)[0] is None
