"""What goes into the wheel: the template's own bytes and the constants file."""

from __future__ import annotations

import ast
import runpy
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from systems import needs_scripts

from go_to_wheel.wheel.entries import render_launcher

TEMPLATE = files("go_to_wheel.wheel.launcher") / "template"
SAMPLE = {
    "DISTRIBUTION": "example-program",
    "VERSION": "1.0",
    "COMMANDS": ("example-program",),
}


def test_entries_are_the_template() -> None:
    entries = render_launcher(SAMPLE)
    assert list(entries) == [
        "__init__.py",
        "__main__.py",
        "_constants.py",
        "_find.py",
        "py.typed",
    ]
    for name, content in entries.items():
        if name != "_constants.py":
            assert content == (TEMPLATE / name).read_bytes()


def test_no_file_of_template_is_left_out() -> None:
    names = {path.name for path in TEMPLATE.iterdir() if path.is_file()}
    assert names == set(render_launcher(SAMPLE))


def test_constants_golden() -> None:
    constants = {
        "DISTRIBUTION": "my-tool",
        "VERSION": "1.5rc1",
        "COMMANDS": ("my-tool", "my-tool-server"),
        "LAYOUT": "python",
        "EXECUTABLE_SUFFIX": ".exe",
        "EDITABLE_BINARIES": {"my-tool": 'C:\\out\\it\'s "here"\\my-tool.exe'},
    }
    assert render_launcher(constants)["_constants.py"].decode() == (
        '"""What varies between wheels; written when this one was built."""\n'
        "\n"
        "from __future__ import annotations\n"
        "\n"
        "DISTRIBUTION: str = 'my-tool'\n"
        "VERSION: str = '1.5rc1'\n"
        "COMMANDS: tuple[str, ...] = ('my-tool', 'my-tool-server')\n"
        "LAYOUT: str = 'python'\n"
        "EXECUTABLE_SUFFIX: str = '.exe'\n"
        "EDITABLE_BINARIES: dict[str, str] = "
        "{'my-tool': 'C:\\\\out\\\\it\\'s \"here\"\\\\my-tool.exe'}\n"
        "NESTED: bool = False\n"
        "PRIVATE: tuple[str, ...] = ()\n"
    )


def test_template_constants_are_what_would_be_written() -> None:
    """The template's own constants file, against which the rest is type-checked."""
    written = ast.parse(render_launcher(SAMPLE)["_constants.py"])
    expected = ast.parse((TEMPLATE / "_constants.py").read_text())
    assert ast.dump(written) == ast.dump(expected)


@given(st.text(), st.text(), st.lists(st.text(), min_size=1), st.text())
def test_any_value_survives(name: str, version: str, commands: list[str], path: str) -> None:
    """Quotes, line ends and the like in a value stay data."""
    constants = {
        "DISTRIBUTION": name,
        "VERSION": version,
        "COMMANDS": tuple(commands),
        "EDITABLE_BINARIES": {commands[0]: path},
    }
    module: dict[str, object] = {}
    exec(render_launcher(constants)["_constants.py"], module)
    assert module["DISTRIBUTION"] == name
    assert module["VERSION"] == version
    assert module["COMMANDS"] == tuple(commands)
    assert module["EDITABLE_BINARIES"] == {commands[0]: path}


@pytest.mark.parametrize("name", sorted(render_launcher(SAMPLE)))
def test_syntax_of_python_3_8(name: str) -> None:
    ast.parse(render_launcher(SAMPLE)[name], feature_version=(3, 8))


class TestPublicFunctions:
    """get_binary_path, run and the package's other names."""

    @pytest.fixture
    def package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        """Write a launcher with two commands whose programs are shell scripts."""
        name = "launcher_under_test"
        commands = ("first", "second")
        constants = {
            "DISTRIBUTION": "my-tool",
            "VERSION": "1.5",
            "COMMANDS": commands,
            "LAYOUT": "python",
        }
        (tmp_path / name / "bin").mkdir(parents=True)
        for path, content in render_launcher(constants).items():
            (tmp_path / name / path).write_bytes(content)
        for command in commands:
            program = tmp_path / name / "bin" / command
            program.write_text(f'#!/bin/sh\necho {command} "$@"\n')
            program.chmod(0o755)
        monkeypatch.syspath_prepend(tmp_path)
        yield name
        for module in [module for module in sys.modules if module.split(".")[0] == name]:
            del sys.modules[module]

    def test_names(self, package: str) -> None:
        module = __import__(package)
        assert module.__version__ == "1.5"
        assert all(hasattr(module, name) for name in module.__all__)

    def test_first_command_is_the_default(self, package: str, tmp_path: Path) -> None:
        module = __import__(package)
        assert module.get_binary_path() == str(tmp_path / package / "bin/first")
        assert module.get_binary_path("second") == str(tmp_path / package / "bin/second")

    def test_unknown_command(self, package: str) -> None:
        with pytest.raises(ValueError, match="no command") as caught:
            __import__(package).get_binary_path("third")
        assert str(caught.value) == "my-tool has no command 'third'; it has: first, second"

    @needs_scripts
    def test_run(self, package: str) -> None:
        module = __import__(package)
        done = module.run(["a b", Path("c")], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "first a b c\n")
        assert module.run(command="second", stdout=-1).stdout == b"second\n"

    def test_run_takes_no_single_text(self, package: str) -> None:
        with pytest.raises(TypeError, match="not the single text '--version'"):
            __import__(package).run("--version")

    def test_errors_are_reachable(self, package: str, tmp_path: Path) -> None:
        module = __import__(package)
        (tmp_path / package / "bin/first").unlink()
        with pytest.raises(module.ProgramNotFound):
            module.get_binary_path()

    def test_importing_main_module_starts_nothing(self, package: str) -> None:
        runpy.run_module(f"{package}.__main__", run_name="imported")
