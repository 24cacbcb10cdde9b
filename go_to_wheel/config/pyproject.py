"""A project's pyproject.toml: its [project] table and its [tool.go-to-wheel] settings.

[project] is read by `pyproject-metadata`, which knows the rules (PEP 621, PEP 639). It
counts only in a file that is about this build: one with a [tool.go-to-wheel] table, with
our build backend, or with no build backend at all.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from packaging.version import Version
from pyproject_metadata import StandardMetadata

from go_to_wheel.config.metadata import parse_license
from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.platforms import TARGETS
from go_to_wheel.sources.files import TEXT_LIMIT, read_file, read_readme, read_text_file
from go_to_wheel.sources.readme import Readme

FILE_NAME = "pyproject.toml"
BACKEND = "go_to_wheel.backend"
TABLE = "tool.go-to-wheel"
#: [project]'s texts, and two that core metadata has other names for.
_TEXTS = (
    *("name", "version", "description", "license", "requires-python"),
    *("author", "author-email", "maintainer", "maintainer-email"),
)
_NAMES = {"description": "summary", "license": "license_expression"}
_LISTS = ("keywords", "requires_dist", "provides_extra")
_Check = Callable[[Any], bool]
#: A value's check, or the keys of a table and their values' shapes.
_Shape = _Check | Mapping[str, Any]


@dataclass(frozen=True)
class Settings:
    """The [tool.go-to-wheel] table. Folders are relative to pyproject.toml's own.

    `commands` maps each command's name to its package; `packages` has packages that name
    their commands themselves; `private` commands are not on PATH. `data_files` maps folders
    of the environment to patterns, `targets` targets' names to "ldflags", "tags", "cgo-flags".
    """

    module: str | None = None
    packages: tuple[str, ...] = ()
    commands: Mapping[str, str] = field(default_factory=dict)
    entry_point: str | None = None
    platforms: tuple[str, ...] | None = None
    launcher: str | None = None
    ldflags: str | None = None
    tags: tuple[str, ...] | None = None
    set_version_vars: tuple[str, ...] = ()
    set_values: Mapping[str, str] = field(default_factory=dict)
    python_source: str | None = None
    data_files: Mapping[str, Sequence[str]] = field(default_factory=dict)
    private: tuple[str, ...] = ()
    targets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tag_prefix: str | None = None
    readme_links: bool = True
    licenses: Mapping[str, str] = field(default_factory=dict)
    vendor: bool = False
    cgo: bool = False
    libc: str | None = None
    glibc: str | None = None
    sdk: str | None = None
    cgo_flags: Mapping[str, str] = field(default_factory=dict)
    sdist_include: tuple[str, ...] = ()
    sdist_exclude: tuple[str, ...] = ()
    check: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Project:
    """A pyproject.toml in `folder`.

    `values` are the texts of [project] by their pyproject.toml names, `dynamic` the fields
    that it leaves to the build; None for `values` means that there is no such table, or
    that it is about something else (`note` says so). `ours` says that its build backend is ours.
    """

    folder: Path
    settings: Settings = Settings()
    values: Mapping[str, str] | None = None
    dynamic: frozenset[str] = frozenset()
    readme: Readme | None = None
    readme_file: Path | None = None
    license_files: tuple[tuple[str, bytes], ...] | None = None
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    urls: Mapping[str, str] = field(default_factory=dict)
    entry_points: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    note: str = ""
    ours: bool = False

    def closed(self, name: str) -> bool:
        """Whether [project] has the last word on a field: nothing else may fill it in."""
        return self.values is not None and name not in self.dynamic


def read_project(folder: Path) -> Project | None:
    """The folder's pyproject.toml, None when it has none.

    Raises InvalidOptionsError with every fault of both tables.
    """
    path = folder / FILE_NAME
    if not os.path.lexists(path):
        return None
    text = read_file(path, folder, TEXT_LIMIT)
    try:
        data = tomllib.loads(text.decode())
    except ValueError as error:
        raise InvalidOptionsError([f"can't read {path}: {error}"]) from None
    table = _table(data, "tool").get("go-to-wheel")
    settings = parse_settings({} if table is None else table)
    backend = _table(data, "build-system").get("build-backend")
    if "project" not in data:
        return Project(folder, settings, ours=backend == BACKEND)
    if table is None and backend not in (None, BACKEND):
        note = (
            f"{FILE_NAME} is for {backend}: its [project] table is not used "
            f"(to use it, add an empty [{TABLE}] table)"
        )
        return Project(folder, settings, note=note)
    return replace(_read_table(folder, data, settings), ours=backend == BACKEND)


def _table(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = data.get(name, {})
    if not isinstance(table, dict):
        raise InvalidOptionsError([f"{FILE_NAME}: [{name}] is not a table but {table!r}"])
    return table


def _read_table(folder: Path, data: Mapping[str, Any], settings: Settings) -> Project:
    table = _table(data, "project")
    if isinstance(table.get("license"), dict):
        raise InvalidOptionsError(
            [f"{FILE_NAME}: project.license is a table, the form before PEP 639"],
            "write license = 'MIT' (an SPDX expression) and license-files = ['LICENSE']",
        )
    readme, readme_file = _read_readme(folder, table)
    try:
        data = {**data, "project": {**table, **readme}}
        meta = StandardMetadata.from_pyproject(data, folder, all_errors=True)
    except Exception as error:  # noqa: BLE001 (a group, or whatever the library stumbles over)
        faults = [str(fault) for fault in getattr(error, "exceptions", (error,))]
        raise InvalidOptionsError([f"{FILE_NAME}: {fault}" for fault in faults]) from None
    groups = {"console_scripts": meta.scripts, "gui_scripts": meta.gui_scripts, **meta.entrypoints}
    paths = sorted(meta.license_files or ())
    licenses = tuple((path.as_posix(), read_text_file(folder / path, folder)) for path in paths)
    fields = _core_metadata(meta)
    texts = {key: fields.get(_NAMES.get(key, key.replace("-", "_"))) for key in _TEXTS}
    return Project(
        folder=folder,
        settings=settings,
        values={key: text for key, text in texts.items() if text and key not in meta.dynamic},
        dynamic=frozenset(meta.dynamic),
        readme=Readme(meta.readme.text, meta.readme.content_type or "") if meta.readme else None,
        readme_file=readme_file,
        license_files=licenses if meta.license_files is not None else None,
        lists={
            "classifiers": tuple(fields.get("classifier", ())),
            **{name: tuple(fields.get(name, ())) for name in _LISTS},
        },
        urls=dict(meta.urls),
        entry_points={group: dict(entries) for group, entries in groups.items() if entries},
    )


def _core_metadata(meta: StandardMetadata) -> dict[str, Any]:
    """The fields by their names in core metadata; a version is there even if it is dynamic."""
    fields = replace(meta, version=meta.version or Version("0"), dynamic=[]).as_json()
    for name in ("author_email", "maintainer_email"):
        if name in fields:  # pyproject-metadata calls people without a name so
            fields[name] = re.sub(r"(^|, )Unknown <([^<>]+)>", r"\1\2", str(fields[name]))
    return fields


def _read_readme(folder: Path, table: Mapping[str, Any]) -> tuple[dict[str, Any], Path | None]:
    """[project]'s readme with its text instead of its file, and that file.

    The library would follow links out of the project, and wait for pipes.
    """
    stated = table.get("readme")
    fields = {"file": stated} if isinstance(stated, str) else stated
    if not isinstance(fields, dict) or not isinstance(fields.get("file"), str):
        return {}, None
    file = folder / fields["file"]
    if not os.path.lexists(file):
        return {}, None  # the library says so
    readme = read_readme(file, folder, fields.get("content-type"))
    return {"readme": {"text": readme.text, "content-type": readme.content_type}}, file


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_text, value))


def _is_text_or_list(value: Any) -> bool:
    return _is_text(value) or _is_list(value)


def _is_tags(value: Any) -> bool:
    return _is_list(value) and all(re.fullmatch(r"[\w.]+", tag) for tag in value)


def _table_of(check: _Check) -> _Check:
    """The check of a table that is not empty."""
    return lambda value: isinstance(value, dict) and bool(value) and all(map(check, value.values()))


_is_table = _table_of(_is_text)


def _is_license(value: Any) -> bool:
    try:
        return _is_text(value) and bool(parse_license(value))
    except ValueError:
        return False


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


_VARIABLES = "a variable such as 'main.version', a list of them, or 'auto'"
_PATTERNS = "a list of patterns as in .gitignore"
_FLAG_NAMES = ("CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_LDFLAGS")
_FLAGS = dict.fromkeys(_FLAG_NAMES, _is_text)
_TARGET = {"ldflags": _is_text, "tags": _is_tags, "cgo-flags": _FLAGS}
_TARGET_NAMES = [target.name for target in TARGETS if len(target.slices) == 1]
_TARGETS = "tables with ldflags, tags or cgo-flags, one for a platform of `go-to-wheel platforms`"
#: What the values inside of tables should be.
_WORDS = {_is_text: "a text", _is_tags: "a list of build tags", _is_text_or_list: "a list of codes"}
_DATA_FILES = 'a table such as { "share/man/man1" = ["man/*.1"] }'
_LICENSES = 'a table such as { "example.com/module" = "MIT" }'
_CHECKS = dict.fromkeys(("select", "ignore"), _is_text_or_list)
#: Every key: what Settings calls it, its value's shape, and that shape in words.
KEYS: Mapping[str, tuple[str, _Shape, str]] = {
    "module": ("module", _is_text, "a folder"),
    "package": ("packages", _is_text_or_list, "a folder or a list of folders"),
    "commands": ("commands", _is_table, 'a table such as { tool = "./cmd/tool" }'),
    "entry-point": ("entry_point", _is_text, "a command's name"),
    "platforms": ("platforms", _is_text_or_list, "a list of platforms"),
    "launcher": ("launcher", _is_text, "'native' or 'python'"),
    "ldflags": ("ldflags", _is_text, "a text"),
    "tags": ("tags", _is_text_or_list, "a list of build tags"),
    "set-version-var": ("set_version_vars", _is_text_or_list, _VARIABLES),
    "set": ("set_values", _is_table, 'a table such as { "main.commit" = "{commit}" }'),
    "python-source": ("python_source", _is_text, "a folder"),
    "data-files": ("data_files", _table_of(_is_list), _DATA_FILES),
    "private": ("private", _is_list, "a list of commands"),
    "target": ("targets", dict.fromkeys(_TARGET_NAMES, _TARGET), _TARGETS),
    "tag-prefix": ("tag_prefix", _is_text, "what is in front of a tag's version"),
    "readme-links": ("readme_links", _is_switch, "true or false"),
    "licenses": ("licenses", _table_of(_is_license), _LICENSES),
    "cgo": ("cgo", _is_switch, "true or false"),
    "libc": ("libc", _is_text, "'musl' or 'glibc'"),
    "glibc": ("glibc", _is_text, "a version such as '2.28'"),
    "sdk": ("sdk", _is_text, "a folder with Apple's SDK"),
    "cgo-flags": ("cgo_flags", _FLAGS, f"a table of {', '.join(_FLAG_NAMES)}"),
    "vendor": ("vendor", _is_switch, "true or false"),
    "sdist-include": ("sdist_include", _is_list, _PATTERNS),
    "sdist-exclude": ("sdist_exclude", _is_list, _PATTERNS),
    "check": ("check", _CHECKS, "a table with select and ignore, lists of codes"),
}


def _unknown_key(place: str, key: str, known: Collection[str]) -> str:
    close = get_close_matches(key, known, 1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return f"{FILE_NAME}: [{place}] has no key {key!r}{meant}"


def _shape_faults(place: str, value: Any, shape: _Shape, words: str) -> Iterator[str]:
    """What is wrong with a value, or with those in a table."""
    if callable(shape):
        if not shape(value):
            yield f"{FILE_NAME}: {place} = {value!r} should be {words}"
    elif not isinstance(value, dict) or not value:
        yield f"{FILE_NAME}: {place} = {value!r} should be {words}"
    else:
        for key, inner in value.items():
            if key not in shape:
                yield _unknown_key(place, key, shape)
                continue
            below = shape[key]
            words = _WORDS[below] if callable(below) else f"a table of {', '.join(below)}"
            yield from _shape_faults(f"{place}.{key}", inner, below, words)


def parse_settings(table: Any) -> Settings:
    """The [tool.go-to-wheel] table's values, checked for their shape.

    Raises InvalidOptionsError naming every key that is unknown or has a wrong value.
    """
    if not isinstance(table, dict):
        raise InvalidOptionsError([f"{FILE_NAME}: [{TABLE}] is not a table"])
    faults: list[str] = []
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in KEYS:
            faults.append(_unknown_key(TABLE, key, KEYS))
            continue
        attribute, shape, words = KEYS[key]
        faults += _shape_faults(f"{TABLE}.{key}", value, shape, words)
        if shape is _is_text_or_list and isinstance(value, str):
            values[attribute] = tuple(part.strip() for part in value.split(","))
        else:
            values[attribute] = tuple(value) if isinstance(value, list) else value
    if "packages" in values and "commands" in values:
        faults.append(f"{FILE_NAME}: {TABLE} has both package and commands; write one of them")
    if faults:
        raise InvalidOptionsError(faults, f"its keys are: {', '.join(KEYS)}")
    return Settings(**values)
