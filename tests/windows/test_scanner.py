"""The scanner on the paths, names and locks that Windows has; most of it holds on macOS, too."""

from __future__ import annotations

import ctypes
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from conftest import Environment
from support import WINDOWS, WINE, check, run

windows_only = pytest.mark.skipif(not WINDOWS, reason="about Windows")


def database(path: Path | str) -> str:
    """A small database; its path as the scanner prints it."""
    with closing(sqlite3.connect(os.fspath(path))) as connection:
        connection.execute("create table t(a)")
    return os.fspath(path)


def found(scanner: Environment, *arguments: object) -> list[str]:
    return sorted(check(scanner.command("sqlite-scanner"), *arguments).splitlines())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose own path is spelled as the system spells it."""
    made = tmp_path.resolve() / "d a t a é"
    made.mkdir()
    return made


def test_version_by_each_way(scanner: Environment) -> None:
    version = check(scanner.command("sqlite-scanner"), "-V")
    assert check(scanner.python, "-m", "sqlite_scanner", "--version") == version


def test_scan_from_python(scanner: Environment, folder: Path) -> None:
    path = database(folder / "ü.db")
    code = (
        "import sqlite_scanner as s, sys;"
        " print([m.path for m in s.scan(sys.argv[1])] == [sys.argv[2]])"
    )
    assert check(scanner.python, "-c", code, folder, path) == "True\n"


def test_names(scanner: Environment, folder: Path) -> None:
    names = [
        "plain.db",
        "b l a n k",
        "é ü.db",
        "日本.sqlite",
        "👩.db",
        "100% #1.db",
        "a&b.db",
        "-x.db",
        "$v.db",
    ]
    wanted = sorted(database(folder / name) for name in names)
    assert found(scanner, folder) == wanted
    lines = check(scanner.command("sqlite-scanner"), "--jsonl", folder).splitlines()
    assert sorted(json.loads(line)["path"] for line in lines) == wanted


def test_relative_paths(scanner: Environment, folder: Path) -> None:
    (folder / "sub").mkdir()
    database(folder / "sub" / "x.db")
    assert check(scanner.command("sqlite-scanner"), "--relative", cwd=folder) == os.path.join(
        "sub", "x.db\n"
    )


@windows_only
def test_drive_letters(scanner: Environment, folder: Path) -> None:
    path = database(folder / "x.db")
    assert path[1:3] == ":\\"
    assert found(scanner, path[0].lower() + path[1:]) == [path]
    assert found(scanner, path.replace("\\", "/")) == [path]
    here = folder.drive  # C: alone is the current folder of that drive
    assert check(scanner.command("sqlite-scanner"), here, cwd=folder) == f"{path}\n"


@windows_only
def test_extended_paths(scanner: Environment, folder: Path) -> None:
    path = database(folder / "x.db")
    assert found(scanner, "\\\\?\\" + os.fspath(folder)) == ["\\\\?\\" + path]


@windows_only
def test_long_paths(scanner: Environment, folder: Path) -> None:
    deep = "\\\\?\\" + os.path.join(folder, *(["d" * 60] * 6))
    os.makedirs(deep)
    with open(os.path.join(deep, "x.db"), "wb") as file:
        file.write(Path(database(folder / "y.db")).read_bytes())
    assert found(scanner, folder) == sorted(
        [os.path.join(deep, "x.db")[4:], os.path.join(folder, "y.db")]
    )


@windows_only
def test_names_reserved_by_windows(scanner: Environment, folder: Path) -> None:
    content = Path(database(folder / "y.db")).read_bytes()
    names = ["aux.txt", "COM1", "trail.", "blank "]
    for name in names:
        with open(f"\\\\?\\{folder}\\{name}", "wb") as file:
            file.write(content)
    try:
        assert found(scanner, folder) == sorted(f"{folder}\\{name}" for name in [*names, "y.db"])
    finally:
        for name in names:  # the temporary folder could not be removed
            os.remove(f"\\\\?\\{folder}\\{name}")


def test_case_of_a_root(scanner: Environment, folder: Path) -> None:
    """Both spellings are one file, printed as the folder lists it."""
    path = Path(database(folder / "Data.DB"))
    typed = folder / "dATA.db"
    if not typed.exists():
        pytest.skip("this file system takes them for different names")
    assert found(scanner, typed, folder, path) == [os.fspath(path)]


@windows_only
def test_excludes(scanner: Environment, folder: Path) -> None:
    (folder / "Sub Dir").mkdir()
    left_out = [database(folder / "X.DB"), database(folder / "Sub Dir" / "y.sqlite")]
    path = database(folder / "z.sqlite")
    for arguments in (
        ["*.db", "SUB DIR"],
        ["x.db", "sub dir\\"],
        [left_out[0].lower(), os.path.dirname(left_out[1]).upper() + "\\"],
        ["\\x.db", "Sub Dir\\*.SQLITE"],
        ["\\\\?\\" + left_out[0], "\\\\?\\" + left_out[1]],
    ):
        flags = [f"--exclude={pattern}" for pattern in arguments]
        assert found(scanner, folder, *flags) == [path], arguments


@windows_only
def test_hidden_files(scanner: Environment, folder: Path) -> None:
    paths = [
        database(folder / "hidden.db"),
        database(folder / ".dot.db"),
        database(folder / "x.db"),
    ]
    ctypes.windll.kernel32.SetFileAttributesW(paths[0], 2)  # FILE_ATTRIBUTE_HIDDEN
    assert found(scanner, folder) == sorted(paths)
    wanted = paths[2:]
    if WINE and found(scanner, folder, "--no-hidden") == [paths[0], paths[2]]:
        pytest.skip("wine 8 does not store the hidden attribute")
    assert found(scanner, folder, "--no-hidden") == wanted


@contextmanager
def locked(path: str):
    """As programs open what they share with nobody."""
    share_nothing, open_existing, read = 0, 3, 0x80000000
    create = ctypes.windll.kernel32.CreateFileW
    create.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(create(path, read, share_nothing, None, open_existing, 0, None))
    assert handle.value != ctypes.c_void_p(-1).value
    try:
        yield
    finally:
        ctypes.windll.kernel32.CloseHandle(handle)


@windows_only
def test_locked_file_is_in_use(scanner: Environment, folder: Path) -> None:
    path = database(folder / "x.db")
    with locked(database(folder / "NTUSER.DAT")):
        done = run(scanner.command("sqlite-scanner"), folder)
        strict = run(scanner.command("sqlite-scanner"), "--strict", folder)
        alone = run(scanner.command("sqlite-scanner"), folder / "NTUSER.DAT")
        events = check(scanner.command("sqlite-scanner"), "--jsonl", "--events", folder)
        code = "import sqlite_scanner as s, sys; print(len(list(s.scan(sys.argv[1]))))"
        assert check(scanner.python, "-c", code, folder) == "1\n"
    assert (done.returncode, done.stdout) == (0, f"{path}\n")
    assert (
        "1 entry could not be scanned, 0 for lack of permission, 1 in use by another" in done.stderr
    )
    assert (strict.returncode, alone.returncode) == (1, 1)
    kinds = [json.loads(line).get("kind") for line in events.splitlines()]
    assert "in_use" in kinds


def test_nothing_is_locked_while_it_is_read(scanner: Environment, folder: Path) -> None:
    """Files can be replaced and deleted during a scan: it holds none of them."""
    for number in range(300):
        (folder / f"{number}.db").write_bytes(b"SQLite format 3\0")
    child = subprocess.Popen(
        [os.fspath(scanner.command("sqlite-scanner")), os.fspath(folder)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    for number in range(300):
        os.replace(folder / f"{number}.db", folder / f"{number}.old")
        os.remove(folder / f"{number}.old")
    child.wait(120)
    assert list(folder.iterdir()) == []


def test_wrong_arguments(scanner: Environment) -> None:
    done = run(scanner.command("sqlite-scanner"), "--jsonll")
    assert done.returncode == 2
    assert "did you mean --jsonl?" in done.stderr


def test_missing_folder(scanner: Environment, folder: Path) -> None:
    done = run(scanner.command("sqlite-scanner"), folder / "none")
    assert done.returncode == 1
    assert os.fspath(folder / "none") in done.stderr


def test_access_times_stay(scanner: Environment, folder: Path) -> None:
    if sys.platform != "darwin":
        pytest.skip("Linux has its own test; Windows leaves them alone")
    path = Path(database(folder / "x.db"))
    os.utime(path, (1_000_000_000, 1_000_000_000))
    found(scanner, folder)
    assert path.stat().st_atime == 1_000_000_000
