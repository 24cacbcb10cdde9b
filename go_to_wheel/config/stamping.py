"""Values for the program's Go variables: -X settings and the placeholders in them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

from go_to_wheel.config.pyproject import Settings
from go_to_wheel.config.request import BuildRequest

#: The value of --set-version-var that means: find it.
AUTO = "auto"
PLACEHOLDERS = ("version", "tag", "commit", "short-commit", "date")

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
#: A word of a flags string as Go splits it: quotes count at its beginning, nothing is escaped.
_WORD = re.compile(r"'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<plain>\S+)")


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
    words = [next(filter(None, match.groups()), "") for match in _WORD.finditer(ldflags)]
    found: dict[str, str] = {}
    for word, following in pairwise([*words, ""]):
        flag, equals, value = word.partition("=")
        if flag in ("-X", "--X"):
            variable, _, text = (value if equals else following).partition("=")
            found |= {variable: text} if variable else {}
    return found


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
