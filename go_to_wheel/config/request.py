"""What the user asked for, unchecked: the options, and the settings for what they leave open.

Also the program's Go variables: -X settings, and placeholders in them. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any

from go_to_wheel.config.pyproject import FILE_NAME, KEYS, TABLE, TEXTS, Project
from go_to_wheel.platforms import Target

DEFAULT_OUTPUT_DIR = "./dist"
#: The value of --set-version-var that means: find it.
AUTO = "auto"
PLACEHOLDERS = ("version", "tag", "commit", "short-commit", "date")

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
#: A word of a flags string as Go splits it: quotes count at its beginning, nothing is escaped.
_WORD = re.compile(r"'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<plain>\S+)")
OLDEST_GLIBC = "2.17"
#: Settings that are about compiling, with that of the packages to compile.
_COMPILER = (
    *("package", "commands", "ldflags", "tags", "set_version_var", "set_values", "target"),
    *("cgo", "libc", "glibc", "sdk", "cgo_flags"),
)


@dataclass(frozen=True)
class BuildRequest:
    """The options of one build; None means: detect it or use the default.

    `package` is one folder or several, `set_version_var` one variable or several;
    `set_values` maps other variables to values with placeholders. `binaries` are prebuilt
    ones, each "TARGET=PATH".
    `tags` are Go's build tags. `dev` accepts the `.devN` version of a commit without a tag.
    `stamp` lets Go record the commit in the binary. `compiles` is false for source archives,
    which need no C compiler. `cgo` compiles C, with the command `cc` if there is one; `libc` is
    "musl" or "glibc", `glibc` its oldest version, `sdk` a folder with Apple's SDK.
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
    compiles: bool = True
    cgo: bool = False
    cc: str | None = None
    libc: str | None = None
    glibc: str | None = None
    sdk: str | None = None

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages asked for, in order."""
        return (self.package,) if isinstance(self.package, str) else tuple(self.package or ())


@dataclass(frozen=True)
class MergedRequest(BuildRequest):
    """A request, with pyproject.toml's values for what it leaves open, and their `places`.

    `commands` are the packages' names where the settings have them, `private` those that are not
    on PATH, `cgo_flags` flags for C by variable; `target` has further "ldflags", "tags" and
    "cgo-flags" by the target's name.
    """

    maintainer: str | None = None
    maintainer_email: str | None = None
    commands: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    cgo_flags: Mapping[str, str] = field(default_factory=dict)
    target: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)

    def place(self, key: str) -> str:
        """Where the value of an option is from."""
        name = KEYS[key].name if key in KEYS else key.replace("-", "_")
        return self.places.get(name, f"--{key}")

    def tags_for(self, target: Target) -> tuple[str, ...]:
        """The build tags of a target's programs."""
        own = self.target.get(target.name, {}).get("tags", ())
        return tuple(dict.fromkeys([*(self.tags or ()), *own]))

    @property
    def oldest_glibc(self) -> str:
        """The glibc that C programs for Linux need, "" for static ones; unchecked."""
        return self.glibc or (OLDEST_GLIBC if self.libc == "glibc" else "")

    def cgo_flags_for(self, target: Target) -> dict[str, str]:
        """A target's flags for C by variable: the common ones, then its own."""
        tables = [self.cgo_flags, self.target.get(target.name, {}).get("cgo-flags", {})]
        names = sorted({name for table in tables for name in table})
        return {name: " ".join(table[name] for table in tables if name in table) for name in names}

    def variables(self, found: str = "") -> dict[str, tuple[str, str | None]]:
        """Each variable that the build sets -> the option that names it, and a template.

        `found` is the variable for `auto`; those of the linker's flags have no template.
        """
        names = [found if name == AUTO else name for name in self.set_version_var or ()]
        asked: dict[str, tuple[str, str | None]] = {
            **{name: ("set-version-var", "{version}") for name in names if name},
            **{name: ("set", template) for name, template in (self.set_values or {}).items()},
        }
        return asked | dict.fromkeys(parse_variables(self.ldflags or ""), ("ldflags -X", None))


def merge(request: BuildRequest, project: Project, prebuilt: bool = False) -> MergedRequest:
    """The request, with the project's values and settings for what it leaves open.

    Settings about compiling don't count for `prebuilt` binaries.
    """
    stated: dict[str, Any] = {
        name: value
        for name, value in vars(project.settings).items()
        if value and not (prebuilt and name in _COMPILER)
    }
    if "sdk" in stated:
        stated["sdk"] = str(project.folder / stated["sdk"])
    stated |= project.values or {}
    places = {item.name: f"{TABLE}.{key}" for key, item in KEYS.items()}
    places |= {name: f"project.{key}" for name, key in TEXTS.items()}
    commands = {} if request.packages else stated.get("commands", {})
    if commands:
        stated["package"], places["package"] = tuple(commands.values()), f"{TABLE}.commands"
    variables = request.set_version_var
    variables = (variables,) if isinstance(variables, str) else variables
    asked = {**vars(request), "package": request.packages or None, "set_version_var": variables}
    open_names = {item.name for item in fields(MergedRequest)} - {"commands", "target"}
    taken = {n: v for n, v in stated.items() if n in open_names and asked.get(n) in (None, False)}
    flags = [name for name in ("ldflags", "tags") if asked[name] is not None]
    target = {
        name: {key: value for key, value in table.items() if key not in flags}
        for name, table in stated.get("target", {}).items()
    }
    found = {name: f"{FILE_NAME}, {places[name]}" for name in taken}
    names = tuple(commands)
    return MergedRequest(**{**asked, **taken}, commands=names, target=target, places=found)


def parse_variables(ldflags: str) -> dict[str, str]:
    """The variables that a string of linker flags sets, with their values; the last one counts."""
    found: dict[str, str] = {}
    for word, following in pairwise([*split_flags(ldflags), ""]):
        flag, equals, value = word.partition("=")
        if flag in ("-X", "--X"):
            variable, _, text = (value if equals else following).partition("=")
            found |= {variable: text} if variable else {}
    return found


def split_flags(flags: str) -> list[str]:
    """The words of a string of flags."""
    return [next(filter(None, match.groups()), "") for match in _WORD.finditer(flags)]


def format_setting(variable: str, value: str) -> str:
    """The linker's flag for one variable; raises ValueError for a value it can't take."""
    setting = f"{variable}={value}"
    if "'" in setting and '"' in setting:
        raise ValueError(f"set {setting!r}: Go's linker takes no value with both kinds of quotes")
    if not re.search(r"[\s'\"]", setting):
        return f"-X {setting}"
    quote = '"' if "'" in setting else "'"
    return f"-X {quote}{setting}{quote}"


def fill_placeholders(template: str, known: Mapping[str, str]) -> str:
    """A value with {version}, {commit} … filled in.

    Raises KeyError naming a placeholder whose value is not known, ValueError for one that
    does not exist.
    """
    for name in _PLACEHOLDER.findall(template):
        if name not in PLACEHOLDERS:
            listed = ", ".join(f"{{{known_name}}}" for known_name in PLACEHOLDERS)
            raise ValueError(f"{{{name}}} is none of {listed}")
    return _PLACEHOLDER.sub(lambda found: known[found[1]], template)
