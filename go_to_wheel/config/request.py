"""What the user asked for, unchecked: the options, and what they and the settings say together.

That is values for the program's Go variables: -X settings, and placeholders in them. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from go_to_wheel.config.pyproject import Settings

DEFAULT_OUTPUT_DIR = "./dist"
#: The value of --set-version-var that means: find it.
AUTO = "auto"
PLACEHOLDERS = ("version", "tag", "commit", "short-commit", "date")

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
#: A word of a flags string as Go splits it: quotes count at its beginning, nothing is escaped.
_WORD = re.compile(r"'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<plain>\S+)")


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
        if self.package is None:
            return ()
        return (self.package,) if isinstance(self.package, str) else tuple(self.package)


def asked_values(
    request: BuildRequest, settings: Settings, version_variable: str = ""
) -> dict[str, str]:
    """Each variable that --set-version-var and --set name -> its value with placeholders.

    `version_variable` is the one found for `auto`.
    """
    names = version_variables(request, settings)
    found = {(version_variable if name == AUTO else name): "{version}" for name in names}
    found |= settings.set_values if request.set_values is None else request.set_values
    return {name: template for name, template in found.items() if name}


def asked_variables(
    request: BuildRequest, settings: Settings, version_variable: str = ""
) -> dict[str, str]:
    """Each variable that a build sets -> the option that names it."""
    values = settings.set_values if request.set_values is None else request.set_values
    ldflags = settings.ldflags if request.ldflags is None else request.ldflags
    asked = asked_values(request, settings, version_variable)
    found = {name: "set" if name in values else "set-version-var" for name in asked}
    return found | dict.fromkeys(parse_variables(ldflags or ""), "ldflags -X")


def version_variables(request: BuildRequest, settings: Settings) -> tuple[str, ...]:
    """The variables that get the version; AUTO stands for the one that is found."""
    names = request.set_version_var
    if names is None:
        return settings.set_version_vars
    return (names,) if isinstance(names, str) else tuple(names)


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
    if not re.search(r"[\s'\"]", setting):
        return f"-X {setting}"
    quote = '"' if "'" in setting else "'"
    if quote in setting:
        raise ValueError(f"set {setting!r}: Go's linker takes no value with both kinds of quotes")
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
