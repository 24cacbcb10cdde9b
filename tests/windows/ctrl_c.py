"""Presses Ctrl-C on the console of another process (Windows only).

    python ctrl_c.py PID

All programs on that console receive it, this one too, which ignores it.
"""

from __future__ import annotations

import ctypes
import sys

kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)


def require(done: int) -> None:
    if not done:
        raise ctypes.WinError(ctypes.get_last_error())


kernel32.FreeConsole()
require(kernel32.AttachConsole(int(sys.argv[1])))
require(kernel32.SetConsoleCtrlHandler(None, True))
require(kernel32.GenerateConsoleCtrlEvent(0, 0))
