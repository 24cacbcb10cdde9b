"""Source archives: good, broken and hostile ones."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from wheel_factory import METADATA

from go_to_wheel.check.wheel import check_wheel
from go_to_wheel.check.wheel_set import check_wheels

FILE = "hello-1.0.tar.gz"
GOOD = {"hello-1.0/PKG-INFO": METADATA.encode(), "hello-1.0/LICENSE": b"text\n"}


def build(files: dict[str, bytes], *more: tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info in more:
            archive.addfile(info)
    return stream.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def codes(data: bytes, file: str = FILE) -> list[str]:
    return [finding.code for finding in check_wheel(io.BytesIO(data), file).findings]


def test_a_valid_sdist() -> None:
    wheel = check_wheel(io.BytesIO(build(GOOD)), FILE)
    assert (wheel.findings, wheel.readable) == ([], True)
    assert (wheel.summary.name, wheel.summary.version) == ("hello", "1.0")
    assert codes(build(GOOD, link("hello-1.0/docs/x", "../LICENSE"))) == []


BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "text": (lambda: b"hello", "sdist-invalid"),
    "cut": (lambda: build(GOOD)[:200], "sdist-invalid"),
    "no PKG-INFO": (lambda: build({"hello-1.0/x": b""}), "sdist-invalid"),
    "a way out": (lambda: build({**GOOD, "hello-1.0/../x": b""}), "sdist-unsafe"),
    "absolute": (lambda: build({**GOOD, "/etc/x": b""}), "sdist-unsafe"),
    "a link out": (lambda: build(GOOD, link("hello-1.0/x", "../../x")), "sdist-unsafe"),
    "an absolute link": (lambda: build(GOOD, link("hello-1.0/x", "/etc/x")), "sdist-unsafe"),
    "a pipe": (lambda: build(GOOD, link("hello-1.0/x", "", tarfile.FIFOTYPE)), "sdist-unsafe"),
    "a bomb": (lambda: build({**GOOD, "hello-1.0/zeros": bytes(70 << 20)}), "zip-bomb"),
    "another name": (
        lambda: build({"hello-1.0/PKG-INFO": b"Name: other\nVersion: 1.0\n"}),
        "filename-metadata",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_sdists(name: str) -> None:
    make, code = BROKEN[name]
    assert code in codes(make())


@pytest.mark.parametrize(
    ("file", "code"), [("hello.tar.gz", "sdist-invalid"), ("hello-2.0.tar.gz", "sdist-unsafe")]
)
def test_a_name_that_does_not_fit(file: str, code: str) -> None:
    assert code in codes(build(GOOD), file)


def test_named_as_a_file_and_with_twine(tmp_path: Path) -> None:
    """A folder stands for its wheels alone, as before."""
    (tmp_path / FILE).write_bytes(build(GOOD))
    report = check_wheels([tmp_path / FILE], expect=[])
    assert report.findings == ()
    assert [wheel.file for wheel in report.wheels] == [FILE]
