"""What the tests of installed programs share; standard library and pytest only."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

WINDOWS = sys.platform == "win32"
#: wine behaves like Windows but for what the tests name.
WINE = WINDOWS and hasattr(ctypes.windll.ntdll, "wine_get_version")
EXE = ".exe" if WINDOWS else ""
#: The folder that prepare.py made.
MADE = Path(os.environ["INSTALLED_FROM"])


def run(*command: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command and return what it printed, as UTF-8."""
    environment = {**os.environ, "PYTHONUTF8": "1", **options.pop("env", {})}  # type: ignore[dict-item]
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [os.fspath(part) if isinstance(part, os.PathLike) else str(part) for part in command],
        stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", env=environment,
        timeout=600, **options,
    )  # fmt: skip


def check(*command: object, **options: object) -> str:
    """The same for a command that must succeed; returns its output."""
    done = run(*command, **options)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def start_in_console(
    *command: object, env: dict[str, str] | None = None, merge: bool = False
) -> subprocess.Popen[str]:
    """Start a program on a console of its own, for interrupt(); merge adds its errors."""
    own = (
        {"creationflags": subprocess.CREATE_NEW_CONSOLE} if WINDOWS else {"start_new_session": True}
    )
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        [os.fspath(part) if isinstance(part, os.PathLike) else str(part) for part in command],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8",
        stderr=subprocess.STDOUT if merge else None,
        env={**os.environ, "PYTHONUTF8": "1", **(env or {})}, **own,
    )  # fmt: skip


def interrupt(child: subprocess.Popen[str]) -> None:
    """Press Ctrl-C on a program's console: its children on it receive the key, too."""
    if WINDOWS:
        check(sys.executable, Path(__file__).with_name("ctrl_c.py"), child.pid)
    else:
        os.killpg(child.pid, signal.SIGINT)


def pip(*arguments: object, python: Path | None = None, env: dict[str, str] | None = None) -> None:
    """pip, from the Python of the tests and without an index."""
    target = ["--python", python] if python else []
    check(sys.executable, "-m", "pip", *target, "install", "--quiet", "--no-index", "--no-deps",
          "--no-compile", "--disable-pip-version-check", "--no-warn-script-location",
          *arguments, env=env or {})  # fmt: skip


def wheel(folder: str, name: str = "*") -> Path:
    """The wheel of that name in one of the folders that prepare.py made."""
    (found,) = (MADE / folder).glob(f"{name}.whl")
    return found
