"""`build_wheel` and the tables of go-to-wheel 0.2, which released programs import."""

from __future__ import annotations

import inspect
import zipfile
from pathlib import Path

import pytest
from installer.sources import WheelFile
from packaging.metadata import Metadata

import go_to_wheel
from go_to_wheel import DEFAULT_PLATFORMS, PLATFORM_MAPPINGS, build_wheel

#: As 0.2 has it.
SIGNATURE = (
    "(binary_path: str, output_dir: str, name: str, version: str, platform_tag: str, "
    "entry_point: str, is_windows: bool = False, "
    "description: str = 'Go binary packaged as Python wheel', requires_python: str = '>=3.10', "
    "author: str | None = None, author_email: str | None = None, license_: str | None = None, "
    "url: str | None = None, readme_content: str | None = None) -> str"
)


def test_the_signature() -> None:
    assert str(inspect.signature(build_wheel)).replace("'", "") == SIGNATURE.replace("'", "")


def test_the_tables() -> None:
    assert list(PLATFORM_MAPPINGS) == DEFAULT_PLATFORMS
    assert len(DEFAULT_PLATFORMS) == 8
    assert PLATFORM_MAPPINGS["linux-arm64-musl"] == ("linux", "arm64", "musllinux_1_2_aarch64")
    assert PLATFORM_MAPPINGS["windows-amd64"] == ("windows", "amd64", "win_amd64")
    assert set(go_to_wheel.__all__) <= set(dir(go_to_wheel.api)) | {"__version__"}


@pytest.fixture
def binary(tmp_path: Path) -> str:
    path = tmp_path / "tool"
    path.write_bytes(b"\x7fELF program")
    return str(path)


@pytest.mark.parametrize("platform", DEFAULT_PLATFORMS)
def test_a_release_script_of_0_2(tmp_path: Path, binary: str, platform: str) -> None:
    goos, _, tag = PLATFORM_MAPPINGS[platform]
    path = build_wheel(
        binary,
        str(tmp_path / "dist"),
        "my-tool",
        "1.2.3",
        tag,
        "tool",
        is_windows=goos == "windows",
    )
    assert path == str(tmp_path / "dist" / f"my_tool-1.2.3-py3-none-{tag}.whl")
    suffix = ".exe" if goos == "windows" else ""
    with zipfile.ZipFile(path) as archive:
        assert archive.read(f"my_tool/bin/tool{suffix}") == b"\x7fELF program"
        points = archive.read("my_tool-1.2.3.dist-info/entry_points.txt").decode()
        assert points == "[console_scripts]\ntool = my_tool:main\n"
    with WheelFile.open(path) as source:
        source.validate_record()


def metadata(path: str) -> Metadata:
    with zipfile.ZipFile(path) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        return Metadata.from_email(archive.read(name))


def test_every_value(tmp_path: Path, binary: str) -> None:
    found = metadata(
        build_wheel(
            binary, str(tmp_path), "tool", "v1.0-rc.1", "win_amd64", "tool", True, "Does things",
            ">=3.9", "Jane", "jane@example.com", "mit", "https://example.com", "# Tool\n",
        )
    )  # fmt: skip
    assert (found.name, str(found.version), found.summary) == ("tool", "1.0rc1", "Does things")
    assert (found.author, found.author_email) == ("Jane", "jane@example.com")
    assert found.license_expression == "MIT"
    assert found.project_urls == {"Homepage": "https://example.com"}
    assert (found.description, found.description_content_type) == ("# Tool\n", "text/markdown")


def test_a_licence_in_words_stays_a_text(tmp_path: Path, binary: str) -> None:
    path = build_wheel(
        binary, str(tmp_path), "tool", "1", "win_amd64", "tool", license_="Apache 2.0, mostly"
    )
    assert metadata(path).license == "Apache 2.0, mostly"
    assert metadata(path).license_expression is None


def test_several_tags(tmp_path: Path, binary: str) -> None:
    tag = "manylinux_2_17_x86_64.musllinux_1_1_x86_64"
    path = build_wheel(binary, str(tmp_path), "tool", "1", tag, "tool")
    with zipfile.ZipFile(path) as archive:
        text = archive.read("tool-1.dist-info/WHEEL").decode()
    assert [f"Tag: py3-none-{part}" in text for part in tag.split(".")] == [True, True]


@pytest.mark.parametrize("tag", ["", "a b", "a-b", "a..b", "../x", "a/b", "a\0b", "é"])
def test_an_impossible_platform_tag(tmp_path: Path, binary: str, tag: str) -> None:
    with pytest.raises(ValueError, match="is not a platform tag"):
        build_wheel(binary, str(tmp_path / "dist"), "tool", "1", tag, "tool")
    assert not (tmp_path / "dist").exists()


def test_empty_texts_are_left_out(tmp_path: Path, binary: str) -> None:
    empty = {"author": "", "author_email": "", "license_": "", "url": "", "readme_content": ""}
    found = metadata(build_wheel(binary, str(tmp_path), "tool", "1", "win_amd64", "tool", **empty))
    assert (found.author, found.author_email, found.license) == (None, None, None)
    assert not found.project_urls


def test_an_output_folder_that_is_a_path(tmp_path: Path, binary: str) -> None:
    folder = tmp_path / "dist"
    path = build_wheel(binary, folder, "tool", "1", "win_amd64", "tool")  # type: ignore[arg-type]
    assert Path(path).parent == folder


def test_bad_values(tmp_path: Path, binary: str) -> None:
    with pytest.raises(FileNotFoundError, match="there is no binary"):
        build_wheel(str(tmp_path / "none"), str(tmp_path), "tool", "1", "win_amd64", "tool")
    with pytest.raises(ValueError, match="2 values can't be used") as caught:
        build_wheel(binary, str(tmp_path), "json", "x", "win_amd64", "tool")
    assert "'json' would shadow" in str(caught.value)
    assert list(tmp_path.glob("*.whl")) == []
