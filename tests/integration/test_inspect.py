"""`go-to-wheel inspect` on wheels built for real."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Built, build_hello, go_to_wheel
from test_build import mask


@pytest.fixture(scope="module")
def hello(tmp_path_factory: pytest.TempPathFactory) -> Built:
    platforms = "linux-amd64,linux-arm64,darwin-arm64,windows-386"
    return build_hello(tmp_path_factory.mktemp("hello-few"), "native", platforms)


def mask_more(text: str) -> str:
    text = re.sub(r"\b[0-9a-f]{40,64}\b", "HEX", mask(text))
    text = re.sub(r"-\d{14}-[0-9a-f]{12}\b", "-COMMIT", text)
    text = re.sub(r"go-to-wheel \d\S*", "go-to-wheel OURS", text)
    text = re.sub(r"macOS \d+\.\d+", "macOS X.Y", text)
    return re.sub(r"\d+(\.\d+)? [kM]?B", "SIZE", text)


def test_one_screen(hello: Built, golden: Callable[[str, str], None]) -> None:
    for target in ("linux-amd64", "darwin-arm64", "windows-386"):
        text = go_to_wheel("inspect", hello.wheel(target)).stdout
        assert len(text.splitlines()) <= 24
        golden(f"inspect-{target}.txt", mask_more(text))


def test_everything_and_json_say_the_same(hello: Built) -> None:
    wheel = hello.wheel("linux-arm64")
    seen = json.loads(go_to_wheel("inspect", wheel, "--json").stdout)
    assert seen["name"] == "hello"
    assert seen["size"] == wheel.stat().st_size
    assert seen["license"] == "MIT AND BSD-3-Clause"
    (program,) = seen["programs"]
    assert program["mode"] == "0755"
    assert program["go"]["settings"]["GOARCH"] == "arm64"
    assert program["go"]["modified"] is False
    assert len(program["go"]["commit"]) == 40
    text = go_to_wheel("inspect", wheel, "--all").stdout
    assert all(file["path"] in text for file in seen["files"])
    assert all(name in text for name in seen["license_files"])


def test_a_wheel_that_is_not_there(tmp_path: Path) -> None:
    result = go_to_wheel("inspect", tmp_path / "no.whl", check=False)
    assert result.returncode == 1
    assert result.stdout == ""
    assert "there is no file" in result.stderr
