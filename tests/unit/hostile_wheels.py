"""Wheels that installers refuse, or that two readers read differently."""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Callable

from raw_zip import ENCRYPTED, UTF8, RawEntry, wheel_entries, write_zip

FILE = "thing-1.0-py3-none-any.whl"
GOOD = write_zip(wheel_entries())


def names(*paths: str | bytes) -> bytes:
    """A wheel that has these files too."""
    return write_zip(wheel_entries(*(RawEntry(path, b"# hello\n") for path in paths)))


def entry(path: str | bytes = "thing/x.py", data: bytes = b"# hello\n", **shape: object) -> bytes:
    """A wheel that has this entry too."""
    return write_zip(wheel_entries(RawEntry(path, data, **shape)))  # type: ignore[arg-type]


def unicode_path(name: bytes, other: str) -> bytes:
    """The Info-ZIP Unicode Path extra field: another name for the same entry."""
    body = struct.pack("<BI", 1, zlib.crc32(name)) + other.encode()
    return struct.pack("<HH", 0x7075, len(body)) + body


def count_lie() -> bytes:
    """An end record that counts an entry less than the directory has."""
    data = bytearray(GOOD)
    place = data.rindex(b"PK\5\6")
    struct.pack_into("<HH", data, place + 8, 3, 3)
    return bytes(data)


def two_ends() -> bytes:
    """A second archive in the comment of the first: which one is it?"""
    other = write_zip(wheel_entries(RawEntry("thing/evil.py", b"evil\n")))
    return write_zip(wheel_entries(), comment=other)


def appended() -> bytes:
    """One archive after the other: the last directory has offsets for a shorter file."""
    return GOOD + write_zip(wheel_entries(RawEntry("thing/evil.py", b"evil\n")))


def overlapping() -> bytes:
    """Two names for the same bytes, as in David Fifield's zip bombs."""
    first = RawEntry("thing/a.py", b"# hello\n")
    entries = wheel_entries(first, RawEntry("thing/b.py", b"# hello\n"))
    place = write_zip(entries).index(b"PK\3\4", 10)
    entries[2].offset = place
    return write_zip(entries)


def zip64_lie() -> bytes:
    """Sizes in a ZIP64 field that are not those of the data."""
    field = struct.pack("<HHQQ", 1, 16, 1 << 40, 1 << 40)
    return entry(size=0xFFFFFFFF, packed_size=0xFFFFFFFF, extra=field)


CASES: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "good": (lambda: GOOD, set()),
    # Paths that lead elsewhere
    "dotdot": (lambda: names("thing/../../x.py"), {"zip-unsafe-name"}),
    "absolute": (lambda: names("/tmp/absolute-x.py"), {"zip-unsafe-name"}),
    "drive": (lambda: names("C:/x.py"), {"zip-unsafe-name"}),
    "drive-relative": (lambda: names("c:x.py"), {"zip-unsafe-name"}),
    "backslash": (lambda: names("thing\\x.py"), {"zip-unsafe-name"}),
    "backslash-dotdot": (lambda: names("..\\..\\x.py"), {"zip-unsafe-name"}),
    "unc": (lambda: names("//server/share/x.py"), {"zip-unsafe-name"}),
    "nul": (lambda: names(b"thing/x.py\0.txt"), {"zip-unsafe-name"}),
    "newline": (lambda: names("thing/x\n.py"), {"zip-unsafe-name"}),
    "escape": (lambda: names("thing/x\x1b[31m.py"), {"zip-unsafe-name"}),
    "empty-part": (lambda: names("thing//x.py"), {"zip-unsafe-name"}),
    "dot-part": (lambda: names("thing/./x.py"), {"zip-unsafe-name"}),
    "not-utf8": (lambda: names(b"thing/\xff\xfe.py"), {"zip-broken"}),
    "cp437": (lambda: entry(b"thing/\x81.py", flags=0), {"zip-unsafe-name"}),
    # Names that Windows refuses or changes
    "con": (lambda: names("thing/con.py"), {"zip-windows-name"}),
    "aux-folder": (lambda: names("thing/aux/x.py"), {"zip-windows-name"}),
    "com-superscript": (lambda: names("thing/COM¹.txt"), {"zip-windows-name"}),
    "stream": (lambda: names("thing/a:b.py"), {"zip-windows-name"}),
    "trailing-dot": (lambda: names("thing/x."), {"zip-windows-name"}),
    "trailing-blank": (lambda: names("thing/x "), {"zip-windows-name"}),
    "folder-blank": (lambda: names("thing/sub /x.py"), {"zip-windows-name"}),
    "question": (lambda: names("thing/x?.py"), {"zip-windows-name"}),
    "quote": (lambda: names('thing/x".py'), {"zip-windows-name"}),
    "too-deep": (lambda: names("thing/" + "x/" * 500 + "x.py"), {"zip-windows-name"}),
    "too-long": (lambda: names("thing/" + "x" * 256), {"zip-windows-name"}),
    # Names that are one file for some systems
    "case": (lambda: names("thing/X.py", "thing/x.py"), {"zip-name-clash"}),
    "case-folder": (lambda: names("Thing/x.py"), {"zip-name-clash"}),
    "unicode-form": (lambda: names("thing/é.py", "thing/e\u0301.py"), {"zip-name-clash"}),
    "case-fold": (lambda: names("thing/straße.py", "thing/STRASSE.py"), set()),
    "file-and-folder": (lambda: names("thing/a", "thing/a/b.py"), {"zip-duplicate-name"}),
    "same": (lambda: names("thing/x.py", "thing/x.py"), {"zip-duplicate-name", "record-invalid"}),
    # Names that look like others
    "bidi": (lambda: names("thing/x\u202eyp.exe"), {"zip-unsafe-name"}),
    "zero-width": (lambda: names("thing/x\u200b.py"), {"zip-unsafe-name"}),
    "line-separator": (lambda: names("thing/x\u2028.py"), {"zip-unsafe-name"}),
    "emoji": (lambda: names("thing/x👩\u200d🚀.py"), {"zip-unsafe-name"}),
    "unassigned": (lambda: names("thing/x\u0378.py"), {"zip-unsafe-name"}),
    "private": (lambda: names("thing/x\ue000.py"), {"zip-unsafe-name"}),
    "next-line": (lambda: names("thing/x\u0085.py"), {"zip-unsafe-name"}),
    # Kinds of entries
    "link": (lambda: entry(data=b"/etc/passwd", mode=stat.S_IFLNK | 0o777), {"zip-link"}),
    "device": (lambda: entry(mode=stat.S_IFCHR | 0o644), {"zip-link"}),
    "setuid": (lambda: entry(mode=stat.S_IFREG | 0o4755), set()),
    "folder": (
        lambda: write_zip(wheel_entries(RawEntry("thing/sub/", mode=stat.S_IFDIR | 0o755))),
        set(),
    ),
    "folder-with-data": (
        lambda: write_zip(wheel_entries(RawEntry("thing/sub/", b"data"))),
        {"zip-mismatch"},
    ),
    "date": (lambda: entry(date=0), {"zip-date"}),
    "encrypted": (lambda: entry(flags=UTF8 | ENCRYPTED), {"zip-encrypted"}),
    "method": (lambda: entry(method=93), {"zip-compression", "zip-broken"}),
    # Headers that differ
    "local-name": (lambda: entry(local={"name": b"thing/y.py"}), {"zip-mismatch", "zip-broken"}),
    "local-size": (lambda: entry(local={"size": 5}), {"zip-mismatch"}),
    "local-method": (lambda: entry(local={"method": 0}), {"zip-mismatch"}),
    "local-flags": (lambda: entry(local={"flags": UTF8 | ENCRYPTED}), {"zip-mismatch"}),
    "local-extra": (
        lambda: entry(local={"extra": unicode_path(b"thing/x.py", "thing/y.py")}),
        {"zip-mismatch"},
    ),
    "unicode-path": (
        lambda: entry(extra=unicode_path(b"thing/x.py", "thing/y.py")),
        {"zip-mismatch"},
    ),
    "local-large-extra": (lambda: entry(local={"extra": bytes(60_000)}), {"zip-mismatch"}),
    "zip64": (zip64_lie, {"zip-mismatch", "zip-bomb"}),
    "size": (lambda: entry(size=3), {"zip-broken"}),
    "overlapping": (overlapping, {"zip-mismatch", "zip-broken"}),
    "gap": (lambda: entry(gap=b"hidden"), {"zip-mismatch"}),
    "before": (lambda: write_zip(wheel_entries(), before=b"#!/bin/sh\n"), {"zip-mismatch"}),
    "after": (lambda: GOOD + b"more", {"zip-mismatch"}),
    "two-ends": (two_ends, {"zip-mismatch"}),
    "appended": (appended, {"zip-mismatch"}),
    "count": (count_lie, {"zip-mismatch"}),
    "comment": (lambda: write_zip(wheel_entries(), comment=b"hello"), {"zip-comment"}),
    # What an installation would do
    "pth": (lambda: names("thing.pth"), {"startup-code"}),
    "pth-data": (lambda: names("thing-1.0.data/purelib/thing.pth"), {"startup-code"}),
    "sitecustomize": (lambda: names("sitecustomize.py"), {"startup-code"}),
    "usercustomize": (lambda: names("usercustomize/__init__.py"), {"startup-code"}),
    "data-etc": (lambda: names("thing-1.0.data/data/etc/thing.conf"), set()),
    "data-bin": (lambda: names("thing-1.0.data/data/bin/thing"), {"data-outside"}),
    "data-pyvenv": (lambda: names("thing-1.0.data/data/pyvenv.cfg"), {"data-outside"}),
    "data-pth": (
        lambda: names("thing-1.0.data/data/lib/python3.11/site-packages/x.pth"),
        {"startup-code"},
    ),
    "data-unknown": (lambda: names("thing-1.0.data/other/x"), {"data-scheme"}),
    "data-empty": (
        lambda: write_zip(wheel_entries(RawEntry("thing-1.0.data/other/"))),
        {"data-scheme"},
    ),
    "data-scheme-case": (lambda: names("thing-1.0.data/Purelib/x"), {"data-scheme"}),
    "dist-info-case": (lambda: names("Thing-1.0.dist-info/x"), {"dist-info", "zip-name-clash"}),
    "data-dotdot": (lambda: names("thing-1.0.data/data/../../../x"), {"zip-unsafe-name"}),
    "data-file": (lambda: names("thing-1.0.data/x"), {"data-scheme"}),
    "data-foreign": (lambda: names("other-1.0.data/purelib/x"), {"data-scheme"}),
    "scripts-folder": (lambda: names("thing-1.0.data/scripts/sub/x"), {"data-scheme"}),
    "exe-exe": (lambda: entry("thing-1.0.data/scripts/x.exe.exe", b"#!python\n"), {"command-name"}),
    "scripts-python": (
        lambda: entry("thing-1.0.data/scripts/python3.11", b"#!/bin/sh\n"),
        {"data-scheme"},
    ),
    "scheme-and-root": (
        lambda: names("thing/x.py", "thing-1.0.data/purelib/thing/x.py"),
        {"zip-duplicate-name"},
    ),
    "both-schemes": (
        lambda: names("thing-1.0.data/platlib/x", "thing-1.0.data/purelib/x/y.py"),
        {"zip-duplicate-name"},
    ),
    "data-wheel-case": (lambda: names("Thing-1.0.data/purelib/x"), {"data-scheme"}),
}
