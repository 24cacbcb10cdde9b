"""Wheels for the tests of `check`: a good one, and the means to break it in one place."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from dataclasses import dataclass, field
from functools import cache

from binaries import load

LINUX_TAGS = "manylinux2014_x86_64.manylinux_2_17_x86_64.musllinux_1_1_x86_64.musllinux_1_2_x86_64"
PLATFORMS = {
    "linux-amd64": LINUX_TAGS,
    "linux-arm64": LINUX_TAGS.replace("x86_64", "aarch64"),
    "darwin-amd64": "macosx_12_0_x86_64",
    "darwin-arm64": "macosx_12_0_arm64",
    "windows-amd64": "win_amd64",
    "windows-arm64": "win_arm64",
}
METADATA = """\
Metadata-Version: 2.4
Name: hello
Version: 1.0
Summary: Says hello
Author-email: Jane Doe <jane@example.com>
License-Expression: Apache-2.0
License-File: LICENSE
Classifier: Programming Language :: Go
Project-URL: Homepage, https://example.com/hello
Requires-Python: >=3.9
Description-Content-Type: text/markdown

# hello

Says hello.
"""
INFO = "hello-1.0.dist-info"
META = f"{INFO}/METADATA"
PROGRAM = "hello-1.0.data/scripts/hello"


@dataclass
class Recipe:
    """A wheel to be: change what you like, then `build`.

    `modes` has a path's mode where it isn't 0644, `record` None stands for a right one,
    `methods` has a path's compression where it isn't deflate.
    """

    files: dict[str, bytes]
    modes: dict[str, int] = field(default_factory=dict)
    tags: str = f"py3-none-{LINUX_TAGS}"
    stem: str = "hello-1.0"
    record: bytes | None = None
    methods: dict[str, int] = field(default_factory=dict)
    comment: bytes = b""

    @property
    def file(self) -> str:
        """The file name."""
        return f"{self.stem}-{self.tags}.whl"

    def text(self, path: str) -> str:
        """A file's content as text."""
        return self.files[path].decode()

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that must be there."""
        text = self.text(path)
        assert old in text
        self.files[path] = text.replace(old, new).encode()

    def build(self) -> bytes:
        """The wheel's bytes."""
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for path, data in self._all_files().items():
                info = zipfile.ZipInfo(path)
                info.filename = path  # on Windows its own has no backslash
                info.external_attr = self.modes.get(path, 0o100644) << 16
                info.create_system = 3
                info.compress_type = self.methods.get(path, zipfile.ZIP_DEFLATED)
                archive.writestr(info, data, compresslevel=1)
            archive.comment = self.comment
        return stream.getvalue()

    def _all_files(self) -> dict[str, bytes]:
        record = self.good_record() if self.record is None else self.record
        return {**self.files, **({f"{INFO}/RECORD": record} if record else {})}

    def good_record(self) -> bytes:
        """RECORD as it should be."""
        rows = [f"{path},{spell(data)},{len(data)}" for path, data in self.files.items()]
        return "\n".join([*rows, f"{INFO}/RECORD,,", ""]).encode()


@cache
def spell(data: bytes, algorithm: str = "sha256") -> str:
    """A hash as RECORD spells it."""
    raw = hashlib.new(algorithm, data).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"


def good(target: str = "linux-amd64") -> Recipe:
    """A wheel without any fault, for one of the default targets."""
    suffix = ".exe" if target.startswith("windows") else ""
    tags = f"py3-none-{PLATFORMS[target]}"
    lines = "".join(f"Tag: py3-none-{tag}\n" for tag in PLATFORMS[target].split("."))
    files = {
        "hello/__init__.py": b'"""Says hello."""\n',
        PROGRAM + suffix: load(target),
        f"{INFO}/METADATA": METADATA.encode(),
        f"{INFO}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\n{lines}".encode(),
        f"{INFO}/licenses/LICENSE": b"Do what you like.\n",
    }
    return Recipe(files, {PROGRAM + suffix: 0o100755}, tags)
