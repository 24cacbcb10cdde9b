"""`go-to-wheel check NAME`: a whole release from an index on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from check.test_sdist import GOOD, build
from support import go_to_wheel
from wheel_factory import PLATFORMS, good

USER = "Basic " + base64.b64encode(b"jane:secret").decode()
NAMES = sorted(good(target).file for target in PLATFORMS)


class Handler(BaseHTTPRequestHandler):
    """The simple repository API (PEP 503) for the project hello, perhaps for one user alone."""

    files: dict[str, bytes]
    tampered: str
    private: bool

    def do_GET(self) -> None:
        path = self.path.strip("/")
        if self.private and self.headers.get("Authorization") != USER:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()
        elif path == "simple/hello":
            self._send("".join(map(self._link, self.files)).encode(), "text/html")
        elif path.startswith("files/"):
            data = self.files[path.removeprefix("files/")]
            tampered = path.removeprefix("files/") == self.tampered
            self._send(data + b"x" * tampered, "application/octet-stream")
        else:
            self.send_error(404)

    def _link(self, name: str) -> str:
        digest = hashlib.sha256(self.files[name]).hexdigest()
        return f'<a href="/files/{name}#sha256={digest}">{name}</a>\n'

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def index(private: bool = False, tampered: str = "") -> Iterator[str]:
    """The address of an index with a release of the project hello, and an older wheel."""
    files = {good(target).file: good(target).build() for target in PLATFORMS}
    files |= {"hello-1.0.tar.gz": build(GOOD), "hello-0.9-py3-none-any.whl": b"old"}
    values = {"files": files, "private": private, "tampered": tampered}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Served", (Handler,), values))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/simple/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def check(*args: str, tmp_path: Path, **env: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, the JSON report (empty after an error) and what went to stderr."""
    (tmp_path / "tmp").mkdir(exist_ok=True)
    calm = {
        "PIP_CONFIG_FILE": "/dev/null",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "NO_PROXY": "127.0.0.1",
        "NETRC": str(tmp_path / "no-netrc"),
        "TMPDIR": str(tmp_path / "tmp"),
        **env,
    }
    result = go_to_wheel("check", *args, "--json", cwd=tmp_path, env=calm, check=False)
    assert list((tmp_path / "tmp").iterdir()) == [], "something was left behind"
    return result.returncode, json.loads(result.stdout or "{}"), result.stderr


def files(report: dict[str, Any]) -> list[str]:
    return [wheel["file"] for wheel in report["wheels"]]


def test_all_wheels_and_the_sdist(tmp_path: Path) -> None:
    with index() as url:
        code, report, stderr = check("hello", tmp_path=tmp_path, PIP_INDEX_URL=url)
    assert (code, report["findings"]) == (0, [])
    assert files(report) == sorted([*NAMES, "hello-1.0.tar.gz"])
    assert f"no path 'hello'; checking the project of that name on {url}" in stderr
    assert stderr.count("note: downloading hello-1.0") == 7


def test_one_version_and_an_index_by_option(tmp_path: Path) -> None:
    with index() as url:
        code, report, _ = check("hello==0.9", "--index-url", url, tmp_path=tmp_path)
    assert (code, files(report)) == (1, ["hello-0.9-py3-none-any.whl"])
    assert [row["code"] for row in report["findings"]] == ["zip-broken"]


def test_platform_narrows(tmp_path: Path) -> None:
    with index() as url:
        args = ("hello", "--platform", "linux-amd64,windows-arm64")
        code, report, _ = check(*args, tmp_path=tmp_path, PIP_INDEX_URL=url)
    assert files(report) == sorted(good(name).file for name in ("linux-amd64", "windows-arm64"))
    with index() as url:
        args = ("hello", "--platform", "linux-s390x")
        code, _, stderr = check(*args, tmp_path=tmp_path, PIP_INDEX_URL=url)
    assert code == 1
    assert "error: hello 1.0 has no wheel for these platforms" in stderr
    assert "hint: check all of it: go-to-wheel check hello==1.0" in stderr


def test_expect_holds_for_a_release_too(tmp_path: Path) -> None:
    with index() as url:
        args = ("hello", "--expect", "linux-amd64,linux-s390x")
        code, report, _ = check(*args, tmp_path=tmp_path, PIP_INDEX_URL=url)
    assert (code, [row["code"] for row in report["findings"]]) == (1, ["set-missing"])


def test_a_path_comes_before_a_project_name(tmp_path: Path) -> None:
    (tmp_path / "hello").mkdir()
    (tmp_path / "hello" / good().file).write_bytes(good().build())
    args = ("hello", "--expect", "none")
    code, report, stderr = check(*args, tmp_path=tmp_path, PIP_INDEX_URL="http://127.0.0.1:9/")
    assert (code, files(report)) == (0, [good().file])
    assert "note: 'hello' is a path here, so no project of that name is looked up" in stderr


@pytest.mark.parametrize("name", ["dist", "hello-1.0-py3-none-any.whl", "./hello"])
def test_names_that_look_like_paths_are_paths(name: str, tmp_path: Path) -> None:
    code, _, stderr = check(name, tmp_path=tmp_path, PIP_INDEX_URL="http://127.0.0.1:9/")
    assert code == 1
    assert f"error: there is no file or folder {name!r}" in stderr


@pytest.mark.parametrize(
    ("name", "error", "hint"),
    [
        ("other", "there is no project 'other' on",
         "check its spelling, give credentials as for pip, or name another index"),
        ("hello==7", "there is no release 'hello==7'; the newest are 1.0, 0.9",
         "check one: go-to-wheel check hello==1.0"),
    ],
)  # fmt: skip
def test_missing_projects_and_versions(name: str, error: str, hint: str, tmp_path: Path) -> None:
    with index() as url:
        code, _, stderr = check(name, tmp_path=tmp_path, PIP_INDEX_URL=url)
    assert code == 1
    assert f"error: {error}" in stderr
    assert f"hint: {hint}" in stderr


def test_offline(tmp_path: Path) -> None:
    code, _, stderr = check("hello", tmp_path=tmp_path, PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert code == 1
    assert "error: http://127.0.0.1:9/simple: " in stderr
    assert "hint: check the network and the address, or name another index: --index-url" in stderr


def test_pip_configured_with_no_index(tmp_path: Path) -> None:
    code, _, stderr = check("hello", tmp_path=tmp_path, PIP_NO_INDEX="1")
    assert code == 1
    assert "error: pip is configured to use no index" in stderr


def test_credentials(tmp_path: Path) -> None:
    """In the address, as pip takes them, or in ~/.netrc; they are never printed."""
    with index(private=True) as url:
        code, _, stderr = check("hello", tmp_path=tmp_path, PIP_INDEX_URL=url)
        assert code == 1
        assert f"error: there is no project 'hello' on {url}, or it refuses access" in stderr
        assert "give credentials as for pip" in stderr
        assert stderr.count("\n") == 3, "unearth writes something too"
        with_user = url.replace("://", "://jane:secret@")
        code, report, stderr = check("hello", tmp_path=tmp_path, PIP_INDEX_URL=with_user)
        assert (code, len(report["wheels"])) == (0, 7)
        assert "secret" not in stderr
        wrong = url.replace("://", "://jane:wrong@")
        code, _, stderr = check("hello", tmp_path=tmp_path, PIP_INDEX_URL=wrong)
        assert code == 1
        assert "wrong" not in stderr


def test_a_wrong_hash(tmp_path: Path) -> None:
    with index(tampered=good().file) as url:
        code, _, stderr = check("hello", tmp_path=tmp_path, PIP_INDEX_URL=url)
    assert code == 1
    assert "Hash mismatch" in stderr


def test_option_for_releases_is_refused_for_paths(tmp_path: Path) -> None:
    result = go_to_wheel("check", "x.whl", "--platform", "all", cwd=tmp_path, check=False)
    assert result.returncode == 2
    assert "--platform is for a project's name; 'x.whl' is a path" in result.stderr
