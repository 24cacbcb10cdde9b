"""The command line of a build -> its request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import click
import pytest
from click.testing import CliRunner

from go_to_wheel.cli import cli
from go_to_wheel.cli.build import OPTIONS, command, parse_request
from go_to_wheel.config.request import BuildRequest


def test_no_options_are_an_empty_request() -> None:
    assert parse_request(["."]) == BuildRequest(".")


def test_flags_are_as_every_click_reads_them() -> None:
    flags = [param for param in command.params if getattr(param, "is_flag", False)]
    assert {"dev", "dependency_licenses", "cgo", "keep_going"} <= {flag.name for flag in flags}
    # releases of click differ in what they make of other defaults, and of other values
    assert all(flag.default is not True for flag in flags)
    assert all(getattr(flag, "flag_value", True) is not False for flag in flags)


def test_every_option_sets_its_field() -> None:
    args = (
        "--name n --version v --output-dir o --entry-point e --platforms p,q --go-binary g "
        "--description d --license l --author a --author-email m --url u --requires-python r "
        "--readme f --set-version-var x --set-version-var y --ldflags=-s --package ./a "
        "--package-path ./b --binary linux-amd64=t --set main.a=b=c --tags t,u "
        "--launcher python --dev --no-dependency-licenses --cgo --cc c --libc musl "
        "--glibc 2.28 --sdk s --jobs 2 --keep-going"
    )
    asked = parse_request([".", *args.split()])
    assert asked == BuildRequest(
        ".", name="n", version="v", output_dir="o", entry_point="e", platforms="p,q",
        go_binary="g", description="d", license="l", author="a", author_email="m", url="u",
        requires_python="r", readme="f", set_version_var=("x", "y"), ldflags="-s",
        package=("./a", "./b"), binaries=("linux-amd64=t",), set_values={"main.a": "b=c"},
        tags="t,u", launcher="python", dev=True, dependency_licenses=False, cgo=True,
        cc="c", libc="musl", glibc="2.28", sdk="s", jobs=2, keep_going=True,
    )  # fmt: skip
    unset = vars(BuildRequest("."))
    assert {name for name, value in vars(asked).items() if value != unset[name]} == {*OPTIONS}


def test_several_sources_are_prebuilt_binaries() -> None:
    asked = parse_request(["a.zip", "b.zip", "--binary", "linux-amd64=c"])
    assert asked == replace(BuildRequest(""), binaries=("a.zip", "b.zip", "linux-amd64=c"))


def test_a_path_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "go").touch(mode=0o111)
    with patch("os.access", return_value=False):  # root may read anything
        assert parse_request(["gone", "--go-binary", str(tmp_path / "go")]).go_binary


@pytest.mark.parametrize(
    "args",
    [
        *(["check", ""], ["check", "a.whl", " "], ["inspect", ""], ["init", ""], ["sdist", ""]),
        *(["verify", ""], ["verify", "a.whl", "--source="], ["build", ""], ["build", "a", ""]),
        *(["check", "--platform=", "x"], ["check", "--index-url=", "x"], ["check", "--expect="]),
        ["check", "--test-command= "],
    ],
)
def test_empty_arguments_are_refused_everywhere(args: list[str]) -> None:
    result = CliRunner().invoke(cli, args)
    assert result.exit_code == 2
    assert result.output.count("is empty.") == 1


@pytest.mark.parametrize("args", [["--name="], ["--binary", " "], ["--package-path="], ["--set="]])
def test_an_empty_option_is_refused(args: list[str]) -> None:
    with pytest.raises(click.UsageError, match=f"Option '{args[0].strip('=')[:9]}.*' is empty"):
        parse_request([".", *args])
