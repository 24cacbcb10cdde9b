"""Which value wins: flag, then pyproject.toml, then what was detected, then a default."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from packaging.metadata import RawMetadata

from go_to_wheel.binary.facts import BinaryFacts
from go_to_wheel.config.merge import merge
from go_to_wheel.config.options import Detected, Identity, Problem, Value
from go_to_wheel.config.pyproject import CORE_NAMES, Project, Settings
from go_to_wheel.config.request import BuildRequest
from go_to_wheel.config.resolve import resolve
from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.platforms import DEFAULT_TARGETS, Target, native_target, parse_selection
from go_to_wheel.sources.module import ModuleSource
from go_to_wheel.sources.prebuilt import BinarySource, PrebuiltBinary
from go_to_wheel.sources.readme import ProjectFiles, Readme

IDENTITY = Identity(
    version=Value("v1.4.0", "git tag v1.4.0"),
    urls=(("Source", Value("https://github.com/o/tool", "module path")),),
)
AROUND = Detected(
    source=ModuleSource(Path(), ("./cmd/my-tool",), "github.com/o/tool/v2"),
    project=Project(Path()),
    files=ProjectFiles(
        Readme("# My tool\n", "text/markdown"), (("LICENSE", b"text"),), "README.md"
    ),
    native=native_target("linux", "x86_64"),
    epoch=315532800,
    identity=IDENTITY,
    summary=Value("Does things", "doc comment"),
    license=Value("MIT", "recognised in LICENSE: MIT, 100% of the text"),
)


LINUX, ARM, *_ = DEFAULT_TARGETS


def prebuilt(target: Target, command: str = "") -> PrebuiltBinary:
    return PrebuiltBinary(target, Path(), BinaryFacts("elf", "linux", ""), b"", command=command)


PREBUILT = replace(AROUND, binaries=BinarySource((prebuilt(LINUX), prebuilt(ARM))))


def table(*dynamic: str, **values: Any) -> Project:
    """A [project] table with these values."""
    metadata = {CORE_NAMES.get(name, name): value for name, value in values.items()}
    return Project(
        Path(),
        metadata=cast("RawMetadata", {"name": "named", **metadata}),
        dynamic=frozenset(dynamic),
        uses_our_backend=True,
    )


def ask(around: Detected = AROUND, **options: Any) -> Any:
    request = BuildRequest(source=".", **options)
    merged = merge(request, around.project, prebuilt=around.binaries is not None)
    return resolve(merged, around)


def refusal(around: Detected = AROUND, **options: Any) -> InvalidOptionsError:
    with pytest.raises(InvalidOptionsError) as caught:
        ask(around, **options)
    return caught.value


def test_nothing_asked_everything_detected() -> None:
    options = ask()
    project = options.metadata
    assert (project.get("name"), project.get("version")) == ("my-tool", "1.4.0")
    assert (project.get("summary"), project.get("license_expression")) == ("Does things", "MIT")
    assert project.get("project_urls") == {"Source": "https://github.com/o/tool"}
    assert project.get("requires_python") == ">=3.10"
    assert options.commands == ("my-tool",)
    assert options.targets == DEFAULT_TARGETS
    assert options.notes == ()
    assert options.origins == {
        "platforms": "default",
        "launcher": "default",
        "ldflags": "default",
        "readme": "README.md",
        "name": "package github.com/o/tool/v2/cmd/my-tool",
        "commands": "the name",
        "version": "git tag v1.4.0",
        "summary": "doc comment",
        "requires_python": "default",
        "license": "recognised in LICENSE: MIT, 100% of the text",
        "urls": "module path",
    }


def test_the_flag_replaces_a_stated_page() -> None:
    urls = {"Docs": "https://docs.example.com", "Homepage": "https://old.example.com"}
    project = table(version="3.0", project_urls=urls)
    options = ask(replace(AROUND, project=project), url="https://example.com")
    assert list(options.metadata["project_urls"].items()) == [
        ("Homepage", "https://example.com"),
        ("Docs", "https://docs.example.com"),
    ]


def test_other_fields_are_in_the_metadata() -> None:
    project = table(
        version="3.0", classifiers=["A", "B"], keywords=[], maintainer_email="a@example.com"
    )
    found = ask(replace(AROUND, project=project)).metadata
    assert found["classifiers"] == ["A", "B"]
    assert found["maintainer_email"] == "a@example.com"
    assert "keywords" not in found


def test_line_ends_of_the_description() -> None:
    files = replace(AROUND.files, readme=Readme("# A\r\n\nb\n", "text/markdown"))
    found = ask(replace(AROUND, files=files)).metadata
    assert found["description"] == "# A\n\nb\n"
    assert found["description_content_type"] == "text/markdown"


def test_flags_win_over_everything() -> None:
    project = table(version="3.0", description="From the table", license="ISC")
    options = ask(
        replace(AROUND, project=project),
        name="flagged", version="2.0", description="From the flag", license="0BSD",
        url="https://example.com",
    )  # fmt: skip
    found = options.metadata
    assert (found.get("name"), found.get("version"), found.get("summary")) == (
        "flagged",
        "2.0",
        "From the flag",
    )
    assert found.get("license_expression") == "0BSD"
    assert found.get("project_urls") == {"Homepage": "https://example.com"}
    assert {options.origins[key] for key in ("name", "version", "license")} == {
        "--name",
        "--version",
        "--license",
    }


def test_the_table_wins_over_detected_values() -> None:
    options = ask(replace(AROUND, project=table(version="3.0", description="From the table")))
    assert (options.metadata.get("version"), options.metadata.get("summary")) == (
        "3.0",
        "From the table",
    )
    assert options.origins["version"] == "pyproject.toml, project.version"


@pytest.mark.parametrize(
    ("settings", "options", "origins"),
    [
        (
            Settings(entry_point="ex"),
            {},
            {"commands": "pyproject.toml, tool.go-to-wheel.entry-point"},
        ),
        (Settings(entry_point="ex"), {"entry_point": "why"}, {"commands": "--entry-point"}),
        (
            Settings(commands={"ex": "."}),
            {},
            {
                "commands": "pyproject.toml, tool.go-to-wheel.commands",
                "package": "pyproject.toml, tool.go-to-wheel.commands",
            },
        ),
        (
            Settings(package=(".",)),
            {},
            {"commands": "the name", "package": "pyproject.toml, tool.go-to-wheel.package"},
        ),
        (
            Settings(package=(".",)),
            {"package": "./x"},
            {"commands": "the name", "package": "--package"},
        ),
    ],
)
def test_where_settings_come_from(
    settings: Settings, options: dict[str, str], origins: dict[str, str]
) -> None:
    project = Project(Path(), settings)
    found = ask(replace(AROUND, project=project), **options).origins
    keys = ("commands", "package")
    assert {key: found[key] for key in keys if key in found} == origins


def test_a_closed_table_keeps_fields_empty() -> None:
    found = ask(replace(AROUND, project=table(version="3.0"))).metadata
    assert found.get("summary") is None
    assert found.get("license_expression") is None
    assert found.get("requires_python") is None
    assert found.get("description") is None
    assert "project_urls" not in found


def test_dynamic_fields_are_detected() -> None:
    dynamic = ("version", "description", "license", "urls", "readme", "requires-python")
    found = ask(replace(AROUND, project=table(*dynamic))).metadata
    assert found.get("name") == "named"
    assert (found.get("version"), found.get("summary"), found.get("license_expression")) == (
        "1.4.0",
        "Does things",
        "MIT",
    )
    assert found.get("project_urls") == {"Source": "https://github.com/o/tool"}
    assert found.get("description") is not None


def test_no_version_anywhere_is_said() -> None:
    options = ask(replace(AROUND, identity=Identity(), summary=None))
    assert options.metadata.get("version") == "0.1.0"
    assert options.notes == (
        "no version found; using 0.1.0 (set --version)",
        "neither the doc comment nor the README has a sentence about the program: "
        "the summary is 'Go binary packaged as Python wheel' (set --description)",
    )
    assert options.metadata.get("summary") == "Go binary packaged as Python wheel"


DEV = replace(
    IDENTITY,
    version=Value("v1.4.1-0.20240102030405-abcdef012345", "git commit abcdef012345"),
    why_unreleased="no version tag points at commit abcdef012345",
)


def test_a_development_version_is_refused() -> None:
    error = refusal(replace(AROUND, identity=DEV))
    assert error.message == (
        "version '1.4.1.dev20240102030405' is not a release: "
        "no version tag points at commit abcdef012345"
    )
    assert error.hint == (
        "tag the commit: git tag v1.2.3\nor set --version=1.2.3, or accept this one: --dev"
    )


@pytest.mark.parametrize(
    ("prefix", "tag"), [(None, "tools/x/v1.2.3"), ("release-", "release-1.2.3"), ("", "1.2.3")]
)
def test_the_suggested_tag_fits_the_project(prefix: str | None, tag: str) -> None:
    project = Project(Path(), Settings(tag_prefix=prefix))
    around = replace(AROUND, identity=replace(DEV, subfolder="tools/x/"), project=project)
    assert refusal(around).hint.startswith(f"tag the commit: git tag {tag}\n")


def test_a_tagged_commit_with_changed_files() -> None:
    changed = replace(DEV, why_unreleased="files differ from tag v1.4.0: a is new")
    hint = refusal(replace(AROUND, identity=changed)).hint
    assert hint.startswith("see the files: git status\n")
    assert "git tag" not in hint


def test_a_development_version_on_request() -> None:
    around = replace(AROUND, identity=DEV)
    assert ask(around, dev=True).metadata.get("version") == "1.4.1.dev20240102030405"
    assert ask(around, version="5").metadata.get("version") == "5"
    assert ask(replace(around, project=table(version="6"))).metadata.get("version") == "6"


def test_an_unknown_licence_is_said_not_guessed() -> None:
    unknown = "LICENSE: it contains MIT and other text"
    options = ask(replace(AROUND, license=None, why_no_license=unknown))
    assert options.metadata.get("license_expression") is None
    assert options.notes == (
        "the licence is unknown, so none is stated; "
        "LICENSE: it contains MIT and other text (set --license)",
    )


def test_settings_fill_in_what_flags_leave_open() -> None:
    settings = Settings(
        platforms=("linux-arm64",), launcher="python", ldflags="-X main.a=b", entry_point="tool"
    )
    around = replace(AROUND, project=Project(Path(), settings))
    options = ask(around)
    assert [target.name for target in options.targets] == ["linux-arm64"]
    assert (options.launcher, options.commands) == ("python", ("tool",))
    assert options.ldflags == "-s -w -X main.a=b"
    flagged = ask(
        around, platforms=["windows-amd64"], launcher="native", ldflags="", entry_point="x"
    )
    assert [target.name for target in flagged.targets] == ["windows-amd64"]
    assert (flagged.launcher, flagged.commands, flagged.ldflags) == ("native", ("x",), "-s -w")


def test_the_variable_gets_the_detected_version() -> None:
    assert ask(set_version_var="main.version").ldflags == "-s -w -X main.version=1.4.0"
    given = ask(set_version_var="main.version", version="v2.0.0-rc.1")
    assert given.ldflags == "-s -w -X main.version=v2.0.0-rc.1"
    assert ask(set_version_var="auto").ldflags == "-s -w"


def test_the_version_variable_that_was_found() -> None:
    options = ask(replace(AROUND, version_variable="main.version"), set_version_var="auto")
    assert options.ldflags == "-s -w -X main.version=1.4.0"
    assert options.variables == {"main.version": "set-version-var"}
    assert options.origins["ldflags"] == "--set-version-var"


def test_detected_faults_are_among_the_others() -> None:
    problem = Problem("set-version-var 'main.x' has no effect", "its string variables: main.y")
    error = refusal(replace(AROUND, problems=(problem,)), version="x")
    assert len(error.problems) == 2
    assert problem.message in error.problems
    assert problem.hint in error.hint


STAMPS = {"commit": "abc", "short-commit": "a", "tag": "v1.4.0", "date": "2024-01-02T03:04:05Z"}
STAMPED = replace(AROUND, identity=replace(IDENTITY, placeholders=STAMPS))


def test_values_for_other_variables() -> None:
    values = {"main.commit": "{commit}", "main.built": "{version} of {date} by me"}
    options = ask(STAMPED, set_values=values, set_version_var=["main.version", "main.v"])
    assert options.ldflags == (
        "-s -w -X main.version=1.4.0 -X main.v=1.4.0 -X main.commit=abc "
        "-X 'main.built=1.4.0 of 2024-01-02T03:04:05Z by me'"
    )
    assert options.variables == {
        "main.version": "set-version-var",
        "main.v": "set-version-var",
        "main.commit": "set",
        "main.built": "set",
    }


def test_values_of_pyproject_and_of_flags() -> None:
    settings = Settings(set_values={"main.a": "{tag}"}, ldflags="-X main.b=c")
    around = replace(STAMPED, project=Project(Path(), settings))
    assert ask(around).ldflags == "-s -w -X main.a=v1.4.0 -X main.b=c"
    assert ask(around).variables == {"main.a": "set", "main.b": "ldflags -X"}
    assert ask(around, set_values={}, ldflags="").ldflags == "-s -w"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{commit}", "the commit in '{commit}' is not known here"),
        ("{branch}", "{branch} is none of {version}, {tag}, {commit}, {short-commit}, {date}"),
        ('it\'s "x"', "has both kinds of quotes"),
    ],
)
def test_values_that_cannot_be(value: str, words: str) -> None:
    error = refusal(set_values={"main.a": value})
    assert words in error.message
    assert "--set main." in error.hint


def test_a_source_archive_has_no_commit() -> None:
    packed = replace(AROUND, identity=replace(IDENTITY, from_archive=True))
    options = ask(packed, set_values={"main.commit": "{commit}"})
    assert options.ldflags == "-s -w"
    assert options.notes == ("main.commit is not set: a source archive has no commit",)


def test_build_tags() -> None:
    around = replace(AROUND, project=Project(Path(), Settings(tags=("a", "b"))))
    assert ask(around).request.build_tags_for(LINUX) == ("a", "b")
    assert ask(around, tags="c,d").request.build_tags_for(LINUX) == ("c", "d")
    assert ask(around, tags=" c , d").request.build_tags_for(LINUX) == ("c", "d")
    assert ask(around, tags=["c", "c"]).request.build_tags_for(LINUX) == ("c",)
    assert ask(around, tags=[]).request.build_tags_for(LINUX) == ()
    assert ask(around, tags=["c"]).origins["tags"] == "--tags"
    assert "tag '-x y' is not a build tag" in refusal(tags=["-x y"]).message


def test_a_universal_program_has_both_images_settings() -> None:
    (both,) = parse_selection(["darwin-universal2"])
    table = {"darwin-arm64": {"ldflags": "-X main.a=b", "tags": ["x"]}}
    project = Project(Path(), Settings(tags=("all",), target=table))
    options = ask(replace(AROUND, project=project))
    assert options.request.build_tags_for(both) == ("all", "x")
    listed = "darwin-amd64: -s -w | darwin-arm64: -s -w -X main.a=b"
    assert options.ldflags_for(both) == listed
    same = dict.fromkeys(("darwin-amd64", "darwin-arm64"), table["darwin-arm64"])
    project = Project(Path(), Settings(target=same))
    options = ask(replace(AROUND, project=project))
    assert options.request.build_tags_for(both) == ("x",)
    assert options.ldflags_for(both) == "-s -w -X main.a=b"


def test_a_variable_needs_a_package() -> None:
    message = refusal(set_values={"commit": "x"}).message
    assert message == "set 'commit' is not PACKAGE.VARIABLE (write 'main.version')"


SEVERAL = replace(AROUND, source=replace(AROUND.source, packages=("./cmd/a", "./cmd/b")))


def test_several_commands() -> None:
    options = ask(SEVERAL)
    assert options.commands == ("a", "b")
    assert options.metadata.get("name") == "tool"
    project = Project(Path(), Settings(commands={"first": "./cmd/a", "second": "./cmd/b"}))
    named = ask(replace(SEVERAL, project=project))
    assert named.commands == ("first", "second")
    assert named.origins["commands"] == "pyproject.toml, tool.go-to-wheel.commands"


def test_names_of_several_prebuilt_binaries() -> None:
    found = BinarySource((prebuilt(LINUX, "second"), prebuilt(LINUX, "first")))
    options = ask(replace(SEVERAL, binaries=found))
    assert options.commands == ("first", "second")
    assert options.origins["commands"] == "the files' names"


PRIVATE = Settings(commands={"a": "./cmd/a", "b": "./cmd/b"}, private=("b",))


def test_private_commands_of_other_packages() -> None:
    project = Project(Path(), PRIVATE)
    whole = ask(replace(SEVERAL, project=project))
    assert (whole.commands, whole.request.private) == (("a", "b"), ("b",))
    asked = ask(replace(AROUND, project=project), package="./cmd/my-tool")
    assert (asked.commands, asked.request.private) == (("my-tool",), ())
    wrong = replace(SEVERAL, project=Project(Path(), replace(PRIVATE, private=("c",))))
    error = refusal(wrong)
    assert error.message == "private 'c' is none of the commands: a, b"
    assert error.hint == "correct it in pyproject.toml: tool.go-to-wheel.private"


@pytest.mark.parametrize("flag", ["entry_point", "name"])
def test_a_flag_names_a_private_command(flag: str) -> None:
    around = replace(AROUND, project=Project(Path(), Settings(private=("my-tool",))))
    assert ask(around).request.private == ("my-tool",)
    assert ask(around, **{flag: "other"}).commands == ("other",)


def test_private_commands_of_a_release() -> None:
    around = replace(PREBUILT, project=Project(Path(), PRIVATE))
    assert ask(around, name="a").commands == ("a",)
    binaries = BinarySource((prebuilt(LINUX, "a"), prebuilt(LINUX, "c")))
    both = replace(SEVERAL, binaries=binaries, project=Project(Path(), PRIVATE))
    assert refusal(both).message == "private 'b' is none of the commands: a, c"


def test_the_files_entry_point_is_its_packages() -> None:
    around = replace(AROUND, project=Project(Path(), Settings(entry_point="x")))
    assert ask(around).commands == ("x",)
    assert ask(around, package="./cmd/my-tool").commands == ("my-tool",)
    several = replace(SEVERAL, project=around.project)
    assert ask(several, package=["./cmd/a", "./cmd/b"]).commands == ("a", "b")
    release = BinarySource((prebuilt(LINUX, "a"), prebuilt(LINUX, "b")))
    assert ask(replace(several, binaries=release)).commands == ("a", "b")
    assert "can't name 2 commands" in refusal(several).message


def test_the_command_line_names_a_single_command() -> None:
    project = Project(Path(), Settings(commands={"first": "."}))
    options = ask(replace(AROUND, project=project), entry_point="second")
    assert options.commands == ("second",)
    assert options.origins["commands"] == "--entry-point"
    assert ask(replace(AROUND, project=project)).commands == ("first",)


def test_several_commands_that_clash() -> None:
    twice = replace(SEVERAL, source=ModuleSource(Path(), ("./cmd/a", "./tools/a"), "e.com/m"))
    assert refusal(twice).message == "two packages have the command 'a'"
    error = refusal(SEVERAL, entry_point="x")
    assert error.message == "entry-point 'x' can't name 2 commands"
    assert "[tool.go-to-wheel.commands]" in error.hint


def test_a_command_cannot_be_a_script_too() -> None:
    project = Project(Path(), entry_points={"console_scripts": {"my-tool": "x:y"}})
    message = refusal(replace(AROUND, project=project)).message
    assert message == "command 'my-tool' is the Go program and a script of pyproject.toml too"


def test_targets_of_prebuilt_binaries() -> None:
    assert ask(PREBUILT).targets == DEFAULT_TARGETS[:2]


def test_all_faults_at_once() -> None:
    error = refusal(
        name="1", version="x", url="nowhere", license="Nope", author_email="me", launcher="fast",
        requires_python="three", description="a\nb", jobs=0, platforms=["linux"],
    )  # fmt: skip
    assert len(error.problems) == 10


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"tags": ["netgo"]}, "--tags"),
        ({"set_values": {"main.a": "b"}}, "--set"),
        ({"set_version_var": "main.version", "ldflags": "-s"}, "--ldflags and --set-version-var"),
    ],
)
def test_compiler_options_change_no_prebuilt_binary(asked: dict[str, Any], named: str) -> None:
    assert refusal(PREBUILT, **asked).message == f"{named} can't change prebuilt binaries"


def test_compiler_settings_skip_prebuilt_binaries() -> None:
    settings = Settings(tags=("netgo",), ldflags="-X main.a=b", set_version_var=("main.v",))
    options = ask(replace(PREBUILT, project=Project(Path(), settings=settings)))
    assert (options.request.tags, options.ldflags, options.variables) == (None, "", {})


def test_where_the_linker_flags_come_from() -> None:
    assert ask(AROUND).origins["ldflags"] == "default"
    asked = ask(AROUND, ldflags="-w", set_values={"main.a": "b"}).origins["ldflags"]
    assert asked == "--ldflags, --set"
    assert ask(AROUND, set_values={"main.a": "b"}).origins["ldflags"] == "--set"
    project = Project(Path(), settings=Settings(set_version_var=("main.v",)))
    found = ask(replace(AROUND, project=project)).origins["ldflags"]
    assert found == "pyproject.toml, tool.go-to-wheel.set-version-var"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cc": "gcc", "platforms": ["linux-amd64"]}, "about C, which is not compiled"),
        ({"cgo": True, "cc": "gcc"}, "--cc 'gcc' is a compiler for one platform"),
        ({"libc": "glibc"}, "about C, which is not compiled"),
        ({"cgo": True, "libc": "musl", "glibc": "2.28"}, "no meaning with --libc musl"),
        ({"cgo": True, "glibc": "2.5"}, "glibc '2.5' is not a version from 2.17 on"),
        ({"cgo": True, "glibc": "new"}, "glibc 'new' is not a version"),
    ],
)
def test_c_libraries_that_make_no_sense(options: dict[str, Any], words: str) -> None:
    assert words in str(refusal(**options))


def test_c_libraries_of_the_configuration() -> None:
    project = Project(Path(), settings=Settings(cgo=True, libc="newlib"))
    assert "libc 'newlib' is unknown" in str(refusal(replace(AROUND, project=project)))
    ask(cgo=True, libc="glibc", glibc="2.28")


@pytest.mark.parametrize(
    ("stated", "asked", "oldest"),
    [
        ({"glibc": "2.28"}, {"libc": "musl"}, ""),
        ({"libc": "musl"}, {"glibc": "2.31"}, "2.31"),
        ({"glibc": "2.28"}, {"libc": "glibc"}, "2.28"),
    ],
)
def test_the_command_line_chooses_the_c_library(
    stated: dict[str, Any], asked: dict[str, Any], oldest: str
) -> None:
    project = Project(Path(), settings=Settings(cgo=True, **stated))
    assert ask(replace(AROUND, project=project), **asked).request.oldest_glibc == oldest
