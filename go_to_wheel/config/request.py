"""What the user asked for, unchecked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEFAULT_OUTPUT_DIR = "./dist"


@dataclass(frozen=True)
class BuildRequest:
    """The options of one build; None means: detect it or use the default.

    `package` is one folder or several, `set_version_var` one variable or several;
    `set_values` maps other variables to values with placeholders. `binaries` are prebuilt
    ones, each "TARGET=PATH".
    `tags` are Go's build tags. `dev` accepts the `.devN` version of a commit without a tag.
    `stamp` lets Go record the commit in the binary. `cgo` compiles C,
    with the command `cc` if there is one.
    `libc` is "musl" or "glibc", `glibc` its oldest version.
    """

    source: str
    package: str | Sequence[str] | None = None
    name: str | None = None
    version: str | None = None
    output_dir: str = DEFAULT_OUTPUT_DIR
    entry_point: str | None = None
    platforms: Sequence[str] | None = None
    go_binary: str | None = None
    description: str | None = None
    requires_python: str | None = None
    author: str | None = None
    author_email: str | None = None
    license: str | None = None
    url: str | None = None
    readme: str | None = None
    ldflags: str | None = None
    set_version_var: str | Sequence[str] | None = None
    set_values: Mapping[str, str] | None = None
    tags: Sequence[str] | None = None
    launcher: str | None = None
    jobs: int | None = None
    keep_going: bool = False
    dependency_licenses: bool = True
    binaries: Sequence[str] = ()
    dev: bool = False
    stamp: bool = True
    cgo: bool = False
    cc: str | None = None
    libc: str | None = None
    glibc: str | None = None

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages asked for, in order."""
        if self.package is None:
            return ()
        return (self.package,) if isinstance(self.package, str) else tuple(self.package)
