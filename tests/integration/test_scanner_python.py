"""`sqlite_scanner.scan` and `ascan`, from the installed wheel."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import limits
import pytest
from frontends import ROOT, make_env
from support import go_to_wheel, native, run


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, uv: str) -> Path:
    """A Python with the sqlite-scanner wheel."""
    base = tmp_path_factory.mktemp("scanner")
    go_to_wheel(ROOT / "sqlite_scanner", "--platforms", native(), "--output-dir", base / "dist")
    env = make_env(uv, base / "env")
    (wheel,) = (base / "dist").glob("*.whl")
    env.run(uv, "pip", "install", "--quiet", "--offline", "--python", env.python, wheel)
    return env.python


@dataclass(frozen=True)
class Tree:
    """Two databases among other files."""

    folder: Path

    @property
    def databases(self) -> list[str]:
        return [str(self.folder / "a/notes.db"), str(self.folder / "b/odd.txt")]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path / "tree")
    for name in tree.databases:
        Path(name).parent.mkdir(parents=True)
        connection = sqlite3.connect(name)
        connection.execute("create table t (id integer primary key)")
        connection.commit()
        connection.close()
    (tree.folder / "a/readme.md").write_text("no database\n")
    return tree


def evaluate(python: Path, code: str, *args: object) -> Any:
    """Run code that leaves its answer in `answer`; warnings are errors."""
    program = f"import sys, json, asyncio, sqlite_scanner as s\n{code}\nprint(json.dumps(answer))"
    result = run(python, "-X", "dev", "-W", "error", "-c", program, *args)
    # asyncio's debug mode also prints how slow a busy machine was.
    lines = [line for line in result.stderr.splitlines() if not line.startswith("Executing <")]
    assert lines == []
    return json.loads(result.stdout)


def test_matches(python: Path, tree: Tree) -> None:
    code = "answer = sorted([m.path, m.valid, m.page_size, m.size] for m in s.scan(sys.argv[1]))"
    assert evaluate(python, code, tree.folder) == [
        [name, True, 4096, 8192] for name in tree.databases
    ]


def test_async_matches(python: Path, tree: Tree) -> None:
    code = """
async def paths():
    return sorted([match.path async for match in s.ascan(sys.argv[1])])
answer = asyncio.run(paths())
"""
    assert evaluate(python, code, tree.folder) == tree.databases


def test_options_are_the_programs_flags(python: Path, tree: Tree) -> None:
    code = """
import pathlib
root = pathlib.Path(sys.argv[1])
answer = [
    [m.path for m in s.scan(root, exclude=["*.txt"], workers=1)],
    [m.path for m in s.scan(root, max_depth=1)],
    len(list(s.scan(root, root / "a", unique=True, no_hidden=True, quick=True))),
]
"""
    assert evaluate(python, code, tree.folder) == [tree.databases[:1], [], 2]


def test_events(python: Path, tree: Tree) -> None:
    code = """
kinds = [type(record).__name__ for record in s.scan(sys.argv[1], "/no/such", events=True)]
answer = sorted(set(kinds))
"""
    assert evaluate(python, code, tree.folder) == ["Match", "Problem", "Progress"]


@pytest.mark.parametrize("kind", ["scan", "ascan"])
def test_scan_failures_are_raised_at_the_end(python: Path, tree: Tree, kind: str) -> None:
    code = f"""
found = []
async def collect():
    async for match in s.ascan(sys.argv[1], "/no/such"):
        found.append(match.path)
try:
    if {kind == "ascan"}:
        asyncio.run(collect())
    else:
        for match in s.scan(sys.argv[1], "/no/such"):
            found.append(match.path)
except s.ScanError as error:
    answer = [len(found), str(error), error.exit_code, [p.kind for p in error.problems]]
"""
    found, message, code_, kinds = evaluate(python, code, tree.folder)
    assert (found, code_, kinds) == (2, 1, ["missing"])
    assert message == "could not scan /no/such: no such file or directory"


def test_misuse_says_what_the_program_said(python: Path, tree: Tree) -> None:
    code = """
try:
    list(s.scan(sys.argv[1], max_depth=-5))
except s.ScanError as error:
    answer = [error.exit_code, str(error)]
"""
    exit_code, message = evaluate(python, code, tree.folder)
    assert exit_code == 2
    assert message.startswith("sqlite-scanner: error: ")


def test_wrong_keywords_and_types(python: Path) -> None:
    code = """
answer = []
for options in ({"speed": 1}, {"exclude": "*.txt"}):
    try:
        s.scan(".", **options)
    except TypeError as error:
        answer.append(str(error))
"""
    first, second = evaluate(python, code)
    assert first.startswith("unexpected keyword argument 'speed'; there are: exclude, max_depth, ")
    assert second == "exclude must be a list of patterns, not the single text '*.txt'"


@pytest.mark.parametrize("kind", ["scan", "ascan"])
def test_leaving_the_loop_ends_the_program(python: Path, tree: Tree, kind: str) -> None:
    """The scanner would take long for the whole machine; it is gone when the loop is left."""
    code = f"""
import contextlib, subprocess, os
started = []
real = subprocess.Popen.__init__
def remember(self, *args, **options):
    real(self, *args, **options)
    started.append(self.pid)
subprocess.Popen.__init__ = remember
async def first():
    async with contextlib.aclosing(s.ascan(sys.argv[1], "/")) as matches:
        async for match in matches:
            return match.path
if {kind == "ascan"}:
    path = asyncio.run(first())
else:
    matches = s.scan(sys.argv[1], "/")
    path = next(matches).path
    matches.close()
alive = [pid for pid in started if os.path.exists(f"/proc/{{pid}}/exe")]
answer = [path, len(started), alive]
"""
    path, started, alive = evaluate(python, code, tree.folder)
    assert path
    assert (started, alive) == (1, [])


def test_leaving_while_much_is_waiting(python: Path, tree: Tree) -> None:
    """asyncio stops reading what nobody takes; the program and its pipe are gone all the same."""
    database = Path(tree.databases[0]).read_bytes()
    for number in range(6000):
        (tree.folder / f"{number:04}{'x' * 80}.db").write_bytes(database)
    code = """
import contextlib
async def first():
    async with contextlib.aclosing(s.ascan(sys.argv[1])) as matches:
        async for match in matches:
            while not paused:
                await asyncio.sleep(0.01)
            return len(paused)
paused = []
real = asyncio.StreamReader.feed_data
def feed(self, data):
    real(self, data)
    if self._paused:
        paused.append(True)
asyncio.StreamReader.feed_data = feed
answer = asyncio.run(asyncio.wait_for(first(), 240))
"""
    assert evaluate(python, code, tree.folder)


def test_cancelling_ends_the_program(python: Path, tree: Tree) -> None:
    code = """
processes = []
real = asyncio.create_subprocess_exec
async def remember(*args, **options):
    processes.append(await real(*args, **options))
    return processes[0]
asyncio.create_subprocess_exec = remember
async def everything():
    async for match in s.ascan(sys.argv[1], "/"):
        found.set()
async def main():
    global found
    found = asyncio.Event()
    task = asyncio.create_task(everything())
    await found.wait()
    task.cancel()
    await asyncio.wait([task])
    return [task.cancelled(), processes[0].returncode is not None]
answer = asyncio.run(main())
"""
    assert evaluate(python, code, tree.folder) == [True, True]


def test_names_that_are_no_utf8(python: Path, tree: Tree) -> None:
    odd = os.fsencode(tree.folder) + b"/\xff.db"
    os.rename(tree.databases[0], odd)
    code = """
import os
answer = sorted(os.fsencode(m.path).hex() for m in s.scan(sys.argv[1]))
"""
    assert odd.hex() in evaluate(python, code, tree.folder)


def test_the_old_functions_are_where_they_were(python: Path) -> None:
    code = "answer = [s.get_binary_path(), s.run(['--version'], capture_output=True).returncode]"
    path, exit_code = evaluate(python, code)
    assert Path(path).is_file()
    assert exit_code == 0
    assert run(python, "-m", "sqlite_scanner", "--version").stdout == "1.0.0\n"


def test_typed(python: Path, tmp_path: Path) -> None:
    """A user's strict mypy knows what the iterators yield."""
    (tmp_path / "use.py").write_text(
        "import sqlite_scanner as s\n\n"
        "async def use() -> None:\n"
        '    for match in s.scan("."):\n        reveal_type(match)\n'
        '    async for match in s.ascan("."):\n        reveal_type(match)\n'
        '    for record in s.scan(".", events=True):\n        reveal_type(record)\n'
    )
    (tmp_path / "misuse.py").write_text(
        'import sqlite_scanner as s\n\ns.scan(".", max_depth="deep")\ns.ascan(".", speed=1)\n'
    )
    misuse = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "misuse.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "misuse.py:3: error" in misuse.stdout
    assert "misuse.py:4: error" in misuse.stdout
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "use.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout
    assert result.stdout.count("sqlite_scanner._records.Match") >= 3
    assert "sqlite_scanner._records.Problem" in result.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="a limit of Linux")
def test_too_little_address_space_is_one_line(python: Path) -> None:
    code = (
        "import resource, sqlite_scanner;"
        " resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))\n"
        "try: list(sqlite_scanner.scan('/usr/lib'))\n"
        "except sqlite_scanner.ScanError as error: answer = str(error)"
    )
    line = "sqlite-scanner: error: too little address space; allow 1.5 GB: ulimit -v 1572864"
    assert evaluate(python, code) == line
    code = "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_AS, (600 << 20,) * 2)"
    code += "; sys.argv[1:] = ['--version']; runpy.run_module('sqlite_scanner', None, '__main__')"
    done = run(python, "-c", code, check=False)
    assert (done.returncode, done.stderr) == (1, f"{line}\n")


def test_dump_of_go_becomes_one_line(python: Path) -> None:
    """Memory may run out in the middle of a scan."""
    code = (
        "import sqlite_scanner\n"
        "dump = 'fatal error: runtime: cannot allocate memory\\n\\nruntime stack:\\n'\n"
        "answer = str(sqlite_scanner.ScanError(2, (), dump))"
    )
    text = evaluate(python, code)
    assert text.startswith("the scanner ran out of memory or processes (runtime: cannot allocate")
    assert text.endswith("): see ulimit -v, ulimit -u")


@limits.only_linux
@pytest.mark.parametrize("kind", ["scan", "ascan"])
def test_no_place_for_temporary_files(python: Path, shared_folder: Path, kind: str) -> None:
    code = f"""
import asyncio, sys, sqlite_scanner as s
async def count(found):
    return len([m async for m in found]) if hasattr(found, "__aiter__") else len(list(found))
print(asyncio.run(count(s.{kind}(sys.argv[1]))))
try:
    print(asyncio.run(count(s.{kind}("/proc/nowhere"))))
except s.ScanError as error:
    print(error)
"""
    connection = sqlite3.connect(shared_folder / "x.db")
    connection.execute("create table t (id integer primary key)")
    connection.close()
    done = limits.run_in("read-only file system", [str(python), "-c", code, str(shared_folder)])
    limits.check(done, 0, "")
    assert done.stdout.splitlines() == [
        "1",
        "could not scan /proc/nowhere: no such file or directory",
    ]
