"""A program that we did not write, from the Go module proxy, at a pinned version."""

from __future__ import annotations

import json
from pathlib import Path

from support import go_to_wheel, run

from go_to_wheel.golang.find import find_go

YQ = ("github.com/mikefarah/yq/v4", "v4.44.6")


def test_yq(tmp_path: Path, uv: str) -> None:
    """Built straight from the read-only module cache, installed by uv, and run."""
    downloaded = run(find_go(), "mod", "download", "-json", "@".join(YQ), cwd=tmp_path)
    source = json.loads(downloaded.stdout)["Dir"]
    result = go_to_wheel(
        source, "--version", YQ[1], "--license", "MIT", "--platforms", "native",
        "--output-dir", tmp_path / "dist", "--json",
    )  # fmt: skip
    report = json.loads(result.stdout)
    assert (report["name"], report["version"], report["command"]) == ("yq", "4.44.6", "yq")
    wheel = report["wheels"][0]["path"]
    answer = run(uv, "tool", "run", "--from", wheel, "yq", "-o", "json", ".a.b",
                 input="a: {b: [1, ü]}\n", cwd=tmp_path)  # fmt: skip
    assert json.loads(answer.stdout) == [1, "ü"]
