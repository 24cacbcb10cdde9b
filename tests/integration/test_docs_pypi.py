"""README.md on PyPI: every link and picture has a whole address."""

from __future__ import annotations

import re
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

from readme_renderer.markdown import render
from support import run

ROOT = Path(__file__).parents[2]
ON_GITHUB = {"GITHUB_REPOSITORY": "owner/repository", "GITHUB_SHA": "0123abc"}


def page(uv: str, folder: Path, env: dict[str, str]) -> str:
    """The HTML that PyPI shows for the wheel built in this environment."""
    run(uv, "build", "-q", "--wheel", "--out-dir", folder, ROOT, env=env)
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        metadata = message_from_bytes(archive.read(name))
    assert metadata["Description-Content-Type"] == "text/markdown"
    html = render(metadata.get_payload())
    assert html is not None
    return html


def addresses(html: str) -> list[str]:
    return re.findall(r'(?:href|src)="([^"#]+)', html)


def test_addresses_of_the_commit_that_is_built(uv: str, tmp_path: Path) -> None:
    html = page(uv, tmp_path, ON_GITHUB)
    (picture,) = re.findall(r'<img[^>]* src="([^"]+)"', html)
    base = "https://raw.githubusercontent.com/owner/repository/0123abc/"
    assert picture.startswith(base)
    assert (ROOT / picture.removeprefix(base)).is_file()
    assert all(address.startswith("https://") for address in addresses(html))
    files = [address.partition("/blob/0123abc/")[2] for address in addresses(html)]
    assert [name for name in files if name and not (ROOT / name).exists()] == []
    assert sum(map(bool, files)) > 10


def test_no_broken_address_for_an_unknown_repository(uv: str, tmp_path: Path) -> None:
    html = page(uv, tmp_path, dict.fromkeys(ON_GITHUB, ""))
    assert "<img" not in html
    assert all(address.startswith("https://") for address in addresses(html))
    assert "Benchmarks, changes, contributing, security" in html
