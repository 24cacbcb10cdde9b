"""A project's pyproject.toml: its [project] table and its [tool.go-to-wheel] settings.

[project] is read by `pyproject-metadata`, which knows the rules (PEP 621, PEP 639). It
counts only in a file that is about this build: one with a [tool.go-to-wheel] table, with
our build backend, or with no build backend at all.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
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
#: [project]'s texts, each with its key, and lists.
TEXTS = {name: name for name in ("name", "version", "description", "license")} | {
    "requires_python": "requires-python",
    **dict.fromkeys(("author", "author_email"), "authors"),
    **dict.fromkeys(("maintainer", "maintainer_email"), "maintainers"),
}
_LISTS = ("classifiers", "keywords", "requires_dist", "provides_extra")
#: Those that core metadata has other names for.
_NAMES = {"description": "summary", "license": "license_expression", "classifiers": "classifier"}
#: Shapes of values as `_fits` reads them.
_LIST = (str, [str])
_FLAGS = dict.fromkeys(("CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_LDFLAGS"), str)
_TARGET = {"ldflags": str, "tags": [re.compile(r"[\w.]+").fullmatch], "cgo-flags": _FLAGS}
_TARGETS = {target.name: _TARGET for target in TARGETS if len(target.slices) == 1}
_CODES = {"select": _LIST, "ignore": _LIST}
#: And in words.
_VARIABLES = "a variable such as 'main.version', a list of them, or 'auto'"
_VALUES = 'a table such as { "main.commit" = "{commit}" }'
_PATTERNS = "a list of patterns as in .gitignore"
_TABLES = "tables with ldflags, tags or cgo-flags, one for a platform of `go-to-wheel platforms`"
_DATA_FILES = 'a table such as { "share/man/man1" = ["man/*.1"] }'
_LICENSES = 'a table such as { "example.com/module" = "MIT" }'


def _key(shape: Any, words: str, default: Any = None) -> Any:
    """A key with its value's shape, and that shape in words."""
    return field(default_factory=lambda: default, metadata={"shape": shape, "words": words})


@dataclass(frozen=True)
class Settings:
    """The [tool.go-to-wheel] table. Folders are relative to pyproject.toml's own.

    `commands` maps each command's name to its package; `package` has packages that name
    their commands themselves; `private` commands are not on PATH. `data_files` maps folders
    of the environment to patterns, `target` targets' names to "ldflags", "tags", "cgo-flags".
    """

    module: str | None = _key(str, "a folder")
    package: tuple[str, ...] = _key(_LIST, "a folder or a list of folders", ())
    commands: Mapping[str, str] = _key({"*": str}, 'a table such as { tool = "./cmd/tool" }', {})
    entry_point: str | None = _key(str, "a command's name")
    platforms: tuple[str, ...] = _key(_LIST, "a list of platforms", ())
    launcher: str | None = _key(str, "'native' or 'python'")
    ldflags: str | None = _key(str, "a text")
    tags: tuple[str, ...] = _key(_LIST, "a list of build tags", ())
    set_version_var: tuple[str, ...] = _key(_LIST, _VARIABLES, ())
    set_values: Mapping[str, str] = _key({"*": str}, _VALUES, {})
    python_source: str | None = _key(str, "a folder")
    data_files: Mapping[str, Sequence[str]] = _key({"*": [str]}, _DATA_FILES, {})
    private: tuple[str, ...] = _key([str], "a list of commands", ())
    target: Mapping[str, Mapping[str, Any]] = _key(_TARGETS, _TABLES, {})
    tag_prefix: str | None = _key(str, "what is in front of a tag's version")
    readme_links: bool = _key(bool, "true or false", True)
    licenses: Mapping[str, str] = _key({"*": parse_license}, _LICENSES, {})
    cgo: bool = _key(bool, "true or false", False)
    libc: str | None = _key(str, "'musl' or 'glibc'")
    glibc: str | None = _key(str, "a version such as '2.28'")
    sdk: str | None = _key(str, "a folder with Apple's SDK")
    cgo_flags: Mapping[str, str] = _key(_FLAGS, f"a table of {', '.join(_FLAGS)}", {})
    vendor: bool = _key(bool, "true or false", False)
    sdist_include: tuple[str, ...] = _key([str], _PATTERNS, ())
    sdist_exclude: tuple[str, ...] = _key([str], _PATTERNS, ())
    check: Mapping[str, Any] = _key(_CODES, "a table with select and ignore, lists of codes", {})


#: The settings by their keys in pyproject.toml.
KEYS = {item.name.removesuffix("_values").replace("_", "-"): item for item in fields(Settings)}
_SHAPES = {key: item.metadata["shape"] for key, item in KEYS.items()}
_WORDS = {key: item.metadata["words"] for key, item in KEYS.items()}
_WORDS |= dict.fromkeys(_CODES, "a list of codes") | dict.fromkeys(_FLAGS, "a text")


@dataclass(frozen=True)
class Project:
    """A pyproject.toml in `folder`.

    `values` are the texts of [project] by their names in a request, `dynamic` the fields
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
    lists: Mapping[str, list[str]] = field(default_factory=dict)
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
    project = Project(folder, settings, ours=backend == BACKEND)
    if "project" not in data:
        return project
    if table is None and backend not in (None, BACKEND):
        note = (
            f"{FILE_NAME} is for {backend}: its [project] table is not used "
            f"(to use it, add an empty [{TABLE}] table)"
        )
        return replace(project, note=note)
    return _with_table(project, data)


def _table(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = data.get(name, {})
    if not isinstance(table, dict):
        raise InvalidOptionsError([f"{FILE_NAME}: [{name}] is not a table but {table!r}"])
    return table


def _with_table(project: Project, data: Mapping[str, Any]) -> Project:
    folder, table = project.folder, _table(data, "project")
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
    texts = {name: fields.get(_NAMES.get(name, name)) for name in TEXTS}
    return replace(
        project,
        values={n: text for n, text in texts.items() if text and TEXTS[n] not in meta.dynamic},
        dynamic=frozenset(meta.dynamic),
        readme=Readme(meta.readme.text, meta.readme.content_type or "") if meta.readme else None,
        readme_file=readme_file,
        license_files=licenses if meta.license_files is not None else None,
        lists={name: fields.get(_NAMES.get(name, name), []) for name in _LISTS},
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


def _fits(value: Any, shape: Any) -> bool:
    """Whether a value has a shape: a type, [shape], {"*": shape}, one of several, or a parser's.

    Texts, lists and tables must not be empty.
    """
    match shape:
        case tuple():
            return any(_fits(value, choice) for choice in shape)
        case list():
            return isinstance(value, list) and bool(value) and all(_fits(v, *shape) for v in value)
        case dict():
            values = value.values() if isinstance(value, dict) else ()
            return bool(values) and all(_fits(part, shape["*"]) for part in values)
        case type():
            return isinstance(value, shape) and bool(shape is bool or str(value).strip())
    try:
        return _fits(value, str) and bool(shape(value))
    except ValueError:
        return False


def _faults(place: str, value: Any, shape: Any, words: str) -> Iterator[str]:
    """What is wrong with a value, or with those in a table of certain keys."""
    if not isinstance(shape, dict) or "*" in shape or not value or not isinstance(value, dict):
        if not _fits(value, shape):
            yield f"{FILE_NAME}: {place} = {value!r} should be {words}"
        return
    for key, inner in value.items():
        if key in shape:
            words = _WORDS.get(key, f"a table of {', '.join(_TARGET)}")
            yield from _faults(f"{place}.{key}", inner, shape[key], words)
        else:
            close = get_close_matches(key, shape, 1)
            meant = f"; did you mean {close[0]!r}?" if close else ""
            yield f"{FILE_NAME}: [{place}] has no key {key!r}{meant}"


def parse_settings(table: Any) -> Settings:
    """The [tool.go-to-wheel] table's values, checked for their shape.

    Raises InvalidOptionsError naming every key that is unknown or has a wrong value.
    """
    if not isinstance(table, dict):
        raise InvalidOptionsError([f"{FILE_NAME}: [{TABLE}] is not a table"])
    faults = [*_faults(TABLE, table, _SHAPES, "")] if table else []
    if "package" in table and "commands" in table:
        faults.append(f"{FILE_NAME}: {TABLE} has both package and commands; write one of them")
    if faults:
        raise InvalidOptionsError(faults, f"its keys are: {', '.join(KEYS)}")
    values: dict[str, Any] = {}
    for key, value in table.items():
        if _SHAPES[key] is _LIST and isinstance(value, str):
            value = [part.strip() for part in value.split(",")]
        values[KEYS[key].name] = tuple(value) if isinstance(value, list) else value
    return Settings(**values)
