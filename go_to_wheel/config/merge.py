"""Merges a request with its project's settings; formats Go variables for the linker. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from itertools import chain, pairwise
from typing import Any

from go_to_wheel.config.pyproject import FILE_NAME, KEYS, PROJECT_KEYS, TABLE, Project
from go_to_wheel.config.request import AUTO, BuildRequest
from go_to_wheel.platforms import Target

PLACEHOLDERS = ("version", "tag", "commit", "short-commit", "date")

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
#: A word of a flags string as Go splits it: quoted from its beginning or not at all, unescaped.
_WORD = re.compile(r"'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<plain>\S+)")
OLDEST_GLIBC = "2.17"
#: Options about compiling that are also settings.
COMPILE_OPTIONS = tuple("ldflags tags set_version_var set_values cgo libc glibc sdk".split())
_COMPILE_SETTINGS = (*COMPILE_OPTIONS, "package", "commands", "target", "cgo_flags")


@dataclass(frozen=True, kw_only=True)
class MergedRequest(BuildRequest):
    """A request completed from pyproject.toml; `origins` has the source of each value from there.

    `commands` are the packages' command names if configured, `private` those that are not on
    PATH, `cgo_flags` C flags by variable; `target` has additional "ldflags", "tags" and
    "cgo-flags" by target name.
    """

    commands: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    cgo_flags: Mapping[str, str] = field(default_factory=dict)
    target: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)

    def origin(self, key: str) -> str:
        """The source of an option's value."""
        name = KEYS[key].name if key in KEYS else key.replace("-", "_")
        return self.origins.get(name, f"--{key}")

    def build_tags_for(self, target: Target) -> tuple[str, ...]:
        """The build tags of a target's programs."""
        lists = [self.target.get(part.name, {}).get("tags", ()) for part in target.slices]
        return tuple(dict.fromkeys(chain(self.tags or (), *lists)))

    @property
    def oldest_glibc(self) -> str:
        """The oldest glibc that C programs for Linux must run with, "" for static ones."""
        return self.glibc or (OLDEST_GLIBC if self.libc == "glibc" else "")

    def cgo_flags_for(self, target: Target) -> dict[str, str]:
        """A target's C flags by variable: the common ones, then its own."""
        tables = [self.cgo_flags, self.target.get(target.name, {}).get("cgo-flags", {})]
        names = sorted({name for table in tables for name in table})
        return {name: " ".join(table[name] for table in tables if name in table) for name in names}

    def variables(self, detected: str = "") -> dict[str, tuple[str, str | None]]:
        """Each variable that the build sets -> the option that names it, and a template.

        `detected` is the variable for `auto`; those of the linker's flags have no template.
        """
        names = [detected if name == AUTO else name for name in self.set_version_var or ()]
        requested: dict[str, tuple[str, str | None]] = {
            **{name: ("set-version-var", "{version}") for name in names if name},
            **{name: ("set", template) for name, template in (self.set_values or {}).items()},
        }
        return requested | dict.fromkeys(parse_variables(self.ldflags or ""), ("ldflags -X", None))


def merge(request: BuildRequest, project: Project, prebuilt: bool = False) -> MergedRequest:
    """The request, completed from [project] and the settings.

    Settings about compiling are ignored for `prebuilt` binaries.
    """
    project = project.without_commands() if request.packages else project
    unused = [*_COMPILE_SETTINGS] if prebuilt else []
    unused += ["glibc"] * (request.libc == "musl") + ["libc"] * bool(request.glibc)
    settings = vars(project.settings).items()
    configured: dict[str, Any] = {
        name: text for name, text in settings if text and name not in unused
    }
    if "sdk" in configured:
        configured["sdk"] = str(project.folder / configured["sdk"])
    configured |= project.options
    keys = {item.name: f"{TABLE}.{key}" for key, item in KEYS.items()}
    keys |= {name: f"project.{key}" for name, key in PROJECT_KEYS.items()}
    commands, tables = configured.pop("commands", {}), configured.pop("target", {})
    if commands:
        configured["package"], keys["package"] = tuple(commands.values()), f"{TABLE}.commands"
    given = {**vars(request), "package": request.packages or None}
    if isinstance(request.set_version_var, str):
        given["set_version_var"] = (request.set_version_var,)
    if isinstance(request.tags, str):
        given["tags"] = [tag.strip() for tag in request.tags.split(",")]
    names = {item.name for item in fields(MergedRequest)}
    filled = {n: v for n, v in configured.items() if n in names and given.get(n) in (None, False)}
    overridden = [name for name in ("ldflags", "tags") if given[name] is not None]
    return MergedRequest(
        **{**given, **filled},
        commands=tuple(commands),
        target={
            name: {key: value for key, value in table.items() if key not in overridden}
            for name, table in tables.items()
        },
        origins={name: f"{FILE_NAME}, {keys[name]}" for name in filled},
    )


def parse_variables(ldflags: str) -> dict[str, str]:
    """The variables that linker flags set, with their values; the last value counts."""
    values: dict[str, str] = {}
    for word, following in pairwise([*split_flags(ldflags), ""]):
        flag, equals, value = word.partition("=")
        if flag in ("-X", "--X"):
            variable, _, text = (value if equals else following).partition("=")
            values |= {variable: text} if variable else {}
    return values


def split_flags(flags: str) -> list[str]:
    """The words of a string of flags."""
    return [next(filter(None, match.groups()), "") for match in _WORD.finditer(flags)]


def format_setting(variable: str, value: str) -> str:
    """The linker's flag for one variable; raises ValueError for a value it can't take."""
    setting = f"{variable}={value}"
    if "'" in setting and '"' in setting:
        raise ValueError(f"{value!r} has both kinds of quotes, which Go's linker refuses")
    if not re.search(r"[\s'\"]", setting):
        return f"-X {setting}"
    quote = '"' if "'" in setting else "'"
    return f"-X {quote}{setting}{quote}"


def fill_placeholders(template: str, known: Mapping[str, str]) -> str:
    """Replace {version}, {commit} … in a value.

    Raises KeyError for a placeholder without a known value, ValueError for an invalid one.
    """
    for name in _PLACEHOLDER.findall(template):
        if name not in PLACEHOLDERS:
            listed = ", ".join(f"{{{known_name}}}" for known_name in PLACEHOLDERS)
            raise ValueError(f"{{{name}}} is none of {listed}")
    return _PLACEHOLDER.sub(lambda match: known[match[1]], template)
