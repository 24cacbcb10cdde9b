"""What we did not write, from the Go module proxy, at pinned versions: a program, a schema."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
from support import Built, go_to_wheel, run

from go_to_wheel.golang.command import find_go
from go_to_wheel.process import Host

#: It has the schema of SARIF as a raw string.
GO_SARIF = ("github.com/owenrumney/go-sarif/v3", "v3.3.1")
SCHEMA = ("pkg", "report", "v210", "sarif", "schema.go")
YQ = ("github.com/mikefarah/yq/v4", "v4.44.6")


def download(module: tuple[str, str], folder: Path) -> Path:
    """A module's folder in the module cache."""
    go = find_go(None, folder, Host())
    downloaded = run(go, "mod", "download", "-json", "@".join(module), cwd=folder)
    return Path(json.loads(downloaded.stdout)["Dir"])


def test_sarif_fits_its_schema(hello_all: Built, tmp_path: Path) -> None:
    text = download(GO_SARIF, tmp_path).joinpath(*SCHEMA).read_text(encoding="utf-8")
    plain = text.partition("= `")[2].replace('` + "`" + `', "`")
    schema, _ = json.JSONDecoder().raw_decode(plain)
    wheel = hello_all.wheel("linux-amd64")
    shutil.copy(wheel, tmp_path)
    shutil.copy(wheel, tmp_path / "hello-9.0-py3-none-win_amd64.whl")  # which it is not
    printed = go_to_wheel("check", tmp_path, "--format", "sarif", check=False).stdout
    log = json.loads(printed)
    assert log["runs"][0]["results"]
    validator = jsonschema.Draft4Validator(schema)
    assert [error.message for error in validator.iter_errors(log)] == []
    log["runs"][0]["results"][0]["level"] = "loud"
    assert not validator.is_valid(log)


def test_yq(tmp_path: Path, uv: str) -> None:
    """Built straight from the read-only module cache, installed by uv, and run."""
    source = download(YQ, tmp_path)
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
