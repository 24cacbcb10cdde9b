"""Folders in Go modules, and the texts found there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from systems import needs_links, needs_names

from go_to_wheel.errors import GoToWheelError, MissingPathError, SourceError
from go_to_wheel.sources.listing import read_python_files
from go_to_wheel.sources.module import open_module, parse_module_path, read_project_files


def plant(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


MODULE = {"go.mod": "module example.com/tool/v2\n", "main.go": "", "cmd/x/main.go": ""}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("module example.com/a\n\ngo 1.21\n", "example.com/a"),
        ("// comment\nmodule   a // why\n", "a"),
        ('module "example.com/quoted"\n', "example.com/quoted"),
        ("module `raw`\n", "raw"),
        ("go 1.21\n", None),
        ("", None),
        ("// module no\n", None),
        ("module example.com/a//trailing\n", "example.com/a"),
        ("module example.com/a // a comment\r\n", "example.com/a"),
        ("module (\n\texample.com/block // x\n)\n", "example.com/block"),
        ("module(example.com/tight)\n", "example.com/tight"),
        ("modules x\n", None),
    ],
)
def test_module_path_is_parsed(text: str, path: str | None) -> None:
    assert parse_module_path(text) == path


@pytest.mark.parametrize(
    ("source", "package", "expected", "path"),
    [
        (".", None, ".", "example.com/tool/v2"),
        (".", "./cmd/x", "./cmd/x", "example.com/tool/v2/cmd/x"),
        (".", "cmd/x", "./cmd/x", "example.com/tool/v2/cmd/x"),
        ("cmd/x", None, "./cmd/x", "example.com/tool/v2/cmd/x"),
        ("cmd", "./x", "./cmd/x", "example.com/tool/v2/cmd/x"),
        ("cmd/x", "../..", ".", "example.com/tool/v2"),
    ],
)
def test_package_folders_and_paths(
    tmp_path: Path, source: str, package: str | None, expected: str, path: str
) -> None:
    opened = open_module(str(plant(tmp_path, MODULE) / source), [package] if package else [])
    assert opened.root == tmp_path
    assert opened.packages[0] == expected
    assert opened.package_paths == (path,)


@pytest.mark.parametrize(
    ("source", "package", "error", "words"),
    [
        ("gone", None, MissingPathError, "Go directory not found: "),
        ("main.go", None, SourceError, "is not a folder"),
        (".", "./cmd/nope", SourceError, "there is no folder 'cmd/nope' in the module"),
        (".", "../..", SourceError, "package '../..' is outside the module"),
        (".", "main.go", SourceError, "there is no folder 'main.go'"),
    ],
)
def test_invalid_sources_are_refused(
    tmp_path: Path, source: str, package: str | None, error: type[Exception], words: str
) -> None:
    module = plant(tmp_path / "module", MODULE)
    with pytest.raises(error, match=words.replace(".", r"\.")):
        open_module(str(module / source), [package] if package else [])


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("github.com/owner/tool", "github.com/owner/tool"),
        ("https://github.com/owner/tool.git", "github.com/owner/tool"),
        ("example.org/tool/", "example.org/tool"),
        ("nowhere/tool", "example.com/tool"),
    ],
)
def test_hint_for_a_module_without_a_version(source: str, path: str) -> None:
    with pytest.raises(MissingPathError) as caught:
        open_module(source, [])
    assert caught.value.hint.endswith(f": {path}@latest")


def test_go_mod_without_a_module_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no module line"):
        open_module(str(plant(tmp_path, {"go.mod": "go 1.21\n"})), [])
    with pytest.raises(SourceError, match=r"can't read .*go\.mod"):
        open_module(str(plant(tmp_path, {"go.mod": b"module \xff\xfe\n"})), [])


@pytest.mark.parametrize(
    ("files", "text", "content_type"),
    [
        ({"README.md": "m"}, "m", "text/markdown"),
        ({"readme.rst": "r"}, "r", "text/x-rst"),
        ({"README": "p"}, "p", "text/plain"),
        ({"ReadMe.MD": "m", "README.txt": "t"}, "m", "text/markdown"),
        ({"README.md": b"\xef\xbb\xbfwith a byte order mark"}, "with a byte order mark",
         "text/markdown"),
        ({"README.md": "root", "cmd/x/README.rst": "closer"}, "closer", "text/x-rst"),
    ],
)  # fmt: skip
def test_readme_nearest_the_package_is_found(
    tmp_path: Path, files: dict[str, str], text: str, content_type: str
) -> None:
    source = open_module(str(plant(tmp_path, {**MODULE, **files})), ["./cmd/x"])
    readme = read_project_files(source, None).readme
    assert readme is not None
    assert (readme.text, readme.content_type) == (text, content_type)


def test_module_without_a_readme(tmp_path: Path) -> None:
    source = open_module(str(plant(tmp_path, MODULE)), [])
    assert read_project_files(source, None).readme is None


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("gone.md", None, MissingPathError, "README file not found: "),
        ("it.adoc", "x", SourceError, "PyPI does not know files ending in '.adoc'"),
        ("latin.md", b"\xe4", SourceError, "is not UTF-8 text"),
    ],
)
def test_unusable_named_readmes_are_refused(
    tmp_path: Path, name: str, content: str | bytes | None, error: type[Exception], words: str
) -> None:
    source = open_module(str(plant(tmp_path / "m", MODULE)), [])
    if content is not None:
        plant(tmp_path, {name: content})
    with pytest.raises(error, match=words):
        read_project_files(source, str(tmp_path / name))


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ([], []),
        (["LICENSE", "NOTICE.txt", "COPYING"], ["COPYING", "LICENSE", "NOTICE.txt"]),
        (
            ["LICENSE-MIT", "LICENCE.md", "license.go", "LICENSE.html"],
            ["LICENCE.md", "LICENSE-MIT"],
        ),
        (["licenses/MIT", "UNLICENSED"], []),
        (["UNLICENSE"], ["UNLICENSE"]),
    ],
)
def test_licence_files_are_found_by_name(
    tmp_path: Path, files: list[str], names: list[str]
) -> None:
    source = open_module(str(plant(tmp_path, {**MODULE, **dict.fromkeys(files, "text")})), [])
    assert [name for name, _ in read_project_files(source, None).licenses] == names


def test_repository_licence_counts_for_a_submodule(tmp_path: Path) -> None:
    plant(tmp_path, {".git/HEAD": "", "LICENSE": "ours", "NOTICE": "not this"})
    source = open_module(str(plant(tmp_path / "tool", MODULE)), [])
    assert read_project_files(source, None).licenses == (("LICENSE", b"ours"),)
    plant(tmp_path / "tool", {"COPYING": "own"})
    assert read_project_files(source, None).licenses == (("COPYING", b"own"),)


def test_licence_above_needs_a_repository(tmp_path: Path) -> None:
    plant(tmp_path, {"LICENSE": "somebody's"})
    source = open_module(str(plant(tmp_path / "tool", MODULE)), [])
    assert read_project_files(source, None).licenses == ()


def test_python_files_without_caches(tmp_path: Path) -> None:
    files = ("p/x/__init__.py", "p/x/data.txt", "p/x/__pycache__/a.pyc", "p/.hidden", "other.txt")
    plant(tmp_path, dict.fromkeys(files, "1"))
    assert read_python_files(tmp_path, "p") == (("x/__init__.py", b"1"), ("x/data.txt", b"1"))


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("gone", "python-source: no folder"),
        (".", "python-source: '.' is not a folder inside the project"),
        ("..", "python-source: '..' is not a folder inside the project"),
        ("p/../../other", "is not a folder inside the project"),
        ("empty", "has no files"),
    ],
)
def test_python_source_must_be_a_project_folder(tmp_path: Path, named: str, words: str) -> None:
    plant(tmp_path, {"project/p/x.py": "", "other/y.py": ""})
    (tmp_path / "project/empty").mkdir()
    with pytest.raises(GoToWheelError) as caught:
        read_python_files(tmp_path / "project", named)
    assert words in caught.value.message


@needs_links
def test_python_source_outside_the_project_is_refused(tmp_path: Path) -> None:
    plant(tmp_path, {"project/p/x.py": "", "other/y.py": ""})
    (tmp_path / "project/away").symlink_to(tmp_path / "other")
    with pytest.raises(GoToWheelError, match="is not a folder inside the project"):
        read_python_files(tmp_path / "project", "away")


@needs_links
@pytest.mark.parametrize(
    ("link", "target", "words"),
    [
        ("x/secret", "../../../secret", "which is not part of the project"),
        ("x/folder", "../../../elsewhere", "which is not part of the project"),
        ("x/config", "../../.git/config", "which is not part of the project"),
        ("x/round", ".", "is a link to a folder above it"),
        ("x/up", "../..", "is a link to a folder above it"),
    ],
)
def test_links_out_of_the_project_are_refused(
    tmp_path: Path, link: str, target: str, words: str
) -> None:
    plant(
        tmp_path,
        {"project/p/x/a.py": "", "project/.git/config": "", "secret": "", "elsewhere/b.py": ""},
    )
    (tmp_path / "project/p" / link).symlink_to(target)
    with pytest.raises(SourceError) as caught:
        read_python_files(tmp_path / "project", "p")
    assert words in caught.value.message


@needs_links
def test_links_inside_the_checkout_are_followed(tmp_path: Path) -> None:
    plant(tmp_path, {".git/HEAD": "", "LICENSE": "text", "shared/b.py": "b", "project/p/a.py": ""})
    (tmp_path / "project/p/LICENSE").symlink_to("../../LICENSE")
    (tmp_path / "project/p/shared").symlink_to("../../shared")
    found = dict(read_python_files(tmp_path / "project", "p"))
    assert found == {"LICENSE": b"text", "a.py": b"", "shared/b.py": b"b"}


@needs_names
@pytest.mark.parametrize("name", [b"\xff.txt", b"two\nlines.txt"])
def test_unprintable_file_names_are_refused(tmp_path: Path, name: bytes) -> None:
    plant(tmp_path, {"p/x.py": ""})
    Path(os.fsdecode(os.fsencode(tmp_path / "p") + b"/" + name)).write_text("")
    with pytest.raises(SourceError, match=r"the file name .* has characters that archives"):
        read_python_files(tmp_path, "p")
