"""The program as the system sees it: users, signals, pipes, limits, terminals."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from programs import program, terminal
from scanner_support import MAGIC, NOBODY

Scan = Callable[..., "subprocess.CompletedProcess[bytes]"]
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="about Linux")
DATABASE = MAGIC + bytes(496)


def as_nobody() -> dict[str, object]:
    """Options that take root's privileges from a child; others have none."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}


@pytest.fixture
def locked(tree: Path) -> Path:
    (tree / "open").mkdir()
    (tree / "open" / "x.db").write_bytes(DATABASE)
    (tree / "secret").mkdir(mode=0)
    (tree / "open" / "unread\nable.db").write_bytes(DATABASE)
    (tree / "open" / "unread\nable.db").chmod(0)
    return tree


def test_permission_denied(scan: Scan, locked: Path) -> None:
    done = scan(locked, **as_nobody())
    assert done.returncode == 0
    assert done.stdout == os.fsencode(locked / "open" / "x.db") + b"\n"
    lines = done.stderr.decode().splitlines()
    assert sorted(lines[:-1]) == [
        rf"sqlite-scanner: error: {locked}/open/unread\nable.db: permission denied",
        f"sqlite-scanner: error: {locked}/secret: permission denied",
    ]
    assert lines[-1] == "sqlite-scanner: 2 entries could not be scanned, 2 for lack of permission"


def test_permission_denied_strictly(scan: Scan, locked: Path) -> None:
    assert scan("--strict", locked, **as_nobody()).returncode == 1
    assert scan(locked / "secret", **as_nobody()).returncode == 1
    assert scan("--strict", locked / "open" / "x.db", **as_nobody()).returncode == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root may read everything")
def test_root_reads_everything(scan: Scan, locked: Path) -> None:
    done = scan("--count", "--strict", locked)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"2\n", b"")


def test_permission_denied_as_events(scan: Scan, locked: Path) -> None:
    done = scan("--jsonl", "--events", "--", locked, **as_nobody())
    events = [json.loads(line) for line in done.stdout.splitlines()]
    denied = sorted((event["path"], event["kind"]) for event in events if event["event"] == "error")
    assert denied == [(f"{locked}/open/unread\nable.db", "denied"), (f"{locked}/secret", "denied")]
    assert events[-1] == {"event": "progress", "files": 2, "folders": 2, "matches": 1, "errors": 2}
    assert done.returncode == 0


def make_wide(folder: Path, files: int) -> None:
    """Many names of one database, with paths that soon fill a pipe."""
    (folder / "0").write_bytes(DATABASE)
    for number in range(1, files):
        os.link(folder / "0", folder / f"{number}-{'x' * 200}")


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def is_full(writing_end: int) -> bool:
    """Whether a pipe takes no more: the program that writes into it waits."""
    return not select.select([], [writing_end], [], 0)[1]


def test_interrupt_closes_the_json(scanner: str, tree: Path) -> None:
    make_wide(tree, 5000)
    output, writing_end = os.pipe()
    with subprocess.Popen(
        [scanner, "--json", tree], stdout=writing_end, stderr=subprocess.PIPE
    ) as child:
        assert child.stderr
        wait_until(lambda: is_full(writing_end))
        child.send_signal(signal.SIGINT)
        os.close(writing_end)
        with open(output, "rb") as file:
            found = json.load(file)["entries"]
        assert child.wait(timeout=120) == 130
        assert b"Traceback" not in (stderr := child.stderr.read())
        assert b"goroutine" not in stderr
    assert 0 < len(found) < 5000


def test_interrupt_with_nobody_reading(scanner: str, tree: Path) -> None:
    make_wide(tree, 2000)
    output, writing_end = os.pipe()
    with subprocess.Popen([scanner, tree], stdout=writing_end) as child:
        wait_until(lambda: is_full(writing_end))
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=120) == 128 + signal.SIGTERM
    os.close(writing_end)
    os.close(output)


def test_ignored_signals_stay_ignored(scanner: str, tree: Path) -> None:
    make_wide(tree, 2000)
    ignore = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", scanner, "-0", str(tree)]
    with subprocess.Popen(ignore, stdout=subprocess.PIPE) as child:
        assert child.stdout
        first = os.read(child.stdout.fileno(), 10)
        child.send_signal(signal.SIGHUP)
        assert (first + child.stdout.read()).count(b"\0") == 2000
        assert child.wait(timeout=120) == 0


@pytest.mark.parametrize("sigpipe", [True, False])
def test_broken_pipe_is_quiet(scanner: str, tree: Path, sigpipe: bool) -> None:
    make_wide(tree, 2000)
    child = subprocess.Popen(
        [scanner, tree], stdout=subprocess.PIPE, stderr=subprocess.PIPE, restore_signals=sigpipe
    )
    assert child.stdout
    assert child.stderr
    os.read(child.stdout.fileno(), 10)
    child.stdout.close()
    assert child.wait(timeout=120) in (-signal.SIGPIPE, 128 + signal.SIGPIPE)
    assert child.stderr.read() == b""
    child.stderr.close()


@linux_only
def test_full_disk(scanner: str, tree: Path) -> None:
    (tree / "x").write_bytes(DATABASE)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([scanner, tree], stdout=full, stderr=subprocess.PIPE, timeout=120)
    assert done.returncode == 1
    assert done.stderr.startswith(b"sqlite-scanner: error: cannot write the results: ")
    assert b"no space left on device; send the output to a place with room for it: " in done.stderr


@linux_only
@pytest.mark.parametrize("flag", ["--version", "--help"])
def test_full_disk_for_a_text(scanner: str, flag: str) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([scanner, flag], stdout=full, stderr=subprocess.PIPE, timeout=120)
    assert done.returncode == 1
    assert b"error: cannot write: " in done.stderr
    assert b"; send the output to a place with room for it: " in done.stderr


@pytest.mark.parametrize("handles", [12, 16, 24, 64])
def test_few_handles(scan: Scan, tree: Path, handles: int) -> None:
    """Deep and wide, more open folders wanted than allowed: all is found."""
    wanted = 0
    folder = tree
    for level in range(30):  # removing them takes a descriptor for each
        for branch in range(4):
            side = folder / f"b{branch}"
            side.mkdir()
            (side / f"{level}.db").write_bytes(DATABASE)
            wanted += 1
        folder = folder / "deeper"
        folder.mkdir()
    limit = (handles, handles)
    done = scan(
        "--count",
        "--workers",
        "16",
        tree,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit),
    )
    assert (done.stdout, done.stderr, done.returncode) == (f"{wanted}\n".encode(), b"", 0)


@pytest.fixture
def fifos(tree: Path) -> Path:
    os.mkfifo(tree / "fifo.db")
    (tree / "x.db").write_bytes(DATABASE)
    return tree


def test_fifo(scan: Scan, fifos: Path) -> None:
    done = scan("--stats", fifos)
    assert done.stdout == os.fsencode(fifos / "x.db") + b"\n"
    assert b" 1 files, 1 folders, 1 databases, 16 bytes read, 0 errors, " in done.stderr


def test_fifo_as_root(scan: Scan, fifos: Path) -> None:
    done = scan(fifos / "fifo.db")
    assert done.returncode == 1
    assert b"fifo.db: neither a folder nor a regular file\n" in done.stderr


def on_terminal(command: list[str], shown: Callable[[bytes], object] = bytes) -> bytes:
    """Everything a program writes to the terminal it runs on; `shown` gets it as it grows."""
    controller, screen = terminal()
    child = subprocess.Popen(command, stdin=screen, stdout=screen, stderr=screen)
    os.close(screen)
    seen = b""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and select.select([controller], [], [], 60)[0]:
        try:
            data = os.read(controller, 65536)
        except OSError:  # Linux: the last writer has gone
            break
        if not data:
            break
        seen += data
        shown(seen)
    os.close(controller)
    child.wait(timeout=120)
    return seen


def test_terminal_output_is_escaped(scan: Scan, scanner: str, tree: Path) -> None:
    name = "evil\x1b[2J\nname\u202e.db"
    (tree / name).write_bytes(DATABASE)
    seen = on_terminal([scanner, str(tree)])
    assert rf"{tree}/evil\x1b[2J\nname\u202e.db".encode() + b"\r\n" in seen
    assert b"\x1b[2J" not in seen
    assert scan(tree).stdout == os.fsencode(tree / name) + b"\n"


def test_progress_on_a_terminal_only(scanner: str, tree: Path, tmp_path: Path) -> None:
    """Standard output is a FIFO that is read slowly until there is progress: the scan lasts."""
    make_wide(tree, 2000)
    fifo = tmp_path / "out"
    os.mkfifo(fifo)
    progress = threading.Event()

    def read_slowly() -> None:
        with open(fifo, "rb", buffering=0) as output:
            while output.read(4096):
                progress.wait(0.05)

    def look(seen: bytes) -> None:
        if b" files, " in seen:
            progress.set()

    reader = threading.Thread(target=read_slowly)
    reader.start()
    script = 'exec 3<>"$1"; exec "$0" "$2" >"$1"'
    seen = on_terminal(["sh", "-c", script, scanner, str(fifo), str(tree)], look)
    progress.set()
    reader.join()
    assert b" per second, " in seen
    assert b" found" in seen
    assert seen.rstrip(b"\n").endswith(b"\r")  # wiped at the end


def namespace() -> list[str] | None:
    """A command that starts another with file systems of its own to mount."""
    for options in (["--mount"], ["--mount", "--map-root-user"]):
        command = [program("unshare"), *options]
        if subprocess.run([*command, "true"], capture_output=True).returncode == 0:
            return command
    return None


@pytest.fixture(scope="session")
def unshare() -> list[str]:
    command = namespace()
    if command is None:
        pytest.skip("this system lets nobody mount")
    return command


def mounted(unshare: list[str], folder: Path, script: str) -> bytes:
    done = subprocess.run(
        [*unshare, "sh", "-euc", script, "sh"], cwd=folder, capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@linux_only
def test_bind_mounts_are_walked_once(scanner: str, unshare: list[str], tree: Path) -> None:
    (tree / "real").mkdir()
    (tree / "real" / "x.db").write_bytes(DATABASE)
    (tree / "zz").mkdir()
    seen = mounted(unshare, tree, f'mount --bind real zz; test -e zz/x.db; "{scanner}" --count .')
    assert seen == b"1\n"


@linux_only
def test_one_file_system(scanner: str, unshare: list[str], tree: Path) -> None:
    (tree / "other").mkdir()
    (tree / "x.db").write_bytes(DATABASE)
    count = f'"{scanner}" --count'
    script = f"mount -t tmpfs none other; cp x.db other/y.db; {count} .; {count} -x ."
    assert mounted(unshare, tree, script) == b"2\n1\n"


@linux_only
def test_pseudo_file_systems_are_left_out(scanner: str, unshare: list[str], tree: Path) -> None:
    (tree / "proc").mkdir()
    (tree / "x.db").write_bytes(DATABASE)
    stats = f'"{scanner}" --stats'
    script = f"mount --bind /proc/sys/kernel/random proc; {stats} . 2>&1; {stats} proc 2>&1"
    first, second, third = mounted(unshare, tree, script).decode().splitlines()
    assert first == f"{tree}/x.db"
    assert " 1 files, 1 folders, " in second
    assert " 0 files" not in third
    assert " 1 folders, " in third


@linux_only
@pytest.mark.skipif(os.getuid() != 0, reason="shows that root's scan leaves no trace")
def test_access_times_as_root(scan: Scan, tree: Path) -> None:
    path = tree / "x.db"
    path.write_bytes(DATABASE)
    os.chown(path, NOBODY, NOBODY)
    os.utime(path, (1, 1_700_000_000))
    assert scan("--count", tree).stdout == b"1\n"
    assert path.stat().st_atime == 1


def test_read_only_folder(scan: Scan, tree: Path) -> None:
    (tree / "x.db").write_bytes(DATABASE)
    tree.chmod(0o555)
    done = scan(".", cwd=tree, **as_nobody())
    tree.chmod(0o755)
    assert (done.returncode, done.stdout) == (0, os.fsencode(tree / "x.db") + b"\n")


def test_lines_come_while_the_scan_goes_on(scanner: str, tree: Path) -> None:
    """A line is there although megabytes of others cannot be written yet."""
    make_wide(tree, 3000)
    with subprocess.Popen(
        [scanner, "--jsonl", "--events", "--", tree], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        assert json.loads(child.stdout.readline())["event"] == "match"
        assert child.poll() is None
        rest = [json.loads(line) for line in child.stdout]
    assert sum(event["event"] == "match" for event in rest) == 2999
    assert rest[-1] == {
        "event": "progress",
        "files": 3000,
        "folders": 1,
        "matches": 3000,
        "errors": 0,
    }


@linux_only
@pytest.mark.parametrize("inherited", [0, 40])
@pytest.mark.parametrize("free", range(7))
def test_hardly_any_descriptors(scanner: str, tree: Path, free: int, inherited: int) -> None:
    """Four besides those it starts with are enough: two are Go's. With less, one error."""
    for number in range(20):
        (tree / str(number)).mkdir()
        (tree / str(number) / "x.db").write_bytes(DATABASE)
    open_ones = "".join(f"exec {3 + number}</dev/null; " for number in range(inherited))
    limit = 3 + inherited + free
    line = ["bash", "-c", f'{open_ones}ulimit -n {limit}; exec "$@"', "bash", scanner]
    done = subprocess.run([*line, "--count", tree], capture_output=True, text=True, timeout=120)
    if free >= 4:
        assert (done.stdout, done.stderr, done.returncode) == ("20\n", "", 0)
    else:
        error = f"too few file descriptors: the limit is {limit}; raise it: ulimit -n {limit + 64}"
        assert (done.stdout, done.returncode) == ("", 1)
        assert done.stderr == f"sqlite-scanner: error: {error}\n"
