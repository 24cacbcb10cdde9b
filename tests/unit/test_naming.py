"""Names and versions on their way from Go to Python."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from go_to_wheel.naming import (
    check_command,
    check_name,
    distribution_name,
    name_from_path,
    parse_version,
)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("example.com/tool", "tool"),
        ("github.com/mikefarah/yq/v4", "yq"),
        ("gopkg.in/yaml.v3", "yaml"),
        ("example.com/owner/tool.git", "tool"),
        ("example.com/owner/tool.git/v2", "tool"),
        ("gopkg.in/user/pkg.v1", "pkg"),
        ("example.com/tool.v2", "tool.v2"),  # only gopkg.in spells versions so
        ("example.com/mod/cmd/x", "x"),
        ("tool", "tool"),
        ("v2", "v2"),
    ],
)
def test_name_from_path(path: str, name: str) -> None:
    assert name_from_path(path) == name


@pytest.mark.parametrize(
    "name", ["tool", "my-tool", "My.Tool", "a", "x9", "sqlite_scanner", "go-x"]
)
def test_valid_names(name: str) -> None:
    assert check_name(name) is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "not a valid distribution name"),
        ("-a", "not a valid distribution name"),
        ("a-", "not a valid distribution name"),
        ("a b", "not a valid distribution name"),
        ("ä", "not a valid distribution name"),
        ("a/b", "not a valid distribution name"),
        ("a\nName: b", "not a valid distribution name"),
        ("7zip", "can't be imported as '7zip'; try 'go-7zip'"),
        ("import", "a Python keyword and can't be imported; try 'import-cli'"),
        ("class", "try 'class-cli'"),
        ("json", "shadow the standard library's module 'json'; try 'json-cli'"),
        ("JSON", "shadow the standard library's module 'json'"),
        ("compression", "shadow the standard library"),
    ],
)
def test_invalid_names_are_refused(name: str, words: str) -> None:
    problem = check_name(name)
    assert problem is not None
    assert words in problem
    assert repr(name) in problem


@pytest.mark.parametrize("command", ["yq", "sqlite-scanner", "a.b", "_x", "7z"])
def test_valid_commands(command: str) -> None:
    assert check_command(command) is None


@pytest.mark.parametrize(
    "command",
    [
        "",
        "a/b",
        "..",
        "a b",
        "-x",
        "x-",
        "é",
        "a\\b",
        "a\n",
        "tool.exe",
        "x.EXE",
        ".hid",
        "CON",
        "nul.txt",
        "x" * 201,
    ],
)
def test_invalid_commands_are_refused(command: str) -> None:
    assert repr(command) in str(check_command(command))


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.2.3", "1.2.3"),
        ("v1.2.3", "1.2.3"),
        ("0.1", "0.1"),
        ("1.2.3-rc.1", "1.2.3rc1"),
        ("1.2.3-rc1", "1.2.3rc1"),
        ("v1.2.3-beta2", "1.2.3b2"),
        ("1.2.3-alpha.1", "1.2.3a1"),
        ("2.0.0+incompatible", "2.0.0"),
        ("v0.0.0-20240102030405-abcdef012345", "0.0.0.dev20240102030405"),
        ("v1.2.4-0.20240102030405-abcdef012345", "1.2.4.dev20240102030405"),
        ("v1.2.3-pre.0.20240102030405-abcdef012345", "1.2.3rc1.dev20240102030405"),
        ("v1.2.3-rc.1.0.20240102030405-abcdef012345", "1.2.3rc2.dev20240102030405"),
        ("v2.0.1-0.20240102030405-abcdef012345+incompatible", "2.0.1.dev20240102030405"),
        ("2024.1.1", "2024.1.1"),
        ("1.0.post1", "1.0.post1"),
    ],
)
def test_versions_are_normalised(text: str, version: str) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no PEP 440 form"),
        ("latest", "has no PEP 440 form; write something like '1.2.3'"),
        ("1.2.3-SNAPSHOT-abc", "has no PEP 440 form"),
        ("1.2.3+build5", "has the local part '+build5', which PyPI refuses; write '1.2.3'"),
        ("v1.2.3+dirty", "write '1.2.3'"),
        ("1.2.3-1", "write '1.2.3rc1' or '1.2.3.post1'"),
        ("1.0\nName: x", "has no PEP 440 form"),
        (f"1.{'9' * 5000}", "has no PEP 440 form"),
    ],
)
def test_invalid_versions_are_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match="version") as caught:
        parse_version(text)
    assert words in str(caught.value)
    assert repr(text) in str(caught.value)


def test_pseudo_versions_sort_before_the_release() -> None:
    texts = [
        "v1.2.3",
        "v1.2.4-0.20240102030405-abcdef012345",
        "v1.2.4-0.20250102030405-abcdef012345",
        "v1.2.4-rc.1",
        "v1.2.4-rc.1.0.20260102030405-abcdef012345",
        "v1.2.4-rc.2",
        "v1.2.4",
    ]
    versions = [Version(parse_version(text)) for text in texts]
    assert versions == sorted(versions)


@given(st.text(max_size=40))
def test_any_text_is_a_version_or_refused(text: str) -> None:
    try:
        version = parse_version(text)
    except ValueError as error:
        assert repr(text) in str(error)
    else:
        assert str(Version(version)) == version
        assert "+" not in version


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_refused(name: str) -> None:
    problem = check_name(name)
    if problem is not None:
        assert repr(name) in problem
        return
    assert distribution_name(name).isidentifier()
    file = f"{distribution_name(name)}-1.0-py3-none-win32.whl"
    assert parse_wheel_filename(file)[0].replace("-", "_") == distribution_name(name)


@given(st.text(max_size=30))
def test_accepted_command_is_one_plain_file_name(command: str) -> None:
    if check_command(command) is None:
        assert not set(command) & set("/\\:\n\r\0 ")
        assert command not in (".", "..")
