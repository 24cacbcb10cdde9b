"""pyproject.toml: the [project] table by the standards, [tool.go-to-wheel] by our own rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from go_to_wheel.config.pyproject import KEYS, Project, find_project, parse_settings, read_project
from go_to_wheel.errors import InvalidOptionsError

BACKEND = '[build-system]\nrequires = ["go-to-wheel"]\nbuild-backend = "go_to_wheel.backend"\n'

FULL = """
[project]
name = "My.Tool"
version = "v1.2.0rc1"
description = "Does things"
readme = "docs/ABOUT.rst"
requires-python = ">=3.11"
license = "mit OR apache-2.0"
license-files = ["legal/*"]
authors = [{ name = "Jane Doe", email = "jane@example.com" }, { name = "The Others" }]
maintainers = [{ email = "help@example.com" }]
keywords = ["a", "b"]
classifiers = ["Topic :: Utilities"]
dependencies = ["click>=8 ; python_version < '4'"]
urls = { Homepage = "https://example.com" }

[project.optional-dependencies]
extra = ["rich", "pywin32 ; sys_platform == 'win32'"]

[project.scripts]
helper = "my_tool:helper"

[project.entry-points."some.group"]
plugin = "my_tool.plugin"
"""


def write(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


def read(folder: Path, text: str) -> Project:
    project = read_project(write(folder, text))
    assert project is not None
    return project


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(InvalidOptionsError) as caught:
        read_project(write(folder, text))
    return f"{caught.value}\n{caught.value.hint}"


def test_no_file(tmp_path: Path) -> None:
    assert read_project(tmp_path) is None


def test_every_field_of_project(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/ABOUT.rst").write_text("About\n", encoding="utf-8")
    (tmp_path / "legal").mkdir()
    (tmp_path / "legal/MIT.txt").write_bytes(b"mit")
    project = read(tmp_path, BACKEND + FULL)
    assert project.uses_our_backend
    assert project.options == {
        "name": "My.Tool",
        "version": "1.2.0rc1",
        "description": "Does things",
        "license": "mit OR apache-2.0",
        "requires_python": ">=3.11",
        "author": "The Others",
        "author_email": "Jane Doe <jane@example.com>",
    }
    assert project.metadata.get("maintainer_email") == "help@example.com"
    assert project.metadata.get("description") == "About\n"
    assert project.metadata.get("description_content_type") == "text/x-rst"
    assert project.license_files == (("legal/MIT.txt", b"mit"),)
    assert project.metadata.get("classifiers") == ["Topic :: Utilities"]
    assert project.metadata.get("keywords") == ["a", "b"]
    assert project.metadata.get("requires_dist") == [
        'click>=8; python_version < "4"',
        'rich; extra == "extra"',
        'pywin32; sys_platform == "win32" and extra == "extra"',
    ]
    assert project.metadata.get("provides_extra") == ["extra"]
    assert project.metadata.get("project_urls") == {"Homepage": "https://example.com"}
    assert project.entry_points == {
        "console_scripts": {"helper": "my_tool:helper"},
        "some.group": {"plugin": "my_tool.plugin"},
    }


def test_names_of_extras_are_normalised(tmp_path: Path) -> None:
    text = '[project]\nname = "x"\nversion = "1"\noptional-dependencies.Big_One = ["rich"]\n'
    metadata = read(tmp_path, BACKEND + text).metadata
    assert (metadata["provides_extra"], metadata["requires_dist"]) == (
        ["big-one"],
        ['rich; extra == "big-one"'],
    )


def test_dynamic_fields_are_open_and_others_closed(tmp_path: Path) -> None:
    project = read(tmp_path, BACKEND + '[project]\nname = "x"\ndynamic = ["version", "license"]\n')
    assert not project.is_static("version")
    assert not project.is_static("license")
    assert project.is_static("description")
    assert project.is_static("urls")


def test_no_project_table_leaves_all_open(tmp_path: Path) -> None:
    project = read(tmp_path, "[tool.go-to-wheel]\nlauncher = 'python'\n")
    assert not project.metadata
    assert not project.is_static("version")
    assert project.settings.launcher == "python"
    assert not project.uses_our_backend


def test_table_about_something_else_is_not_used(tmp_path: Path) -> None:
    text = '[build-system]\nrequires = []\nbuild-backend = "hatchling.build"\n'
    project = read(tmp_path, text + '[project]\nname = "other"\nversion = "1"\n')
    assert not project.metadata
    assert project.note.startswith("pyproject.toml is for hatchling.build: its [project] table")


def test_an_empty_tool_table_counts(tmp_path: Path) -> None:
    text = '[build-system]\nrequires = []\nbuild-backend = "hatchling.build"\n[tool.go-to-wheel]\n'
    project = read(tmp_path, text + '[project]\nname = "tool"\nversion = "1"\n')
    assert project.options == {"name": "tool", "version": "1"}
    assert project.note == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[project\n", "can't read "),
        ('[project]\nname = "x"\n', 'Field "project.version" missing'),
        ('[project]\nname = "-"\nversion = "1"\nauthors = "me"\n', "pyproject.toml: "),
        ('[project]\nname = "x"\nversion = "1"\nreadme = "gone.md"\n', "gone.md"),
        ('[project]\nname = "x"\nversion = "1"\nlicense-files = ["no*"]\n', "no*"),
        ('[project]\nname = "x"\nversion = "1"\nlicense = { text = "MIT" }\n', "before PEP 639"),
        ('[project]\nname = "x"\nversion = "1"\ndependencies = ["a b"]\n', "a b"),
        ("tool.go-to-wheel = 3\n", "[tool.go-to-wheel] is not a table"),
        ("tool = 3\n", "pyproject.toml: [tool] is not a table but 3"),
        ("build-system = 'x'\n", "pyproject.toml: [build-system] is not a table but 'x'"),
        ("project = 3\n", "project"),
        ("[tool.go-to-wheel]\nplatform = 'native'\n", "'platform'; did you mean 'platforms'?"),
        (
            '[project]\nname = "x"\nversion = "1"\nscripts = { a = "b:c\\n[d]" }\n',
            "'b:c\\n[d]' can't be in an entry point",
        ),
        ('[project]\nname = ""\nversion = "1"\n', "project.name is empty"),
        ('[project]\nname = "x"\nversion = "1"\nnmae = "y"\n', "'nmae'"),
        (
            '[project]\nname = "x"\nversion = "1"\nreadme = { file = "gone.md", text = "" }\n',
            '"project.readme" must have exactly one of "file" or "text" keys\nsee its rules',
        ),
        ('[project]\nname = "x"\nversion = "1"\nreadme = ""\n', "readme file ''"),
        ("[tool.go_to_wheel]\n", "[tool.go_to_wheel] is unknown\nwrite [tool.go-to-wheel]"),
        ("[tool.Go-To-Wheel]\n", "[tool.Go-To-Wheel] is unknown"),
        ("\ufeff[tool.go-to-wheel]\n", " as UTF-8 without a byte order mark"),
        (f"x = {'[' * 5000}", "can't read "),
        ("[tool.go-to-wheel]\nzzz = 'native'\n", "has no key 'zzz'; its keys: module, package, "),
    ],
)
def test_faults_of_the_file(tmp_path: Path, text: str, words: str) -> None:
    assert words in refusal(tmp_path, text)


def test_all_faults_of_project_table_at_once(tmp_path: Path) -> None:
    said = refusal(tmp_path, '[project]\nname = "x"\nreadme = "gone.md"\nrequires-python = "4"\n')
    assert "gone.md" in said
    assert "project.version" in said
    assert "requires-python" in said


def test_commands_have_their_own_names() -> None:
    with pytest.raises(InvalidOptionsError, match="has both entry-point and commands"):
        parse_settings({"commands": {"a": "."}, "entry-point": "b"})


def test_settings() -> None:
    settings = parse_settings(
        {
            "module": "go",
            "package": ["./cmd/a", "./cmd/b"],
            "platforms": "linux-amd64, darwin-arm64",
            "python-source": "python",
            "vendor": True,
        }
    )
    assert settings.module == "go"
    assert settings.package == ("./cmd/a", "./cmd/b")
    assert settings.platforms == ("linux-amd64", "darwin-arm64")
    assert settings.python_source == "python"
    assert settings.vendor


def test_commands_and_one_package() -> None:
    assert parse_settings({"commands": {"b": "./cmd/b", "a": "."}}).commands == {
        "b": "./cmd/b",
        "a": ".",
    }
    assert parse_settings({"package": "./cmd/a"}).package == ("./cmd/a",)


@pytest.mark.parametrize("key", sorted(KEYS))
@pytest.mark.parametrize("value", [3, "", [], {}, [1], None])
def test_every_key_refuses_wrong_shapes(key: str, value: object) -> None:
    with pytest.raises(InvalidOptionsError) as caught:
        parse_settings({key: value})
    assert f"tool.go-to-wheel.{key} = {value!r} should be " in caught.value.message


@pytest.mark.parametrize(
    "table",
    [
        *({key: text} for key in ("module", "ldflags", "sdk") for text in ("a\0b", "\0", " \n")),
        *({key: ["a\0b"]} for key in ("package", "private", "sdist-include")),
        *(
            {key: text}
            for key in ("package", "platforms", "set-version-var")
            for text in (",", "a,")
        ),
        {"commands": {"": "."}},
        {"commands": {"a\0": "."}},
        {"data-files": {"share/x": ["a\0"]}},
        {"target": {"linux-amd64": {"ldflags": "-X\0"}}},
        {"launcher": "fast"},
        {"libc": "newlib"},
        {"glibc": "new"},
        {"entry-point": "a b"},
        {"tags": "a b"},
        {"tags": ["a,b"]},
    ],
)
def test_values_that_nothing_can_use(table: dict[str, object]) -> None:
    (key,) = table
    with pytest.raises(InvalidOptionsError, match=f"^pyproject.toml: tool.go-to-wheel.{key}.* = "):
        parse_settings(table)


def test_long_values_are_cut() -> None:
    for table in ({"launcher": "x" * 9999}, {"x" * 9999: 1}):
        with pytest.raises(InvalidOptionsError) as caught:
            parse_settings(table)
        assert len(caught.value.message) < 700


def test_all_faults_of_the_settings_at_once() -> None:
    with pytest.raises(InvalidOptionsError) as caught:
        parse_settings(
            {"lancher": "native", "vendor": "yes", "package": ".", "commands": {"a": "."}}
        )
    assert len(caught.value.problems) == 3
    assert caught.value.problems[0] == (
        "pyproject.toml: [tool.go-to-wheel] has no key 'lancher'; did you mean 'launcher'?"
    )
    assert caught.value.hint.endswith("configuration.md")


def test_another_folder_has_no_configured_commands(tmp_path: Path) -> None:
    names = 'commands = {a = "./cmd/a", b = "./cmd/b"}\nprivate = ["b"]\n'
    write(tmp_path, f'[tool.go-to-wheel]\nlauncher = "python"\n{names}')
    (tmp_path / "go.mod").write_text("module example.com/m\n")
    (tmp_path / "cmd/a").mkdir(parents=True)
    assert find_project(tmp_path).settings.private == ("b",)
    settings = find_project(tmp_path / "cmd/a").settings
    assert (settings.launcher, settings.commands, settings.private) == ("python", {}, ())
