"""Paths that Windows takes for others, and the spelling that it leaves as it is."""

EXTENDED = {
    r"C:\x\aux.txt": r"\\?\C:\x\aux.txt",
    r"C:\x\AUX .db": r"\\?\C:\x\AUX .db",
    r"C:\COM1\a.db": r"\\?\C:\COM1\a.db",
    r"C:\x\trail.": r"\\?\C:\x\trail.",
    r"C:\x. \a.db": r"\\?\C:\x. \a.db",
    r"\\server\share\nul": r"\\?\UNC\server\share\nul",
    r"\\?\C:\aux": r"\\?\C:\aux",
    "C:\\" + "d" * 260: "\\\\?\\C:\\" + "d" * 260,
}
