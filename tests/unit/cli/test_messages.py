"""Text from strangers on a terminal: visible, on one line, and never obeyed."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from systems import needs_names
from wheel_factory import META, good

from go_to_wheel.check.wheel import read_wheel
from go_to_wheel.cli import check, inspect, run
from go_to_wheel.cli.messages import printable, visible

#: Escape sequences, line ends of all kinds, bidirectional and invisible characters, a workflow
#: command, markup and an emoji code of rich's.
NASTY = "a\x1b[2Jb\rc\x85d\u2028e\u202ef\u200bg\x07h [red]i[/] :bomb: ::error::j %0A\ud800"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("größe 文字 👩", "größe 文字 👩"),
        ("a\u00a0b", "a\u00a0b"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x1b[31m\x07\x7f\x9b", r"\x1b[31m\x07\x7f\x9b"),
        ("\u202e\u2066\u200b\u2028\x85", r"\u202e\u2066\u200b\u2028\x85"),
        ("\udcff\ud800\U000e0001", r"\udcff\ud800\U000e0001"),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_our_own_lines_stay() -> None:
    assert printable("a\n\tb\x1b") == "a\n\tb\\x1b"


@pytest.fixture
def nasty(tmp_path: Path) -> Path:
    """A wheel with such text wherever text is shown."""
    recipe = good()
    text = NASTY.encode("utf-8", "surrogatepass").decode("utf-8", "replace").replace("\r", "")
    folded = text.replace(" ", "\n ")
    recipe.edit(META, "Says hello\n", f"{folded}\nAuthor: {text}\nClassifier: {text}\n")
    recipe.files |= {f"hello/{text}.py": b"", "hello-1.0.dist-info/licenses/\x1b\n": b""}
    path = tmp_path / recipe.file
    path.write_bytes(recipe.build())
    return path


@pytest.mark.parametrize("form", ["table", "github", "json"])
def test_check_prints_nothing_raw(nasty: Path, form: str) -> None:
    result = CliRunner().invoke(check.command, [str(nasty), "--expect", "none", "--format", form])
    assert result.exit_code == 1
    lines = result.stdout.split("\n")
    assert all(line.isprintable() for line in lines)
    if form == "github":
        assert all(line.startswith(("::", "Checked")) for line in lines if line)
        assert all(line.count("::") >= 2 for line in lines if line.startswith("::"))
    elif form == "json":
        assert json.loads(result.stdout)["ok"] is False
        assert result.stdout.isascii()
    else:
        assert "[red]" in result.stdout
        assert ":bomb:" in result.stdout


def test_inspect_prints_nothing_raw(nasty: Path) -> None:
    result = CliRunner().invoke(inspect.command, [str(nasty), "--all"])
    assert result.exit_code == 0
    lines = result.stdout.split("\n")
    assert all(line.isprintable() for line in lines)
    assert sum(line.startswith("wheel ") for line in lines) == 1


@needs_names
def test_error_names_a_file_on_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad\n\x1b-1.0-py3-none-any.whl"
    path.write_bytes(b"x")
    assert run(["inspect", str(path)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert all(line.isprintable() and line.startswith("go-to-wheel: ") for line in lines)


def test_headers_stay_text() -> None:
    """Whatever METADATA's bytes are, `inspect` has strings to show."""
    recipe = good()
    recipe.files[META] = recipe.files[META].replace(b"Says hello", b"\xff\xfe \xe9")
    summary = read_wheel(io.BytesIO(recipe.build()), recipe.file).metadata["Summary"]
    assert visible(str(summary)) == "\ufffd\ufffd \ufffd"
