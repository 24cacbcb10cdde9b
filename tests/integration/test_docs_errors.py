"""The troubleshooting page shows each error as the command prints it.

`UPDATE_GOLDEN=1` writes the page's blocks anew.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from support import NO_IDENTITY, git, run

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "troubleshooting.md"
SECTION = re.compile(r"^## (.+)\n\n```text\n\$ (.+)\n(?:(?!```).*\n)*```$", re.MULTILINE)
#: What differs between machines, as the page writes it.
SAME = (
    (r"\bgo1\.\d+(\.\d+)?\b", "go1.26.8"),
    (r"\(running go 1\.\d+(\.\d+)?;", "(running go 1.26.8;"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:3000"),
)
PROGRAM = "package main\n\nfunc main() {}\n"
NO_PROXY = {"GOPROXY": "http://127.0.0.1:9", "GOFLAGS": "-mod=mod", "GONOSUMDB": "*"}


def write_module(folder: Path, program: str = PROGRAM, go: str = "1.22", more: str = "") -> None:
    folder.mkdir()
    (folder / "go.mod").write_text(f"module example.com/mytool\n\ngo {go}\n{more}")
    (folder / "main.go").write_text(program)


def make_library(folder: Path) -> None:
    write_module(folder, "package mytool\n")
    (folder / "cmd" / "mytool").mkdir(parents=True)
    (folder / "cmd" / "mytool" / "main.go").write_text(PROGRAM)


def make_cgo(folder: Path) -> None:
    write_module(folder, f'package main\n\nimport "C"\n{PROGRAM.partition("main")[2]}')


def make_dependent(folder: Path) -> None:
    program = PROGRAM.replace("\n\n", '\n\nimport _ "example.org/other"\n\n')
    write_module(folder, program, more="\nrequire example.org/other v1.0.0\n")


def make_untagged(folder: Path) -> None:
    write_module(folder)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    git(folder, "tag", "v1.0.0")
    git(folder, "commit", "-q", "-m", "second", "--allow-empty")


def make_file_in_the_way(folder: Path) -> None:
    write_module(folder)
    (folder.parent / "wheels").touch()


#: Heading -> what makes the error, and the environment it needs.
CASES: dict[str, tuple[Callable[[Path], None], Mapping[str, str]]] = {
    "No go.mod": (Path.mkdir, {}),
    "A library": (make_library, {}),
    "Needs cgo": (make_cgo, {}),
    "Needs a newer Go": (lambda folder: write_module(folder, go="1.99"), {}),
    "No network": (make_dependent, NO_PROXY),
    "A private module": (lambda folder: None, {}),
    "A bad version": (write_module, {}),
    "A commit without a tag": (make_untagged, {}),
    "An unknown platform": (write_module, {}),
    "The output folder can't be written": (make_file_in_the_way, {}),
}


class PublicProxy(BaseHTTPRequestHandler):
    """A module proxy that has nothing, and says why as the public one does."""

    def do_GET(self) -> None:
        body = (
            b"not found: git.example.com/team/tool@v1.0.0: invalid version: git ls-remote -q "
            b"origin: exit status 128:\n\tfatal: could not read Username for "
            b"'https://git.example.com': terminal prompts disabled\n"
        )
        self.send_response(404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def public_proxy() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), PublicProxy) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def printed(command: str, folder: Path, env: Mapping[str, str]) -> str:
    """What the page's command prints in this folder, as the page writes it."""
    words = shlex.split(command)
    own = dict(word.split("=", 1) for word in words if re.match(r"[A-Z]+=", word))
    arguments = words[words.index("go-to-wheel") + 1 :]
    with public_proxy() as proxy:
        defaults = {**NO_IDENTITY, "GOPROXY": proxy, "GOSUMDB": "off"}
        result = run(
            sys.executable, "-m", "go_to_wheel", *arguments,
            cwd=folder, env={**defaults, **env, **own}, check=False,
        )  # fmt: skip
    assert result.returncode == 1
    assert result.stdout == ""
    text = result.stderr.replace(f"{folder}{os.sep}", "").rstrip()
    for pattern, usual in SAME:
        text = re.sub(pattern, usual, text)
    return text


def test_page_has_the_ten_errors() -> None:
    headings = [heading for heading, _ in SECTION.findall(PAGE.read_text(encoding="utf-8"))]
    assert headings == list(CASES)


@pytest.mark.parametrize("heading", CASES)
def test_error_as_the_page_shows_it(heading: str, tmp_path: Path) -> None:
    prepare, env = CASES[heading]
    prepare(tmp_path / "mytool")
    text = PAGE.read_text(encoding="utf-8")
    (found,) = [match for match in SECTION.finditer(text) if match[1] == heading]
    command = found[2]
    output = printed(command, tmp_path, env)
    assert "go-to-wheel: hint: " in output
    block = f"## {heading}\n\n```text\n$ {command}\n{output}\n```"
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(text.replace(found[0], block), encoding="utf-8")
    assert found[0] == block or os.environ.get("UPDATE_GOLDEN")
