"""The Python API as release scripts use it: several threads at once, nothing printed."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import copy_project

import go_to_wheel
from go_to_wheel import BuildRequest, build, build_wheels, check_wheels, inspect_wheel
from go_to_wheel.builder.run import Event
from go_to_wheel.errors import GoToWheelError


@pytest.fixture(scope="module")
def hello(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project("hello", tmp_path_factory.mktemp("api") / "hello")


def test_report_and_progress(
    hello: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    events: list[Event] = []
    platforms = ["linux-amd64", "windows-arm64"]
    request = BuildRequest(str(hello), version="1.0", platforms=platforms, output_dir=str(tmp_path))
    report = build(request, events.append)
    assert [wheel.target for wheel in report.wheels] == platforms
    assert all(wheel.path.is_file() and wheel.size for wheel in report.wheels)
    assert {event.target for event in events} == set(platforms)
    for name in platforms:
        stages = [event.stage for event in events if event.target == name]
        assert stages == ["compile", "pack", "done"]
    seen: list[str] = []
    verdict = check_wheels([tmp_path], expect=platforms, progress=lambda w: seen.append(w.file))
    assert verdict.ok()
    assert seen == [wheel.file for wheel in verdict.wheels]
    anatomy = inspect_wheel(report.wheels[0].path)
    assert anatomy.sha256 == report.wheels[0].sha256
    assert capfd.readouterr() == ("", "")


def test_errors_are_raised_and_not_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FileNotFoundError):
        inspect_wheel(tmp_path / "none.whl")
    (tmp_path / "odd.whl").write_bytes(b"PK")
    with pytest.raises(GoToWheelError, match=r"odd\.whl"):
        inspect_wheel(tmp_path / "odd.whl")
    with pytest.raises(FileNotFoundError):
        check_wheels([tmp_path / "none"])
    with pytest.raises(GoToWheelError, match="Not a Go module"):
        build(BuildRequest(str(tmp_path)))
    assert capfd.readouterr() == ("", "")


def test_threads_do_not_disturb_each_other(hello: Path, tmp_path: Path) -> None:
    """Builds and checks at once give what they give alone; other threads go on printing."""
    targets = ["linux-amd64", "darwin-arm64", "windows-386"]
    alone = build_wheels(str(hello), version="1.0", platforms=targets, output_dir=f"{tmp_path}/0")
    bytes_alone = [Path(path).read_bytes() for path in alone]
    findings = check_wheels(alone, expect=targets).findings
    printed, stop = io.StringIO(), threading.Event()

    def write_lines() -> int:
        count = 0
        while not stop.wait(0.001):
            print("line")
            count += 1
        return count

    def once(number: int) -> None:
        folder = f"{tmp_path}/{number}"
        paths = build_wheels(str(hello), version="1.0", platforms=targets, output_dir=folder)
        assert [Path(path).read_bytes() for path in paths] == bytes_alone
        assert check_wheels(paths, expect=targets).findings == findings
        assert inspect_wheel(paths[1]).name.name == "hello"

    before = sys.stdout
    sys.stdout = printed
    try:
        with ThreadPoolExecutor(5) as pool:
            writer = pool.submit(write_lines)
            jobs = [pool.submit(once, number) for number in range(1, 5)]
            try:
                for job in jobs:
                    job.result()
            finally:
                stop.set()
        assert printed.getvalue() == "line\n" * writer.result()
        assert sys.stdout is printed
    finally:
        sys.stdout = before


def test_the_page_about_it(hello: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The examples on the page of the Python API run as they are, one after the other."""
    page = Path(__file__).parents[2] / "docs" / "reference" / "python-api.md"
    examples = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    copied = tmp_path / "mytool"
    shutil.copytree(hello, copied)
    (copied / "go.mod").write_text("module example.com/mytool\n\ngo 1.24\n", encoding="utf-8")
    build_wheels(str(copied), version="1.2.0", platforms=["windows-amd64"],
                 output_dir=str(tmp_path / "dist"))  # fmt: skip
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "mytool").write_bytes(b"\x7fELF program")
    with contextlib.chdir(tmp_path):
        for example in examples[:-1]:  # the last one imports an installed wheel
            exec(compile(example, "example", "exec"), {})
    printed = capsys.readouterr().out
    assert "linux-amd64 compile" in printed
    assert re.search(r"^1\.2\.0 Go binary packaged", printed, re.MULTILINE)
    assert re.search(r"\.data/scripts/mytool\.exe go1\.\d+", printed)


def test_every_name_is_there() -> None:
    for name in go_to_wheel.__all__:
        assert getattr(go_to_wheel, name)
